"""The page: its head, what came out at a glance, and its sections in their order."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from elf_sqlcheck.reports import numbers, summary
from elf_sqlcheck.reports.html import findings
from elf_sqlcheck.reports.html.markup import Html, prose, tag
from elf_sqlcheck.reports.html.source import Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.reports import Report, Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """The whole page."""
    sources = Sources(report)
    sections = list(_sections(report, sources))
    title = f"elf-sqlcheck: {summary(report)}"
    page = tag(
        "html",
        _head(title),
        tag(
            "body",
            tag("a", "Skip to the report", class_="skip", href="#main"),
            _header(report),
            tag(
                "div",
                tag("nav", tag("ul", *(_link(*section[:2]) for section in sections)), aria_label="On this page"),
                tag("main", *(_section(*section) for section in sections), id="main", tabindex="-1"),
                class_="columns",
            ),
            tag("script", _asset("page.js")),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _head(title: str) -> Html:
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        # Attributes of a policy and a viewport are written here because their names are no Python identifiers.
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )


def _header(report: Report) -> Html:
    verification = report.verification
    said: list[Html] = []
    if verification is not None:
        from elf_sqlcheck.reports.verification import sentence

        said.append(tag("p", f"{sentence(verification, report.seconds)}."))
        if verification.server:
            said.append(tag("p", verification.server, class_="dim"))
    worst = next((level.label for level in numbers(report)), "good")
    return tag(
        "header",
        tag("p", "elf-sqlcheck", class_="brand"),
        tag("h1", f"{summary(report)[:1].upper()}{summary(report)[1:]}", class_=worst),
        *said,
    )


def _sections(report: Report, sources: Sources) -> Iterator[tuple[str, str, Html]]:
    """The id, the title and the content of each section that has some."""
    verification = report.verification
    if verification is not None:
        from elf_sqlcheck.reports.html import migrations
        from elf_sqlcheck.reports.verification import judged

        steps = judged(report)
        if steps:
            yield "overview", "Overview", migrations.overview(steps, sources)
    yield "findings", f"Findings ({len(report.findings)})", findings.listed(report, sources)
    if verification is not None:
        for number, step in enumerate(steps):
            yield f"m{number}", step.migration.path, migrations.migration(number, step, sources)
        if verification.notes:
            yield "notes", "Notes", tag("ul", *(tag("li", prose(note)) for note in verification.notes))
    if sources.paths:
        yield "sources", "Migrations as they are written", sources.all()


def _link(anchor: str, title: str) -> Html:
    shown = title.rpartition("/")[2] if anchor.startswith("m") else title
    return tag("li", tag("a", shown, href=f"#{anchor}", title=title if shown != title else None))


def _section(anchor: str, title: str, content: Html) -> Html:
    return tag("section", tag("h2", title, id=f"{anchor}-title"), content, id=anchor, aria_labelledby=f"{anchor}-title")


def _asset(name: str) -> Html:
    return Html(files("elf_sqlcheck.reports.html").joinpath(name).read_text("utf-8"))


def _hash(asset: str) -> str:
    return f"'sha256-{b64encode(sha256(asset.encode()).digest()).decode()}'"
