"""The catalog: changes folded into a schema, one migration at a time.

Each write is journalled with the position of the change that made it, so that the schema before a migration, at any of
its changes and after it are views on the same objects, and DOWN can be folded for judgement and taken back again.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import fold_bodies, fold_objects, fold_renames, fold_tables
from elf_sqlcheck.catalog.schema import Schema, Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Key, Object

_APPLY = {**fold_tables.APPLY, **fold_objects.APPLY, **fold_renames.APPLY}
_END = 1 << 60
#: Kinds of keys that say something about another object: (kind, schema, name of the object, …).
_SATELLITES = frozenset({"comment", "fact", "function", "grant", "renamed"})
_ROUTINES = frozenset({"function", "procedure", "routine", "aggregate"})


def refers_to(value: Object | None) -> list[Name]:
    """The relations that a table or a view refers to."""
    if isinstance(value, Table):
        names = [c.references for c in value.constraints.values() if c is not None and c.references is not None]
        return [*names, value.partition_of] if value.partition_of else names
    return list(value.reads) if isinstance(value, View) else []


class Catalog:
    """The schema as it grows: `begin` a migration, `apply` its changes, take `view`s, `undo` what is not to stay."""

    __slots__ = ("about", "journal", "migration", "now", "objects", "position", "referring")

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.journal: dict[Key, list[tuple[int, Object | None]]] = {}
        self.about: dict[Key, set[Key]] = {}
        self.referring: dict[Key, set[Key]] = {}
        self.migration = 0
        self.position = 0
        self.now = Schema(self.objects, self.journal, _END, self.referring)

    def begin(self) -> None:
        """Forget how the present state came about: views made before are no longer true."""
        self.journal.clear()
        self.migration += 1
        self.now.migration = self.migration
        self.position = 0
        self.objects.pop(("setting", "search_path"), None)
        for name in fold_objects.SETTINGS:
            self.objects.pop(("setting", name), None)

    def apply(self, change: Change) -> None:
        """Fold one change. What the catalog has no word for changes nothing."""
        apply = _APPLY.get(type(change))
        if apply is not None:
            if change.statement.inside:
                fold_bodies.apply(self, apply, change)
            else:
                apply(self, change)
        self.position += 1

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Fold several changes."""
        for change in changes:
            self.apply(change)

    def put(self, key: Key, value: Object | None) -> None:
        """Write an object; None makes it unknown."""
        if key[0] in _SATELLITES:
            self.about.setdefault(key[1:3], set()).add(key)
        elif key[0] == "relation":
            for name in refers_to(value):
                self.referring.setdefault((name.schema or "", name.name), set()).add(key)
        old = self.objects.get(key)
        entries = self.journal.get(key)
        if entries is None:
            self.journal[key] = [(self.position, old)]
        elif entries[-1][0] != self.position:
            entries.append((self.position, old))
        if value is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = value

    def said_about(self, schema: str | None, name: str, *, routine: bool = False) -> list[Key]:
        """The keys of comments, grants and other facts about a relation, or about a `routine`, of that name."""
        return [
            key
            for key in self.about.get((schema or "", name), ())
            if key[0] != "function" and key in self.objects and (_ROUTINES.isdisjoint(key[3:5]) != routine)
        ]

    def overloads(self, name: Name) -> list[Key]:
        """The keys of the functions of that name."""
        keys = self.about.get((name.schema or "", name.name), ())
        return sorted(key for key in keys if key[0] == "function" and key in self.objects)

    def referring_to(self, name: Name) -> list[tuple[Key, Object]]:
        """The tables and views that refer to a relation: foreign keys, partitions, queries."""
        keys = self.referring.get((name.schema or "", name.name), ())
        found = [(key, self.objects[key]) for key in sorted(keys) if key in self.objects]
        return [(key, value) for key, value in found if name in refers_to(value)]

    def view(self, position: int | None = None) -> Schema:
        """The schema just before the change at `position` of this migration; by default after all applied so far."""
        position = self.position if position is None else position
        return Schema(self.objects, self.journal, position, self.referring, self.migration)

    def branch(self, position: int) -> Catalog:
        """A catalog of its own that goes on from the state at `position` of this migration."""
        other = Catalog()
        other.objects.update(self.objects)
        other.journal.update((key, list(entries)) for key, entries in self.journal.items())
        other.about.update((key, set(keys)) for key, keys in self.about.items())
        other.referring.update((key, set(keys)) for key, keys in self.referring.items())
        other.migration = other.now.migration = self.migration
        other.undo(position)
        return other

    def undo(self, position: int) -> None:
        """Take back every change from `position` on."""
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
