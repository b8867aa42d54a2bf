"""The baseline through the installed commands: what is known is not shown, and nothing else is hidden."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.forks import run
from tests.lint_project import COMMAND, FIRST, SECOND, Project
from tests.migrate_files import text

if TYPE_CHECKING:
    from pathlib import Path

FILE = ".elf-sqlcheck-baseline.json"
#: In pieces: those who scan repositories for secrets cannot know that it is made up.
SECRET = "sb_secret_" + "N7bqLr8sKd2mWxYz4TfGh1Jp"
ENTRY = '{"path": "a", "rule": "b", "statement": "c", "count": 1}'
TWICE = f'{{"version": 1, "findings": [{ENTRY}, {ENTRY}]}}'
LOADS = "import sys; from elf_sqlcheck.cli.sqlcheck import cli; cli(['lint'], standalone_mode=False);"
GOODS = "CREATE TABLE goods (\n    code CHAR(3),\n    price money\n);\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.put("elf-sqlcheck.toml", 'select = ["types", "secrets", "suppressions"]\n')
    made.git("init", "-q", "-b", "main")
    made.put(FIRST, GOODS)
    return made


def baseline(project: Project, *arguments: str, code: int = 0, cwd: str = "") -> str:
    done = run("elf-sqlcheck", "baseline", *arguments, folder=project.root / cwd)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def entries(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((project.root / FILE).read_text())["findings"]
    return found


def test_what_is_known_is_not_shown(project: Project) -> None:
    assert len(project.found()) == 2
    told = baseline(project)
    assert f"2 findings in 1 file known from now on, in {FILE}" in told
    done = project.lint()
    assert (done.returncode, done.stderr) == (0, "2 known findings of the baseline not shown\n")
    assert "nothing found" in done.stdout
    assert json.loads(project.lint("--output-format", "json").stdout)["summary"]["known"] == 2
    assert len(project.found("--no-baseline")) == 2
    assert len(project.found("--isolated", "--select", "types")) == 2
    assert project.lint("--quiet").stderr == ""


def test_what_is_new_is_shown(project: Project) -> None:
    baseline(project)
    project.put(FIRST, GOODS + "CREATE TABLE more (price money);\n")
    assert project.found() == {(FIRST, "money-type")}
    project.put(SECOND, GOODS)
    assert (SECOND, "char-type") in project.found(), "the same statement in another file is another finding"


def test_the_line_does_not_count_and_the_statement_does(project: Project) -> None:
    baseline(project)
    project.put(FIRST, "-- New\n\nSELECT 1;\n" + GOODS.replace("    ", "\t").replace("CREATE TABLE", "create  table"))
    assert project.found() == set()
    project.put(FIRST, GOODS.replace("money\n", "money -- as agreed\n"))
    assert project.found() == set()
    project.put(FIRST, GOODS.replace("CHAR(3)", "CHAR(4)"))
    assert project.found() == {(FIRST, "char-type"), (FIRST, "money-type")}


def test_as_many_as_there_were_are_known(project: Project) -> None:
    project.put(FIRST, GOODS * 2)
    baseline(project)
    assert {entry["count"] for entry in entries(project)} == {2}
    project.put(FIRST, GOODS * 3)
    done = project.lint("--output-format", "concise")
    assert done.stdout.count("money-type") == 1
    assert "4 known findings" in done.stderr


def test_the_file_is_the_same_each_time_and_holds_no_text(project: Project) -> None:
    project.put(SECOND, "CREATE TABLE b (secretive_name CHAR(3));\n")
    baseline(project)
    first = (project.root / FILE).read_text()
    baseline(project)
    assert (project.root / FILE).read_text() == first
    lines = [line.strip().rstrip(",") for line in first.splitlines() if '"path"' in line]
    assert len(lines) == len(entries(project)) == 3, "one entry a line"
    assert lines == sorted(lines)
    assert "secretive_name" not in first


def test_a_renamed_file_takes_its_entries_along(project: Project) -> None:
    baseline(project)
    (project.root / FIRST).rename(project.root / SECOND)
    assert project.found() == set()
    assert "no longer" not in project.lint().stderr
    baseline(project, "--prune")
    assert {entry["path"] for entry in entries(project)} == {SECOND}
    project.put(FIRST, GOODS)
    assert len(project.found()) == 2, "a copy is no renamed file"


def test_what_no_longer_occurs_is_told_and_taken_out(project: Project) -> None:
    project.put(SECOND, "CREATE TABLE b (price money);\n")
    baseline(project)
    project.put(FIRST, GOODS.replace("money", "NUMERIC(12,2)"))
    (project.root / SECOND).unlink()
    assert "3 entries of the baseline no longer occur: `elf-sqlcheck baseline --prune`" in project.lint().stderr
    told = baseline(project, "--prune")
    assert f"3 findings taken out of {FILE}; 0 left" in told
    assert entries(project) == []
    assert project.found() == {(FIRST, "char-type")}, "pruning takes nothing new for known"


def test_what_was_not_looked_at_is_not_called_gone(project: Project) -> None:
    project.put(SECOND, "CREATE TABLE b (price money);\n")
    project.commit()
    baseline(project)
    before = entries(project)
    for arguments in ([SECOND], ["--select", "float-type"], ["--since", "main"], ["--staged"], ["--ignore", "types"]):
        assert "no longer" not in project.lint(*arguments).stderr, arguments
    baseline(project, "--prune", SECOND)
    baseline(project, SECOND)
    baseline(project, "--select", "float-type")
    assert entries(project) == before


def test_only_errors_and_warnings_become_known(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["types"]\nseverity = { money-type = "note", char-type = "warning" }\n')
    baseline(project)
    assert [entry["rule"] for entry in entries(project)] == ["char-type"]


def test_a_credential_becomes_known_only_when_that_is_asked_for(project: Project) -> None:
    project.put(FIRST, f"SELECT '{SECRET}', 1::money;\n")
    told = baseline(project)
    assert "1 credential did not become known" in told
    assert project.found() == {(FIRST, "hardcoded-secret")}
    baseline(project, "--include-secrets")
    assert project.found() == set()
    assert SECRET[-8:] not in (project.root / FILE).read_text()


def test_a_known_credential_is_not_printed_with_its_neighbours(project: Project) -> None:
    project.put(FIRST, f"CREATE TABLE a (k TEXT DEFAULT '{SECRET}', p money);\n")
    baseline(project, "--select", "secrets", "--include-secrets")
    done = project.lint()
    assert "money-type" in done.stdout
    assert SECRET[-8:] not in done.stdout + done.stderr


def test_fixing_leaves_alone_what_is_known(project: Project) -> None:
    path = project.put(FIRST, "CREATE TABLE a (data JSON);\nCREATE TABLE b (id INT);\n")
    baseline(project)
    project.put(FIRST, "CREATE TABLE a (data JSON);\nCREATE TABLE b (data JSON);\n")
    assert project.lint("--fix").returncode == 0
    assert path.read_text() == "CREATE TABLE a (data JSON);\nCREATE TABLE b (data JSONB);\n"


def test_a_finding_about_the_whole_file_comes_back_when_the_file_is_edited(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["missing-down"]\n')
    whole = text("20250101_000000_first", "CREATE TABLE a (id INT);", None)
    project.put(FIRST, whole)
    baseline(project)
    assert project.found() == set()
    project.put(FIRST, whole.replace("\n", "\r\n"))
    assert project.found() == set()
    project.put(FIRST, whole.replace("INT", "BIGINT"))
    assert project.found() == {(FIRST, "missing-down")}


def test_what_does_not_parse_and_what_stands_in_a_comment_has_a_place_too(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["syntax-error", "secrets"]\n')
    project.put(FIRST, f"SELEKT 1;\n\n-- key: {SECRET}\nSELECT 1;\n")
    baseline(project, "--include-secrets")
    assert project.found() == set()
    project.put(FIRST, f"SELECT 2;\n\nSELEKT 1;\n-- key:  {SECRET}\nSELECT 3;\n")
    assert project.found() == set()
    project.put(FIRST, f"SELEKT 2;\n-- the key: {SECRET}\n")
    assert {rule for _, rule in project.found()} == {"syntax-error", "hardcoded-secret"}


def test_what_is_staged_and_what_comes_in_by_standard_input_is_known_too(project: Project) -> None:
    baseline(project)
    project.git("add", "-A")
    assert project.found("--staged") == set()
    assert project.found("-", "--stdin-filename", FIRST, text=GOODS) == set()
    assert len(project.found("-", text=GOODS)) == 2
    project.commit()
    assert project.found("--since", "main") == set()


def test_the_file_may_lie_elsewhere(project: Project) -> None:
    project.put("db/sql/a.sql", GOODS)
    project.put("elf-sqlcheck.toml", 'select = ["types"]\ndir = "db/sql"\nbaseline = "ci/known.json"\n')
    done = project.lint()
    assert done.returncode == 2, "a file that is configured and not there is no empty one"
    assert "cannot read the baseline ci/known.json" in done.stderr
    (project.root / "ci").mkdir()
    baseline(project, cwd="db")
    assert json.loads((project.root / "ci/known.json").read_text())["findings"][0]["path"] == "../db/sql/a.sql"
    assert project.found() == set()
    assert project.found(cwd="db/sql") == set()
    baseline(project, "--baseline", "other.json")
    assert project.found("--baseline", "other.json") == set()
    assert "not shown" not in project.lint("--no-baseline").stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no valid JSON"),
        ("<<<<<<< HEAD\n{}", "no valid JSON"),
        ("[]", 'no list "findings"'),
        ('{"version": 9, "findings": []}', "the version 9"),
        ('{"version": 1, "findings": [{"path": "a"}]}', "entry 1 of its findings is not what it must be"),
        ('{"version": 1, "findings": [{"path": "a", "rule": "b", "statement": "c", "count": 0}]}', "entry 1"),
        (TWICE, "entry 2 of its findings is there twice"),
    ],
)
def test_a_broken_file_ends_with_2(project: Project, content: str, said: str) -> None:
    project.put(FILE, content)
    for command in ("lint", "verify", "baseline"):
        done = subprocess.run([COMMAND, command], cwd=project.root, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert said in done.stderr, command
        assert FILE in done.stderr


def test_contradictions_are_refused(project: Project) -> None:
    assert project.lint("--baseline", "x", "--no-baseline").returncode == 2
    assert "there is no baseline" in baseline(project, "--prune", code=2)
    assert "cannot write no/such/file" in baseline(project, "--baseline", "no/such/file", code=2)
    project.put(FIRST, "SELECT 1;\n")
    assert "nothing was found" in baseline(project)
    assert not (project.root / FILE).exists()


def test_elf_migrate_validates_with_the_baseline(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["types"]\n')
    project.put(FIRST, text("20250101_000000_first", "CREATE TABLE a (p money);", "DROP TABLE a;"))
    command = [COMMAND.replace("elf-sqlcheck", "elf-migrate"), "validate", FIRST]
    assert subprocess.run(command, cwd=project.root, capture_output=True, check=False).returncode == 1
    baseline(project)
    assert subprocess.run(command, cwd=project.root, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_what_the_proof_finds_may_be_known_too(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["types", "verify"]\n')
    project.put(FIRST, text("20250101_000000_first", "CREATE TABLE a (p money);", "SELECT 1;"))
    verify = [COMMAND, "verify", "--output-format", "json"]

    def proven() -> set[str]:
        done = subprocess.run(verify, cwd=project.root, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        return {finding["rule"] for finding in json.loads(done.stdout)["findings"]}

    assert "rollback-leaves-behind" in proven()
    baseline(project)
    assert "rollback-leaves-behind" in proven()
    baseline(project, "--verify")
    assert proven() == set()
    assert project.found() == set()
    assert "no longer" not in project.lint().stderr
    before = entries(project)
    baseline(project)
    baseline(project, "--prune")
    assert entries(project) == before
    project.put(FIRST, text("20250101_000000_first", "CREATE TABLE a (p money);", "DROP TABLE a;"))
    done = subprocess.run(verify, cwd=project.root, capture_output=True, text=True, check=False)
    assert "of the baseline no longer occur" in done.stderr
    baseline(project, "--prune", "--verify")
    assert [entry["rule"] for entry in entries(project)] == ["money-type"]


def test_without_a_baseline_its_module_is_not_loaded(project: Project) -> None:
    script = f"{LOADS} print([name for name in ('hashlib', 'elf_sqlcheck.baseline') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr
