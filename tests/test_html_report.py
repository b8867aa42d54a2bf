"""The HTML report in a real, headless Chromium: what a reader can do with it, and what hostile data cannot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from elf_sqlcheck import layouts, reports, verify
from elf_sqlcheck.reports import Report, Style
from tests import verified
from tests.browser import browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from elf_sqlcheck.postgres.server import Server

    Opened = Callable[..., Page]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
LINE_OF_THE_FIRST_FINDING = "L0-3"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What a page said in the console, and asked for besides itself."""
    return []


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path, complaints: list[str]) -> Iterator[Opened]:
    """Opens a report from disk; nothing may be asked of the network, nor complained about in the console."""
    pages: list[Page] = []

    def open_report(report: Report | None = None, anchor: str = "", **settings: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(reports.render("html", report or verified.report(), Style()), "utf-8")
        page = chromium.new_page(**settings)
        pages.append(page)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(f"{file.as_uri()}{anchor}")
        complaints.remove(file.as_uri())
        return page

    yield open_report
    for page in pages:
        page.close()
    assert complaints == []


def shown(page: Page) -> int:
    return page.locator(".findings > li:visible").count()


def test_it_opens_from_disk_and_says_what_came_out(opened: Opened) -> None:
    page = opened()
    assert page.title() == "elf-sqlcheck: 1 error, 1 warning, 1 note in 1 file"
    assert page.locator("h1").inner_text() == "1 error, 1 warning, 1 note in 1 file"
    row = page.get_by_role("row", name=verified.PATH)
    assert "inexactly" in row.inner_text()
    assert "ACCESS EXCLUSIVE on public.teams, blocks reads and writes" in row.inner_text()
    assert page.get_by_role("table", name="Bars show who holds what").get_by_role("row").count() == 2
    assert "rewrites public.teams" in page.get_by_role("table", name="The statements of UP").inner_text()
    assert page.get_by_role("region", name="A row of public.teams").get_by_text("NULL").is_visible()
    assert page.get_by_text("gave up; the lock was held for 100 ms").is_visible()
    assert page.get_by_text("not filled: no value satisfies its CHECK").is_visible()


def test_what_a_rollback_did_not_restore_stands_side_by_side(opened: Opened) -> None:
    page = opened()
    row = page.get_by_role("row", name="public.teams.name column type")
    assert [cell.inner_text().strip() for cell in row.get_by_role("cell").all()] == ["text", "character varying(40)"]
    body = page.get_by_role("row", name=re.compile("function.*body"))
    assert body.locator("del").all_inner_texts() == ["b"]
    assert body.locator("ins").all_inner_texts() == ["B"]
    assert page.get_by_text("Does not matter: It does no harm.").is_visible()


def test_the_filter_chooses_by_severity_rule_file_and_words(opened: Opened) -> None:
    page = opened()
    assert shown(page) == 3
    page.get_by_label("error (1)").uncheck()
    assert shown(page) == 2
    assert page.get_by_role("status").inner_text() == "2 of 3 shown"
    page.get_by_label("error (1)").check()
    page.get_by_label("Rule").select_option("unindexed-foreign-key")
    assert page.locator(".findings > li:visible .message").all_inner_texts() == ["no index"]
    page.get_by_label("Rule").select_option("")
    page.get_by_label("File").select_option(verified.PATH)
    assert shown(page) == 3
    page.get_by_label("Words").fill("ROLLBACK varying")
    assert shown(page) == 1
    page.get_by_label("Words").fill("nothing has this")
    assert page.get_by_role("status").inner_text() == "0 of 3 shown"


def test_a_finding_links_to_its_line_and_the_line_back(opened: Opened) -> None:
    page = opened()
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = false)")
    page.locator("#F0 a.place").click()
    line = page.locator(f"#{LINE_OF_THE_FIRST_FINDING}")
    page.wait_for_function(f"document.querySelector('#{LINE_OF_THE_FIRST_FINDING}:target') !== null")
    assert "ALTER TABLE teams ALTER COLUMN name" in line.inner_text()
    line.wait_for(state="visible")
    assert line.evaluate("one => { const box = one.getBoundingClientRect(); return box.top >= 0 }")
    line.get_by_role("link", name="error: rollback-does-not-restore").click()
    page.wait_for_function("document.querySelector('#F0:target') !== null")


def test_a_link_to_a_line_from_elsewhere_unfolds_its_file(opened: Opened) -> None:
    page = opened(anchor=f"#{LINE_OF_THE_FIRST_FINDING}")
    assert page.locator(f"#{LINE_OF_THE_FIRST_FINDING}").is_visible()


