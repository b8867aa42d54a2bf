"""Where a verification may begin: after the migrations that an earlier run has applied already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck import fingerprint
from elf_sqlcheck.postgres.saved import SavedStates
from elf_sqlcheck.verify.outlines import Outlines

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.saved import State
    from elf_sqlcheck.verify.options import Options

#: A state is kept when what made it took longer than this, in seconds: about what it takes to copy it.
WORTH_KEEPING = 0.3


def states(ordered: Sequence[Migration], only: Container[str] | None, options: Options) -> SavedStates | None:
    """Return the states that the migrations before the first judged one may have left; None when there is no such."""
    first = next((n for n, one in enumerate(ordered) if only is None or any(path in only for path in one.paths)), 0)
    if not first:
        return None

    def is_ours(state: State) -> bool:
        return Outlines(ordered, state.told).named_roles() == list(state.named)

    return SavedStates(digests(ordered[:first], ordered, options), first, is_ours)


def digests(before: Sequence[Migration], ordered: Sequence[Migration], options: Options) -> list[str]:
    """Return what tells the first 0, 1, 2, … migrations of `before` from any others, and from another beginning.

    All of `ordered` decide which tables of tools are there before the first. Which roles are there they decide, too,
    but those are kept with the state: here nothing is asked for which a migration must be read.
    """
    beginning = (
        fingerprint.installation("postgres", "shared", "verify"),
        options.profile,
        options.auto_expose,
        options.teams,
        sorted({migration.layout for migration in ordered}),
    )
    return [*fingerprint.digests(beginning, [*map(fingerprint.told, before)]).values()]
