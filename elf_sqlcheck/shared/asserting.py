"""VERIFY: asks the server, once UP is carried out, whether everything is as the migration says that it must be.

It is asked in a subtransaction that may only read and is rolled back, so that asking changes nothing: neither rows nor
settings, not even by a function that it calls. See https://www.postgresql.org/docs/current/sql-set-transaction.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.assertions import more_than_a_look
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.failures import statement_failed, stays
from elf_sqlcheck.shared.pieces import Piece
from elf_sqlcheck.shared.session import send_or_raise
from elf_sqlcheck.shared.transaction import is_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section, Span, Statement

#: https://www.postgresql.org/docs/current/errcodes-appendix.html: assert_failure
_ASSERT_FAILURE = "P0004"
_WRONG = "Correct what UP does, or the assertion, if it is that which is wrong."
_REMEDIES = {
    "25006": "VERIFY may only read. What writes belongs into UP.",
    _ASSERT_FAILURE: _WRONG,
    "P0001": _WRONG,
}
_BOOLEAN = 16
_SHOWN = 100


def refuse_unusable(migration: Migration, section: Section) -> None:
    """Make sure that the VERIFY section, if `section` is followed by one, can be asked.

    Raises:
        MigrationFailed: It holds what is no SQL, or what does more than look. Nothing has been sent then.
    """
    verify = migration.verify
    if verify is None or section.name != "up":
        return
    for broken in migration.broken:
        if verify.span.start <= broken.piece.start < verify.span.end:
            raise _refused(migration, broken.span, f"is no SQL: {broken.message}", "Correct it.", "42601")
    for statement in verify.statements:
        if what := more_than_a_look(statement):
            said = f"{what}, but VERIFY may only look"
            remedy = "Ask with SELECT, or with ASSERT in a DO block. What writes belongs into UP."
            raise _refused(migration, statement.span, said, remedy, "25006")


def hold(connection: Connection[dict[str, Any]], migration: Migration, completed: int = 0) -> None:
    """Ask everything that the VERIFY section asks, in the transaction that is open, else in one of its own.

    Args:
        connection: Where UP was carried out, with the settings that UP has left.
        migration: Whose section it is.
        completed: How many of UP's statements stay carried out when the answer is no.

    Raises:
        MigrationFailed: An assertion does not hold, or cannot be asked.
        psycopg.Error: The connection was lost.
    """
    verify = migration.verify
    if verify is None:
        return
    by_itself = is_over(connection)
    state = "Its transaction was rolled back; nothing of it stays."
    if by_itself:
        state = f"UP did not run in one transaction: {stays(completed)} Run again, only VERIFY is asked."
    opening = b"SAVEPOINT elf_verify; SET TRANSACTION READ ONLY"
    send_or_raise(connection, b"BEGIN; " + opening if by_itself else opening)
    for statement in verify.statements:
        try:
            said = _answer(connection, migration, statement)
        except connection.Error as error:
            if connection.broken:
                raise
            piece = Piece(statement.span, (statement,), 0, 1, in_transaction=True)
            failed = statement_failed(error, migration, verify, piece, answered=0, completed=completed, state=state)
            failed.remedy = _REMEDIES.get(failed.sqlstate, failed.remedy)
            raise failed from None
        if said:
            raise MigrationFailed(
                f"{_place(migration, statement.span)}: VERIFY does not hold: {_shortened(migration, statement)}\n"
                f"  {said}\n  {state}",
                _WRONG,
                span=statement.span,
                sqlstate=_ASSERT_FAILURE,
                detail=said,
                completed=completed,
            )
    closing = b"ROLLBACK TO SAVEPOINT elf_verify; RELEASE SAVEPOINT elf_verify"
    send_or_raise(connection, b"ROLLBACK" if by_itself else closing)


def _answer(connection: Connection[dict[str, Any]], migration: Migration, statement: Statement) -> str:
    """What tells against an assertion, "" when it holds; raises psycopg.Error."""
    from psycopg.rows import tuple_row

    text = migration.data[statement.span.start : statement.span.end]
    if statement.kind != "SelectStmt":
        send_or_raise(connection, text)
        return ""
    number = 0
    # Row by row, because an assertion may well be asked of each row of a large table.
    with connection.cursor(row_factory=tuple_row) as cursor:
        for number, row in enumerate(cursor.stream(text), start=1):
            columns = cursor.description or []
            if odd := next((column for column in columns if column.type_code != _BOOLEAN), None):
                return f"its column {odd.name} is of type {odd.type_display}, and not true or false"
            if not columns or not all(row):
                return f"row {number} says {_row([column.name for column in columns], row)}"
    return "" if number else "it returned no row, so nothing says that it is true"


def _row(names: Sequence[str], row: Sequence[Any]) -> str:
    words = {True: "true", False: "false", None: "null"}
    return ", ".join(f"{name} = {words[value]}" for name, value in zip(names, row, strict=True)) or "nothing at all"


def _shortened(migration: Migration, statement: Statement) -> str:
    text = " ".join(migration.text(statement.span).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _place(migration: Migration, span: Span) -> str:
    return f"{migration.path_at(span.start)}:{migration.position(span.start)[0]}"


def _refused(migration: Migration, span: Span, said: str, remedy: str, sqlstate: str) -> MigrationFailed:
    message = f"{_place(migration, span)}: a statement of VERIFY {said}. Nothing of the migration has been run."
    return MigrationFailed(message, remedy, span=span, sqlstate=sqlstate)
