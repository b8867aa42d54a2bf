"""Which locks a migration holds while its statements run: a bar for each table, and the statements in a table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from elf_sqlcheck.record import Record
from elf_sqlcheck.reports.html.markup import Html, join, table, tag
from elf_sqlcheck.reports.verification import lock, size, time, work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.reports.html.source import Sources
    from elf_sqlcheck.reports.verification import Ran
    from elf_sqlcheck.verify.result import Held

#: From the weakest to the strongest. https://www.postgresql.org/docs/current/explicit-locking.html
_MODES = (
    "access share", "row share", "row exclusive", "share update exclusive", "share", "share row exclusive", "exclusive",
    "access exclusive",
)  # fmt: skip
_LOOKS = {"reads and writes": "stop", "writes": "slow"}
#: Wider than this share of the drawing, a bar has room for its words.
_ROOM = 22.0
_HEIGHT = 24


class _Bar(Record):
    """A lock from one statement's start to another's end: `first` and `last` are their numbers from 0."""

    held: Held
    first: int
    last: int


def drawn(statements: Sequence[Ran], sources: Sources) -> Html | None:
    """The drawing and the table; None when no statement was observed."""
    if not statements:
        return None
    bars = _bars(statements)
    return join((_chart(statements, bars), _table(statements, sources)))


def _chart(statements: Sequence[Ran], bars: dict[str, list[_Bar]]) -> Html:
    edges = _edges(statements)
    total = time(sum(one.observed.ms for one in statements))
    rows = [
        tag(
            "tr",
            tag("th", "statements", scope="row"),
            tag("td", _segments(edges), _said(f"{len(statements)}, {total}")),
        )
    ]
    for relation, own in bars.items():
        said = "; ".join(
            f"{_about(bar.held)} from statement {bar.first + 1} to {bar.last + 1}"
            if bar.last > bar.first
            else f"{_about(bar.held)} during statement {bar.first + 1}"
            for bar in own
        )
        drawing = tag("svg", *(_bar(bar, edges) for bar in own), height=_HEIGHT, width="100%", aria_hidden="true")
        rows.append(tag("tr", tag("th", tag("code", relation), scope="row"), tag("td", drawing, _said(said))))
    if not bars:
        rows.append(tag("tr", tag("td", "No lock on anything that was there before.", colspan="2", class_="dim")))
    caption = (
        "Bars show who holds what until when. A wider statement took longer; short ones are drawn wider than that."
    )
    return tag("table", tag("caption", caption), tag("tbody", *rows), class_="timeline")


def look(held: Held) -> str:
    """How a lock is shown: "stop" for one that blocks reads and writes, "slow" for writes, "calm" for the others."""
    return _LOOKS.get(held.blocks, "calm")


def _said(words: str) -> Html:
    return tag("span", words, class_="unseen")


def _about(held: Held) -> str:
    return f"{held.mode.upper()}, blocks {held.blocks}" if held.blocks else f"{held.mode.upper()}, blocks nobody"


def _edges(statements: Sequence[Ran]) -> list[float]:
    """Where each statement starts, in percent, and where the last one ends: half of the width is shared by duration."""
    total = sum(one.observed.ms for one in statements) or 1.0
    edges = [0.0]
    for one in statements:
        edges.append(edges[-1] + 50.0 / len(statements) + 50.0 * one.observed.ms / total)
    return edges


def _bars(statements: Sequence[Ran]) -> dict[str, list[_Bar]]:
    """The strongest lock on each relation over time, by relation; neighbours that are alike are one bar."""
    bars: dict[str, list[_Bar]] = {}
    for number, one in enumerate(statements):
        strongest: dict[str, Held] = {}
        for held in one.observed.locks:
            known = strongest.get(held.relation)
            if known is None or _strength(held) > _strength(known):
                strongest[held.relation] = held
        for relation, held in strongest.items():
            own = bars.setdefault(relation, [])
            if own and own[-1].last == number - 1 and own[-1].held.mode == held.mode and held.inherited:
                own[-1] = own[-1].replace(last=number)
            else:
                own.append(_Bar(held, number, number))
    return bars


def _strength(held: Held) -> int:
    return _MODES.index(held.mode) if held.mode in _MODES else -1


def _segments(edges: Sequence[float]) -> Html:
    parts = []
    for number, (start, end) in enumerate(pairwise(edges), start=1):
        parts.append(
            tag("rect", x=f"{start:.2f}%", width=f"{end - start:.2f}%", height=_HEIGHT, class_=f"run{number % 2}")
        )
        if end - start > 2:
            middle = f"{(start + end) / 2:.2f}%"
            parts.append(tag("text", str(number), x=middle, y="16", text_anchor="middle", class_="on-run"))
    return tag("svg", *parts, height=_HEIGHT, width="100%", aria_hidden="true")


def _bar(bar: _Bar, edges: Sequence[float]) -> Html:
    start, end = edges[bar.first], edges[bar.last + 1]
    shade = look(bar.held)
    parts = [tag("title", _about(bar.held)), tag("rect", width="100%", y="2", height=_HEIGHT - 4, rx="3", class_=shade)]
    if end - start >= _ROOM:
        parts.append(tag("text", bar.held.mode.upper(), x="7", y="16", class_=f"on-{shade}"))
    # An svg inside of another cuts off what does not fit on a narrow screen.
    return tag("svg", *parts, x=f"{start:.2f}%", width=f"{end - start:.2f}%", height=_HEIGHT)


def _table(statements: Sequence[Ran], sources: Sources) -> Html:
    rows = []
    for number, one in enumerate(statements, start=1):
        observed, located = one.observed, one.located
        locks = [tag("span", lock(held), class_=f"lock {look(held)}") for held in one.blocking]
        spent = time(observed.ms)
        if one.blocking and one.held_ms > observed.ms:
            locks.append(tag("span", f"held for {time(one.held_ms)}", class_="dim"))
        rows.append(
            (
                str(number),
                join(
                    (
                        sources.link(located.path, located.place.line, f"line {located.place.line}"),
                        tag("code", located.headline),
                    ),
                    " ",
                ),
                spent,
                size(observed.wal),
                join((*locks, *(tag("span", said) for said in work(observed))), " ") or tag("span", "—", class_="dim"),
            )
        )
    head = ("#", "statement", "time", "WAL", "whom it blocks, and what else it does")
    return table("The statements of UP as they ran", head, rows, numbers=("#", "time", "WAL"))
