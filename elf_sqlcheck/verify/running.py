"""Running a section so that it comes to an end, whatever it does: with an outcome, a failure, or a clear error."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ConnectionFailed, ElfError, MigrationFailed, ServerError
from elf_sqlcheck.postgres.reaper import last_words
from elf_sqlcheck.verify.outside import refused
from elf_sqlcheck.verify.watch import MOST_BYTES, limit

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
        ConnectionFailed: The server is not there any more.
    """
    error = refused(stage, migration, section)
    if error is not None:
        return error
    started = time.monotonic()
    try:
        stage.executor.run(migration, section, leaving=leaving)
    except MigrationFailed as failed:
        error = failed
    else:
        return None
    took = time.monotonic() - started
    seconds = stage.options.statement_timeout
    if error.sqlstate == _CANCELLED and 0 < seconds <= took:
        return _retold(error, f"it was cancelled, since it was not done after {seconds:g} s; {error.detail}")
    if error.sqlstate.startswith(("08", "57P")):
        _reconnect(stage, error)
        if stage.overflowed:
            most = f"{MOST_BYTES >> 30} GiB"
            return _retold(error, f"its session was ended: it wrote more than {most}, and it is not trusted")
        if 0 < seconds <= took and took >= limit(stage):
            return _retold(
                error, f"its session was ended: it was not done after {seconds:g} s, and went on when cancelled"
            )
        return _retold(
            error,
            "it ended its own session, as pg_terminate_backend does: whether it would work is not known, and the "
            "release would stop here",
        )
    return error


def _retold(error: MigrationFailed, detail: str) -> MigrationFailed:
    """The same failure, told for a proof: what the executor says is meant for a release."""
    return MigrationFailed(
        error.message,
        error.remedy
        if error.sqlstate == _CANCELLED
        else "Take out what ends its session, or does not let itself be ended.",
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
    raise ConnectionFailed(error.message, error.remedy) from error


def went_down(stage: Stage, error: BaseException) -> ElfError | None:
    """Return what to tell when an error means that no session can be had any more; None when it means another thing."""
    from psycopg import OperationalError

    lost = isinstance(error, OperationalError) and (error.sqlstate or "08").startswith(("08", "57P"))
    if not lost and not isinstance(error, ConnectionFailed):
        return None
    path = f"{stage.result.steps[-1].migration.path}: " if stage.result.steps else ""
    said = (error.message if isinstance(error, ElfError) else str(error)).partition("\n")[0].removesuffix(".")
    if isinstance(stage.server, str):
        remedy = error.remedy if isinstance(error, ElfError) else ""
        return ConnectionFailed(f"{path}{said}.", remedy or "Look into the server's log for why it went down.")
    return ServerError(
        f"{path}{said}. The server's last words: {_last_words(stage.server.folder)}",
        "If it was killed for want of memory, let the migration work in smaller parts, or give the machine more.",
    )


def _last_words(folder: str) -> str:
    """The line of the server's log that says what ended it, without its time; else the end of the log."""
    with contextlib.suppress(OSError), open(f"{folder}/log", encoding="utf-8", errors="replace") as file:
        fatal = [line for line in file if "terminated by signal" in line or "PANIC:" in line]
        if fatal:
            return fatal[-1].partition(":  ")[2].strip()
    return last_words(folder)
