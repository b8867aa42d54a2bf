"""What `verify` saw, as Markdown: a table of the migrations, and the details of each folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.reports.markdown import escaped, fenced, in_html
from elf_sqlcheck.reports.text_verification import statement, values
from elf_sqlcheck.reports.verification import (
    changes,
    ending,
    judged,
    lock,
    outcome,
    ran,
    sentence,
    time,
    unobserved,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.reports import Places, Report
    from elf_sqlcheck.verify.result import Step

_ANSWERS = {True: "✅", False: "❌", None: "—"}
#: Rows of the table; a reader of a thousand looks elsewhere.
_ROWS = 100


def table(report: Report, places: Places) -> str:
    """What was proven in one sentence, and a row for each migration that was judged."""
    result = report.verification
    steps = judged(report)
    said = f"{escaped(sentence(result, report.seconds))}." if result is not None else ""
    if result is not None and result.server:
        said += f" Server: {escaped(result.server)}."
    if not steps:
        return f"{said}\n"
    lines = [said, "", "| migration | applied | rolled back | applied again | locks that block | time |"]
    lines.append("|---|:-:|:-:|:-:|---|--:|")
    for step in steps[:_ROWS]:
        exact = step.rolled_back and not any(difference.matters for difference in step.differences)
        back = "❌ inexactly" if step.rolled_back and not exact else _ANSWERS[step.rolled_back]
        cells = (
            escaped(step.migration.path),
            _ANSWERS[step.applied],
            back,
            _ANSWERS[step.reapplied],
            "<br>".join(dict.fromkeys(escaped(lock(held)) for one in ran(step, places) for held in one.blocking)),
            time(step.ms),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if len(steps) > _ROWS:
        lines.append(f"\n… and {len(steps) - _ROWS} more.")
    return "\n".join(lines) + "\n"


def folded(report: Report, places: Places) -> Iterator[str]:
    """What else there is to say about each migration, and the notes of the run."""
    for step in judged(report):
        body = "\n".join(_details(step, places))
        if body:
            summary = f"{in_html(step.migration.path)}: {outcome(step)}"
            yield f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"
    if report.verification is not None and report.verification.notes:
        yield _listed("Notes", map(escaped, report.verification.notes))


def _details(step: Step, places: Places) -> Iterator[str]:
    statements = (*map(statement, ran(step, places)), *filter(None, (unobserved(step),)))
    yield from _section("Statements", map(escaped, statements))
    yield from _section("Changes of the schema", (escaped(change.describe()) for change in changes(step)))
    yield from _section("After the rollback", (escaped(change.describe()) for change in step.differences))
    yield from _section(
        "Rows that break it",
        (f"{escaped(row.table)}: {escaped(values(row.values))} {escaped(row.message)}" for row in step.broken_rows),
    )
    yield from _section(
        "Queries that had to wait",
        (escaped(f"{one.query} on {one.table}: {ending(one)}") for one in step.blocked),
    )
    yield from _section("Rows", (escaped(f"{one.table}: {one.reason or f'{one.rows} rows'}") for one in step.filled))
    yield from _section("More", (escaped(f"{name}: {words(value)}") for name, value in step.more.items()))
    if step.proposal:
        yield f"**A DOWN that undoes it**\n\n{fenced(step.proposal, 'sql')}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    if said := _listed(title, lines):
        yield said


def _listed(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"- {line}\n" for line in lines)
    return f"**{title}**\n\n{items}" if items else ""
