"""GitLab's code quality report: the widget of a merge request, and marks beside its changed lines.

It compares the fingerprints of two branches: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from elf_sqlcheck.reports import Places
from elf_sqlcheck.reports.exchange import Root, document, fingerprints, paragraphs
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.reports import Report, Style

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """A list of findings; paths count from the root of the repository, lines from 1."""
    places, root = Places(report.sources), Root.of_repository()
    entries = []
    for finding, fingerprint in zip(report.findings, fingerprints(report, root), strict=True):
        place = places.of(finding)
        entries.append(
            {
                "description": paragraphs(finding),
                "check_name": finding.rule,
                "fingerprint": fingerprint,
                "severity": _SEVERITIES[finding.severity.label],
                "location": {
                    "path": clean(root.relative(finding.path)),
                    "lines": {"begin": place.line, "end": place.end_line},
                },
            }
        )
    return document(entries)
