"""Parser nodes of statements that few migrations use. `read` loads this module when it first meets one of them.

What they create is known by its name alone: it is there, or it is not.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import expression, strings, type_of
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read_columns import (
    describe,
    name_of,
    read_column,
    read_constraint,
    role,
    word,
)
from elf_sqlcheck.catalog.read_objects import cast_name, dotted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Type
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]


def _made(
    statement: Statement, kind: str, name: Name, part: str | None = None, arguments: tuple[Type, ...] | None = None
) -> Change:
    return changes.Opaque(statement, statement.span, describe(statement.kind), kind, name, part, arguments)


def _plain(kind: str, field: str) -> Callable[[Statement, bytes], Iterator[Change]]:
    """A reader of what has a name without schema in one field of its node."""

    def reader(statement: Statement, _data: bytes) -> Iterator[Change]:
        yield _made(statement, kind, Name(None, statement.node[field]))

    return reader


def _qualified(kind: str, field: str) -> Callable[[Statement, bytes], Iterator[Change]]:
    def reader(statement: Statement, _data: bytes) -> Iterator[Change]:
        names = strings(statement.node.get(field))
        if names:
            yield _made(statement, kind, dotted(names))
        else:
            yield changes.Opaque(statement, statement.span, describe(statement.kind))

    return reader


def _statistics(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    names = strings(node.get("defnames"))
    made = changes.Opaque(statement, statement.span, describe(statement.kind))
    if names and "RangeVar" in node["relations"][0]:
        columns: dict[str, None] = {}
        for item in node["exprs"]:
            read = expression(item["StatsElem"].get("expr"))
            columns.update(dict.fromkeys([item["StatsElem"]["name"]] if read is None else read.columns))
        table = name_of(node["relations"][0]["RangeVar"])
        made = made.replace(kind="statistics", name=dotted(names), table=table, columns=tuple(columns))
    yield made


def _define(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE AGGREGATE, OPERATOR, COLLATION, TEXT SEARCH … and base types."""
    node = statement.node
    kind, name = word(node["kind"]), dotted(strings(node["defnames"]))
    if kind == "type":
        yield changes.CreateType(statement, statement.span, name, "base")
        return
    arguments: tuple[Type, ...] | None = None
    definition = {item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in node.get("definition", ())}
    if kind == "operator":
        sides = [definition.get(side, {}).get("TypeName") for side in ("leftarg", "rightarg")]
        arguments = tuple(type_of(side) for side in sides if side)
    elif kind == "aggregate":
        parameters = next((item["List"].get("items", ()) for item in node.get("args", ()) if "List" in item), ())
        arguments = tuple(type_of(item["FunctionParameter"]["argType"]) for item in parameters)
    yield _made(statement, kind, name, None, arguments)


def _cast(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    yield _made(statement, "cast", cast_name(node["sourcetype"], node["targettype"]))


def _rule(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    yield _made(statement, "rule", name_of(node["relation"]), node["rulename"])


def _drop(kind: str, field: str) -> Callable[[Statement, bytes], Iterator[Change]]:
    def reader(statement: Statement, _data: bytes) -> Iterator[Change]:
        node = statement.node
        name = Name(None, _user(node)) if kind == "user mapping" else Name(None, node[field])
        cascade = node.get("behavior") == "DROP_CASCADE"
        yield changes.Drop(statement, statement.span, kind, name, node.get("missing_ok", False), cascade)

    return reader


def _user(node: Node) -> str:
    return f"{role(node['user'])} on {node['servername']}"


def _alter_domain(statement: Statement, data: bytes) -> Iterator[Change]:
    node = statement.node
    definition = node.get("def", {})
    action = {"T": "set default", "O": "set not null", "N": "drop not null", "C": "add constraint",
              "X": "drop constraint", "V": "validate constraint"}.get(node["subtype"], "")  # fmt: skip
    # SET NOT NULL is 'O' and DROP NOT NULL 'N': nodes/parsenodes.h says so.
    constraint = read_constraint(definition["Constraint"], statement, data) if action == "add constraint" else None
    yield changes.AlterDomain(
        statement, statement.span, dotted(strings(node["typeName"])), action,
        expression(definition, statement.offset) if action == "set default" and definition else None,
        constraint, node.get("name"), node.get("missing_ok", False), node.get("behavior") == "DROP_CASCADE",
    )  # fmt: skip


def _composite(statement: Statement, data: bytes) -> Iterator[Change]:
    node = statement.node
    attributes = tuple(read_column(item["ColumnDef"], statement, data)[0] for item in node.get("coldeflist", ()))
    yield changes.CreateType(statement, statement.span, name_of(node["typevar"]), "composite", attributes)


def _range(statement: Statement, _data: bytes) -> Iterator[Change]:
    yield changes.CreateType(statement, statement.span, dotted(strings(statement.node["typeName"])), "range")


READERS: dict[str, Callable[[Statement, bytes], Iterator[Change]]] = {
    "AlterDomainStmt": _alter_domain,
    "CompositeTypeStmt": _composite,
    "CreateAmStmt": _plain("access method", "amname"),
    "CreateCastStmt": _cast,
    "CreateConversionStmt": _qualified("conversion", "conversion_name"),
    "CreateEventTrigStmt": _plain("event trigger", "trigname"),
    "CreateFdwStmt": _plain("foreign data wrapper", "fdwname"),
    "CreateOpClassStmt": _qualified("operator class", "opclassname"),
    "CreateOpFamilyStmt": _qualified("operator family", "opfamilyname"),
    "CreatePLangStmt": _plain("language", "plname"),
    "CreatePublicationStmt": _plain("publication", "pubname"),
    "CreateRangeStmt": _range,
    "CreateStatsStmt": _statistics,
    "DefineStmt": _define,
    "DropSubscriptionStmt": _drop("subscription", "subname"),
    "DropUserMappingStmt": _drop("user mapping", "servername"),
    "RuleStmt": _rule,
}
