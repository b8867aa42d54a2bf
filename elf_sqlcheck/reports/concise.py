"""One finding a line: `path:line:col: severity: message [rule-name]`, as compilers write and editors read it."""

from __future__ import annotations

from elf_sqlcheck.reports import Places, inert
from elf_sqlcheck.reports.terminal import clean, painted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.reports import Report, Style


def render(report: Report, style: Style) -> str:
    """All findings; nothing at all when there are none."""
    places = Places(report.sources)
    lines: list[str] = []
    for finding in report.findings:
        place = places.of(finding)
        level = painted(finding.severity.label, finding.severity.label, style.colour)
        message = " ".join(clean(finding.message, keep="\n").split("\n"))
        lines.append(f"{clean(finding.path)}:{place.line}:{place.column}: {level}: {message} [{clean(finding.rule)}]\n")
    return inert.lines("".join(lines))
