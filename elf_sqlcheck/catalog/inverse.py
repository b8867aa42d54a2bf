"""What undoes a change: the statement of DOWN that answers one of UP.

Only what is certain from the change and the schema before it; rows are never brought back.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.naming import constraint_name
from elf_sqlcheck.catalog.objects import Name, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Column
    from elf_sqlcheck.catalog.schema import Schema


def inverse(change: Change, before: Schema) -> str:
    """The statement, semicolon included, that undoes `change`; "" where none is known to.

    `before` is the schema just before the change.
    """
    undo = _INVERSE.get(type(change))
    return undo(change, before) if undo else ""


def definition(column: Column) -> str:
    """A column as CREATE TABLE and ADD COLUMN write it."""
    parts = [quoted(column.name), str(column.type)]
    if column.collation:
        parts.append(f'COLLATE "{column.collation}"')
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.generated.text}){' STORED' if column.stored else ''}")
    if column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.default:
        parts.append(f"DEFAULT {column.default.text}")
    if column.not_null and not column.identity and not column.type.is_serial:
        parts.append("NOT NULL")
    return " ".join(parts)


def _drop(kind: str) -> Callable[[Any, Schema], str]:
    return lambda change, _before: f"DROP {kind} IF EXISTS {change.name};"


def _alter(change: ch.TableChange, action: str) -> str:
    return f"ALTER TABLE {change.table} {action};"


def _column_before(change: Any, before: Schema) -> Column | None:
    table = before.table(change.table)
    return table.column(change.column) if table else None


def _create_view(change: ch.CreateView, before: Schema) -> str:
    if before.relation(change.name) is not None and change.or_replace:
        return ""
    return f"DROP {'MATERIALIZED VIEW' if change.materialized else 'VIEW'} IF EXISTS {change.name};"


def _create_index(change: ch.CreateIndex, before: Schema) -> str:
    if change.name is None:
        return ""
    schema = before.resolve(change.table).schema if change.table.schema else None
    concurrently = " CONCURRENTLY" if change.concurrently else ""
    return f"DROP INDEX{concurrently} IF EXISTS {Name(schema, change.name)};"


def _create_function(change: ch.CreateFunction, before: Schema) -> str:
    types = tuple(parameter.type for parameter in change.parameters if parameter.mode in {"in", "inout", "variadic"})
    full = before.resolve(change.name, "function")
    known = any(key[:3] == ("function", full.schema, full.name) for key, _ in before.objects())
    if change.or_replace and known:
        return ""
    kind = "PROCEDURE" if change.procedure else "FUNCTION"
    return f"DROP {kind} IF EXISTS {change.name}({', '.join(str(kind) for kind in types)});"


def _create_schema(change: ch.CreateSchema, _before: Schema) -> str:
    return f"DROP SCHEMA IF EXISTS {quoted(change.name)};"


def _add_constraint(change: ch.AddConstraint, before: Schema) -> str:
    name = change.constraint.name
    if name is None:
        table = before.table(change.table)
        taken = {**table.constraints, **table.indexes} if table else ()
        name = constraint_name(change.table.name, change.constraint, taken)
    return _alter(change, f"DROP CONSTRAINT IF EXISTS {quoted(name)}")


def _drop_column(change: ch.DropColumn, before: Schema) -> str:
    column = _column_before(change, before)
    return _alter(change, f"ADD COLUMN IF NOT EXISTS {definition(column)}") if column else ""


def _alter_type(change: ch.AlterColumnType, before: Schema) -> str:
    column = _column_before(change, before)
    return _alter(change, f"ALTER COLUMN {quoted(change.column)} TYPE {column.type.stored}") if column else ""


def _set_default(change: ch.SetDefault, before: Schema) -> str:
    column = _column_before(change, before)
    if column is None:
        return ""
    action = f"SET DEFAULT {column.default.text}" if column.default else "DROP DEFAULT"
    return _alter(change, f"ALTER COLUMN {quoted(change.column)} {action}")


def _nullability(action: str) -> Callable[[Any, Schema], str]:
    return lambda change, _before: _alter(change, f"ALTER COLUMN {quoted(change.column)} {action} NOT NULL")


def _row_security(change: ch.SetRowSecurity, _before: Schema) -> str:
    if change.what == "forced":
        return _alter(change, f"{'NO FORCE' if change.on else 'FORCE'} ROW LEVEL SECURITY")
    return _alter(change, f"{'DISABLE' if change.on else 'ENABLE'} ROW LEVEL SECURITY")


def _rename(change: ch.Rename, _before: Schema) -> str:
    if change.kind in {"column", "constraint"} and change.part:
        word = change.kind.upper()
        return f"ALTER TABLE {change.name} RENAME {word} {quoted(change.to)} TO {quoted(change.part)};"
    if change.kind in {"policy", "trigger"} and change.part:
        return f"ALTER {change.kind.upper()} {quoted(change.to)} ON {change.name} RENAME TO {quoted(change.part)};"
    if change.kind == "enum label" and change.part:
        old, new = (label.replace("'", "''") for label in (change.part, change.to))
        return f"ALTER TYPE {change.name} RENAME VALUE '{new}' TO '{old}';"
    if change.kind in {"table", "view", "materialized view", "index", "sequence", "type", "domain", "schema"}:
        now = Name(change.name.schema, change.to)
        return f"ALTER {change.kind.upper()} {now} RENAME TO {quoted(change.name.name)};"
    return ""


def _set_schema(change: ch.SetSchema, before: Schema) -> str:
    if change.kind not in {"table", "view", "materialized view", "sequence", "type", "domain"}:
        return ""
    kind = "type" if change.kind in {"type", "domain"} else "relation"
    old = before.resolve(change.name, kind).schema or "public"
    return f"ALTER {change.kind.upper()} {Name(change.schema, change.name.name)} SET SCHEMA {quoted(old)};"


def _comment(change: ch.Comment, _before: Schema) -> str:
    if change.text is None or change.kind not in {"table", "column", "view", "schema", "type", "index", "sequence"}:
        return ""
    part = f".{quoted(change.part)}" if change.part else ""
    return f"COMMENT ON {change.kind.upper()} {change.name}{part} IS NULL;"


def _grant(change: ch.Grant, _before: Schema) -> str:
    if change.columns or not change.objects or change.kind not in {"table", "sequence", "schema"}:
        return ""
    privileges = ", ".join(change.privileges).upper() or "ALL"
    place = f"ALL {change.kind.upper()}S IN SCHEMA" if change.all_in_schema else change.kind.upper()
    objects = ", ".join(map(str, change.objects))
    grantees = ", ".join("PUBLIC" if name == "public" else quoted(name) for name in change.grantees)
    word, link = ("GRANT", "TO") if change.revoke else ("REVOKE", "FROM")
    return f"{word} {privileges} ON {place} {objects} {link} {grantees};"


_INVERSE: dict[type, Callable[[Any, Schema], str]] = {
    ch.AddColumn: lambda change, _: _alter(change, f"DROP COLUMN IF EXISTS {quoted(change.column.name)}"),
    ch.AddConstraint: _add_constraint,
    ch.AlterColumnType: _alter_type,
    ch.Comment: _comment,
    ch.CreateDomain: _drop("DOMAIN"),
    ch.CreateEnum: _drop("TYPE"),
    ch.CreateFunction: _create_function,
    ch.CreateIndex: _create_index,
    ch.CreatePolicy: lambda change, _: f"DROP POLICY IF EXISTS {quoted(change.policy.name)} ON {change.table};",
    ch.CreateSchema: _create_schema,
    ch.CreateSequence: _drop("SEQUENCE"),
    ch.CreateTable: lambda change, _: f"DROP {'FOREIGN ' * change.foreign}TABLE IF EXISTS {change.name};",
    ch.CreateTrigger: lambda change, _: f"DROP TRIGGER IF EXISTS {quoted(change.trigger.name)} ON {change.table};",
    ch.CreateType: _drop("TYPE"),
    ch.CreateView: _create_view,
    ch.DropColumn: _drop_column,
    ch.DropNotNull: _nullability("SET"),
    ch.Grant: _grant,
    ch.Rename: _rename,
    ch.SetDefault: _set_default,
    ch.SetNotNull: _nullability("DROP"),
    ch.SetRowSecurity: _row_security,
    ch.SetSchema: _set_schema,
}
