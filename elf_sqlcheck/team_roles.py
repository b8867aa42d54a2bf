"""Lets migrations of a team run as the role of that team, where the server has it.

What a migration does is looked at before: one that says SET ROLE or the like would leave its role. Not seen is a text
that EXECUTE puts together, and what functions do that were there before; afterwards the role is looked at, but one that
changed it twice goes unnoticed. Nothing of that is left to somebody who deploys with a login that is a member of the
teams' roles and may do nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import bodies, changes
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.acting import OURSELVES, Ourselves, TeamRole
from elf_sqlcheck.teams import role_of, schemas_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.teams import Team

_SETTINGS = frozenset({"role", "session_authorization"})


class TeamRoles:
    """Says as whom a section runs on the server of `executor`; `teams` are those of the configuration."""

    def __init__(self, executor: SupabaseExecutor, teams: Mapping[str, Team]) -> None:
        self._executor = executor
        self._teams = teams

    def __call__(self, migration: Migration, section: Section) -> Ourselves:
        """Return the role of the migration's team, if it has one.

        Raises:
            MigrationFailed: The section would leave the role; nothing of it was run.
            DatabaseError: The server refused to say which roles there are.
        """
        if not migration.team:
            return OURSELVES
        name = role_of(migration.team, self._teams)
        found = self._executor.query("SELECT true FROM pg_catalog.pg_roles WHERE rolname = %s", (name,))
        if not found:
            self._executor.note(
                f"{migration.name}: the server has no role {name}, so nothing keeps it to what is team "
                f"{migration.team}'s"
            )
            return OURSELVES
        _refuse_leaving(migration, section, name)
        return TeamRole(migration.team, name, schemas_of(migration.team, self._teams))


def _refuse_leaving(migration: Migration, section: Section, name: str) -> None:
    for change in _all_changes(migration, section):
        setting = _leaves(change)
        if setting:
            line = migration.position(change.span.start)[0]
            raise MigrationFailed(
                f"{migration.path_at(change.span.start)}:{line}: {section.name.upper()} was not run: it is a migration "
                f"of team {migration.team}, which runs as {name} here, and this sets {setting} to another one.",
                "Leave it out. What needs other rights goes into a migration without a Team header.",
                span=change.span,
                sqlstate="42501",
            )


def _leaves(change: Change) -> str:
    """The setting by which a change leaves the role of the session, "" for none."""
    if isinstance(change, changes.SetSetting):
        return change.name if change.name in _SETTINGS else ""
    if isinstance(change, (changes.CreateFunction, changes.AlterFunction)):
        return next((name for name, _ in change.settings if name in _SETTINGS), "")
    return ""


def _all_changes(migration: Migration, section: Section) -> Iterator[Change]:
    """What a section does, and what the DO blocks and functions do that stand in it."""
    for change in read_section(section, migration.data):
        yield change
        if isinstance(change, changes.Do):
            yield from bodies.do_block(change, migration.data)
        elif isinstance(change, changes.CreateFunction):
            yield from bodies.called_body(change, migration.data)
