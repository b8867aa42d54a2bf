"""Parser nodes of value expressions in a normal form.

Two expressions that mean the same to the parser get the same text, whatever their spacing, case and redundant
parentheses. The text is close to SQL and readable; kinds of nodes that are rare in schemas are written as the parser
names them. It is compared and shown, never run.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.objects import ALIASES, NOWHERE, Expression, Name, Type, quoted
from elf_sqlcheck.later import later
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Node = dict[str, Any]

_SIMPLE_CASTS = {"AEXPR_IN": "IN", "AEXPR_LIKE": "LIKE", "AEXPR_ILIKE": "ILIKE", "AEXPR_SIMILAR": "SIMILAR TO"}
_WORDS = {
    "AEXPR_BETWEEN": "BETWEEN", "AEXPR_NOT_BETWEEN": "NOT BETWEEN", "AEXPR_BETWEEN_SYM": "BETWEEN SYMMETRIC",
    "AEXPR_NOT_BETWEEN_SYM": "NOT BETWEEN SYMMETRIC",
}  # fmt: skip
_ALL_FIELDS = 0x7FFF  # INTERVAL_FULL_RANGE of Postgres
_NEGATIONS = {"<>": "NOT IN", "!~~": "NOT LIKE", "!~~*": "NOT ILIKE", "!~": "NOT SIMILAR TO"}


_NAME_PART = later(r'"(?:[^"]|"")+"|[^."]+')


def strings(nodes: list[Node] | None) -> list[str]:
    """The texts of a list of String nodes."""
    return [node["String"].get("sval", "") for node in nodes if "String" in node] if nodes else []


class Reader:
    """Renders one expression and remembers what it meets."""

    __slots__ = ("alone", "calls", "columns", "functions", "offset", "relations", "start")

    def __init__(self, offset: int = 0) -> None:
        self.functions: list[str] = []
        self.columns: list[str] = []
        self.calls: list[tuple[str, int]] = []
        self.alone = 0
        self.relations: list[tuple[str | None, str]] = []
        self.offset = offset
        self.start = -1

    def expression(self, node: Node | None) -> Expression | None:
        """The normal form of `node`, None for none."""
        if not node:
            return None
        text = self.render(node)
        start = self.offset + max(self.start, 0)
        span = Span(start, start + 1) if self.start >= 0 else NOWHERE
        constant = "A_Const" in node or ("TypeCast" in node and "A_Const" in node["TypeCast"]["arg"])
        reads = tuple(dict.fromkeys(Name(schema, name) for schema, name in self.relations)) if self.relations else ()
        columns = tuple(dict.fromkeys(self.columns))
        demanded = tuple(_not_null(node)) if "NullTest" in node or "BoolExpr" in node else ()
        return Expression(text, tuple(self.functions), columns, constant, span, demanded, tuple(self.calls), reads)

    def render(self, wrapped: Node) -> str:
        """The normal form of any node."""
        if not wrapped:  # an element left out, as in a slice or in DISTINCT
            return ""
        ((kind, node),) = wrapped.items()
        location = node.get("location", -1) if isinstance(node, dict) else -1
        if location >= 0 and (self.start < 0 or location < self.start):
            self.start = location
        method = _RENDERERS.get(kind)
        return method(self, node) if method else f"{kind}({self._other(node)})"

    def list(self, nodes: list[Node] | None, separator: str = ", ") -> str:
        """The normal forms of several nodes."""
        return separator.join(self.render(node) for node in nodes or ())

    def _other(self, value: Any) -> str:
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value))[:1].isupper():
                return self.render(value)
            if "relname" in value:
                self.relations.append((value.get("schemaname"), value["relname"]))
            kept = {key: item for key, item in value.items() if key not in {"location", "stmt_location", "stmt_len"}}
            return ", ".join(f"{key}={self._other(item)}" for key, item in kept.items())
        if isinstance(value, list):
            return "[" + ", ".join(self._other(item) for item in value) + "]"
        return str(value)

    def _range_variable(self, node: Node) -> str:
        self.relations.append((node.get("schemaname"), node["relname"]))
        return ".".join(quoted(part) for part in (node.get("schemaname"), node["relname"]) if part)

    def _constant(self, node: Node) -> str:
        if node.get("isnull"):
            return "NULL"
        if "ival" in node:
            return str(node["ival"].get("ival", 0))
        if "fval" in node:
            return str(node["fval"]["fval"])
        if "boolval" in node:
            return "true" if node["boolval"].get("boolval") else "false"
        if "bsval" in node:
            return str(node["bsval"]["bsval"])
        text: str = node.get("sval", {}).get("sval", "")
        return "'" + text.replace("'", "''") + "'"

    def _column(self, node: Node) -> str:
        fields = [field["String"]["sval"] if "String" in field else "*" for field in node["fields"]]
        self.columns.append(fields[-1])
        return ".".join(field if field == "*" else quoted(field) for field in fields)

    def _call(self, node: Node) -> str:
        parts = strings(node["funcname"])
        if len(parts) > 1 and parts[0] == "pg_catalog":
            parts = parts[1:]
        name = ".".join(parts)
        self.functions.append(name)
        if name == "nextval":
            self._sequence(node["args"][0])
        read = len(self.columns)
        inside = "*" if node.get("agg_star") else self.list(node.get("args"))
        if node.get("agg_distinct"):
            inside = f"DISTINCT {inside}"
        if not self.alone and len(self.columns) == read:
            self.calls.append((name, self.offset + node.get("location", 0)))
        extra = {key: node[key] for key in ("agg_order", "agg_filter", "over", "func_variadic") if key in node}
        return f"{name}({inside})" + (f" {self._other(extra)}" if extra else "")

    def _sequence(self, argument: Node) -> None:
        """The sequence that a literal names."""
        constant = argument.get("TypeCast", {}).get("arg", argument).get("A_Const", {})
        parts = _NAME_PART.findall(constant.get("sval", {}).get("sval", ""))
        if parts:
            names = [part[1:-1].replace('""', '"') if part[0] == '"' else part.lower() for part in parts]
            self.relations.append((names[-2] if len(names) > 1 else None, names[-1]))

    def _cast(self, node: Node) -> str:
        return f"{self._operand(node['arg'])}::{type_of(node['typeName'])}"

    def _operand(self, node: Node) -> str:
        text = self.render(node)
        return f"({text})" if next(iter(node)) in {"A_Expr", "BoolExpr", "NullTest", "BooleanTest"} else text

    def _operator(self, node: Node) -> str:
        """An operator with what stands around it; long chains, which nest to the left, are walked, not descended."""
        chain = [node]
        while "A_Expr" in chain[-1].get("lexpr", ()) and chain[-1].get("kind", "AEXPR_OP") == "AEXPR_OP":
            chain.append(chain[-1]["lexpr"]["A_Expr"])
        text = self._operation(chain.pop(), None)
        while chain:
            text = self._operation(chain.pop(), f"({text})")
        return text

    def _operation(self, node: Node, left: str | None) -> str:
        """One operator; `left` is its left operand where that has been rendered already."""
        kind = node.get("kind", "AEXPR_OP")
        operator = ".".join(strings(node.get("name")))
        if left is None:
            left = self._operand(node["lexpr"]) if "lexpr" in node else ""
        right = node.get("rexpr")
        if kind in _WORDS and right:
            return f"{left} {_WORDS[kind]} " + " AND ".join(self._operand(item) for item in right["List"]["items"])
        if kind == "AEXPR_IN" and right:
            values = self.list(right["List"]["items"]) if "List" in right else self.render(right)
            return f"{left} {_NEGATIONS.get(operator, 'IN')} ({values})"
        value = self._operand(right) if right else ""
        if kind in _SIMPLE_CASTS:
            return f"{left} {_NEGATIONS.get(operator, _SIMPLE_CASTS[kind])} {value}"
        if kind == "AEXPR_OP_ANY":
            return f"{left} {operator} ANY ({value})"
        if kind == "AEXPR_OP_ALL":
            return f"{left} {operator} ALL ({value})"
        if kind == "AEXPR_DISTINCT":
            return f"{left} IS DISTINCT FROM {value}"
        if kind == "AEXPR_NOT_DISTINCT":
            return f"{left} IS NOT DISTINCT FROM {value}"
        if kind == "AEXPR_NULLIF":
            return f"NULLIF({left}, {value})"
        return f"{left} {operator} {value}".strip()

    def _boolean(self, node: Node) -> str:
        if node["boolop"] == "NOT_EXPR":
            return f"NOT {self._operand(node['args'][0])}"
        word = " AND " if node["boolop"] == "AND_EXPR" else " OR "
        return word.join(self._operand(item) for item in node["args"])

    def _null_test(self, node: Node) -> str:
        word = "IS NOT NULL" if node["nulltesttype"] == "IS_NOT_NULL" else "IS NULL"
        return f"{self._operand(node['arg'])} {word}"

    def _boolean_test(self, node: Node) -> str:
        return f"{self._operand(node['arg'])} {node['booltesttype'].replace('_', ' ')}"

    def _value_function(self, node: Node) -> str:
        name = node["op"].removeprefix("SVFOP_").removesuffix("_N").lower()
        self.functions.append(name)
        return str(name.upper()) + (f"({node['typmod']})" if node.get("typmod", -1) >= 0 else "")

    def _case(self, node: Node) -> str:
        parts = ["CASE"] + ([self.render(node["arg"])] if "arg" in node else [])
        for branch in node["args"]:
            when = branch["CaseWhen"]
            parts.append(f"WHEN {self.render(when['expr'])} THEN {self.render(when['result'])}")
        if "defresult" in node:
            parts.append(f"ELSE {self.render(node['defresult'])}")
        return " ".join([*parts, "END"])

    def _sub_link(self, node: Node) -> str:
        kind = node["subLinkType"].removesuffix("_SUBLINK")
        left = self._operand(node["testexpr"]) + " " if "testexpr" in node else ""
        operator = ".".join(strings(node.get("operName")))
        word = {"EXPR": "", "ANY": f"{operator} ANY" if operator else "IN"}.get(kind, kind)
        alone = "fromClause" not in node["subselect"].get("SelectStmt", ())
        self.alone += alone
        text = f"{left}{word}({self.render(node['subselect'])})"
        self.alone -= alone
        return text

    def _indirection(self, node: Node) -> str:
        return f"({self.render(node['arg'])})" + "".join(f".{self.render(item)}" for item in node["indirection"])


_RENDERERS: dict[str, Callable[[Reader, Any], str]] = {
    "A_ArrayExpr": lambda reader, node: f"ARRAY[{reader.list(node.get('elements'))}]",
    "A_Const": Reader._constant,
    "A_Expr": Reader._operator,
    "A_Indirection": Reader._indirection,
    "A_Star": lambda _reader, _node: "*",
    "BoolExpr": Reader._boolean,
    "BooleanTest": Reader._boolean_test,
    "CaseExpr": Reader._case,
    "CoalesceExpr": lambda reader, node: f"COALESCE({reader.list(node['args'])})",
    "CollateClause": lambda reader, node: f"{reader.render(node['arg'])} COLLATE {'.'.join(strings(node['collname']))}",
    "ColumnRef": Reader._column,
    "FuncCall": Reader._call,
    "List": lambda reader, node: f"({reader.list(node.get('items'))})",
    "MinMaxExpr": lambda reader, node: f"{node['op'].removeprefix('IS_')}({reader.list(node['args'])})",
    "NullTest": Reader._null_test,
    "RangeVar": Reader._range_variable,
    "RowExpr": lambda reader, node: f"ROW({reader.list(node.get('args'))})",
    "SQLValueFunction": Reader._value_function,
    "String": lambda _reader, node: quoted(node.get("sval", "")),
    "SubLink": Reader._sub_link,
    "TypeCast": Reader._cast,
}


def _not_null(node: Node) -> Iterator[str]:
    """The columns that are not null wherever the condition holds, as far as it says so itself."""
    test = node.get("NullTest")
    if test and test["nulltesttype"] == "IS_NOT_NULL" and "ColumnRef" in test["arg"]:
        yield from strings(test["arg"]["ColumnRef"]["fields"])[-1:]
    both = node.get("BoolExpr")
    if both and both["boolop"] == "AND_EXPR":
        for item in both["args"]:
            yield from _not_null(item)


def expression(node: Node | None, offset: int = 0) -> Expression | None:
    """The expression of a node, None for none; `offset` is where the parsed text begins in its file."""
    return Reader(offset).expression(node) if node else None


def type_of(node: Node, span: Span = NOWHERE) -> Type:
    """The type of a TypeName node."""
    parts = strings(node.get("names"))
    schema = parts[-2] if len(parts) > 1 and parts[-2] != "pg_catalog" else None
    name = parts[-1] if parts else ""
    if schema is None:
        name = ALIASES.get(name, name)
    modifiers: list[int | str] = []
    for item in node.get("typmods", ()):
        text = Reader().render(item)
        modifiers.append(int(text) if text.isdigit() else text)
    if name == "interval":  # first the fields (YEAR TO MONTH), a bit mask that means nothing to people
        modifiers = modifiers[1:] if modifiers[:1] == [_ALL_FIELDS] else []
    if name == "bpchar" and not modifiers and schema is None and len(parts) > 1:
        modifiers = [1]
    return Type(name, schema, tuple(modifiers), len(node.get("arrayBounds", ())), span)
