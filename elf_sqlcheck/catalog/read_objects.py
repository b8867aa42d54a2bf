"""Parser nodes of everything but tables and rows to changes: types, views, functions, triggers, access."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import Name, Parameter, Trigger
from elf_sqlcheck.catalog.read_columns import name_of, name_span, read_column, read_constraint
from elf_sqlcheck.catalog.read_tables import create_table, output_names, read_query
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Constraint, Expression
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_MODES = {"FUNC_PARAM_IN": "in", "FUNC_PARAM_OUT": "out", "FUNC_PARAM_INOUT": "inout", "FUNC_PARAM_TABLE": "table",
          "FUNC_PARAM_VARIADIC": "variadic", "FUNC_PARAM_DEFAULT": "in"}  # fmt: skip
#: Bits of CreateTrigStmt, from Postgres' catalog/pg_trigger.h.
_TIMING = {0: "after", 2: "before", 64: "instead of"}
_EVENTS = {4: "insert", 8: "delete", 16: "update", 32: "truncate"}


def dotted(parts: list[str]) -> Name:
    """A name from its parts; a database in front is left out, as Postgres ignores it."""
    return Name(parts[-2] if len(parts) > 1 else None, parts[-1])


def word(objtype: str) -> str:
    """OBJECT_FOREIGN_TABLE → "foreign table"."""
    kind = objtype.removeprefix("OBJECT_").replace("_", " ").lower()
    return {"matview": "materialized view", "tabconstraint": "constraint", "domconstraint": "domain constraint"}.get(
        kind, kind
    )


def object_name(node: Node) -> tuple[Name, tuple[Any, ...] | None]:
    """The name in any of the ways that nodes write one, and the parameter types of a routine."""
    if "List" in node:
        return dotted(strings(node["List"]["items"]) or ["?"]), None
    if "String" in node:
        return Name(None, node["String"].get("sval", "")), None
    if "TypeName" in node:
        return dotted(strings(node["TypeName"]["names"])), None
    if "RangeVar" in node:
        return name_of(node["RangeVar"]), None
    if "ObjectWithArgs" in node:
        inner = node["ObjectWithArgs"]
        arguments = None
        if not inner.get("args_unspecified"):
            arguments = tuple(type_of(item["TypeName"]) for item in inner.get("objargs", ()) if "TypeName" in item)
        return dotted(strings(inner["objname"])), arguments
    return Name(None, Reader().render(node)), None


_PARTS = {"OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT"}


def _with_part(objtype: str, node: Node) -> tuple[Name, str | None, tuple[Any, ...] | None]:
    if objtype in _PARTS and "List" in node:
        parts = strings(node["List"]["items"])
        if len(parts) > 1:
            return dotted(parts[:-1]), parts[-1], None
    name, arguments = object_name(node)
    return name, None, arguments


def drop(statement: Statement, _data: bytes) -> Iterator[Change]:
    """DROP, one change an object."""
    node = statement.node
    cascade = node.get("behavior") == "DROP_CASCADE"
    for item in node["objects"]:
        name, part, arguments = _with_part(node["removeType"], item)
        yield changes.Drop(
            statement, statement.span, word(node["removeType"]), name, node.get("missing_ok", False), cascade,
            node.get("concurrent", False), part, arguments,
        )  # fmt: skip


def drop_role(statement: Statement, _data: bytes) -> Iterator[Change]:
    """DROP ROLE."""
    for item in statement.node["roles"]:
        name = Name(None, item["RoleSpec"].get("rolename", ""))
        yield changes.Drop(statement, statement.span, "role", name, statement.node.get("missing_ok", False))


def rename(statement: Statement, data: bytes) -> Iterator[Change]:
    """ALTER … RENAME."""
    node = statement.node
    kind = word(node["renameType"])
    part = node.get("subname")
    if "relation" in node:
        name, span = name_of(node["relation"]), name_span(node["relation"], statement, data)
    elif "object" in node:
        name, span = object_name(node["object"])[0], statement.span
    else:
        name, span, part = Name(None, part or ""), statement.span, None
    yield changes.Rename(statement, span, kind, name, node["newname"], part, node.get("missing_ok", False))


def set_schema(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER … SET SCHEMA."""
    node = statement.node
    name = name_of(node["relation"]) if "relation" in node else object_name(node.get("object", {"List": {}}))[0]
    yield changes.SetSchema(statement, statement.span, word(node["objectType"]), name, node["newschema"])


def set_owner(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER … OWNER TO."""
    node = statement.node
    name = name_of(node["relation"]) if "relation" in node else object_name(node.get("object", {"List": {}}))[0]
    yield changes.SetOwner(statement, statement.span, word(node["objectType"]), name, role(node["newowner"]))


def role(node: Node) -> str:
    """The name in a RoleSpec; "public" for PUBLIC, "current_user" and its like for themselves."""
    return str(node.get("rolename") or node["roletype"].removeprefix("ROLESPEC_").lower())


def create_schema(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE SCHEMA and the objects created within the same statement."""
    node = statement.node
    owner = role(node["authrole"]) if "authrole" in node else None
    name = node.get("schemaname") or owner or ""
    yield changes.CreateSchema(statement, statement.span, name, node.get("if_not_exists", False), owner)
    for element in node.get("schemaElts", ()):
        if "CreateStmt" in element:
            for change in create_table(statement, data, element["CreateStmt"]):
                assert isinstance(change, changes.CreateTable)  # noqa: S101 - narrows the type
                yield change.replace(name=Name(name, change.name.name))
        else:
            yield changes.Opaque(statement, statement.span, "an object created within CREATE SCHEMA")


def create_extension(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE EXTENSION."""
    node = statement.node
    options = options_of(node.get("options"))
    yield changes.CreateExtension(
        statement, statement.span, node["extname"], node.get("if_not_exists", False), dict(options).get("schema")
    )


def comment(statement: Statement, _data: bytes) -> Iterator[Change]:
    """COMMENT ON."""
    node = statement.node
    name, part, _ = _with_part(node["objtype"], node["object"])
    yield changes.Comment(statement, statement.span, word(node["objtype"]), name, part, node.get("comment"))


def create_view(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE VIEW."""
    node = statement.node
    query, reads = read_query(node["query"])
    yield changes.CreateView(
        statement,
        name_span(node["view"], statement, data),
        name_of(node["view"]),
        query,
        reads,
        tuple(strings(node.get("aliases"))),
        node.get("replace", False),
        temporary=node["view"].get("relpersistence") == "t",
        options=options_of(node.get("options")),
        outputs=output_names(node["query"]),
    )


def refresh_view(statement: Statement, data: bytes) -> Iterator[Change]:
    """REFRESH MATERIALIZED VIEW."""
    node = statement.node
    span = name_span(node["relation"], statement, data)
    yield changes.RefreshView(statement, span, name_of(node["relation"]), node.get("concurrent", False))


def create_enum(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE TYPE … AS ENUM."""
    node = statement.node
    yield changes.CreateEnum(
        statement, statement.span, dotted(strings(node["typeName"])), tuple(strings(node.get("vals")))
    )


def alter_enum(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER TYPE … ADD VALUE and RENAME VALUE."""
    node = statement.node
    name = dotted(strings(node["typeName"]))
    if "oldVal" in node:
        yield changes.Rename(statement, statement.span, "enum label", name, node["newVal"], node["oldVal"])
        return
    yield changes.AddEnumLabel(
        statement, statement.span, name, node["newVal"], node.get("skipIfNewValExists", False),
        node.get("newValNeighbor"), node.get("newValIsAfter", "newValNeighbor" not in node),
    )  # fmt: skip


def create_domain(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE DOMAIN."""
    node = statement.node
    constraints: list[Constraint] = []
    default: Expression | None = None
    for item in node.get("constraints", ()):
        inner = item["Constraint"]
        if inner["contype"] == "CONSTR_DEFAULT":
            default = expression(inner["raw_expr"], statement.offset)
        elif inner["contype"] in {"CONSTR_CHECK", "CONSTR_NOTNULL"}:
            constraints.append(read_constraint(inner, statement, data))
    yield changes.CreateDomain(
        statement, statement.span, dotted(strings(node["domainname"])), type_of(node["typeName"]), tuple(constraints),
        any(constraint.kind == "not null" for constraint in constraints), default,
    )  # fmt: skip


def create_composite(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE TYPE … AS (…)."""
    node = statement.node
    attributes = tuple(read_column(item["ColumnDef"], statement, data)[0] for item in node.get("coldeflist", ()))
    yield changes.CreateType(statement, statement.span, name_of(node["typevar"]), "composite", attributes)


def create_range(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE TYPE … AS RANGE."""
    yield changes.CreateType(statement, statement.span, dotted(strings(statement.node["typeName"])), "range")


def _sequence_options(node: Node) -> tuple[tuple[Name, str] | None, tuple[tuple[str, str], ...]]:
    options = [item["DefElem"] for item in node.get("options", ())]
    owner = next((strings(o["arg"]["List"]["items"]) for o in options if o["defname"] == "owned_by"), [])
    owned_by = (dotted(owner[:-1]), owner[-1]) if len(owner) > 1 else None
    return owned_by, options_of([item for item in node.get("options", ()) if item["DefElem"]["defname"] != "owned_by"])


def create_sequence(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE SEQUENCE."""
    node = statement.node
    owned_by, options = _sequence_options(node)
    yield changes.CreateSequence(
        statement, name_span(node["sequence"], statement, data), name_of(node["sequence"]),
        node.get("if_not_exists", False), node["sequence"].get("relpersistence") == "t", owned_by, options,
    )  # fmt: skip


def alter_sequence(statement: Statement, data: bytes) -> Iterator[Change]:
    """ALTER SEQUENCE."""
    node = statement.node
    owned_by, options = _sequence_options(node)
    yield changes.AlterSequence(
        statement, name_span(node["sequence"], statement, data), name_of(node["sequence"]), owned_by, options
    )


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


def create_function(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE FUNCTION and CREATE PROCEDURE."""
    node = statement.node
    parameters = tuple(
        Parameter(p.get("name", ""), type_of(p["argType"]), _MODES[p["mode"]], "defexpr" in p)
        for p in (item["FunctionParameter"] for item in node.get("parameters", ()))
    )
    elements = [item["DefElem"] for item in node.get("options", ())]
    body, body_span = "", None
    for element in elements:
        if element["defname"] == "as":
            body = strings(element["arg"]["List"]["items"])[-1]
            start = statement.offset + element.get("arg_location", element.get("location", 0))
            body_span = Span(start, min(start + len(body.encode()) + 8, statement.span.end))
    if "sql_body" in node:
        body = Reader().render(node["sql_body"])
    options = dict(options_of([{"DefElem": e} for e in elements if e["defname"] not in {"as", "set"}]))
    settings = tuple(setting(e["arg"]["VariableSetStmt"]) for e in elements if e["defname"] == "set")
    returns = node.get("returnType")
    yield changes.CreateFunction(
        statement,
        statement.span,
        dotted(strings(node["funcname"])),
        parameters,
        type_of(returns) if returns else None,
        bool(returns and returns.get("setof")),
        node.get("is_procedure", False),
        node.get("replace", False),
        options.get("language", "sql").lower(),
        options.get("volatility", "volatile").lower(),
        options.get("security") == "true",
        tuple((name, value or "") for name, value in settings),
        tuple((name, value) for name, value in options.items() if name not in {"language", "volatility", "security"}),
        body,
        body_span,
    )


def alter_function(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER FUNCTION, PROCEDURE and ROUTINE."""
    node = statement.node
    name, arguments = object_name({"ObjectWithArgs": node["func"]})
    elements = [item["DefElem"] for item in node.get("actions", ())]
    settings: list[tuple[str, str | None]] = []
    for element in elements:
        if element["defname"] == "set":
            inner = element["arg"]["VariableSetStmt"]
            found, value = setting(inner)
            settings.append((found, "" if inner["kind"] == "VAR_SET_CURRENT" else value))
    definer = dict(options_of([{"DefElem": e} for e in elements if e["defname"] == "security"])).get("security")
    yield changes.AlterFunction(
        statement, statement.span, name, arguments, tuple(settings), None if definer is None else definer == "true"
    )


def setting(node: Node) -> tuple[str, str | None]:
    """Name and value of a VariableSetStmt; several values are joined by `, `; None for RESET, DEFAULT and CURRENT."""
    values = []
    for item in node.get("args", ()):
        constant = item.get("A_Const", {})
        values.append(constant["sval"].get("sval", "") if "sval" in constant else Reader().render(item))
    name = node.get("name", "all")
    return name, ", ".join(values) if node["kind"] in {"VAR_SET_VALUE", "VAR_SET_MULTI"} else None


def create_trigger(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE TRIGGER."""
    node = statement.node
    trigger = Trigger(
        node["trigname"],
        dotted(strings(node["funcname"])),
        _TIMING.get(node.get("timing", 0), "after"),
        tuple(event for bit, event in _EVENTS.items() if node.get("events", 0) & bit),
        tuple(strings(node.get("columns"))),
        node.get("row", False),
        expression(node.get("whenClause"), statement.offset),
        tuple(strings(node.get("args"))),
        node.get("isconstraint", False),
    )
    yield changes.CreateTrigger(
        statement, statement.span, name_of(node["relation"]), trigger, node.get("replace", False)
    )
