"""The format of reviewdog, with a suggestion where there is a fix.

https://github.com/reviewdog/reviewdog/tree/master/proto/rdf
"""

from __future__ import annotations

from elf_sqlcheck.reports import Places
from elf_sqlcheck.reports.exchange import TOOL, Replacements, document, paragraphs
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Finding, Span
    from elf_sqlcheck.reports import Report, Style

_SEVERITIES = {"error": "ERROR", "warning": "WARNING", "note": "INFO"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """All findings. Paths are as they were given: reviewdog itself knows in which folder it reads them.

    Lines are 1-based, and so are columns, which count bytes; ends are exclusive.
    """
    places, fixes = Places(report.sources), Replacements(report.sources)
    whole = {
        "source": {"name": TOOL},
        "diagnostics": [_diagnostic(finding, places, fixes) for finding in report.findings],
    }
    return document(whole)


def _diagnostic(finding: Finding, places: Places, fixes: Replacements) -> dict[str, Any]:
    location: dict[str, Any] = {"path": clean(finding.path)}
    if finding.span is not None and finding.path in places.sources:
        location["range"] = _range(finding.path, finding.span, places)
    made = {
        "message": paragraphs(finding),
        "location": location,
        "severity": _SEVERITIES[finding.severity.label],
        "code": {"value": finding.rule},
    }
    suggestions = [
        {"range": _range(one.path, one.span, places), "text": one.text}
        for one in fixes.of(finding)
        if one.path == finding.path  # a suggestion names no file of its own
    ]
    return {**made, "suggestions": suggestions} if suggestions else made


def _range(path: str, span: Span, places: Places) -> dict[str, Any]:
    line, column = places.byte_position(path, span.start)
    end_line, end_column = places.byte_position(path, max(span.start, span.end))
    return {"start": {"line": line, "column": column}, "end": {"line": end_line, "column": end_column}}
