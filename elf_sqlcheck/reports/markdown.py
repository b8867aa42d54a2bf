"""The report as GitHub's Markdown: a comment on a pull request, or the summary of a job.

A migration and its messages are written by anybody, so whatever Markdown gives a meaning to is escaped, and nobody is
notified by a name in a message.
"""

from __future__ import annotations

import re

from elf_sqlcheck.reports import Places, counted, inert, summary
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Report, Style

#: A comment on GitHub may have 65,536 characters. What is left out is said.
LIMIT = 60_000
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>|#~&"} | {"@": "@<!-- -->"})
#: What GitHub makes a reference of once the Markdown has been read, so that a backslash does not keep it from that; a
#: comment of HTML between its characters does. The issue would say that somebody spoke of it.
_REFERENCE = re.compile(r"(?i)#(?=\d)|\bgh(?=-\d)")
_HTML = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "@": "@<!-- -->"})
_MARKS = {"error": "🔴", "warning": "🟡", "note": "🔵"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """What came out, the table of proven migrations, the findings by file, and details folded away."""
    places = Places(report.sources)
    parts = [f"### elf-sqlcheck: {summary(report)}\n"]
    details: list[str] = []
    if report.verification is not None:
        from elf_sqlcheck.reports.markdown_verification import folded, table

        parts.append(table(report, places))
        details = list(folded(report, places))
    return inert.lines(fitted([*parts, *_by_file(report, places), *details], LIMIT))


def fitted(parts: Iterable[str], limit: int) -> str:
    """The parts with a blank line between them, as many as make at most `limit` bytes; what is missing is said."""
    made: list[str] = []
    left = limit
    kept = [part for part in parts if part]
    for number, part in enumerate(kept):
        left -= len(part.encode("utf-8", "replace")) + 1
        if left < 0:
            made.append(f"… and {counted(len(kept) - number, 'part')} more, too long for this place.\n")
            break
        made.append(part)
    return "\n".join(made)


def _by_file(report: Report, places: Places) -> Iterator[str]:
    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_path.setdefault(finding.path, []).append(finding)
    for path, findings in by_path.items():
        yield f"#### {escaped(path)}\n"
        told: set[tuple[str, str]] = set()
        yield from (_finding(finding, places, told) for finding in findings)


def _finding(finding: Finding, places: Places, told: set[tuple[str, str]]) -> str:
    level = finding.severity.label
    place = places.of(finding)
    said = f"- {_MARKS[level]} **{level}** line {place.line} · {escaped(finding.rule)}: {prose(finding.message)}\n"
    if finding.why and (finding.rule, finding.why) not in told:
        told.add((finding.rule, finding.why))
        said += f"  <br>Why: {prose(finding.why)}\n"
    instead = finding.instead.strip("\n")
    if "\n" in instead:
        said += f"  <br>Instead:\n\n{_indented(fenced(instead, 'sql'))}"
    elif instead:
        said += f"  <br>Instead: {prose(instead)}\n"
    return said


def escaped(text: str) -> str:
    """`text` as it stands, in one line, whatever Markdown would make of it."""
    return _plain(_in_a_line(text))


def in_html(text: str) -> str:
    """`text` as it stands, in one line, where HTML has begun and a backslash is one."""
    return _unreferred(_in_a_line(text).translate(_HTML))


def prose(text: str) -> str:
    """A message in one line: what it has between backticks is code, all else as it stands."""
    parts = _in_a_line(text).split("`")
    if len(parts) % 2 == 0 or not all(part.strip() for part in parts[1::2]):
        return escaped(text)
    return "".join(f"`{part}`" if number % 2 else _plain(part) for number, part in enumerate(parts))


def _in_a_line(text: str) -> str:
    return " ".join(clean(text, keep="\n").split())


def _plain(text: str) -> str:
    return _unreferred(text.translate(_SPECIAL))


def _unreferred(text: str) -> str:
    return _REFERENCE.sub(r"\g<0><!-- -->", text)


def fenced(text: str, language: str = "") -> str:
    """`text` as a block of code, which nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{clean(text, keep=chr(10) + chr(9)).rstrip()}\n{fence}\n"


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
