"""The catalog: changes folded into a schema, one migration at a time.

Each write is journalled with the position of the change that made it, so that the schema before a migration, at any of
its changes and after it are views on the same objects, and DOWN can be folded for judgement and taken back again.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import fold_access, fold_bodies, fold_columns, fold_drops, fold_objects, fold_tables
from elf_sqlcheck.catalog.entries import ROUTINES, Absent, Domain, Table
from elf_sqlcheck.catalog.links import Links
from elf_sqlcheck.catalog.schema import Latest, Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.objects import Name


def _load(catalog: Catalog, change: Change) -> None:
    """Fold a change of a rarer kind: what does that is loaded when it is first met."""
    from elf_sqlcheck.catalog import fold_inherited, fold_rare, fold_renames

    _APPLY.update({**fold_inherited.APPLY, **fold_rare.APPLY, **fold_renames.APPLY})
    _APPLY[type(change)](catalog, change)


_RARE = (
    ch.AlterAttribute, ch.AlterDomain, ch.AlterFunction, ch.AlterTableOther, ch.AttachPartition, ch.CreateDomain,
    ch.CreateType, ch.DetachPartition, ch.Opaque, ch.Rename, ch.Role, ch.SetOwner, ch.SetSchema,
)  # fmt: skip
_APPLY: dict[type, Callable[[Any, Any], None]] = {
    **dict.fromkeys(_RARE, _load), **fold_columns.APPLY,
    **fold_tables.APPLY, **fold_objects.APPLY, **fold_access.APPLY, **fold_drops.APPLY
}  # fmt: skip
_END = 1 << 60
#: From so many facts about one object on, those about a part of it are not looked for among all of them.
_MANY = 50
#: Kinds of keys that say something about another object: (kind, schema, name of the object, …).
_SATELLITES = frozenset({"comment", "fact", "function", "grant", "owner", "renamed", "rule"})


def _is_of_routine(key: Key) -> bool:
    """Whether a fact is one about a function: a relation may have the same name."""
    return key[4 if key[0] == "comment" else 3] in ROUTINES


def _frees(old: Object | None, value: Object | None) -> bool:
    """Whether the name of a relation or a constraint may be free once `value` stands in the place of `old`."""
    if isinstance(value, Absent | None):
        return True
    if not isinstance(old, Table | Domain) or type(old) is not type(value):
        return False
    return old.constraints is not value.constraints and len(value.constraints) <= len(old.constraints)


class Catalog:
    """The schema as it grows: `begin` a migration, `apply` its changes, take `view`s, `undo` what is not to stay.

    `counted` is how far the names that Postgres chooses have been counted while none has become free.
    `about`, `referring`, `heirs` and `named` are those of its `Links`; `defaults` says that there have been default
    privileges.
    """

    __slots__ = (
        "about", "counted", "defaults", "heirs", "journal", "links", "migration", "named", "now", "objects", "position",
        "referring",
    )  # fmt: skip

    def __init__(
        self,
        objects: dict[Key, Object] | None = None,
        links: Links | None = None,
        migration: int = 0,
        *,
        defaults: bool = False,
    ) -> None:
        self.objects: dict[Key, Object] = {} if objects is None else objects
        self.journal: dict[Key, list[tuple[int, Object | None]]] = {}
        self.links = links = Links() if links is None else links
        self.about, self.referring, self.heirs, self.named = links.about, links.referring, links.heirs, links.named
        self.migration = migration
        self.position = 0
        self.defaults = defaults
        self.counted: dict[tuple[object, ...], dict[str, int]] = {}
        self.now = Latest(self.objects, self.journal, _END, links)

    def begin(self) -> None:
        """Forget how the present state came about: views made before are no longer true."""
        self.journal.clear()
        self.counted.clear()
        self.migration += 1
        self.now.migration = self.migration
        self.position = 0
        if ("setting", "session") in self.objects:
            from elf_sqlcheck.catalog import fold_rare

            fold_rare.end_session(self)

    def apply(self, change: Change) -> None:
        """Fold one change. What the catalog has no word for changes nothing."""
        apply = _APPLY.get(type(change))
        if apply is not None:
            if change.statement.inside:
                fold_bodies.apply(self, apply, change)
            else:
                apply(self, change)
            if self.defaults:
                fold_access.apply_defaults(self, change)
        self.position += 1

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Fold several changes."""
        for change in changes:
            self.apply(change)

    def put(self, key: Key, value: Object | None) -> None:
        """Write an object; None makes it unknown."""
        if key[0] in _SATELLITES:
            self.about.setdefault(key[1:3], set()).add(key)
            if len(key) > 5 and key[0] == "grant":
                self.about.setdefault(key[:5], set()).add(key)
        if self.links.collected is not None:
            self.links.collect(key)
        old = self.objects.get(key)
        entries = self.journal.get(key)
        if entries is None:
            self.journal[key] = [(self.position, old)]
        elif entries[-1][0] != self.position:
            entries.append((self.position, old))
        if self.counted and _frees(old, value):
            self.counted.clear()
        if value is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = value

    def refer(self, key: Key, names: Iterable[Name]) -> None:
        """Note that the object under `key` refers to relations, types or functions, whose names have their schema."""
        for name in names:
            self.referring.setdefault((name.schema or "", name.name), set()).add(key)

    def refer_columns(self, key: Key, table: Name, columns: Iterable[str]) -> None:
        """Note that the object under `key` refers to columns of a table or view, whose name has its schema."""
        for column in columns:
            self.referring.setdefault((table.schema or "", table.name, column), set()).add(key)

    def referring_to(self, name: Name) -> list[tuple[Key, Object]]:
        """The objects that may refer to what is called `name`."""
        keys = self.referring.get((name.schema or "", name.name), ())
        return [(key, self.objects[key]) for key in sorted(keys) if key in self.objects]

    def said_about(self, schema: str | None, name: str, part: str | None = None, *, routine: bool = False) -> list[Key]:
        """The keys of comments, grants and other facts about a relation, or about a `routine`, of that name.

        With a `part` they are at least those about that part.
        """
        keys: Collection[Key] = self.about.get((schema or "", name), ())
        if part is not None and len(keys) > _MANY:
            keys = self.now.collected("part", schema or "", name, part)
        return sorted(
            key for key in keys if key[0] != "function" and key in self.objects and _is_of_routine(key) == routine
        )

    def overloads(self, name: Name) -> list[Key]:
        """The keys of the functions of that name."""
        keys = self.about.get((name.schema or "", name.name), ())
        return sorted(
            key for key in keys if key[0] == "function" and not isinstance(self.objects.get(key), Absent | None)
        )

    def has_overload(self, name: Name) -> bool:
        """Whether there is a function of that name."""
        keys = self.about.get((name.schema or "", name.name), ())
        return any(key[0] == "function" and not isinstance(self.objects.get(key), Absent | None) for key in keys)

    def view(self, position: int | None = None) -> Schema:
        """The schema just before the change at `position` of this migration; by default after all applied so far."""
        at = self.position if position is None else position
        return Schema(self.objects, self.journal, at, self.links, self.migration)

    def branch(self, position: int) -> Catalog:
        """A catalog of its own that goes on from the state at `position` of this migration."""
        other = Catalog()
        other.objects.update(self.objects)
        other.journal.update((key, list(entries)) for key, entries in self.journal.items())
        other.links.add(self.links)
        other.defaults = self.defaults
        other.migration = other.now.migration = self.migration
        other.undo(position)
        return other

    def undo(self, position: int) -> None:
        """Take back every change from `position` on."""
        self.counted.clear()
        for key, entries in list(self.journal.items()):
            kept = [entry for entry in entries if entry[0] < position]
            if len(kept) < len(entries):
                old = entries[len(kept)][1]
                if old is None:
                    self.objects.pop(key, None)
                else:
                    self.objects[key] = old
                if kept:
                    self.journal[key] = kept
                else:
                    del self.journal[key]
        self.position = position
