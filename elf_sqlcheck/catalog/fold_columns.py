"""How changes of columns alter the catalog: those of a table, and those of its heirs."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import fold_constraints as constraints
from elf_sqlcheck.catalog.entries import ABSENT, Fact, Sequence, Statistics, Table
from elf_sqlcheck.catalog.fold_parts import Taken, heirs, key_of, refer_in, save, settled, table_at
from elf_sqlcheck.catalog.naming import object_name
from elf_sqlcheck.catalog.objects import BUILT_IN, Expression, Name
from elf_sqlcheck.catalog.parts import alike, changed, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Column, Constraint, Index


def own_column(catalog: Catalog, table: Name, column: Column) -> Column:
    """A column as the catalog keeps it; notes what it refers to and makes the sequence that comes with it."""
    kind = column.type
    key = ("relation", table.schema or "", table.name)
    if kind.schema is not None or kind.name not in BUILT_IN:
        kind = settled(catalog, kind, key)
        if kind is not column.type:
            column = column.replace(type=kind)
    elif column.identity or kind.is_serial:
        with_sequence(catalog, table, column.name)
    expression = column.default or column.generated
    if expression is not None and (expression.functions or expression.reads):
        refer_in(catalog, key, expression)
    return column


def with_sequence(catalog: Catalog, table: Name, column: str) -> None:
    """Make the sequence of a serial or identity column."""
    taken = Taken(catalog, Table(table, {}, {}, {}, {}, {}))
    name = Name(table.schema, object_name(table.name, column, "seq", taken))
    catalog.put(key_of(name), Sequence(name, (table, column), internal=True))
    catalog.refer(key_of(name), (table,))
    catalog.refer_columns(key_of(name), table, (column,))
    catalog.refer(key_of(table), (name,))


def _asked(table: Name, column: str | None) -> tuple[str, ...]:
    """By what the links know who refers to a table, or to one column of it."""
    return (table.schema or "", table.name, *(() if column is None else (column,)))


def own_sequences(catalog: Catalog, table: Name, column: str | None = None) -> list[Sequence]:
    """The sequences that belong to a table, or to one column of it."""
    keys = catalog.referring.get(_asked(table, column))
    if not keys:
        return []
    found = [catalog.objects.get(key) for key in keys]
    own = [value for value in found if isinstance(value, Sequence) and value.owned_by]
    own = [s for s in own if s.owned_by and s.owned_by[0] == table and column in {None, s.owned_by[1]}]
    return sorted(own, key=lambda sequence: sequence.name.name)


def drop_statistics(catalog: Catalog, table: Name, column: str | None = None) -> None:
    """Take away the statistics on a table, or on one column of it."""
    for key in list(catalog.referring.get(_asked(table, column), ())):
        found = catalog.objects.get(key) if key[0] == "statistics" else None
        if isinstance(found, Statistics) and found.table == table and (column is None or column in found.columns):
            catalog.put(key, ABSENT)


def altering(apply: Callable[[Catalog, Table, Any], Table | None]) -> Callable[[Catalog, Any], None]:
    """A handler that changes one table and writes it back."""

    def handler(catalog: Catalog, change: ch.TableChange) -> None:
        table = table_at(catalog, change.table)
        if table is not None:
            altered = apply(catalog, table, change)
            if altered is not None:
                save(catalog, altered)

    return handler


def _add_column(catalog: Catalog, table: Table, change: ch.AddColumn) -> Table | None:
    column = change.column
    if table.column(column.name):
        if not change.if_not_exists:
            save(catalog, table.replace(columns=changed(table.columns, column.name, column)))
        return None
    column = own_column(catalog, table.name, column)
    table = table.replace(columns=changed(table.columns, column.name, column))
    _hand_down(catalog, table, column)
    for constraint in change.constraints:
        table = constraints.with_constraint(catalog, table, constraint)
    return table


def _hand_down(catalog: Catalog, table: Table, column: Column) -> None:
    """Give a new column to the table's heirs and to theirs."""
    column = with_default(catalog, table, column)
    for heir in heirs(catalog, table.name):
        if not heir.column(column.name):
            partition = heir.partition_of == table.name
            copy = column.replace(
                inherited=True, identity=column.identity if partition else "", type=column.type.stored
            )
            settled(catalog, copy.type, key_of(heir.name))
            save(catalog, heir.replace(columns=changed(heir.columns, column.name, copy)))
            _hand_down(catalog, heir, copy)


def _drop_column(catalog: Catalog, table: Table, change: ch.DropColumn) -> Table:
    if change.cascade:
        from elf_sqlcheck.catalog import fold_cascade

        fold_cascade.of_column(catalog, table.name, change.column)
        table = table_at(catalog, table.name) or table
    return without_column(catalog, table, change.column)


def without_column(catalog: Catalog, table: Table, name: str) -> Table:
    """The table without a column, and without what is only there for it; its heirs lose it too."""
    columns = without(table.columns, name)
    if not table.complete:
        columns = changed(columns, name, None)
    kept_constraints = table.constraints
    for constraint in list(alike(table.constraints, _concerned, name)):
        gone = (constraint and constraint.name) or ""
        kept_constraints = without(kept_constraints, gone)
        constraints.forget_part(catalog, table.name, "constraint", gone)
    kept = table.indexes
    for gone in [index.name for index in alike(table.indexes, used, name)]:
        kept = without(kept, gone)
        catalog.put(("relation", table.name.schema or "", gone), ABSENT)
        for key in catalog.said_about(table.name.schema, gone):
            catalog.put(key, None)
    clear_part(catalog, table.name, name)
    for sequence in own_sequences(catalog, table.name, name):
        catalog.put(key_of(sequence.name), ABSENT)
    drop_statistics(catalog, table.name, name)
    for heir in heirs(catalog, table.name):
        column = heir.column(name)
        if column and column.inherited:
            save(catalog, without_column(catalog, heir, name))
    return table.replace(columns=columns, constraints=kept_constraints, indexes=kept)


def _concerned(constraint: Constraint | None) -> set[str]:
    if constraint is None:
        return set()
    read = constraint.expression.columns if constraint.expression else ()
    return {*constraint.columns, *constraint.include, *read}


def used(index: Index) -> set[str]:
    """The columns that an index is on, by any of its expressions."""
    found = {*index.include, *(index.where.columns if index.where else ())}
    for key in index.columns:
        if key.name:
            found.add(key.name)
        if key.expression:
            found.update(key.expression.columns)
    return found


def clear_part(catalog: Catalog, table: Name, column: str) -> None:
    """Forget what was said about a column that is gone."""
    for key in catalog.said_about(table.schema, table.name, column):
        if (key[0] in {"comment", "fact"} and key[3] == column) or (key[0] == "grant" and key[5:] == (column,)):
            catalog.put(key, None)


def _column(apply: Callable[[Catalog, Table, Column, Any], Column], aspect: str) -> Callable[[Catalog, Any], None]:
    """A handler for one aspect of a column and of the same column of the table's heirs.

    It is written into the column when that is known, else kept beside it.
    """

    def alter(catalog: Catalog, table: Table, change: Any) -> Table | None:
        for heir in heirs(catalog, table.name):
            if aspect == "identity" and heir.partition_of != table.name:
                continue  # children of a table that is not partitioned have no share in its identity columns
            altered = alter(catalog, heir, change)
            if altered is not None:
                save(catalog, altered)
        column = table.column(change.column)
        if column is None:
            value = _ASPECTS[aspect](change)
            catalog.put(("fact", table.name.schema or "", table.name.name, change.column, aspect), Fact(value))
            return None
        altered_column = apply(catalog, table, column, change)
        if altered_column is column:
            return None
        return table.replace(columns=changed(table.columns, column.name, altered_column))

    return altering(alter)


_ASPECTS: dict[str, Callable[[Any], object]] = {
    "type": lambda change: change.type,
    "default": lambda change: change.default,
    "generated": lambda change: change.expression,
    "identity": lambda change: change.identity,
    "not_null": lambda change: isinstance(change, ch.SetNotNull),
}


def _alter_type(catalog: Catalog, table: Table, column: Column, change: ch.AlterColumnType) -> Column:
    kind = settled(catalog, change.type, key_of(table.name))
    return with_default(catalog, table, column).replace(type=kind, collation=change.collation)


def with_default(catalog: Catalog, table: Table, column: Column) -> Column:
    """A serial column as the integer with a default that it is."""
    if not column.type.is_serial:
        return column
    own = own_sequences(catalog, table.name, column.name)
    default = column.default
    if default is None and own:
        name = own[0].name
        catalog.refer(key_of(table.name), (name,))
        default = Expression(f"nextval('{name}'::regclass)", ("nextval",), reads=(name,))
    return column.replace(type=column.type.stored, default=default)


def _set_default(catalog: Catalog, table: Table, column: Column, change: ch.SetDefault) -> Column:
    refer_in(catalog, key_of(table.name), change.default)
    return column.replace(default=change.default, type=column.type.stored)


def _set_identity(catalog: Catalog, table: Table, column: Column, change: ch.SetIdentity) -> Column:
    if change.identity and not column.identity:
        if table.partition_of is None:
            with_sequence(catalog, table.name, column.name)
    elif not change.identity and column.identity:
        for sequence in own_sequences(catalog, table.name, column.name):
            catalog.put(key_of(sequence.name), ABSENT)
    return column.replace(identity=change.identity)


def _set_not_null(_catalog: Catalog, _table: Table, column: Column, _change: ch.SetNotNull) -> Column:
    return column if column.not_null else column.replace(not_null=True)


def _drop_not_null(catalog: Catalog, change: ch.DropNotNull) -> None:
    """DROP NOT NULL takes a named constraint along."""
    table = table_at(catalog, change.table)
    if table:
        for name, constraint in table.constraints.items():
            if constraint and constraint.kind == "not null" and constraint.columns == (change.column,):
                save(catalog, constraints.without_constraint(catalog, table, name))
    _nullable(catalog, change)


_nullable = _column(lambda _catalog, _table, column, _change: column.replace(not_null=False), "not_null")


def _set_expression(catalog: Catalog, table: Table, column: Column, change: ch.SetExpression) -> Column:
    refer_in(catalog, key_of(table.name), change.expression)
    return column.replace(generated=change.expression, stored=column.stored and change.expression is not None)


APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AddColumn: altering(_add_column),
    ch.AlterColumnType: _column(_alter_type, "type"),
    ch.DropColumn: altering(_drop_column),
    ch.DropNotNull: _drop_not_null,
    ch.SetDefault: _column(_set_default, "default"),
    ch.SetExpression: _column(_set_expression, "generated"),
    ch.SetIdentity: _column(_set_identity, "identity"),
    ch.SetNotNull: _column(_set_not_null, "not_null"),
}
