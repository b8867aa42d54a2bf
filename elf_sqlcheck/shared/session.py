"""What a session is set to, how it is made like new for the next migration, and what guards it while it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from elf_sqlcheck.errors import DatabaseError
    from elf_sqlcheck.shared.blockers import Blockers

#: A SET ROLE or search_path of the migration must not decide whether its history row can be written.
BARE = (b"RESET SESSION AUTHORIZATION", b"RESET ROLE", b"RESET ALL")
#: The same, but for this transaction only, where further pieces of the migration count on what it has set.
BARE_FOR_NOW = (
    b"SET LOCAL SESSION AUTHORIZATION DEFAULT",
    b"SET LOCAL role TO DEFAULT",
    b"SET LOCAL search_path TO DEFAULT",
    b"SET LOCAL lock_timeout TO DEFAULT",
    b"SET LOCAL statement_timeout TO DEFAULT",
)
#: What DISCARD ALL does, which cannot be sent together with other commands:
#: https://www.postgresql.org/docs/current/sql-discard.html
LIKE_NEW = (
    *BARE,
    b"CLOSE ALL",
    b"DEALLOCATE ALL",
    b"UNLISTEN *",
    b"SELECT pg_catalog.pg_advisory_unlock_all()",
    b"DISCARD PLANS",
    b"DISCARD TEMP",
    b"DISCARD SEQUENCES",
)
#: The same, for a session that keeps the one command that is prepared in it, if there is no other. Plans need not be
#: thrown away: Postgres makes them anew by itself when what they rest on has changed.
LIKE_NEW_BUT_PREPARED = (
    *BARE,
    b"CLOSE ALL",
    b"UNLISTEN *",
    b"SELECT pg_catalog.pg_advisory_unlock_all(), 1 / (count(*) = 1)::int FROM pg_catalog.pg_prepared_statement()",
    b"DISCARD TEMP",
    b"DISCARD SEQUENCES",
)
#: With these the server notices within a minute that a client is gone, and ends what it still runs for it.
#: https://www.postgresql.org/docs/current/runtime-config-connection.html
_WATCHFUL = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "40s",
    "client_connection_check_interval": "5s",
}
#: Of PostgreSQL 14.
_NEWER = frozenset({"client_connection_check_interval"})


class Note(Protocol):
    """Who is told what is worth knowing, in a sentence."""

    def __call__(self, text: str, kind: str = "notice", /) -> None:
        """Take it; `kind` is "notice", "waiting" or "retry"."""


def unheard(text: str, kind: str = "notice") -> None:
    """What is noted when nobody listens."""


@dataclass(frozen=True)
class Guard:
    """What a run that holds the deploy lock adds to each of its pieces.

    `statement` is sent before every piece and fails with a division by zero when the lock was lost, for which `lost`
    makes the error. `blockers` knows who kept the piece waiting; `note` is told of what is worth knowing;
    `lock_timeout` holds in transactions for which neither the environment nor the migration says one; it is "" where
    the server does. `untouched` is sent after what the migration says, before its history is written, and fails when
    the migration has written that itself.
    """

    statement: bytes
    lost: Callable[[], DatabaseError]
    blockers: Blockers
    note: Note
    lock_timeout: str
    untouched: bytes = b""


def assignments(
    connection: Connection[dict[str, Any]], values: Mapping[str, str], *, local: bool = False
) -> list[bytes]:
    """Return the SET commands for `values`, for the transaction (`local`) or the session."""
    from psycopg.pq import Escaping

    escaping = Escaping(connection.pgconn)
    command = b"SET LOCAL %s = %s" if local else b"SET %s = %s"
    return [
        command % (escaping.escape_identifier(name.encode()), escaping.escape_literal(value.encode()))
        for name, value in values.items()
    ]


def patience(connection: Connection[dict[str, Any]], lock_timeout: str) -> bytes:
    """Return the command that sets lock_timeout for the transaction, unless the session has been given one."""
    from psycopg import sql

    return (
        sql.SQL(
            "SELECT pg_catalog.set_config('lock_timeout', {}, true) "
            "WHERE pg_catalog.current_setting('lock_timeout') = '0'"
        )
        .format(sql.Literal(lock_timeout))
        .as_bytes(connection)
    )


def watchful(connection: Connection[dict[str, Any]]) -> list[bytes]:
    """Return the SET commands by which the server notices a client that is gone; [] where it does not know them."""
    newer = connection.info.server_version >= 140000
    known = {name: value for name, value in _WATCHFUL.items() if newer or name not in _NEWER}
    commands = assignments(connection, known)
    return [] if error_in(send(connection, b"; ".join(commands))) else commands


def send(
    connection: Connection[dict[str, Any]],
    query: bytes,
    meanwhile: Callable[[Connection[dict[str, Any]]], object] | None = None,
) -> list[PGresult]:
    """Send a query of any number of statements in the simple protocol, and return the server's answers.

    There is one for each statement that was carried out, and a last one for the error, if any. `Connection.execute`
    would do, but for one thing: when a statement fails while it runs, Postgres names no position, and only the number
    of answers before the error tells which one it was. Raises psycopg.Error when the connection is broken already.
    `meanwhile` is called while the server works.
    """
    from psycopg import generators

    connection.pgconn.send_query(query)
    if meanwhile is not None:
        meanwhile(connection)
    return connection.wait(generators.execute(connection.pgconn))


def send_or_raise(connection: Connection[dict[str, Any]], query: bytes) -> None:
    """Send a query as `send` does; raises psycopg.Error when the server refuses any of it."""
    refused = error_in(send(connection, query))
    if refused is not None:
        raise refused


def error_in(results: Sequence[PGresult]) -> Any:
    """Return the error (a psycopg.Error) that the server's last answer is, else None."""
    from psycopg import errors
    from psycopg.pq import ExecStatus

    last = results[-1]
    if last.status in (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE):
        return errors.error_from_result(last, encoding="utf-8")
    return None
