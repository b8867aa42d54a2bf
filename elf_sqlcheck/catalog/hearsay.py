"""What statements tell of objects that no migration made: who grants on a table or alters its column knows that it is
there.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import ROUTINES, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.entries import Key
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema


def is_there(schema: Schema, kind: str, name: Name) -> bool:
    """Whether a migration made an object of that kind (see `Schema.knows`), or tells of one of that name."""
    if kind in ROUTINES:
        about = schema.about(schema.resolve_function(name))
        return any(key[0] == "function" and not isinstance(schema.get(key), Absent | None) for key in about)
    return schema.knows(kind, name) or any(key[0] != "function" for key in _told(schema, name, kind))


def has_column(schema: Schema, table: Name, column: str) -> bool:
    """Whether a migration made the column of a relation, or tells of it."""
    known = schema.table(table)
    return bool(known and known.column(column)) or any(_column_of(key) == column for key in _told(schema, table))


def is_not_null(schema: Schema, table: Name, column: str) -> bool | None:
    """Whether a column is NOT NULL; None where no migration says so."""
    known = schema.table(table)
    found = known.column(column) if known else None
    if found is not None:
        return found.not_null
    full = schema.resolve(table)
    said = schema.get(("fact", full.schema or "", full.name, column, "not_null"))
    return bool(said.value) if isinstance(said, Fact) else None


def _told(schema: Schema, name: Name, kind: str = "relation") -> Iterator[Key]:
    full = name if kind in {"schema", "extension"} else schema.resolve(name, kind)
    return (key for key in schema.about(full) if isinstance(schema.get(key), Fact))


def _column_of(key: Key) -> str:
    match key:
        case ("fact", _, _, column, *_) | ("grant", _, _, _, _, column):
            return str(column)
        case ("comment", _, _, column, "column") | ("renamed", _, _, "column", column):
            return str(column)
    return ""
