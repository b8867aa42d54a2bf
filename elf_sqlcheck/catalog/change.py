"""The base of all changes, and the word for what the vocabulary has none for."""

from __future__ import annotations

from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.model import Span, Statement


class Change(Record):
    """Base of all changes."""

    statement: Statement
    span: Span


class Opaque(Change):
    """A statement that this vocabulary has no word for; `what` names it for people ("CREATE OPERATOR")."""

    what: str


class TableChange(Change):
    """Base of what ALTER TABLE does to `table`."""

    table: Name
