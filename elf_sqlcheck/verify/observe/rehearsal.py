"""A rehearsal: statements are run in a transaction that is rolled back, with a look at the locks after each of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.locks import Relation, Sight, ground, read_sight, relations, sight_of
from elf_sqlcheck.postgres.sequences import positions, put_back
from elf_sqlcheck.shared.transaction import roll_back_if_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from elf_sqlcheck.model import Migration, Statement

#: Statements that read or change rows, by a plan.
PLANNED = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt"})
#: Statements that may run anybody's functions and defaults, and so move sequences on.
RUN_CODE = PLANNED | {"CallStmt", "CopyStmt", "CreateTableAsStmt", "DoStmt", "ExecuteStmt", "RefreshMatViewStmt"}
_LOOK = b"\n;EXECUTE elf_sight;"
_END = b"ROLLBACK;DEALLOCATE elf_sight"


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed: one of `sights` before the first statement, and one after each that was carried out.

    `relations` are those of the relations seen that were there before; `scans` how often each had been read until then,
    where that is not 0. `refused` is the SQLSTATE of the error that
    ended it, "" for none.
    """

    sights: list[Sight] = field(default_factory=list)
    relations: dict[int, Relation] = field(default_factory=dict)
    scans: dict[int, int] = field(default_factory=dict)
    refused: str = ""


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

    before = positions(connection) if any(_moves_sequences(migration, one) for one in statements) else {}
    start = ground(connection)
    # A query without parameters is planned once: planning takes longer than looking. And it is prepared by itself, so
    # that pg_stat_activity shows the migration, of which it keeps the beginning.
    connection.execute(b"PREPARE elf_sight AS" + sight_of(start.newest))
    text = b"BEGIN;" + first + _LOOK + b"".join(_watched(migration, one) for one in statements) + _END
    results = _send(connection, text)
    refused = _sqlstate(results)
    if refused:
        roll_back_if_open(connection)
        with contextlib.suppress(errors.InvalidSqlStatementName):  # the migration may have done it already
            connection.execute(b"DEALLOCATE elf_sight")
    sights = [sight for sight in map(read_sight, results) if sight]
    seen = {oid for sight in sights for oid in sight.relations}
    seen |= {one.table for sight in sights for one in sight.relations.values() if one.table}
    put_back(connection, before, seen)
    return Rehearsal(sights, relations(connection, seen) if seen else {}, start.scans, refused)


def _watched(migration: Migration, statement: Statement) -> bytes:
    text = migration.data[statement.span.start : statement.span.end]
    if statement.kind not in PLANNED:
        return text + _LOOK
    # The plan for a hundred rows reads them all, where that for a million, which it stands for, takes an index.
    return b"SET LOCAL enable_seqscan = off;" + text + _LOOK + b"SET LOCAL enable_seqscan = on;"


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
