"""How tables that are made from others alter the catalog: partitions, children, LIKE, typed tables, CREATE TABLE AS."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import fold_constraints as constraints
from elf_sqlcheck.catalog.entries import Fact, OtherType, Table, View
from elf_sqlcheck.catalog.fold_columns import own_column, with_default, with_sequence
from elf_sqlcheck.catalog.fold_parts import descends, key_of, parents, refer_to_all, save, table_at, type_key
from elf_sqlcheck.catalog.parts import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.entries import Key
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Column, Constraint, Name, Output


def begin(catalog: Catalog, table: Table, change: ch.CreateTable) -> tuple[Table, list[Constraint]]:
    """The new table with the columns that it gets, and the constraints that it is to get."""
    columns: dict[str, Column | None] = {}
    given: list[Constraint] = []
    complete = True
    partition = change.partition_of is not None
    for name in (change.partition_of,) if change.partition_of else change.inherits:
        parent = catalog.now.table(name)
        complete = complete and parent is not None and parent.complete
        for column in parent.columns.values() if parent else ():
            if column:
                copy = with_default(catalog, parent, column) if parent else column
                identity = copy.identity if partition else ""
                earlier = columns.get(column.name)
                not_null = copy.not_null or bool(earlier and earlier.not_null)
                columns[column.name] = copy.replace(inherited=True, identity=identity, not_null=not_null)
    if change.of_type:
        complete = _typed(catalog, change.of_type, columns) and complete
    if change.as_query:
        complete = _selected(catalog, change, columns)
    for column in change.columns:
        columns[column.name] = _merged(own_column(catalog, table.name, column), columns.get(column.name))
    for name, options in zip(change.like, change.like_options or [frozenset()] * len(change.like), strict=False):
        complete = _like(catalog, table, name, options, columns, given) and complete
    resolve = catalog.now.resolve
    above = [resolve(name) for name in ((change.partition_of,) if change.partition_of else change.inherits)]
    above = [name for name in above if not descends(catalog, name, table.name)]
    return table.replace(
        columns=columns,
        complete=complete,
        partition_of=above[0] if above and change.partition_of else None,
        inherits=() if change.partition_of else tuple(above),
        of_type=resolve(change.of_type, "type") if change.of_type else None,
    ), [*change.constraints, *given]


def _merged(own: Column, inherited: Column | None) -> Column:
    """A column that both the table and its parent (or type) declare."""
    if inherited is None:
        return own
    return own.replace(
        type=own.type if own.type.name else inherited.type,
        not_null=own.not_null or inherited.not_null,
        default=own.default or inherited.default,
        generated=own.generated or inherited.generated,
        stored=own.stored or inherited.stored,
        collation=own.collation or inherited.collation,
        identity=own.identity or inherited.identity,
        inherited=not own.type.name,
    )


def _typed(catalog: Catalog, name: Name, columns: dict[str, Column | None]) -> bool:
    found = catalog.objects.get(type_key(catalog.now.resolve(name, "type")))
    if not isinstance(found, OtherType):
        return False
    columns.update({column.name: column for column in found.attributes})
    return True


def _selected(catalog: Catalog, change: ch.CreateTable, columns: dict[str, Column | None]) -> bool:
    """The columns of CREATE TABLE … AS; False when some are not known."""
    from elf_sqlcheck.catalog.objects import Column

    complete = change.output is not None
    found = list(selected(catalog, change.output or ()))
    for number, (name, source) in enumerate(found):
        if name == "*" or source is None:
            complete = False
            continue
        called = change.names[number] if number < len(change.names) else name
        columns[called] = Column(called, source.type.stored, collation=source.collation)
    return complete


def selected(catalog: Catalog, output: tuple[Output, ...]) -> Iterator[tuple[str, Column | None]]:
    """The columns of a query: name, and where it can be told, a column of the same type; "*" for an unknown number."""
    from elf_sqlcheck.catalog.objects import Column

    for item in output:
        relation = catalog.now.relation(item.relation) if item.relation else None
        if item.name == "*":
            if isinstance(relation, Table) and relation.complete:
                yield from ((name, column) for name, column in relation.columns.items() if column)
            elif isinstance(relation, View) and relation.output is not None:
                yield from ((name, None) for name in relation.output)
            else:
                yield "*", None
        elif isinstance(relation, Table):
            yield item.name, relation.column(item.column)
        else:
            yield item.name, Column(item.name, item.type) if item.type else None


def _like(
    catalog: Catalog,
    table: Table,
    name: Name,
    options: frozenset[str],
    columns: dict[str, Column | None],
    given: list[Constraint],
) -> bool:
    """The columns and constraints that LIKE copies; False when the other table is not known whole."""
    other = catalog.now.table(name)
    if other is None:
        return False
    for column in other.columns.values():
        if column is None:
            continue
        copy = with_default(catalog, other, column).replace(inherited=False)
        if copy.generated and "generated" not in options:
            copy = copy.replace(generated=None, stored=False)
        if copy.identity:
            if "identity" in options:
                with_sequence(catalog, table.name, column.name)
            else:
                copy = copy.replace(identity="")
        if "defaults" not in options:
            copy = copy.replace(default=None)
        columns[column.name] = copy
        comment = ("comment", other.name.schema or "", other.name.name, column.name, "column")
        said = catalog.objects.get(comment)
        if "comments" in options and isinstance(said, Fact):
            catalog.put(("comment", table.name.schema or "", table.name.name, column.name, "column"), said)
    for constraint in other.constraints.values():
        if constraint is None:
            continue
        own = constraint.replace(inherited="")
        if constraint.kind == "not null" or (constraint.kind == "check" and "constraints" in options):
            given.append(own)
        elif constraint.kind in constraints.INDEXED and "indexes" in options:
            given.append(own.replace(name=None, using_index=None))
    return other.complete


def end(catalog: Catalog, key: Key, change: ch.CreateTable) -> None:
    """What the new table gets from the others once it is there: indexes, constraints of its parents."""
    table = catalog.objects.get(key)
    if not isinstance(table, Table):
        return
    refer_to_all(catalog, key, table)
    for parent_name in parents(table):
        parent = catalog.now.table(parent_name)
        if parent:
            table = _inherit_parts(catalog, table, parent)
    for name, options in zip(change.like, change.like_options, strict=False):
        other = catalog.now.table(name)
        if other is None or "indexes" not in options:
            continue
        for index in other.indexes.values():
            if index.name not in other.constraints:
                copy = index.replace(name="", table=table.name, inherited="")
                table = constraints.with_index(catalog, table, copy)
    save(catalog, table)


def _inherit_parts(catalog: Catalog, table: Table, parent: Table) -> Table:
    made = {name for name, c in parent.constraints.items() if c and c.kind in constraints.INDEXED}
    if table.partition_of == parent.name:
        for index in parent.indexes.values():
            if index.name not in made:
                table = constraints.inherit_index(catalog, table, index)
    for constraint in parent.constraints.values():
        if constraint:
            table = constraints.inherit_constraint(catalog, table, parent, constraint)
    return table


def _partition(catalog: Catalog, change: ch.AttachPartition) -> None:
    table = table_at(catalog, change.partition)
    parent = table_at(catalog, change.table)
    if table is None or parent is None:
        _attach_index(catalog, change)
        return
    if descends(catalog, parent.name, table.name):
        return
    columns = {
        name: column.replace(inherited=True, identity=_identity(parent, name)) if column else None
        for name, column in table.columns.items()
    }
    table = table.replace(partition_of=parent.name, columns=columns)
    save(catalog, table)
    refer_to_all(catalog, key_of(table.name), table)
    save(catalog, _inherit_parts(catalog, table, parent))


def _identity(parent: Table, name: str) -> str:
    column = parent.column(name)
    return column.identity if column else ""


def _attach_index(catalog: Catalog, change: ch.AttachPartition) -> None:
    """ALTER INDEX … ATTACH PARTITION."""
    part = catalog.now.index(change.partition)
    owner = catalog.now.table(part.table) if part else None
    if part and owner:
        parent = change.table.name
        table = owner.replace(indexes=changed(owner.indexes, part.name, part.replace(inherited=parent)))
        own = owner.constraints.get(part.name)
        if own:
            table = table.replace(constraints=changed(owner.constraints, own.name or "", own.replace(inherited=parent)))
        save(catalog, table)


def _detach(catalog: Catalog, change: ch.DetachPartition) -> None:
    table = table_at(catalog, change.partition)
    if table is not None:
        save(catalog, _free(table.replace(partition_of=None), identity=False))


def _free(table: Table, *, identity: bool) -> Table:
    """A table whose parts are its own again; what a partition generates is its parent's to keep."""
    columns = {
        name: column.replace(inherited=False, identity=column.identity if identity else "") if column else None
        for name, column in table.columns.items()
    }
    freed = {name: c.replace(inherited="") if c else c for name, c in table.constraints.items()}
    indexes = {name: index.replace(inherited="") for name, index in table.indexes.items()}
    return table.replace(columns=columns, constraints=freed, indexes=indexes)


