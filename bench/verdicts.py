"""What is asked of linting, and the table at the end of bench/lint.py that says where it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.running import Run

OURS = "elf-sqlcheck"
#: What stands behind the name of an entrant that has something to find.
FINDING = ", findings"


class Limit(NamedTuple):
    """A line of the table: which `measure` of a case, beside whom (nobody: in MB), at most how many times it.

    `stretch` is what is hoped for, 0 for nothing more than the limit.
    """

    case: str
    measure: str
    beside: str
    most: float
    stretch: float = 0.0


LIMITS = (
    Limit("one", "wall", "squawk", 20, 6),
    Limit("one", "cpu", "sqlfluff", 1 / 10, 1 / 40),
    Limit("100", "wall", "squawk", 2, 0.9),
    Limit("1000", "wall", "squawk", 0.8, 0.5),
    Limit("1000", "cpu", "squawk", 0.8, 0.5),
    Limit("10000", "wall", "squawk", 0.6, 0.4),
    Limit("10000", "memory", "squawk", 1),
    Limit("warm", "wall", "squawk", 0.06, 0.02),
    Limit("history", "wall", "elf-sqlcheck, short", 1.5, 1.1),
    Limit("commit", "wall", "git diff", 1.5),
    Limit("seed", "cpu", "squawk", 1.5),
    Limit("seed", "memory", "", 300),
)


class Line(NamedTuple):
    """A limit and what was measured: `beside` and `ratio` are None where there is nothing to compare with."""

    limit: Limit
    finding: bool
    ours: float
    beside: float | None
    ratio: float | None

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "not judged"
        if self.ratio > self.limit.most:
            return "MISSED"
        return "OK, stretch" if self.limit.stretch and self.ratio <= self.limit.stretch else "OK"


def lines(results: Mapping[tuple[str, str], Run]) -> list[Line]:
    """The lines for all cases that were measured, by names of case and entrant; each with and without findings."""
    made = []
    for limit in LIMITS:
        for suffix in ("", FINDING):
            ours = results.get((limit.case, OURS + suffix))
            if ours is None:
                continue
            own = getattr(ours, limit.measure)
            # What finds something always, like sqlfluff, takes part once.
            other = results.get((limit.case, limit.beside + suffix), results.get((limit.case, limit.beside)))
            beside = None if other is None else getattr(other, limit.measure)
            ratio = own if not limit.beside else own / beside if beside else None
            made.append(Line(limit, bool(suffix), own, beside, ratio))
    return made


def show(made: Iterable[Line], titles: Mapping[str, str]) -> None:
    """Print the table."""
    print(f"{'case':<44} {'ours':>10} {'beside':>10} {'whose':<20} {'ratio':>8} {'limit':>8} {'stretch':>8}  verdict")
    for line in made:
        limit = line.limit
        title = f"{titles[limit.case]}, {limit.measure}{FINDING if line.finding else ''}"
        beside = "" if line.beside is None else _figure(line.beside, limit.measure)
        ratio, most, stretch = (_times(value, limit) for value in (line.ratio, limit.most, limit.stretch))
        print(
            f"{title:<44} {_figure(line.ours, limit.measure):>10} {beside:>10} {limit.beside:<20}"
            f" {ratio:>8} {most:>8} {stretch:>8}  {line.verdict}"
        )


def _figure(value: float, measure: str) -> str:
    return f"{value:,.1f} MB" if measure == "memory" else f"{value * 1e3:,.1f} ms"


def _times(value: float | None, limit: Limit) -> str:
    """A ratio, or MB where nobody stands beside."""
    if not value:
        return ""
    return f"{value:.3g}x" if limit.beside else f"{value:,.0f} MB"
