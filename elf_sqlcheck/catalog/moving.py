"""Changes that stand elsewhere than where they are made: in texts that EXECUTE runs, in functions that are called."""

from __future__ import annotations

from elf_sqlcheck.model import Span, Statement
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change


def conditional(change: Change) -> Change:
    """The same change, which may or may not be made."""
    old = change.statement
    statement = Statement(
        old.kind,
        old.span,
        old.json,
        old.offset,
        inside=old.inside,
        conditional=True,
        guarded=old.guarded,
        exact=old.exact,
    )
    statement.body = old.body
    return change.replace(statement=statement)


def moved(change: Change, span: Span, *, conditional: bool = False) -> Change:
    """A change of another text, all of whose places are `span`; `conditional` where it was not before."""
    old = change.statement
    statement = Statement(
        old.kind, span, old.json, inside=old.inside, conditional=old.conditional or conditional, guarded=old.guarded,
        exact=False,
    )  # fmt: skip
    if old.body is not None:
        statement.body = tuple(moved(inner, span) for inner in old.body)
    values = {field: _at(getattr(change, field), span) for field in change._fields if field != "statement"}
    return change.replace(statement=statement, **values)


def _at(value: Any, span: Span) -> Any:
    """`value` with all places in it replaced."""
    if isinstance(value, Span):
        return span
    if isinstance(value, Record):
        return value.replace(**{field: _at(getattr(value, field), span) for field in value._fields})
    return tuple(_at(item, span) for item in value) if isinstance(value, tuple) else value
