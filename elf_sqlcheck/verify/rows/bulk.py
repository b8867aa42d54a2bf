"""Many rows at once: one session makes them, another copies them in, and builds the indexes when all are there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.verify.rows.values import identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.rows.recipe import Batch, Recipe

    Write = Callable[[Recipe, Batch], int]

#: With no more rows than these, what comes before and after costs more than it saves.
MANY = 10_000
#: Bytes that are passed on together: a row at a time would be a system call for each.
_TOGETHER = 1 << 16
_SET_ASIDE = "UPDATE pg_catalog.pg_index SET indisready = false, indisvalid = false WHERE indexrelid = ANY(%s::oid[])"
_INDEXES = """
SELECT indexrelid::bigint AS oid, format('%%I.%%I', nspname, relname) AS name
FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid = indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
WHERE indrelid = %s AND indisready AND indisvalid AND indislive ORDER BY indexrelid
"""


def suits(recipe: Recipe) -> bool:
    """Whether the rows of a table may be written without its indexes.

    Not where a key of several columns points at the table itself: each row would be sought among all before it.
    """
    table = recipe.table
    return not any(key.parent == table.oid and len(key.columns) > 1 for key in table.keys)


@contextlib.contextmanager
def writer(executor: SupabaseExecutor, recipe: Recipe) -> Iterator[Write]:
    """What writes batches into the table of a recipe, and returns how many rows came of each, in the same order as an
    INSERT would write them.

    It works in the transaction of `executor`; what the rows point at has to be committed, since another session reads
    it. Its indexes are as they were when the context is left; when it is left by an error, a rollback has to follow.

    Raises:
        psycopg.Error: The server refuses a row; a duplicate is found when the context is left.
        ConnectionFailed: No second session is to be had.
    """
    with executor.another("elf-sqlcheck rows") as generating, _indexes_later(executor, recipe.table.oid):
        generating.connection.execute("SET enable_mergejoin = off; SET statement_timeout = 0")

        def write(recipe: Recipe, batch: Batch) -> int:
            # Rows of the same table are there for nobody else before they are committed.
            if recipe.points_at_itself or not recipe.columns:
                return executor.connection.execute(recipe.insert(batch, careful=False).encode()).rowcount
            columns = ", ".join(map(identifier, recipe.columns))
            with executor.connection.cursor() as cursor:
                with cursor.copy(f"COPY {recipe.table.name} ({columns}) FROM STDIN (FORMAT binary)".encode()) as copy:
                    for block in _copied(generating.connection, recipe.copied(batch)):
                        copy.write(block)
                return cursor.rowcount

        yield write


@contextlib.contextmanager
def _indexes_later(executor: SupabaseExecutor, table: int) -> Iterator[None]:
    """Leave the indexes of a table alone while rows are written, then build them: sorting is far quicker.

    They stay the same indexes: REINDEX makes one that is marked as not ready ready again, as it does after a failed
    CREATE INDEX CONCURRENTLY (https://www.postgresql.org/docs/current/sql-reindex.html). To mark it takes a superuser.
    """
    connection = executor.connection
    found: list[dict[str, Any]] = []
    if connection.info.parameter_status("is_superuser") == "on":
        found = connection.execute(_INDEXES, (table,)).fetchall()
        connection.execute(_SET_ASIDE, ([index["oid"] for index in found],))
    yield
    for index in found:
        connection.execute(f"REINDEX INDEX {index['name']}".encode())


def _copied(connection: psycopg.Connection[Any], query: str) -> Iterator[bytes]:
    """The rows of a query as COPY sends them in its binary format, many at a time.

    psycopg's own reading waits anew for each row, which takes twice as long as all the rest that is done here.
    """
    from psycopg import generators

    pgconn = connection.pgconn
    pgconn.send_query(f"COPY ({query}) TO STDOUT (FORMAT binary)".encode())
    _check(connection.wait(generators.execute(pgconn)))
    waiting: list[memoryview] = []
    size = 0
    while True:
        count, row = pgconn.get_copy_data(1)
        if count < 0:
            break
        if count == 0:
            connection.wait(_more(pgconn))
            continue
        waiting.append(row)
        size += count
        if size >= _TOGETHER:
            yield b"".join(waiting)
            waiting, size = [], 0
    _check(connection.wait(generators.execute(pgconn)))
    yield b"".join(waiting)


def _more(pgconn: PGconn) -> PQGen[None]:
    """Wait for the server to send more."""
    from psycopg import waiting

    yield waiting.Wait.R
    pgconn.consume_input()


def _check(results: list[PGresult]) -> None:
    """Raise psycopg.Error when the server refused."""
    from psycopg import errors
    from psycopg.pq import ExecStatus

    for result in results:
        if result.status not in (ExecStatus.COPY_OUT, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(result, encoding="utf-8")
