"""How constraints and indexes alter the catalog, those that partitions and children inherit included."""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import ABSENT, Absent, IndexOf, Table, View
from elf_sqlcheck.catalog.fold_parts import Taken, heirs, key_of, refer_constraint, refer_in, save, table_at
from elf_sqlcheck.catalog.naming import constraint_name, index_name
from elf_sqlcheck.catalog.objects import Index, IndexColumn, Name
from elf_sqlcheck.catalog.parts import changed, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from elf_sqlcheck.catalog import changes as ch
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Constraint

#: Constraints that come with an index.
INDEXED = frozenset({"primary key", "unique", "exclude"})


def with_columns(table: Table, names: Iterable[str], **values: Any) -> Table:
    """The table with some fields of some of its known columns changed."""
    columns = table.columns
    for name in names:
        column = columns.get(name)
        if column is not None and any(getattr(column, field) != value for field, value in values.items()):
            columns = changed(columns, name, column.replace(**values))
    return table if columns is table.columns else table.replace(columns=columns)


def with_constraint(catalog: Catalog, table: Table, constraint: Constraint, *, only: bool = False) -> Table:
    """The table with one more constraint, its chosen name and the index that comes with it; its heirs get it too."""
    if constraint.kind == "not null":
        table = with_columns(table, constraint.columns, not_null=True)
        if constraint.name is None or constraint.inherited:
            return table
    schema = table.name.schema or ""
    columns = constraint.columns
    index = table.indexes.get(constraint.using_index) if constraint.using_index else None
    if index:
        columns = tuple(column.name or "" for column in index.columns)
    name = constraint.name or constraint.using_index
    if name is None:
        taken = Taken(catalog, table, relations=constraint.kind in INDEXED, constraints=True)
        name = constraint_name(table.name.name, constraint, taken)
    kept = constraint
    if constraint.references:
        kept = constraint.replace(name=name, references=catalog.now.resolve(constraint.references))
    elif name != constraint.name or columns is not constraint.columns:
        kept = constraint.replace(name=name, columns=columns)
    refer_constraint(catalog, key_of(table.name), kept)
    if constraint.kind in INDEXED:
        if index and constraint.using_index != name:
            catalog.put(("relation", schema, index.name), ABSENT)
        made = index.replace(name=name, inherited=constraint.inherited) if index else _index_of(table, kept)
        indexes = changed(without(table.indexes, index.name) if index else table.indexes, name, made)
        catalog.put(("relation", schema, name), IndexOf(table.name))
        table = table.replace(constraints=changed(table.constraints, name, kept), indexes=indexes)
    else:
        table = table.replace(constraints=changed(table.constraints, name, kept))
    if constraint.kind == "primary key":
        table = with_columns(table, columns, not_null=True)
    if not only and not kept.no_inherit:
        for heir in heirs(catalog, table.name):
            if constraint.kind == "primary key":
                heir = with_columns(heir, columns, not_null=True)  # noqa: PLW2901
            save(catalog, inherit_constraint(catalog, heir, table, kept))
    return table


def _index_of(table: Table, constraint: Constraint) -> Index:
    columns = tuple(IndexColumn(column) for column in constraint.columns)
    return Index(
        constraint.name or "", table.name, columns, constraint.include, constraint.kind != "exclude",
        constraint.nulls_not_distinct, "gist" if constraint.kind == "exclude" else "btree",
        inherited=constraint.inherited,
    )  # fmt: skip


def inherit_constraint(catalog: Catalog, heir: Table, parent: Table, constraint: Constraint) -> Table:
    """The heir with a constraint of its parent: merged with its own, or made anew."""
    name = constraint.name or ""
    partition = heir.partition_of == parent.name
    if constraint.no_inherit or (not partition and constraint.kind not in {"check", "not null"}):
        return heir
    own = heir.constraints.get(name) if constraint.kind in {"check", "not null"} else _like(heir, constraint)
    if own is None:
        chosen = name if constraint.kind in {"check", "not null"} else None
        if constraint.kind == "foreign key" and name not in heir.constraints:
            chosen = name
        copy = constraint.replace(name=chosen, inherited=name, using_index=None, inline=False)
        return with_constraint(catalog, heir, copy)
    if not partition:
        return heir
    called = own.name or ""
    merged = heir.replace(constraints=changed(heir.constraints, called, own.replace(inherited=name)))
    if called in heir.indexes:
        merged = merged.replace(indexes=changed(heir.indexes, called, heir.indexes[called].replace(inherited=name)))
    return merged


def _like(heir: Table, wanted: Constraint) -> Constraint | None:
    """A constraint of a partition that can serve as that of the partitioned table."""
    for own in heir.constraints.values():
        if own and not own.inherited and own.kind == wanted.kind and own.columns == wanted.columns:
            same = (own.references, own.deferrable, own.initially_deferred, own.on_delete, own.on_update)
            if same == (
                wanted.references, wanted.deferrable, wanted.initially_deferred, wanted.on_delete, wanted.on_update
            ):  # fmt: skip
                return own
    return None


def add_constraint(catalog: Catalog, table: Table, change: ch.AddConstraint) -> Table:
    """ADD CONSTRAINT."""
    return with_constraint(catalog, table, change.constraint)


