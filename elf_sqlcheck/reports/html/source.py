"""The SQL itself: every line has an anchor, and those on which something was found say so."""

from __future__ import annotations

from elf_sqlcheck.reports import Places
from elf_sqlcheck.reports.html.markup import Html, join, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Report


class Sources:
    """The files that the page shows: those that were proven, and those in which something was found.

    `paths` are these in their order; `places` turns offsets in any file into lines.
    """

    def __init__(self, report: Report) -> None:
        self.places = Places(report.sources)
        proven = [
            path
            for step in (report.verification.steps if report.verification else ())
            if step.judged
            for path in step.migration.paths
        ]
        found = [finding.path for finding in report.findings]
        self.paths = [path for path in dict.fromkeys((*proven, *found)) if path in report.sources]
        self._numbers = {path: number for number, path in enumerate(self.paths)}
        self._found: dict[tuple[str, int], list[tuple[int, Finding]]] = {}
        for number, finding in enumerate(report.findings):
            line = self.places.of(finding).line
            self._found.setdefault((finding.path, line), []).append((number, finding))

    def link(self, path: str, line: int, words: str = "") -> Html:
        """A link to a line, or its words alone where the file is not on the page."""
        shown = words or f"{path}:{line}"
        if path not in self._numbers:
            return tag("span", shown)
        return tag("a", shown, href=f"#L{self._numbers[path]}-{line}", class_="place")

    def all(self) -> Html:
        """Every file, folded away but for the first few."""
        return join(self._file(path, is_open=len(self.paths) <= 3) for path in self.paths)

    def _file(self, path: str, *, is_open: bool) -> Html:
        data = self.places.sources[path]
        last = data.count(b"\n") + (not data.endswith(b"\n"))
        return tag(
            "details",
            tag("summary", tag("h3", path)),
            tag(
                "div",
                tag("div", *(self._line(path, line) for line in range(1, last + 1)), class_="lines"),
                class_="source",
                tabindex="0",
                role="region",
                aria_label=f"The text of {path}",
            ),
            open=is_open,
        )

    def _line(self, path: str, line: int) -> Html:
        found = self._found.get((path, line), [])
        worst = max((finding.severity for _, finding in found), default=None)
        notes = [
            tag("a", f"{finding.severity.label}: {finding.rule}", href=f"#F{number}", class_=finding.severity.label)
            for number, finding in found
        ]
        return tag(
            "div",
            tag("span", str(line), class_="number"),
            tag("code", self.places.line(path, line) or " "),
            tag("span", *notes, class_="found") if notes else None,
            id=f"L{self._numbers[path]}-{line}",
            class_=f"line {worst.label}" if worst is not None else "line",
        )
