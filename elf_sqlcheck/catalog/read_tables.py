"""Parser nodes of tables to changes: CREATE TABLE, ALTER TABLE, CREATE INDEX."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes, places
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import IndexColumn, Name
from elf_sqlcheck.catalog.queries import read_query
from elf_sqlcheck.catalog.read_columns import (
    IDENTITY,
    name_of,
    name_span,
    options_of,
    read_column,
    read_constraint,
    role,
    type_at,
    word,
)
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Column, Constraint
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

#: Bits of TableLikeClause, from Postgres' nodes/parsenodes.h.
_LIKE = {1: "comments", 4: "constraints", 8: "defaults", 16: "generated", 32: "identity", 64: "indexes"}
_PERSISTENCE = {"p": "permanent", "t": "temporary", "u": "unlogged"}
_STRATEGY = {"PARTITION_STRATEGY_RANGE": "range", "PARTITION_STRATEGY_LIST": "list", "PARTITION_STRATEGY_HASH": "hash"}


def create_table(statement: Statement, data: bytes, node: Node | None = None) -> Iterator[Change]:
    """CREATE TABLE, and CREATE FOREIGN TABLE, whose node wraps it."""
    node = statement.node if node is None else node
    relation = node["relation"]
    columns: list[Column] = []
    constraints: list[Constraint] = []
    like: list[Node] = []
    elements = node.get("tableElts", ())
    for item in elements:
        if "ColumnDef" in item:
            column, own = read_column(item["ColumnDef"], statement, data)
            columns.append(column)
            constraints += own
        elif "Constraint" in item:
            constraints.append(read_constraint(item["Constraint"], statement, data))
        elif "TableLikeClause" in item:
            like.append(item["TableLikeClause"])
    keys = {name for c in constraints if c.kind in {"primary key", "not null"} for name in c.columns}
    columns = [c.replace(not_null=True) if c.name in keys and not c.not_null else c for c in columns]
    parents = tuple(name_of(parent["RangeVar"]) for parent in node.get("inhRelations", ()))
    strategy = node.get("partspec", {}).get("strategy", "")
    typed = node.get("ofTypename")
    yield changes.CreateTable(
        statement,
        name_span(relation, statement, data),
        name_of(relation),
        tuple(columns),
        tuple(constraints),
        node.get("if_not_exists", False),
        _PERSISTENCE[relation["relpersistence"]],
        () if "partbound" in node else parents,
        parents[0] if "partbound" in node else None,
        _STRATEGY.get(strategy, strategy),
        type_name(typed) if typed else None,
        tuple(name_of(clause["relation"]) for clause in like),
        like_options=tuple(_copied(clause.get("options", 0)) for clause in like),
    )


def _copied(bits: int) -> frozenset[str]:
    return frozenset(word for bit, word in _LIKE.items() if bits & bit)


def type_name(node: Node) -> Name:
    """The name in a TypeName node, as one of an object."""
    kind = type_of(node)
    return Name(kind.schema, kind.name)


def create_table_as(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    node = statement.node
    into = node["into"]
    relation = into["rel"]
    span = name_span(relation, statement, data)
    columns = tuple(strings(into.get("colNames")))
    if node["objtype"] == "OBJECT_MATVIEW":
        query = read_query(node["query"])
        yield changes.CreateView(
            statement, span, name_of(relation), query.text, query.reads, columns, False,
            node.get("if_not_exists", False), True, options=options_of(into.get("options")), output=query.output,
            uses=query.uses, functions=query.functions,
        )  # fmt: skip
        return
    yield filled_table(statement, span, into, node["query"], if_not_exists=node.get("if_not_exists", False))


def filled_table(statement: Statement, span: Span, into: Node, query: Node, *, if_not_exists: bool = False) -> Change:
    """The table that CREATE TABLE AS or SELECT INTO makes."""
    output = read_query(query).output if "SelectStmt" in query else None
    return changes.CreateTable(
        statement, span, name_of(into["rel"]), if_not_exists=if_not_exists,
        persistence=_PERSISTENCE[into["rel"]["relpersistence"]], as_query=True, empty=into.get("skipData", False),
        output=output, names=tuple(strings(into.get("colNames"))),
    )  # fmt: skip


def alter_table(statement: Statement, data: bytes) -> Iterator[Change]:
    """ALTER TABLE, one change an action."""
    node = statement.node
    kind = node.get("objtype")
    if kind == "OBJECT_TYPE":
        yield from _alter_type_of_columns(statement, data)
        return
    table = name_of(node["relation"])
    place = name_span(node["relation"], statement, data)
    commands = node["cmds"]
    for item, span in zip(commands, _places(commands, place, statement, data), strict=True):
        command = item["AlterTableCmd"]
        action = command["subtype"].removeprefix("AT_")
        reader = _COMMANDS.get(action)
        if reader:
            yield reader(statement, span, table, command, data)
        elif action == "ChangeOwner":
            yield changes.SetOwner(statement, span, word(node["objtype"]), table, role(command["newowner"]))
        else:
            yield changes.AlterTableOther(statement, span, table, action, command.get("name"), _other(command))


def _places(commands: list[Node], table: Span, statement: Statement, data: bytes) -> list[Span]:
    """Where each action is: that of a single one is the table's name, as in statements that have no list."""
    if len(commands) > 1:
        found = places.elements(data, table.end, statement.span.end)
        if len(found) == len(commands):
            return found
    return [table] * len(commands)


