"""The executor: the one way in which a section of a migration reaches a server, for verify and for deploy alike."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from elf_sqlcheck.errors import ConnectionFailed, CredentialError, DatabaseError, MigrationFailed
from elf_sqlcheck.shared import concurrently, connection_test
from elf_sqlcheck.shared.connection import Parameters, parameters
from elf_sqlcheck.shared.connection_test import ConnectionTest
from elf_sqlcheck.shared.failures import own_commit, remedy_for, statement_failed, stays, went_away
from elf_sqlcheck.shared.pieces import Piece, cumulative_hash, cut, settings_before
from elf_sqlcheck.shared.reach import reach
from elf_sqlcheck.shared.refusals import redact
from elf_sqlcheck.shared.transaction import committed, is_over, roll_back_if_open, transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import psycopg
    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.credentials import CredentialManager

    Record = Callable[[Connection[dict[str, Any]]], object]
    Progress = Callable[[int, str], object]
    Leaving = Callable[[Connection[dict[str, Any]]], object]
    Around = Callable[[Migration, Piece], AbstractContextManager[object]]


@dataclass(frozen=True)
class Outcome:
    """What running a section did: `statements` run now, in how many `ms`, and what the server remarked."""

    statements: int
    ms: float
    notices: tuple[str, ...] = ()


class SupabaseExecutor:
    """Runs sections of migrations on one connection, which is opened when it is first needed.

    Args:
        url: A libpq URL or connection string; without it the credentials say where to connect.
        credentials: Who is asked for them; the environment of the process by default.
        application_name: How the session shows in `pg_stat_activity`.
        settings: What every migration begins with, such as {"lock_timeout": "5s"}.
        as_its_tool: Let a migration of another tool's layout end its transaction with a COMMIT, as that tool would.

    `around`, where it is set, makes a context for each piece, which is entered before its first statement reaches the
    server and left after its last one is done. `note` is told, in a sentence, what people should know about the way to
    the server.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        credentials: CredentialManager | None = None,
        application_name: str = "elf-migrate",
        settings: Mapping[str, str] | None = None,
        as_its_tool: bool = False,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._application_name = application_name
        self._settings = dict(settings or {})
        self._as_its_tool = as_its_tool
        self._target: Parameters | None = None
        self._connection: Connection[dict[str, Any]] | None = None
        self._notices: list[str] = []
        self.around: Around | None = None
        self.note: Callable[[str], object] = _unheard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def target(self) -> Parameters:
        """Where it connects to; raises ConnectionFailed when nothing usable is configured."""
        if self._target is None:
            self._target = parameters(self._url, self._credentials)
        return self._target

    @property
    def connection(self) -> Connection[dict[str, Any]]:
        """The open connection, in autocommit mode; raises ConnectionFailed."""
        if self._connection is None or self._connection.closed:
            self._connection, self._target = reach(self.target, self._application_name, self.note)
            self._connection.add_notice_handler(self._noticed)
            self._set_up(self._connection)
        return self._connection

    def another(self, application_name: str) -> SupabaseExecutor:
        """Return an executor for the same server with a connection of its own."""
        other = SupabaseExecutor(self._url, credentials=self._credentials, application_name=application_name)
        # The way that was found once is not looked for again.
        other._target, other.note = self._target, self.note
        return other

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def test_connection(self) -> ConnectionTest:
        """Connect and ask the server who it is; never raises for a connection that fails, but says why."""
        try:
            return connection_test.test(self)
        except (DatabaseError, CredentialError) as error:
            return ConnectionTest(ok=False, text=str(error))

    def query(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dictionaries ([] when it returns none).

        Raises:
            ConnectionFailed: No connection could be made.
            DatabaseError: The server refused it.
        """
        import psycopg

        connection = self.connection
        try:
            # Statements are passed on by callers of this project; values always travel as parameters.
            cursor = connection.execute(sql.encode(), params or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._refused(error) from None

    def pieces(self, migration: Migration, section: Section) -> tuple[Piece, ...]:
        """The pieces in which `run` sends a section. Raises MigrationFailed, as `shared.pieces.cut` does."""
        return cut(migration, section, own_commits=self._as_its_tool and migration.layout != "elf")

    def run(
        self,
        migration: Migration,
        section: Section,
        *,
        record: Record | None = None,
        resume_from: int = 0,
        progress: Progress | None = None,
        leaving: Leaving | None = None,
    ) -> Outcome:
        """Run one section: whole in one transaction, or piece by piece where it asks for that.

        Args:
            migration: The migration that is run.
            section: Its UP or its DOWN section.
            record: Writes the history with the connection it gets; its rows are committed with the last piece.
            resume_from: How many statements of the section an earlier run has already carried out.
            progress: Told (count, cumulative hash) when a run of several pieces starts, and after each piece;
                called inside the transaction of a piece that has one.
            leaving: Gets the connection when the section is carried out, before its session is reset.

        Raises:
            MigrationFailed: With the span of the statement in the file and a sentence about what stays carried out.
            ConnectionFailed: No connection could be made.
        """
        whole = self.pieces(migration, section)
        pieces = [piece for piece in whole if piece.last > resume_from or not section.statements]
        connection = self.connection
        self._notices = []
        started = time.perf_counter()
        several = len(pieces) > 1 or resume_from > 0 or not migration.is_transactional(section)
        done = resume_from
        try:
            if several and progress:
                progress(done, cumulative_hash(migration, section, done))
            for statement in settings_before(section, resume_from):
                self.query(migration.text(statement.span))
            for piece in pieces:
                hooks: list[Callable[[], object]] = []
                if several and progress:
                    mark = cumulative_hash(migration, section, piece.last)
                    hooks.append(lambda count=piece.last, mark=mark: progress(count, mark))  # type: ignore[misc]
                if record and piece is pieces[-1]:
                    hooks.append(lambda: record(connection))
                with self.around(migration, piece) if self.around else nullcontext():
                    if piece.in_transaction:
                        self._run_in_transaction(migration, section, piece, done, hooks)
                    else:
                        self._run_alone(migration, section, piece, done, hooks)
                done = piece.last
            if record and not pieces:
                record(connection)
            if leaving:
                leaving(connection)
        finally:
            self.reset()
        count = sum(len(piece.statements) for piece in pieces)
        return Outcome(count, (time.perf_counter() - started) * 1000, tuple(self._notices))

    def _run_in_transaction(
        self, migration: Migration, section: Section, piece: Piece, done: int, hooks: list[Callable[[], object]]
    ) -> None:
        import psycopg

        connection = self.connection
        rolled_back = "Its transaction was rolled back" + (
            "; nothing of it stays." if not done else f"; the {done} statements before it stay carried out."
        )
        committing = False
        try:
            connection.execute("BEGIN")
            transaction = transaction_id(connection)
            results = self._send(migration, section, piece, done, rolled_back)
            over = is_over(connection)
            if over or transaction_id(connection) != transaction:
                raise own_commit(migration, section, piece, committed(results), rest_stays=over)
            if hooks:
                # A SET ROLE or search_path of the migration must not decide whether its history row can be written.
                connection.execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL")
            for hook in hooks:
                hook()
            committing = True
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if connection.broken:
                raise went_away(migration, section, self.target.where, done, unknown=committing) from None
            raise statement_failed(
                error, migration, section, piece, answered=len(piece.statements), completed=done, state=rolled_back
            ) from None
        finally:
            roll_back_if_open(connection)

    def _run_alone(
        self, migration: Migration, section: Section, piece: Piece, done: int, hooks: list[Callable[[], object]]
    ) -> None:
        import psycopg

        connection = self.connection
        statement = piece.statements[0]
        state = f"It ran outside a transaction: {stays(done)}"
        try:
            concurrent = concurrently.is_concurrent_index(statement)
            if concurrent and (note := concurrently.clear_leftover(connection, migration, statement)):
                self._notices.append(note)
            self._send(migration, section, piece, done, state)
            if concurrent:
                concurrently.check_valid(connection, migration, statement)
            with connection.transaction():
                for hook in hooks:
                    hook()
        except psycopg.Error as error:
            if connection.broken:
                raise went_away(migration, section, self.target.where, done, unknown=True) from None
            raise statement_failed(error, migration, section, piece, answered=0, completed=done, state=state) from None

    def _send(self, migration: Migration, section: Section, piece: Piece, done: int, state: str) -> list[PGresult]:
        """Send a piece in one simple-protocol query and return the server's answers, one for each statement.

        `Connection.execute` would do, but for one thing: when a statement fails while it runs, Postgres names no
        position, and only the number of answers before the error tells which one it was.
        """
        from psycopg import errors, generators
        from psycopg.pq import ExecStatus

        connection = self.connection
        connection.pgconn.send_query(piece.text(migration))
        results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
        last = results[-1]
        if last.status in (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE):
            error = errors.error_from_result(last, encoding="utf-8")
            if connection.broken:
                last_sent = piece.statements[len(results) - 1 : len(results)]
                span = last_sent[0].span if last_sent else section.span
                unknown = not piece.in_transaction
                raise went_away(
                    migration, section, self.target.where, done, unknown=unknown, span=span, said=str(error)
                )
            kept = committed(results)
            if kept:
                state = f"It held a COMMIT of its own: its first {kept} statements stay carried out, without history."
            answered = len(results) - 1
            raise statement_failed(
                error, migration, section, piece, answered=answered, completed=done + kept, state=state
            )
        if last.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH):
            self.close()
            raise MigrationFailed(
                f"{migration.path}: {section.name.upper()} copies rows from or to the client, which only psql can do.",
                "Write the rows as INSERT statements.",
                span=section.span,
                sqlstate="0A000",
            )
        return results

    def reset(self) -> None:
        """Begin the next migration in a session like new: a SET of one must not change what the next one does."""
        import psycopg

        if self._connection is None or self._connection.broken or self._connection.closed:
            self.close()
            return
        try:
            self._connection.execute("DISCARD ALL")
            self._set_up(self._connection)
        except psycopg.Error:
            self.close()

    def _set_up(self, connection: Connection[dict[str, Any]]) -> None:
        for name, value in self._settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    def _refused(self, error: psycopg.Error) -> DatabaseError:
        said = redact((error.diag.message_primary or str(error)).strip(), self.target)
        if self._connection is None or self._connection.broken:
            self.close()
            text = f"The server at {self.target.where} went away: {said.partition(chr(10))[0]}"
            return ConnectionFailed(text, "Check the server, then run it again.")
        return DatabaseError(f"The server refused: {said}", remedy_for(error.sqlstate or "", said))

    def _noticed(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized in ("WARNING", "NOTICE") and diagnostic.message_primary:
            self._notices.append(f"{diagnostic.severity_nonlocalized}: {diagnostic.message_primary}")


def _unheard(_: str) -> None:
    """Nobody listens."""
