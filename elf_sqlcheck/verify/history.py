"""Where a verification may begin: after the migrations that an earlier run has applied already."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

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
        _installation(),
        options.profile,
        options.auto_expose,
        sorted({migration.layout for migration in ordered}),
    )
    digest = hashlib.sha256(repr(beginning).encode())
    found = [digest.hexdigest()]
    for migration in before:
        names = [(os.path.basename(path), start) for path, start in migration.files or ((migration.path, 0),)]
        lengths = len(migration.settings), len(migration.data)
        digest.update(repr((migration.layout, migration.version, names, lengths)).encode())
        digest.update(migration.settings)
        digest.update(migration.data)
        found.append(digest.hexdigest())
    return found


def _installation() -> list[tuple[str, int, int]]:
    """What tells this version of ours from any other: asking for its number takes longer than to look at the files."""
    home = os.path.dirname(os.path.dirname(__file__))
    files = [
        entry
        for part in ("postgres", "shared", "verify")
        for entry in os.scandir(os.path.join(home, part))
        if entry.name.endswith(".py")
    ]
    return sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files)
