"""The labels of an enum type, of which many states are kept at once.

As with the parts of a table (`catalog.parts`), the catalog keeps the type as it is before and after each change; to
copy all labels for each one that is added takes time with the square of their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    _Labels = Sequence[str]
else:
    _Labels = Sequence

#: From so many labels on, a copy costs more than to look up what was there when.
_MANY = 200


def with_label(labels: Sequence[str], label: str, neighbour: str | None, *, after: bool) -> Sequence[str]:
    """The labels with a new one, before or after a neighbour, else at the end."""
    if not isinstance(labels, Labels):
        if len(labels) < _MANY or len(set(labels)) < len(labels):
            place = len(labels)
            if neighbour in labels:
                place = labels.index(neighbour) + after
            return (*labels[:place], label, *labels[place:])
        labels = Labels(tuple(labels))
    return labels.put(label, neighbour if neighbour in labels else None, after=after)


class Labels(_Labels):
    """One state, of the line that it shares with those before and after it; reads as the tuple that it stands for.

    Made of nothing but labels, which must differ from each other, it is the first of its line.
    """

    __slots__ = ("line", "number")

    def __init__(self, first: tuple[str, ...]) -> None:
        self.line = _Line(first)
        self.number = 0

    def put(self, label: str, neighbour: str | None, *, after: bool) -> Labels:
        """The state after one more change."""
        line = self.line
        if self.number < len(line.log):  # it has got another future
            line = _Line(line.whole(self.number))
        line.log.append((label, neighbour, after))
        line.born[label] = len(line.log)
        made = Labels.__new__(Labels)
        made.line, made.number = line, len(line.log)
        return made

    def __contains__(self, label: object) -> bool:
        born = self.line.born.get(label)  # type: ignore[call-overload]
        return born is not None and born <= self.number

    def __len__(self) -> int:
        return len(self.line.first) + self.number

    def __getitem__(self, place: Any) -> Any:
        return self.line.whole(self.number)[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self.line.whole(self.number))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            if self.line is other.line:
                return self.number == other.number
            other = other.line.whole(other.number)
        return self.line.whole(self.number) == other

    def __hash__(self) -> int:
        return hash(self.line.whole(self.number))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickles, which need nothing of what was before."""
        return Labels, (self.line.whole(self.number),)

    def __repr__(self) -> str:
        return repr(self.line.whole(self.number))


class _Line:
    """States one after the other: the first, what each further one adds, and since when each label is there."""

    __slots__ = ("born", "first", "log", "shown")

    def __init__(self, first: tuple[str, ...]) -> None:
        self.first = first
        self.born = dict.fromkeys(first, 0)
        self.log: list[tuple[str, str | None, bool]] = []
        #: The state that has been looked at as a whole.
        self.shown = 0, first

    def whole(self, number: int) -> tuple[str, ...]:
        """All labels of a state, in their order."""
        if self.shown[0] != number:
            self.shown = number, tuple(self._linked(self.log[:number]))
        return self.shown[1]

    def _linked(self, log: list[tuple[str, str | None, bool]]) -> Iterator[str]:
        """The labels as a chain, into which each new one is put beside its neighbour."""
        following: dict[str | None, str] = dict(pairwise((None, *self.first)))  # type: ignore[arg-type]
        before: dict[str, str | None] = {label: previous for previous, label in following.items()}
        last: str | None = self.first[-1] if self.first else None
        for label, neighbour, after in log:
            previous = last if neighbour is None else neighbour if after else before[neighbour]
            further = following.get(previous)
            following[previous], before[label] = label, previous
            if further is None:
                last = label
            else:
                following[label], before[further] = further, label
        found = following.get(None)
        while found is not None:
            yield found
            found = following.get(found)
