"""How GRANT, REVOKE and ALTER DEFAULT PRIVILEGES alter the catalog.

Kept is what differs from what Postgres gives without being asked: PUBLIC may execute functions and use types, the owner
may do everything. https://www.postgresql.org/docs/current/ddl-priv.html
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.entries import Absent, Fact, Sequence, Table, View
from elf_sqlcheck.catalog.fold_drops import routine_keys
from elf_sqlcheck.catalog.fold_parts import key_of, type_key
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.entries import Key
    from elf_sqlcheck.catalog.fold import Catalog

_COLUMN = frozenset({"select", "insert", "update", "references"})
_EXECUTE = frozenset({"execute"})
_USAGE = frozenset({"usage"})
#: What ALL means. MAINTAIN is there since 17.
ALL: dict[str, frozenset[str]] = {
    "table": _COLUMN | {"delete", "truncate", "trigger", "maintain"},
    "sequence": frozenset({"usage", "select", "update"}),
    "schema": frozenset({"usage", "create"}),
    "database": frozenset({"create", "connect", "temporary"}),
    "function": _EXECUTE, "procedure": _EXECUTE, "routine": _EXECUTE,
    "type": _USAGE, "domain": _USAGE, "language": _USAGE, "foreign server": _USAGE, "foreign data wrapper": _USAGE,
}  # fmt: skip
#: What everybody may do without being granted it.
_OPEN = {"function": _EXECUTE, "procedure": _EXECUTE, "routine": _EXECUTE, "type": _USAGE, "domain": _USAGE}
_OPTION = " with grant option"
_ONE_NAME = {"procedure": "function", "routine": "function", "domain": "type"}


def _grant(catalog: Catalog, change: ch.Grant) -> None:
    kind = _ONE_NAME.get(change.kind, change.kind)
    if kind == "function":
        _grant_functions(catalog, change)
        return
    for item in _objects(catalog, change, kind):
        for grantee in change.grantees:
            key = ("grant", item.schema or "", item.name, kind, grantee)
            if not change.columns:
                _alter(catalog, key, kind, change)
            for column in change.columns or (_granted_columns(catalog, key) if change.revoke else ()):
                _alter(catalog, (*key, column), kind, change)


def _grant_functions(catalog: Catalog, change: ch.Grant) -> None:
    """Each overload has privileges of its own; of one that no migration made only the name is known."""
    keys: list[Key] = []
    if change.all_in_schema:
        for schema in change.objects:
            keys += [k for k in list(catalog.objects) if k[0] == "function" and k[1] == schema.name]
    for number, name in enumerate(() if change.all_in_schema else change.objects):
        full = catalog.now.resolve_function(name)
        arguments = change.arguments[number] if number < len(change.arguments) else None
        found = [key for key in routine_keys(catalog, full, arguments) if key in catalog.objects]
        keys += found or [("function", full.schema or "", full.name)]
    for key in keys:
        if not isinstance(catalog.objects.get(key), Absent):
            for grantee in change.grantees:
                _alter(catalog, ("grant", *key[1:3], "function", grantee, *key[3:]), "function", change)


def _objects(catalog: Catalog, change: ch.Grant, kind: str) -> Iterable[Name]:
    if change.all_in_schema:
        return [name for schema in change.objects for name in _members(catalog, schema.name, kind)]
    if kind in {"table", "sequence", "type"}:
        return [catalog.now.resolve(name, "type" if kind == "type" else "relation") for name in change.objects]
    return change.objects


def _members(catalog: Catalog, schema: str, kind: str) -> Iterator[Name]:
    wanted: tuple[type, ...] = (Sequence,) if kind == "sequence" else (Table, View)
    for key, found in list(catalog.objects.items()):
        if len(key) > 2 and key[1] == schema and isinstance(found, wanted):
            yield Name(schema, key[2])


def _granted_columns(catalog: Catalog, key: Key) -> list[str]:
    return [said[5] for said in sorted(catalog.about.get(key, ())) if said in catalog.objects]


def _alter(catalog: Catalog, key: Key, kind: str, change: ch.Grant) -> None:
    """Grant or revoke what a change says under `key`."""
    every = _COLUMN if len(key) > 5 and kind == "table" else ALL.get(kind, frozenset({"all"}))
    _put(catalog, key, _wanted(change.privileges, every), change, _free(kind, key[4]))


def _wanted(privileges: tuple[str, ...], every: frozenset[str]) -> frozenset[str]:
    return frozenset(privileges) if privileges and "all" not in privileges else every


def _free(kind: str, grantee: str) -> frozenset[str]:
    return _OPEN.get(kind, frozenset()) if grantee == "public" else frozenset()


def _put(
    catalog: Catalog,
    key: Key,
    wanted: frozenset[str],
    change: ch.Grant | ch.DefaultPrivileges,
    free: frozenset[str],
) -> None:
    """Write what is left under `key`: nothing where that is what is `free` anyway."""
    options = frozenset(privilege + _OPTION for privilege in wanted)
    found = catalog.objects.get(key)
    had = _privileges(found) if isinstance(found, Fact) else free
    if not change.revoke:
        has = had | wanted | (options if change.with_grant_option else frozenset())
    elif change.with_grant_option:
        has = had - options
    else:
        has = had - wanted - options
    if has != free:
        catalog.put(key, Fact(has))
    elif found is not None:
        catalog.put(key, None)


def _privileges(found: object) -> frozenset[str]:
    return found.value if isinstance(found, Fact) and isinstance(found.value, frozenset) else frozenset()


_KINDS: dict[type, str] = {
    ch.CreateTable: "table", ch.CreateView: "table", ch.CreateSequence: "sequence", ch.CreateFunction: "function",
    ch.CreateEnum: "type", ch.CreateDomain: "type", ch.CreateType: "type", ch.CreateSchema: "schema",
}  # fmt: skip


def default_privileges(catalog: Catalog, change: ch.DefaultPrivileges) -> None:
    """ALTER DEFAULT PRIVILEGES. An entry for one schema only adds to what everybody may do anyway."""
    catalog.defaults = True
    kind = _ONE_NAME.get(change.kind, change.kind)
    wanted = _wanted(change.privileges, ALL.get(kind, frozenset({"all"})))
    for schema in change.schemas or ("",):
        for role in change.for_roles or ("",):
            for grantee in change.grantees:
                free = frozenset[str]() if schema else _free(kind, grantee)
                _put(catalog, ("default privileges", schema, kind, grantee, role), wanted, change, free)


def apply_defaults(catalog: Catalog, change: Any) -> None:
    """Grant what the default privileges say to what a change has just made."""
    kind = _KINDS.get(type(change))
    if kind is None:
        return
    name = Name(None, change.name) if isinstance(change.name, str) else change.name
    for made in _made(catalog, kind, name):
        schema = made[1]
        for key, value in list(catalog.objects.items()):
            if key[0] != "default privileges" or key[1] not in {"", schema} or key[2] != kind or key[4]:
                continue
            grant = ("grant", *made[1:3], kind, key[3], *made[3:])
            has = _privileges(catalog.objects.get(grant)) | _privileges(value)
            if key[1] and grant not in catalog.objects:
                has |= _free(kind, key[3])
            if has != _free(kind, key[3]):
                catalog.put(grant, Fact(has))


def _made(catalog: Catalog, kind: str, name: Name) -> list[Key]:
    """The keys of what has just been made under a name."""
    keys: list[Key]
    if kind == "schema":
        keys = [("schema", "", name.name)]
    elif kind == "function":
        keys = catalog.overloads(catalog.now.resolve_function(name))
    elif kind == "type":
        keys = [type_key(catalog.now.resolve(name, "type"))]
    else:
        keys = [key_of(catalog.now.resolve(name))]
    return [key for key in keys if _is_new(catalog, key)]


def _is_new(catalog: Catalog, key: Key) -> bool:
    entries = catalog.journal.get(key)
    return bool(entries and entries[-1][0] == catalog.position and isinstance(entries[-1][1], Absent | None))


APPLY: dict[type, Callable[[Any, Any], None]] = {ch.DefaultPrivileges: default_privileges, ch.Grant: _grant}
