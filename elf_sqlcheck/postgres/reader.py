"""Read the schema of a database: once in full, then only what has changed since an earlier snapshot.

What is read anew is chosen so that nothing can be missed: every object of which any row in any catalog is new or gone,
and what depends on it. Where a name changes that others may show, all is read anew.
"""

from __future__ import annotations

import gc
import marshal
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres import catalogs, changed, pinned, privileges
from elf_sqlcheck.postgres.asker import Asker, Prepared, asking
from elf_sqlcheck.postgres.assembly import Assembly, Entry, Root, objects
from elf_sqlcheck.postgres.snapshot import TRACKING_TABLES, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    import psycopg

#: What to set on a connection whose queries are prepared: planning takes ten times as long as to run them, and a plan
#: made while the catalogs are empty, to read them from end to end, would be kept when they have become large.
SETTINGS = {
    **pinned.OF_SESSION,
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

#: So many readings can be referred back to.
_REMEMBERED = 8

#: Objects whose names or parts others show, although no snapshot holds them: those of extensions.
_NAMED_BY_OTHERS = frozenset({"pg_proc", "pg_type", "pg_operator", "pg_collation", "pg_opclass", "pg_namespace"})


@dataclass
class Reading:
    """What was found at one moment, all of it or what is not as before.

    `rows` are those of the catalogs that are counted: by the catalog's number and their key, the object they belong to
    (None: gone). `entries` are the objects in the snapshot by their root ([]: gone), packed as `dump` does it until
    they are asked for; `ignored` are the roots of those that are left out.
    """

    snapshot: Snapshot
    horizon: str | None = None
    roles: dict[int, str] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    rows: dict[int, dict[int, Root | None]] = field(default_factory=dict)
    entries: dict[Root, list[Entry] | bytes] = field(default_factory=dict)
    ignored: frozenset[Root] = frozenset()
    whole: bool = False

    def entries_of(self, root: Root) -> Sequence[Entry]:
        """Return the objects that have a root."""
        own = self.entries.get(root, ())
        if isinstance(own, bytes):
            own = self.entries[root] = list(map(Entry._make, marshal.loads(own)))  # noqa: S302 - checked with the rest
        return own

    def adopt(self, later: Reading) -> None:
        """Become what `later` is, which was read on top of this one."""
        self.snapshot, self.horizon = later.snapshot, later.horizon
        self.roles, self.totals, self.ignored = later.roles, later.totals, later.ignored
        for number, rows in later.rows.items():
            known = self.rows.setdefault(number, {})
            for key, root in rows.items():
                if root is None:
                    known.pop(key, None)
                else:
                    known[key] = root
        for root, entries in later.entries.items():
            if entries:
                self.entries[root] = entries
            else:
                self.entries.pop(root, None)


def unpack(dumped: bytes) -> Reading:
    """Return what `Reader.dump` packed. Raises ValueError, EOFError or TypeError for anything else."""
    was_enabled = gc.isenabled()
    gc.disable()  # a hundred thousand tuples, and no garbage among them: to look for some takes as long as to read
    try:
        layer, horizon, roles, totals, rows, entries, ignored = marshal.loads(dumped)  # noqa: S302 - from our own cache
    finally:
        if was_enabled:
            gc.enable()
    return Reading(Snapshot(*layer), horizon, roles, totals, rows, entries, ignored, whole=True)


@dataclass
class _Changes:
    """Objects to read anew, by catalog, and those that are gone; `hidden` when that would not be all."""

    touched: dict[int, set[int]] = field(default_factory=dict)
    gone: set[Root] = field(default_factory=set)
    hidden: bool = False

    def touch(self, root: Root) -> None:
        """Add an object, unless it is the system's."""
        if root[1] >= catalogs.FIRST or root[1] == catalogs.PUBLIC or root == Assembly.DEFAULTS:
            self.touched.setdefault(root[0], set()).add(root[1])


class Reader:
    """Reads snapshots over one connection.

    Args:
        connection: To the database; it is left as it was.
        ignore: Tables to leave out with all that hangs on them.
        prepare: Prepare the queries, on a connection in autocommit mode that nobody else uses, with `SETTINGS`.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        ignore: Iterable[str] = TRACKING_TABLES,
        *,
        prepare: bool = False,
    ) -> None:
        self.connection = connection
        self._ignored = frozenset(("table", name) for name in ignore)
        self._prepared = Prepared() if prepare else None
        self._major = connection.info.server_version // 10000
        self._watched = changed.watched(self._major)
        self._changes = changed.changes(self._watched)
        self._objects = objects(self._major)
        self._base = Reading(Snapshot())
        self._recent: OrderedDict[int, tuple[Snapshot, Reading]] = OrderedDict()

    def dump(self) -> bytes:
        """Return what is known of the schema as it stands, for `unpack` in a later run on the very same data."""
        self._begin_with(self.read())
        base = self._base
        layer = (dict(base.snapshot.objects), dict(base.snapshot.parents), dict(base.snapshot.orders))
        entries = {root: marshal.dumps([tuple(entry) for entry in base.entries_of(root)]) for root in base.entries}
        return marshal.dumps((layer, base.horizon, base.roles, base.totals, base.rows, entries, base.ignored))

    def load(self, known: Reading) -> None:
        """Begin with what an earlier reader knew."""
        self._base = known

    def read(self, since: Snapshot | None = None) -> Snapshot:
        """Return the schema as it stands.

        `since` names an earlier snapshot of this reader that it probably resembles; the result is the same without.
        Inside a transaction its changes are seen; otherwise one consistent moment is read. Raises psycopg.Error.
        """
        if since is not None and id(since) in self._recent:
            self._begin_with(since)
        with self._reading() as asker:
            found = self._read(asker, self._base) if self._base.horizon is not None else None
            if found is None:
                start = Reading(Snapshot(), whole=True)
                later = self._read(asker, start)
                assert later is not None  # noqa: S101 - nothing can be renamed that was not known
                start.adopt(later)
                found = start
        if self._base.horizon is None:
            self._base = found
        shown = found.snapshot
        self._recent[id(shown)] = (shown, found)
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return shown

    def _begin_with(self, snapshot: Snapshot) -> None:
        """Make one of the last readings what the next ones are read on top of."""
        reading = self._recent[id(snapshot)][1]
        if reading.whole:
            self._base = reading
        elif reading.snapshot is not self._base.snapshot:
            self._base.adopt(reading)
        self._recent = OrderedDict({id(snapshot): (snapshot, self._base)})

    def _reading(self) -> AbstractContextManager[Asker]:
        return self._prepared.asking(self.connection) if self._prepared else asking(self.connection)

    def _read(self, asker: Asker, base: Reading) -> Reading | None:
        """Read what is not as in `base`; None when that cannot be told from the changes alone."""
        found = Reading(base.snapshot)
        changes = self._look(asker, base, found)
        if changes.hidden:
            return None
        assembly = Assembly(base.entries_of)
        self._read_objects(asker, changes, assembly)
        found.ignored = base.ignored | assembly.leave_out(self._ignored, base.ignored)
        found.roles = assembly.roles
        if any(found.roles.get(oid, name) != name for oid, name in base.roles.items()):
            return None
        roots = {(catalog, oid) for catalog, oids in changes.touched.items() for oid in oids} | changes.gone
        if base.horizon is not None and assembly.shows_elsewhere(roots, base.snapshot.objects):
            return None
        entries = {root: assembly.entries.get(root, []) for root in roots | assembly.entries.keys()}
        found.entries = dict(entries)
        found.snapshot = assembly.snapshot(entries, base.snapshot if base.horizon is not None else None)
        return found

    def _read_objects(self, asker: Asker, changes: _Changes, assembly: Assembly) -> None:
        touched = changes.touched
        arrays = {catalog: _array(touched.get(oid, ())) for catalog, oid in self._oids.items()}
        arrays["objects"] = _array({oid for oids in touched.values() for oid in oids})
        entry = self._oids["pg_default_acl"]
        defaults = bool(touched.pop(entry, None)) or any(root[0] == entry for root in changes.gone)
        # Nearly each migration touches few of the catalogs; to begin and end a query takes as long as most of them do.
        queries = [
            query for names, query in self._objects if not names or any(arrays[name] != _NOTHING for name in names)
        ]
        assembly.add(asker.ask(queries, "ttiiiiiij", arrays, last=not defaults))
        if defaults:
            changes.touch(assembly.DEFAULTS)
            assembly.add_default_privileges(asker.ask([privileges.DEFAULT_PRIVILEGES], "tttttt", last=True))

    def _look(self, asker: Asker, base: Reading, found: Reading) -> _Changes:
        """Find out which objects to read, and note in `found` how the catalogs stand."""
        changes = _Changes()
        missing: list[int] = []
        self._oids: dict[str, int] = {}
        rows = asker.ask([self._changes], "iiaaaai", {"since": base.horizon})
        for number, holder, keys, owners, classes, also, total in rows:
            if number == changed.HORIZON:
                found.horizon = str(keys[0])
                continue
            roots = list(zip(classes or [holder] * len(owners), owners, strict=True)) if owners else []
            for root in roots:
                changes.touch(root)
            for relation in also or ():
                changes.touch((_PG_CLASS, relation))
            if number < 0:
                continue
            one = self._watched[number]
            if not one.holder:
                self._oids[one.catalog] = holder
            if one.key:
                own_keys = (owners if keys is None else keys) or ()
                known = base.rows.get(number, {})
                found.rows[number] = dict(zip(own_keys, roots, strict=True))
                found.totals[number] = total
                new = [key for key in own_keys if key not in known]
                if base.horizon is None:
                    continue
                is_missing = base.totals[number] + len(new) != total
                if is_missing:
                    missing.append(number)
                if one.shows_anywhere and (is_missing or own_keys):
                    changes.hidden = True
                if one.catalog in _NAMED_BY_OTHERS and len(new) != len(own_keys):
                    changes.hidden |= any(
                        key in known and root not in base.entries for key, root in found.rows[number].items()
                    )
        if changes.hidden:
            return changes
        for number in missing:
            self._find_missing(asker, number, base, found, changes)
        self._widen(base, changes)
        return changes

    def _find_missing(self, asker: Asker, number: int, base: Reading, found: Reading, changes: _Changes) -> None:
        """Find the rows that are gone."""
        one = self._watched[number]
        there = {key for (key,) in asker.ask([changed.all_keys(one)], "i")}
        for key, root in base.rows.get(number, {}).items():
            if key not in there and root is not None:
                found.rows[number][key] = None
                if one.is_object:
                    changes.gone.add(root)
                else:
                    changes.touch(root)

    @staticmethod
    def _widen(base: Reading, changes: _Changes) -> None:
        """Touch what shows something of the changed objects: a sequence's column, an index's table."""
        for root in changes.gone:
            changes.touched.get(root[0], set()).discard(root[1])
        again = [*changes.gone, *((_PG_CLASS, oid) for oid in changes.touched.get(_PG_CLASS, ()))]
        for root in again:
            for entry in base.entries_of(root):
                catalog, oid = entry.parent[:2]
                if oid and (catalog, oid) not in changes.gone and entry.key[0] in _SHOWN_BY_PARENTS:
                    changes.touch((catalog, oid))


#: pg_class, as every Postgres numbers it.
_PG_CLASS = 1259
_SHOWN_BY_PARENTS = frozenset({"sequence", "index", "constraint"})


_NOTHING = "{}"


def _array(oids: Iterable[int]) -> str:
    return f"{{{','.join(map(str, oids))}}}"
