"""What stands in the way of dropping something without CASCADE, or of changing a column's type.

See https://www.postgresql.org/docs/current/ddl-depend.html
"""

from __future__ import annotations

import re

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.catalog.schema import Domain, IndexOf, OtherType, Routine, Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.schema import Schema

    Dropped = Container[tuple[str, Name]]


def needed_by(change: Change, schema: Schema, dropped: Dropped = ()) -> str:
    """The object that depends on what `change` takes away, as "view v" or "foreign key x of table t"; "" for none.

    `dropped` are the kinds and names that go in the same statement.
    """
    if isinstance(change, ch.Drop):
        find = _OF_DROP.get(change.kind)
        return find(change, schema, dropped) if find else ""
    find_part = _OF_PART.get(type(change))
    return find_part(change, schema) if find_part else ""


def _shown(name: Name) -> str:
    return str(name) if name.schema != "public" else quoted(name.name)


def _view(view: View) -> str:
    return f"{'materialized view' if view.materialized else 'view'} {_shown(view.name)}"


def _relation(change: ch.Drop, schema: Schema, dropped: Dropped) -> str:
    full = schema.resolve(change.name)
    for other in schema.referring_to(full):
        if isinstance(other, View):
            if ("materialized view" if other.materialized else "view", other.name) not in dropped:
                return _view(other)
        elif ("table", other.name) not in dropped and other.name != full:
            key = next((c for c in other.foreign_keys if c.references == full), None)
            if key:
                return f"foreign key {quoted(key.name or '')} of table {_shown(other.name)}"
    return ""


def _index(change: ch.Drop, schema: Schema, _dropped: Dropped) -> str:
    entry = schema.relation(change.name)
    owner = schema.table(entry.table) if isinstance(entry, IndexOf) else None
    if owner and owner.constraints.get(change.name.name):
        return f"constraint {quoted(change.name.name)} of table {_shown(owner.name)}"
    return ""


def _type(change: ch.Drop, schema: Schema, dropped: Dropped) -> str:
    full = schema.resolve(change.name, "type")

    def is_it(kind: Any) -> bool:
        return bool(kind) and kind.name == full.name and (kind.schema or "public") == full.schema

    for _, found in schema.objects():
        if isinstance(found, Table) and ("table", found.name) not in dropped:
            column = next((c for c in found.columns.values() if c and is_it(c.type)), None)
            if column:
                return f"column {_shown(found.name)}.{quoted(column.name)}"
        elif isinstance(found, Domain) and is_it(found.type):
            return f"domain {_shown(found.name)}"
        elif isinstance(found, OtherType) and any(is_it(a.type) for a in found.attributes):
            return f"type {_shown(found.name)}"
        elif isinstance(found, Routine) and (is_it(found.returns) or any(is_it(p.type) for p in found.parameters)):
            return f"function {_shown(found.name)}"
    return ""


def _function(change: ch.Drop, schema: Schema, _dropped: Dropped) -> str:
    full = schema.resolve(change.name, "function")
    for table in schema.tables():
        for trigger in table.triggers.values():
            if trigger and trigger.function.name == full.name and trigger.function.schema in {None, full.schema}:
                return f"trigger {quoted(trigger.name)} on table {_shown(table.name)}"
    return ""


def _schema(change: ch.Drop, schema: Schema, _dropped: Dropped) -> str:
    for key, _ in schema.objects():
        if key[0] in {"relation", "type", "function"} and key[1] == change.name.name:
            return f"{key[0]} {quoted(key[2])}"
    return ""


def _sequence(change: ch.Drop, schema: Schema, _dropped: Dropped) -> str:
    name = change.name.name
    for table in schema.tables():
        for column in table.columns.values():
            if (
                column
                and column.default
                and "nextval" in column.default.text
                and re.search(rf"['.\"]{re.escape(name)}['\"]", column.default.text)
            ):
                return f"the default of column {_shown(table.name)}.{quoted(column.name)}"
    return ""


def _column_readers(change: Any, schema: Schema) -> str:
    """A view whose only table is this one and which reads the column."""
    full = schema.resolve(change.table)
    for other in schema.referring_to(full):
        if isinstance(other, View) and other.reads == (full,) and _reads(other, change.column):
            return _view(other)
    return ""


def _reads(view: View, column: str) -> bool:
    """Whether the column's name stands in the normal form of the query as a value, not as an alias or a key."""
    words = rf"(?<![\w'$])(?<!name=){re.escape(quoted(column))}(?![\w'$(=])"
    return re.search(words, view.query) is not None


def _column(change: ch.DropColumn, schema: Schema) -> str:
    table = schema.table(change.table)
    for constraint in table.constraints.values() if table else ():
        if constraint and constraint.kind in {"primary key", "unique"} and change.column in constraint.columns:
            key = _referring_key(table, constraint.columns, constraint.kind, schema) if table else ""
            if key:
                return key
    return _column_readers(change, schema)


def _referring_key(table: Table, columns: tuple[str, ...], kind: str, schema: Schema) -> str:
    """The foreign key that relies on a primary key or unique constraint of `table`."""
    for other in schema.referring_to(table.name):
        if isinstance(other, Table):
            for key in other.foreign_keys:
                wanted = set(key.ref_columns) == set(columns) if key.ref_columns else kind == "primary key"
                if key.references == table.name and wanted and _is_only(table, columns, kind):
                    return f"foreign key {quoted(key.name or '')} of table {_shown(other.name)}"
    return ""


def _is_only(table: Table, columns: tuple[str, ...], kind: str) -> bool:
    """Whether no other unique index serves the same columns: which one a foreign key relies on is not known then."""
    alike = [i for i in table.indexes.values() if i.unique and {c.name for c in i.columns} == set(columns)]
    return len(alike) < 2 or kind == "primary key"


def _constraint(change: ch.DropConstraint, schema: Schema) -> str:
    table = schema.table(change.table)
    constraint = table.constraints.get(change.name) if table else None
    if table is None or constraint is None or constraint.kind not in {"primary key", "unique"}:
        return ""
    return _referring_key(table, constraint.columns, constraint.kind, schema)


_OF_DROP: dict[str, Callable[[ch.Drop, Schema, Dropped], str]] = {
    "domain": _type,
    "function": _function,
    "index": _index,
    "materialized view": _relation,
    "procedure": _function,
    "schema": _schema,
    "sequence": _sequence,
    "table": _relation,
    "type": _type,
    "view": _relation,
}
_OF_PART: dict[type, Callable[[Any, Schema], str]] = {
    ch.AlterColumnType: _column_readers,
    ch.DropColumn: _column,
    ch.DropConstraint: _constraint,
}
