"""How a section is cut into the pieces that are sent to the server: usually one, the whole section.

A piece in a transaction is sent whole in one simple-protocol query; splitting text is left to Postgres wherever
possible. A section is cut only where it says so itself: by BEGIN and COMMIT of its own, or by `Transaction: none`.
Its statements are then pieces of their own, and those that can do so still run in a transaction each: one that is
killed between its end and the note of it would run twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.alone import runs_alone
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.model import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.model import Migration, Section, Statement

_BOM = b"\xef\xbb\xbf"
_BEGINS = ("TRANS_STMT_BEGIN", "TRANS_STMT_START")
_CONTROLS = {
    "TRANS_STMT_COMMIT": "COMMIT",
    "TRANS_STMT_ROLLBACK": "ROLLBACK",
    "TRANS_STMT_PREPARE": "PREPARE TRANSACTION",
    "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED",
    "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}


@dataclass(frozen=True)
class Piece:
    """A stretch of a section that is sent at once.

    `span` is its place in the file; `statements` are those that the server will see; `first` and `last` count the
    section's statements, BEGIN and COMMIT included, half-open; `in_transaction` says that it runs in one together with
    what is written of it into the history; `blanked` are the spans of the pair that is left out.
    """

    span: Span
    statements: tuple[Statement, ...]
    first: int
    last: int
    in_transaction: bool
    blanked: tuple[Span, ...] = ()

    def text(self, migration: Migration) -> bytes:
        """The bytes to send: as long as the span, so that positions that Postgres reports stay true."""
        data = bytearray(migration.data[self.span.start : self.span.end])
        if self.span.start == 0 and data.startswith(_BOM):
            data[: len(_BOM)] = b"   "
        for span in self.blanked:
            data[span.start - self.span.start : span.end - self.span.start] = b" " * (span.end - span.start)
        return bytes(data)


def cut(migration: Migration, section: Section, *, own_commits: bool = False) -> tuple[Piece, ...]:
    """Return the pieces of `section` in order.

    With `own_commits` a COMMIT without a BEGIN ends the transaction that the section runs in, and another one begins:
    other tools let that happen.

    Raises:
        MigrationFailed: It opens or ends transactions in a way that cannot be kept together, or holds what no
            executor can send (COPY … FROM STDIN, a NUL byte). Nothing has been sent then.
    """
    _refuse_unsendable(migration, section)
    statements = section.statements
    pieces: list[Piece] = []
    loose = 0
    opened: int | None = None
    for index, statement in enumerate(statements):
        control = _control(statement)
        if control in _BEGINS:
            if opened is not None:
                raise _refused(migration, statement, "opens a transaction (BEGIN) inside another one")
            pieces += _loose(migration, section, loose, index)
            opened = index
        elif control == "TRANS_STMT_COMMIT" and opened is not None and not statement.node.get("chain"):
            begin = statements[opened]
            pieces.append(
                Piece(
                    Span(begin.span.start, statement.span.end),
                    statements[opened + 1 : index],
                    opened,
                    index + 1,
                    in_transaction=True,
                    blanked=(begin.span, statement.span),
                )
            )
            opened, loose = None, index + 1
        elif control == "TRANS_STMT_COMMIT" and own_commits and opened is None:
            pieces += _loose(migration, section, loose, index)
            loose = index + 1
        elif control in _CONTROLS:
            raise _refused(migration, statement, f"ends the transaction that it runs in ({_CONTROLS[control]})")
    if opened is not None:
        raise _refused(migration, statements[opened], "opens a transaction (BEGIN) that it never commits")
    if not statements:
        return (Piece(section.span, (), 0, 0, in_transaction=True),)
    if not pieces and migration.is_transactional(section):
        return (Piece(section.span, statements, 0, len(statements), in_transaction=True),)
    return (*pieces, *_loose(migration, section, loose, len(statements)))


def cumulative_hash(migration: Migration, section: Section, count: int) -> str:
    """Return a hash of the first `count` statements, by which a rerun knows that they are still the same."""
    digest = hashlib.sha256()
    for statement in section.statements[:count]:
        digest.update(b" ".join(migration.data[statement.span.start : statement.span.end].split()) + b";")
    return digest.hexdigest()


def settings_before(section: Section, count: int) -> list[Statement]:
    """Return the SET statements among the first `count`: a rerun in a new session needs them again."""
    return [
        statement
        for statement in section.statements[:count]
        if statement.kind == "VariableSetStmt" and not statement.node.get("is_local")
    ]


def _loose(migration: Migration, section: Section, start: int, end: int) -> list[Piece]:
    """The statements from `start` to `end` that stand in no BEGIN … COMMIT of the section itself."""
    statements: Sequence[Statement] = section.statements[start:end]
    if not statements:
        return []
    if migration.is_transactional(section):
        span = Span(statements[0].span.start, statements[-1].span.end)
        return [Piece(span, tuple(statements), start, end, in_transaction=True)]
    return [
        Piece(statement.span, (statement,), number, number + 1, in_transaction=not runs_alone(statement))
        for number, statement in enumerate(statements, start)
    ]


def _control(statement: Statement) -> str:
    return str(statement.node.get("kind", "")) if statement.kind == "TransactionStmt" else ""


def _refused(migration: Migration, statement: Statement, what: str) -> MigrationFailed:
    return MigrationFailed(
        f"{_line_of(migration, statement.span)} {what}, so it could be left half applied. Nothing of it has been run.",
        "Leave BEGIN and COMMIT out: a migration runs in a transaction of its own. What cannot run in one needs "
        f"{migration.outside}.",
        span=statement.span,
        sqlstate="25P01" if _control(statement) not in _BEGINS else "25001",
    )


def _line_of(migration: Migration, span: Span) -> str:
    return f"{migration.path_at(span.start)}: line {migration.position(span.start)[0]}"


def _refuse_unsendable(migration: Migration, section: Section) -> None:
    nul = migration.data.find(b"\0", section.span.start, section.span.end)
    if nul >= 0:
        raise MigrationFailed(
            f"{_line_of(migration, Span(nul, nul))} holds a NUL byte, where Postgres would stop reading.",
            "Save the file as UTF-8 text.",
            span=Span(nul, nul + 1),
            sqlstate="22021",
        )
    for statement in section.statements:
        if statement.kind == "CopyStmt" and "filename" not in statement.node:
            raise MigrationFailed(
                f"{_line_of(migration, statement.span)} copies rows from or to the client (COPY … STDIN or STDOUT), "
                "which only psql can do.",
                "Write the rows as INSERT statements (pg_dump --inserts makes them).",
                span=statement.span,
                sqlstate="0A000",
            )
