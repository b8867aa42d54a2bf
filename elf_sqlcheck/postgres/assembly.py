"""Puts the rows of the catalog queries together to a snapshot, or to what changed in one."""

# ruff: noqa: S608 - put together from constants only

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from elf_sqlcheck.postgres import catalogs, privileges
from elf_sqlcheck.postgres.snapshot import Key, Objects, Orders, Parents, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

#: Where the catalogs keep an object: the oid of the catalog, the oid in it.
Root = tuple[int, int]

#: The same for a part of one, with the number of the column or 0.
_Address = tuple[int, int, int]

_NOWHERE: _Address = (0, 0, 0)

_DEFAULT_ACL_KINDS = {
    "r": "tables",
    "S": "sequences",
    "f": "functions",
    "T": "types",
    "n": "schemas",
    "L": "large objects",
}


def objects(major: int) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return the queries of all that is asked for, in rows of the nine columns that `catalogs` describes.

    With each come the parameters of which at least one must name something, or it has no rows. What hangs on objects
    comes after them: comments, privileges. Roles are rows of the kind "role", whatever is asked.
    """
    address = "NULL::oid, NULL::oid, 0"
    return (
        *(((catalog,), query) for catalog, query in catalogs.objects(major)),
        (
            ("objects",),
            f"""
SELECT 'comment', '', c.classoid, c.objoid, c.objsubid, {address}, to_jsonb(c.description)
FROM ({privileges.COMMENTS}) c
""",
        ),
        (
            ("pg_class", "pg_proc", "pg_namespace", "pg_type"),
            f"""
SELECT 'privileges', p.grantee, p.catalog, p.oid, p.sub, {address},
       jsonb_build_object('granted', p.granted, 'by default', p.usual)
FROM ({privileges.PRIVILEGES}) p (catalog, oid, sub, grantee, granted, usual)
""",
        ),
        (
            (),
            f"""
SELECT 'role', r.rolname, NULL, r.oid, 0, {address}, NULL FROM pg_roles r
""",
        ),
    )


class Entry(NamedTuple):
    """One object of a snapshot: its number within its root (a column's, else 0), and where what it hangs on is kept."""

    number: int
    key: Key
    parent: _Address


class Assembly:
    """Collects objects; `known` returns those of an earlier snapshot that have a root."""

    #: The root of all default privileges, which are read together.
    DEFAULTS: Root = (-1, 0)

    def __init__(self, known: Callable[[Root], Sequence[Entry]]) -> None:
        self.entries: dict[Root, list[Entry]] = {}
        self.roles: dict[int, str] = {}
        self._known = known
        self._objects: Objects = {}
        self._keys: dict[_Address, Key] = {}

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add the rows of `objects`."""
        for kind, identity, catalog, oid, number, above, above_oid, above_number, attributes in rows:
            if kind == "role":
                self.roles[oid] = identity
                continue
            if kind in ("comment", "privileges"):
                self._add_to((catalog, oid, number), kind, identity, attributes)
                continue
            key = (kind, identity)
            parent = (above or 0, above_oid or 0, above_number or 0)
            self._objects[key] = attributes
            self._keys[catalog, oid, number] = key
            self.entries.setdefault((catalog, oid), []).append(Entry(number, key, parent))

    def _add_to(self, address: _Address, kind: str, grantee: str, value: Any) -> None:
        target = self._keys.get(address)
        if target is None:
            return
        if kind == "privileges":
            key = ("privileges", f"{grantee} on {target[0]} {target[1]}")
            self._objects[key] = value
            self.entries[address[:2]].append(Entry(address[2], key, address))
        elif target[0] != "extension":  # which brings its own comment
            self._objects[target]["comment"] = value

    def add_default_privileges(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows of `privileges.DEFAULT_PRIVILEGES`."""
        for role, schema, kind, grantee, granted, default in rows:
            where = f" in schema {schema}" if schema else ""
            key = ("default privileges", f"{grantee} on new {_DEFAULT_ACL_KINDS.get(kind, kind)} of {role}{where}")
            self._objects[key] = {"granted": granted, "by default": default}
            self.entries.setdefault(self.DEFAULTS, []).append(Entry(0, key, _NOWHERE))

    def leave_out(self, tables: Collection[Key], known: Collection[Root]) -> frozenset[Root]:
        """Take out `tables` and what hangs on them, or on roots that are left out already; returns their roots."""
        out = {root for root, own in self.entries.items() if any(entry.key in tables for entry in own)}
        # What hangs on something is read after it.
        for root, own in self.entries.items():
            if out or known:
                parents = {entry.parent[:2] for entry in own} | {root}
                if not parents.isdisjoint(out) or not parents.isdisjoint(known):
                    out.add(root)
        for root in out:
            for entry in self.entries.pop(root):
                self._objects.pop(entry.key)
                self._keys.pop((*root, entry.number), None)
        return frozenset(out)

    def shows_elsewhere(self, roots: Iterable[Root], before: Mapping[Key, dict[str, Any]]) -> bool:
        """Whether one of the objects has changed in a way that others show: its name, a label, a type's parts."""
        for root in roots:
            now = {entry.number: entry.key for entry in self.entries.get(root, ()) if entry.key[0] != "privileges"}
            for entry in self._known(root):
                key = now.get(entry.number)
                if key is None or entry.key[0] == "privileges" or root == self.DEFAULTS:
                    continue
                if key != entry.key or _is_shown_otherwise(key[0], before[key], self._objects[key]):
                    return True
        return False

    def snapshot(self, entries: Mapping[Root, list[Entry]], base: Snapshot | None) -> Snapshot:
        """Return what was collected, on top of `base`; `entries` are those of all roots that were read, or are gone."""
        parents: Parents = {}
        orders: Orders = {}
        for root, own in entries.items():
            columns = []
            for entry in own:
                above = self._key_of(entry.parent, entries)
                if above is not None:
                    parents[entry.key] = above
                if entry.key[0] == "column":
                    columns.append(entry)
            table = self._keys.get((*root, 0))
            if columns and table is not None:
                orders[table] = tuple(entry.key for entry in sorted(columns))
        gone = (entry.key for root in entries for entry in self._known(root))
        return Snapshot(self._objects, parents, orders, base=base, gone=gone)

    def _key_of(self, address: _Address, read: Mapping[Root, list[Entry]]) -> Key | None:
        found = self._keys.get(address)
        if found is None and address[:2] not in read:
            for entry in self._known(address[:2]):
                if entry.number == address[2] and entry.key[0] != "privileges":
                    return entry.key
        return found


def _is_shown_otherwise(kind: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    if kind == "enum":
        labels: list[str] = old["labels"]
        return [label for label in new["labels"] if label in labels] != labels
    return kind in ("type", "range type", "extension") and old != new
