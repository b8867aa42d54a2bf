"""One deployer at a time: an advisory lock, polled, on a connection of its own.

Waiting inside Postgres (`pg_advisory_lock`) or holding a transaction open would make CREATE INDEX CONCURRENTLY wait for
the waiter: a deadlock. See https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

The lock's session can end while the session that deploys still works: the network forgot it, somebody terminated it, or
both lost their client to a kill -9 in the midst of a long statement, which Postgres carries on with. Three locks see to
it that nobody begins then, and that nobody goes on:

- `KEY`, exclusive, on the lock's session: whoever has it is the deployer.
- `WORKING`, shared, on the session that deploys, from before a piece until the session is made like new after it.
  Whoever gets `KEY` waits until nobody has `WORKING`, before it reads the history: what an earlier run had sent is
  then over, one way or the other.
- a key drawn anew for each run, exclusive, on the lock's session. Before each piece, and in its very transaction, the
  session that deploys tries for it, and has to fail: if it gets it, the lock's session is gone, and nothing is run.

A deployer that is stopped (SIGSTOP) keeps its sessions, so it keeps the others waiting; they say for whom. One whose
machine or network died loses them, because both sessions ask the server to notice that within a minute and to end what
it still runs for them (`shared.session.watchful`).
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError, LockNotObtained
from elf_sqlcheck.shared.blockers import Blockers
from elf_sqlcheck.shared.connection_test import refuse_read_only
from elf_sqlcheck.shared.pooler import refuse_transaction_pooler
from elf_sqlcheck.shared.session import Guard, unheard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.session import Note

#: "elf-migr" and "elf-work" as numbers; advisory locks are known by a bigint within one database.
KEY = int.from_bytes(b"elf-migr", "big")
WORKING = int.from_bytes(b"elf-work", "big")
#: For how long a transaction waits for a lock where neither the environment, the migration nor the server says it.
LOCK_TIMEOUT = "5s"
_POLL = 0.2

_HOLDERS = """
SELECT a.pid, a.application_name, a.usename, pg_catalog.host(a.client_addr) AS host,
       pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.backend_start)::text AS age,
       pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.state_change)::text AS since, a.state
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""
_GUARD = """
SELECT 1 / (NOT pg_catalog.pg_try_advisory_lock_shared({run}))::int AS held,
       pg_catalog.pg_try_advisory_lock_shared({working})
"""


class DeployLock:
    """The lock while it is held."""

    def __init__(self, executor: SupabaseExecutor, session: int) -> None:
        self._executor = executor
        self._session = session

    def check(self) -> None:
        """Make sure that it is still held; raises LockNotObtained when its session is gone."""
        try:
            session = self._executor.query("SELECT pg_catalog.pg_backend_pid() AS pid")[0]["pid"]
        except DatabaseError:
            session = None
        if session != self._session:
            raise _lost()


@contextlib.contextmanager
def deploy_lock(executor: SupabaseExecutor, patience: float, note: Note = unheard) -> Iterator[DeployLock]:
    """Hold the lock while the body runs; the executor runs nothing in it once the lock is lost.

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
        own.keep_watch()
        deadline = time.monotonic() + patience
        _wait(own, note, deadline, patience)
        executor.keep_watch()
        session = own.backend_pid
        run = secrets.randbits(62)
        own.query("SELECT pg_catalog.pg_advisory_lock(%s)", (run,))
        _wait_for_work(own, executor, note, deadline)
        has_none = executor.query("SELECT pg_catalog.current_setting('lock_timeout') = '0' AS so")[0]["so"]
        lock_timeout = LOCK_TIMEOUT if has_none else ""
        with Blockers(own.connection) as blockers:
            executor.guard = Guard(_guarding(own, run), _lost, blockers, note, lock_timeout)
            try:
                yield DeployLock(own, session)
            finally:
                executor.guard = None
                _release(own, session, note)


def _wait(own: SupabaseExecutor, note: Note, deadline: float, patience: float) -> None:
    waiting = False
    while not own.query("SELECT pg_catalog.pg_try_advisory_lock(%s) AS held", (KEY,))[0]["held"]:
        if not waiting:
            note(f"waiting for another deployer ({_holder(own)})", "waiting")
            waiting = True
        if time.monotonic() >= deadline:
            raise LockNotObtained(
                f"Another deployer still holds the lock after {patience:g} seconds: {_holder(own)}.",
                "Wait until it is done and run it again, or give it longer with --lock-wait SECONDS.",
            )
        time.sleep(_POLL)


def _wait_for_work(own: SupabaseExecutor, executor: SupabaseExecutor, note: Note, deadline: float) -> None:
    """Wait until no session of an earlier run works any more: the history tells the truth only then."""
    waiting = False
    while left := [row for row in own.query(_HOLDERS, (WORKING,)) if row["pid"] != executor.backend_pid]:
        pid, since = left[0]["pid"], left[0]["since"] or "unknown"
        said = f"a session of an earlier run is still at work (pid {pid}, {left[0]['state'] or 'active'} for {since})"
        if not waiting:
            note(f"waiting: {said}", "waiting")
            waiting = True
        if time.monotonic() >= deadline:
            raise LockNotObtained(
                f"No other deployer holds the lock, but {said}.",
                "Wait until it is done and run it again; or end it, and what it has not committed is rolled back: "
                f"SELECT pg_terminate_backend({pid});",
            )
        time.sleep(_POLL)


def _guarding(own: SupabaseExecutor, run: int) -> bytes:
    from psycopg import sql

    return sql.SQL(_GUARD.strip()).format(run=run, working=WORKING).as_bytes(own.connection)


def _release(own: SupabaseExecutor, session: int, note: Note) -> None:
    with contextlib.suppress(DatabaseError):
        released = own.query(
            "SELECT pg_catalog.pg_backend_pid() = %s AND pg_catalog.pg_advisory_unlock(%s) AS released", (session, KEY)
        )
        if released[0]["released"]:
            return
    note("the deploy lock was no longer held when it was to be released: its session had been lost")


def _lost() -> LockNotObtained:
    return LockNotObtained(
        "The session that held the deploy lock was lost, so another deployer may have begun.",
        "Run it again: what was carried out is in the history.",
    )


def _holder(executor: SupabaseExecutor) -> str:
    rows = executor.query(_HOLDERS, (KEY,))
    if not rows:
        return "already gone"
    holder = rows[0]
    program = holder["application_name"] or "a session"
    host = f" from {holder['host']}" if holder["host"] else ""
    return f"{program} of {holder['usename']}, pid {holder['pid']}{host}, since {holder['age'] or 'unknown'}"
