"""The rules of the plug-in, one for each severity."""

from __future__ import annotations

from sqlfluff.core.rules import BaseRule, LintResult
from sqlfluff.core.rules.crawlers import RootOnlyCrawler

from elf_sqlcheck.finding import Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlfluff.core.parser import BaseSegment
    from sqlfluff.core.rules import RuleContext


class Rule_EL01(BaseRule):  # noqa: N801 - sqlfluff takes the code from the name
    """elf-sqlcheck: what must not be deployed. `elf-sqlcheck explain` says why, by the name at the end."""

    _check_docstring = False
    name = "elf.error"
    groups = ("all", "elf")
    crawl_behaviour = RootOnlyCrawler(works_on_unparsable=True)
    targets_templated = True
    severity = Severity.ERROR

    def _eval(self, context: RuleContext) -> list[LintResult]:
        if context.path is None or context.templated_file is None or not context.segment.raw_segments:
            return []
        from elf_sqlcheck.plugin.findings import findings

        return [
            LintResult(_segment(context.segment, start), description=message)
            for severity, start, message in findings(str(context.path), context.templated_file.source_str)
            if severity is self.severity
        ]


class Rule_EL02(Rule_EL01):  # noqa: N801 - as above
    """elf-sqlcheck: what should not be deployed so. `elf-sqlcheck explain` says why, by the name at the end."""

    name = "elf.warning"
    severity = Severity.WARNING


def _segment(root: BaseSegment, start: int) -> BaseSegment:
    """The segment at a character of the source, or the last before it."""
    found = root.raw_segments[0]
    for segment in root.raw_segments:
        place = segment.pos_marker.source_slice
        if place.start > start:
            break
        if place.start < place.stop:
            found = segment
    return found
