"""Who keeps a session waiting for a lock: looked up while it waits, because afterwards nobody can tell."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg import Connection

    from elf_sqlcheck.errors import MigrationFailed

#: After how many seconds to look first, and then again and again.
_FIRST, _EVERY = 0.05, 0.2
_LONGEST = 60
#: What stands in quotes may be a password.
_QUOTED = re.compile(r"'[^']*'?|\$(\w*)\$.*?(?:\$\1\$|\Z)", re.DOTALL)

#: Process 0 stands for a prepared transaction: https://www.postgresql.org/docs/current/functions-info.html
_QUERY = """
SELECT b.pid, a.application_name AS program, a.usename AS who, a.state, left(a.query, 1000) AS query,
       pg_catalog.date_trunc('second',
                             pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.state_change))::text AS age
  FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(%s)) AS b (pid)
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
 ORDER BY b.pid
"""


@dataclass(frozen=True)
class Blocker:
    """A session that is in the way; `pid` is 0 for a prepared transaction, which has none."""

    pid: int
    described: str


@dataclass
class _Piece:
    """What runs in the session of process `pid`; it is looked at when `due`, a moment of the monotonic clock."""

    pid: int
    due: float


class Blockers:
    """Looks from a thread of its own, over a connection that is idle otherwise.

    Nothing is asked of the server while no piece takes longer than a moment. The thread looks at the clock by itself:
    to be woken for each piece would cost more than most pieces do.
    """

    def __init__(self, connection: Connection[dict[str, Any]]) -> None:
        self._connection = connection
        self._piece: _Piece | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="blockers", daemon=True)
        #: Those who were in the way when it was last looked, of the present piece or the one before.
        self.seen: tuple[Blocker, ...] = ()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Look at who keeps the session of process `pid` waiting, until the body is done."""
        self.seen = ()
        self._piece = _Piece(pid, time.monotonic() + _FIRST)
        try:
            yield
        finally:
            self._piece = None

    def _look(self) -> None:
        import psycopg

        while not self._ended.wait(_FIRST):
            piece, now = self._piece, time.monotonic()
            if piece is None or now < piece.due:
                continue
            piece.due = now + _EVERY
            try:
                rows = self._connection.execute(_QUERY, (piece.pid,)).fetchall()
            except psycopg.Error:
                return  # the session of the lock is lost, which the next piece will tell
            if rows and self._piece is piece:
                self.seen = tuple(Blocker(row["pid"], _described(row)) for row in rows)


def named(blockers: Sequence[Blocker]) -> str:
    """The sessions in the way as a clause, "" for none."""
    return "; ".join(blocker.described for blocker in blockers)


def gave_up(error: MigrationFailed, tries: int, blockers: Sequence[Blocker]) -> MigrationFailed:
    """Say in the error how often it was tried again, who was in the way, and what somebody who may do so can do."""
    if tries:
        error.message += f"\n  It was tried {tries + 1} times."
    if blockers:
        error.message += f"\n  In the way: {named(blockers)}."
    ends = " ".join(f"SELECT pg_terminate_backend({one.pid});" for one in blockers if one.pid)
    error.remedy = "Run it again when less is going on."
    if ends:
        error.remedy = f"Let them finish and run it again when less is going on, or end them, if that may be: {ends}"
    return error


def _described(row: dict[str, Any]) -> str:
    if not row["pid"]:
        return "a prepared transaction (see pg_prepared_xacts)"
    state = f", {row['state']}" if row["state"] else ""
    age = f" for {row['age']}" if row["age"] else ""
    text = " ".join(_QUOTED.sub("'…'", row["query"] or "").split())
    query = f": {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}" if text else ""
    program = row["program"] or "a session"
    return f"{program} of {row['who'] or 'unknown'}, pid {row['pid']}{state}{age}{query}"
