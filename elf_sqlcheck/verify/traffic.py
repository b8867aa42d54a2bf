"""Traffic: what an application's reads and writes wait for while UP runs, statement by statement.

UP is rehearsed on a copy of the database: on the real one, whoever reads and writes could make UP itself wait. After
each statement of a transaction the application tries its queries, while the locks are held; so even the shortest UP is
seen, and the result is the same each time. A statement that refuses to run in a transaction is met while it runs.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.shared.transaction import roll_back_if_open
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.outside import changes_the_server
from elf_sqlcheck.verify.result import Blocked
from elf_sqlcheck.verify.traffic_session import PATIENCE, READ, Session, Wait

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Span, Statement
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

#: What to do first where a migration says nothing of it.
_LIMIT = "put SET LOCAL lock_timeout = '5s'; before it, and "
#: What a statement says that cannot run in a transaction, or ends the one that it runs in.
_NOT_IN_A_TRANSACTION = frozenset({"25001", "2D000"})


class Traffic(Check):
    """Fills `Step.blocked`, and finds `blocks-traffic`."""

    rehearses = True

    def before(self, stage: Stage, step: Step) -> None:
        """Rehearse UP with an application at work."""
        import psycopg

        migration = step.migration
        try:
            pieces = cut(migration, migration.up)
        except MigrationFailed:
            return
        if len(pieces) > 1 and changes_the_server(migration, migration.up):
            stage.note(
                f"{migration.path}: traffic was not tried: what it does to the server as a whole, such as its roles, "
                "cannot be rehearsed outside of a transaction."
            )
            return
        with stage.copy() as executor, executor.another("elf-sqlcheck traffic") as other:
            up = executor.connection
            rehearsal = _Rehearsal(migration, up, Session(other.connection))
            try:
                loose = not migration.is_transactional(migration.up)
                for piece in pieces:
                    # A loose statement may turn out to run alone, such as a CALL of a procedure that commits.
                    if piece.in_transaction and not (loose and len(piece.statements) == 1):
                        rehearsal.together(piece.statements, keep=len(pieces) > 1)
                    else:
                        rehearsal.alone(piece.statements[0])
            except psycopg.Error:
                line = migration.position(rehearsal.reached.start)[0] if rehearsal.reached else 1
                step.more["traffic"] = {"failed_at_line": line}
        step.blocked += rehearsal.blocked
        self._find(stage, step)

    def applied(self, stage: Stage, step: Step) -> None:
        """Say so when UP, in the end, went further than its rehearsal."""
        failed = step.more.get("traffic")
        if failed:
            stage.note(
                f"{step.migration.path}: traffic was tried up to line {failed['failed_at_line']} only, where UP failed "
                "on a copy of the database."
            )

    def _find(self, stage: Stage, step: Step) -> None:
        migration = step.migration
        grouped: dict[tuple[Span | None, str], list[Blocked]] = {}
        for blocked in step.blocked:
            grouped.setdefault((blocked.span, blocked.table), []).append(blocked)
        together = migration.is_transactional(migration.up)
        limit = "" if b"lock_timeout" in migration.data.lower() else _LIMIT
        told = [(_told(table, waiting, limit, to_commit=together), span) for (span, table), waiting in grouped.items()]
        for (_, message, instead), span in sorted(told, key=lambda one: one[0][0]):
            stage.find("blocks-traffic", migration, message, span, instead)


class _Rehearsal:
    """UP on a connection of its own, the application at its side, and what that has been waiting for.

    `reached` is the statement that was begun last.
    """

    def __init__(self, migration: Migration, up: Connection[dict[str, Any]], application: Session) -> None:
        self.blocked: list[Blocked] = []
        self.reached: Span | None = None
        self._migration = migration
        self._up = up
        self._application = application

    def together(self, statements: tuple[Statement, ...], *, keep: bool) -> None:
        """Run statements in one transaction; what waits for one of them waits until COMMIT.

        Without `keep` they are rolled back: roles are made for all databases of the server. Raises psycopg.Error.
        """
        seen: set[tuple[str, str]] = set()
        waits: list[tuple[int, Statement, Wait]] = []
        took: list[float] = []
        try:
            self._up.execute("BEGIN")
            for number, statement in enumerate(statements):
                took.append(self._run(statement))
                pid = self._up.info.backend_pid
                waits += [(number, statement, wait) for wait in self._application.waits(pid, seen)]
            took.append(_timed(self._up, b"COMMIT" if keep else b"ROLLBACK"))
        finally:
            roll_back_if_open(self._up)
            for number, statement, wait in waits:
                # Its lock was taken when it began; the time in which the application was let try does not count.
                self._blocked(wait, statement, sum(took[number:]))

    def alone(self, statement: Statement) -> None:
        """Run a statement that has no transaction around it. Raises psycopg.Error.

        One that would run in a transaction holds the same locks there, and lets them be seen.
        """
        import psycopg

        before = len(self.blocked)
        try:
            self.together((statement,), keep=True)
        except psycopg.Error as error:
            if error.sqlstate not in _NOT_IN_A_TRANSACTION:
                raise
            del self.blocked[before:]
            self._at_once(statement)

    def _at_once(self, statement: Statement) -> None:
        """Run a statement while the application is at work."""
        import psycopg

        failed: list[psycopg.Error] = []

        def run() -> None:
            try:
                self._run(statement)
            except psycopg.Error as error:
                failed.append(error)

        pid = self._up.info.backend_pid
        seen: set[tuple[str, str]] = set()
        first: list[tuple[float, Wait]] = []
        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            started = time.perf_counter()
            first += [(started, wait) for wait in self._application.waits(pid, seen)]
        thread.join()
        ended = time.perf_counter()
        for started, wait in first:
            self._blocked(wait, statement, (ended - started) * 1000)
        if failed:
            raise failed[0]

    def _run(self, statement: Statement) -> float:
        self.reached = statement.span
        return _timed(self._up, self._migration.data[statement.span.start : statement.span.end])

    def _blocked(self, wait: Wait, statement: Statement, ms: float) -> None:
        self.blocked.append(Blocked(wait.kind, wait.relation, ms, statement.span, gave_up=True))


def _timed(connection: Connection[dict[str, Any]], sql: bytes) -> float:
    """Run SQL; how many milliseconds that took."""
    started = time.perf_counter()
    connection.execute(sql)
    return (time.perf_counter() - started) * 1000


def _told(table: str, waiting: list[Blocked], limit: str, *, to_commit: bool) -> tuple[int, str, str]:
    """How bad it is (0 is worst), the message, and what to write instead, which begins with the `limit` to set."""
    kinds = [blocked.query for blocked in waiting]
    ms = max(blocked.ms for blocked in waiting)
    until = "from here until COMMIT" if to_commit else "while this runs"
    given_up = f"{until}, {ms:.0f} ms on the rows of this run ({', '.join(kinds)} gave up after {PATIENCE} ms)"
    if READ in kinds:
        message = f"reads and writes of {table} wait {given_up}"
        instead = (
            f"{limit or 'let there be '}nothing that takes long between it and COMMIT: what works on many rows goes "
            f"before it, or into a migration of its own that does not lock {table}"
        )
        return 0, message, instead
    if "INSERT" in kinds:
        message = f"writes to {table} wait {given_up}; reads go on"
        instead = (
            "use the form that lets writes go on (CREATE INDEX CONCURRENTLY; NOT VALID and later VALIDATE CONSTRAINT), "
            f"or let nothing that takes long follow before COMMIT, so that writes to {table} wait for a moment only"
        )
        return 1, message, instead
    rows = "UPDATE and DELETE of the rows" if {"UPDATE", "DELETE"} & set(kinds) else "SELECT … FOR UPDATE of the rows"
    message = f"{rows} of {table} that it changed or locked wait {given_up}; other rows are free"
    instead = (
        "change the rows in batches, each in a transaction of its own (`-- Transaction: none`), so that nobody waits "
        "for more than one batch"
    )
    return 2, message, instead
