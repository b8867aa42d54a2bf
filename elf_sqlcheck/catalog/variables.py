"""What the variables of a plpgsql function are worth where the walk through it has come."""

from __future__ import annotations

from json import loads

from elf_sqlcheck.catalog.change_rows import Unknown
from elf_sqlcheck.catalog.expressions import strings
from elf_sqlcheck.catalog.texts import elements, evaluate, known, quoting_of
from elf_sqlcheck.sql import parse_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.texts import Parts

    Node = dict[str, Any]

#: Statements that assign to one variable, and what its number is called; 0 is left out.
_ASSIGNING = {"PLpgSQL_diag_item": "target", "PLpgSQL_stmt_assign": "varno", "PLpgSQL_stmt_foreach_a": "varno"}


def select_of(text: str) -> Node | None:
    """The node of an expression, None when it is none."""
    json = parse_text(f"SELECT {text}")[0]
    try:
        found: Node = loads(json)["stmts"][0]["stmt"]["SelectStmt"]["targetList"][0]["ResTarget"]["val"]
    except (ValueError, LookupError, RecursionError):
        return None
    return found


class Variables:
    """The variables and parameters of one function; `values` has those of which anything is known.

    `datums` are libpg_query's, parameters first, up to the variable FOUND. Unless they are `followed`, which takes its
    time, nothing is known of any.
    """

    __slots__ = ("followed", "names", "types", "values")

    def __init__(self, datums: list[Node], *, followed: bool) -> None:
        self.followed = followed
        self.values: dict[str, Parts | list[Parts]] = {}
        self.names = [datum.get("refname", "") for datum in datums]
        self.types: dict[str, str] = {}
        if not followed:
            return
        self.types = {
            d.get("refname", ""): d.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "") for d in datums
        }
        parameters = True
        for number, datum in enumerate(datums, 1):
            name = datum.get("refname", "")
            if name == "found" and "lineno" not in datum:
                parameters = False
            if not parameters and quoting_of(self.types[name]) and not self.is_ambiguous(name):
                self.values[name] = (Unknown(name, quoting_of(self.types[name])),)
            if not parameters or "promise" in datum or name in {"new", "old"}:  # those of every trigger
                continue
            self.values[name] = self.values[f"${number}"] = (
                Unknown(name, quoting_of(self.types[name]), argument=True),
            )

    def worth(self, text: str) -> Parts:
        """What the text that an expression makes is worth."""
        node = select_of(text)
        return (evaluate(node, self.values) if node else ()) or (Unknown(text),)

    def array(self, text: str) -> list[Parts] | None:
        """The texts of the array that an expression is, None when they are not known."""
        node = select_of(text) if self.followed else None
        return elements(node, self.values) if node else None

    def unnested(self, query: str) -> list[Parts] | None:
        """The texts that `SELECT unnest(ARRAY[…])` gives, None for any other query."""
        if not self.followed or query[:6].lower() != "select" or "unnest" not in query:
            return None
        call = (select_of(query[6:]) or {}).get("FuncCall", {})
        if strings(call.get("funcname"))[-1:] != ["unnest"] or len(call["args"]) != 1:
            return None
        return elements(call["args"][0], self.values)

    def is_ambiguous(self, name: str) -> bool:
        """Whether several variables, in nested blocks, have the name."""
        return self.names.count(name) > 1

    def set(self, name: str, text: str) -> None:
        """Give a variable the value of an expression; one of several with its name is none that can be told apart."""
        if not self.followed or self.is_ambiguous(name):
            self.values.pop(name, None)
            return
        node = select_of(text)
        array = elements(node, self.values) if node and self.types.get(name, "").startswith("_") else None
        if array is not None:
            self.values[name] = array
            return
        value = evaluate(node, self.values) if node else ()
        if value and known(value) is None and quoting_of(self.types.get(name, "")):
            value = (Unknown(name, quoting_of(self.types[name])),)
        self.values[name] = value

    def forget(self, node: Any) -> None:
        """Take back what is known of variables that something in `node` assigns; that they hold an argument stays."""
        if not self.followed:
            return
        for name in self._assigned(node):
            old = self.values.get(name)
            argument = isinstance(old, tuple) and any(isinstance(p, Unknown) and p.argument for p in old)
            self.values[name] = (Unknown(name, quoting_of(self.types.get(name, "")), argument),)

    def _assigned(self, node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from self._assigned(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in _ASSIGNING:
                    yield self.names[value.get(_ASSIGNING[key], 0)]
                elif key in {"PLpgSQL_rec", "PLpgSQL_var"}:
                    yield value.get("refname", "")
                elif key == "fields":
                    yield from (field["name"] for field in value)
                yield from self._assigned(value)
