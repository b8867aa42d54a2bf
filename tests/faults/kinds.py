"""What a kind of trial is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.ground import Ground


class Kind(NamedTuple):
    """A kind of trial.

    `run` tries one point and returns what went wrong, in plain words; `points` are all there are, of which `share`
    says that only each so-manyth is tried, being dear. `missing` says why it cannot be tried here, "" when it can.
    """

    name: str
    run: Callable[[Ground, int], list[str]]
    points: Callable[[Ground], Sequence[int]]
    share: int = 1
    missing: Callable[[], str] = lambda: ""
