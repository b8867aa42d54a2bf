"""How the queries of a reader reach the server: with parameters, or prepared once and then many in one message."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from elf_sqlcheck.postgres.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg import Connection, Cursor
    from psycopg.pq.abc import PGresult

    Rows = list[tuple[Any, ...]]
    Params = Mapping[str, str | None]

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Asker(Protocol):
    """Asks queries that see the same moment. All raise psycopg.Error."""

    def ask(self, queries: Sequence[str], kinds: str, params: Params | None = None, *, last: bool = False) -> Rows:
        """Return the rows of all `queries`, one after the other.

        They take `params` by name; those that they do not name are let be. `kinds` has a letter for each column: t is a
        text, i a number, a an array of numbers, j is JSON. The `last` ones are not followed by others of that moment.
        """


@contextlib.contextmanager
def asking(connection: Connection[Any]) -> Iterator[Asker]:
    """Yield an asker for which every name is qualified; the caller's transaction and settings are as they were."""
    from psycopg.rows import tuple_row

    with pinned(connection, _BEGIN), connection.cursor(row_factory=tuple_row) as cursor:
        yield _Plain(cursor)


@contextlib.contextmanager
def _rolled_back(connection: Connection[Any], was_idle: bool) -> Iterator[None]:
    from psycopg.pq import TransactionStatus

    try:
        yield
    finally:
        if was_idle and not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.rollback()


class _Plain:
    def __init__(self, cursor: Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    def ask(self, queries: Sequence[str], kinds: str, params: Params | None = None, *, last: bool = False) -> Rows:  # noqa: ARG002 - psycopg knows the types, and all is one transaction
        return self._cursor.execute(" UNION ALL ".join(queries).encode(), params).fetchall()


class Prepared:
    """Asks over a connection that nobody else uses, in autocommit mode, with the settings of `pinned`.

    psycopg would take longer to look through such queries than the server to run them.
    """

    def __init__(self) -> None:
        self._connection: Connection[Any] | None = None
        self._is_open = False
        #: Names are not used again: which of them a broken message has reached is not known.
        self._count = 0
        self._prepared: dict[str, tuple[str, list[str]]] = {}

    @contextlib.contextmanager
    def asking(self, connection: Connection[Any]) -> Iterator[Asker]:
        """Yield an asker; nothing is left open."""
        if connection is not self._connection:
            self._connection, self._prepared = connection, {}
        self._is_open = False
        with _rolled_back(connection, was_idle=True):
            yield self
            if self._is_open:
                self._send(["COMMIT"])

    def ask(self, queries: Sequence[str], kinds: str, params: Params | None = None, *, last: bool = False) -> Rows:
        """Send all in one message; the `last` ones with the COMMIT."""
        params = params or {}
        commands = [] if self._is_open else [_BEGIN]
        places = []
        for query in queries:
            if query not in self._prepared:
                commands.append(self._prepare(query))
            name, names = self._prepared[query]
            places.append(len(commands))
            commands.append(f"EXECUTE {name}({', '.join(_literal(params[one]) for one in names)})".replace("()", ""))
        try:
            results = self._send([*commands, "COMMIT"] if last else commands)
        except BaseException:
            self._prepared = {}
            raise
        self._is_open = not last
        return _rows([results[place] for place in places], kinds)

    def _prepare(self, query: str) -> str:
        names = list(dict.fromkeys(_PARAMETER.findall(query)))
        self._count += 1
        self._prepared[query] = (f"elf_read_{self._count}", names)
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", query)
        return f"PREPARE elf_read_{self._count} AS {numbered}"

    def _send(self, commands: Sequence[str]) -> list[PGresult]:
        from psycopg import errors, generators
        from psycopg.pq import ExecStatus

        connection = self._connection
        assert connection is not None  # noqa: S101 - `asking` has set it
        connection.pgconn.send_query(";\n".join(commands).encode())
        results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
        if results[-1].status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(results[-1], encoding="utf-8")
        return results


def _literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"


def _numbers(array: bytes) -> list[int]:
    return list(map(int, array[1:-1].split(b","))) if array != b"{}" else []


_READ: dict[str, Callable[[bytes], Any]] = {"t": bytes.decode, "i": int, "a": _numbers, "j": bytes}


def _rows(results: Sequence[PGresult], kinds: str) -> Rows:
    columns = [(number, _READ[kind]) for number, kind in enumerate(kinds)]
    rows: list[list[Any]] = []
    for result in results:
        value_of = result.get_value
        for number in range(result.ntuples):
            values = ((value_of(number, column), read) for column, read in columns)
            rows.append([None if value is None else read(value) for value, read in values])
    at = kinds.find("j")
    if at >= 0:
        # To load them one by one takes three times as long.
        written = [row for row in rows if row[at] is not None]
        for row, value in zip(written, json.loads(b"[%b]" % b",".join(row[at] for row in written)), strict=True):
            row[at] = value
    return list(map(tuple, rows))
