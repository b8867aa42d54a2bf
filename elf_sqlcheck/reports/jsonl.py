"""One finding a line, each a JSON object: for programs that read a stream.

The members are those of a finding in the format json; report.schema.json describes them under `$defs/finding`.
"""

from __future__ import annotations

from json import dumps

from elf_sqlcheck.reports import Places, inert
from elf_sqlcheck.reports.json import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.reports import Report, Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """All findings; nothing at all when there are none."""
    places = Places(report.sources)
    return inert.json("".join(dumps(members(finding, places)) + "\n" for finding in report.findings))
