"""The findings, and what chooses among them: severity, rule, file and words."""

from __future__ import annotations

from elf_sqlcheck.reports import numbers
from elf_sqlcheck.reports.html.markup import Html, join, prose, tag, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Report
    from elf_sqlcheck.reports.html.source import Sources

#: Columns of a source line around what is marked.
_AROUND = 200


def listed(report: Report, sources: Sources) -> Html:
    """The filter, how many are shown, and the findings."""
    if not report.findings:
        return tag("p", "Nothing was found.", class_="good")
    shown = tag("ol", *(_finding(n, one, sources) for n, one in enumerate(report.findings)), class_="findings")
    return join((_filter(report), shown))


def _filter(report: Report) -> Html:
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", name="severity", value=level.label, checked=True),
            tag("span", f"{level.label} ({number})", class_=f"badge {level.label}"),
        )
        for level, number in numbers(report).items()
    ]
    rules = sorted({finding.rule for finding in report.findings})
    paths = list(dict.fromkeys(finding.path for finding in report.findings))
    return tag(
        "form",
        tag("fieldset", tag("legend", "Severity"), *boxes),
        _choice("Rule", "rule", rules),
        _choice("File", "path", paths),
        tag("label", "Words ", tag("input", type="search", name="words", autocomplete="off")),
        tag("p", f"{len(report.findings)} of {len(report.findings)} shown", id="shown", role="status"),
        id="filter",
        aria_label="Filter the findings",
        hidden=True,
    )


def _choice(label: str, name: str, values: Iterable[str]) -> Html:
    options = (tag("option", value, value=value) for value in values)
    return tag("label", f"{label} ", tag("select", tag("option", "all", value=""), *options, name=name))


def _finding(number: int, finding: Finding, sources: Sources) -> Html:
    place = sources.places.of(finding)
    level = finding.severity.label
    return tag(
        "li",
        tag(
            "article",
            tag(
                "h3",
                tag("span", level, class_=f"badge {level}"),
                " ",
                tag("code", finding.rule),
                " ",
                sources.link(finding.path, place.line),
            ),
            tag("p", prose(finding.message), class_="message"),
            _excerpt(finding, sources),
            tag("p", tag("strong", "Why: "), prose(finding.why)) if finding.why else None,
            _instead(finding.instead),
        ),
        id=f"F{number}",
        class_=level,
        data_severity=level,
        data_rule=finding.rule,
        data_path=finding.path,
        tabindex="-1",
    )


def _instead(instead: str) -> Html | None:
    said = instead.strip("\n")
    if "\n" in said:
        shown = tag("pre", tag("code", said), tabindex="0", role="region", aria_label="What to write instead")
        return tag("div", tag("p", tag("strong", "Instead:")), shown)
    return tag("p", tag("strong", "Instead: "), prose(said)) if said else None


def _excerpt(finding: Finding, sources: Sources) -> Html | None:
    """The line that is meant, with a mark on the part of it."""
    if finding.span is None or finding.path not in sources.places.sources:
        return None
    place = sources.places.of(finding)
    line = sources.places.line(finding.path, place.line)
    start = place.column - 1
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    before, after = line[max(0, start - _AROUND) : start], line[end : end + _AROUND]
    marked = join((text(before.lstrip()), tag("mark", line[start:end][: 2 * _AROUND]), text(after)))
    return tag("pre", tag("code", marked), tabindex="0", role="region", aria_label=f"Line {place.line}")
