"""Parser nodes of names, columns and constraints."""

from __future__ import annotations

from elf_sqlcheck.catalog import places
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import Column, Constraint, Name
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.catalog.objects import Expression, Type
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_KINDS = {"CONSTR_PRIMARY": "primary key", "CONSTR_UNIQUE": "unique", "CONSTR_CHECK": "check",
          "CONSTR_FOREIGN": "foreign key", "CONSTR_EXCLUSION": "exclude", "CONSTR_NOTNULL": "not null"}  # fmt: skip
_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
IDENTITY = {"a": "always", "d": "by default"}


_SPELLED = {
    "matview": "materialized view", "tabconstraint": "constraint", "domconstraint": "domain constraint",
    "statistic ext": "statistics", "tsconfiguration": "text search configuration", "fdw": "foreign data wrapper",
    "tsdictionary": "text search dictionary", "tsparser": "text search parser", "tstemplate": "text search template",
    "opclass": "operator class", "opfamily": "operator family",
}  # fmt: skip


def word(objtype: str) -> str:
    """OBJECT_FOREIGN_TABLE → "foreign table"."""
    kind = objtype.removeprefix("OBJECT_").replace("_", " ").lower()
    return _SPELLED.get(kind, kind)


def role(node: Node) -> str:
    """The name in a RoleSpec; "public" for PUBLIC, "current_user" and its like for themselves."""
    return str(node.get("rolename") or node["roletype"].removeprefix("ROLESPEC_").lower())


def options_of(nodes: list[Node] | None) -> tuple[tuple[str, str], ...]:
    """DefElem nodes as (name, value), both in the parser's words; a bare name means "true"."""
    found: list[tuple[str, str]] = []
    for item in nodes or ():
        node = item["DefElem"]
        argument = node.get("arg")
        if argument is None:
            value = "true"
        elif "String" in argument:
            value = argument["String"].get("sval", "")
        elif "Boolean" in argument:
            value = "true" if argument["Boolean"].get("boolval") else "false"
        elif "Integer" in argument:
            value = str(argument["Integer"].get("ival", 0))
        else:
            value = Reader().render(argument)
        found.append((node["defname"], value))
    return tuple(found)


def describe(kind: str) -> str:
    """AlterFunctionStmt → "ALTER FUNCTION"."""
    name = kind.removesuffix("Stmt")
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().upper()


def setting(node: Node) -> tuple[str, str | None]:
    """Name and value of a VariableSetStmt; several values are joined by `, `; None for RESET, DEFAULT and CURRENT."""
    values = []
    for item in node.get("args", ()):
        constant = item.get("A_Const", {})
        values.append(constant["sval"].get("sval", "") if "sval" in constant else Reader().render(item))
    name = node.get("name", "all")
    return name, ", ".join(values) if node["kind"] in {"VAR_SET_VALUE", "VAR_SET_MULTI"} else None


def name_of(node: Node) -> Name:
    """The name in a RangeVar."""
    schema = node.get("schemaname")
    return Name("pg_temp" if node.get("relpersistence") == "t" and not schema else schema, node["relname"])


def name_span(node: Node, statement: Statement, data: bytes) -> Span:
    """Where the name in a RangeVar stands."""
    return places.qualified(data, statement.offset + node.get("location", 0), 2 if "schemaname" in node else 1)


def read_column(node: Node, statement: Statement, data: bytes) -> tuple[Column, list[Constraint]]:
    """A ColumnDef: the column and the constraints written with it."""
    offset = statement.offset
    name = node["colname"]
    not_null = False
    default: Expression | None = None
    identity = ""
    generated: Expression | None = None
    stored = False
    constraints: list[Constraint] = []
    items = [item["Constraint"] for item in node.get("constraints", ())]
    for number, item in enumerate(items):
        kind = item["contype"]
        if kind == "CONSTR_DEFAULT":
            default = expression(item["raw_expr"], offset)
        elif kind == "CONSTR_IDENTITY":
            identity = IDENTITY[item["generated_when"]]
            not_null = True
        elif kind == "CONSTR_GENERATED":
            generated = expression(item["raw_expr"], offset)
            stored = item.get("generated_kind", "s") == "s"
        elif kind in {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
            not_null = True
        if kind in _KINDS:
            following = items[number + 1].get("location") if number + 1 < len(items) else None
            limit = statement.span.end if following is None else offset + following
            constraints.append(read_constraint(item, statement, data, inline=name, limit=limit))
        elif kind.startswith("CONSTR_ATTR") and constraints:
            constraints[-1] = _with_attribute(constraints[-1], kind)
    type_node = node.get("typeName")
    column = Column(
        name,
        type_at(type_node, statement, data) if type_node else type_of({}),
        not_null,
        default,
        identity,
        generated,
        stored,
        ".".join(strings(node["collClause"]["collname"])) if "collClause" in node else None,
        places.identifier(data, offset + node.get("location", 0)),
    )
    if column.type.is_serial and not not_null:
        column = column.replace(not_null=True)
    return column, constraints


def type_at(node: Node, statement: Statement, data: bytes) -> Type:
    """The type of a TypeName node and where its words stand."""
    location = node.get("location", -1)
    if location < 0:
        return type_of(node)
    return type_of(node, places.type_name(data, statement.offset + location))


def _with_attribute(constraint: Constraint, kind: str) -> Constraint:
    return {
        "CONSTR_ATTR_DEFERRABLE": lambda: constraint.replace(deferrable=True),
        "CONSTR_ATTR_DEFERRED": lambda: constraint.replace(deferrable=True, initially_deferred=True),
        "CONSTR_ATTR_NOT_ENFORCED": lambda: constraint.replace(enforced=False),
    }.get(kind, lambda: constraint)()


def read_constraint(
    node: Node, statement: Statement, data: bytes, inline: str = "", limit: int | None = None
) -> Constraint:
    """A Constraint node; `inline` is the column it is written with, `limit` where the next one begins."""
    kind = _KINDS[node["contype"]]
    columns = tuple(strings(node.get("fk_attrs") or node.get("keys")))
    if kind == "exclude":
        elements = [item["List"]["items"][0]["IndexElem"] for item in node.get("exclusions", ())]
        columns = tuple(element["name"] for element in elements if "name" in element)
    references = node.get("pktable")
    start = statement.offset + node.get("location", 0)
    return Constraint(
        kind,
        node.get("conname"),
        columns or ((inline,) if inline else ()),
        name_of(references) if references else None,
        tuple(strings(node.get("pk_attrs"))),
        _ACTIONS[node.get("fk_del_action", "a")],
        _ACTIONS[node.get("fk_upd_action", "a")],
        expression(node.get("raw_expr") or node.get("where_clause"), statement.offset),
        node.get("skip_validation", False),
        node.get("is_enforced", False) if kind in {"check", "foreign key"} else True,
        node.get("deferrable", False),
        node.get("initdeferred", False),
        node.get("nulls_not_distinct", False),
        node.get("is_no_inherit", False),
        node.get("indexname"),
        tuple(strings(node.get("including"))),
        bool(inline),
        places.element(data, start, statement.span.end if limit is None else limit),
    )
