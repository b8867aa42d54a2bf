"""What `verify` saw, for people: a block for each migration about which there is more to say than that it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.reports.terminal import clean, painted, wrapped
from elf_sqlcheck.reports.verification import judged, locate, lock, outcome, ran, time, unobserved, work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Span
    from elf_sqlcheck.reports import Places, Report, Style
    from elf_sqlcheck.reports.verification import Ran
    from elf_sqlcheck.verify.result import Step

#: Lines of a DOWN that is proposed.
_PROPOSED = 30


def blocks(report: Report, places: Places, style: Style) -> list[str]:
    """One text for each migration that keeps somebody waiting, or about which something else is to be known."""
    made: list[str] = []
    for step in judged(report):
        lines = list(_said(step, places))
        if not lines:
            continue
        path = painted(clean(step.migration.path), "bold", style.colour)
        colour = "good" if step.applied and step.rolled_back is not False and step.reapplied is not False else "error"
        heading = f"{path}  {painted(outcome(step), colour, style.colour)}, {time(step.ms)}"
        width = style.width - 2 if style.width else 0
        body = ["  " + wrapped(clean(line, keep="\n"), width, "    ") for line in lines]
        made.append("\n".join((heading, *body)) + "\n")
    return made


def _said(step: Step, places: Places) -> Iterator[str]:
    for one in ran(step, places):
        if one.blocking or one.observed.rewritten:
            yield statement(one)
    if missing := unobserved(step):
        yield missing
    for row in step.broken_rows:
        yield f"row of {row.table} that breaks it{_at(step, row.span, places)}: {values(row.values)}"
    for filled in step.filled:
        if filled.reason:
            yield f"{filled.table} was not filled with rows: {filled.reason}"
    for difference in step.differences:
        if not difference.matters:
            yield f"after the rollback: {difference.describe()}"
    for name, value in step.more.items():
        if isinstance(value, str) and value:
            yield f"{name.replace('_', ' ')}: {value}"
    if step.proposal:
        yield "a DOWN that undoes it:"
        lines = [line for line in step.proposal.strip("\n").split("\n") if line.strip()]
        yield from (f"  {line}" for line in lines[:_PROPOSED])
        if len(lines) > _PROPOSED:
            yield f"  … and {len(lines) - _PROPOSED} more lines"


def statement(one: Ran) -> str:
    """A statement with the locks by which it blocks somebody and what else it did."""
    observed = one.observed
    parts = [lock(held) for held in one.blocking]
    spent = time(observed.ms)
    if one.blocking and one.held_ms > 2 * observed.ms and one.held_ms >= 1:
        spent += f", held for {time(one.held_ms)}"
    return f"line {one.located.place.line}  {one.located.headline}: " + ", ".join((*parts, spent, *work(observed)))


def values(row: tuple[tuple[str, str | None], ...]) -> str:
    """A row as `column = 'value'` each."""
    return ", ".join(f"{column} = " + ("NULL" if value is None else f"'{value}'") for column, value in row)


def _at(step: Step, span: Span | None, places: Places) -> str:
    return "" if span is None else f" at line {locate(step.migration, span, places).place.line}"