def _other(command: Node) -> Name | None:
    """The parent or the type that INHERIT or OF names."""
    node = command.get("def", {})
    if "RangeVar" in node:
        return name_of(node["RangeVar"])
    return type_name(node["TypeName"]) if "TypeName" in node else None


_ATTRIBUTE = {"AT_AddColumn": "add", "AT_DropColumn": "drop", "AT_AlterColumnType": "type"}


def _alter_type_of_columns(statement: Statement, data: bytes) -> Iterator[Change]:
    """ALTER TYPE of a composite type, one change an attribute."""
    node = statement.node
    for item in node["cmds"]:
        command = item["AlterTableCmd"]
        action = _ATTRIBUTE.get(command["subtype"])
        if action is None:
            yield changes.SetOwner(
                statement, statement.span, "type", name_of(node["relation"]), role(command["newowner"])
            )
            continue
        definition = command.get("def", {}).get("ColumnDef")
        column = read_column({"colname": command.get("name"), **definition}, statement, data)[0] if definition else None
        yield changes.AlterAttribute(
            statement, statement.span, name_of(node["relation"]), action, column.name if column else command["name"],
            column, command.get("missing_ok", False), _cascade(command),
        )  # fmt: skip


def _cascade(command: Node) -> bool:
    return bool(command.get("behavior") == "DROP_CASCADE")


def _add_column(statement: Statement, _place: Span, table: Name, command: Node, data: bytes) -> Change:
    column, constraints = read_column(command["def"]["ColumnDef"], statement, data)
    exists = command.get("missing_ok", False)
    return changes.AddColumn(statement, column.span, table, column, tuple(constraints), exists)


def _alter_type(statement: Statement, place: Span, table: Name, command: Node, data: bytes) -> Change:
    node = command["def"]["ColumnDef"]
    kind = type_at(node["typeName"], statement, data)
    using = expression(node.get("raw_default"), statement.offset)
    span = kind.span if kind.span.end else place
    collation = ".".join(strings(node["collClause"]["collname"])) if "collClause" in node else None
    return changes.AlterColumnType(statement, span, table, command["name"], kind, using, collation)


def _add_constraint(statement: Statement, _place: Span, table: Name, command: Node, data: bytes) -> Change:
    constraint = read_constraint(command["def"]["Constraint"], statement, data)
    return changes.AddConstraint(statement, constraint.span, table, constraint)


def _alter_constraint(statement: Statement, place: Span, table: Name, command: Node, _data: bytes) -> Change:
    node = command["def"]["ATAlterConstraint"]
    deferrability = "alterDeferrability" in node
    return changes.AlterConstraint(
        statement, place, table, node["conname"],
        node.get("deferrable", False) if deferrability else None,
        node.get("initdeferred", False) if deferrability else None,
        node.get("is_enforced", False) if "alterEnforceability" in node else None,
        node.get("noinherit", False) if "alterInheritability" in node else None,
    )  # fmt: skip


def _set_default(statement: Statement, place: Span, table: Name, command: Node, _data: bytes) -> Change:
    value = expression(command.get("def"), statement.offset)
    return changes.SetDefault(statement, place, table, command["name"], value)


def _identity(statement: Statement, place: Span, table: Name, command: Node, _data: bytes) -> Change:
    definition = command.get("def", {})
    when = definition.get("Constraint", {}).get("generated_when", "d")
    return changes.SetIdentity(statement, place, table, command["name"], IDENTITY[when])


def _security(what: str, on: bool) -> Callable[[Statement, Span, Name, Node, bytes], Change]:
    return lambda statement, place, table, _command, _data: changes.SetRowSecurity(statement, place, table, what, on)


def _options(statement: Statement, place: Span, table: Name, command: Node, _data: bytes) -> Change:
    reset = command["subtype"] == "AT_ResetRelOptions"
    found: list[tuple[str, str | None]] = []
    for item in command.get("def", {}).get("List", {}).get("items", ()):
        element = item["DefElem"]
        value = element.get("arg", {"String": {"sval": "true"}})
        text = strings([value])[0] if "String" in value else Reader().render(value)
        found.append((element["defname"], None if reset else text))
    return changes.SetOptions(statement, place, table, tuple(found))


