"""Rows that are written in the midst of a statement: by a data-modifying WITH."""

from __future__ import annotations

from elf_sqlcheck.catalog.read_columns import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.model import Statement

_DESTRUCTIVE = ("UpdateStmt", "DeleteStmt", "MergeStmt")


def overwritten(statement: Statement) -> Iterator[Name]:
    """The tables that UPDATE, DELETE and MERGE within the WITH of a statement write to.

    See https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING
    """
    if '"CommonTableExpr":' in statement.json and any(f'"{kind}":' in statement.json for kind in _DESTRUCTIVE):
        yield from _within(statement.node)


def _within(node: Any) -> Iterator[Name]:
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in _DESTRUCTIVE:
                yield name_of(inner["relation"])
            yield from _within(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _within(inner)
