"""What a stranger writes forges nothing in what the other commands print: on both outputs, and in their errors."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import reports
from elf_sqlcheck.reports.terminal import clean
from tests import hostile
from tests.browser import browser

if TYPE_CHECKING:
    from pathlib import Path

#: Elements of our page; the drawing's have no name that a stranger chooses.
ELEMENTS = frozenset({
    "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "div", "nav", "ul", "ol",
    "li", "main", "section", "form", "fieldset", "legend", "label", "input", "span", "select", "option", "article",
    "code", "pre", "mark", "strong", "em", "details", "summary", "script", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "figure", "figcaption", "del", "ins", "svg", "g", "rect", "text", "line", "path",
})  # fmt: skip
ATTRIBUTES = frozenset({
    "lang", "charset", "http-equiv", "content", "name", "class", "href", "id", "tabindex", "aria-labelledby",
    "aria-label", "aria-hidden", "role", "type", "value", "checked", "autocomplete", "data-severity", "data-rule",
    "data-path", "open", "title", "scope", "colspan", "width", "height", "viewBox", "x", "y", "x1", "x2", "y1", "y2",
    "rx", "d", "text-anchor", "hidden",
})  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hostile.write(tmp_path / "migrations")
    return tmp_path


def errors_of(payload: str) -> list[tuple[str, ...]]:
    """Command lines that are refused because of a name that a stranger chose."""
    path = payload.replace("/", "") + ".sql"
    return [
        ("elf-sqlcheck", "lint", "--", path),
        ("elf-sqlcheck", "lint", f"--{payload}"),
        ("elf-sqlcheck", "lint", "--fail-on", payload),
        ("elf-sqlcheck", "lint", "--output", payload),
        ("elf-sqlcheck", "lint", "--since", f"x{payload}"),
        ("elf-sqlcheck", "lint", "--select", payload),
        ("elf-sqlcheck", "lint", "--config", path),
        ("elf-sqlcheck", "lint", "--baseline", path),
        ("elf-sqlcheck", "verify", "--", path),
        ("elf-sqlcheck", "explain", "--", payload),
        ("elf-sqlcheck", payload),
        ("elf-sqlcheck", "github", "outputs", "--", path),
        ("elf-migrate", "validate", "--", path),
        ("elf-migrate", "list", "--dir", path, "--database-url", f"postgresql://h.invalid/{path}"),
        ("elf-migrate", "import", "--", path),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["return", "separators", "c1", "bidi", "mask", "group", "note", "title"])
def test_an_error_is_one_sentence_whatever_it_names(tmp_path: Path, kind: str) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").write_text("SELECT 1;")
    payload = hostile.PAYLOADS[kind]
    for line in errors_of(payload):
        done = hostile.command(*line, folder=tmp_path)
        assert done.returncode not in {0, 1, 3, 70}, (line, done)
        hostile.said_once(done.stderr)
        hostile.plain(done.stdout)


def test_an_error_names_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    for name in hostile.BYTES:
        done = hostile.command("elf-sqlcheck", "lint", "--", name + b".sql", folder=tmp_path)
        assert clean(name.decode("utf-8", "surrogateescape")) in hostile.said_once(done.stderr)


@pytest.mark.parametrize("option", ["--fix", "--unsafe-fixes", "--add-suppressions"])
def test_a_diff_shows_what_would_change_and_does_nothing(folder: Path, option: str) -> None:
    more = ("--reason", "old") if option == "--add-suppressions" else ()
    shown = [one for one in (option, "--diff") if one != "--fix"]
    done = hostile.command("elf-sqlcheck", "lint", *shown, *more, folder=folder)
    assert done.returncode == 1
    text = hostile.plain(done.stdout)
    assert len(text) > 10_000
    assert [line for line in text.splitlines() if line[:1] not in "-+ @\\"] == []
    assert text.count("\n--- a/") == text.count("\n+++ b/") > len(hostile.PAYLOADS) / 2
    said = hostile.plain(done.stderr)
    assert "what cannot be seen is shown by its code, so this diff cannot be applied where that stands" in said
    assert "findings in" in said


def test_fixing_says_what_it_did_not_do(folder: Path) -> None:
    for words in (("--unsafe-fixes",), ("--add-suppressions", "--reason", "old")):
        done = hostile.command("elf-sqlcheck", "lint", *words, folder=folder)
        hostile.plain(done.stdout)
        hostile.plain(done.stderr)


def test_a_diff_of_harmless_files_can_be_applied(tmp_path: Path) -> None:
    text = "\ufeffCREATE TABLE t (größe char(3));\r\n\tSELECT '価格\u00a0🎉'::text;\r\n"
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").write_text(text, "utf-8", newline="")
    done = hostile.command("elf-sqlcheck", "lint", "--unsafe-fixes", "--diff", folder=tmp_path)
    assert b"by its code" not in done.stderr
    assert b"\n-\xef\xbb\xbfCREATE TABLE t (gr\xc3\xb6\xc3\x9fe char(3));\r\n" in done.stdout


def test_a_diff_of_a_file_whose_name_has_several_lines_is_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    path = tmp_path / "migrations" / '20250101_000000_a\n+++ b\\"x.sql'
    path.write_text("CREATE TABLE t (c char(3));\n")
    done = hostile.command("elf-sqlcheck", "lint", "--unsafe-fixes", "--diff", folder=tmp_path)
    subprocess.run(["git", "apply", "-"], input=done.stdout, cwd=tmp_path, check=True)
    assert path.read_text() != "CREATE TABLE t (c char(3));\n"
    assert [*path.parent.iterdir()] == [path]


def test_a_baseline_knows_all_of_it_again(folder: Path) -> None:
    done = hostile.command("elf-sqlcheck", "baseline", "--include-secrets", folder=folder)
    assert done.returncode == 0
    hostile.plain(done.stdout + done.stderr)
    done = hostile.command("elf-sqlcheck", "lint", "--fail-on", "warning", folder=folder)
    assert (done.returncode, "known findings of the baseline" in hostile.plain(done.stderr)) == (0, True)
    done = hostile.command("elf-sqlcheck", "baseline", "--prune", folder=folder)
    assert "0 findings taken out" in hostile.plain(done.stdout)


def test_the_configuration_of_a_stranger_is_shown_and_can_be_read_back(tmp_path: Path) -> None:
    import tomllib

    folders = list(hostile.PAYLOADS.values())
    odd = ", ".join('"' + "".join(f"\\U{ord(c):08x}" for c in one) + '"' for one in folders)
    (tmp_path / "elf-sqlcheck.toml").write_text(f"exclude = [{odd}]\n")
    done = hostile.command("elf-sqlcheck", "config", folder=tmp_path)
    shown = hostile.plain(done.stdout)
    assert tomllib.loads(shown)["exclude"] == folders
    done = hostile.command("elf-sqlcheck", "config", "--output-format", "json", folder=tmp_path)
    assert json.loads(hostile.plain(done.stdout))["exclude"] == folders


@pytest.mark.slow
def test_style_forges_nothing_either(folder: Path) -> None:
    names = [f"--output={name}:report.{name}" for name in reports.FORMATS]
    paths = sorted((folder / "migrations").iterdir())[:14]
    done = hostile.command("elf-sqlcheck", "style", *names, "--", *map(str, paths), folder=folder)
    assert done.returncode in {0, 1}
    hostile.plain(done.stdout)
    hostile.plain(done.stderr)
    found = json.loads((folder / "report.json").read_text())["findings"]
    assert len({one["path"] for one in found}) > 4
    hostile.plain((folder / "report.text").read_bytes())
    assert len(hostile.runner((folder / "report.github").read_bytes())) == len(found)


@pytest.mark.slow
def test_verify_forges_nothing_either(tmp_path: Path) -> None:
    up = {
        text: f"CREATE TABLE {hostile.quoted(text)} ({hostile.quoted(text)} int);\n"
        f"DO {hostile.literal('BEGIN RAISE NOTICE ' + hostile.literal(text.replace('%', '%%')) + '; END')};"
        for text in hostile.PAYLOADS.values()
    }
    text = hostile.PAYLOADS["note"]
    up["fails"] = f"DO {hostile.literal('BEGIN RAISE EXCEPTION ' + hostile.literal(text) + '; END')};"
    hostile.files(tmp_path, up)
    options = [f"--output={name}:report.{name}" for name in reports.FORMATS if name != "text"]
    done = hostile.command(
        "elf-sqlcheck", "verify", *options, "--output=text:-", folder=tmp_path, GITHUB_STEP_SUMMARY="summary.md"
    )
    assert done.returncode == 1, done.stderr
    hostile.plain(done.stdout)
    hostile.plain(done.stderr)
    found = json.loads((tmp_path / "report.json").read_text())["findings"]
    said = "\n".join(one["message"] for one in found)
    silent = [name for name, text in hostile.PAYLOADS.items() if text not in said and hostile.quoted(text) not in said]
    assert silent == []
    assert len(hostile.runner((tmp_path / "report.github").read_bytes())) == len(found)
    for name in ("report.markdown", "summary.md"):
        text = re.sub(r"https?://|\bwww\.", "", (tmp_path / name).read_text("utf-8"))
        page = hostile.markdown(text)
        assert not {tag for tag, _ in page.elements} & {"img", "a", "script", "svg", "iframe", "b"}, name
        assert [one for one in page.texts if re.search(r"(?i)(?<![\w`])@\w|#\d|\bgh-\d", one)] == []
        assert sum(tag == "details" for tag, _ in page.elements) == len(re.findall(r"(?m)^<details>", text)) > 10
    _in_a_browser(tmp_path / "report.html", len(found))


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_the_page_of_lint_runs_and_asks_for_nothing(folder: Path) -> None:
    hostile.command("elf-sqlcheck", "lint", "--output=html:report.html", "--output=json:report.json", folder=folder)
    found = json.loads((folder / "report.json").read_text())["findings"]
    text = _in_a_browser(folder / "report.html", len(found))
    for payload in hostile.PAYLOADS.values():
        assert clean(payload, keep="\n\t").split("\n")[0].strip() in text


def _in_a_browser(page_of: Path, findings: int) -> str:
    """Open a page in a real browser, and fail where it holds, runs or asks for what is not ours; returns its text."""
    with browser() as chromium:
        page = chromium.new_page()
        odd: list[str] = []
        page.on("console", lambda message: odd.append(message.text))
        page.on("pageerror", lambda error: odd.append(str(error)))
        page.on("dialog", lambda dialog: odd.append(dialog.message))
        page.on("request", lambda request: odd.append(request.url))
        page.goto(page_of.as_uri())
        odd.remove(page_of.as_uri())
        assert page.evaluate("window.hurt") is None
        made: list[list[Any]] = page.evaluate(
            "[...document.querySelectorAll('*')].map(one => [one.localName, one.getAttributeNames()])"
        )
        assert {tag for tag, _ in made} <= ELEMENTS
        assert {name for _, names in made for name in names} <= ATTRIBUTES
        assert sum(tag == "script" for tag, _ in made) == sum(tag == "style" for tag, _ in made) == 1
        assert page.locator(".findings > li").count() == findings
        links: list[str] = page.evaluate("[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))")
        assert [link for link in links if not re.fullmatch(r"#[\w-]+", link)] == []
        # Whatever a stranger wrote could be clicked, too.
        page.evaluate("document.querySelectorAll('main *').forEach(one => one.dispatchEvent(new Event('mouseover')))")
        assert page.evaluate("window.hurt") is None
        text: str = page.evaluate("document.body.textContent")
        hostile.seen(text)
        attributes: list[str] = page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(one => [...one.attributes].map(each => each.value))"
        )
        for value in set(attributes):
            assert clean(value, keep="\n\t") == value
        assert odd == []
    return text
