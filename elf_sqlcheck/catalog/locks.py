"""Which tables a statement locks, how, and what it does to them while it holds the lock.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES says what waits for what, and the notes of
https://www.postgresql.org/docs/current/sql-altertable.html which action reads or writes all rows. The tests run each
kind of statement on real servers and compare: the locks held, the files written anew, the scans.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import work
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.objects import Constraint
    from elf_sqlcheck.catalog.schema import Schema

    Effects = tuple["Effect", ...]

ACCESS_EXCLUSIVE = "access exclusive"
SHARE_ROW = "share row exclusive"
SHARE_UPDATE = "share update exclusive"
#: Whom a mode keeps waiting; the others let everybody read and write.
BLOCKS = {
    ACCESS_EXCLUSIVE: "reads and writes",
    "exclusive": "writes",
    SHARE_ROW: "writes",
    "share": "writes",
}


class Effect(Record):
    """A lock on one table and what is done under it: `mode` in Postgres' words ("share update exclusive").

    `work` is "" where only the catalog is written, "scan" where all rows are read, "build" where an index is made of
    them, "rewrite" where they are all written anew.
    """

    table: Name
    mode: str
    work: str = ""


def effects(change: ch.Change, schema: Schema) -> Effects:
    """The locks on tables and views that were there before; `schema` is the one just before the change.

    Locks that only keep others from dropping a table (ACCESS SHARE, ROW SHARE) are left out, and those on partitions,
    children and views that nothing names.
    """
    reader = EFFECTS.get(type(change))
    return reader(change, schema) if reader else ()


def _one(mode: str, work: str = "") -> Callable[[Any, Schema], Effects]:
    """The same effect on the table of each change of a class."""
    return lambda change, schema: (Effect(schema.resolve(change.table), mode, work),)


def _add_column(change: ch.AddColumn, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    if change.if_not_exists and table and table.column(change.column.name):
        return (Effect(full, ACCESS_EXCLUSIVE),)
    own = Effect(full, ACCESS_EXCLUSIVE, work.of_new_column(change, schema))
    return (own, *_referenced(change.constraints, full, schema))


def _referenced(constraints: tuple[Constraint, ...], own: Name, schema: Schema, mode: str = SHARE_ROW) -> Effects:
    names = (schema.resolve(constraint.references) for constraint in constraints if constraint.references)
    return tuple(Effect(name, mode) for name in dict.fromkeys(names) if name != own)


def _alter_type(change: ch.AlterColumnType, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    return (Effect(full, ACCESS_EXCLUSIVE, work.of_new_type(change, schema)), *_referring(full, schema, change.column))


def _referring(name: Name, schema: Schema, column: str = "") -> Effects:
    """The tables whose foreign keys refer to a table that is dropped, or to a `column` that is changed."""
    found: Effects = ()
    for other in schema.tables() if schema.is_referred_to(name) else ():
        keys = [key for key in other.foreign_keys if key.references == name and other.name != name]
        if any(not column or column in (key.ref_columns or _primary_key(name, schema)) for key in keys):
            found += (Effect(other.name, ACCESS_EXCLUSIVE),)
    return found


def _primary_key(name: Name, schema: Schema) -> tuple[str, ...]:
    table = schema.table(name)
    return table.primary_key.columns if table and table.primary_key else ()


def _set_not_null(change: ch.SetNotNull, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    known = work.is_not_null(schema.table(full), change.column)
    return (Effect(full, ACCESS_EXCLUSIVE, "" if known else "scan"),)


def _add_constraint(change: ch.AddConstraint, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    constraint = change.constraint
    done = "" if constraint.not_valid or not constraint.enforced else "scan"
    if constraint.kind == "foreign key":
        return (Effect(full, SHARE_ROW, done), *_referenced((constraint,), full, schema))
    if constraint.kind == "not null":
        done = "" if work.is_not_null(schema.table(full), constraint.columns[0]) else done
    elif constraint.using_index:
        done = "scan" if work.nullable_keys(full, constraint, schema) else ""
    elif constraint.kind != "check":
        done = "build"
    return (Effect(full, ACCESS_EXCLUSIVE, done),)


def _drop_constraint(change: ch.DropConstraint, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    constraint = table.constraints.get(change.name) if table else None
    own = Effect(full, ACCESS_EXCLUSIVE)
    return (own, *_referenced((constraint,), full, schema, ACCESS_EXCLUSIVE)) if constraint else (own,)


def _drop_column(change: ch.DropColumn, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    keys = tuple(key for key in table.foreign_keys if change.column in key.columns) if table else ()
    return (Effect(full, ACCESS_EXCLUSIVE), *_referenced(keys, full, schema, ACCESS_EXCLUSIVE))


def _validate(change: ch.ValidateConstraint, schema: Schema) -> Effects:
    table = schema.table(change.table)
    constraint = table.constraints.get(change.name) if table else None
    done = "scan" if constraint is None or constraint.not_valid else ""
    return (Effect(schema.resolve(change.table), SHARE_UPDATE, done),)


def _attach(change: ch.AttachPartition, schema: Schema) -> Effects:
    part = schema.resolve(change.partition)
    done = "" if work.has_check(schema.table(part)) else "scan"
    return (Effect(schema.resolve(change.table), SHARE_UPDATE), Effect(part, ACCESS_EXCLUSIVE, done))


def _detach(change: ch.DetachPartition, schema: Schema) -> Effects:
    parent = SHARE_UPDATE if change.concurrently else ACCESS_EXCLUSIVE
    return (Effect(schema.resolve(change.table), parent), Effect(schema.resolve(change.partition), ACCESS_EXCLUSIVE))


#: Actions of ALTER TABLE for which there is no change of their own; all others take ACCESS EXCLUSIVE.
_OTHER = {
    "ClusterOn": (SHARE_UPDATE, ""), "DetachPartitionFinalize": (SHARE_UPDATE, ""), "DropCluster": (SHARE_UPDATE, ""),
    "ResetOptions": (SHARE_UPDATE, ""), "ResetRelOptions": (SHARE_UPDATE, ""), "SetOptions": (SHARE_UPDATE, ""),
    "SetRelOptions": (SHARE_UPDATE, ""), "SetStatistics": (SHARE_UPDATE, ""),
    "SetAccessMethod": (ACCESS_EXCLUSIVE, "rewrite"), "SetLogged": (ACCESS_EXCLUSIVE, "rewrite"),
    "SetTableSpace": (ACCESS_EXCLUSIVE, "rewrite"), "SetUnLogged": (ACCESS_EXCLUSIVE, "rewrite"),
}  # fmt: skip


def _other(change: ch.AlterTableOther, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    if schema.index(full):
        return ()
    mode, done = _OTHER.get(change.action, (ACCESS_EXCLUSIVE, ""))
    return (Effect(full, mode if schema.view(full) is None else ACCESS_EXCLUSIVE, done),)


def _create_table(change: ch.CreateTable, schema: Schema) -> Effects:
    full = schema.resolve(change.name)
    if change.if_not_exists and schema.knows("relation", full):
        return ()
    found = _referenced(change.constraints, full, schema)
    if change.partition_of:
        found += (Effect(schema.resolve(change.partition_of), ACCESS_EXCLUSIVE),)
    return found + tuple(Effect(schema.resolve(parent), SHARE_UPDATE) for parent in change.inherits)


def _create_index(change: ch.CreateIndex, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    mode = SHARE_UPDATE if change.concurrently else "share"
    exists = change.if_not_exists and change.name and schema.index(Name(full.schema, change.name))
    return (Effect(full, mode, "" if exists or change.only else "build"),)


def _index_table(name: Name, schema: Schema) -> Name | None:
    """The table of an index, where that is known."""
    index = schema.index(name)
    return index.table if index else None


def _reindex(change: ch.Reindex, schema: Schema) -> Effects:
    name = change.name
    if name is None or change.kind not in {"index", "table"}:
        return ()
    full = schema.resolve(name) if change.kind == "table" else _index_table(name, schema)
    return (Effect(full, SHARE_UPDATE if change.concurrently else "share", "build"),) if full else ()


def _refresh(change: ch.RefreshView, schema: Schema) -> Effects:
    if change.concurrently:
        return (Effect(schema.resolve(change.name), "exclusive", "scan"),)
    return (Effect(schema.resolve(change.name), ACCESS_EXCLUSIVE, "rewrite"),)


_ROWS = frozenset({"table", "view", "materialized view", "foreign table"})


def _drop(change: ch.Drop, schema: Schema) -> Effects:
    full = schema.resolve(change.name)
    if change.kind == "index":
        owner = _index_table(full, schema)
        return (Effect(owner, SHARE_UPDATE if change.concurrently else ACCESS_EXCLUSIVE),) if owner else ()
    if change.part is not None and change.kind in {"trigger", "policy", "rule"}:
        return (Effect(full, ACCESS_EXCLUSIVE),)
    if change.kind not in _ROWS or schema.is_absent("relation", full):
        return ()
    table = schema.table(full)
    found: Effects = (Effect(full, ACCESS_EXCLUSIVE),)
    if table is None:
        return found
    found += _referenced(tuple(table.foreign_keys), full, schema, ACCESS_EXCLUSIVE) + _referring(full, schema)
    return (*found, Effect(table.partition_of, ACCESS_EXCLUSIVE)) if table.partition_of else found


def _of_relation(change: ch.Rename | ch.SetSchema | ch.SetOwner, schema: Schema) -> Effects:
    parts = {"column", "constraint", "trigger", "policy", "rule"}
    if change.kind in _ROWS or change.kind in parts:
        return (Effect(schema.resolve(change.name), ACCESS_EXCLUSIVE),)
    return ()


def _comment(change: ch.Comment, schema: Schema) -> Effects:
    if change.kind in _ROWS or change.kind in {"column", "constraint", "trigger", "policy", "rule"}:
        return (Effect(schema.resolve(change.name), SHARE_UPDATE),)
    return ()


def _write_rows(change: ch.WriteRows, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    if change.kind == "truncate":
        return (Effect(full, ACCESS_EXCLUSIVE),)
    return (Effect(full, "row exclusive", "scan" if change.kind in {"update", "delete", "merge"} else ""),)


def _maintenance(change: ch.Maintenance, schema: Schema) -> Effects:
    if change.name is None:
        return ()
    full = schema.resolve(change.name)
    if change.kind in {"vacuum full", "cluster"}:
        return (Effect(full, ACCESS_EXCLUSIVE, "rewrite"),)
    return (Effect(full, SHARE_UPDATE, "scan" if change.kind == "vacuum" else ""),)


def _lock_table(change: ch.LockTable, schema: Schema) -> Effects:
    return tuple(Effect(schema.resolve(name), change.mode) for name in change.tables)


def _set_expression(change: ch.SetExpression, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    column = table.column(change.column) if table else None
    stored = change.expression is not None and (column is None or column.stored)
    return (Effect(full, ACCESS_EXCLUSIVE, "rewrite" if stored else ""),)


EFFECTS: dict[type, Callable[[Any, Schema], Effects]] = {
    ch.AddColumn: _add_column,
    ch.AddConstraint: _add_constraint,
    ch.AlterColumnType: _alter_type,
    ch.AlterPolicy: _one(ACCESS_EXCLUSIVE),
    ch.AlterTableOther: _other,
    ch.AttachPartition: _attach,
    ch.Comment: _comment,
    ch.CreateIndex: _create_index,
    ch.CreatePolicy: _one(ACCESS_EXCLUSIVE),
    ch.CreateTable: _create_table,
    ch.CreateTrigger: _one(SHARE_ROW),
    ch.DetachPartition: _detach,
    ch.Drop: _drop,
    ch.DropColumn: _drop_column,
    ch.DropConstraint: _drop_constraint,
    ch.DropNotNull: _one(ACCESS_EXCLUSIVE),
    ch.LockTable: _lock_table,
    ch.Maintenance: _maintenance,
    ch.RefreshView: _refresh,
    ch.Reindex: _reindex,
    ch.Rename: _of_relation,
    ch.SetDefault: _one(ACCESS_EXCLUSIVE),
    ch.SetExpression: _set_expression,
    ch.SetIdentity: _one(ACCESS_EXCLUSIVE),
    ch.SetNotNull: _set_not_null,
    ch.SetOwner: _of_relation,
    ch.SetRowSecurity: _one(ACCESS_EXCLUSIVE),
    ch.SetSchema: _of_relation,
    ch.SetTrigger: _one(SHARE_ROW),
    ch.ValidateConstraint: _validate,
    ch.WriteRows: _write_rows,
}
