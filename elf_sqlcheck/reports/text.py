"""The report for people: each finding with its line, its reason and its remedy."""

from __future__ import annotations

from elf_sqlcheck.model import Applicability
from elf_sqlcheck.reports import Places, inert, summary
from elf_sqlcheck.reports.terminal import clean, excerpt, painted, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Finding, Fix
    from elf_sqlcheck.reports import Place, Report, Style

#: Columns of a source line that are shown when nobody says how many there are.
_LINE = 120
#: Lines of a text that is proposed.
_PROPOSED = 12
_HOW = {
    Applicability.SAFE: "applied by --fix",
    Applicability.UNSAFE: "applied by --unsafe-fixes",
    Applicability.SHOWN: "for you to decide",
}


def render(report: Report, style: Style) -> str:
    """All findings; unless the style is quiet, what `verify` saw and a last line that sums up."""
    places = Places(report.sources)
    told: set[tuple[str, str, str]] = set()
    pieces = ["\n".join(_finding(finding, places, told, style)) + "\n" for finding in report.findings]
    if not style.quiet and report.verification is not None:
        from elf_sqlcheck.reports.text_verification import blocks

        pieces += blocks(report, places, style)
    if not style.quiet and (report.files or report.findings):
        worst = max((finding.severity.label for finding in report.findings), default="good", key=_rank)
        pieces.append(painted(summary(report), worst, style.colour))
    return inert.lines("\n".join(pieces) + "\n") if pieces else ""


def _rank(label: str) -> int:
    return ("good", "note", "warning", "error").index(label)


def _finding(finding: Finding, places: Places, told: set[tuple[str, str, str]], style: Style) -> Iterator[str]:
    place = places.of(finding)
    level = finding.severity.label
    where = painted(f"{clean(finding.path)}:{place.line}:{place.column}", "bold", style.colour)
    yield f"{where}  {painted(level, level, style.colour)}  {clean(finding.rule)}"
    yield "  " + wrapped(clean(finding.message), style.width - 2 if style.width else 0, "  ")
    if finding.span is not None and finding.path in places.sources:
        yield from _source(finding, place, places, style)
    for label, text in (("why", finding.why), ("instead", finding.instead)):
        key = (finding.path, finding.rule, text)
        if text and key not in told:
            told.add(key)
            yield _labelled(label, text, style)
    if finding.fix is not None:
        yield from _fix(finding.fix, style)


def _source(finding: Finding, place: Place, places: Places, style: Style) -> Iterator[str]:
    """The line with carets under what is meant. Of a longer stretch, the first line stands for all."""
    line = places.line(finding.path, place.line)
    number = str(place.line)
    bar = painted(f"  {' ' * len(number)} | ", "dim", style.colour)
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    room = (style.width or _LINE) - len(number) - 5
    shown, offset, columns = excerpt(line, place.column - 1, end, max(room, 20))
    yield (painted(f"  {number} | ", "dim", style.colour) + shown).rstrip()
    yield bar + " " * offset + painted("^" * columns, finding.severity.label, style.colour)
    if place.end_line > place.line:
        yield painted(f"  {' ' * len(number)} … to line {place.end_line}", "dim", style.colour)


def _labelled(label: str, text: str, style: Style) -> str:
    """A reason is broken to the width; a remedy of several lines is SQL and stays as it is."""
    shown = clean(text.strip("\n"), keep="\n")
    if "\n" in shown:
        body = "\n" + "\n".join(f"    {line}" for line in shown.split("\n"))
    else:
        body = " " + wrapped(shown, style.width - len(label) - 4 if style.width else 0, "    ")
    return f"  {painted(label + ':', 'dim', style.colour)}{body}"


def _fix(fix: Fix, style: Style) -> Iterator[str]:
    yield _labelled("fix", f"{fix.title} ({_HOW[fix.applicability]})", style)
    if fix.applicability is Applicability.SHOWN:
        lines = [line for edit in fix.edits for line in edit.text.strip("\n").split("\n") if line.strip()]
        for line in lines[:_PROPOSED]:
            yield "    " + painted(clean(line, keep="\t"), "added", style.colour)
        if len(lines) > _PROPOSED:
            yield f"    … and {len(lines) - _PROPOSED} more lines"
