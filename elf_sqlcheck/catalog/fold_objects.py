"""How everything but the parts of tables alters the catalog: drops, renames, types, views, functions, access."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.fold_tables import RELATIONS, key_of, save, table_at
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.schema import (
    ABSENT,
    Domain,
    Enum,
    Fact,
    IndexOf,
    OtherType,
    Routine,
    Sequence,
    Table,
    View,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Parameter, Type
    from elf_sqlcheck.catalog.schema import Schema

#: Settings besides search_path that rules ask for; like it, they end with the migration that sets them.
SETTINGS = ("lock_timeout", "timezone")
_ROUTINES = frozenset({"function", "procedure", "routine", "aggregate"})


def signature(types: tuple[Type, ...]) -> str:
    """The types that tell overloaded functions apart, as text."""
    return ",".join(str(kind.replace(modifiers=())) for kind in types)


def input_types(parameters: tuple[Parameter, ...]) -> tuple[Type, ...]:
    """The types of the parameters that are given by the caller."""
    return tuple(parameter.type for parameter in parameters if parameter.mode in {"in", "inout", "variadic"})


def drop(catalog: Catalog, change: ch.Drop) -> None:
    """DROP of anything."""
    if change.kind in RELATIONS:
        _drop_relation(catalog, catalog.now.resolve(change.name), cascade=change.cascade)
    elif change.kind == "index":
        _drop_index(catalog, catalog.now.resolve(change.name))
    elif change.kind in {"trigger", "policy"} and change.part:
        _drop_part(catalog, change)
    elif change.kind in _ROUTINES:
        _drop_routine(catalog, change)
    elif change.kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
        catalog.put(("type", full.schema or "", full.name), ABSENT)
    elif change.kind == "schema":
        for key in [key for key in catalog.objects if len(key) > 2 and key[1] == change.name.name]:
            catalog.put(key, ABSENT if key[0] in {"relation", "type", "function"} else None)
        for other in catalog.said_about("", change.name.name):
            catalog.put(other, None)
        catalog.put(("schema", "", change.name.name), ABSENT)
    else:
        catalog.put((change.kind, change.name.schema or "", change.name.name, change.part or ""), ABSENT)


def _drop_relation(catalog: Catalog, name: Name, *, cascade: bool) -> None:
    key = key_of(name)
    found = catalog.objects.get(key)
    if isinstance(found, Table | View):
        for index in found.indexes:
            catalog.put(("relation", name.schema or "", index), ABSENT)
    catalog.put(key, ABSENT)
    for other in catalog.said_about(name.schema, name.name):
        catalog.put(other, None)
    if cascade:
        _drop_dependants(catalog, name)


def _drop_dependants(catalog: Catalog, name: Name) -> None:
    """What DROP … CASCADE takes along: views that read it, foreign keys that point to it, its partitions."""
    for key, found in catalog.referring_to(name):
        if isinstance(found, View) or (isinstance(found, Table) and found.partition_of == name):
            _drop_relation(catalog, found.name, cascade=True)
        elif isinstance(found, Table):
            kept = {k: c for k, c in found.constraints.items() if c is None or c.references != name}
            catalog.put(key, found.replace(constraints=kept))


def _drop_index(catalog: Catalog, name: Name) -> None:
    found = catalog.objects.get(key_of(name))
    if isinstance(found, IndexOf):
        owner = catalog.objects.get(key_of(found.table))
        if isinstance(owner, Table | View):
            save(catalog, owner.replace(indexes={k: v for k, v in owner.indexes.items() if k != name.name}))
    catalog.put(key_of(name), ABSENT)


def _drop_part(catalog: Catalog, change: ch.Drop) -> None:
    table = table_at(catalog, change.name)
    if table is None or change.part is None:
        return
    field = "triggers" if change.kind == "trigger" else "policies"
    parts: dict[str, Any] = {k: v for k, v in getattr(table, field).items() if k != change.part}
    if not table.known and change.part not in getattr(table, field):
        parts[change.part] = None
    save(catalog, table.replace(**{field: parts}))


def _drop_routine(catalog: Catalog, change: ch.Drop) -> None:
    full = catalog.now.resolve(change.name)
    found = catalog.overloads(full)
    if change.arguments is not None:
        wanted = ("function", full.schema or "", full.name, signature(change.arguments))
        found = [wanted] if wanted in found or not found else found[:1] if len(found) == 1 else [wanted]
    for key in found or [("function", full.schema or "", full.name, "")]:
        catalog.put(key, ABSENT)
    for key in catalog.said_about(full.schema, full.name, routine=True):
        catalog.put(key, None)
    if change.cascade:
        _drop_triggers_of(catalog, full)


def _alter_function(catalog: Catalog, change: ch.AlterFunction) -> None:
    found = catalog.overloads(catalog.now.resolve(change.name))
    if change.arguments is not None:
        found = [key for key in found if key[3] == signature(change.arguments)]
    for key in found:
        routine = catalog.objects[key]
        if isinstance(routine, Routine):
            old = {} if ("all", None) in change.settings else dict(routine.settings)
            settings = {**old, **dict(change.settings)}
            definer = routine.security_definer if change.security_definer is None else change.security_definer
            kept = tuple((name, value) for name, value in settings.items() if value is not None)
            catalog.put(key, routine.replace(settings=kept, security_definer=definer))


def _drop_triggers_of(catalog: Catalog, function: Name) -> None:
    """The triggers that DROP FUNCTION … CASCADE takes along."""
    for key, found in list(catalog.objects.items()):
        if not isinstance(found, Table):
            continue
        gone = [
            t for t, trigger in found.triggers.items() if trigger and catalog.now.resolve(trigger.function) == function
        ]
        if gone:
            catalog.put(key, found.replace(triggers={t: v for t, v in found.triggers.items() if t not in gone}))


def _create_view(catalog: Catalog, change: ch.CreateView) -> None:
    name = change.name if change.name.schema else Name(catalog.now.search_path[0], change.name.name)
    if change.if_not_exists and catalog.now.knows("relation", name):
        return
    reads = tuple(catalog.now.resolve(read) for read in change.reads)
    view = View(
        name, change.query, reads, change.columns, change.materialized, change.options, {}, _born(catalog, name),
        outputs_of(change, catalog.now),
    )  # fmt: skip
    catalog.put(key_of(name), view)


def outputs_of(change: ch.CreateView, schema: Schema) -> tuple[str, ...]:
    """The names of all columns of a view; empty when one of them is not known."""
    found: list[str] = []
    for name in change.outputs:
        if name == "*":
            table = schema.table(change.reads[0]) if len(change.reads) == 1 else None
            found += table.columns if table and table.complete else [""]
        else:
            found.append(name)
    found[: len(change.columns)] = change.columns
    return tuple(found) if all(found) else ()


def _born(catalog: Catalog, name: Name) -> int:
    """The number of the migration that made the view that is now there, else of the present one."""
    found = catalog.objects.get(key_of(name))
    return found.born if isinstance(found, View) else catalog.migration


def _new_type(catalog: Catalog, name: Name) -> Name:
    return name if name.schema else Name(catalog.now.search_path[0], name.name)


def _create_enum(catalog: Catalog, change: ch.CreateEnum) -> None:
    name = _new_type(catalog, change.name)
    catalog.put(("type", name.schema or "", name.name), Enum(name, change.labels))


def _add_label(catalog: Catalog, change: ch.AddEnumLabel) -> None:
    enum = catalog.now.enum(change.name)
    if enum is None:
        full = catalog.now.resolve(change.name, "type")
        catalog.put(("enum label", full.schema or "", full.name, change.label), Fact())
        return
    if change.label in enum.labels:
        return
    place = len(enum.labels)
    if change.neighbour in enum.labels:
        place = enum.labels.index(change.neighbour) + (1 if change.after else 0)
    labels = (*enum.labels[:place], change.label, *enum.labels[place:])
    catalog.put(("type", enum.name.schema or "", enum.name.name), enum.replace(labels=labels))


def _create_domain(catalog: Catalog, change: ch.CreateDomain) -> None:
    name = _new_type(catalog, change.name)
    domain = Domain(name, change.type, change.not_null, change.default, change.constraints)
    catalog.put(("type", name.schema or "", name.name), domain)


def _create_type(catalog: Catalog, change: ch.CreateType) -> None:
    name = _new_type(catalog, change.name)
    catalog.put(("type", name.schema or "", name.name), OtherType(name, change.kind, change.attributes))


def _create_sequence(catalog: Catalog, change: ch.CreateSequence) -> None:
    name = change.name if change.name.schema else Name(catalog.now.search_path[0], change.name.name)
    if not (change.if_not_exists and catalog.now.knows("relation", name)):
        catalog.put(key_of(name), Sequence(name, change.owned_by, change.options))


def _alter_sequence(catalog: Catalog, change: ch.AlterSequence) -> None:
    full = catalog.now.resolve(change.name)
    found = catalog.objects.get(key_of(full))
    if isinstance(found, Sequence):
        options = {**dict(found.options), **dict(change.options)}
        owned_by = change.owned_by or found.owned_by
        catalog.put(key_of(full), found.replace(owned_by=owned_by, options=tuple(options.items())))


def _create_function(catalog: Catalog, change: ch.CreateFunction) -> None:
    name = change.name if change.name.schema else Name(catalog.now.search_path[0], change.name.name)
    routine = Routine(
        name, change.parameters, change.returns, change.returns_set, change.procedure, change.language,
        change.volatility, change.security_definer, change.settings, change.body,
    )  # fmt: skip
    catalog.put(("function", name.schema or "", name.name, signature(input_types(change.parameters))), routine)


def _create_schema(catalog: Catalog, change: ch.CreateSchema) -> None:
    catalog.put(("schema", "", change.name), Fact())


def _create_extension(catalog: Catalog, change: ch.CreateExtension) -> None:
    catalog.put(("extension", "", change.name), Fact())


def _comment(catalog: Catalog, change: ch.Comment) -> None:
    full = catalog.now.resolve(change.name) if change.kind != "schema" else change.name
    key = ("comment", full.schema or "", full.name, change.part or "", change.kind)
    catalog.put(key, Fact(change.text) if change.text is not None else ABSENT)


def _grant(catalog: Catalog, change: ch.Grant) -> None:
    """Privileges on named objects; those on all objects of a schema and column privileges are not kept."""
    if change.all_in_schema or change.columns:
        return
    for item in change.objects:
        full = item if change.kind == "schema" else catalog.now.resolve(item)
        for grantee in change.grantees:
            key = ("grant", full.schema or "", full.name, change.kind, grantee)
            found = catalog.objects.get(key)
            had = found.value if isinstance(found, Fact) and isinstance(found.value, frozenset) else frozenset()
            wanted = frozenset(change.privileges or ("all",))
            if not change.revoke:
                catalog.put(key, Fact(had | wanted))
            elif "all" in wanted:
                catalog.put(key, ABSENT if found else None)
            elif "all" in had:
                catalog.put(key, None)
            else:
                left = had - wanted
                catalog.put(key, Fact(left) if left else (ABSENT if found else None))


def _set(catalog: Catalog, change: ch.SetSetting) -> None:
    if change.name == "search_path":
        names = tuple(part.strip().strip('"') for part in (change.value or "").split(",") if part.strip())
        kept = tuple(name for name in names if name != "$user")
        catalog.put(("setting", "search_path"), Fact(kept) if kept else None)
    elif change.name in SETTINGS:
        catalog.put(("setting", change.name), Fact(change.value) if change.value is not None else None)


APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AddEnumLabel: _add_label,
    ch.AlterSequence: _alter_sequence,
    ch.Comment: _comment,
    ch.CreateDomain: _create_domain,
    ch.CreateEnum: _create_enum,
    ch.CreateExtension: _create_extension,
    ch.AlterFunction: _alter_function,
    ch.CreateFunction: _create_function,
    ch.CreateSchema: _create_schema,
    ch.CreateSequence: _create_sequence,
    ch.CreateType: _create_type,
    ch.CreateView: _create_view,
    ch.Drop: drop,
    ch.Grant: _grant,
    ch.SetSetting: _set,
}
