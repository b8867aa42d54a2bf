"""How renames and moves to another schema alter the catalog, and everything that refers to what was renamed."""

from __future__ import annotations

import re

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.fold_tables import RELATIONS, key_of, save, table_at
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.catalog.schema import ABSENT, Domain, Enum, Fact, IndexOf, OtherType, Sequence, Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Expression


def rename(catalog: Catalog, change: ch.Rename) -> None:
    """ALTER … RENAME."""
    kind = change.kind
    if kind in RELATIONS:
        full = catalog.now.resolve(change.name)
        _move(catalog, full, Name(full.schema, change.to))
    elif kind == "index":
        _rename_index(catalog, catalog.now.resolve(change.name), change.to)
    elif kind in {"column", "constraint", "trigger", "policy"} and change.part:
        table = table_at(catalog, change.name)
        if table is not None:
            _RENAME[kind](catalog, table, change.part, change.to)
    elif kind == "enum label" and change.part:
        enum = catalog.now.enum(change.name)
        if enum:
            labels = tuple(change.to if label == change.part else label for label in enum.labels)
            catalog.put(("type", enum.name.schema or "", enum.name.name), enum.replace(labels=labels))
    elif kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
        found = catalog.objects.get(("type", full.schema or "", full.name))
        catalog.put(("type", full.schema or "", full.name), ABSENT)
        name = Name(full.schema, change.to)
        moved = found.replace(name=name) if isinstance(found, Enum | Domain | OtherType) else OtherType(name, "assumed")
        catalog.put(("type", full.schema or "", change.to), moved)


def _move(catalog: Catalog, old: Name, new: Name) -> None:
    """Give a relation another name or schema, with everything that refers to it."""
    found = catalog.objects.get(key_of(old))
    if not isinstance(found, Table | View | Sequence):
        table = table_at(catalog, old)
        if table is None:
            return
        found = table
    catalog.put(key_of(old), ABSENT)
    indexes = getattr(found, "indexes", {})
    for name in indexes:
        catalog.put(("relation", old.schema or "", name), ABSENT)
        catalog.put(("relation", new.schema or "", name), IndexOf(new))
    moved: Any = found.replace(name=new)
    if indexes:
        moved = moved.replace(indexes={k: v.replace(table=new) for k, v in indexes.items()})
    catalog.put(key_of(new), moved)
    for key in catalog.said_about(old.schema, old.name):
        catalog.put((key[0], new.schema or "", new.name, *key[3:]), catalog.objects[key])
        catalog.put(key, None)
    for key, other in catalog.referring_to(old):
        if isinstance(other, Table):
            parts = {
                name: c.replace(references=new) if c and c.references == old else c
                for name, c in other.constraints.items()
            }
            parent = new if other.partition_of == old else other.partition_of
            catalog.put(key, other.replace(constraints=parts, partition_of=parent))
        elif isinstance(other, View):
            catalog.put(key, other.replace(reads=tuple(new if read == old else read for read in other.reads)))


def _rename_index(catalog: Catalog, name: Name, to: str) -> None:
    found = catalog.objects.get(key_of(name))
    catalog.put(key_of(name), ABSENT)
    if not isinstance(found, IndexOf):
        catalog.put(("relation", name.schema or "", to), IndexOf(Name(name.schema, "?")))
        return
    catalog.put(("relation", name.schema or "", to), found)
    owner = catalog.objects.get(key_of(found.table))
    if isinstance(owner, Table | View):
        owner = owner.replace(indexes=_with_name(owner.indexes, name.name, to))
    if isinstance(owner, Table):  # an index and the constraint that made it have one name
        owner = owner.replace(constraints=_with_name(owner.constraints, name.name, to))
    if isinstance(owner, Table | View):
        save(catalog, owner)


def _with_name(parts: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The parts of a table with one of them called otherwise, in the same order."""
    return {new if k == old else k: v.replace(name=new) if v and k == old else v for k, v in parts.items()}


def _rename_column(catalog: Catalog, table: Table, old: str, new: str) -> None:
    def again(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    if old not in table.columns:
        _note_rename(catalog, table.name, "column", old, new)
    columns = _with_name(table.columns, old, new)
    constraints = {
        k: c.replace(columns=again(c.columns), expression=_reading(c.expression, old, new)) if c else c
        for k, c in table.constraints.items()
    }
    indexes = {
        k: v.replace(
            columns=tuple(
                c.replace(name=new if c.name == old else c.name, expression=_reading(c.expression, old, new))
                for c in v.columns
            ),
            include=again(v.include),
            where=_reading(v.where, old, new),
        )
        for k, v in table.indexes.items()
    }
    save(catalog, table.replace(columns=columns, constraints=constraints, indexes=indexes))
    for key, other in catalog.referring_to(table.name):
        if isinstance(other, Table):
            parts = {
                k: c.replace(ref_columns=again(c.ref_columns)) if c and c.references == table.name else c
                for k, c in other.constraints.items()
            }
            catalog.put(key, other.replace(constraints=parts))


def _reading(expression: Expression | None, old: str, new: str) -> Expression | None:
    """An expression that reads a column under its new name; Postgres follows the column, too."""
    if expression is None or old not in expression.columns:
        return expression
    text = re.sub(rf"(?<![\w'.]){re.escape(quoted(old))}(?![\w'(])", lambda _: quoted(new), expression.text)
    columns = tuple(new if column == old else column for column in expression.columns)
    return expression.replace(text=text, columns=columns)


def _note_rename(catalog: Catalog, table: Name, kind: str, old: str, new: str) -> None:
    """Remember the first name of a part of which nothing else is known; renaming it back leaves no trace."""
    earlier = ("renamed", table.schema or "", table.name, kind, old)
    found = catalog.objects.get(earlier)
    first = found.value if isinstance(found, Fact) else old
    if found is not None:
        catalog.put(earlier, None)
    if first != new:
        catalog.put(("renamed", table.schema or "", table.name, kind, new), Fact(first))


def _rename_constraint(catalog: Catalog, table: Table, old: str, new: str) -> None:
    if old not in table.constraints:
        _note_rename(catalog, table.name, "constraint", old, new)
    save(catalog, table.replace(constraints=_with_name(table.constraints, old, new)))
    if old in table.indexes:
        _rename_index(catalog, Name(table.name.schema, old), new)


def _rename_part(field: str) -> Callable[[Catalog, Table, str, str], None]:
    def handler(catalog: Catalog, table: Table, old: str, new: str) -> None:
        save(catalog, table.replace(**{field: _with_name(getattr(table, field), old, new)}))

    return handler


_RENAME: dict[str, Callable[[Catalog, Table, str, str], None]] = {
    "column": _rename_column,
    "constraint": _rename_constraint,
    "policy": _rename_part("policies"),
    "trigger": _rename_part("triggers"),
}


def _set_schema(catalog: Catalog, change: ch.SetSchema) -> None:
    if change.kind in RELATIONS:
        full = catalog.now.resolve(change.name)
        _move(catalog, full, Name(change.schema, full.name))


APPLY: dict[type, Callable[[Any, Any], None]] = {ch.Rename: rename, ch.SetSchema: _set_schema}
