"""What has to be right before anything is run: the rules, and executed files that nobody has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.cli.migrate_status import changed
from elf_sqlcheck.migrate.history import by_hand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.cli.migrate import Session
    from elf_sqlcheck.migrate.history import State
    from elf_sqlcheck.model import Migration


def refuse_changed(migrations: Sequence[Migration], states: Mapping[str, State]) -> None:
    """Raise UsageError when an executed migration is no longer what was executed."""
    found = changed(migrations, states)
    if found:
        files = ", ".join(migration.path for migration in found)
        raise UsageError(
            f"Changed after it was executed: {files}. The database does not have what the file says now.",
            "Restore the file and put the change into a new migration (`elf-migrate create`); or, when only the text "
            "differs and not what it makes, go on with --skip-validation.",
        )
