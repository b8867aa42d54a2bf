from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_sqlcheck import reports
from elf_sqlcheck.model import Applicability, Edit, Finding, Fix, Severity, Span
from elf_sqlcheck.reports import Report, Style, github, summary
from elf_sqlcheck.reports.terminal import cells, clean, excerpt, wrapped

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Style()
DATA = b"create table t (\n\tid int,\n  price money\n);\n"


def place_of(data: bytes, text: bytes) -> Span:
    start = data.index(text)
    return Span(start, start + len(text))


def one(
    data: bytes = DATA,
    text: bytes = b"money",
    *,
    path: str = "m/a.sql",
    message: str = "column price is money",
    severity: Severity = Severity.ERROR,
    why: str = "Because.",
    instead: str = "price numeric(12,2)",
    fix: Fix | None = None,
    whole: bool = False,
) -> Finding:
    span = None if whole else place_of(data, text)
    return Finding("money-type", "types", severity, message, path, span, why, instead, fix)


def report(*findings: Finding, data: bytes = DATA, files: int = 1, fixed: int = 0) -> Report:
    return Report(findings, {"m/a.sql": data}, files, fixed=fixed)


def text(*findings: Finding, data: bytes = DATA, style: Style = PLAIN) -> str:
    return reports.render("text", report(*findings, data=data), style)


def test_a_finding_shows_line_reason_and_remedy() -> None:
    change = Fix("write numeric(12,2)", (Edit(place_of(DATA, b"money"), "numeric(12,2)"),))
    assert text(one(fix=change)) == (
        "m/a.sql:3:9  error  money-type\n"
        "  column price is money\n"
        "  3 |   price money\n"
        "    |         ^^^^^\n"
        "  why: Because.\n"
        "  instead: price numeric(12,2)\n"
        "  fix: write numeric(12,2) (applied by --fix)\n"
        "\n"
        "1 error in 1 file; 1 can be fixed with --fix\n"
    )


def test_a_reason_is_told_once_a_file() -> None:
    other = one(path="m/b.sql")
    shown = reports.render("text", Report((one(), one(), other), {"m/a.sql": DATA, "m/b.sql": DATA}, 2), PLAIN)
    assert shown.count("why: Because.") == 2
    assert shown.count("\n  instead: price numeric(12,2)") == 2
    different = text(one(), one(instead="total numeric(12,2)"))
    assert "instead: total" in different


def test_a_finding_about_a_file_has_no_line() -> None:
    shown = text(one(whole=True))
    assert shown.startswith("m/a.sql:1:1  error  money-type\n  column price is money\n  why:")


def test_a_remedy_of_several_lines_stays_as_it_is() -> None:
    shown = text(one(instead="CREATE INDEX CONCURRENTLY idx\n    ON t (price);"), style=Style(width=40))
    assert "  instead:\n    CREATE INDEX CONCURRENTLY idx\n        ON t (price);\n" in shown


def test_a_proposed_text_is_shown() -> None:
    many = "".join(f"DROP TABLE t{number};\n" for number in range(20))
    shown = text(one(fix=Fix("add a DOWN section", (Edit(Span(0, 0), many),), Applicability.SHOWN)))
    assert "fix: add a DOWN section (for you to decide)\n    DROP TABLE t0;" in shown
    assert "… and 8 more lines" in shown
    assert "can be fixed" not in shown


def test_a_long_stretch_shows_its_first_line() -> None:
    shown = text(one(text=b"(\n\tid int,\n  price money\n)"))
    assert "  1 | create table t (\n    |                ^\n    … to line 4\n" in shown


