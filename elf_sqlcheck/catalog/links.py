"""Who may have to do with whom in the catalog, so that nobody has to go through all objects."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.entries import Key


class Links:
    """Who may have to do with whom, each by (schema, name): never forgotten, so what is found has to be looked at.

    `about` finds what is said about an object (and the functions of that name), or by the first five parts of such keys
    what a role may do with its columns; `referring` the objects that refer to one, and by the column's name after those
    two the ones that refer to a column ("" stands for those of the primary key); `heirs` the partitions and children
    of a table, `named` the tables with a constraint of that name. `collected` finds all keys by what `marks` says of
    them, and how many came before each; it is made when somebody first asks for it.
    """

    #: What is kept of them for the next run.
    FIELDS = ("about", "heirs", "named", "referring")
    __slots__ = (*FIELDS, "collected")

    def __init__(self) -> None:
        self.about: dict[Key, set[Key]] = {}
        self.referring: dict[Key, set[Key]] = {}
        self.heirs: dict[Key, set[Key]] = {}
        self.named: dict[Key, set[Key]] = {}
        self.collected: dict[Key, dict[Key, int]] | None = None

    def collect(self, key: Key) -> None:
        """Let `collected` know of a key, where it has been made."""
        if self.collected is not None:
            for mark in marks(key):
                known = self.collected.setdefault(mark, {})
                known.setdefault(key, len(known))

    def add(self, other: Links) -> None:
        """Know what `other` knows."""
        for field in self.FIELDS:
            own = getattr(self, field)
            own.update((key, own.get(key, set()) | keys) for key, keys in getattr(other, field).items())


def marks(key: Key) -> Iterator[Key]:
    """By what a key may be asked for: its schema, the bare name of a function, the part that something is said of, and
    whether it is that of a relation.
    """
    if len(key) > 2:
        yield "schema", key[1]
    if key[0] == "relation":
        yield ("relation",)
    elif key[0] == "function":
        yield "function", key[2]
    elif key[0] in {"comment", "fact"}:
        yield "part", *key[1:4]
    elif key[0] == "grant" and len(key) > 5:
        yield "part", *key[1:3], key[5]
