"""How views, types, sequences, functions, triggers, policies and comments alter the catalog."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.entries import ABSENT, ROUTINES, Absent, Enum, Fact, Routine, Sequence, Table, View
from elf_sqlcheck.catalog.fold_columns import with_default
from elf_sqlcheck.catalog.fold_drops import fact_key, input_types, routine_keys, signature
from elf_sqlcheck.catalog.fold_parts import (
    key_of,
    new_name,
    refer_columns,
    refer_functions,
    refer_in,
    save,
    settled,
    table_at,
    type_key,
)
from elf_sqlcheck.catalog.labels import with_label
from elf_sqlcheck.catalog.parts import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Name

#: Settings besides search_path that rules ask for; like it, they end with the migration that sets them.
SETTINGS = frozenset({"lock_timeout", "timezone"})


def _create_view(catalog: Catalog, change: ch.CreateView) -> None:
    name = catalog.now.resolve(change.name) if change.or_replace else new_name(catalog, change.name)
    if change.temporary:
        name = new_name(catalog, name.replace(schema="pg_temp"))
    found = catalog.objects.get(key_of(name))
    if change.if_not_exists and not isinstance(found, Absent | None):
        return
    reads = tuple(catalog.now.resolve(read) for read in change.reads)
    view = View(
        name, change.query, reads, change.columns, change.materialized, change.options, {}, catalog.migration,
        output=_output(catalog, change), uses=_uses(catalog, change), functions=change.functions,
    )  # fmt: skip
    if isinstance(found, View) and change.or_replace:
        view = view.replace(born=found.born, triggers=found.triggers)
    key = key_of(name)
    catalog.put(key, view)
    catalog.refer(key, reads)
    refer_columns(catalog, key, view)
    refer_functions(catalog, key, change.functions)


def _output(catalog: Catalog, change: ch.CreateView) -> tuple[str, ...] | None:
    """The names of the columns of a view, None where they cannot be told."""
    if change.output is None:
        return None
    if any(item.name == "*" for item in change.output):
        from elf_sqlcheck.catalog import fold_inherited

        names = [name for name, _ in fold_inherited.selected(catalog, change.output)]
    else:
        names = [item.name for item in change.output]
    if "*" in names:
        return None
    return (*change.columns, *names[len(change.columns) :])


def _uses(catalog: Catalog, change: ch.CreateView) -> tuple[tuple[Name, str], ...]:
    """The columns that a view reads, each of the one relation that can be told."""
    found: dict[tuple[Name, str], None] = {}
    for candidates, column in change.uses:
        relations = [catalog.now.resolve(name) for name in candidates]
        if len(relations) > 1:
            relations = [name for name in relations if _has(catalog, name, column)]
        for relation in relations[:1]:
            table = catalog.now.table(relation)
            names = [column] if column != "*" else [c.name for c in table.columns.values() if c] if table else []
            found.update(dict.fromkeys((relation, name) for name in names))
    return tuple(found)


def _has(catalog: Catalog, relation: Name, column: str) -> bool:
    found = catalog.now.relation(relation)
    if isinstance(found, Table):
        return bool(found.column(column))
    return isinstance(found, View) and column in (found.output or ())


def _create_enum(catalog: Catalog, change: ch.CreateEnum) -> None:
    name = new_name(catalog, change.name)
    catalog.put(type_key(name), Enum(name, change.labels))


def _add_label(catalog: Catalog, change: ch.AddEnumLabel) -> None:
    enum = catalog.now.enum(change.name)
    if enum is None:
        full = catalog.now.resolve(change.name, "type")
        catalog.put(("enum label", full.schema or "", full.name, change.label), Fact())
        return
    if change.label in enum.labels:
        return
    labels = with_label(enum.labels, change.label, change.neighbour, after=change.after)
    catalog.put(type_key(enum.name), enum.replace(labels=labels))


def _create_sequence(catalog: Catalog, change: ch.CreateSequence) -> None:
    name = new_name(catalog, change.name)
    if not (change.if_not_exists and catalog.now.knows("relation", name)):
        catalog.put(key_of(name), Sequence(name, _owner(catalog, name, change), change.options))


def _owner(catalog: Catalog, name: Name, change: ch.CreateSequence | ch.AlterSequence) -> tuple[Name, str] | None:
    if change.owned_by is None:
        return None
    table = catalog.now.resolve(change.owned_by[0])
    catalog.refer(key_of(name), (table,))
    catalog.refer_columns(key_of(name), table, change.owned_by[1:])
    return table, change.owned_by[1]


def _spell_out(catalog: Catalog, sequence: Sequence) -> None:
    """Write the default of a serial column down before its sequence belongs to another."""
    table = catalog.now.table(sequence.owned_by[0]) if sequence.owned_by else None
    column = table.column(sequence.owned_by[1]) if table and sequence.owned_by else None
    if table and column:
        plain = with_default(catalog, table, column)
        save(catalog, table.replace(columns=changed(table.columns, column.name, plain)))


def _alter_sequence(catalog: Catalog, change: ch.AlterSequence) -> None:
    full = catalog.now.resolve(change.name)
    found = catalog.objects.get(key_of(full))
    if isinstance(found, Sequence):
        options = {**dict(found.options), **dict(change.options)}
        disowned = options.pop("owned_by", "") == "none"
        owned_by = None if disowned else _owner(catalog, full, change) or found.owned_by
        internal = found.internal and owned_by == found.owned_by
        if found.internal and not internal:
            _spell_out(catalog, found)
        altered = found.replace(owned_by=owned_by, options=tuple(options.items()), internal=internal)
        catalog.put(key_of(full), altered)


def _create_function(catalog: Catalog, change: ch.CreateFunction) -> None:
    name = new_name(catalog, change.name)
    inputs = input_types(change.parameters)
    key = ("function", name.schema or "", name.name, signature(inputs))
    for kind in inputs if change.returns is None else (*inputs, change.returns):
        settled(catalog, kind, key)
    routine = Routine(
        name, change.parameters, change.returns, change.returns_set, change.procedure, change.language,
        change.volatility, change.security_definer, change.settings, change.body, change.options,
    )  # fmt: skip
    catalog.put(key, routine)


def _create_schema(catalog: Catalog, change: ch.CreateSchema) -> None:
    key = ("schema", "", change.name)
    if change.name != "public" or isinstance(catalog.objects.get(key), Absent):
        catalog.put(key, Fact())


def _create_extension(catalog: Catalog, change: ch.CreateExtension) -> None:
    catalog.put(("extension", "", change.name), Fact())


_PLACELESS = frozenset(
    ["access method", "cast", "database", "event trigger", "extension", "foreign data wrapper", "foreign server",
     "language", "publication", "role", "schema", "subscription", "tablespace"]
)  # fmt: skip
_TYPES = frozenset({"type", "domain", "domain constraint"})


_ON_RELATIONS = frozenset(
    ["table", "column", "view", "materialized view", "foreign table", "index", "sequence", "constraint", "trigger",
     "policy", "rule"]
)  # fmt: skip
_LOOKED_UP = _ON_RELATIONS | _TYPES


def comment_key(catalog: Catalog, change: ch.Comment) -> tuple[str, ...]:
    """Where a comment is kept."""
    kind, name, part = change.kind, change.name, change.part or ""
    if kind in ROUTINES:
        full = catalog.now.resolve_function(name)
        keys = routine_keys(catalog, full, change.arguments)
        return ("comment", full.schema or "", full.name, keys[0][3] if len(keys) == 1 else "", kind)
    if kind in _PLACELESS:
        return ("comment", "", name.name, part, kind)
    if change.arguments is not None or kind not in _LOOKED_UP:
        key = fact_key(catalog, kind, name, change.part, change.arguments)
        return ("comment", key[1], key[2], part, kind)
    full = catalog.now.resolve(name, "type" if kind in _TYPES else "relation")
    return ("comment", full.schema or "", full.name, part, kind)


def _comment(catalog: Catalog, change: ch.Comment) -> None:
    key = comment_key(catalog, change)
    catalog.put(key, Fact(change.text) if change.text is not None else ABSENT)


def _owner_at(catalog: Catalog, name: Name) -> Table | View | None:
    found = catalog.now.relation(name)
    return found if isinstance(found, View) else table_at(catalog, name)


def _create_trigger(catalog: Catalog, change: ch.CreateTrigger) -> None:
    owner = _owner_at(catalog, change.table)
    if owner is None:
        return
    key = key_of(owner.name)
    trigger = change.trigger
    catalog.refer(key, (catalog.now.resolve_function(trigger.function),))
    if trigger.when:
        refer_in(catalog, key, trigger.when)
    earlier = owner.triggers.get(trigger.name)
    if earlier:
        trigger = trigger.replace(enabled=earlier.enabled)
    save(catalog, owner.replace(triggers=changed(owner.triggers, trigger.name, trigger)))


def _set_trigger(catalog: Catalog, change: ch.SetTrigger) -> None:
    owner = _owner_at(catalog, change.table)
    if owner is None:
        return
    every = change.name in {"", "*"}
    triggers = {
        name: trigger.replace(enabled=change.enabled) if trigger and (every or name == change.name) else trigger
        for name, trigger in owner.triggers.items()
    }
    save(catalog, owner.replace(triggers=triggers))


def _create_policy(catalog: Catalog, change: ch.CreatePolicy) -> None:
    table = table_at(catalog, change.table)
    if table is not None:
        policy = change.policy
        refer_in(catalog, key_of(table.name), policy.using)
        refer_in(catalog, key_of(table.name), policy.check)
        save(catalog, table.replace(policies=changed(table.policies, policy.name, policy)))


def _alter_policy(catalog: Catalog, change: ch.AlterPolicy) -> None:
    table = table_at(catalog, change.table)
    policy = table.policies.get(change.name) if table else None
    if table is None or policy is None:
        return
    values: dict[str, Any] = {"roles": change.roles, "using": change.using, "check": change.check}
    altered = policy.replace(**{key: value for key, value in values.items() if value is not None})
    refer_in(catalog, key_of(table.name), change.using)
    refer_in(catalog, key_of(table.name), change.check)
    save(catalog, table.replace(policies=changed(table.policies, change.name, altered)))


def _set(catalog: Catalog, change: ch.SetSetting) -> None:
    if change.name == "search_path":
        names = tuple(part.strip().strip('"') for part in (change.value or "").split(",") if part.strip())
        kept = tuple(name for name in names if name not in {"$user", "pg_catalog", "pg_temp"})
        catalog.put(("setting", "search_path"), Fact(kept) if kept else None)
        catalog.put(("setting", "session"), Fact())
    elif change.name in SETTINGS:
        catalog.put(("setting", change.name), Fact(change.value) if change.value is not None else None)
        catalog.put(("setting", "session"), Fact())


APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AddEnumLabel: _add_label,
    ch.AlterPolicy: _alter_policy,
    ch.AlterSequence: _alter_sequence,
    ch.Comment: _comment,
    ch.CreateEnum: _create_enum,
    ch.CreateExtension: _create_extension,
    ch.CreateFunction: _create_function,
    ch.CreatePolicy: _create_policy,
    ch.CreateSchema: _create_schema,
    ch.CreateSequence: _create_sequence,
    ch.CreateTrigger: _create_trigger,
    ch.CreateView: _create_view,
    ch.SetSetting: _set,
    ch.SetTrigger: _set_trigger,
}
