"""How statements that few migrations use alter the catalog: domains, composite types, owners, and what is known by its
name alone.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.entries import Domain, Fact, OtherType, Routine, Statistics
from elf_sqlcheck.catalog.fold_drops import fact_key, routine_keys, signature
from elf_sqlcheck.catalog.fold_parts import Taken, new_name, settled, type_key
from elf_sqlcheck.catalog.naming import object_name
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Constraint


def end_session(catalog: Catalog) -> None:
    """What is gone when a migration has ended: its search_path and its temporary tables."""
    for key in [key for key in catalog.objects if key[0] == "setting" or (len(key) > 2 and key[1] == "pg_temp")]:
        del catalog.objects[key]


def _create_domain(catalog: Catalog, change: ch.CreateDomain) -> None:
    name = new_name(catalog, change.name)
    key = type_key(name)
    domain = Domain(name, settled(catalog, change.type, key), change.not_null, change.default, ())
    for constraint in change.constraints:
        domain = _constrained(catalog, domain, constraint)
    catalog.put(key, domain)


def _constrained(catalog: Catalog, domain: Domain, constraint: Constraint) -> Domain:
    """The domain with one more constraint, and the name that Postgres chooses for it."""
    if constraint.kind == "not null":
        return domain.replace(not_null=True)
    taken = Taken(catalog, domain, relations=False, constraints=True)
    name = constraint.name or object_name(domain.name.name, "", "check", taken)
    catalog.named.setdefault((domain.name.schema or "", name), set()).add(type_key(domain.name))
    return domain.replace(constraints=(*domain.constraints, constraint.replace(name=name)))


def _alter_domain(catalog: Catalog, change: ch.AlterDomain) -> None:
    key = type_key(catalog.now.resolve(change.name, "type"))
    domain = catalog.objects.get(key)
    if not isinstance(domain, Domain):
        return
    if change.action == "set default":
        domain = domain.replace(default=change.default)
    elif change.action in {"set not null", "drop not null"}:
        domain = domain.replace(not_null=change.action == "set not null")
    elif change.constraint:
        domain = _constrained(catalog, domain, change.constraint)
    elif change.action == "drop constraint":
        domain = domain.replace(constraints=tuple(c for c in domain.constraints if c.name != change.part))
        said = ("comment", key[1], key[2], change.part or "", "domain constraint")
        if said in catalog.objects:
            catalog.put(said, None)
    elif change.action == "validate constraint":
        valid = tuple(c.replace(not_valid=False) if c.name == change.part else c for c in domain.constraints)
        domain = domain.replace(constraints=valid)
    catalog.put(key, domain)


def _create_type(catalog: Catalog, change: ch.CreateType) -> None:
    name = new_name(catalog, change.name)
    key = type_key(name)
    attributes = tuple(column.replace(type=settled(catalog, column.type, key)) for column in change.attributes)
    catalog.put(key, OtherType(name, change.kind, attributes))


def _alter_attribute(catalog: Catalog, change: ch.AlterAttribute) -> None:
    key = type_key(catalog.now.resolve(change.name, "type"))
    found = catalog.objects.get(key)
    if not isinstance(found, OtherType):
        return
    attributes = {column.name: column for column in found.attributes}
    if change.action == "drop":
        attributes.pop(change.attribute, None)
    elif change.column:
        attributes[change.attribute] = change.column.replace(type=settled(catalog, change.column.type, key))
    catalog.put(key, found.replace(attributes=tuple(attributes.values())))


def _alter_function(catalog: Catalog, change: ch.AlterFunction) -> None:
    full = catalog.now.resolve_function(change.name)
    for key in routine_keys(catalog, full, change.arguments):
        routine = catalog.objects.get(key)
        if not isinstance(routine, Routine):
            continue
        old = {} if ("all", None) in change.settings else dict(routine.settings)
        settings = {**old, **dict(change.settings)}
        options = {**dict(routine.options), **dict(change.options)}
        volatility = options.pop("volatility", routine.volatility)
        definer = routine.security_definer if change.security_definer is None else change.security_definer
        catalog.put(key, routine.replace(
            settings=tuple((name, value) for name, value in settings.items() if value is not None),
            volatility=volatility.lower(),
            security_definer=definer,
            options=tuple(options.items()),
        ))  # fmt: skip


def _opaque(catalog: Catalog, change: ch.Opaque) -> None:
    """What is known by its name alone is there from now on."""
    if change.name is None:
        return
    if change.kind == "aggregate":
        name = new_name(catalog, change.name)
        types = signature(change.arguments or ())
        catalog.put(("function", name.schema or "", name.name, types), Fact("aggregate"))
        return
    key = fact_key(catalog, change.kind, change.name, change.part, change.arguments, new=True)
    if change.table:
        table = catalog.now.resolve(change.table)
        catalog.put(key, Statistics(Name(key[1], key[2]), table, change.columns))
        catalog.refer(key, (table,))
        catalog.refer_columns(key, table, change.columns)
    else:
        catalog.put(key, Fact())


def _role(catalog: Catalog, change: ch.Role) -> None:
    if not change.alter:
        catalog.put(("role", "", change.name), Fact())


def _owner(catalog: Catalog, change: ch.SetOwner) -> None:
    if change.kind in {"function", "procedure", "routine", "aggregate"}:
        full = catalog.now.resolve_function(change.name)
    elif change.kind in {"type", "domain"}:
        full = catalog.now.resolve(change.name, "type")
    elif change.kind in {"table", "view", "materialized view", "sequence", "foreign table", "index"}:
        full = catalog.now.resolve(change.name)
    else:
        full = change.name
    catalog.put(("owner", full.schema or "", full.name, change.kind), Fact(change.owner))


APPLY: dict[type, Callable[[Any, Any], None]] = {
    ch.AlterAttribute: _alter_attribute,
    ch.AlterDomain: _alter_domain,
    ch.AlterFunction: _alter_function,
    ch.CreateDomain: _create_domain,
    ch.CreateType: _create_type,
    ch.Opaque: _opaque,
    ch.Role: _role,
    ch.SetOwner: _owner,
}
