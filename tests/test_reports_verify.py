"""What `verify` reports: the blocks of the text, JSON by its schema, Markdown, and several reports at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from elf_sqlcheck import reports
from elf_sqlcheck.reports import Style, github
from elf_sqlcheck.reports.markdown import LIMIT
from tests import verified

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
SCHEMA = json.loads(files("elf_sqlcheck.reports").joinpath("report.schema.json").read_text("utf-8"))
PLAIN = Style()


def fits(whole: Any) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(whole)


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    command = [COMMAND, *arguments]
    return subprocess.run(command, cwd=folder, env=environment | variables, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / verified.FIRST).write_text(
        "-- ======= UP MIGRATION =======\nCREATE TABLE teams (id uuid PRIMARY KEY, name text);\n"
        "-- ======= DOWN MIGRATION =======\nDROP TABLE teams;\n"
    )
    (tmp_path / verified.PATH).write_text(verified.DATA)
    return tmp_path


def test_the_text_names_each_lock_that_blocks_with_its_line_and_whom_it_blocks() -> None:
    shown = reports.render("text", verified.report(), PLAIN)
    [block] = [part for part in shown.split("\n\n") if part.startswith(f"{verified.PATH}  applied")]
    lines = block.splitlines()
    assert lines[0] == f"{verified.PATH}  applied, rolled back inexactly, applied again, 1.5 s"
    assert lines[1] == (
        "  line 2  CREATE TABLE members (team uuid REFERENCES teams): "
        "SHARE ROW EXCLUSIVE on public.teams, blocks writes, 2.5 ms, held for 1.5 s"
    )
    assert lines[2].startswith("  line 3  ALTER TABLE teams ALTER COLUMN name TYPE varchar(40): ACCESS EXCLUSIVE on ")
    assert lines[2].endswith(
        "blocks reads and writes, 1.2 s, rewrites public.teams, takes longer the more rows there are"
    )
    assert "COMMENT ON" not in block, "what took no lock of its own is not told"
    assert "  row of public.teams that breaks it at line 5: name = '<img" in block
    assert "id = NULL" in block
    assert "was not filled with rows: no value satisfies its CHECK" in block
    assert "  twice: fails cleanly" in block
    assert "cuts" not in block, "figures are for programs"
    assert "ALTER TABLE public.teams ALTER COLUMN name TYPE text;" in block


def test_a_part_that_nobody_watched_is_said() -> None:
    whole = verified.report()
    assert whole.verification is not None
    del whole.verification.steps[1].observed[2:]
    for name in ("text", "markdown", "html"):
        assert "only 2 of its 4 statements could be observed" in reports.render(name, whole, PLAIN)


def test_a_quiet_text_has_the_findings_only() -> None:
    shown = reports.render("text", verified.report(), Style(quiet=True))
    assert "rollback-does-not-restore" in shown
    assert "line 2  CREATE TABLE" not in shown


def test_json_has_everything_and_fits_its_schema() -> None:
    whole = json.loads(reports.render("json", verified.report(), PLAIN))
    fits(whole)
    first, second = whole["verification"]["steps"]
    assert (first["judged"], first["statements"]) == (False, [])
    alter = second["statements"][1]
    assert (alter["line"], alter["sql"]) == (3, "ALTER TABLE teams ALTER COLUMN name TYPE varchar(40)")
    assert (alter["ms"], alter["held_ms"], alter["wal_bytes"]) == (1200.0, 1500.2, 3_000_000)
    assert alter["locks"] == [
        {
            "relation": "public.teams",
            "kind": "table",
            "mode": "access exclusive",
            "blocks": "reads and writes",
            "inherited": False,
        }
    ]
    assert second["broken_rows"][0]["statement"]["line"] == 5
    assert second["blocked"][0]["gave_up"] is True
    assert {change["identity"] for change in second["changes"]} >= {"public.members", "public.teams.gone"}
    assert [difference["matters"] for difference in second["differences"]] == [True, True, False]
    assert second["more"]["cuts"] == {"tried": 4, "of": 4}


def test_the_schema_is_a_schema_and_refuses_what_is_none() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    whole = json.loads(reports.render("json", verified.report(), PLAIN))
    whole["verification"]["steps"][1]["statements"][0]["ms"] = "fast"
    with pytest.raises(jsonschema.ValidationError, match="fast"):
        fits(whole)


@pytest.mark.parametrize("name", reports.FORMATS)
def test_no_format_shows_a_credential_of_a_file_or_of_a_row(name: str) -> None:
    report = verified.report()
    sources = {**report.sources, verified.FIRST: f"SELECT '{verified.SECRET}';\n".encode()}
    shown = reports.render(name, report.replace(sources=sources), PLAIN)
    assert verified.SECRET not in shown
    assert verified.SECRET[10:] not in shown


def test_markdown_has_a_table_of_migrations_and_folds_the_details() -> None:
    shown = reports.render("markdown", verified.report(), PLAIN)
    lines = shown.splitlines()
    assert lines[0] == "### elf-sqlcheck: 1 error, 1 warning, 1 note in 1 file"
    assert "1 rolled back and applied again, in 12.3 s" in lines[2]
    [row] = [line for line in lines if line.startswith("| migrations/20250102")]
    assert "| ✅ | ❌ inexactly | ✅ |" in row
    assert "ACCESS EXCLUSIVE on public.teams, blocks reads and writes" in row
    assert shown.count("<details>") == shown.count("</details>") == 1
    assert "- 🔴 **error** line 3 · rollback-does-not-restore: after the rollback" in shown


def test_markdown_cannot_be_broken_out_of() -> None:
    shown = reports.render("markdown", verified.report(), PLAIN)
    bare = re.findall(r"(?<!\\)<(?:img|script).*", shown.replace(f"-- {verified.HOSTILE}", ""))
    assert bare == [], "only what stands in a block of code is not escaped"
    assert "@everybody" not in shown, "names in messages notify nobody"
    assert "say `-- Irreversible: <reason>` instead" in shown, "what stands between backticks is code"
    assert "  ````sql\n  one\n  two```\n  ````\n" in shown, "the fence is longer than what it holds"


def test_markdown_fits_a_comment_and_says_what_is_missing() -> None:
    report = verified.report()
    shown = reports.render("markdown", report.replace(findings=report.findings * 400), PLAIN)
    assert len(shown.encode()) <= LIMIT + 100
    assert "more, too long for this place" in shown


def test_the_job_summary_has_the_proof_too() -> None:
    shown = github.job_summary(verified.report())
    assert "| migration | applied | rolled back | applied again |" in shown
    assert "<details>" in shown


@pytest.mark.slow
def test_verify_writes_several_reports_at_once(project: Path, server: Server) -> None:
    done = run(
        project, "verify", "--database-url", server.url, "--output", "text:-", "--output", "json:report.json",
        "--output", "markdown:report.md", FORCE_COLOR="1",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "rollback-does-not-restore" in done.stdout
    whole = json.loads((project / "report.json").read_text("utf-8"))
    fits(whole)
    first, second = whole["verification"]["steps"]
    assert (first["outcome"], first["changes"][0]["identity"]) == (
        "applied, rolled back, applied again",
        "public.teams",
    )
    assert any(difference["identity"] == "public.teams.name" for difference in second["differences"])
    markdown = (project / "report.md").read_text("utf-8")
    assert "| ✅ | ✅ | ✅ |" in markdown
    assert "\x1b" not in markdown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--output", "html"), "--output html is no FORMAT:FILE"),
        (("--output", "yaml:x"), "write one of text, concise, json"),
        (("--output", "json:x", "--output-format", "text"), "cannot go with it"),
        (("--output", "json:x", "--output-file", "y"), "cannot go with it"),
        (("--output", "json:-", "--output", "text:-"), "names standard output twice"),
        (("--output", "json:x", "--output", "text:x"), "names x twice"),
        (("--output", "json:no/such/folder"), "cannot write no/such/folder"),
    ],
)
def test_outputs_that_make_no_sense_are_usage_errors(project: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(project, "lint", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_lint_writes_several_reports_at_once(project: Path) -> None:
    done = run(project, "lint", "--output", "concise:-", "--output", "json:report.json")
    whole = json.loads((project / "report.json").read_text("utf-8"))
    fits(whole)
    assert "verification" not in whole
    assert len(done.stdout.splitlines()) == len(whole["findings"]) > 0
