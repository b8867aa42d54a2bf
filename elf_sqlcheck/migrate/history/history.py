"""Reads and writes the tracking tables over an executor's connection."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.migrate.history import chain, events, state, supabase, tables, texts
from elf_sqlcheck.shared.calls import Prepared

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.pq.abc import Escaping

    from elf_sqlcheck.errors import DatabaseError
    from elf_sqlcheck.migrate.history.chain import Checked
    from elf_sqlcheck.migrate.history.state import State
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import SupabaseExecutor

    #: A migration and its section; the name under which its command is prepared, how, and its values but the first.
    Foreseen = tuple[Migration, Section, str, bytes, bytes]


class History:
    """The tracking tables of one database; every method raises DatabaseError when the server refuses.

    Args:
        executor: Says which database.
        supabase: Whether Supabase's own history is kept in step, where it is there.
    """

    def __init__(self, executor: SupabaseExecutor, *, supabase: bool = True) -> None:
        self._executor = executor
        self._theirs: bool | None = None if supabase else False
        self._foreseen: Foreseen | None = None
        # So that no migration can have prepared another command under that name.
        self._token = os.urandom(6).hex()

    def prepare(self) -> None:
        """Make the tables, or complete those of an older elf-migrate; safe to repeat.

        Raises UsageError when the tables belong to another tool.
        """
        tables.prepare(self._executor)

    def untouched(self) -> str:
        """Return a statement that fails in the transaction of a migration that has changed the history itself."""
        return tables.untouched(self._executor)

    def read(self) -> dict[str, State]:
        """Return the state of each version that the database knows; changes nothing, and {} when there are no tables.

        Raises UsageError when the tables belong to another tool, or this user does not see all of their rows.
        """
        return state.read(self._executor)

    def closing(
        self, connection: Connection[dict[str, Any]], migration: Migration, section: Section, ms: float
    ) -> bytes:
        """Return the command that writes that a section was carried out, to be sent in its transaction."""
        from psycopg import ClientCursor

        return ClientCursor(connection).mogrify(*self._carried_out(migration, section, ms)).encode()

    def prepared(
        self, connection: Connection[dict[str, Any]], migration: Migration, section: Section, ms: float
    ) -> Prepared:
        """Return the same command as one that is prepared once a session; `ms` have gone by before it is sent."""
        foreseen = self._foreseen
        if foreseen is None or foreseen[0] is not migration or foreseen[1] is not section:
            foreseen = self.foresee(connection, migration, section)
        name, definition, values = foreseen[2:]
        return Prepared(name, definition, b"EXECUTE %s (%.3f%s)" % (name.encode(), ms, values))

    def foresee(self, connection: Connection[dict[str, Any]], migration: Migration, section: Section) -> Foreseen:
        """Make ready what `prepared` is going to be asked for next, for which there may be time now."""
        from psycopg.pq import Escaping

        statement, values = self._carried_out(migration, section, 0)
        text, names = events.numbered(statement)
        name = f"elf_migrate_{section.name}_{self._token}"
        escaping = Escaping(connection.pgconn)
        given = b"".join([b", " + _literal(escaping, values[name]) for name in names])
        self._foreseen = migration, section, name, f"PREPARE {name} AS {text}".encode(), given
        return self._foreseen

    def failed(self, migration: Migration, section: Section, ms: float, error: DatabaseError) -> None:
        """Write that a section failed. A DOWN that fails leaves the migration as applied as it was."""
        self._executor.query(*events.failed(migration, section, ms, error))

    def reached(
        self, migration: Migration, section: Section, statements: int, mark: str, *, begun: bool = False
    ) -> None:
        """Write how far a section got that runs in more than one piece, and whether the next one is `begun`."""
        if section.name == "up" and statements == 0:
            self._executor.query(events.RUNNING, events.row(migration, "running"))
        progress = json.dumps({"section": section.name, "statements": statements, "mark": mark, "begun": begun})
        self._executor.query(events.REACHED, {"progress": progress, "version": migration.version})

    def adopt(self, migration: Migration, reason: str = "") -> None:
        """Write that a migration counts as applied without having been run: what it makes was there before."""
        self._settle(migration, "completed", "adopt", reason)

    def accept(self, migration: Migration, reason: str = "the checksum was an older elf-migrate's") -> None:
        """Take the file as it is now for what was executed."""
        self._executor.query(*events.accepted(migration, reason))

    def mark(self, version: str, status: str, reason: str) -> None:
        """Set a status by decision of a person, of a version that the database knows."""
        theirs = status not in ("completed", "skipped") and self._keeps_theirs()
        self._executor.query(*events.marked(version, status, "mark", reason, theirs=theirs))

    def settle(self, migration: Migration, status: str, reason: str) -> None:
        """Set a status, "completed" or "skipped", by decision of a person: `migration` is what it is about."""
        self._settle(migration, status, "mark", reason)

    def forget(self, version: str, reason: str) -> None:
        """Know a version no longer, as if it had never been here; its events stay."""
        forgotten = {"forgotten": True}
        theirs = self._keeps_theirs()
        written = events.marked(version, "skipped", "forget", reason, metadata=forgotten, theirs=theirs)
        self._executor.query(*written)

    def note(self, state: State, action: str, reason: str, about: dict[str, Any]) -> None:
        """Write down what was done about a migration, with details `about` it; it stands as it stood."""
        self._executor.query(*events.noted(state, action, reason, about))

    def set_by_hand(self) -> dict[str, str]:
        """Return the versions whose status somebody set without elf-migrate, and the status that each had before."""
        return {row["version"]: row["left"] for row in chain.set_by_hand(self._executor)}

    def kept(self, known: State) -> Migration | None:
        """Return a migration as it was applied, whatever became of its file; None when an older tool applied it."""
        rows = self._executor.query(
            "SELECT version, sql, facts FROM public.migration_texts WHERE version = %s AND digest = %s",
            (known.version, known.text),
        ) if known.text else []  # fmt: skip
        return texts.restored(rows[0]) if rows else None

    def check(self, expected: str = "") -> Checked:
        """Look for events that were changed or taken out; `expected` is a hash that an earlier run printed.

        Raises UsageError when `expected` is no such hash, or the tables belong to another tool.
        """
        if expected and (len(expected) < 8 or not set(expected) <= set("0123456789abcdef")):
            raise UsageError(f"{expected} is no hash of an event.", "A run prints it as `history: …`.")
        return chain.check(self._executor, expected)

    def head(self) -> str:
        """Return the hash of the newest event, "" when there is none."""
        return chain.head(self._executor)

    def _carried_out(self, migration: Migration, section: Section, ms: float) -> events.Written:
        status = "completed" if section.name == "up" else "rolled_back"
        return events.carried_out(migration, section, ms, status=status, theirs=self._keeps_theirs())

    def _keeps_theirs(self) -> bool:
        if self._theirs is None:
            self._theirs = supabase.is_kept(self._executor)
        return self._theirs

    def _settle(self, migration: Migration, status: str, action: str, reason: str) -> None:
        theirs = self._keeps_theirs()
        written = events.carried_out(
            migration, migration.up, 0, status=status, action=action, reason=reason, theirs=theirs
        )
        self._executor.query(*written)


def _literal(escaping: Escaping, value: object) -> bytes:
    """A parameter of a statement of `events`; psycopg would look at each value's type, for ten times as long."""
    if isinstance(value, str):
        return escaping.escape_literal(value.encode())
    if isinstance(value, list):
        return b"ARRAY[%s]::text[]" % b", ".join([_literal(escaping, one) for one in value])
    return b"NULL" if value is None else str(value).encode()