def _other(catalog: Catalog, change: ch.AlterTableOther) -> None:
    handler = _OTHERS.get(change.action)
    table = table_at(catalog, change.table) if handler else None
    if handler and table is not None:
        save(catalog, handler(catalog, table, change))


def _inherit(catalog: Catalog, table: Table, change: ch.AlterTableOther) -> Table:
    parent = table_at(catalog, change.other) if change.other else None
    if parent is None or descends(catalog, parent.name, table.name):
        return table
    table = table.replace(inherits=(*table.inherits, parent.name))
    refer_to_all(catalog, key_of(table.name), table)
    return table


def _no_inherit(catalog: Catalog, table: Table, change: ch.AlterTableOther) -> Table:
    gone = catalog.now.resolve(change.other) if change.other else None
    return _free(table.replace(inherits=tuple(name for name in table.inherits if name != gone)), identity=True)


def _of(catalog: Catalog, table: Table, change: ch.AlterTableOther) -> Table:
    return table.replace(of_type=catalog.now.resolve(change.other, "type") if change.other else None)


_OTHERS: dict[str, Callable[[Catalog, Table, Any], Table]] = {
    "AddInherit": _inherit,
    "AddOf": _of,
    "DropInherit": _no_inherit,
    "DropOf": _of,
    "SetLogged": lambda _catalog, table, _change: table.replace(persistence="permanent"),
    "SetUnLogged": lambda _catalog, table, _change: table.replace(persistence="unlogged"),
}

APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AlterTableOther: _other,
    ch.AttachPartition: _partition,
    ch.DetachPartition: _detach,
}
