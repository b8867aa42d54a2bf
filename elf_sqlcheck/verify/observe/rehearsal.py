"""A rehearsal: statements are run in a transaction that is rolled back, with a look at the locks after each of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.locks import Relation, Sight, ground, read_sight, relations, sight_of
from elf_sqlcheck.postgres.sequences import functions_move_them, positions, put_back
from elf_sqlcheck.shared.transaction import roll_back_if_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.postgres.sequences import Positions

#: Statements that read or change rows, by a plan.
PLANNED = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt"})
#: Statements that may run anybody's functions and defaults, and so move sequences on.
RUN_CODE = PLANNED | {"CallStmt", "CopyStmt", "CreateTableAsStmt", "DoStmt", "ExecuteStmt", "RefreshMatViewStmt"}
_LOOK = b"EXECUTE elf_sight"
#: What Postgres says when the migration itself has done away with the prepared look (DEALLOCATE ALL).
_FORGOTTEN = "26000"


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed: one of `sights` before the first statement, and one after each that was carried out.

    `relations` are those of the relations seen that were there before; `scans` how often each had been read until then,
    where that is not 0; `stood` where sequences stood, if any could move. `refused` is the SQLSTATE of the error that
    ended it, "" for none.
    """

    sights: list[Sight] = field(default_factory=list)
    relations: dict[int, Relation] = field(default_factory=dict)
    scans: dict[int, int] = field(default_factory=dict)
    refused: str = ""
    stood: Positions = field(default_factory=dict)

    def put_back(self, connection: Connection[dict[str, Any]]) -> None:
        """Set sequences to where they were before, when the same statements may have moved them."""
        put_back(connection, self.stood, self.relations)


def rehearse(
    connection: Connection[dict[str, Any]],
    migration: Migration,
    statements: Sequence[Statement],
    first: bytes = b"",
) -> Rehearsal:
    """Run the statements in one transaction and roll it back; `first` is what we do in it before we look.

    Sequences are put back to where they were. What the server refuses ends the rehearsal without a word, since the
    migration itself will meet it.

    Raises:
        psycopg.OperationalError: The connection was lost.
    """
    from psycopg import errors

    moving = any(_moves_sequences(migration, one) for one in statements) or functions_move_them(connection)
    stood = positions(connection) if moving else {}
    start = ground(connection)
    sight = sight_of(start.newest, connection.info.server_version)
    # A query without parameters is planned once: planning takes longer than looking. And it is prepared by itself, so
    # that pg_stat_activity shows the migration, of which it keeps the beginning.
    connection.execute(b"PREPARE elf_sight AS" + sight)
    results = _run(connection, _watched(migration, statements, first, _LOOK))
    if _sqlstate(results) == _FORGOTTEN:
        results = _run(connection, _watched(migration, statements, first, sight))
    with contextlib.suppress(errors.InvalidSqlStatementName):
        connection.execute(b"DEALLOCATE elf_sight")
    sights = [sight for sight in map(read_sight, results) if sight]
    seen = {oid for sight in sights for oid in sight.relations}
    seen |= {one.table for sight in sights for one in sight.relations.values() if one.table}
    older = relations(connection, seen) if seen else {}
    shown = Rehearsal(sights, older, start.scans, _sqlstate(results), stood)
    shown.put_back(connection)
    return shown


def _watched(migration: Migration, statements: Sequence[Statement], first: bytes, look: bytes) -> bytes:
    """The text to send: a look before the first statement, and one after each."""
    parts = [b"BEGIN;" + first, look]
    for statement in statements:
        text = migration.data[statement.span.start : statement.span.end]
        # The plan for a hundred rows reads them all, where that for a million, which it stands for, takes an index.
        planned = statement.kind in PLANNED
        parts.append(b"SET LOCAL enable_seqscan = off;" + text if planned else text)
        parts.append(look + b";SET LOCAL enable_seqscan = on" if planned else look)
    return b"\n;".join([*parts, b"ROLLBACK"])


def _run(connection: Connection[dict[str, Any]], text: bytes) -> list[PGresult]:
    results = _send(connection, text)
    roll_back_if_open(connection)
    return results


def _moves_sequences(migration: Migration, statement: Statement) -> bool:
    if statement.kind in RUN_CODE:
        return True
    text = migration.data[statement.span.start : statement.span.end].lower()
    return b"nextval" in text or b"setval" in text


def _send(connection: Connection[dict[str, Any]], text: bytes) -> list[PGresult]:
    """Send several statements at once; returns an answer for each up to the first that is refused."""
    from psycopg import generators

    connection.pgconn.send_query(text)
    return list(connection.wait(generators.execute(connection.pgconn)))


def _sqlstate(results: Iterable[PGresult]) -> str:
    from psycopg.pq import DiagnosticField

    *_, last = results
    return (last.error_field(DiagnosticField.SQLSTATE) or b"").decode()
