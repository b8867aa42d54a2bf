"""What the whole of a history is asked for, so that the migrations of a kept state need not be read to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.shared.roles import roles_in, unmade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from elf_sqlcheck.model import Migration

    #: Of each migration: the roles that it names and makes, and the types and functions that it makes.
    Told = Sequence[tuple[Iterable[str], Iterable[str], Iterable[str]]]


class Outlines:
    """The outlines of `ordered`, each taken when it is asked for, once; `told` are those of the first from `tell`.

    Raises TypeError or ValueError when `told` is anything else.
    """

    def __init__(self, ordered: Sequence[Migration], told: Told = ()) -> None:
        self._ordered = ordered
        self._roles: dict[int, tuple[AbstractSet[str], AbstractSet[str]]] = {}
        self._own: dict[int, AbstractSet[str]] = {}
        for migration, (named, made, own) in zip(ordered, told, strict=False):
            self._roles[id(migration)] = set(named), set(made)
            self._own[id(migration)] = set(own)

    def own(self, migration: Migration) -> AbstractSet[str]:
        """Return the names of the types and functions that one of them makes."""
        found = self._own.get(id(migration))
        if found is None:
            from elf_sqlcheck.verify.relevant import own_names

            found = self._own[id(migration)] = own_names(migration)
        return found

    def named_roles(self) -> list[str]:
        """Return the roles that they name but do not make."""
        return unmade(map(self._roles_in, self._ordered))

    def _roles_in(self, migration: Migration) -> tuple[AbstractSet[str], AbstractSet[str]]:
        found = self._roles.get(id(migration))
        if found is None:
            found = self._roles[id(migration)] = roles_in(migration)
        return found

    def tell(self, number: int) -> Told:
        """Return the outlines of the first `number`, as values that JSON can hold."""
        found: list[tuple[list[str], list[str], list[str]]] = []
        for migration in self._ordered[:number]:
            named, made = self._roles_in(migration)
            found.append((sorted(named), sorted(made), sorted(self.own(migration))))
        return found