@pytest.mark.parametrize(
    ("line", "word", "source", "carets"),
    [
        ("\tid\tmoney", "money", "    id  money", "        ^^^^^"),
        ("価格 money", "money", "価格 money", "     ^^^^^"),
        ("x 価格", "価格", "x 価格", "  ^^^^"),
        ("e\u0301te\u0301 money", "money", "e\u0301te\u0301 money", "    ^^^^^"),
        ("\x1b[2Kx money", "money", "\\x1b[2Kx money", "         ^^^^^"),
        ("\u202eevil\u202c money", "money", "\\u202eevil\\u202c money", "                 ^^^^^"),
    ],
)
def test_carets_stand_under_what_is_meant(line: str, word: str, source: str, carets: str) -> None:
    data = line.encode()
    shown = text(one(data, word.encode()), data=data)
    assert f"  1 | {source}\n    | {carets}\n" in shown


def test_the_end_of_a_file_and_an_empty_span_have_a_caret() -> None:
    finding = one().replace(span=Span(len(DATA), len(DATA)))
    assert "  5 |\n    | ^\n" in text(finding)


@pytest.mark.parametrize("before", [0, 50, 5_000, 2_000_000])
def test_long_lines_are_cut_around_the_place(before: int) -> None:
    data = b"x" * before + b" money " + b"y" * 5_000
    lines = text(one(data), data=data, style=Style(width=80)).splitlines()
    source, carets = lines[2], lines[3]
    assert len(source) <= 82
    start = carets.index("^")
    assert source[start : start + 5] == "money"
    assert carets.strip(" |") == "^^^^^"
    assert "…" in source


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300), st.integers(20, 100))
def test_an_excerpt_points_at_its_characters(line: str, first: int, last: int, limit: int) -> None:
    start, end = sorted((min(first, len(line)), min(last, len(line))))
    shown, offset, columns = excerpt(line, start, end, limit)
    assert shown.isprintable() or not set(shown) & set("\x1b\r\n\t\u202e\u2066")
    assert columns >= 1
    looks = "".join(look for look, _ in cells(line[start : start + 1]))
    if looks and end > start:
        widths = 0
        for position, character in enumerate(shown):
            if widths >= offset and shown[position:].startswith(looks):
                break
            widths += sum(width for _, width in cells(character))
        else:
            pytest.fail(f"{looks!r} is not at column {offset} of {shown!r}")


def test_nothing_in_a_message_can_repaint_the_screen() -> None:
    evil = "table \x1b]8;;http://evil\x07x\u202e\r\n::error::forged"
    for name in ("text", "concise"):
        shown = reports.render(name, report(one(message=evil, path="m/\x1b[31m.sql")), PLAIN)
        assert "\x1b" not in shown
        assert "\r" not in shown
        assert "\u202e" not in shown
        assert "\n::error" not in shown


