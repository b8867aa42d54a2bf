"""How changes of tables alter the catalog."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import fold_constraints as constraints
from elf_sqlcheck.catalog.entries import Table
from elf_sqlcheck.catalog.fold_columns import altering, own_column
from elf_sqlcheck.catalog.fold_parts import key_of, new_name, save

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Column, Constraint

_ORDER = {"primary key": 0, "unique": 1, "exclude": 1, "foreign key": 3}


def create_table(catalog: Catalog, change: ch.CreateTable) -> None:
    """CREATE TABLE."""
    full = new_name(catalog, change.name)
    if change.if_not_exists and catalog.now.knows("relation", full):
        return
    key = key_of(full)
    table = Table(
        full, {}, {}, {}, {}, {},
        persistence=change.persistence,
        partition_by=change.partition_by,
        row_security=False,
        foreign=change.foreign,
        born=catalog.migration,
        rows="many" if change.as_query and not change.empty else "none",
    )  # fmt: skip
    plain = not (change.inherits or change.partition_of or change.like or change.of_type or change.as_query)
    if plain:
        columns: dict[str, Column | None] = {
            column.name: own_column(catalog, full, column) for column in change.columns
        }
        given = list(change.constraints)
    else:
        from elf_sqlcheck.catalog import fold_inherited

        table, given = fold_inherited.begin(catalog, table, change)
        columns = dict(table.columns)
    table = table.replace(columns=columns)
    save(catalog, table)
    for constraint in _once(given):
        # a table without rows has nothing to be validated: NOT VALID says nothing here
        kept = constraint.replace(not_valid=False) if constraint.not_valid else constraint
        table = constraints.with_constraint(catalog, table, kept, only=True)
    save(catalog, table)
    if not plain:
        fold_inherited.end(catalog, key, change)


def _once(given: list[Constraint]) -> list[Constraint]:
    """The constraints in the order in which Postgres makes them, without those that have the index of another."""
    given = [constraint for constraint in given if constraint.kind != "not null" or constraint.name]
    if len(given) < 2:
        return given
    given.sort(key=lambda constraint: _ORDER.get(constraint.kind, 2))
    kept: dict[object, Constraint] = {}
    for constraint in given:
        mark: object = id(constraint)
        if constraint.kind in {"primary key", "unique"}:
            mark = constraint.columns, constraint.include, constraint.deferrable
        earlier = kept.get(mark)
        if earlier is None:
            kept[mark] = constraint
        elif earlier.name is None and constraint.name:
            kept[mark] = earlier.replace(name=constraint.name)
    return list(kept.values())


def _row_security(_catalog: Catalog, table: Table, change: ch.SetRowSecurity) -> Table:
    return table.replace(row_security=change.on) if change.what == "enabled" else table.replace(forced=change.on)


def _set_options(catalog: Catalog, change: ch.SetOptions) -> None:
    """Options count for views, where they decide whose rights apply."""
    view = catalog.now.view(change.table)
    if view is not None:
        options = {**dict(view.options), **dict(change.options)}
        kept = tuple((name, value) for name, value in options.items() if value is not None)
        catalog.put(key_of(view.name), view.replace(options=kept))


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
    ch.AddConstraint: altering(constraints.add_constraint),
    ch.AlterConstraint: altering(constraints.alter_constraint),
    ch.CreateIndex: constraints.create_index,
    ch.CreateTable: create_table,
    ch.DropConstraint: altering(constraints.drop_constraint),
    ch.SetOptions: _set_options,
    ch.SetRowSecurity: altering(_row_security),
    ch.ValidateConstraint: altering(constraints.validate),
    ch.WriteRows: _write_rows,
}
