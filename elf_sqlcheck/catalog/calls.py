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

    __slots__ = ("_bodies", "known")

    def __init__(self, known: dict[str, tuple[CreateFunction, bytes]] | None = None) -> None:
        self.known: dict[str, tuple[CreateFunction, bytes]] = {} if known is None else known
        self._bodies: dict[int, tuple[CreateFunction, tuple[Change, ...]]] = {}

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
                inside = [*self._called(change, data, set())]
                if inside:
                    called.append((number + 1, inside))
        for number, inside in reversed(called):
            section[number:number] = inside
        return section

    def _called(self, change: Change, data: bytes, followed: set[str]) -> Iterator[Change]:
        """What the functions that a change calls do, each once: those `followed` already are left out."""
        if not isinstance(change, ReadRows):
            return
        from elf_sqlcheck.catalog.moving import conditional, moved

        for name in change.functions:
            bare = name.rpartition(".")[2]
            routine = self.known.get(bare)
            if routine is None or bare in followed:
                continue
            followed.add(bare)
            for inner in self._body(routine):
                there = moved(inner, change.span, conditional=True) if routine[1] is not data else conditional(inner)
                yield there
                yield from self._called(there, data, followed)

    def _body(self, routine: tuple[CreateFunction, bytes]) -> tuple[Change, ...]:
        known = self._bodies.get(id(routine[0]))
        if known is None:
            from elf_sqlcheck.catalog.bodies import called_body

            known = self._bodies[id(routine[0])] = (routine[0], called_body(*routine))
        return known[1]
