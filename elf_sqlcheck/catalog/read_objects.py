"""Parser nodes of everything but tables and rows to changes: types, views, functions, triggers, access."""

from __future__ import annotations

from json import dumps

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.queries import read_query
from elf_sqlcheck.catalog.read_columns import (
    name_of,
    name_span,
    options_of,
    read_constraint,
    role,
    type_at,
    word,
)
from elf_sqlcheck.model import Statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Constraint, Expression

    Node = dict[str, Any]


def dotted(parts: list[str]) -> Name:
    """A name from its parts; a database in front is left out, as Postgres ignores it."""
    return Name(parts[-2] if len(parts) > 1 else None, parts[-1])


def cast_name(source: Node, target: Node) -> Name:
    """What stands for the name of a cast, which has none."""
    return Name(None, f"({type_of(source)} AS {type_of(target)})")


def object_name(node: Node, kind: str = "") -> tuple[Name, tuple[Any, ...] | None]:
    """The name in any of the ways that nodes write one, and the parameter types of a routine."""
    if "List" in node:
        items = node["List"]["items"]
        if kind == "cast":
            return cast_name(items[0]["TypeName"], items[1]["TypeName"]), None
        names = strings(items)
        return dotted((names[1:] if kind in {"operator class", "operator family"} else names) or ["?"]), None
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
    if objtype == "OBJECT_DOMCONSTRAINT":
        domain, constraint = node["List"]["items"]
        return object_name(domain)[0], constraint["String"]["sval"], None
    name, arguments = object_name(node, word(objtype))
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
    arguments: tuple[Any, ...] | None = None
    if "relation" in node:
        name, span = name_of(node["relation"]), name_span(node["relation"], statement, data)
    elif "object" in node:
        (name, arguments), span = object_name(node["object"], kind), statement.span
    else:
        name, span, part = Name(None, part or ""), statement.span, None
    yield changes.Rename(statement, span, kind, name, node["newname"], part, node.get("missing_ok", False), arguments)


def set_schema(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER … SET SCHEMA."""
    node = statement.node
    kind, name, arguments = _altered(node)
    yield changes.SetSchema(statement, statement.span, kind, name, node["newschema"], arguments)


def set_owner(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER … OWNER TO."""
    node = statement.node
    kind, name, arguments = _altered(node)
    yield changes.SetOwner(statement, statement.span, kind, name, role(node["newowner"]), arguments)


def _altered(node: Node) -> tuple[str, Name, tuple[Any, ...] | None]:
    """The kind and the name of what is moved or given away."""
    kind = word(node["objectType"])
    if "relation" in node:
        return kind, name_of(node["relation"]), None
    return (kind, *object_name(node["object"], kind))


def create_schema(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE SCHEMA and the objects created within the same statement."""
    node = statement.node
    owner = role(node["authrole"]) if "authrole" in node else None
    schema = node.get("schemaname") or owner or ""
    yield changes.CreateSchema(statement, statement.span, schema, node.get("if_not_exists", False), owner)
    if "schemaElts" in node:
        yield from _elements(node["schemaElts"], schema, statement, data)


def _elements(nodes: list[Node], schema: str, statement: Statement, data: bytes) -> Iterator[Change]:
    """What is created within CREATE SCHEMA: names without a schema mean the new one."""
    from elf_sqlcheck.catalog import read

    for element in nodes:
        ((kind, node),) = element.items()
        inner = Statement(kind, statement.span, dumps(node), statement.offset, conditional=statement.conditional)
        for change in read.read(inner, data):
            named: dict[str, Any] = {"statement": statement}
            for field in ("name", "table"):
                value = getattr(change, field, None)
                if isinstance(value, Name) and value.schema is None:
                    named[field] = Name(schema, value.name)
            if isinstance(change, changes.CreateView):
                made = {item[k].get("relation", {}).get("relname") for item in nodes for k in item}
                named["reads"] = tuple(
                    Name(schema, name.name) if name.schema is None and name.name in made else name
                    for name in change.reads
                )
            yield change.replace(**named)


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
    name, part, arguments = _with_part(node["objtype"], node["object"])
    kind = "domain constraint" if node["objtype"] == "OBJECT_DOMCONSTRAINT" else word(node["objtype"])
    yield changes.Comment(statement, statement.span, kind, name, part, node.get("comment"), arguments)


def create_view(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE VIEW."""
    node = statement.node
    query = read_query(node["query"])
    checked = node.get("withCheckOption", "NO_CHECK_OPTION").removesuffix("_CHECK_OPTION").lower()
    yield changes.CreateView(
        statement,
        name_span(node["view"], statement, data),
        name_of(node["view"]),
        query.text,
        query.reads,
        tuple(strings(node.get("aliases"))),
        node.get("replace", False),
        temporary=node["view"].get("relpersistence") == "t",
        options=options_of(node.get("options")) + ((("check_option", checked),) if checked != "no" else ()),
        output=query.output,
        uses=query.uses,
        functions=query.functions,
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
    label, after = node.get("newVal", ""), node.get("newValIsAfter", False)  # a label may be empty
    if not after and "newValNeighbor" not in node:
        yield changes.Rename(statement, statement.span, "enum label", name, label, node.get("oldVal", ""))
        return
    yield changes.AddEnumLabel(
        statement, statement.span, name, label, node.get("skipIfNewValExists", False), node.get("newValNeighbor"), after
    )


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
        statement, statement.span, dotted(strings(node["domainname"])), type_at(node["typeName"], statement, data),
        tuple(constraints),
        any(constraint.kind == "not null" for constraint in constraints), default,
    )  # fmt: skip


def _sequence_options(node: Node) -> tuple[tuple[Name, str] | None, tuple[tuple[str, str], ...]]:
    options = [item["DefElem"] for item in node.get("options", ())]
    owner = next((strings(o["arg"]["List"]["items"]) for o in options if o["defname"] == "owned_by"), [])
    if len(owner) == 1:  # OWNED BY NONE
        return None, (("owned_by", "none"), *options_of(_without_owner(node)))
    return (dotted(owner[:-1]), owner[-1]) if owner else None, options_of(_without_owner(node))


def _without_owner(node: Node) -> list[Node]:
    return [item for item in node.get("options", ()) if item["DefElem"]["defname"] != "owned_by"]


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
