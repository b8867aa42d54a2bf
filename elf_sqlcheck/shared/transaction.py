"""Which transaction a connection is in, and what became of one that a file's own COMMIT or ROLLBACK ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGresult


#: Asks for the identity of the transaction; outside one, it answers with one that is never seen twice.
TRANSACTION_ID = b"SELECT pg_catalog.pg_current_xact_id()::text"


def committed(results: Sequence[PGresult]) -> int:
    """How many statements had been answered when the last COMMIT of the file's own went through."""
    return max((n for n, result in _commands(results) if result == b"COMMIT"), default=0)


def _commands(results: Sequence[PGresult]) -> Iterator[tuple[int, bytes]]:
    return ((number, result.command_status or b"") for number, result in enumerate(results, start=1))


def is_over(connection: Connection[dict[str, Any]]) -> bool:
    """Whether no transaction is open."""
    from psycopg.pq import TransactionStatus

    return connection.info.transaction_status == TransactionStatus.IDLE


def roll_back_if_open(connection: Connection[dict[str, Any]]) -> None:
    """End the transaction that is open, if one is, without a trace."""
    from psycopg.pq import TransactionStatus

    if not connection.closed and connection.info.transaction_status in (
        TransactionStatus.INTRANS,
        TransactionStatus.INERROR,
    ):
        connection.execute("ROLLBACK")
