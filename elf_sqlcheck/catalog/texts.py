"""What a text expression of plpgsql is worth: EXECUTE of what can be worked out is read like any other SQL.

Literals, `||`, `concat`, `format` and the `quote_` functions are worked out exactly as Postgres does it; whatever else
an expression holds stays in the text as `Unknown`, with what is known of it.
See https://www.postgresql.org/docs/current/functions-string.html#FUNCTIONS-STRING-FORMAT.
"""

from __future__ import annotations

import re

from elf_sqlcheck.catalog.change_rows import Unknown
from elf_sqlcheck.catalog.expressions import Reader, strings
from elf_sqlcheck.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Node = dict[str, Any]

    #: A text in pieces, of which those that are not known before it runs are `Unknown`.
    Parts = tuple[str | Unknown, ...]
    #: What is known of the variables: a text, or the texts of an array.
    Values = Mapping[str, Parts | list[Parts]]

_FORMAT = later(r"%(?:(%)|(?:(\d+)\$)?-?\d*([sIL]))")
_CASTS = frozenset(["text", "varchar", "name", "bpchar"])
#: Values of these types hold nothing that could end a name or a literal.
_HARMLESS = frozenset(
    ["bool", "date", "float4", "float8", "int2", "int4", "int8", "interval", "numeric", "oid", "time", "timestamp",
     "timestamptz", "uuid"]
)  # fmt: skip
#: Their text is quoted where it has to be: https://www.postgresql.org/docs/current/datatype-oid.html.
_NAMES = frozenset(["regclass", "regnamespace", "regproc", "regprocedure", "regrole", "regtype"])


def quoting_of(type_name: str) -> str:
    """How the text of a value of that type is safe in SQL: "identifier", "literal", or "" for not at all."""
    return "identifier" if type_name in _NAMES else "literal" if type_name in _HARMLESS else ""


#: Characters of a text that is worked out, and the pieces that it is put together from.
LONGEST = 100_000
_MOST_PARTS = 10_000
#: Characters that any function may make, and how many for each of its own: no loop over an array is followed further.
_LEAST, _ROUNDS = 2_000, 50


class Room:
    """How many characters of texts that EXECUTE runs are followed: so many more than there are in what runs them.

    A section has one for all of its DO blocks and what they run, as each of them may make a long text of a short one.
    """

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = LONGEST + size

    @classmethod
    def of_function(cls, size: int) -> Room:
        """That of a function by itself: nobody knows how many there are, so a short one cannot have much."""
        room = cls(size)
        room.left = size + min(LONGEST, _LEAST + _ROUNDS * size)
        return room

    def takes(self, size: int) -> bool:
        """Whether there is room for as many characters; once there was none, there is none any more."""
        self.left -= size
        return self.left >= 0


def known(parts: Parts) -> str | None:
    """The text when all of it is known."""
    try:
        return "".join(parts)  # type: ignore[arg-type]
    except TypeError:  # one is Unknown; to look at each before takes longer than to put them together
        return None


#: What these are worth has been looked at already.
_WORKED_OUT = frozenset({"ColumnRef", "ParamRef"})


def evaluate(node: Node, values: Values) -> Parts:
    """What a text expression is worth; `values` are those of the variables and parameters."""
    ((kind, inner),) = node.items()
    method = _EVALUATORS.get(kind)
    found = method(inner, values) if method else None
    if found is None or (kind not in _WORKED_OUT and _is_long(found)):
        return _unknown(node, values)
    return found


def _is_long(parts: Parts) -> bool:
    """Whether a text is longer than anybody writes: one that is doubled forty times would fill the memory."""
    if len(parts) > _MOST_PARTS:
        return True
    whole = known(parts)
    return (sum([len(part) for part in parts if isinstance(part, str)]) if whole is None else len(whole)) > LONGEST


