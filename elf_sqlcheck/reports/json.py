"""The report for programs: one JSON object. `version` counts the changes of its shape that break readers."""

from __future__ import annotations

from elf_sqlcheck.model import Applicability, Severity
from elf_sqlcheck.reports import Places, fixable, numbers
from elf_sqlcheck.reports.exchange import document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Place, Report, Style

VERSION = 1


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """`version`, `findings`, `summary` and, after `verify`, `verification`: as report.schema.json describes them.

    Positions are 1-based, in characters, ends exclusive.
    """
    places = Places(report.sources)
    found = numbers(report)
    whole: dict[str, Any] = {
        "version": VERSION,
        "findings": [members(finding, places) for finding in report.findings],
        "summary": {
            "errors": found.get(Severity.ERROR, 0),
            "warnings": found.get(Severity.WARNING, 0),
            "notes": found.get(Severity.NOTE, 0),
            "files": report.files,
            "suppressed": report.suppressed,
            "known": len(report.known),
            "fixed": report.fixed,
            "fixable": fixable(report, Applicability.SAFE),
            "unsafely_fixable": fixable(report, Applicability.UNSAFE),
        },
    }
    if report.verification is not None:
        from elf_sqlcheck.reports.json_verification import verification

        whole["verification"] = verification(report, places)
    return document(whole)


def members(finding: Finding, places: Places) -> dict[str, Any]:
    """A finding as JSON, with the members that its definition in report.schema.json names."""
    return {
        "path": finding.path,
        **_place(places.of(finding)),
        "rule": finding.rule,
        "family": finding.family,
        "severity": finding.severity.label,
        "message": finding.message,
        "why": finding.why,
        "instead": finding.instead,
        "fix": _fix(finding, places),
    }


def _place(place: Place) -> dict[str, int]:
    return {
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def _fix(finding: Finding, places: Places) -> dict[str, Any] | None:
    fix = finding.fix
    if fix is None:
        return None
    edits = []
    for edit in fix.edits:
        path = edit.path or finding.path
        if path not in places.sources:
            continue
        edits.append({"path": path, **_place(places.between(path, edit.span)), "text": edit.text})
    return {"title": fix.title, "applicability": fix.applicability.value, "edits": edits}
