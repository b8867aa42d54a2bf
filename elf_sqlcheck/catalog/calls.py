"""Functions that migrations call: what their bodies do is done when they are called, and not before."""

from __future__ import annotations

from elf_sqlcheck.catalog.changes import CreateFunction, ReadRows
from elf_sqlcheck.catalog.read import read_section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Section


class Routines:
    """The functions and procedures of a run so far, by their names, with the bytes of the file each stands in."""

    __slots__ = ("known",)

    def __init__(self, known: dict[str, tuple[CreateFunction, bytes]] | None = None) -> None:
        self.known: dict[str, tuple[CreateFunction, bytes]] = {} if known is None else known

    def read(self, section: Section | None, data: bytes) -> list[Change]:
        """The changes of a section of a file, with what the functions that it calls do (see `follow`)."""
        return self.follow(read_section(section, data), data)

    def follow(self, section: list[Change], data: bytes) -> list[Change]:
        """The changes of a section, and after each call of a known function those of its body.

        Those of a function in another file stand at the call. Overloads are not told apart: the last one counts.
        """
        called: list[tuple[int, list[Change]]] = []
        for number, change in enumerate(section):
            if isinstance(change, CreateFunction):
                self.known[change.name.name] = (change, data)
            elif self.known and isinstance(change, ReadRows) and change.functions:
                inside = [*self._called(change, data, frozenset())]
                if inside:
                    called.append((number + 1, inside))
        for number, inside in reversed(called):
            section[number:number] = inside
        return section

    def _called(self, change: Change, data: bytes, active: frozenset[str]) -> Iterator[Change]:
        """What the functions that a change calls do; `active` are those that are being followed already."""
        if not isinstance(change, ReadRows):
            return
        from elf_sqlcheck.catalog.bodies import called_body, moved

        for name in change.functions:
            bare = name.rpartition(".")[2]
            routine = self.known.get(bare)
            if routine is None or bare in active:
                continue
            for inner in called_body(*routine):
                there = moved(inner, change.span, conditional=True) if routine[1] is not data else _conditional(inner)
                yield there
                yield from self._called(there, data, active | {bare})


def _conditional(change: Change) -> Change:
    """The same change, which may or may not be made."""
    from elf_sqlcheck.model import Statement

    old = change.statement
    statement = Statement(
        old.kind,
        old.span,
        old.json,
        old.offset,
        inside=old.inside,
        conditional=True,
        guarded=old.guarded,
        exact=old.exact,
    )
    statement.body = old.body
    return change.replace(statement=statement)
