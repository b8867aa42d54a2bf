"""Annotations on the changed lines of a pull request, and the job summary.

GitHub shows ten errors and ten warnings a step, so the worst come first and the summary holds all of them.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os

from elf_sqlcheck.reports import Places, counted, inert, summary
from elf_sqlcheck.reports.exchange import Root, paragraphs, worst_first
from elf_sqlcheck.reports.markdown import escaped, fitted
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.reports import Report, Style

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
#: A job summary may be 1 MiB a step, all tools together.
_SUMMARY_BYTES = 500_000


def render(report: Report, style: Style, environment: Mapping[str, str] | None = None) -> str:
    """One workflow command a finding, and the summary as a last line of the log.

    Paths are made relative to GITHUB_WORKSPACE, as annotations need them wherever the step was started.
    """
    environment = os.environ if environment is None else environment
    places = Places(report.sources)
    workspace = environment.get("GITHUB_WORKSPACE")
    root = Root(workspace) if workspace else None
    lines: list[str] = []
    for finding in worst_first(report.findings):
        place = places.of(finding)
        path = root.relative(finding.path) if root else finding.path
        properties = {"file": path, "line": place.line, "col": place.column}
        if place.end_line > place.line:
            properties["endLine"] = place.end_line
            del properties["col"]  # GitHub ignores columns of more than one line, and warns
        elif place.end_column > place.column:
            properties["endLine"], properties["endColumn"] = place.end_line, place.end_column
        properties["title"] = finding.rule
        shown = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        lines.append(f"::{_COMMANDS[finding.severity.label]} {shown}::{_message(paragraphs(finding))}\n")
    if not style.quiet:
        lines.append(f"{summary(report)}\n")
    return "".join(lines)


def job_summary(report: Report) -> str:
    """The findings as Markdown, the worst first, and what `verify` saw; cut where a job summary holds no more."""
    places = Places(report.sources)
    parts = [f"### elf-sqlcheck: {summary(report)}\n\n"]
    if report.findings:
        parts.append("| | place | rule | what is wrong |\n|---|---|---|---|\n")
    size = 0
    for number, finding in enumerate(worst_first(report.findings)):
        place = places.of(finding)
        where = f"{escaped(finding.path)}:{place.line}"
        row = f"| {finding.severity.label} | {where} | {escaped(finding.rule)} | {escaped(finding.message)} |\n"
        size += len(row.encode("utf-8", "replace"))
        if size > _SUMMARY_BYTES:
            parts.append(f"\n… and {counted(len(report.findings) - number, 'finding')} more, in the log of the step.\n")
            break
        parts.append(row)
    if report.verification is not None:
        from elf_sqlcheck.reports.markdown_verification import folded, table

        proven = [table(report, places), *folded(report, places)]
        parts.append("\n" + fitted(proven, _SUMMARY_BYTES - min(size, _SUMMARY_BYTES)))
    return inert.lines("".join(parts))


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(clean(text, keep="\r\n")).replace(":", "%3A").replace(",", "%2C")
