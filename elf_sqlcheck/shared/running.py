"""One section on its way to the server: piece by piece, guarded, tried again when a lock was not to be had."""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared import asserting, concurrently, outside
from elf_sqlcheck.shared.acting import OURSELVES
from elf_sqlcheck.shared.blockers import gave_up, named
from elf_sqlcheck.shared.calls import told
from elf_sqlcheck.shared.failing import DIVISION_BY_ZERO, Failing
from elf_sqlcheck.shared.failures import own_commit, rolled_back_at_commit
from elf_sqlcheck.shared.pieces import cumulative_hash, settings_before
from elf_sqlcheck.shared.session import BARE, BARE_FOR_NOW, assignments, error_in, patience, send, send_or_raise
from elf_sqlcheck.shared.transaction import TRANSACTION_ID, committed, is_over, roll_back_if_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.calls import Calls
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.pieces import Piece

_LOCK_NOT_AVAILABLE = "55P03"
_NOT_PREPARED = "26000"
#: What Postgres says of a statement that cannot run in a transaction, and of a procedure that ends its own.
_ALONE = frozenset({"25001", "2D000"})
#: Seconds to wait before a lock is tried for again: about so many, then twice as many, up to the last.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0


class Run(Failing):
    """A section that an executor carries out; its session has to be reset afterwards, unless `is_reset`."""

    def __init__(
        self,
        executor: SupabaseExecutor,
        migration: Migration,
        section: Section,
        calls: Calls,
        *,
        resume_from: int = 0,
        begun: bool = False,
        lock_retries: int = 0,
    ) -> None:
        acting = executor.acting(migration, section) if executor.acting else OURSELVES
        # The connection is kept, because the executor would open another one in place of one that was lost.
        super().__init__(executor, migration, section, acting, executor.connection)
        self._calls = calls
        self._begun = begun
        self._lock_retries = lock_retries
        whole = executor.pieces(migration, section)
        self.pieces = [piece for piece in whole if piece.last > resume_from or not section.statements]
        self._several = len(self.pieces) > 1 or resume_from > 0 or not migration.is_transactional(section)
        self._asks = migration.verify is not None and section.name == "up"
        self._done = resume_from
        self.is_reset = False

    def carry_out(self) -> None:
        """Send everything, and tell whoever is to be told."""
        calls, connection = self._calls, self._connection
        self._open()
        at_start = calls.beginning if self._begun else calls.progress
        if self._several and at_start:
            at_start(self._done, self._mark(self._done))
        for piece in self.pieces:
            with self._executor.around(self._migration, piece) if self._executor.around else nullcontext():
                self._with_patience(piece)
            self._done, self._begun = piece.last, False
        if self._asks and self._several:
            with self._acting.outside(connection):
                asserting.hold(connection, self._migration, self._done)
        if (record := calls.record) and self._records_apart:
            self._write_now(lambda: record(connection))
        if calls.leaving:
            calls.leaving(connection)

    def _open(self) -> None:
        """Bring the session where it has to be for the next piece, unless the piece's own transaction does that."""
        if not self._several:
            return
        connection = self._connection
        commands = [*self._guarding(), *assignments(connection, self._migration.timeouts)]
        if commands and (refused := error_in(send(connection, b"; ".join(commands)))):
            guard = self._executor.guard
            raise guard.lost() if guard and refused.sqlstate == DIVISION_BY_ZERO else self._executor.refused(refused)
        for statement in settings_before(self._section, self._done):
            self._executor.query(self._migration.text(statement.span))

    def _with_patience(self, piece: Piece) -> None:
        """Run a piece, and again when it waited for a lock in vain and nothing of it stays."""
        guard = self._executor.guard
        tries = 0
        while True:
            try:
                with guard.blockers.watching(self._executor.backend_pid) if guard else nullcontext():
                    self._run(piece)
            except MigrationFailed as error:
                if error.sqlstate != _LOCK_NOT_AVAILABLE:
                    raise
                seen = guard.blockers.seen if guard else ()
                if tries >= self._lock_retries or not self._may_repeat(piece, error):
                    raise gave_up(error, tries, seen) if guard else error from None
                tries += 1
                pause = min(_FIRST_WAIT * 2 ** (tries - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.5)  # noqa: S311
                if guard:
                    who = f"; in the way: {named(seen)}" if seen else ""
                    guard.note(
                        f"{self._migration.name} waited for a lock in vain ({error.detail}){who}. "
                        f"Try {tries + 1} of {self._lock_retries + 1} follows in {pause:.1f} s",
                        "retry",
                    )
                self._executor.reset()
                time.sleep(pause)
                self._connection = self._executor.connection
                self._open()
            else:
                return

    def _may_repeat(self, piece: Piece, error: MigrationFailed) -> bool:
        if error.completed != self._done:
            return False
        return not self._is_alone or outside.may_repeat(piece.statements[0])

    def _run(self, piece: Piece) -> None:
        """Run a piece in a transaction where that is possible."""
        loose = not piece.blanked and not self._migration.is_transactional(self._section)
        self._is_alone = not piece.in_transaction or (loose and self._begun)
        if not self._is_alone:
            try:
                if not self._may_go_at_once or not self._at_once(piece):
                    self._in_transaction(piece)
            except MigrationFailed as error:
                if not loose or error.sqlstate not in _ALONE:
                    raise
                roll_back_if_open(self._connection)
                self._is_alone = True
        if self._is_alone:
            self._alone(piece)

    @property
    def _may_go_at_once(self) -> bool:
        """Whether nobody has to look between the section and its COMMIT.

        In a transaction block only a statement of the section's own can end it, no procedure and no DO block. Such a
        one is found where all could be read, and the server reads backslashes in strings as the parser does.
        """
        calls = self._calls
        return (
            bool(self._section.statements)
            and not (self._several or self._asks or self._migration.broken)
            and (calls.record is None or calls.closing is not None)
            and self._connection.info.parameter_status("standard_conforming_strings") == "on"
        )

    def _at_once(self, piece: Piece) -> bool:
        """Send a piece, what it is surrounded by, and its COMMIT; False when that has to be done step by step."""
        import psycopg

        connection, calls, executor = self._connection, self._calls, self._executor
        closing: list[bytes] = []
        is_sent = False
        try:
            if calls.closing:
                prepared = calls.closing(connection)
                executor.prepare(prepared)
                closing = [*self._plain(), prepared.command]
            lead = [b"BEGIN", *self._guarding(), *self._limits(), *self._acting.entering(connection)]
            after = [*self._acting.leaving(connection), *closing]
            then = [] if calls.leaving else executor.like_new()
            prefix = b"; ".join(lead) + b";\n"
            query = prefix + piece.text(self._migration) + b"\n;" + b"; ".join([*after, b"COMMIT", *then])
            is_sent = True
            results = send(connection, query, calls.meanwhile)
        except psycopg.Error as error:
            raise self._failed(piece, error, committing=is_sent) from None
        refused, answered = error_in(results), len(results) - 1
        last = len(lead) + len(piece.statements) + len(after)
        if refused is not None and answered <= last:
            if connection.broken and not refused.sqlstate:
                # Nobody heard from the server, which may have been told all and gone on to the COMMIT.
                raise self._failed(piece, refused, committing=True)
            if closing and answered == last - 1 and refused.sqlstate == _NOT_PREPARED:
                roll_back_if_open(connection)  # the migration has thrown away what was prepared
                return False
            if answered == last:
                raise self._failed(piece, refused, committing=True)
            self._check(piece, results, lead, before=len(prefix.decode()))
        if results[last].command_status != b"COMMIT":
            raise rolled_back_at_commit(self._migration, self._section, piece)
        self.is_reset = refused is None and not calls.leaving
        return True

    def _in_transaction(self, piece: Piece) -> None:
        """Send a piece whole, and commit it together with the history."""
        import psycopg

        connection = self._connection
        hooks = self._hooks(piece)
        lead = [b"BEGIN", TRANSACTION_ID, *self._guarding(), *self._limits(), *self._acting.entering(connection)]
        after = [*self._acting.leaving(connection), *(self._plain() if hooks else ())]
        asks = self._asks and not self._several
        tail = [TRANSACTION_ID, *(() if asks else after)]
        prefix = b"; ".join(lead) + b";\n"
        try:
            # What the section ends with may be a comment, or lack its semicolon.
            results = send(connection, prefix + piece.text(self._migration) + b"\n;" + b"; ".join(tail))
            self._check(piece, results, lead, before=len(prefix.decode()))
            over = is_over(connection)
            if over or results[1].get_value(0, 0) != results[-len(tail)].get_value(0, 0):
                kept = committed(results[len(lead) : -len(tail)])
                raise own_commit(self._migration, self._section, piece, kept, rest_stays=over)
            if asks:
                asserting.hold(connection, self._migration)
                send_or_raise(connection, b"; ".join(after))
            closing = told(hooks)
        except psycopg.Error as error:
            raise self._failed(piece, error) from None
        self._commit(piece, closing)

    def _commit(self, piece: Piece, closing: Sequence[bytes]) -> None:
        """Send what closes the transaction, commit, and when nothing follows make the session like new, all at once."""
        import psycopg

        connection = self._connection
        is_last = piece is self.pieces[-1] and not self._calls.leaving and not self._records_apart
        commands = [*closing, b"COMMIT", *(self._executor.like_new() if is_last else ())]
        try:
            results = send(connection, b"; ".join(commands))
        except psycopg.Error as error:
            raise self._failed(piece, error, committing=True) from None
        refused = error_in(results)
        if refused is not None and len(results) <= len(closing) + 1:
            raise self._failed(piece, refused, committing=True)
        if results[len(closing)].command_status != b"COMMIT":
            raise rolled_back_at_commit(self._migration, self._section, piece)
        self.is_reset = is_last and refused is None

    def _alone(self, piece: Piece) -> None:
        """Send a statement outside a transaction, unless an earlier run, which was broken off, carried it out."""
        import psycopg

        connection, migration, statement = self._connection, self._migration, piece.statements[0]
        try:
            look = outside.look_for(statement)
            was_so = look is not None and look(connection, statement)
            if self._begun and was_so:
                line = migration.position(statement.span.start)[0]
                self._executor.remark(f"line {line} was not run again: the run before had carried it out")
            elif self._begun and not outside.may_repeat(statement):
                raise outside.unknown(migration, statement, piece.last, self._mark(piece.last))
            else:
                self._send_alone(piece, was_so=was_so)
            if hooks := self._hooks(piece):
                self._commit(piece, self._write(hooks))
        except psycopg.Error as error:
            raise self._failed(piece, error) from None

    def _send_alone(self, piece: Piece, *, was_so: bool) -> None:
        connection, migration, statement = self._connection, self._migration, piece.statements[0]
        if cleared := outside.clear(connection, migration, statement):
            self._executor.remark(cleared)
        calls, mark = self._calls, self._mark(self._done)
        # A result that was there before tells nothing; and what may just run again needs no telling.
        tells = not was_so and not outside.is_repeatable(statement)
        if tells and calls.beginning:
            begin = calls.beginning
            self._write_now(lambda: begin(self._done, mark))
        try:
            with self._acting.outside(connection):
                if not concurrently.complete_detaching(connection, statement):
                    self._check(piece, send(connection, piece.text(migration)), (), before=0)
        except MigrationFailed:
            if tells and calls.progress and not connection.broken:
                progress = calls.progress
                self._write_now(lambda: progress(self._done, mark))
            raise
        if concurrently.is_concurrent_index(statement):
            concurrently.check_valid(connection, migration, statement)

    def _write(self, hooks: Sequence[Callable[[], object]]) -> list[bytes]:
        """Open a transaction and let the history be written in it; returns what is to be sent with the COMMIT."""
        send_or_raise(self._connection, b"; ".join([b"BEGIN", *self._plain()]))
        return told(hooks)

    def _write_now(self, hook: Callable[[], object]) -> None:
        """Let the history be written in a transaction of its own."""
        send_or_raise(self._connection, b"; ".join([*self._write([hook]), b"COMMIT"]))

    def _plain(self) -> Sequence[bytes]:
        """What keeps a SET ROLE or search_path of the migration, or its own hand, from deciding on its history."""
        guard = self._executor.guard
        untouched = (b"SET CONSTRAINTS ALL IMMEDIATE", guard.untouched) if guard and guard.untouched else ()
        return (*(BARE_FOR_NOW if self._several else BARE), *untouched)

    def _guarding(self) -> tuple[bytes, ...]:
        guard = self._executor.guard
        return (guard.statement,) if guard else ()

    def _limits(self) -> list[bytes]:
        """The timeouts of a transaction, unless the session has been given them."""
        connection, guard, timeouts = self._connection, self._executor.guard, self._migration.timeouts
        wanted = guard.lock_timeout if guard and "lock_timeout" not in {*timeouts, *self._executor.settings} else ""
        if self._several:
            # A statement before it may have set one.
            return [patience(connection, wanted)] if wanted else []
        return assignments(connection, {**timeouts, **({"lock_timeout": wanted} if wanted else {})}, local=True)

    def _hooks(self, piece: Piece) -> list[Callable[[], object]]:
        """What is to be written with a piece."""
        calls, connection = self._calls, self._connection
        hooks: list[Callable[[], object]] = []
        if self._several and (progress := calls.progress):
            hooks.append(lambda: progress(piece.last, self._mark(piece.last)))
        if (record := calls.record) and piece is self.pieces[-1] and not self._records_apart:
            hooks.append(lambda: record(connection))
        return hooks

    @property
    def _records_apart(self) -> bool:
        """Whether the history's row is no part of the last piece: VERIFY has to be asked before, or there is none."""
        return not self.pieces or (self._asks and self._several)

    def _mark(self, count: int) -> str:
        return cumulative_hash(self._migration, self._section, count)
