"""Tries kinds of faults at their points, in one process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from tests.faults import all_kinds
from tests.faults.ground import ground

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from tests.faults.ground import Ground
    from tests.faults.kinds import Kind


class Result(NamedTuple):
    """What became of the trials of a kind: the wrong ones as (point, what went wrong).

    `disturbed` counts the deployers that did not get to the end: where there are none, the fault has not hit anything.
    """

    name: str
    tried: int
    disturbed: int
    wrong: list[tuple[int, list[str]]]
    seconds: float


def tried(place: Ground, kind: Kind, every: int, part: int = 0, parts: int = 1) -> Result:
    """Try one part of the points of a kind, of which there is at least one."""
    begun = time.monotonic()
    wrong = []
    place.disturbed = 0
    points = list(kind.points(place))[:: kind.share * every][part::parts]
    for point in points:
        try:
            told = kind.run(place, point)
        except (AssertionError, TimeoutError, psycopg.Error) as error:
            told = [f"{type(error).__name__}: {str(error)[-600:]}"]
        if told:
            wrong.append((point, told))
    return Result(kind.name, len(points), place.disturbed, wrong, time.monotonic() - begun)


def work(results: Queue[Result], only: str, every: int, part: int, parts: int) -> None:
    """Try one part of everything, and tell of each kind."""
    with ground() as place:
        for kind in chosen(only):
            results.put(tried(place, kind, every, part, parts))


def chosen(only: str) -> list[Kind]:
    """The kinds that can be tried here and whose names hold a word."""
    return [kind for kind in all_kinds() if only in kind.name and not kind.missing()]
