"""Find out whether a pooler stands in between that hands each transaction to another connection of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ConnectionFailed

if TYPE_CHECKING:
    from elf_sqlcheck.shared.database import SupabaseExecutor

_ROUNDS = 3


def refuse_transaction_pooler(first: SupabaseExecutor, second: SupabaseExecutor) -> None:
    """Make sure that each of two open connections has a session of its own, which locks and settings need.

    Raises ConnectionFailed when a session serves both, or one connection is served by several: a pooler in transaction
    mode, whatever its port. A deploy calls it before it takes its lock, which would be left behind in a shared session.
    """
    # A pooler that keeps the server's own process id from its clients is one; a client is never told the pooler's mode.
    seen = first.connection.info.backend_pid
    rounds = 1 if _session(first) == seen else _ROUNDS
    own: set[int] = set()
    others: set[int] = set()
    for _ in range(rounds):
        # Twice, then the other: a pooler that deals its sessions out in turn shows in the first pair, one that takes
        # the session last used shows in the second. Neither waits for the other, however small the pool.
        own |= {_session(first), _session(first)}
        others.add(_session(second))
    if len(own) > 1 or len(others) > 1 or own & others:
        raise ConnectionFailed(
            f"{first.target.where} is a pooler in transaction mode: it hands each transaction to another session of "
            "the server, so neither the deploy lock nor settings hold, and two deployers could run at once.",
            "Connect to the server itself, or to the pooler's session mode (Supabase: port 5432; PgBouncer: a database "
            "with pool_mode = session).",
            kind="transaction-pooler",
        )


def _session(executor: SupabaseExecutor) -> int:
    return int(executor.query("SELECT pg_catalog.pg_backend_pid() AS pid")[0]["pid"])
