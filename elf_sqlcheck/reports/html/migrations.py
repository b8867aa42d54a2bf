"""What became of each migration: the overview, and for each one its locks, changes, rollback and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.reports import counted
from elf_sqlcheck.reports.html import diagram, differences, timeline
from elf_sqlcheck.reports.html.markup import Html, join, table, tag
from elf_sqlcheck.reports.verification import changes, ending, locate, lock, outcome, ran, time, unobserved, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.reports.html.source import Sources
    from elf_sqlcheck.verify.result import Step

_ANSWERS = {True: ("yes", "good"), False: ("no", "error"), None: ("not tried", "dim")}


def overview(steps: Iterable[Step], sources: Sources) -> Html:
    """A row for each migration."""
    rows = []
    for number, step in enumerate(steps):
        held = {lock(one): one for statement in ran(step, sources.places) for one in statement.blocking}
        blocking = [tag("span", said, class_=f"lock {timeline.look(one)}") for said, one in held.items()]
        exact = not any(difference.matters for difference in step.differences)
        back = _answer(step.rolled_back) if exact or not step.rolled_back else tag("span", "inexactly", class_="error")
        rows.append(
            (
                tag("a", step.migration.path, href=f"#m{number}"),
                _answer(step.applied),
                back,
                _answer(step.reapplied),
                join(blocking, " ") or tag("span", "none", class_="dim"),
                time(step.ms),
            )
        )
    head = ("migration", "applied", "rolled back", "applied again", "locks that block somebody", "time")
    return table("What became of each migration", head, rows, numbers=("time",))


def _answer(value: bool | None) -> Html:
    word, look = _ANSWERS[value]
    return tag("span", word, class_=look)


def migration(number: int, step: Step, sources: Sources) -> Html:
    """All that was seen of one migration."""
    changed = changes(step)
    parts = (
        tag("p", f"{outcome(step)}, {time(step.ms)}.", class_="outcome"),
        _titled("Locks over time", timeline.drawn(ran(step, sources.places), sources)),
        tag("p", f"Mind: {unobserved(step)}.", class_="warning") if unobserved(step) else None,
        _titled("Changes of the schema", differences.listed(changed)),
        diagram.drawn(number, step.before, step.after) if changed else None,
        _titled("After the rollback", differences.compared(step.differences)),
        _titled("A DOWN that undoes it", _code(step.proposal, "The proposed DOWN")),
        _titled("Rows that break it", _broken(step, sources)),
        _titled("Queries that had to wait", _blocked(step, sources)),
        _titled("Rows that older tables were given", _filled(step)),
        _titled("What else was tried", _more(step)),
    )
    return join(part for part in parts if part is not None)


def _titled(title: str, content: Html | None) -> Html | None:
    return None if content is None else tag("div", tag("h3", title), content, class_="part")


def _code(sql: str, label: str) -> Html | None:
    return tag("pre", tag("code", sql.strip("\n")), tabindex="0", role="region", aria_label=label) if sql else None


def _broken(step: Step, sources: Sources) -> Html | None:
    if not step.broken_rows:
        return None
    shown = []
    for row in step.broken_rows:
        where = None
        if row.span is not None:
            located = locate(step.migration, row.span, sources.places)
            where = sources.link(located.path, located.place.line)
        said = tag("p", join((part for part in (where, row.message or None) if part is not None), ": "))
        rows = ((column, _value(value)) for column, value in row.values)
        shown.append(join((said, table(f"A row of {row.table}", ("column", "value"), rows))))
    return join(shown)


def _value(value: str | None) -> Html:
    if value is None:
        return tag("em", "NULL", class_="dim")
    return tag("code", value) if value else tag("em", "an empty text", class_="dim")


def _blocked(step: Step, sources: Sources) -> Html | None:
    rows = []
    for one in step.blocked:
        cause = tag("span", "not known", class_="dim")
        if one.span is not None:
            located = locate(step.migration, one.span, sources.places)
            cause = sources.link(located.path, located.place.line, f"line {located.place.line}")
        ended = tag("span", ending(one), class_="error" if one.gave_up else None)
        rows.append((tag("code", one.query), one.table, ended, cause))
    head = ("query", "table", "what became of it", "waited for")
    return table("Queries of another session while UP ran", head, rows) if rows else None


def _filled(step: Step) -> Html | None:
    rows = [
        (
            tag("code", one.table),
            counted(one.rows, "row") if not one.reason else tag("span", f"not filled: {one.reason}", class_="warning"),
        )
        for one in step.filled
    ]
    return table("Older tables that the migration touches", ("table", "rows"), rows) if rows else None


def _more(step: Step) -> Html | None:
    rows = [(name.replace("_", " "), said) for name, value in step.more.items() if (said := words(value))]
    return table("Checks and what they came to", ("check", "what came out"), rows) if rows else None
