"""What is known to fail: a change and the schema that it meets, and the reason in the words of Postgres.

Only what the catalog is sure of counts: an object that a migration made or dropped, never one that is assumed to exist.
The reasons are clauses: "table a is there already". Every kind is tried on a server by the tests.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.fold_drops import input_types, signature
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.catalog.schema import Absent, IndexOf, Routine, Sequence, Table, View
from elf_sqlcheck.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.schema import Object, Schema
    from elf_sqlcheck.catalog.together import Together

#: What Postgres 18 calls NOT NULL constraints, which earlier versions had no names for.
_NOT_NULL = later(r"_not_null\d*$")
_RELATIONS = frozenset({"table", "view", "materialized view", "sequence", "foreign table", "index"})
#: What reads a column in a way that ties it to its type.
_READERS = frozenset({"view", "materialized view", "rule", "policy"})
#: Types from which nothing but text is reached without USING.
#: https://www.postgresql.org/docs/current/sql-createcast.html (assignment casts; see pg_cast)
_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})
_FROM_TEXT = frozenset(
    ["int2", "int4", "int8", "numeric", "float4", "float8", "bool", "uuid", "json", "jsonb", "date", "time", "timetz",
     "timestamp", "timestamptz", "interval", "bytea", "inet", "cidr", "macaddr"]
)  # fmt: skip


def why(change: Change, schema: Schema, together: Together) -> str:
    """Why `change` fails on `schema`, the view just before it; "" when nothing says so. It has been folded already.

    `together` are all changes of the same statement: DROP TABLE a, b may drop what depends on each other.
    """
    if isinstance(change, ch.TableChange):
        return _no_table(change, schema) or _table_change(change, schema)
    fails = _FAILS.get(type(change))
    if isinstance(change, ch.Drop):
        return _drop(change, schema, together)
    return fails(change, schema) if fails else ""


def misnamed(change: ch.Drop, schema: Schema) -> str:
    """What the name in a DROP really is, when it is no `change.kind`: Postgres refuses that even with IF EXISTS."""
    if change.kind not in _RELATIONS:
        return ""
    found = schema.relation(change.name)
    kind = _kind(found)
    if not kind or kind == change.kind:
        return ""
    return f"{change.name} is a {kind}" if kind != "index" else f"{change.name} is an index"


def _kind(found: Object | None) -> str:
    if isinstance(found, Table):
        return "" if not found.known else "foreign table" if found.foreign else "table"
    if isinstance(found, View):
        return "materialized view" if found.materialized else "view"
    return "sequence" if isinstance(found, Sequence) else "index" if isinstance(found, IndexOf) else ""


def _is_absent(schema: Schema, name: Name) -> bool:
    return isinstance(schema.relation(name), Absent)


def _no_table(change: ch.TableChange, schema: Schema) -> str:
    if _is_absent(schema, change.table) and not change.statement.node.get("missing_ok"):
        return f"there is no table {change.table} at this point"
    return ""


def _taken(kind: str, name: Name, schema: Schema) -> str:
    """Why a new relation cannot have this name."""
    full = name if name.schema else Name(schema.search_path[0], name.name)
    found = schema.get(("relation", full.schema or "", full.name))
    if isinstance(found, Table) and not found.known:
        return ""
    present = _kind(found)
    if present == kind:
        return f"{kind} {name} is there already"
    return f"a {present} is called {name} already" if present else ""


def _drop(change: ch.Drop, schema: Schema, together: Together) -> str:
    kind, name = change.kind, change.name
    at_first = schema
    if len(together) > 1:  # what an object before it in the same statement took along with CASCADE is no error
        at_first = schema.at(schema.position - together.place(change))
    shown = f"{kind} {change.part or name}"
    if kind in _RELATIONS:
        if isinstance(at_first.relation(name), Absent):
            return "" if change.if_exists else f"there is no {shown} at this point"
    elif kind in {"type", "domain"}:
        if at_first.is_absent("type", name):
            return "" if change.if_exists else f"there is no {shown} at this point"
    elif kind in {"trigger", "policy"} and change.part:
        table = schema.table(name)
        if _is_absent(schema, name) and not change.if_exists:
            return f"there is no table {name} at this point"
        parts = (table.triggers if kind == "trigger" else table.policies) if table else {}
        if table and table.known and not parts.get(change.part) and not change.if_exists:
            return f"table {name} has no {kind} {quoted(change.part)} at this point"
        return ""
    if change.cascade:
        return ""
    needed = _constraint_of_index(change, schema) or _dependant(schema, change.kind, name, together=together)
    return f"{needed} still needs {shown}" if needed else ""


def _constraint_of_index(change: ch.Drop, schema: Schema) -> str:
    entry = schema.relation(change.name) if change.kind == "index" else None
    owner = schema.table(entry.table) if isinstance(entry, IndexOf) else None
    is_made_by_it = owner is not None and owner.constraints.get(change.name.name) is not None
    return f"constraint {quoted(change.name.name)}" if is_made_by_it else ""


def _dependant(
    schema: Schema,
    kind: str,
    name: Name,
    part: str | None = None,
    *,
    together: Together | None = None,
    kinds: Container[str] | None = None,
) -> str:
    """What stands in the way of dropping the object without CASCADE; "" for nothing known."""
    for found in schema.dependants(kind, name, part):
        goes_too = together is not None and together.drop(found.name, schema)
        if not goes_too and (kinds is None or found.kind in kinds):
            return str(found)
    return ""


def _table_change(change: Any, schema: Schema) -> str:
    table = schema.table(change.table)
    fails = _PARTS.get(type(change))
    return fails(change, table, schema) if fails and table else ""


def _no_column(change: Any, table: Table, _schema: Schema) -> str:
    if table.complete and table.column(change.column) is None and not getattr(change, "if_exists", False):
        return f"table {change.table} has no column {quoted(change.column)} at this point"
    return ""


def _drop_column(change: ch.DropColumn, table: Table, schema: Schema) -> str:
    missing = _no_column(change, table, schema)
    if missing or change.cascade or table.column(change.column) is None:
        return missing
    needed = _dependant(schema, "column", change.table, change.column)
    return f"{needed} still needs column {change.table}.{quoted(change.column)}" if needed else ""


def _add_column(change: ch.AddColumn, table: Table, schema: Schema) -> str:
    name = change.column.name
    if not change.if_not_exists and table.column(name):
        return f"table {change.table} has a column {quoted(name)} already"
    return next(filter(None, (_constraint(c, table, schema) for c in change.constraints)), "")


def _constraint(constraint: Any, table: Table, schema: Schema) -> str:
    name = constraint.name
    if name and table.constraints.get(name):
        return f"table {table.name.name} has a constraint {quoted(name)} already"
    if constraint.kind == "primary key" and table.primary_key:
        return f"table {table.name.name} has a primary key already"
    if constraint.references and _is_absent(schema, constraint.references):
        return f"there is no table {constraint.references} at this point"
    return ""


def _drop_constraint(change: ch.DropConstraint, table: Table, schema: Schema) -> str:
    if change.name not in table.constraints:
        if change.if_exists or not table.known or not table.complete or _NOT_NULL.search(change.name):
            return ""
        return f"table {change.table} has no constraint {quoted(change.name)} at this point"
    needed = "" if change.cascade else _dependant(schema, "constraint", change.table, change.name)
    return f"{needed} still needs constraint {quoted(change.name)}" if needed else ""


def _alter_type(change: ch.AlterColumnType, table: Table, schema: Schema) -> str:
    column = table.column(change.column)
    if column is None:
        return _no_column(change, table, schema)
    old, new = column.type.stored, change.type.stored
    if old.schema is None and old.name in _TEXTS and not old.dimensions and change.using is None:
        target = str(new) if new.schema is None and new.name in _FROM_TEXT else ""
        target = target or (str(change.type) if schema.enum(Name(new.schema, new.name)) else "")
        if target:
            return f"column {quoted(change.column)} of type {old} cannot become {target} without USING"
    view = _dependant(schema, "column", change.table, change.column, kinds=_READERS)
    return f"{view} still reads column {change.table}.{quoted(change.column)}" if view else ""


def _drop_not_null(change: ch.DropNotNull, table: Table, schema: Schema) -> str:
    key = table.primary_key
    if key and change.column in key.columns:
        return f"column {quoted(change.column)} is in the primary key of table {change.table}"
    return _no_column(change, table, schema)


def _create_table(change: ch.CreateTable, schema: Schema) -> str:
    if change.persistence == "temporary":
        return ""
    taken = "" if change.if_not_exists else _taken("table", change.name, schema)
    missing = (c.references for c in change.constraints if c.references and c.references.name != change.name.name)
    absent = next((name for name in missing if _is_absent(schema, name)), None)
    return taken or (f"there is no table {absent} at this point" if absent else "")


def _create_index(change: ch.CreateIndex, schema: Schema) -> str:
    if _is_absent(schema, change.table):
        return f"there is no table {change.table} at this point"
    table = schema.table(change.table)
    if change.name and not change.if_not_exists and table:
        taken = _taken("index", Name(table.name.schema, change.name), schema)
        if taken:
            return taken
    if table is None or not table.complete:
        return ""
    missing = next((c.name for c in change.columns if c.name and table.column(c.name) is None), "")
    return f"table {change.table} has no column {quoted(missing)} at this point" if missing else ""


def _create_view(change: ch.CreateView, schema: Schema) -> str:
    absent = next((name for name in change.reads if _is_absent(schema, name)), None)
    if absent:
        return f"there is no table or view {absent} at this point"
    kind = "materialized view" if change.materialized else "view"
    found = schema.view(change.name)
    if not change.or_replace or found is None or found.materialized:
        return "" if change.if_not_exists or change.temporary else _taken(kind, change.name, schema)
    replaced = schema.at(schema.position + 1).view(change.name)
    old, new = found.output, replaced.output if replaced else None
    if not old or not new:
        return ""
    if len(new) < len(old):
        gone = ", ".join(name for name in old if name not in new) or f"{len(old) - len(new)} of them"
        return f"CREATE OR REPLACE VIEW cannot take columns from view {change.name} ({gone}): drop it first"
    moved = next(((a, b) for a, b in zip(old, new, strict=False) if a != b), None)
    if moved is None:
        return ""
    return f"CREATE OR REPLACE VIEW cannot make column {moved[0]} of view {change.name} into {moved[1]}: drop it first"


def _create_function(change: ch.CreateFunction, schema: Schema) -> str:
    full = change.name if change.name.schema else Name(schema.search_path[0], change.name.name)
    types = signature(input_types(change.parameters))
    found = schema.get(("function", full.schema or "", full.name, types))
    if not isinstance(found, Routine):
        return ""
    what = f"{'procedure' if found.procedure else 'function'} {change.name}({types})"
    if not change.or_replace:
        return f"{what} is there already"
    if found.returns and change.returns and (found.returns, found.returns_set) != (change.returns, change.returns_set):
        return f"CREATE OR REPLACE cannot change what {what} returns ({found.returns}): drop it first"
    for old, new in zip(found.parameters, change.parameters, strict=False):
        if old.name and old.name != new.name and old.mode == new.mode == "in":
            return (
                f"CREATE OR REPLACE cannot call parameter {old.name} of {what} {new.name or 'nothing'}: drop it first"
            )
    return ""


def _create_type(change: Any, schema: Schema) -> str:
    full = change.name if change.name.schema else Name(schema.search_path[0], change.name.name)
    known = schema.get(("type", full.schema or "", full.name))
    return f"type {change.name} is there already" if known and not isinstance(known, Absent) else ""


def _add_label(change: ch.AddEnumLabel, schema: Schema) -> str:
    enum = schema.enum(change.name)
    if schema.is_absent("type", change.name):
        return f"there is no type {change.name} at this point"
    there = enum and change.label in enum.labels and not change.if_not_exists
    return f"type {change.name} has a label {change.label} already" if there else ""


def _rename(change: ch.Rename, schema: Schema) -> str:
    kind, name = change.kind, change.name
    if kind in _RELATIONS:
        if _is_absent(schema, name):
            return "" if change.if_exists else f"there is no {kind} {name} at this point"
        return _taken(kind, Name(schema.resolve(name).schema, change.to), schema)
    table = schema.table(name)
    if kind == "column" and change.part:
        if _is_absent(schema, name):
            return "" if change.if_exists else f"there is no table {name} at this point"
        if table and table.complete and table.column(change.part) is None:
            return f"table {name} has no column {quoted(change.part)} at this point"
        return f"table {name} has a column {quoted(change.to)} already" if table and table.column(change.to) else ""
    enum = schema.enum(name) if kind == "enum label" else None
    if enum and change.part not in enum.labels:
        return f"type {name} has no label {change.part} at this point"
    return f"type {name} has a label {change.to} already" if enum and change.to in enum.labels else ""


def _trigger(change: ch.CreateTrigger, schema: Schema) -> str:
    if _is_absent(schema, change.table):
        return f"there is no table {change.table} at this point"
    table = schema.table(change.table)
    there = table and table.triggers.get(change.trigger.name) and not change.or_replace
    return f"table {change.table} has a trigger {quoted(change.trigger.name)} already" if there else ""


def _policy(change: ch.CreatePolicy, table: Table, _schema: Schema) -> str:
    there = table.policies.get(change.policy.name)
    return f"table {change.table} has a policy {quoted(change.policy.name)} already" if there else ""


def _write(change: ch.WriteRows, schema: Schema) -> str:
    return f"there is no table {change.table} at this point" if _is_absent(schema, change.table) else ""


_PARTS: dict[type, Callable[[Any, Table, Schema], str]] = {
    ch.AddColumn: _add_column,
    ch.AddConstraint: lambda change, table, schema: _constraint(change.constraint, table, schema),
    ch.AlterColumnType: _alter_type,
    ch.CreatePolicy: _policy,
    ch.DropColumn: _drop_column,
    ch.DropConstraint: _drop_constraint,
    ch.DropNotNull: _drop_not_null,
    ch.SetDefault: _no_column,
    ch.SetIdentity: _no_column,
    ch.SetNotNull: _no_column,
}
_FAILS: dict[type, Callable[[Any, Schema], str]] = {
    ch.AddEnumLabel: _add_label,
    ch.CreateDomain: _create_type,
    ch.CreateEnum: _create_type,
    ch.CreateFunction: _create_function,
    ch.CreateIndex: _create_index,
    ch.CreateSequence: lambda change, schema: "" if change.if_not_exists else _taken("sequence", change.name, schema),
    ch.CreateTable: _create_table,
    ch.CreateTrigger: _trigger,
    ch.CreateType: _create_type,
    ch.CreateView: _create_view,
    ch.Rename: _rename,
    ch.WriteRows: _write,
}
