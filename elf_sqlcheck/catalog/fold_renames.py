"""How renames and moves to another schema alter the catalog, and everything that refers to what was renamed."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import fold_moves as moves
from elf_sqlcheck.catalog import retarget
from elf_sqlcheck.catalog.entries import ROUTINES, Domain, Fact, OtherType, Table, View
from elf_sqlcheck.catalog.fold_drops import IN_SCHEMA, fact_key, routine_keys
from elf_sqlcheck.catalog.fold_parts import RELATIONS, heirs, key_of, refer_columns, save, table_at, type_key
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog


def _rename(catalog: Catalog, change: ch.Rename) -> None:
    """ALTER … RENAME."""
    kind = change.kind
    if kind in _PARTS and change.part is not None:
        _PARTS[kind](catalog, change.name, change.part, change.to)
    elif kind in RELATIONS or kind == "index":
        full = catalog.now.resolve(change.name)
        moves.move(catalog, full, Name(full.schema, change.to))
    elif kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
        moves.move_type(catalog, full, Name(full.schema, change.to))
    elif kind in ROUTINES:
        full = catalog.now.resolve_function(change.name)
        for key in routine_keys(catalog, full, change.arguments):
            moves.move_routine(catalog, key, Name(full.schema, change.to))
    elif kind == "schema":
        moves.rename_schema(catalog, change.name.name, change.to)
    elif kind == "role":
        moves.rename_role(catalog, change.name.name, change.to)
    else:
        key = fact_key(catalog, kind, change.name, None, change.arguments)
        moves.move_fact(catalog, key, (key[0], key[1], change.to, *key[3:]))


def _set_schema(catalog: Catalog, change: ch.SetSchema) -> None:
    """ALTER … SET SCHEMA."""
    if change.kind in RELATIONS:
        full = catalog.now.resolve(change.name)
        moves.move(catalog, full, Name(change.schema, full.name))
    elif change.kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
        moves.move_type(catalog, full, Name(change.schema, full.name))
    elif change.kind in ROUTINES:
        full = catalog.now.resolve_function(change.name)
        for key in routine_keys(catalog, full, change.arguments):
            moves.move_routine(catalog, key, Name(change.schema, full.name))
    elif change.kind in IN_SCHEMA:
        key = fact_key(catalog, change.kind, change.name, None, change.arguments)
        moves.move_fact(catalog, key, (key[0], change.schema, *key[2:]))


def _rename_column(catalog: Catalog, name: Name, old: str, new: str) -> None:
    found = catalog.now.relation(name)
    if isinstance(found, View):
        save(catalog, retarget.own_column(found, old, new))
    table = table_at(catalog, name)
    if table is not None:
        if old not in table.columns:
            _note_rename(catalog, table.name, "column", old, new)
        table = retarget.own_column(table, old, new)
        save(catalog, table)
    full = catalog.now.resolve(name)
    for key, user in catalog.referring_to(full):
        changed = retarget.column(user, full, old, new)
        if changed != user:
            catalog.put(key, changed)
            refer_columns(catalog, key, changed)
    moves.rename_said(catalog, full, "column", old, new)
    for heir in heirs(catalog, full):
        if heir.column(old):
            _rename_column(catalog, heir.name, old, new)


def _note_rename(catalog: Catalog, table: Name, kind: str, old: str, new: str) -> None:
    """Remember the first name of a part of which nothing else is known; renaming it back leaves no trace."""
    earlier = ("renamed", table.schema or "", table.name, kind, old)
    found = catalog.objects.get(earlier)
    first = found.value if isinstance(found, Fact) else old
    if found is not None:
        catalog.put(earlier, None)
    if first != new:
        catalog.put(("renamed", table.schema or "", table.name, kind, new), Fact(first))


def _rename_constraint(catalog: Catalog, name: Name, old: str, new: str) -> None:
    table = table_at(catalog, name)
    if table is None:
        _rename_of_domain(catalog, name, old, new)
        return
    if old not in table.constraints:
        _note_rename(catalog, table.name, "constraint", old, new)
    if old in table.indexes:
        moves.rename_index(catalog, Name(table.name.schema, old), new)
        return
    constraint = table.constraints.get(old)
    save(catalog, table.replace(constraints=retarget.with_name(table.constraints, old, new)))
    catalog.named.setdefault((table.name.schema or "", new), set()).add(key_of(table.name))
    moves.rename_said(catalog, table.name, "constraint", old, new)
    if constraint and constraint.kind in {"check", "not null"}:
        for heir in heirs(catalog, table.name):
            if heir.constraints.get(old):
                _rename_constraint(catalog, heir.name, old, new)
    moves.relink(catalog, table, old, new)


def _rename_of_domain(catalog: Catalog, name: Name, old: str, new: str) -> None:
    key = type_key(catalog.now.resolve(name, "type"))
    domain = catalog.objects.get(key)
    if isinstance(domain, Domain):
        parts = tuple(c.replace(name=new) if c.name == old else c for c in domain.constraints)
        catalog.put(key, domain.replace(constraints=parts))
        moves.rename_said(catalog, domain.name, "domain constraint", old, new)


def _rename_label(catalog: Catalog, name: Name, old: str, new: str) -> None:
    enum = catalog.now.enum(name)
    if enum:
        labels = tuple(new if label == old else label for label in enum.labels)
        catalog.put(type_key(enum.name), enum.replace(labels=labels))
        _rename_in_defaults(catalog, enum.name, old, new)


def _rename_in_defaults(catalog: Catalog, kind: Name, old: str, new: str) -> None:
    """Defaults are values of the type, not text: they follow its labels."""
    before, after = ("'" + label.replace("'", "''") + "'" for label in (old, new))
    for key in catalog.referring.get((kind.schema or "", kind.name), ()):
        table = catalog.objects.get(key)
        if not isinstance(table, Table):
            continue
        columns = {
            name: column.replace(default=column.default.replace(text=column.default.text.replace(before, after, 1)))
            for name, column in table.columns.items()
            if column and column.type.name == kind.name and column.default and column.default.text.startswith(before)
        }
        if columns:
            save(catalog, table.replace(columns={**table.columns, **columns}))


def _rename_attribute(catalog: Catalog, name: Name, old: str, new: str) -> None:
    key = type_key(catalog.now.resolve(name, "type"))
    found = catalog.objects.get(key)
    if isinstance(found, OtherType):
        attributes = tuple(c.replace(name=new) if c.name == old else c for c in found.attributes)
        catalog.put(key, found.replace(attributes=attributes))


def _rename_part(kind: str, field: str) -> Callable[[Catalog, Name, str, str], None]:
    def handler(catalog: Catalog, name: Name, old: str, new: str) -> None:
        found = catalog.now.relation(name)
        owner = found if isinstance(found, View) else table_at(catalog, name)
        if owner is not None:
            save(catalog, owner.replace(**{field: retarget.with_name(getattr(owner, field), old, new)}))
            moves.rename_said(catalog, owner.name, kind, old, new)

    return handler


def _rename_rule(catalog: Catalog, name: Name, old: str, new: str) -> None:
    key = fact_key(catalog, "rule", name, old, None)
    moves.move_fact(catalog, key, (*key[:3], new))


_PARTS: dict[str, Callable[[Catalog, Name, str, str], None]] = {
    "attribute": _rename_attribute,
    "column": _rename_column,
    "constraint": _rename_constraint,
    "enum label": _rename_label,
    "policy": _rename_part("policy", "policies"),
    "rule": _rename_rule,
    "trigger": _rename_part("trigger", "triggers"),
}


APPLY: dict[type, Callable[[Any, Any], None]] = {ch.Rename: _rename, ch.SetSchema: _set_schema}
