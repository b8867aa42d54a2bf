"""One deployer at a time: an advisory lock, polled, on a connection of its own.

Waiting inside Postgres (`pg_advisory_lock`) or holding a transaction open would make CREATE INDEX CONCURRENTLY wait for
the waiter: a deadlock. See https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError, LockNotObtained
from elf_sqlcheck.shared.connection_test import refuse_read_only
from elf_sqlcheck.shared.pooler import refuse_transaction_pooler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: "elf-migr" as a number; advisory locks are known by a bigint within one database.
KEY = int.from_bytes(b"elf-migr", "big")
_POLL = 0.2

_HOLDER = """
SELECT a.pid, a.application_name, a.usename, date_trunc('second', clock_timestamp() - a.backend_start)::text AS age
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


class DeployLock:
    """The lock while it is held."""

    def __init__(self, executor: SupabaseExecutor) -> None:
        self._executor = executor
        self._session = executor.query("SELECT pg_backend_pid() AS pid")[0]["pid"]

    def check(self) -> None:
        """Make sure that it is still held; raises LockNotObtained when its session is gone."""
        try:
            session = self._executor.query("SELECT pg_backend_pid() AS pid")[0]["pid"]
        except DatabaseError:
            session = None
        if session != self._session:
            raise LockNotObtained(
                "The session that held the deploy lock was lost, so another deployer may have begun.",
                "Run it again: what was carried out is in the history.",
            )


@contextlib.contextmanager
def deploy_lock(
    executor: SupabaseExecutor, patience: float, note: Callable[[str], None] = lambda _: None
) -> Iterator[DeployLock]:
    """Hold the lock while the body runs.

    Args:
        executor: Says which server; the lock gets a connection of its own.
        patience: Seconds to wait for another deployer.
        note: Told once, when there is another one.

    Raises:
        LockNotObtained: Another deployer still had it when the patience was over.
        ConnectionFailed: No connection could be made, or nothing can be deployed through it: a standby, or a pooler in
            transaction mode.
    """
    with executor.another("elf-migrate lock") as own:
        refuse_read_only(executor)
        refuse_transaction_pooler(executor, own)
        deadline = time.monotonic() + patience
        waiting = False
        while not own.query("SELECT pg_try_advisory_lock(%s) AS held", (KEY,))[0]["held"]:
            if not waiting:
                note(f"waiting for another deployer ({_holder(own)})")
                waiting = True
            if time.monotonic() >= deadline:
                raise LockNotObtained(
                    f"Another deployer still holds the lock after {patience:g} seconds: {_holder(own)}.",
                    "Wait until it is done and run it again, or give it longer with --lock-wait SECONDS.",
                )
            time.sleep(_POLL)
        try:
            yield DeployLock(own)
        finally:
            # A lost session has released it already, which DeployLock.check reports.
            with contextlib.suppress(DatabaseError):
                if not own.query("SELECT pg_advisory_unlock(%s) AS released", (KEY,))[0]["released"]:
                    note("the deploy lock was no longer held when it was to be released: its session had been lost")


def _holder(executor: SupabaseExecutor) -> str:
    rows = executor.query(_HOLDER, (KEY,))
    if not rows:
        return "already gone"
    holder = rows[0]
    program = holder["application_name"] or "a session"
    return f"{program} of {holder['usename']}, pid {holder['pid']}, since {holder['age']}"