def drop_constraint(catalog: Catalog, table: Table, change: ch.DropConstraint) -> Table:
    """DROP CONSTRAINT."""
    if change.cascade:
        from elf_sqlcheck.catalog import fold_cascade

        fold_cascade.of_constraint(catalog, table, change.name)
        table = table_at(catalog, table.name) or table
    if change.name not in table.constraints and not table.known:
        return table.replace(constraints=changed(table.constraints, change.name, None))
    return without_constraint(catalog, table, change.name)


def without_constraint(catalog: Catalog, table: Table, name: str) -> Table:
    """The table without a constraint and its index; so are its heirs."""
    gone = table.constraints.get(name)
    constraints = without(table.constraints, name)
    indexes = table.indexes
    if name in indexes:
        indexes = without(indexes, name)
        catalog.put(("relation", table.name.schema or "", name), ABSENT)
    forget_part(catalog, table.name, "constraint", name)
    table = table.replace(constraints=constraints, indexes=indexes)
    if gone and gone.kind == "not null":
        table = with_columns(table, gone.columns, not_null=False)
    for heir in heirs(catalog, table.name):
        for part in [key for key, value in heir.constraints.items() if value and value.inherited == name]:
            heir = without_constraint(catalog, heir, part)  # noqa: PLW2901
        if gone and gone.kind == "not null":
            heir = with_columns(heir, gone.columns, not_null=False)  # noqa: PLW2901
        save(catalog, heir)
    return table


def forget_part(catalog: Catalog, table: Name, kind: str, part: str) -> None:
    """Forget the comment on a part of a table that is gone."""
    key = ("comment", table.schema or "", table.name, part, kind)
    if key in catalog.objects:
        catalog.put(key, None)


def validate(catalog: Catalog, table: Table, change: ch.ValidateConstraint) -> Table | None:
    """VALIDATE CONSTRAINT."""
    constraint = table.constraints.get(change.name)
    if constraint is None:
        return None
    for heir in heirs(catalog, table.name):
        for part, own in heir.constraints.items():
            if (
                own
                and own.not_valid
                and (own.inherited == change.name or (part == change.name and own.kind == "check"))
            ):
                valid = changed(heir.constraints, part, own.replace(not_valid=False))
                save(catalog, heir.replace(constraints=valid))
    return table.replace(constraints=changed(table.constraints, change.name, constraint.replace(not_valid=False)))


def alter_constraint(_catalog: Catalog, table: Table, change: ch.AlterConstraint) -> Table | None:
    """ALTER CONSTRAINT."""
    constraint = table.constraints.get(change.name)
    if constraint is None:
        return None
    fields = ("deferrable", "initially_deferred", "enforced", "no_inherit")
    values = {field: value for field in fields if (value := getattr(change, field)) is not None}
    if values.get("enforced") is False:
        values["not_valid"] = True
    elif values.get("enforced"):
        values["not_valid"] = False
    return table.replace(constraints=changed(table.constraints, change.name, constraint.replace(**values)))


def create_index(catalog: Catalog, change: ch.CreateIndex) -> None:
    """CREATE INDEX, on a table or a materialized view."""
    found = catalog.now.relation(change.table)
    owner = found if isinstance(found, View) else table_at(catalog, change.table)
    if owner is None:
        return
    if change.if_not_exists and change.name:
        there = catalog.objects.get(("relation", owner.name.schema or "", change.name))
        if not isinstance(there, Absent | None):
            return
    index = Index(
        change.name or "", owner.name, change.columns, change.include, change.unique, change.nulls_not_distinct,
        change.method, change.where, change.options,
    )  # fmt: skip
    save(catalog, with_index(catalog, owner, index, only=change.only))


def with_index(catalog: Catalog, owner: Table | View, index: Index, *, only: bool = False) -> Any:
    """The table or view with one more index, named if it has no name; its partitions get theirs."""
    name = index.name or index_name(owner.name.name, index.columns, Taken(catalog, owner))
    key = key_of(owner.name)
    for column in index.columns:
        if column.expression:
            refer_in(catalog, key, column.expression)
    if index.where:
        refer_in(catalog, key, index.where)
    catalog.put(("relation", key[1], name), IndexOf(owner.name))
    owner = owner.replace(indexes=changed(owner.indexes, name, index.replace(name=name)))
    if isinstance(owner, Table) and owner.partition_by and not only:
        for heir in heirs(catalog, owner.name):
            save(catalog, inherit_index(catalog, heir, owner.indexes[name]))
    return owner


def inherit_index(catalog: Catalog, heir: Table, index: Index) -> Table:
    """The partition with an index of its parent: one of its own that is alike, or a new one."""
    for name, own in heir.indexes.items():
        if not own.inherited and own.replace(name="", table=index.table, options=index.options) == index.replace(
            name="", inherited=""
        ):
            return heir.replace(indexes=changed(heir.indexes, name, own.replace(inherited=index.name)))
    copy = index.replace(name="", table=heir.name, inherited=index.name)
    made: Table = with_index(catalog, heir, copy)
    return made