def test_the_diagram_shows_before_after_or_both(opened: Opened) -> None:
    page = opened()
    figure = page.get_by_role("figure")
    members = figure.locator("g.entity.added .name")
    gone = figure.locator("g.column.removed > text").nth(1)
    assert (members.text_content(), gone.text_content()) == ("public.members", "gone")
    assert figure.locator("g.key-line title").all_text_contents() == ["public.members.team references public.teams"]

    def visible() -> tuple[bool, bool]:
        looks = (one.evaluate("one => getComputedStyle(one).visibility") for one in (members, gone))
        first, second = (look == "visible" for look in looks)
        return first, second

    assert visible() == (True, True)
    page.get_by_role("radio", name="Before").check()
    assert visible() == (False, True)
    page.get_by_role("radio", name="After").check()
    assert visible() == (True, False)


def test_it_can_be_used_by_keyboard_alone(opened: Opened) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.locator(".skip").evaluate("one => one.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "severity":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "whoever tabs sees where"
    page.keyboard.press("Space")
    assert shown(page) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_accessible_in_either_scheme_and_fits_any_screen(opened: Opened, scheme: str, width: int) -> None:
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3]))
    assert (brightness > 600) is (scheme == "light")


def test_it_prints_on_pages_with_everything_unfolded(opened: Opened) -> None:
    page = opened()
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = false)")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(f"#{LINE_OF_THE_FIRST_FINDING}").is_visible()
    assert not page.locator("nav").is_visible()


def test_hostile_names_are_text_and_run_nothing(opened: Opened) -> None:
    page = opened()
    assert page.evaluate("window.hurt") is None
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("script").count() == 1
    assert page.get_by_text(verified.HOSTILE).count() > 0


def test_a_script_that_slips_in_is_not_run(opened: Opened, complaints: list[str]) -> None:
    """Should anything ever be written without being escaped, the policy of the page is there."""
    page = opened(Report((), {}, 0))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('div'), {innerHTML: '<b onclick=\"hurt=1\">x</b>'}))"
    )
    page.evaluate("document.querySelector('b').click()")
    assert page.evaluate("window.hurt") is None
    assert "Content Security Policy" in complaints.pop()
    policy = page.locator("meta[http-equiv]").get_attribute("content") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_lint_has_a_page_too(opened: Opened) -> None:
    whole = verified.report()
    page = opened(whole.replace(verification=None))
    assert shown(page) == 3
    assert page.get_by_role("heading", name="Overview").count() == 0
    assert page.locator("#L0-3").is_visible()


def test_a_thousand_findings_are_filtered_at_once(opened: Opened) -> None:
    whole = verified.report()
    page = opened(whole.replace(findings=whole.findings * 400))
    page.get_by_label("error (400)").uncheck()
    assert page.get_by_role("status").inner_text() == "800 of 1200 shown"


def test_a_real_verification_makes_a_whole_page(opened: Opened, server: Server) -> None:
    head, back = "-- ======= UP MIGRATION =======\n", "-- ======= DOWN MIGRATION =======\n"
    texts = {
        verified.FIRST: f"{head}CREATE TABLE teams (id uuid PRIMARY KEY, name text);\n{back}DROP TABLE teams;\n",
        verified.PATH: f"{head}CREATE TABLE members (team uuid REFERENCES teams, note text);\n"
        f"ALTER TABLE teams ALTER COLUMN name TYPE varchar(40);\n{back}DROP TABLE members;\n",
    }
    migrations = [layouts.read(path, text.encode(), "elf") for path, text in texts.items()]
    result = verify.verify(migrations, server)
    sources = {path: text.encode() for path, text in texts.items()}
    page = opened(Report(tuple(result.findings), sources, 2, verification=result, seconds=1.5))
    assert page.get_by_text(server.describe()).is_visible()
    row = page.get_by_role("row", name="public.teams.name column type").get_by_role("cell")
    assert [cell.inner_text().strip() for cell in row.all()] == ["text", "character varying(40)"]
    boxes = page.locator("#m1 g.entity .name").all_text_contents()
    assert boxes == ["public.teams", "public.members"], "what is referenced stands first"
    assert page.locator("#m1 g.key-line.added").count() == 1
    page.locator("#findings a.place").first.click()
    assert "ALTER TABLE teams" in page.locator(".line:target").inner_text()