def _trigger(enabled: str, name: str | None = None) -> Callable[[Statement, Span, Name, Node, bytes], Change]:
    return lambda statement, place, table, command, _data: changes.SetTrigger(
        statement, place, table, command.get("name", "") if name is None else name, enabled
    )


_COMMANDS: dict[str, Callable[[Statement, Span, Name, Node, bytes], Change]] = {
    "AddColumn": _add_column,
    "AddConstraint": _add_constraint,
    "AddIdentity": _identity,
    "AlterColumnType": _alter_type,
    "AlterConstraint": _alter_constraint,
    "AttachPartition": lambda s, p, t, c, _: changes.AttachPartition(
        s, p, t, name_of(c["def"]["PartitionCmd"]["name"])
    ),
    "ColumnDefault": _set_default,
    "DetachPartition": lambda s, p, t, c, _: changes.DetachPartition(
        s, p, t, name_of(c["def"]["PartitionCmd"]["name"]), c["def"]["PartitionCmd"].get("concurrent", False)
    ),
    "DisableRowSecurity": _security("enabled", on=False),
    "DisableTrig": _trigger("disabled"),
    "DisableTrigAll": _trigger("disabled", "*"),
    "DisableTrigUser": _trigger("disabled", ""),
    "DropColumn": lambda s, p, t, c, _: changes.DropColumn(s, p, t, c["name"], c.get("missing_ok", False), _cascade(c)),
    "DropConstraint": lambda s, p, t, c, _: changes.DropConstraint(
        s, p, t, c["name"], c.get("missing_ok", False), _cascade(c)
    ),
    "DropExpression": lambda s, p, t, c, _: changes.SetExpression(s, p, t, c["name"]),
    "DropIdentity": lambda s, p, t, c, _: changes.SetIdentity(s, p, t, c["name"], "", c.get("missing_ok", False)),
    "DropNotNull": lambda s, p, t, c, _: changes.DropNotNull(s, p, t, c["name"]),
    "EnableAlwaysTrig": _trigger("always"),
    "EnableReplicaTrig": _trigger("replica"),
    "EnableRowSecurity": _security("enabled", on=True),
    "EnableTrig": _trigger("origin"),
    "EnableTrigAll": _trigger("origin", "*"),
    "EnableTrigUser": _trigger("origin", ""),
    "ForceRowSecurity": _security("forced", on=True),
    "NoForceRowSecurity": _security("forced", on=False),
    "ResetRelOptions": _options,
    "SetExpression": lambda s, p, t, c, _: changes.SetExpression(
        s, p, t, c["name"], expression(c.get("def"), s.offset)
    ),
    "SetIdentity": _identity,
    "SetNotNull": lambda s, p, t, c, _: changes.SetNotNull(s, p, t, c["name"]),
    "SetRelOptions": _options,
    "ValidateConstraint": lambda s, p, t, c, _: changes.ValidateConstraint(s, p, t, c["name"]),
}


def create_index(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE INDEX. The parser gives no place for the index's name, so the statement's own is taken."""
    node = statement.node
    elements = [read_index_column(item["IndexElem"]) for item in node.get("indexParams", ())]
    start = statement.span.start
    yield changes.CreateIndex(
        statement,
        Span(start, min(name_span(node["relation"], statement, data).end, statement.span.end)),
        node.get("idxname"),
        name_of(node["relation"]),
        tuple(elements),
        tuple(item["IndexElem"].get("name", "") for item in node.get("indexIncludingParams", ())),
        node.get("unique", False),
        node.get("nulls_not_distinct", False),
        node.get("concurrent", False),
        node.get("if_not_exists", False),
        not node["relation"].get("inh", False),
        node.get("accessMethod", "btree"),
        expression(node.get("whereClause"), statement.offset),
        tuple(item["DefElem"]["defname"] for item in node.get("options", ())),
    )


def read_index_column(node: Node) -> IndexColumn:
    """An IndexElem."""
    descending = node.get("ordering") == "SORTBY_DESC"
    nulls = {"SORTBY_NULLS_FIRST": "first", "SORTBY_NULLS_LAST": "last"}.get(node.get("nulls_ordering", ""), "")
    return IndexColumn(
        node.get("name"),
        expression(node.get("expr")),
        descending,
        "" if nulls == ("first" if descending else "last") else nulls,
        ".".join(strings(node.get("opclass"))),
        ".".join(strings(node.get("collation"))),
    )
