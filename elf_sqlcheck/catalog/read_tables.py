"""Parser nodes of tables to changes: CREATE TABLE, ALTER TABLE, CREATE INDEX."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes, places
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import Column, Constraint, IndexColumn, Name
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Expression
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_KINDS = {"CONSTR_PRIMARY": "primary key", "CONSTR_UNIQUE": "unique", "CONSTR_CHECK": "check",
          "CONSTR_FOREIGN": "foreign key", "CONSTR_EXCLUSION": "exclude", "CONSTR_NOTNULL": "not null"}  # fmt: skip
_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_IDENTITY = {"a": "always", "d": "by default"}
_PERSISTENCE = {"p": "permanent", "t": "temporary", "u": "unlogged"}
_STRATEGY = {"PARTITION_STRATEGY_RANGE": "range", "PARTITION_STRATEGY_LIST": "list", "PARTITION_STRATEGY_HASH": "hash"}


def name_of(node: Node) -> Name:
    """The name in a RangeVar."""
    schema = node.get("schemaname")
    return Name("pg_temp" if node.get("relpersistence") == "t" and not schema else schema, node["relname"])


def name_span(node: Node, statement: Statement, data: bytes) -> Span:
    """Where the name in a RangeVar stands."""
    return places.qualified(data, statement.offset + node.get("location", 0), 2 if "schemaname" in node else 1)


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
            statement, span, name_of(relation), query, reads, columns, False, node.get("if_not_exists", False), True
        )
        return
    yield changes.CreateTable(
        statement, span, name_of(relation), if_not_exists=node.get("if_not_exists", False),
        persistence=_PERSISTENCE[relation["relpersistence"]], as_query=True,
    )  # fmt: skip


def read_query(node: Node) -> tuple[str, tuple[Name, ...]]:
    """The normal form of a query and the relations that it reads."""
    reader = Reader()
    text = reader.render(node)
    return text, tuple(dict.fromkeys(Name(schema, name) for schema, name in reader.relations))


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
            identity = _IDENTITY[item["generated_when"]]
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
        _type(type_node, statement, data) if type_node else type_of({}),
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


def _type(node: Node, statement: Statement, data: bytes) -> Any:
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
        node.get("is_enforced", True) if kind in {"check", "foreign key"} else True,
        node.get("deferrable", False),
        node.get("initdeferred", False),
        node.get("nulls_not_distinct", False),
        node.get("is_no_inherit", False),
        node.get("indexname"),
        tuple(strings(node.get("including"))),
        bool(inline),
        places.element(data, start, statement.span.end if limit is None else limit),
    )


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
    kind = _type(node["typeName"], statement, data)
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
    return changes.SetIdentity(statement, place, table, command["name"], _IDENTITY[when])


def _security(what: str, on: bool) -> Callable[[Statement, Span, Name, Node, bytes], Change]:
    return lambda statement, place, table, _command, _data: changes.SetRowSecurity(statement, place, table, what, on)


def _trigger(enabled: str, name: str | None = None) -> Callable[[Statement, Span, Name, Node, bytes], Change]:
    return lambda statement, place, table, command, _data: changes.SetTrigger(
        statement, place, table, command.get("name", "") if name is None else name, enabled
    )


_COMMANDS: dict[str, Callable[[Statement, Span, Name, Node, bytes], Change]] = {
    "AddColumn": _add_column,
    "AddConstraint": _add_constraint,
    "AddIdentity": _identity,
    "AlterColumnType": _alter_type,
    "AttachPartition": lambda s, p, t, c, _: changes.AttachPartition(s, p, t, name_of(c["def"]["PartitionCmd"]["name"])),
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
    "SetExpression": lambda s, p, t, c, _: changes.SetExpression(s, p, t, c["name"], expression(c.get("def"), s.offset)),
    "SetIdentity": _identity,
    "SetNotNull": lambda s, p, t, c, _: changes.SetNotNull(s, p, t, c["name"]),
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
        tuple(item["IndexElem"]["name"] for item in node.get("indexIncludingParams", ())),
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
