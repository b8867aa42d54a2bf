"""Running a section so that it comes to an end, whatever it does: with an outcome, a failure, or a clear error."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from elf_sqlcheck.errors import ConnectionFailed, DatabaseError, MigrationFailed, ServerError
from elf_sqlcheck.postgres.reaper import last_words
from elf_sqlcheck.verify.outside import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.verify.stage import Stage

#: Seconds for which a server that lost a process may take to go down, or to come back.
_PATIENCE = 3.0
_CANCELLED = "57014"


def run(
    stage: Stage,
    migration: Migration,
    section: Section,
    leaving: Callable[[Connection[dict[str, Any]]], object] | None = None,
) -> MigrationFailed | None:
    """Run a section on the stage's database; returns why it failed, None when it was carried out.

    `leaving` gets the connection when the section is carried out, and its session is not reset yet.

    Raises:
        ServerError: A server of ours went down.
        ConnectionFailed: Another server is not there (any more).
    """
    error = refused(stage, migration, section)
    if error is not None:
        return error
    started = time.monotonic()
    try:
        with Limit(stage, stage.executor.connection, len(section.statements)):
            stage.executor.run(migration, section, leaving=leaving)
    except MigrationFailed as failed:
        error = failed
    else:
        return None
    limit = stage.options.statement_timeout
    if error.sqlstate == _CANCELLED and 0 < limit <= time.monotonic() - started:
        return _retold(error, f"it was cancelled, since it was not done after {limit:g} s; {error.detail}")
    if error.sqlstate.startswith(("08", "57P")):
        _reconnect(stage, error)
        return _retold(
            error,
            "it ended its own session, as pg_terminate_backend does: whether it would work is not known, and the "
            "release would stop here",
        )
    return error


class Limit:
    """Cancels what outlives `statement_timeout` on a connection, and ends the session when it does not listen to that.

    The setting of that name does it as a rule, statement by statement; this is for a migration that sets it anew, or
    catches the error. All `statements` together get the time that each of them has.
    """

    def __init__(self, stage: Stage, connection: Connection[dict[str, Any]], statements: int) -> None:
        self._stage = stage
        self._connection = connection
        self._seconds = stage.options.statement_timeout * max(statements, 1)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._seconds:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        import psycopg

        pid = self._connection.info.backend_pid

        # Half a second more, so that the server's own limit strikes first, whose message is the better one.
        seconds = self._seconds + 0.5
        for _ in range(3):
            if self._over.wait(seconds):
                return
            with contextlib.suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=5)
            seconds = 1.0
        if not self._over.wait(1.0):
            with contextlib.suppress(DatabaseError):
                self._stage.administration.query("SELECT pg_terminate_backend(%s)", (pid,))


def _retold(error: MigrationFailed, detail: str) -> MigrationFailed:
    """The same failure, told for a proof: what the executor says is meant for a release."""
    return MigrationFailed(
        error.message,
        error.remedy if error.sqlstate == _CANCELLED else "Take out what ends sessions: a migration runs in one.",
        span=error.span,
        sqlstate=error.sqlstate,
        detail=detail,
        completed=error.completed,
    )


def _reconnect(stage: Stage, error: MigrationFailed) -> None:
    """Connect anew after a session was ended; raises when it was the server that went away.

    A server whose process was killed takes a moment to go down, and answers until then.
    """
    was_told = "terminating connection due to" in error.detail
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            stage.executor.close()
            stage.executor.query("SELECT 1")
        except ConnectionFailed:
            break
        if was_told or time.monotonic() > deadline:
            return
        time.sleep(0.1)
    if isinstance(stage.server, str):
        raise ConnectionFailed(error.message, "Look into the server's log for why it went down.") from error
    raise ServerError(
        f"{error.message.partition('. ')[0]}. Its last words: {last_words(stage.server.folder)}",
        "If it was killed for want of memory, let the migration work in smaller parts, or give the machine more.",
    ) from error
