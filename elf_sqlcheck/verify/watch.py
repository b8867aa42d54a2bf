"""The watch over a verification: nothing that a migration says keeps one of our sessions busy for ever."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError

if TYPE_CHECKING:
    from elf_sqlcheck.verify.stage import Stage

#: Seconds between looks, and those that a cancelled query has before its session is ended.
_PERIOD = 0.5
_GRACE = 3.0
#: Bytes that the databases of a stranger's migrations may have together: they may lie in memory.
MOST_BYTES = 1 << 30
#: Ends the sessions of all who are in our databases when these have become too large.
_OVERFLOWING = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = ANY (%(databases)s) AND pid <> pg_backend_pid() AND (
    SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datname = ANY (%(databases)s)
) > %(most)s
"""
#: Cancels what has been running for too long, and ends the session of what did not listen to that.
_OVERDUE = """
SELECT CASE WHEN now() - query_start > make_interval(secs => %(limit)s + %(grace)s) THEN pg_terminate_backend(pid)
    ELSE pg_cancel_backend(pid) END
FROM pg_stat_activity
WHERE datname = ANY (%(databases)s) AND state = 'active' AND now() - query_start > make_interval(secs => %(limit)s)
"""


class Watch:
    """Looks, from the first moment on in which it can matter, for queries in our databases that outlive their limit.

    The setting `statement_timeout` ends them as a rule, one statement after the other. This is for migrations that set
    it anew or catch its error, wherever they are run: in earnest, in a rehearsal, on a copy. The statements of a
    section are sent as one query, and have the time of each together. What is not trusted must not fill
    the disk either.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless nothing is limited."""
        if self._stage.options.statement_timeout or self._stage.options.untrusted:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        stage = self._stage
        # No query can be overdue before that: as a rule everything is done by then, and no connection is made.
        if self._over.wait(0 if stage.options.untrusted else stage.options.statement_timeout):
            return
        with stage.administration.another("elf-sqlcheck watch") as watcher:
            while not self._over.wait(_PERIOD):
                databases = list(stage.databases)
                with contextlib.suppress(DatabaseError):
                    if stage.options.untrusted and watcher.query(
                        _OVERFLOWING, {"databases": databases, "most": MOST_BYTES}
                    ):
                        stage.overflowed = True
                    if stage.options.statement_timeout:
                        values = {"databases": databases, "grace": _GRACE, "limit": limit(stage)}
                        watcher.query(_OVERDUE, values)


def limit(stage: Stage) -> float:
    """The seconds that the sections of the migration at hand may take, each; 0 for any time."""
    step = stage.result.steps[-1:]
    sections = [section for one in step for section in (one.migration.up, one.migration.down) if section]
    # A little more, so that the server's own limit strikes first, whose message names the statement.
    statements = max((len(section.statements) for section in sections), default=1)
    seconds = stage.options.statement_timeout
    return seconds * max(statements, 1) + _PERIOD if seconds else 0.0
