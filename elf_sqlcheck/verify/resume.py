"""An UP that runs in several pieces is cut after each of them and resumed, and must end as it does in one go.

All of it happens on one copy of the database: the session ends after each piece, as in a crash, and the executor goes
on from the progress that it kept. A CREATE INDEX CONCURRENTLY is killed in its midst besides, once it waits for a
transaction of ours: what it leaves is an INVALID index.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError, MigrationFailed
from elf_sqlcheck.model import Section, Span
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.culprit import culprit
from elf_sqlcheck.verify.cuts import only_transaction
from elf_sqlcheck.verify.ours import ask
from elf_sqlcheck.verify.outside import changes_the_server
from elf_sqlcheck.verify.rollback import said
from elf_sqlcheck.verify.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.result import Step

#: How long to wait until the statement that is to be killed waits for us, in seconds.
_PATIENCE = 5.0
_WAITING = "SELECT count(*) AS waits FROM pg_locks WHERE pid = %s AND NOT granted"


@dataclass
class _Outcome:
    """How a resumed run ended: in the schema `end`, or in `error` when it went on after `done` statements."""

    end: Snapshot | None = None
    error: MigrationFailed | None = None
    done: int = 0
    killed: list[Statement] = field(default_factory=list)


class Resumes(Check):
    """Tries it before UP, and reports once UP has shown that it runs in one go."""

    rehearses = True

    def __init__(self) -> None:
        self._outcome: _Outcome | None = None

    def before(self, stage: Stage, step: Step) -> None:
        """Run UP on a copy, cut short and resumed."""
        self._outcome = None
        migration = step.migration
        # Other tools do not resume: they begin again.
        if migration.layout != "elf" or only_transaction(migration) is not None or not migration.up.statements:
            return
        if changes_the_server(migration, migration.up):
            return
        try:
            pieces = cut(migration, migration.up)
        except MigrationFailed:
            return
        with stage.copy() as executor:
            self._outcome = _resumed(executor, migration, pieces, stage.options.cuts or len(pieces))

    def applied(self, stage: Stage, step: Step) -> None:
        """Report what came of it."""
        outcome, migration = self._outcome, step.migration
        if outcome is None or (outcome.error is not None and step.on_fewer_rows):  # it met the rows, too
            return
        if outcome.error is not None:
            after = migration.up.statements[outcome.done - 1]
            line = migration.position(after.span.start)[0]
            what = "killed in the midst" if outcome.killed else "cut short"
            message = f"{what} after line {line} and resumed, UP fails: {said(outcome.error)}"
            stage.find("does-not-resume", migration, message, outcome.error.span)
            return
        if outcome.end is None or step.after is None:
            return
        groups: dict[Span | None, list[str]] = {}
        for difference in compare(step.after, outcome.end):
            if difference.matters:
                groups.setdefault(culprit(migration, difference), []).append(difference.describe())
        for place, told in groups.items():
            message = f"cut short and resumed, UP ends otherwise than in one go: {' '.join(told)}"
            stage.find("does-not-resume", migration, message, place)
        step.more["cuts"] = {"boundaries": len(migration.up.statements), "killed": len(outcome.killed)}


def _resumed(executor: SupabaseExecutor, migration: Migration, pieces: tuple[Piece, ...], most: int) -> _Outcome:
    outcome = _Outcome()
    every = -(-len(pieces) // most)
    for number, piece in enumerate(pieces, start=1):
        if number % every and number < len(pieces):
            continue
        statement = piece.statements[0] if not piece.in_transaction else None
        if statement is not None and _is_concurrent(statement) and outcome.done == piece.first:
            with contextlib.suppress(DatabaseError), _killing(executor, statement) as killed:
                _run_on(executor, migration, outcome.done, piece.last)
            if killed.is_set():
                outcome.killed.append(statement)
        try:
            _run_on(executor, migration, outcome.done, piece.last)
        except MigrationFailed as error:
            outcome.error = error if outcome.done or outcome.killed else None
            return outcome
        outcome.done = piece.last
    outcome.end = Stage.seen_by(executor.connection)
    return outcome


def _run_on(executor: SupabaseExecutor, migration: Migration, done: int, until: int) -> None:
    """Run UP from where it was up to its statement `until`; then the session is lost."""
    up = migration.up
    section = Section(
        "up", Span(up.span.start, up.statements[until - 1].span.end), up.statements[:until], up.transactional
    )
    try:
        executor.run(migration, section, resume_from=done)
    finally:
        executor.close()


def _is_concurrent(statement: Statement) -> bool:
    return statement.kind == "IndexStmt" and bool(statement.node.get("concurrent"))


@contextlib.contextmanager
def _killing(executor: SupabaseExecutor, statement: Statement) -> Iterator[threading.Event]:
    """Hold up whoever builds an index on the statement's table, and kill the executor's session once it waits.

    The event that is yielded tells whether it was killed. Raises DatabaseError when the table cannot be locked.
    """
    from psycopg import sql

    names = [
        statement.node["relation"][part] for part in ("schemaname", "relname") if statement.node["relation"].get(part)
    ]
    pid = executor.connection.info.backend_pid
    killed, over = threading.Event(), threading.Event()
    with executor.another("elf-sqlcheck") as blocker:
        blocker.query("BEGIN")
        # What a writer holds: the build waits for it, after it has made the index.
        lock = sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(*names))
        blocker.query(lock.as_string(blocker.connection))

        def kill() -> None:
            waited = 0.0
            while not over.wait(0.002) and waited < _PATIENCE:
                waited += 0.002
                if ask(blocker, _WAITING, (pid,))[0]["waits"]:
                    blocker.query("SELECT pg_catalog.pg_terminate_backend(%s)", (pid,))
                    killed.set()
                    break
            blocker.query("ROLLBACK")

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        try:
            yield killed
        finally:
            over.set()
            thread.join()
