"""What the condition of a CHECK compares its columns with: the constants and patterns that stand in it."""

from __future__ import annotations

from json import loads

from elf_sqlcheck.record import Record
from elf_sqlcheck.sql import parse_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MATCHES = frozenset({"~", "~*"})
_CONSTANTS = ("sval", "ival", "fval", "boolval")


class Condition(Record):
    """`columns` are those that a condition reads, `constants` and `patterns` (POSIX) what each is compared with."""

    columns: tuple[str, ...]
    constants: dict[str, tuple[str, ...]]
    patterns: dict[str, tuple[str, ...]]


def condition(text: str) -> Condition:
    """Read the text of a condition; one that cannot be read has no columns.

    A constant belongs to the column that it stands in one comparison with, or to all of them when there are several.
    """
    found, _, _ = parse_text(f"SELECT WHERE {text}")
    reader = _Reader()
    if found:
        columns, left = reader.read(loads(found))
        reader.give(columns, left)
    return Condition(
        tuple(reader.columns),
        {name: tuple(dict.fromkeys(values)) for name, values in reader.constants.items()},
        {name: tuple(values) for name, values in reader.patterns.items()},
    )


class _Reader:
    """Walks a tree and notes who is compared with what."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.constants: dict[str, list[str]] = {}
        self.patterns: dict[str, list[str]] = {}

    def give(self, columns: Iterable[str], constants: list[str]) -> None:
        """Note that each of `columns` is compared with the constants."""
        for column in columns:
            self.constants.setdefault(column, []).extend(constants)

    def read(self, node: Any) -> tuple[dict[str, None], list[str]]:
        """The columns in a tree, and the constants that belong to none of them yet."""
        if isinstance(node, list):
            return self._all(node)
        if not isinstance(node, dict):
            return {}, []
        if "ColumnRef" in node:
            fields = node["ColumnRef"].get("fields", [])
            names = [field["String"]["sval"] for field in fields if "String" in field]
            self.columns.update(dict.fromkeys(names[-1:]))
            return dict.fromkeys(names[-1:]), []
        if "A_Const" in node:
            return {}, _constant(node["A_Const"])
        if "TypeName" in node or "typeName" in node:  # numeric(10,2) compares nothing with 10
            node = {key: value for key, value in node.items() if key not in {"TypeName", "typeName"}}
        columns, left = self._all(node.values())
        expression = node.get("A_Expr")
        if expression is not None and len(columns) == 1:
            operator = expression.get("name", [{}])[-1].get("String", {}).get("sval", "")
            target = self.patterns if operator in _MATCHES else self.constants
            target.setdefault(next(iter(columns)), []).extend(left)
            left = []
        return columns, left

    def _all(self, nodes: Iterable[Any]) -> tuple[dict[str, None], list[str]]:
        columns: dict[str, None] = {}
        left: list[str] = []
        for node in nodes:
            inner, more = self.read(node)
            columns.update(inner)
            left += more
        return columns, left


def _constant(node: dict[str, Any]) -> list[str]:
    for kind in _CONSTANTS:
        if kind in node:
            value = node[kind]
            bare = value.get(kind, "0" if kind == "ival" else False) if isinstance(value, dict) else value
            return [str(bare).lower() if isinstance(bare, bool) else str(bare)]
    return []
