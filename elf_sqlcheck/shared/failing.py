"""What a run of a section says when the server refuses it, or goes away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.failures import statement_failed, went_away, what_stays
from elf_sqlcheck.shared.session import error_in
from elf_sqlcheck.shared.transaction import committed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg import Connection
    from psycopg.pq.abc import PGresult

    from elf_sqlcheck.model import Migration, Section, Span
    from elf_sqlcheck.shared.acting import Ourselves
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.pieces import Piece

DIVISION_BY_ZERO = "22012"


class Failing:
    """A section on its way to the server, as far as it has to be known when it fails."""

    def __init__(
        self,
        executor: SupabaseExecutor,
        migration: Migration,
        section: Section,
        acting: Ourselves,
        connection: Connection[dict[str, Any]],
    ) -> None:
        self._executor = executor
        self._migration = migration
        self._section = section
        self._acting = acting
        self._connection = connection
        #: How many statements stay carried out, and whether the present one runs outside of a transaction.
        self._done = 0
        self._is_alone = False

    def _check(self, piece: Piece, results: Sequence[PGresult], lead: Sequence[bytes], *, before: int) -> None:
        """Raise what the server's answers say to a piece, before which `lead` was sent, in `before` characters."""
        from psycopg.pq import ExecStatus

        migration, section, guard = self._migration, self._section, self._executor.guard
        error = error_in(results)
        if error is not None:
            number = len(results) - 1
            answered = max(number - len(lead), 0)
            if self._connection.broken:
                # One that ends its own session may be answered before.
                running = piece.statements[: answered + 1][-1:]
                raise self._went_away(span=running[0].span if running else section.span, said=str(error))
            if guard and error.sqlstate == DIVISION_BY_ZERO and lead[number : number + 1] == [guard.statement]:
                raise guard.lost()
            kept = committed(results[len(lead) :])
            raise self._refused(piece, error, answered=answered, kept=kept, before=before)
        if results[-1].status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH):
            self._executor.close()
            raise MigrationFailed(
                f"{migration.path}: {section.name.upper()} copies rows from or to the client, which only psql can do.",
                "Write the rows as INSERT statements.",
                span=section.span,
                sqlstate="0A000",
            )

    def _failed(self, piece: Piece, error: psycopg.Error, *, committing: bool = False) -> MigrationFailed:
        """Return the error for what the server said to anything but the piece itself."""
        if self._connection.broken:
            span = piece.statements[0].span if len(piece.statements) == 1 else None
            return self._went_away(span=span, committing=committing)
        answered = 0 if self._is_alone else len(piece.statements)
        return self._refused(piece, error, answered=answered)

    def _refused(
        self, piece: Piece, error: psycopg.Error, *, answered: int, kept: int = 0, before: int = 0
    ) -> MigrationFailed:
        state = what_stays(self._done, kept, is_alone=self._is_alone)
        failed = statement_failed(
            error, self._migration, self._section, piece, answered=answered, completed=self._done + kept, state=state,
            before=before,
        )  # fmt: skip
        return self._acting.explained(failed)

    def _went_away(self, *, span: Span | None = None, said: str = "", committing: bool = False) -> MigrationFailed:
        where = self._executor.target.where
        return went_away(
            self._migration, self._section, where, self._done, unknown=committing or self._is_alone, span=span,
            said=said,
        )  # fmt: skip
