"""Which statements verify does not run, because what they do is not gone when the database is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import MigrationFailed

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.verify.stage import Stage

_FILES = ("lo_import", "lo_export", "pg_file_", "pg_logdir_ls", "pg_ls_", "pg_read_", "pg_stat_file")
_SLOTS = ("pg_copy_logical_", "pg_copy_physical_", "pg_create_logical_", "pg_create_physical_")
#: Without one of these words in its text no statement is looked at.
_MARKS = (b"copy", b"lo_", b"pg_", b"database", b"tablespace", b"system")
#: Every server has these from the start: https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
_NEEDED = frozenset({"postgres", "template0", "template1"})
_COPIES = {
    "COPY with a program of the server": "COPY … PROGRAM runs a command",
    "COPY with a file of the server": "COPY reads or writes a file",
}


def refused(stage: Stage, migration: Migration, section: Section) -> MigrationFailed | None:
    """Return the error for the first statement of `section` that reaches out of the database; None when none does.

    Files and programs of the server's machine are refused everywhere; other databases and the server's configuration
    are, unless the server is one of ours, which nobody else uses. What a computed EXECUTE does is not seen here.
    """
    lowered = migration.data[section.span.start : section.span.end].lower()
    if not any(mark in lowered for mark in _MARKS):
        return None
    own_server = not isinstance(stage.server, str)
    for change in read_section(section, migration.data):
        what = _outside(change, own_server=own_server)
        if what and change.statement.inside != "function":
            line = migration.position(change.span.start)[0]
            return MigrationFailed(
                f"{migration.path_at(change.span.start)}: line {line} was not run: {what}.",
                "Leave that to whoever runs the server, or exclude the migration from verify.",
                span=change.statement.span,
                sqlstate="42501",
                detail=f"it was not run, because {what}",
            )
    return None


def changes_the_server(migration: Migration, section: Section) -> bool:
    """Whether a section changes what the databases of a server share, so that a copy of one is not apart from it."""
    changes = read_section(section, migration.data)
    return any(isinstance(change, ch.AlterSystem | ch.GrantRole | ch.Role) or _drops_role(change) for change in changes)


def _drops_role(change: ch.Change) -> bool:
    return isinstance(change, ch.Drop) and change.kind == "role"


def _outside(change: ch.Change, *, own_server: bool) -> str:
    if isinstance(change, ch.Call):
        bare = change.name.rpartition(".")[2]
        return f"{bare} reaches the files of the server's own machine" if bare.startswith(_FILES) else ""
    if isinstance(change, ch.ReadRows) and not own_server:
        made = [name for name in change.functions if name.rpartition(".")[2].startswith(_SLOTS)]
        return f"{made[0]} makes a replication slot, for which your server would keep its WAL" if made else ""
    if isinstance(change, ch.Opaque):
        copies = _COPIES.get(change.what)
        return f"{copies} on the server's own machine" if copies else ""
    if isinstance(change, ch.AlterSystem):
        if not own_server:
            return f"{change.what} reaches beyond the database that verify made on your server"
        if change.what == "DROP DATABASE" and change.statement.node["dbname"] in _NEEDED:
            return "verify itself needs that database"
    return ""
