"""How DROP alters the catalog."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.entries import ABSENT, ROUTINES, Absent, IndexOf, Table, View
from elf_sqlcheck.catalog.fold_columns import drop_statistics, own_sequences
from elf_sqlcheck.catalog.fold_parts import RELATIONS, forget, heirs, key_of, save, type_key
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.parts import changed, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.entries import Key
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Parameter, Type

_FIELDS = {"trigger": "triggers", "policy": "policies"}
#: Kinds of objects that live in a schema and have no entry of their own sort.
IN_SCHEMA = frozenset(
    ["collation", "conversion", "operator", "operator class", "operator family", "statistics",
     "text search configuration", "text search dictionary", "text search parser", "text search template"]
)  # fmt: skip


def signature(types: tuple[Type, ...]) -> str:
    """The types that tell overloaded functions apart, as text."""
    return ",".join(str(kind.replace(modifiers=())) for kind in types)


def input_types(parameters: tuple[Parameter, ...]) -> tuple[Type, ...]:
    """The types of the parameters that are given by the caller."""
    return tuple(parameter.type for parameter in parameters if parameter.mode in {"in", "inout", "variadic"})


def drop(catalog: Catalog, change: ch.Drop) -> None:
    """DROP of anything."""
    kind = change.kind
    if kind in RELATIONS:
        name = catalog.now.resolve(change.name)
        _cascade(catalog, change, kind, name)
        drop_relation(catalog, name)
    elif kind == "index":
        drop_index(catalog, catalog.now.resolve(change.name))
    elif kind in _FIELDS and change.part:
        drop_part(catalog, kind, catalog.now.resolve(change.name), change.part, if_exists=change.if_exists)
    elif kind in ROUTINES:
        _drop_routine(catalog, change)
    elif kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
        _cascade(catalog, change, "type", full)
        drop_type(catalog, full)
    elif kind == "schema":
        from elf_sqlcheck.catalog import fold_cascade

        fold_cascade.drop_schema(catalog, change.name.name)
    else:
        drop_fact(catalog, fact_key(catalog, kind, change.name, change.part, change.arguments))


def _cascade(catalog: Catalog, change: ch.Drop, kind: str, name: Name) -> None:
    if change.cascade:
        from elf_sqlcheck.catalog import fold_cascade

        fold_cascade.drop_dependants(catalog, kind, name)


def drop_relation(catalog: Catalog, name: Name) -> None:
    """Take a relation away, with what is only there for it: indexes, sequences of its columns, partitions."""
    found = catalog.objects.get(key_of(name))
    if isinstance(found, Table | View):
        for index in found.indexes:
            catalog.put(("relation", name.schema or "", index), ABSENT)
            forget(catalog, name.schema, index)
    catalog.put(key_of(name), ABSENT)
    forget(catalog, name.schema, name.name)
    if isinstance(found, Table):
        drop_statistics(catalog, name)
        for sequence in own_sequences(catalog, name):
            drop_relation(catalog, sequence.name)
        for heir in heirs(catalog, name):
            if heir.partition_of == name:
                drop_relation(catalog, heir.name)


def drop_index(catalog: Catalog, name: Name) -> None:
    """Take an index away; one of a partitioned table takes those of the partitions along."""
    found = catalog.objects.get(key_of(name))
    if isinstance(found, IndexOf):
        owner = catalog.objects.get(key_of(found.table))
        if isinstance(owner, Table | View):
            save(catalog, owner.replace(indexes=without(owner.indexes, name.name)))
        for heir in heirs(catalog, found.table):
            for part in [key for key, index in heir.indexes.items() if index.inherited == name.name]:
                drop_index(catalog, heir.name.replace(name=part))
    catalog.put(key_of(name), ABSENT)
    forget(catalog, name.schema, name.name)


def drop_part(catalog: Catalog, kind: str, name: Name, part: str, *, if_exists: bool = False) -> None:
    """Take a trigger or a policy away. IF EXISTS does not even say that the table is there."""
    found = catalog.objects.get(key_of(name))
    if found is None and if_exists:
        return
    table = Table(name, {}, {}, {}, {}, {}, known=False, complete=False) if found is None else found
    field = _FIELDS[kind]
    if not isinstance(table, Table | View) or (isinstance(table, View) and field != "triggers"):
        return
    own = getattr(table, field)
    parts = without(own, part)
    if isinstance(table, Table) and not table.known and part not in own:
        parts = changed(parts, part, None)
    save(catalog, table.replace(**{field: parts}))
    key = ("comment", name.schema or "", name.name, part, kind)
    if key in catalog.objects:
        catalog.put(key, None)


def _drop_routine(catalog: Catalog, change: ch.Drop) -> None:
    full = catalog.now.resolve_function(change.name)
    for key in routine_keys(catalog, full, change.arguments) or [("function", full.schema or "", full.name, "")]:
        if change.cascade:
            from elf_sqlcheck.catalog import fold_cascade

            fold_cascade.drop_dependants(catalog, "function", full, key[3])
        drop_routine(catalog, key)


def routine_keys(catalog: Catalog, full: Name, arguments: tuple[Type, ...] | None) -> list[Key]:
    """The keys of the functions that a name and parameter types mean."""
    if arguments is None:
        return catalog.overloads(full)
    wanted = ("function", full.schema or "", full.name, signature(arguments))
    if not isinstance(catalog.objects.get(wanted), Absent | None):
        return [wanted]
    found = catalog.overloads(full)
    return [wanted] if len(found) != 1 else found


def drop_routine(catalog: Catalog, key: Key) -> None:
    """Take a function away, and what was said about it."""
    catalog.put(key, ABSENT)
    last = not catalog.has_overload(Name(key[1], key[2]))
    for said in catalog.said_about(key[1], key[2], routine=True):
        if about_overload(said, key[3], last=last):
            catalog.put(said, None)


def about_overload(said: Key, types: str, *, last: bool) -> bool:
    """Whether a comment or a grant is about the function with parameters of these types; `last`: there is no other."""
    if said[0] == "comment" and said[3]:
        return said[3] == types
    return said[5] == types if said[0] == "grant" and len(said) > 5 else last


def drop_type(catalog: Catalog, name: Name) -> None:
    """Take a type away."""
    catalog.put(type_key(name), ABSENT)
    forget(catalog, name.schema, name.name)


def fact_key(
    catalog: Catalog, kind: str, name: Name, part: str | None, arguments: tuple[Type, ...] | None, *, new: bool = False
) -> Key:
    """The key of an object that is known by its name alone."""
    if kind == "rule" and part:
        table = catalog.now.resolve(name)
        return ("rule", table.schema or "", table.name, part)
    if kind in IN_SCHEMA:
        full = name if name.schema or not new else name.replace(schema=catalog.now.search_path[0])
        full = catalog.now.resolve(full, kind)
        rest = (signature(arguments),) if arguments else ()
        return (kind, full.schema or "", full.name, *rest)
    return (kind, "", name.name, *((part,) if part else ()))


def drop_fact(catalog: Catalog, key: Key) -> None:
    """Take away an object that is known by its name alone."""
    catalog.put(key, ABSENT)
    for said in catalog.said_about(key[1], key[2]):
        if said[0] == "comment" and said[4] == key[0]:
            catalog.put(said, None)


APPLY: dict[type, Callable[[Any, Any], None]] = {ch.Drop: drop}
