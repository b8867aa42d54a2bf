"""The changes of one statement: DROP TABLE may name thousands of tables, and each is judged beside all the others."""

from __future__ import annotations

from elf_sqlcheck.catalog.changes import Change, Drop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema

    _Changes = list[Change]
else:
    _Changes = list


class Together(_Changes):
    """All changes of a statement, in order."""

    __slots__ = ("_dropped", "_places")

    def place(self, change: Change) -> int:
        """How many of them come before one of them."""
        if not hasattr(self, "_places"):
            self._places = {id(one): number for number, one in enumerate(self)}
        return self._places.get(id(change), 0)

    def drop(self, name: Name, schema: Schema) -> bool:
        """Whether one of several drops the object of that full name."""
        if len(self) < 2:
            return False
        if not hasattr(self, "_dropped"):
            self._dropped: dict[str, list[Name]] = {}
            for one in self:
                if isinstance(one, Drop):
                    self._dropped.setdefault(one.name.name, []).append(one.name)
        return any(schema.resolve(other) == name for other in self._dropped.get(name.name, ()))


def by_statement(changes: Iterable[Change]) -> dict[int, Together]:
    """The changes of each statement, by its id."""
    found: dict[int, Together] = {}
    for change in changes:
        found.setdefault(id(change.statement), Together()).append(change)
    return found
