"""What undoes a change: the statements of DOWN that answer one of UP.

Only what is certain from the change and the schema before it; rows are never brought back.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import definitions as made
from elf_sqlcheck.catalog import hearsay, inverse_objects
from elf_sqlcheck.catalog.entries import Absent, Fact, Routine, Table, View
from elf_sqlcheck.catalog.naming import constraint_name, index_name
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Column
    from elf_sqlcheck.catalog.schema import Schema

_ROUTINES = frozenset({"function", "procedure", "routine"})


#: How the normal form of an expression writes what is rare: by the parser's word for it.
_NOT_SQL = later(r"\b(?:[A-Z][a-z]+){2,}\(")


def inverse(change: Change, before: Schema) -> str:
    """The statements, semicolons included, that undo `change`; "" where none are known to.

    `before` is the schema just before the change.
    """
    undo = _INVERSE.get(type(change))
    text = undo(change, before) if undo else ""
    return "" if _NOT_SQL.search(text) else text


def _drop(kind: str, known_as: str = "relation") -> Callable[[Any, Schema], str]:
    def undo(change: Any, before: Schema) -> str:
        if getattr(change, "if_not_exists", False) and hearsay.is_there(before, known_as, change.name):
            return ""
        return f"DROP {kind} IF EXISTS {change.name};"

    return undo


def _alter(change: ch.TableChange, action: str) -> str:
    return f"ALTER TABLE {change.table} {action};"


def _column_before(change: Any, before: Schema) -> Column | None:
    table = before.table(change.table)
    return table.column(change.column) if table else None


def _create_table(change: ch.CreateTable, before: Schema) -> str:
    if change.if_not_exists and hearsay.is_there(before, "relation", change.name):
        return ""
    return f"DROP {'FOREIGN ' * change.foreign}TABLE IF EXISTS {change.name};"


def _create_view(change: ch.CreateView, before: Schema) -> str:
    if hearsay.is_there(before, "relation", change.name) and (change.or_replace or change.if_not_exists):
        return ""
    return f"DROP {'MATERIALIZED VIEW' if change.materialized else 'VIEW'} IF EXISTS {change.name};"


def _create_index(change: ch.CreateIndex, before: Schema) -> str:
    owner = before.relation(change.table)
    chosen = change.name
    if chosen is None:
        if not isinstance(owner, Table | View) or any(not column.name for column in change.columns):
            return ""
        chosen = index_name(owner.name.name, change.columns, _Relations(before, owner.name.schema or ""))
    schema = before.resolve(change.table).schema if change.table.schema else None
    name = Name(schema, chosen)
    if change.if_not_exists and hearsay.is_there(before, "relation", name):
        return ""
    return f"DROP INDEX{' CONCURRENTLY' if change.concurrently else ''} IF EXISTS {name};"


class _Relations:
    """The names of relations that a schema has."""

    __slots__ = ("place", "schema")

    def __init__(self, schema: Schema, place: str) -> None:
        self.schema = schema
        self.place = place

    def __contains__(self, name: object) -> bool:
        return self.schema.knows("relation", Name(self.place, str(name)))


def _create_function(change: ch.CreateFunction, before: Schema) -> str:
    types = tuple(parameter.type for parameter in change.parameters if parameter.mode in {"in", "inout", "variadic"})
    full = before.resolve_function(change.name)
    if change.or_replace:
        known = [key for key in before.about(full) if key[0] == "function" and not isinstance(before.get(key), Absent)]
        signature = ",".join(str(kind.replace(modifiers=())) for kind in types)
        earlier = before.get(("function", full.schema or "", full.name, signature))
        if isinstance(earlier, Routine):
            return made.routine(earlier, replace=True)
        if known:
            return ""
    kind = "PROCEDURE" if change.procedure else "FUNCTION"
    return f"DROP {kind} IF EXISTS {change.name}({', '.join(map(str, types))});"


def _create_trigger(change: ch.CreateTrigger, before: Schema) -> str:
    owner = before.relation(change.table)
    earlier = owner.triggers.get(change.trigger.name) if isinstance(owner, Table | View) else None
    if earlier and change.or_replace:
        return made.trigger(change.table, earlier, replace=True)
    return f"DROP TRIGGER IF EXISTS {quoted(change.trigger.name)} ON {change.table};"


def _add_column(change: ch.AddColumn, before: Schema) -> str:
    if change.if_not_exists and hearsay.has_column(before, change.table, change.column.name):
        return ""
    others = [c for c in change.constraints if c.kind == "check" and change.column.name not in _read(c)]
    return "" if others else _alter(change, f"DROP COLUMN IF EXISTS {quoted(change.column.name)}")


def _drop_column(change: ch.DropColumn, before: Schema) -> str:
    """The column with its constraints and indexes, and with what is said of it and granted on it."""
    table, column = before.table(change.table), _column_before(change, before)
    if table is None or column is None or column.inherited or (change.cascade and _needed(change, before)):
        return ""
    if (column.identity and before.heirs(table.name)) or not made.counts_plainly(before, table.name, column):
        return ""
    name = change.column
    parts = [made.column(column)]
    for constraint in table.constraints.values():
        if constraint and name in (*constraint.columns, *constraint.include, *_read(constraint)):
            text = made.constraint(constraint)
            if not text or constraint.inherited:
                return ""
            parts.append(text)
    action = ", ADD ".join([f"ADD COLUMN IF NOT EXISTS {parts[0]}", *parts[1:]])
    statements = [_alter(change, action)]
    statements += [
        "" if index.inherited else made.index(index)
        for index in table.indexes.values()
        if index.name not in table.constraints and _uses(index, name)
    ]
    statements += made.attendants(before, table.name, name)
    return "\n".join(statements) if all(statements) else ""


def _needed(change: ch.DropColumn, before: Schema) -> bool:
    return bool(before.dependants("column", change.table, change.column))


def _read(constraint: Any) -> tuple[str, ...]:
    return constraint.expression.columns if constraint.expression else ()


def _uses(index: Any, column: str) -> bool:
    read = [name for key in index.columns if key.expression for name in key.expression.columns]
    read += index.where.columns if index.where else ()
    return column in (*read, *index.include, *(key.name for key in index.columns))


def _add_constraint(change: ch.AddConstraint, before: Schema) -> str:
    name = change.constraint.name
    table = before.table(change.table)
    if change.constraint.kind == "not null" and name is None:
        column = table.column(change.constraint.columns[0]) if table else None
        done = column is not None and column.not_null
        return "" if done else _alter(change, f"ALTER COLUMN {quoted(change.constraint.columns[0])} DROP NOT NULL")
    if name is None:
        taken = {*table.constraints, *table.indexes} if table else ()
        name = constraint_name(change.table.name, change.constraint, taken)
    if change.constraint.using_index:
        return ""  # the index goes with the constraint
    actions = [f"DROP CONSTRAINT IF EXISTS {quoted(name)}"]
    if change.constraint.kind == "primary key":  # its columns stay NOT NULL
        known = [table.column(column) if table else None for column in change.constraint.columns]
        actions += [f"ALTER COLUMN {quoted(c.name)} DROP NOT NULL" for c in known if c and not c.not_null]
    return _alter(change, ", ".join(actions))


def _drop_constraint(change: ch.DropConstraint, before: Schema) -> str:
    table = before.table(change.table)
    constraint = table.constraints.get(change.name) if table else None
    if (
        table is None
        or constraint is None
        or (change.cascade and before.dependants("constraint", table.name, change.name))
    ):
        return ""
    text = made.constraint(constraint)
    said = before.get(("comment", table.name.schema or "", table.name.name, change.name, "constraint"))
    return _alter(change, f"ADD {text}") if text and not isinstance(said, Fact) else ""


def _alter_type(change: ch.AlterColumnType, before: Schema) -> str:
    column = _column_before(change, before)
    if column is None:
        return ""
    name, kind = quoted(change.column), column.type.stored
    collation = f' COLLATE "{column.collation}"' if column.collation else ""
    if kind.name == change.type.stored.name:
        return _alter(change, f"ALTER COLUMN {name} TYPE {kind}{collation}")
    if column.type.is_serial:
        return ""
    actions = [f"ALTER COLUMN {name} TYPE {kind}{collation} USING {name}::{kind}"]
    if column.default:  # the default is not converted with the values
        actions = [f"ALTER COLUMN {name} DROP DEFAULT", *actions]
        actions.append(f"ALTER COLUMN {name} SET DEFAULT {column.default.text}")
    return _alter(change, ", ".join(actions))


def _set_default(change: ch.SetDefault, before: Schema) -> str:
    column = _column_before(change, before)
    if column is None or column.type.is_serial:
        return ""
    action = f"SET DEFAULT {column.default.text}" if column.default else "DROP DEFAULT"
    return _alter(change, f"ALTER COLUMN {quoted(change.column)} {action}")


def _set_identity(change: ch.SetIdentity, before: Schema) -> str:
    column = _column_before(change, before)
    if column is None:
        return ""
    if not column.identity:
        return _alter(change, f"ALTER COLUMN {quoted(change.column)} DROP IDENTITY IF EXISTS")
    word = "SET" if change.identity else "ADD"
    end = "" if change.identity else " AS IDENTITY"
    return _alter(change, f"ALTER COLUMN {quoted(change.column)} {word} GENERATED {column.identity.upper()}{end}")


def _nullability(action: str) -> Callable[[Any, Schema], str]:
    def undo(change: Any, before: Schema) -> str:
        if hearsay.is_not_null(before, change.table, change.column) is (action == "DROP"):
            return ""
        return _alter(change, f"ALTER COLUMN {quoted(change.column)} {action} NOT NULL")

    return undo


def _row_security(change: ch.SetRowSecurity, before: Schema) -> str:
    table = before.table(change.table)
    was = None if table is None else table.forced if change.what == "forced" and table.known else table.row_security
    if was is change.on:
        return ""
    if change.what == "forced":
        return _alter(change, f"{'NO FORCE' if change.on else 'FORCE'} ROW LEVEL SECURITY")
    return _alter(change, f"{'DISABLE' if change.on else 'ENABLE'} ROW LEVEL SECURITY")


def _alter_policy(change: ch.AlterPolicy, before: Schema) -> str:
    table = before.table(change.table)
    policy = table.policies.get(change.name) if table else None
    if policy is None:
        return ""
    return f"DROP POLICY IF EXISTS {quoted(change.name)} ON {change.table};\n{made.policy(change.table, policy)}"


def _comment(change: ch.Comment, before: Schema) -> str:
    if change.kind not in _COMMENTED or (change.kind in _ROUTINES and change.arguments is None):
        return ""
    known_as = "type" if change.kind in {"type", "domain", "domain constraint"} else "relation"
    full = change.name if change.kind == "schema" else before.resolve(change.name, known_as)
    part = change.part or ""
    if change.kind in _ROUTINES:
        full = before.resolve_function(change.name)
        part = ",".join(str(kind.replace(modifiers=())) for kind in change.arguments or ())
    key = ("comment", full.schema or "", full.name, part, change.kind)
    earlier = before.get(key)
    if not isinstance(earlier, Fact) and change.text is None:
        return ""
    written = ("comment", change.name.schema or "", change.name.name, part, change.kind)
    return made.comment(written, str(earlier.value) if isinstance(earlier, Fact) else None)


_COMMENTED = frozenset(
    ["table", "column", "view", "materialized view", "foreign table", "schema", "type", "domain", "index", "sequence",
     "constraint", "domain constraint", "trigger", "policy", "rule", "function", "procedure"]
)  # fmt: skip


_INVERSE: dict[type, Callable[[Any, Schema], str]] = {
    ch.AddColumn: _add_column,
    ch.AddConstraint: _add_constraint,
    ch.AlterAttribute: inverse_objects.attribute,
    ch.AlterColumnType: _alter_type,
    ch.AlterDomain: inverse_objects.domain,
    ch.AlterPolicy: _alter_policy,
    ch.AlterSequence: inverse_objects.sequence,
    ch.Comment: _comment,
    ch.CreateDomain: _drop("DOMAIN", "type"),
    ch.CreateEnum: _drop("TYPE", "type"),
    ch.CreateFunction: _create_function,
    ch.CreateIndex: _create_index,
    ch.CreatePolicy: lambda change, _: f"DROP POLICY IF EXISTS {quoted(change.policy.name)} ON {change.table};",
    ch.CreateSchema: lambda change, _: f"DROP SCHEMA IF EXISTS {quoted(change.name)};",
    ch.CreateSequence: _drop("SEQUENCE"),
    ch.CreateTable: _create_table,
    ch.CreateTrigger: _create_trigger,
    ch.CreateType: _drop("TYPE", "type"),
    ch.CreateView: _create_view,
    ch.DefaultPrivileges: inverse_objects.default_privileges,
    ch.Drop: inverse_objects.drop,
    ch.DropColumn: _drop_column,
    ch.DropConstraint: _drop_constraint,
    ch.DropNotNull: _nullability("SET"),
    ch.Grant: inverse_objects.grant,
    ch.Rename: inverse_objects.rename,
    ch.SetDefault: _set_default,
    ch.SetIdentity: _set_identity,
    ch.SetNotNull: _nullability("DROP"),
    ch.SetRowSecurity: _row_security,
    ch.SetSchema: inverse_objects.set_schema,
}
