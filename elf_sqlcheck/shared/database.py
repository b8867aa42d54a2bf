"""The executor: the one way in which a section of a migration reaches a server, for verify and for deploy alike."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from elf_sqlcheck.errors import ConnectionFailed, CredentialError, DatabaseError
from elf_sqlcheck.shared import connection_test
from elf_sqlcheck.shared.asserting import refuse_unusable
from elf_sqlcheck.shared.calls import Calls
from elf_sqlcheck.shared.connection import Parameters, parameters
from elf_sqlcheck.shared.connection_test import ConnectionTest
from elf_sqlcheck.shared.failures import remedy_for
from elf_sqlcheck.shared.pieces import Piece, cut
from elf_sqlcheck.shared.reach import reach
from elf_sqlcheck.shared.refusals import redact
from elf_sqlcheck.shared.running import Run
from elf_sqlcheck.shared.session import (
    LIKE_NEW,
    LIKE_NEW_BUT_PREPARED,
    assignments,
    error_in,
    send,
    send_or_raise,
    unheard,
    watchful,
)
from elf_sqlcheck.shared.transaction import roll_back_if_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import psycopg
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.acting import Ourselves
    from elf_sqlcheck.shared.calls import Closing, Meanwhile, Prepared, Progress, Record
    from elf_sqlcheck.shared.credentials import CredentialManager
    from elf_sqlcheck.shared.session import Guard

    Around = Callable[[Migration, Piece], AbstractContextManager[object]]
    Acting = Callable[[Migration, Section], Ourselves]


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
    server and left after its last one is done. `guard`, where it is set, goes before each piece. `acting`, where it
    is set, says as whom a section runs. `note` is told, in a sentence, what people should know about the way to the
    server.
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
        self.settings = dict(settings or {})
        self._as_its_tool = as_its_tool
        self._target: Parameters | None = None
        self._connection: Connection[dict[str, Any]] | None = None
        self._notices: list[str] = []
        self._is_watchful = False
        self._own_settings: list[bytes] = []
        #: The name of the one command that is prepared in the session.
        self._prepared = ""
        self._pid = 0
        self.around: Around | None = None
        self.guard: Guard | None = None
        self.acting: Acting | None = None
        self.note: Callable[[str], object] = unheard

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
            self._prepared = ""
            self._set_up(self._connection)
        return self._connection

    @property
    def backend_pid(self) -> int:
        """The process that serves the connection, as the server says: a pooler says something else."""
        if not self._pid or self.connection.closed:
            self._pid = self.query("SELECT pg_catalog.pg_backend_pid() AS pid")[0]["pid"]
        return self._pid

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
        from psycopg.pq import ExecStatus

        connection = self.connection
        try:
            # Statements are passed on by callers of this project; values always travel as parameters.
            cursor = connection.execute(sql.encode(), params or None)
            # Rows need not have columns, which `description` does not tell from none at all.
            return cursor.fetchall() if cursor.pgresult and cursor.pgresult.status == ExecStatus.TUPLES_OK else []
        except psycopg.Error as error:
            raise self.refused(error) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the queries of the body in one transaction: all or none. Raises DatabaseError."""
        self.query("BEGIN")
        try:
            yield
        except BaseException:
            self.reset()
            raise
        self.query("COMMIT")

    def pieces(self, migration: Migration, section: Section) -> tuple[Piece, ...]:
        """The pieces in which `run` sends a section.

        Raises:
            MigrationFailed: As `shared.pieces.cut` does, or VERIFY cannot be asked.
        """
        refuse_unusable(migration, section)
        return cut(migration, section, own_commits=self._as_its_tool and migration.layout != "elf")

    def run(
        self,
        migration: Migration,
        section: Section,
        *,
        record: Record | None = None,
        closing: Closing | None = None,
        meanwhile: Meanwhile | None = None,
        resume_from: int = 0,
        begun: bool = False,
        progress: Progress | None = None,
        beginning: Progress | None = None,
        leaving: Record | None = None,
        lock_retries: int = 0,
    ) -> Outcome:
        """Run one section: whole in one transaction, or piece by piece where it asks for that.

        Args:
            migration: The migration that is run.
            section: Its UP or its DOWN section.
            record: Writes the history with the connection it gets, or returns the command (bytes) that does; its rows
                are committed with the last piece.
            closing: Returns the same command for a session in which it is prepared, and need not see what the section
                did: with it, a section that runs in one piece is sent at once with its COMMIT.
            meanwhile: Called once or not at all, while the server works at the section.
            resume_from: How many statements of the section an earlier run has already carried out.
            begun: Whether that run had told `beginning` that the next one begins, and nothing since.
            progress: Told (count, cumulative hash) when a run of several pieces starts, and after each piece;
                called inside the transaction of a piece that has one.
            beginning: Told the same before a statement outside a transaction that must not simply run again.
            leaving: Gets the connection when the section is carried out, before its session is reset.
            lock_retries: How often a piece is tried again that waited for a lock in vain.

        Raises:
            MigrationFailed: With the span of the statement in the file and a sentence about what stays carried out.
            ConnectionFailed: No connection could be made.
            DatabaseError: The guard's, before a piece, when the lock was lost.
        """
        import psycopg

        calls = Calls(record, closing, meanwhile, progress, beginning, leaving)
        run = Run(self, migration, section, calls, resume_from=resume_from, begun=begun, lock_retries=lock_retries)
        self._notices = []
        started = time.perf_counter()
        try:
            run.carry_out()
        except psycopg.Error as error:
            raise self.refused(error) from None
        finally:
            if not run.is_reset:
                self.reset()
        count = sum(len(piece.statements) for piece in run.pieces)
        return Outcome(count, (time.perf_counter() - started) * 1000, tuple(self._notices))

    def remark(self, text: str) -> None:
        """Tell something that belongs into the outcome of the present run."""
        self._notices.append(text)

    def keep_watch(self) -> None:
        """From now on, let the server notice soon when we are gone, and end what it still runs for us."""
        self._is_watchful = True
        if self._connection is not None:
            self._set_up(self._connection)

    def like_new(self) -> list[bytes]:
        """The commands that make a session like new, for the next migration; the server refuses one when they cannot.

        Then `reset` can.
        """
        return [*(LIKE_NEW_BUT_PREPARED if self._prepared else LIKE_NEW), *self._own_settings]

    def prepare(self, prepared: Prepared) -> None:
        """Prepare a command in the session, where it is not yet; raises psycopg.Error when the server refuses."""
        if self._prepared != prepared.name:
            send_or_raise(self.connection, b"DEALLOCATE ALL; " + prepared.definition)
            self._prepared = prepared.name

    def reset(self) -> None:
        """Begin the next migration in a session like new: a SET of one must not change what the next one does."""
        import psycopg

        connection = self._connection
        if connection is None or connection.broken or connection.closed:
            self.close()
            return
        self._prepared = ""
        try:
            roll_back_if_open(connection)
            refused = error_in(send(connection, b"; ".join(self.like_new())))
        except psycopg.Error:
            self.close()
        else:
            if refused is not None:
                self.close()

    def _set_up(self, connection: Connection[dict[str, Any]]) -> None:
        import psycopg

        self._own_settings = assignments(connection, self.settings)
        self._pid = 0
        try:
            if self._is_watchful:
                self._own_settings = [*watchful(connection), *self._own_settings]
            refused = error_in(send(connection, b"; ".join(self._own_settings))) if self._own_settings else None
        except psycopg.Error as error:
            raise self.refused(error) from None
        if refused:
            raise self.refused(refused)

    def refused(self, error: psycopg.Error) -> DatabaseError:
        """Turn what the server said to a query of ours into our words."""
        said = redact((error.diag.message_primary or str(error)).strip(), self.target)
        if self._connection is None or self._connection.broken:
            self.close()
            text = f"The server at {self.target.where} went away: {said.partition(chr(10))[0]}"
            return ConnectionFailed(text, "Check the server, then run it again.")
        return DatabaseError(f"The server refused: {said}", remedy_for(error.sqlstate or "", said))

    def _noticed(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized in ("WARNING", "NOTICE") and diagnostic.message_primary:
            self._notices.append(f"{diagnostic.severity_nonlocalized}: {diagnostic.message_primary}")