def test_colours_are_only_there_when_wanted() -> None:
    plain, coloured = text(one()), text(one(), style=Style(colour=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_prose_is_wrapped_to_the_screen_and_nothing_is_lost() -> None:
    message = "The table is locked while every row is checked, so all writers wait. " * 3
    shown = text(one(message=message), style=Style(width=50))
    assert all(len(line) <= 50 for line in shown.splitlines())
    assert " ".join(message.split()) in " ".join(shown.split())
    assert wrapped("価" * 10 + " " + "格" * 10, 30, "  ").count("\n") == 1


def test_summaries() -> None:
    assert summary(report(files=3)) == "3 files checked, nothing found"
    assert summary(report(fixed=1)) == "1 finding fixed; 1 file checked, nothing found"
    unsafe = Fix("x", (Edit(Span(0, 0), "x"),), Applicability.UNSAFE)
    safe = Fix("x", (Edit(Span(0, 0), "x"),))
    warning = one(severity=Severity.WARNING, fix=unsafe)
    assert summary(report(warning)) == "1 warning in 1 file; 1 can be fixed with --unsafe-fixes"
    both = summary(report(one(fix=safe), one(path="b"), warning))
    assert both == "2 errors, 1 warning in 2 files; 1 can be fixed with --fix; 1 more with --unsafe-fixes"
    assert reports.render("text", report(), Style(quiet=True)) == ""
    assert reports.render("text", report(files=0), PLAIN) == ""


def test_concise_is_one_line_a_finding() -> None:
    shown = reports.render("concise", report(one(message="two\nlines"), one(severity=Severity.NOTE)), PLAIN)
    assert shown == (
        "m/a.sql:3:9: error: two lines [money-type]\nm/a.sql:3:9: note: column price is money [money-type]\n"
    )
    assert reports.render("concise", report(), PLAIN) == ""


def test_json_holds_all_of_it() -> None:
    data = "select 'ä', money".encode()
    change = Fix("write numeric", (Edit(place_of(data, b"money"), "numeric"),), Applicability.UNSAFE)
    whole = json.loads(reports.render("json", report(one(data, fix=change), data=data), PLAIN))
    place = {"line": 1, "column": 13, "end_line": 1, "end_column": 18}
    assert whole == {
        "version": 1,
        "findings": [
            {
                "path": "m/a.sql",
                **place,
                "rule": "money-type",
                "family": "types",
                "severity": "error",
                "message": "column price is money",
                "why": "Because.",
                "instead": "price numeric(12,2)",
                "fix": {
                    "title": "write numeric",
                    "applicability": "unsafe",
                    "edits": [{"path": "m/a.sql", **place, "text": "numeric"}],
                },
            }
        ],
        "summary": {
            "errors": 1,
            "warnings": 0,
            "notes": 0,
            "files": 1,
            "suppressed": 0,
            "known": 0,
            "fixed": 0,
            "fixable": 0,
            "unsafely_fixable": 1,
        },
    }


def test_annotations_are_escaped_and_the_worst_come_first() -> None:
    findings = (
        one(severity=Severity.NOTE),
        one(severity=Severity.WARNING),
        one(message="100%\nsure: a,b", path="m/a:b,c.sql"),
    )
    lines = github.render(report(*findings), PLAIN, {}).splitlines()
    assert [line.split(" ")[0] for line in lines[:3]] == ["::error", "::warning", "::notice"]
    assert "file=m/a%3Ab%2Cc.sql," in lines[0]
    assert "::100%25%0Asure: a,b%0AWhy: Because.%0AInstead: price numeric(12,2)" in lines[0]
    assert lines[1].startswith("::warning file=m/a.sql,line=3,col=9,endLine=3,endColumn=14,title=money-type::")
    assert lines[3] == "1 error, 1 warning, 1 note in 2 files"


def test_an_annotation_over_lines_has_no_columns() -> None:
    shown = github.render(report(one(text=b"(\n\tid int")), PLAIN, {})
    assert shown.startswith("::error file=m/a.sql,line=1,endLine=2,title=")


def test_annotations_are_relative_to_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backend"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shown = github.render(report(one()), PLAIN, {"GITHUB_WORKSPACE": str(tmp_path)})
    assert "file=backend/m/a.sql," in shown


def test_the_job_summary_is_markdown_that_cannot_be_broken_out_of() -> None:
    shown = github.job_summary(report(one(message="a | b\n<script> `x` [l](u) @all")))
    row = shown.splitlines()[4]
    assert row == r"| error | m/a.sql:3 | money-type | a \| b \<script\> \`x\` \[l\](u) @<!-- -->all |"
    assert github.job_summary(report(files=2)) == "### elf-sqlcheck: 2 files checked, nothing found\n\n"


def test_the_job_summary_stays_below_its_limit() -> None:
    findings = tuple(one(message=f"{number} " + "x" * 1000) for number in range(2000))
    shown = github.job_summary(report(*findings))
    assert len(shown.encode()) < 600_000
    assert re.search(r"… and \d+ findings more", shown)


def test_clean_keeps_what_can_be_seen() -> None:
    assert clean("plain ünïcode 価格 \u3000\u00a0") == "plain ünïcode 価格 \u3000\u00a0"
    assert clean("a\tb\nc\u2028\x7f\ud800") == "a\\tb\\nc\\u2028\\x7f\\ud800"
    assert clean("a\nb", keep="\n") == "a\nb"
