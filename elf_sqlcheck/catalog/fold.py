"""The catalog: changes folded into a schema, one migration at a time.

Each write is journalled with the position of the change that made it, so that the schema before a migration, at any of
its changes and after it are views on the same objects, and DOWN can be folded for judgement and taken back again.
"""

from __future__ import annotations

from elf_sqlcheck.catalog import fold_objects, fold_renames, fold_tables
from elf_sqlcheck.catalog.schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.schema import Key, Object

_APPLY = {**fold_tables.APPLY, **fold_objects.APPLY, **fold_renames.APPLY}
_END = 1 << 60


class Catalog:
    """The schema as it grows: `begin` a migration, `apply` its changes, take `view`s, `undo` what is not to stay."""

    __slots__ = ("journal", "now", "objects", "position")

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.journal: dict[Key, list[tuple[int, Object | None]]] = {}
        self.position = 0
        self.now = Schema(self.objects, self.journal, _END)

    def begin(self) -> None:
        """Forget how the present state came about: views made before are no longer true."""
        self.journal.clear()
        self.position = 0
        self.objects.pop(("setting", "search_path"), None)

    def apply(self, change: Change) -> None:
        """Fold one change. What the catalog has no word for changes nothing."""
        apply = _APPLY.get(type(change))
        if apply is not None:
            apply(self, change)
        self.position += 1

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Fold several changes."""
        for change in changes:
            self.apply(change)

    def put(self, key: Key, value: Object | None) -> None:
        """Write an object; None makes it unknown."""
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

    def view(self, position: int | None = None) -> Schema:
        """The schema just before the change at `position` of this migration; by default after all applied so far."""
        return Schema(self.objects, self.journal, self.position if position is None else position)

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
