"""All migrations that are known: those that have a file, and those that only the database remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError, closest
from elf_sqlcheck.migrate import plan
from elf_sqlcheck.migrate.history import State
from elf_sqlcheck.model import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elf_sqlcheck.migrate.history import History
    from elf_sqlcheck.model import Migration


class Known:
    """The files and the states of one moment.

    `files` and `states` go by version. Raises DatabaseError when the server refuses, as all that asks it does.
    """

    def __init__(self, history: History, migrations: Sequence[Migration]) -> None:
        self.files = {migration.version: migration for migration in migrations}
        self.states = history.read()
        self._history = history
        self._kept: dict[str, Migration | None] = {}

    @property
    def standing(self) -> list[str]:
        """The versions of which something is in the database: all of it, or a part."""
        return [
            version
            for version, state in self.states.items()
            if state.status == "completed" or (state.status in ("running", "failed") and is_partial(state))
        ]

    def migration(self, version: str) -> Migration | None:
        """The migration by its file, else as it was applied; None when neither is there."""
        return self.files.get(version) or self.kept(version)

    def kept(self, version: str) -> Migration | None:
        """The migration as it was applied; None when that has not been kept, or it never was."""
        if version not in self._kept:
            state = self.states.get(version)
            self._kept[version] = self._history.kept(state) if state else None
        return self._kept[version]

    def find(self, name: str) -> State:
        """How the migration stands that is called `name`: a version, a full name, or its file.

        Raises:
            UsageError: There is none; names the nearest one.
        """
        for state in self.states.values():
            if name.strip() in (state.version, state.name):
                return state
        try:
            migration = plan.find(self.files.values(), name)
        except UsageError as error:
            known = [word for state in self.states.values() for word in (state.version, state.name)]
            near = closest(name.strip(), known, 0.5)
            raise UsageError(error.message, f"Did you mean {near}?" if near else error.remedy) from None
        return self.states.get(migration.version) or unseen(migration)

    def order(self, version: str) -> tuple[bool, tuple[int, ...], str, str]:
        """What versions are sorted by."""
        file = self.files.get(version)
        return file.order if file else (False, numbers_of(version), version, self.states[version].name)

    def in_order(self, versions: Iterable[str]) -> list[str]:
        """The versions, oldest first."""
        return sorted(versions, key=self.order)


def is_partial(state: State) -> bool:
    """Whether a part of UP, which does not run in one transaction, has been carried out, or may have been."""
    progress = state.progress
    return progress is not None and progress.section == "up" and (progress.statements > 0 or state.status == "running")


def unseen(migration: Migration) -> State:
    """The state of a migration that the database knows nothing of."""
    return State(migration.version, migration.name, "pending", "", "", None, None, "", is_ours=True, progress=None)