def elements(node: Node, values: Values) -> list[Parts] | None:
    """The texts of the array that an expression is, None when they are not known."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    if "A_ArrayExpr" in node:
        found = [evaluate(item, values) for item in node["A_ArrayExpr"].get("elements", ())]
    elif "ColumnRef" in node:
        value = values.get(_column(node["ColumnRef"]))
        found = value if isinstance(value, list) else []
    else:
        literal = node.get("A_Const", {}).get("sval", {}).get("sval", "")
        plain = re.fullmatch(r"\{([^{}\"\\]*)\}", literal)
        found = [(item.strip(),) for item in plain[1].split(",")] if plain and plain[1].strip() else []
    return found if found and all(known(parts) is not None for parts in found) else None


def _unknown(node: Node, values: Values) -> Parts:
    """An expression that cannot be worked out; it comes from an argument when any variable in it does."""
    reader = Reader()
    text = reader.render(node)
    sources = [part for name in reader.columns for part in _parts(values.get(name)) if isinstance(part, Unknown)]
    return (Unknown(text, "", any(part.argument and not part.quoting for part in sources)),)


def _parts(value: Parts | list[Parts] | None) -> Parts:
    return tuple(part for parts in value for part in parts) if isinstance(value, list) else value or ()


def _column(node: Node) -> str:
    return ".".join(strings(node["fields"]))


def _constant(node: Node, _values: Values) -> Parts:
    return (
        ""
        if node.get("isnull")
        else node["sval"].get("sval", "")
        if "sval" in node
        else Reader().render({"A_Const": node}),
    )


def _variable(node: Node, values: Values) -> Parts | None:
    name = _column(node)
    value = values.get(name)
    if value is None and "." in name:  # a field of a record that is an argument
        owner = _parts(values.get(name.partition(".")[0]))
        return (
            (Unknown(name, "", argument=True),) if any(isinstance(p, Unknown) and p.argument for p in owner) else None
        )
    return None if value is None or isinstance(value, list) else value


def _parameter(node: Node, values: Values) -> Parts | None:
    value = values.get(f"${node.get('number', 0)}")
    return None if isinstance(value, list) else value


def _cast(node: Node, values: Values) -> Parts | None:
    name = strings(node["typeName"].get("names"))[-1:]
    inner = evaluate(node["arg"], values)
    if name and (name[0] in _CASTS or "arrayBounds" in node["typeName"]):
        return inner
    quoting = quoting_of(name[0]) if name else ""
    if quoting and known(inner) is None:
        return tuple(part if isinstance(part, str) else part.replace(quoting=quoting) for part in inner)
    return inner if name and name[0] in _NAMES else None


def _operator(node: Node, values: Values) -> Parts | None:
    """Chains of `||`, which nest to the left."""
    operands: list[Node] = []
    current: Node = {"A_Expr": node}
    while "A_Expr" in current and strings(current["A_Expr"].get("name")) == ["||"] and "lexpr" in current["A_Expr"]:
        operands.append(current["A_Expr"]["rexpr"])
        current = current["A_Expr"]["lexpr"]
    if not operands:
        return None
    found: list[str | Unknown] = []
    for operand in [current, *reversed(operands)]:
        found += evaluate(operand, values)
    return tuple(found)


def _call(node: Node, values: Values) -> Parts | None:
    function = _FUNCTIONS.get(strings(node["funcname"])[-1])
    if function is None or node.get("func_variadic"):
        return None
    return function([evaluate(argument, values) for argument in node.get("args", ())])


def _joined(arguments: list[Parts]) -> Parts:
    return tuple(part for parts in arguments for part in parts)


def _quoted(quoting: str) -> Callable[[list[Parts]], Parts | None]:
    def function(arguments: list[Parts]) -> Parts | None:
        return _as(quoting, arguments[0]) if len(arguments) == 1 else None

    return function


def _as(quoting: str, parts: Parts) -> Parts:
    """A value as a name or as a literal. A name is always quoted: that keeps its meaning."""
    text = known(parts)
    if text is None:
        shown = " || ".join(part if isinstance(part, str) else part.text for part in parts)
        return (Unknown(shown, quoting, any(isinstance(part, Unknown) and part.argument for part in parts)),)
    mark = '"' if quoting == "identifier" else "'"
    return (mark + text.replace(mark, mark * 2) + mark,)


def _format(arguments: list[Parts]) -> Parts | None:
    template = known(arguments[0]) if arguments else None
    if template is None:
        return None
    found: list[str | Unknown] = []
    position, following = 0, 1
    for match in _FORMAT.finditer(template):
        found.append(template[position : match.start()])
        position = match.end()
        if match[1]:
            found.append("%")
            continue
        number = int(match[2]) if match[2] else following
        following = number + 1
        if number >= len(arguments):
            return None  # Postgres refuses it: too few arguments
        value = arguments[number]
        found += value if match[3] == "s" else _as("identifier" if match[3] == "I" else "literal", value)
    return (*found, template[position:])


_FUNCTIONS: dict[str, Callable[[list[Parts]], Parts | None]] = {
    "btrim": lambda arguments: arguments[0] if len(arguments) == 1 else None,
    "concat": _joined,
    "format": _format,
    "quote_ident": _quoted("identifier"),
    "quote_literal": _quoted("literal"),
    "quote_nullable": _quoted("literal"),
}
_EVALUATORS: dict[str, Callable[[Node, Values], Parts | None]] = {
    "A_Const": _constant,
    "A_Expr": _operator,
    "ColumnRef": _variable,
    "FuncCall": _call,
    "ParamRef": _parameter,
    "TypeCast": _cast,
}
