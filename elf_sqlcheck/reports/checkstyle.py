"""Checkstyle's XML, which Jenkins, reviewdog and many others read.

https://checkstyle.sourceforge.io
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from elf_sqlcheck.reports import Places
from elf_sqlcheck.reports.exchange import TOOL, Root, by_file, paragraphs
from elf_sqlcheck.reports.junit import xml
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.reports import Report, Style

_SEVERITIES = {"error": "error", "warning": "warning", "note": "info"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """The files with findings; paths count from the root of the repository, lines and columns (characters) from 1."""
    places, root = Places(report.sources), Root.of_repository()
    whole = ET.Element("checkstyle", version="10.0")
    for path, findings in by_file(report).items():
        if not findings:
            continue
        file = ET.SubElement(whole, "file", name=clean(root.relative(path)))
        for finding in findings:
            place = places.of(finding)
            ET.SubElement(
                file,
                "error",
                line=str(place.line),
                column=str(place.column),
                severity=_SEVERITIES[finding.severity.label],
                message=paragraphs(finding),
                source=f"{TOOL}.{clean(finding.rule)}",
            )
    return xml(whole)
