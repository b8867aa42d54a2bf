"""Parser nodes of tables to changes: CREATE TABLE, ALTER TABLE, CREATE INDEX."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import Reader, expression, strings
from elf_sqlcheck.catalog.objects import IndexColumn, Name
from elf_sqlcheck.catalog.read_columns import IDENTITY, name_of, name_span, read_column, read_constraint, type_at
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Column, Constraint
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_PERSISTENCE = {"p": "permanent", "t": "temporary", "u": "unlogged"}
_STRATEGY = {"PARTITION_STRATEGY_RANGE": "range", "PARTITION_STRATEGY_LIST": "list", "PARTITION_STRATEGY_HASH": "hash"}


def create_table(statement: Statement, data: bytes, node: Node | None = None) -> Iterator[Change]:
    """CREATE TABLE, and CREATE FOREIGN TABLE, whose node wraps it."""
    node = statement.node if node is None else node
    relation = node["relation"]
    columns: list[Column] = []
    constraints: list[Constraint] = []
    like: list[Name] = []
    elements = node.get("tableElts", ())
    for item in elements:
        if "ColumnDef" in item:
            column, own = read_column(item["ColumnDef"], statement, data)
            columns.append(column)
            constraints += own
        elif "Constraint" in item:
            constraints.append(read_constraint(item["Constraint"], statement, data))
        elif "TableLikeClause" in item:
            like.append(name_of(item["TableLikeClause"]["relation"]))
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
        Name(None, strings(typed["names"])[-1]) if typed else None,
        tuple(like),
    )


def create_table_as(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    node = statement.node
    into = node["into"]
    relation = into["rel"]
    span = name_span(relation, statement, data)
    columns = tuple(strings(into.get("colNames")))
    if node["objtype"] == "OBJECT_MATVIEW":
        query, reads = read_query(node["query"])
        yield changes.CreateView(
            statement, span, name_of(relation), query, reads, columns, False, node.get("if_not_exists", False), True,
            outputs=output_names(node["query"]),
        )  # fmt: skip
        return
    yield changes.CreateTable(
        statement, span, name_of(relation), if_not_exists=node.get("if_not_exists", False),
        persistence=_PERSISTENCE[relation["relpersistence"]], as_query=True,
        empty=into.get("skipData", False),
    )  # fmt: skip


def read_query(node: Node) -> tuple[str, tuple[Name, ...]]:
    """The normal form of a query and the relations that it reads."""
    reader = Reader()
    text = reader.render(node)
    return text, tuple(dict.fromkeys(Name(schema, name) for schema, name in reader.relations))


def output_names(node: Node) -> tuple[str, ...]:
    """The names of the columns that a query yields: "*" for the star of a single table, "" where it is not known.

    See FigureColname in Postgres' parser/parse_target.c.
    """
    select = node.get("SelectStmt", node)
    while "larg" in select:
        select = select["larg"]
    single = [next(iter(item)) for item in select.get("fromClause", ())] == ["RangeVar"]
    names = [_output_name(item["ResTarget"]) for item in select.get("targetList", ())]
    return tuple(name if single or name != "*" else "" for name in names)


def _output_name(target: Node) -> str:
    value = target["val"]
    if "name" in target:
        return str(target["name"])
    while "TypeCast" in value and "A_Const" not in value["TypeCast"]["arg"]:
        value = value["TypeCast"]["arg"]
    if "ColumnRef" in value:
        last = value["ColumnRef"]["fields"][-1]
        return "*" if "A_Star" in last else str(last.get("String", {}).get("sval", ""))
    if "FuncCall" in value:
        return strings(value["FuncCall"]["funcname"])[-1]
    return "coalesce" if "CoalesceExpr" in value else ""


def alter_table(statement: Statement, data: bytes) -> Iterator[Change]:
    """ALTER TABLE, one change an action."""
    node = statement.node
    if node.get("objtype") == "OBJECT_TYPE":
        yield changes.Opaque(statement, statement.span, "ALTER TYPE of a composite type")
        return
    table = name_of(node["relation"])
    place = name_span(node["relation"], statement, data)
    for item in node["cmds"]:
        command = item["AlterTableCmd"]
        action = command["subtype"].removeprefix("AT_")
        reader = _COMMANDS.get(action)
        if reader:
            yield reader(statement, place, table, command, data)
        else:
            yield changes.AlterTableOther(statement, place, table, action, command.get("name"))


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
    return changes.AlterColumnType(statement, span, table, command["name"], kind, using)


def _add_constraint(statement: Statement, _place: Span, table: Name, command: Node, data: bytes) -> Change:
    constraint = read_constraint(command["def"]["Constraint"], statement, data)
    return changes.AddConstraint(statement, constraint.span, table, constraint)


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
