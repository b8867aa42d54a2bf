"""Which tables a statement locks, how, and what it does to them while it holds the lock.

The tests run each kind of statement on real servers and compare: the locks held, the files written anew, the scans.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import locks_tables
from elf_sqlcheck.catalog.effect import ACCESS_EXCLUSIVE, SHARE_UPDATE, Effect, cascaded, referenced, referring
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.effect import Effects
    from elf_sqlcheck.catalog.schema import Schema


def effects(change: ch.Change, schema: Schema) -> Effects:
    """The locks on tables and views that were there before; `schema` is the one just before the change.

    Locks that only keep others from dropping a table (ACCESS SHARE, ROW SHARE) are left out, and those on partitions,
    children and views that nothing names.
    """
    reader = EFFECTS.get(type(change))
    return reader(change, schema) if reader else ()


def _create_table(change: ch.CreateTable, schema: Schema) -> Effects:
    full = schema.resolve(change.name)
    if change.if_not_exists and schema.knows("relation", full):
        return ()
    found = referenced(change.constraints, full, schema)
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
#: Parts of a table that are dropped by themselves, and where the catalog keeps them.
_PARTS = {"trigger": "triggers", "policy": "policies"}
#: With these, CASCADE takes along what uses them.
_USED = frozenset({"aggregate", "domain", "function", "procedure", "routine", "schema", "type"})


def _drop(change: ch.Drop, schema: Schema) -> Effects:
    full = schema.resolve(change.name)
    if change.kind == "index":
        owner = _index_table(full, schema)
        return (Effect(owner, SHARE_UPDATE if change.concurrently else ACCESS_EXCLUSIVE),) if owner else ()
    if change.part is not None and change.kind in {"trigger", "policy", "rule"}:
        return () if change.if_exists and _lacks(full, change, schema) else (Effect(full, ACCESS_EXCLUSIVE),)
    if change.cascade and change.kind in _USED:
        return cascaded(schema, change.kind, change.name)
    if change.kind not in _ROWS or schema.is_absent("relation", full):
        return ()
    table = schema.table(full)
    found: Effects = (Effect(full, ACCESS_EXCLUSIVE),)
    found += cascaded(schema, change.kind, full) if change.cascade else referring(full, schema)
    if table is None:
        return found
    found += referenced(tuple(table.foreign_keys), full, schema, ACCESS_EXCLUSIVE)
    return (*found, Effect(table.partition_of, ACCESS_EXCLUSIVE)) if table.partition_of else found


def _lacks(name: Name, change: ch.Drop, schema: Schema) -> bool:
    """Whether the table is known to have no such trigger or policy: IF EXISTS then does nothing."""
    table = schema.table(name)
    parts = getattr(table, _PARTS.get(change.kind, ""), None)
    return table is not None and table.known and parts is not None and parts.get(change.part) is None


def _of_relation(change: ch.Rename | ch.SetSchema | ch.SetOwner, schema: Schema) -> Effects:
    parts = {"column", "constraint", "trigger", "policy", "rule"}
    if change.kind in _ROWS or change.kind in parts:
        return (Effect(schema.resolve(change.name), ACCESS_EXCLUSIVE),)
    return ()


def _alter_domain(change: ch.AlterDomain, schema: Schema) -> Effects:
    """A constraint of a domain is checked in all tables with a column of it."""
    constraint = change.constraint
    if change.action not in {"add constraint", "set not null"} or (constraint and constraint.not_valid):
        return ()
    domain = schema.resolve(change.name, "type")
    return tuple(
        Effect(table.name, "share", "scan")
        for table in schema.referring_tables(domain)
        if any(c and schema.resolve(Name(c.type.schema, c.type.name), "type") == domain for c in table.columns.values())
    )


def _comment(change: ch.Comment, schema: Schema) -> Effects:
    if change.kind in _ROWS or change.kind == "column":
        return (Effect(schema.resolve(change.name), SHARE_UPDATE),)
    return ()


def _write_rows(change: ch.WriteRows, schema: Schema) -> Effects:
    full = schema.resolve(change.table)
    if change.kind == "truncate":
        return (Effect(full, ACCESS_EXCLUSIVE), *(_truncated_with(full, schema) if change.cascade else ()))
    return (Effect(full, "row exclusive", "scan" if change.kind in {"update", "delete", "merge"} else ""),)


def _truncated_with(name: Name, schema: Schema) -> Effects:
    """The tables that TRUNCATE … CASCADE empties, too: those with foreign keys to it, and with ones to these."""
    found: dict[Name, Effect] = {}
    waiting = [name]
    for table in waiting:  # grows under way
        for effect in referring(table, schema):
            if effect.table not in found and effect.table != name:
                found[effect.table] = effect
                waiting.append(effect.table)
    return tuple(found.values())


def _maintenance(change: ch.Maintenance, schema: Schema) -> Effects:
    if change.name is None:
        return ()
    full = schema.resolve(change.name)
    if change.kind in {"vacuum full", "cluster"}:
        return (Effect(full, ACCESS_EXCLUSIVE, "rewrite"),)
    return (Effect(full, SHARE_UPDATE, "scan" if change.kind == "vacuum" else ""),)


def _lock_table(change: ch.LockTable, schema: Schema) -> Effects:
    return tuple(Effect(schema.resolve(name), change.mode) for name in change.tables)


EFFECTS: dict[type, Callable[[Any, Schema], Effects]] = {
    **locks_tables.EFFECTS,
    ch.AlterDomain: _alter_domain,
    ch.Comment: _comment,
    ch.CreateIndex: _create_index,
    ch.CreateTable: _create_table,
    ch.Drop: _drop,
    ch.LockTable: _lock_table,
    ch.Maintenance: _maintenance,
    ch.RefreshView: _refresh,
    ch.Reindex: _reindex,
    ch.Rename: _of_relation,
    ch.SetOwner: _of_relation,
    ch.SetSchema: _of_relation,
    ch.WriteRows: _write_rows,
}
#: Changes that let everybody read and write.
HARMLESS = frozenset({ch.Comment, ch.ValidateConstraint})
#: Changes that lock the table that they name, and no other.
OWN_TABLE = frozenset(
    {ch.AlterConstraint, ch.AlterPolicy, ch.CreateIndex, ch.CreatePolicy, ch.CreateTrigger, ch.DropNotNull,
     ch.SetDefault, ch.SetExpression, ch.SetIdentity, ch.SetNotNull, ch.SetRowSecurity, ch.SetTrigger, ch.WriteRows}
)  # fmt: skip
