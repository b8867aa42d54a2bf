"""How changes of tables, their parts and their indexes alter the catalog."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.naming import constraint_name, index_name
from elf_sqlcheck.catalog.objects import SERIAL, Index, IndexColumn, Name
from elf_sqlcheck.catalog.schema import ABSENT, Absent, Fact, IndexOf, Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Column, Constraint, Type
    from elf_sqlcheck.catalog.schema import Key


SERIALS = {stored: serial for serial, stored in SERIAL.items()}
RELATIONS = frozenset({"table", "view", "materialized view", "sequence", "foreign table"})


def key_of(name: Name) -> Key:
    """The key of a relation whose name has its schema."""
    return ("relation", name.schema or "", name.name)


def table_at(catalog: Catalog, name: Name) -> Table | None:
    """The table to be altered: an assumed one when nothing is known of it, None when it is no table or is gone."""
    full = catalog.now.resolve(name)
    found = catalog.objects.get(key_of(full))
    if found is None:
        return Table(full, {}, {}, {}, {}, {}, known=False, complete=False)
    return found if isinstance(found, Table) else None


def save(catalog: Catalog, table: Table | View) -> None:
    """Write a table (or view) back."""
    catalog.put(key_of(table.name), table)


def create_table(catalog: Catalog, change: ch.CreateTable) -> None:
    """CREATE TABLE."""
    full = _new_name(catalog, change.name)
    if change.if_not_exists and catalog.now.knows("relation", full):
        return
    parents = [change.partition_of] if change.partition_of else list(change.inherits)
    columns: dict[str, Column | None] = {}
    complete = not (change.as_query or change.like or change.of_type)
    for parent in [*parents, *change.like]:
        known = catalog.now.table(parent)
        complete = complete and known is not None and known.complete
        columns.update(known.columns if known else {})
    columns.update({column.name: column for column in change.columns})
    table = Table(
        full, columns, {}, {}, {}, {},
        complete=complete,
        persistence=change.persistence,
        partition_of=catalog.now.resolve(change.partition_of) if change.partition_of else None,
        partition_by=change.partition_by,
        inherits=tuple(catalog.now.resolve(parent) for parent in change.inherits),
        row_security=False,
        foreign=change.foreign,
        born=catalog.migration,
        rows="many" if change.as_query and not change.empty else "none",
    )  # fmt: skip
    save(catalog, table)
    order = {"primary key": 0, "unique": 1}
    for constraint in sorted(change.constraints, key=lambda item: order.get(item.kind, 2)):
        # a table without rows has nothing to be validated: NOT VALID says nothing here
        table = _with_constraint(catalog, table, constraint.replace(not_valid=False))
    save(catalog, table)


def _new_name(catalog: Catalog, name: Name) -> Name:
    """Where a new relation goes: the first schema of the search path."""
    return name if name.schema else Name(catalog.now.search_path[0], name.name)


def _with_constraint(catalog: Catalog, table: Table, constraint: Constraint) -> Table:
    """The table with one more constraint, its chosen name and the index that comes with it."""
    if constraint.kind == "not null":
        return _with_columns(table, constraint.columns, not_null=True)
    columns = constraint.columns
    index = table.indexes.get(constraint.using_index) if constraint.using_index else None
    if index:
        columns = tuple(column.name or "" for column in index.columns)
    name = constraint.name or (
        constraint.using_index or constraint_name(table.name.name, constraint, table.constraints)
    )
    references = catalog.now.resolve(constraint.references) if constraint.references else None
    kept = constraint.replace(name=name, columns=columns, references=references)
    table = table.replace(constraints={**table.constraints, name: kept})
    if constraint.kind in {"primary key", "unique", "exclude"}:
        if index and constraint.using_index != name:
            catalog.put(("relation", table.name.schema or "", index.name), ABSENT)
        indexes = {key: value for key, value in table.indexes.items() if not index or key != index.name}
        made = (index or _index_of(table, kept)).replace(name=name)
        catalog.put(("relation", table.name.schema or "", name), IndexOf(table.name))
        table = table.replace(indexes={**indexes, name: made})
    if constraint.kind == "primary key":
        table = _with_columns(table, columns, not_null=True)
    return table


def _index_of(table: Table, constraint: Constraint) -> Index:
    columns = tuple(IndexColumn(column) for column in constraint.columns)
    return Index(
        constraint.name or "", table.name, columns, constraint.include, constraint.kind != "exclude",
        constraint.nulls_not_distinct, "gist" if constraint.kind == "exclude" else "btree",
    )  # fmt: skip


def _with_columns(table: Table, names: Iterable[str], **values: Any) -> Table:
    columns: dict[str, Column | None] | None = None
    for name in names:
        column = table.columns.get(name)
        if column is not None and any(getattr(column, field) != value for field, value in values.items()):
            columns = columns or dict(table.columns)
            columns[name] = column.replace(**values)
    return table if columns is None else table.replace(columns=columns)


def _alter(apply: Callable[[Catalog, Table, Any], Table | None]) -> Callable[[Catalog, Any], None]:
    """A handler that changes one table and writes it back."""

    def handler(catalog: Catalog, change: ch.TableChange) -> None:
        table = table_at(catalog, change.table)
        if table is not None:
            altered = apply(catalog, table, change)
            if altered is not None:
                save(catalog, altered)

    return handler


def _add_column(catalog: Catalog, table: Table, change: ch.AddColumn) -> Table | None:
    if change.if_not_exists and table.column(change.column.name):
        return None
    table = table.replace(columns={**table.columns, change.column.name: change.column})
    for constraint in change.constraints:
        table = _with_constraint(catalog, table, constraint)
    return table


def _drop_column(catalog: Catalog, table: Table, change: ch.DropColumn) -> Table | None:
    name = change.column
    columns = {key: value for key, value in table.columns.items() if key != name}
    if not table.complete:
        columns[name] = None
    constraints = {
        key: value
        for key, value in table.constraints.items()
        if value is None or not (name in value.columns or (value.expression and name in value.expression.columns))
    }
    kept = {key: index for key, index in table.indexes.items() if not _uses(index, name)}
    for gone in table.indexes.keys() - kept.keys():
        catalog.put(("relation", table.name.schema or "", gone), ABSENT)
    clear_part(catalog, table.name, name)
    return table.replace(columns=columns, constraints=constraints, indexes=kept)


def _uses(index: Index, column: str) -> bool:
    keys = index.columns
    return (
        column in index.include
        or any(key.name == column or (key.expression and column in key.expression.columns) for key in keys)
        or bool(index.where and column in index.where.columns)
    )


def clear_part(catalog: Catalog, table: Name, column: str) -> None:
    """Forget what was said about a column that is gone."""
    for key in catalog.said_about(table.schema, table.name):
        if key[0] in {"comment", "fact"} and key[3] == column:
            catalog.put(key, None)


def _part(table: Name, column: str) -> Key:
    return (table.schema or "", table.name, column)


def _column_fact(aspect: str, value: Callable[[Any], object]) -> Callable[[Catalog, Any], None]:
    """A handler for one aspect of a column: written into the column when it is known, else kept beside it."""
    return _alter(lambda catalog, table, change: _set_aspect(catalog, table, change.column, aspect, value(change)))


def _set_aspect(catalog: Catalog, table: Table, column: str, aspect: str, value: object) -> Table | None:
    if table.column(column):
        return _with_columns(table, (column,), **{aspect: value})
    catalog.put(("fact", *_part(table.name, column), aspect), Fact(value))
    return None


def _stored_as(column: Column | None, kind: Type) -> Type:
    """The new type of a column; a serial one keeps its sequence when it becomes another integer."""
    serial = SERIALS.get(kind.name) if column and column.type.is_serial and kind.schema is None else None
    return kind.replace(name=serial) if serial else kind


def _alter_type(catalog: Catalog, table: Table, change: ch.AlterColumnType) -> Table | None:
    kind = _stored_as(table.column(change.column), change.type)
    return _set_aspect(catalog, table, change.column, "type", kind)


def _add_constraint(catalog: Catalog, table: Table, change: ch.AddConstraint) -> Table:
    return _with_constraint(catalog, table, change.constraint)


def _drop_constraint(catalog: Catalog, table: Table, change: ch.DropConstraint) -> Table:
    constraints = {key: value for key, value in table.constraints.items() if key != change.name}
    if change.name not in table.constraints and not table.known:
        constraints[change.name] = None
    indexes = table.indexes
    if change.name in indexes:
        indexes = {key: value for key, value in indexes.items() if key != change.name}
        catalog.put(("relation", table.name.schema or "", change.name), ABSENT)
    return table.replace(constraints=constraints, indexes=indexes)


def _validate(_catalog: Catalog, table: Table, change: ch.ValidateConstraint) -> Table | None:
    constraint = table.constraints.get(change.name)
    if constraint is None:
        return None
    return table.replace(constraints={**table.constraints, change.name: constraint.replace(not_valid=False)})


def _row_security(_catalog: Catalog, table: Table, change: ch.SetRowSecurity) -> Table:
    return table.replace(row_security=change.on) if change.what == "enabled" else table.replace(forced=change.on)


def _set_trigger(_catalog: Catalog, table: Table, change: ch.SetTrigger) -> Table:
    every = change.name in {"", "*"}
    return table.replace(
        triggers={
            name: trigger.replace(enabled=change.enabled) if trigger and (every or name == change.name) else trigger
            for name, trigger in table.triggers.items()
        }
    )


def _create_trigger(_catalog: Catalog, table: Table, change: ch.CreateTrigger) -> Table:
    return table.replace(triggers={**table.triggers, change.trigger.name: change.trigger})


def _create_policy(_catalog: Catalog, table: Table, change: ch.CreatePolicy) -> Table:
    return table.replace(policies={**table.policies, change.policy.name: change.policy})


def _alter_policy(_catalog: Catalog, table: Table, change: ch.AlterPolicy) -> Table | None:
    policy = table.policies.get(change.name)
    if policy is None:
        return None
    values: dict[str, Any] = {"roles": change.roles, "using": change.using, "check": change.check}
    altered = policy.replace(**{key: value for key, value in values.items() if value is not None})
    return table.replace(policies={**table.policies, change.name: altered})


def _partition(catalog: Catalog, change: ch.AttachPartition | ch.DetachPartition) -> None:
    part = table_at(catalog, change.partition)
    if part is not None:
        parent = catalog.now.resolve(change.table) if isinstance(change, ch.AttachPartition) else None
        save(catalog, part.replace(partition_of=parent))


def create_index(catalog: Catalog, change: ch.CreateIndex) -> None:
    """CREATE INDEX, on a table or a materialized view."""
    found = catalog.now.relation(change.table)
    owner = found if isinstance(found, View) else table_at(catalog, change.table)
    if owner is None:
        return
    name = change.name or index_name(owner.name.name, change.columns, _Taken(catalog, owner.name.schema or ""))
    if change.if_not_exists and name in owner.indexes:
        return
    index = Index(
        name, owner.name, change.columns, change.include, change.unique, change.nulls_not_distinct, change.method,
        change.where, change.options,
    )  # fmt: skip
    catalog.put(("relation", owner.name.schema or "", name), IndexOf(owner.name))
    save(catalog, owner.replace(indexes={**owner.indexes, name: index}))


class _Taken:
    """The relation names of a schema that are in use."""

    __slots__ = ("catalog", "schema")

    def __init__(self, catalog: Catalog, schema: str) -> None:
        self.catalog = catalog
        self.schema = schema

    def __contains__(self, name: object) -> bool:
        return not isinstance(self.catalog.objects.get(("relation", self.schema, str(name))), Absent | None)


def _set_options(catalog: Catalog, change: ch.SetOptions) -> None:
    """Options count for views, where they decide whose rights apply."""
    view = catalog.now.view(change.table)
    if view is not None:
        options = {**dict(view.options), **dict(change.options)}
        kept = tuple((name, value) for name, value in options.items() if value is not None)
        save(catalog, view.replace(options=kept))


_FILLING = frozenset({"insert", "copy", "merge"})


def _write_rows(catalog: Catalog, change: ch.WriteRows) -> None:
    """Notes how full a table of this migration is; one that is older is assumed to be full of rows anyway."""
    table = catalog.now.table(change.table)
    if table is None or table.born != catalog.migration:
        return
    rows = table.rows
    if change.kind in _FILLING:
        rows = "few" if change.kind == "insert" and not change.from_query and rows != "many" else "many"
    elif change.kind == "truncate":
        rows = "none"
    if rows != table.rows:
        save(catalog, table.replace(rows=rows))


APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AddColumn: _alter(_add_column),
    ch.AddConstraint: _alter(_add_constraint),
    ch.AlterColumnType: _alter(_alter_type),
    ch.AlterPolicy: _alter(_alter_policy),
    ch.AttachPartition: _partition,
    ch.CreateIndex: create_index,
    ch.CreatePolicy: _alter(_create_policy),
    ch.CreateTable: create_table,
    ch.CreateTrigger: _alter(_create_trigger),
    ch.DetachPartition: _partition,
    ch.DropColumn: _alter(_drop_column),
    ch.DropConstraint: _alter(_drop_constraint),
    ch.DropNotNull: _column_fact("not_null", lambda _: False),
    ch.SetDefault: _column_fact("default", lambda change: change.default),
    ch.SetExpression: _column_fact("generated", lambda change: change.expression),
    ch.SetIdentity: _column_fact("identity", lambda change: change.identity),
    ch.SetNotNull: _column_fact("not_null", lambda _: True),
    ch.SetOptions: _set_options,
    ch.SetRowSecurity: _alter(_row_security),
    ch.SetTrigger: _alter(_set_trigger),
    ch.ValidateConstraint: _alter(_validate),
    ch.WriteRows: _write_rows,
}
