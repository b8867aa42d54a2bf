"""The base of all changes, and the word for what the vocabulary has none for."""

from __future__ import annotations

from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Name, Type
    from elf_sqlcheck.model import Span, Statement


class Change(Record):
    """Base of all changes."""

    statement: Statement
    span: Span


class Opaque(Change):
    """A statement that this vocabulary has no word for; `what` names it for people ("CREATE OPERATOR").

    Where it creates an object, `kind` and `name` say which, in the words of `Drop`, with `part` for a rule of the table
    `name`, `arguments` for an aggregate, `table` and `columns` for statistics.
    """

    what: str
    kind: str = ""
    name: Name | None = None
    part: str | None = None
    arguments: tuple[Type, ...] | None = None
    table: Name | None = None
    columns: tuple[str, ...] = ()


class TableChange(Change):
    """Base of what ALTER TABLE does to `table`."""

    table: Name
