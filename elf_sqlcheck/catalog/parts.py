"""Parts of tables by their names, of which many states are kept at once.

The catalog keeps each state of a table, from before a migration to after it. A table of thousands of parts, each added
by a change of its own, would otherwise be copied thousands of times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, ItemsView, Iterable, Iterator, KeysView, ValuesView
    from typing import Any, TypeVar

    P = TypeVar("P")
    _Parts = Mapping[str, Any]
else:
    _Parts = Mapping

#: From so many parts on, a copy costs more than to look up what has changed.
_MANY = 200
_GONE: Any = object()


def changed(parts: Mapping[str, P], name: str, value: P) -> Mapping[str, P]:
    """The parts, with one of them changed or added at the end."""
    if isinstance(parts, State):
        return parts.put(name, value)
    if len(parts) < _MANY:
        return {**parts, name: value}
    return State(dict(parts)).put(name, value)


def without(parts: Mapping[str, P], name: str) -> Mapping[str, P]:
    """The parts but for one."""
    if name not in parts:
        return parts
    if isinstance(parts, State):
        return parts.put(name, _GONE)
    if len(parts) < _MANY:
        kept = dict(parts)
        del kept[name]
        return kept
    return State(dict(parts)).put(name, _GONE)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    """The names under which two states have different parts."""
    if old is new:
        return ()
    if isinstance(old, State) and isinstance(new, State) and old.line is new.line and old.number <= new.number:
        names: Iterable[str] = [name for name, _ in new.line.log[old.number : new.number]]
    else:
        names = dict.fromkeys((*old, *new))
    return [name for name in names if old.get(name) != new.get(name)]


def alike(parts: Mapping[str, P], marks: Callable[[P], Collection[Hashable]], wanted: Hashable) -> Iterator[P]:
    """The parts among whose `marks` is what is `wanted`, in their order."""
    names = parts.line.marked(marks, wanted) if isinstance(parts, State) else None
    if names is None:
        yield from (part for part in parts.values() if wanted in marks(part))
        return
    for name in names:
        part = parts.get(name)
        if part is not None:
            yield part


class _Line:
    """States one after the other: the first, what each further one changes, and the last.

    As in the journal of the catalog, `past` has the changes of each name: the number of the state that made it, and
    what there was before.
    """

    __slots__ = ("first", "groups", "last", "log", "past", "shown")

    def __init__(self, first: dict[str, Any]) -> None:
        self.first = first
        self.last = dict(first)
        self.log: list[tuple[str, Any]] = []
        self.past: dict[str, list[tuple[int, Any]]] = {}
        #: States that have been looked at as a whole, an older one and the last one at that time.
        self.shown: list[tuple[int, dict[str, Any]]] = [(0, first), (0, first)]
        self.groups: dict[Any, _Groups] = {}

    def whole(self, number: int) -> dict[str, Any]:
        """All parts of a state; nobody may change them."""
        is_last = number == len(self.log)
        begun, parts = self.shown[is_last]
        if begun != number:
            if begun > number:
                begun, parts = 0, self.first
            parts = dict(self.last if is_last else parts)
            for name, value in () if is_last else self.log[begun:number]:
                if value is _GONE:
                    del parts[name]
                else:
                    parts[name] = value
            self.shown[is_last] = number, parts
        return parts

    def marked(self, marks: Callable[[Any], Collection[Hashable]], wanted: Hashable) -> list[str] | None:
        """The names of all parts that were ever marked so, in their order; None when that is not known."""
        groups = self.groups.get(marks)
        if groups is None:
            groups = self.groups[marks] = _Groups(self.first, marks)
        groups.read(self.log)
        return None if wanted in groups.mixed else groups.names.get(wanted, [])


class _Groups:
    """The names of a line by what a function says of their parts; `mixed` are groups of which a name has moved."""

    __slots__ = ("marked", "marks", "mixed", "names", "seen")

    def __init__(self, first: dict[str, Any], marks: Callable[[Any], Collection[Hashable]]) -> None:
        self.marks = marks
        self.marked: dict[str, Collection[Hashable]] = {}
        self.names: dict[Hashable, list[str]] = {}
        self.mixed: set[Hashable] = set()
        self.seen = 0
        for name, part in first.items():
            self._add(name, part)

    def read(self, log: list[tuple[str, Any]]) -> None:
        """Take in what has come since."""
        for name, part in log[self.seen :]:
            if part is not _GONE:
                earlier = self.marked.get(name)
                self._add(name, part)
                if earlier is not None:
                    self.mixed.update((*earlier, *self.marked[name]))
        self.seen = len(log)

    def _add(self, name: str, part: Any) -> None:
        found = self.marked[name] = self.marks(part)
        for mark in found:
            self.names.setdefault(mark, []).append(name)


class State(_Parts):
    """One state; reads as the dict that it stands for. Made of nothing but its parts, it is the first of its line."""

    __slots__ = ("line", "number", "size")

    def __init__(self, first: dict[str, Any]) -> None:
        self.line = _Line(first)
        self.number = 0
        self.size = len(first)

    def put(self, name: str, value: Any) -> State:
        """The state after one more change."""
        line = self.line
        if self.number < len(line.log):  # it has got another future
            line = _Line(line.whole(self.number))
        old = line.last.get(name, _GONE)
        line.log.append((name, value))
        line.past.setdefault(name, []).append((len(line.log), old))
        if value is _GONE:
            del line.last[name]
        else:
            line.last[name] = value
        made = State.__new__(State)
        made.line, made.number, made.size = line, len(line.log), len(line.last)
        return made

    def _find(self, name: object) -> Any:
        line = self.line
        if self.number < len(line.log):
            entries = line.past.get(name)  # type: ignore[call-overload]
            if entries is not None:
                place = bisect_right(entries, self.number, key=_number)
                if place < len(entries):
                    return entries[place][1]
        return line.last.get(name, _GONE)  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """The part of that name."""
        found = self._find(name)
        return default if found is _GONE else found

    def __getitem__(self, name: str) -> Any:
        found = self._find(name)
        if found is _GONE:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not _GONE

    def __iter__(self) -> Iterator[str]:
        return iter(self.line.whole(self.number))

    def __len__(self) -> int:
        return self.size

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.line.whole(self.number).keys()

    def values(self) -> ValuesView[Any]:
        """The parts."""
        return self.line.whole(self.number).values()

    def items(self) -> ItemsView[str, Any]:
        """The names and the parts."""
        return self.line.whole(self.number).items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, State):
            if self.line is other.line and self.number == other.number:
                return True
            other = other.line.whole(other.number)
        return self.line.whole(self.number) == other

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickles, which need nothing of what was before."""
        return State, (self.line.whole(self.number),)

    def __repr__(self) -> str:
        return repr(self.line.whole(self.number))


def _number(entry: tuple[int, Any]) -> int:
    return entry[0]
