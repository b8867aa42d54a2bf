"""What the actions of ALTER TABLE, and their like, lock.

The notes of https://www.postgresql.org/docs/current/sql-altertable.html say which of them reads or writes all rows.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import work
from elf_sqlcheck.catalog.effect import (
    ACCESS_EXCLUSIVE,
    SHARE_ROW,
    SHARE_UPDATE,
    Effect,
    cascaded,
    referenced,
    referring,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.effect import Effects
    from elf_sqlcheck.catalog.schema import Schema


def _one(mode: str, work: str = "") -> Callable[[Any, Schema], Effects]:
    """The same effect on the table of each change of a class."""
    return lambda change, schema: (Effect(schema.resolve(change.table), mode, work),)


def _add_column(change: ch.AddColumn, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    if change.if_not_exists and table and table.column(change.column.name):
        return (Effect(full, ACCESS_EXCLUSIVE),)
    own = Effect(full, ACCESS_EXCLUSIVE, work.of_new_column(change, schema))
    return (own, *referenced(change.constraints, full, schema))


def _alter_type(change: ch.AlterColumnType, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    own = tuple(key for key in table.foreign_keys if change.column in key.columns) if table else ()
    done = work.of_new_type(change, schema)
    # A key between values that are written anew is checked again, from the other side.
    checked = referring(full, schema, change.column, "scan" if done == "rewrite" else "")
    return (Effect(full, ACCESS_EXCLUSIVE, done), *checked, *referenced(own, full, schema, ACCESS_EXCLUSIVE))


def _set_not_null(change: ch.SetNotNull, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    known = work.is_not_null(schema.table(full), change.column)
    return (Effect(full, ACCESS_EXCLUSIVE, "" if known else "scan"),)


def _add_constraint(change: ch.AddConstraint, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    constraint = change.constraint
    done = "" if constraint.not_valid or not constraint.enforced else "scan"
    if constraint.kind == "foreign key":
        return (Effect(full, SHARE_ROW, done), *referenced((constraint,), full, schema))
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
    found: Effects = (Effect(full, ACCESS_EXCLUSIVE),)
    if change.cascade:
        found += cascaded(schema, "constraint", full, change.name)
    return found + referenced((constraint,), full, schema, ACCESS_EXCLUSIVE) if constraint else found


def _drop_column(change: ch.DropColumn, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    keys = tuple(key for key in table.foreign_keys if change.column in key.columns) if table else ()
    found: Effects = (Effect(full, ACCESS_EXCLUSIVE), *referenced(keys, full, schema, ACCESS_EXCLUSIVE))
    return found + cascaded(schema, "column", full, change.column) if change.cascade else found


def _validate(change: ch.ValidateConstraint, schema: Schema) -> Effects:
    table = schema.table(change.table)
    constraint = table.constraints.get(change.name) if table else None
    done = "scan" if constraint is None or constraint.not_valid else ""
    return (Effect(schema.resolve(change.table), SHARE_UPDATE, done),)


def _attach(change: ch.AttachPartition, schema: Schema) -> Effects:
    part = schema.resolve(change.partition)
    if schema.index(part):
        return ()
    done = "" if work.has_check(schema.table(part)) else "scan"
    return (Effect(schema.resolve(change.table), SHARE_UPDATE), Effect(part, ACCESS_EXCLUSIVE, done))


def _detach(change: ch.DetachPartition, schema: Schema) -> Effects:
    parent = SHARE_UPDATE if change.concurrently else ACCESS_EXCLUSIVE
    return (Effect(schema.resolve(change.table), parent), Effect(schema.resolve(change.partition), ACCESS_EXCLUSIVE))


#: Actions of ALTER TABLE for which there is no change of their own; all others take ACCESS EXCLUSIVE.
_OTHER = {
    "ClusterOn": (SHARE_UPDATE, ""), "DetachPartitionFinalize": (SHARE_UPDATE, ""), "DropCluster": (SHARE_UPDATE, ""),
    "ResetOptions": (SHARE_UPDATE, ""), "SetOptions": (SHARE_UPDATE, ""), "SetStatistics": (SHARE_UPDATE, ""),
    "SetAccessMethod": (ACCESS_EXCLUSIVE, "rewrite"), "SetLogged": (ACCESS_EXCLUSIVE, "rewrite"),
    "SetTableSpace": (ACCESS_EXCLUSIVE, "rewrite"), "SetUnLogged": (ACCESS_EXCLUSIVE, "rewrite"),
}  # fmt: skip


def _other(change: ch.AlterTableOther, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    if schema.index(full):
        return ()
    own = Effect(full, *_OTHER.get(change.action, (ACCESS_EXCLUSIVE, "")))
    parent = change.other if change.action in {"AddInherit", "DropInherit"} else None
    return (own, Effect(schema.resolve(parent), SHARE_UPDATE)) if parent else (own,)


def _set_options(change: ch.SetOptions, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    if schema.index(full):
        return ()
    return (Effect(full, SHARE_UPDATE if schema.view(full) is None else ACCESS_EXCLUSIVE),)


def _set_expression(change: ch.SetExpression, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    table = schema.table(full)
    column = table.column(change.column) if table else None
    stored = change.expression is not None and (column is None or column.stored)
    return (Effect(full, ACCESS_EXCLUSIVE, "rewrite" if stored else ""),)


EFFECTS: dict[type, Callable[[Any, Schema], Effects]] = {
    ch.AddColumn: _add_column,
    ch.AddConstraint: _add_constraint,
    ch.AlterConstraint: _one(ACCESS_EXCLUSIVE),
    ch.AlterColumnType: _alter_type,
    ch.AlterPolicy: _one(ACCESS_EXCLUSIVE),
    ch.AlterTableOther: _other,
    ch.AttachPartition: _attach,
    ch.CreatePolicy: _one(ACCESS_EXCLUSIVE),
    ch.CreateTrigger: _one(SHARE_ROW),
    ch.DetachPartition: _detach,
    ch.DropColumn: _drop_column,
    ch.DropConstraint: _drop_constraint,
    ch.DropNotNull: _one(ACCESS_EXCLUSIVE),
    ch.SetDefault: _one(ACCESS_EXCLUSIVE),
    ch.SetExpression: _set_expression,
    ch.SetIdentity: _one(ACCESS_EXCLUSIVE),
    ch.SetNotNull: _set_not_null,
    ch.SetOptions: _set_options,
    ch.SetRowSecurity: _one(ACCESS_EXCLUSIVE),
    ch.SetTrigger: _one(SHARE_ROW),
    ch.ValidateConstraint: _validate,
}
