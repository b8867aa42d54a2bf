"""`elf-sqlcheck lint` as it is installed: what it says, fixes and writes."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lint_project import COMMAND, FIRST, SECOND, Project, make

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path / "project")


def test_a_finding_ends_with_1_and_names_everything(project: Project) -> None:
    project.put(FIRST, "create table goods (\n  price money\n);\n")
    done = project.lint()
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"{FIRST}:2:9  error  no-money\n  column price is money\n" in done.stdout
    assert "why: Sums drift." in done.stdout
    assert "instead: another type" in done.stdout
    assert "fix: write numeric (applied by --fix)" in done.stdout
    assert done.stdout.endswith("1 error in 1 file; 1 can be fixed with --fix\n")


def test_clean_files_end_with_0(project: Project) -> None:
    project.put(FIRST, "create table goods (price text);\n")
    done = project.lint()
    assert (done.returncode, done.stdout) == (0, "1 file checked, nothing found\n")
    assert project.lint("-q").stdout == ""


def test_warnings_pass_unless_they_shall_fail(project: Project) -> None:
    project.put(FIRST, "create table goods (price numeric);\n")
    assert project.lint().returncode == 0
    assert "1 warning in 1 file" in project.lint().stdout
    assert project.lint("--fail-on", "warning").returncode == 1
    project.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own"]\nfail-on = "warning"\n')
    assert project.lint().returncode == 1
    assert project.lint("--fail-on", "error").returncode == 0


def test_rules_can_be_chosen(project: Project) -> None:
    project.put(FIRST, "create table goods (a money, b numeric);\n")
    assert project.found("--select", "no-money") == {(FIRST, "no-money")}
    assert project.found("--select", "own", "--ignore", "no-money") == {(FIRST, "no-bare-numeric")}
    assert project.found("--ignore", "no-money,no-bare-numeric") == set()
    both = {(FIRST, "no-money"), (FIRST, "no-bare-numeric")}
    assert project.found("--select", "no-money", "--extend-select", "no-bare-numeric") == both
    done = project.lint("--ignore", "no-mony")
    assert done.returncode == 2
    assert "no-mony" in done.stderr
    assert "no-money" in done.stderr


def test_severities_and_files_can_be_configured(project: Project) -> None:
    project.put(FIRST, "create table goods (a money, b numeric);\n")
    head = 'rules-dir = "own_rules"\nselect = ["own"]\n'
    project.put("elf-sqlcheck.toml", head + 'severity = { no-money = "note", no-bare-numeric = "off" }\n')
    assert "note  no-money" in project.lint().stdout
    assert project.found() == {(FIRST, "no-money")}
    project.put("elf-sqlcheck.toml", head + 'per-file-ignores = { "migrations/*first.sql" = ["no-money"] }\n')
    assert project.found() == {(FIRST, "no-bare-numeric")}
    for wrong in (
        'severity = { no-mony = "note" }',
        'per-file-ignores = { "*" = ["no-mony"] }',
        'ignore = ["no-mony"]',
    ):
        project.put("elf-sqlcheck.toml", head + wrong)
        done = project.lint()
        assert done.returncode == 2
        assert "no-mony" in done.stderr
        assert "no-money" in done.stderr


def test_isolated_means_no_configuration(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    done = project.lint("--isolated", "--select", "own")
    assert done.returncode == 2
    assert "own" in done.stderr
    assert project.lint("--isolated", "--config", "elf-sqlcheck.toml").returncode == 2


def test_fixes_are_made_in_passes_and_what_remains_is_reported(project: Project) -> None:
    path = project.put(FIRST, "create table goods (price money);\r\n-- tail\r\n")
    path.chmod(0o600)
    done = project.lint("--fix")
    assert path.read_bytes() == b"create table goods (price numeric);\r\n-- tail\r\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert done.returncode == 0
    assert done.stdout.endswith("1 finding fixed; 1 warning in 1 file; 1 can be fixed with --unsafe-fixes\n")
    done = project.lint("--unsafe-fixes")
    assert path.read_bytes() == b"create table goods (price numeric(12, 2));\r\n-- tail\r\n"
    assert done.stdout == "1 finding fixed; 1 file checked, nothing found\n"
    assert "0 finding" not in project.lint("--fix").stdout


def test_one_call_makes_fixes_that_build_on_each_other(project: Project) -> None:
    path = project.put(FIRST, "create table goods (price money);\n")
    done = project.lint("--unsafe-fixes")
    assert path.read_text() == "create table goods (price numeric(12, 2));\n"
    assert done.stdout == "2 findings fixed; 1 file checked, nothing found\n"


def test_a_fix_that_breaks_the_file_is_not_made(project: Project) -> None:
    project.put(FIRST, "create table goods (id int);\n")
    before = "create table goods (price money);\n"
    path = project.put(SECOND, before)
    done = project.lint("--fix")
    assert path.read_text() == before
    assert done.returncode == 1
    assert f"{SECOND} was left as it is" in done.stderr


def test_diff_shows_and_changes_nothing(project: Project) -> None:
    path = project.put(FIRST, "create table goods (price money);\n")
    done = project.lint("--diff")
    assert done.returncode == 1
    assert f"+++ b/{FIRST}" in done.stdout
    assert "+create table goods (price numeric);" in done.stdout
    assert "1 finding in 1 file would be fixed" in done.stderr
    assert path.read_text() == "create table goods (price money);\n"
    subprocess.run(["git", "apply", "-"], cwd=project.root, input=done.stdout, text=True, check=True)
    assert project.lint("--diff").returncode == 0
    assert "numeric(12, 2)" in project.lint("--diff", "--unsafe-fixes").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--staged", "--fix"),
        ("--staged", "--unsafe-fixes"),
        ("--staged", "--since", "main"),
        ("--fix", "--diff"),
        ("-", "--fix"),
        ("-", "migrations"),
        ("-", "--staged"),
    ],
)
def test_contradictions_are_refused(project: Project, arguments: tuple[str, ...]) -> None:
    path = project.put(FIRST, "create table goods (price money);\n")
    done = project.lint(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert path.read_text() == "create table goods (price money);\n"


def test_github_actions_get_annotations_and_a_summary(project: Project, tmp_path: Path) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    summary = tmp_path / "summary.md"
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(project.root)}
    done = project.lint(**variables)
    assert done.returncode == 1
    assert done.stdout.startswith(f"::error file={FIRST},line=1,col=27,endLine=1,endColumn=32,title=no-money::")
    assert "| no-money |" in summary.read_text()
    assert project.lint("--output-format", "concise", **variables).stdout.startswith(f"{FIRST}:1:27: error: ")


def test_the_report_goes_where_it_is_sent(project: Project, tmp_path: Path) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    target = tmp_path / "report.json"
    done = project.lint("--output-format", "json", "--output-file", str(target))
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(target.read_text())["summary"]["errors"] == 1
    done = project.lint("--output-file", str(tmp_path / "no" / "folder"))
    assert done.returncode == 2
    assert "cannot write" in done.stderr


def test_colours_follow_the_usual_variables(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    assert "\x1b[" not in project.lint().stdout, "this is no terminal"
    assert "\x1b[" in project.lint(FORCE_COLOR="1").stdout
    assert "\x1b[" not in project.lint(FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b[" not in project.lint("--no-color", FORCE_COLOR="1").stdout


def test_a_reader_that_leaves_early_hears_nothing(project: Project) -> None:
    project.put(FIRST, "".join(f"create table t{number} (price money);\n" for number in range(3000)))
    script = f'"{COMMAND}" lint | head -1'
    done = subprocess.run(["sh", "-c", script], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(FIRST)
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [COMMAND, "lint"], cwd=project.root, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write the report: No space left on device")
    assert "Exception" not in done.stderr


def test_a_terminal_that_cannot_show_it_gets_escapes(project: Project) -> None:
    project.put(FIRST, "create table waren (preis_in_€ money);\n")
    done = project.lint(PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "\\u20ac" in done.stdout
