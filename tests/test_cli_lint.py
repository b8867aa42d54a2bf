"""`elf-sqlcheck lint` as it is installed, with rules of the project's own, in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
OWN_RULES = """
from elf_sqlcheck.rule import *


def money(context):
    for column in context.change.columns:
        if column.type.name == "money":
            fix = Fix("write numeric", (Edit(column.type.span, "numeric"),))
            yield context.finding(f"column {column.name} is money", column.type.span, fix=fix)


def numeric(context):
    for column in context.change.columns:
        if column.type.name == "numeric" and not column.type.modifiers:
            fix = Fix("say how many digits", (Edit(column.type.span, "numeric(12, 2)"),), Applicability.UNSAFE)
            yield context.finding(f"column {column.name} has no scale", column.type.span, fix=fix)


def again(context):
    if context.now.table(context.change.name):
        yield context.finding("there is such a table already", fix=Fix("break it", (Edit(context.change.span, "(("),)))


def main_branch(context):
    main = context.settings
    if context.migration.path in main.get("main-files", {}):
        yield context.finding(f"changed since {main['main-newest']}, gone: {main['main-deleted']}", whole_file=True)


def rule(name, severity, on, check):
    return Rule(name, "own", severity, name, "Sums drift.", "another type", (on,), check)


RULES = (
    rule("no-money", Severity.ERROR, CreateTable, money),
    rule("no-bare-numeric", Severity.WARNING, CreateTable, numeric),
    rule("made-twice", Severity.ERROR, CreateTable, again),
    rule("changed-on-main", Severity.NOTE, Migration, main_branch),
)
"""
FIRST, SECOND = "migrations/20250101_000000_first.sql", "migrations/20250102_000000_second.sql"


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        return target

    def git(self, *arguments: str) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")

    def lint(
        self, *arguments: str, cwd: str = "", text: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "FORCE", "NO_C"))}
        return subprocess.run(
            [COMMAND, "lint", *arguments],
            cwd=self.root / cwd,
            env=environment | variables,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    def found(self, *arguments: str, **more: Any) -> set[tuple[str, str]]:
        """The (path, rule) of all findings."""
        done = self.lint("--output-format", "json", *arguments, **more)
        assert done.returncode in {0, 1}, done.stderr
        return {(finding["path"], finding["rule"]) for finding in json.loads(done.stdout)["findings"]}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    made.put("own_rules/own.py", OWN_RULES)
    made.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own"]\n')
    made.git("init", "-q", "-b", "main")
    return made


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


def test_the_folder_is_the_history_of_each_file(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.put(SECOND, "create table goods (id int);\n")
    assert project.found(SECOND) == {(SECOND, "made-twice")}
    assert project.found(FIRST) == {(FIRST, "no-money")}
    assert project.found("migrations") == {(FIRST, "no-money"), (SECOND, "made-twice")}
    assert project.found("./migrations/../" + SECOND, SECOND) == {(SECOND, "made-twice")}


def test_files_outside_of_a_series_stand_alone(project: Project) -> None:
    for name in ("a", "b"):
        project.put(f"seeds/{name}.sql", "create table goods (price money);\n")
    assert project.found("seeds/a.sql", "seeds/b.sql") == {("seeds/a.sql", "no-money"), ("seeds/b.sql", "no-money")}
    project.put("other/20250101_000000_a.sql", "create table goods (id int);\n")
    project.put("other/20250102_000000_b.sql", "create table goods (id int);\n")
    assert project.found("other/20250102_000000_b.sql") == {("other/20250102_000000_b.sql", "made-twice")}


def test_a_file_named_is_linted_whatever_it_is_called(project: Project) -> None:
    project.put("schema.psql", "create table goods (price money);\n")
    assert project.found("schema.psql") == {("schema.psql", "no-money")}


@pytest.mark.parametrize("folder", ["migrations", "supabase/migrations", "db/migrations"])
def test_the_usual_folders_are_found_from_anywhere(project: Project, folder: str) -> None:
    project.put(f"{folder}/20250101_000000_first.sql", "create table goods (price money);\n")
    assert project.found() == {(f"{folder}/20250101_000000_first.sql", "no-money")}
    (project.root / "src").mkdir()
    assert project.found(cwd="src") == {(f"../{folder}/20250101_000000_first.sql", "no-money")}


def test_the_configured_and_the_named_folder_go_first(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.put("sql/a.sql", "create table other (price money);\n")
    project.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own"]\ndir = "sql"\n')
    assert project.found() == {("sql/a.sql", "no-money")}
    assert project.found("--dir", "migrations") == {(FIRST, "no-money")}
    assert project.found(".") == {(FIRST, "no-money"), ("sql/a.sql", "no-money")}


def test_folders_that_hold_nothing_are_said(project: Project) -> None:
    done = project.lint()
    assert done.returncode == 2
    assert "there is no migrations folder here" in done.stderr
    (project.root / "empty").mkdir()
    for arguments in (["empty"], ["--dir", "empty"]):
        done = project.lint(*arguments)
        assert done.returncode == 2
        assert "there are no SQL files in empty" in done.stderr
    (project.root / "migrations").mkdir()
    done = project.lint()
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing to check" in done.stderr


def test_what_cannot_be_read_is_an_error(project: Project) -> None:
    for name in ("nowhere.sql", "migrations/nowhere.sql", "nowhere/"):
        done = project.lint(name)
        assert done.returncode == 2, done
        assert "nowhere" in done.stderr
        assert "Traceback" not in done.stderr


def test_excluded_files_are_history_but_not_judged(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.put(SECOND, "create table goods (id int);\n")
    project.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own"]\nexclude = ["20250101*"]\n')
    assert project.found() == {(SECOND, "made-twice")}
    done = project.lint(FIRST)
    assert done.returncode == 0
    assert "excluded" in done.stderr


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


def test_staged_reads_the_index(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.git("add", "-A")
    project.put(FIRST, "create table goods (price text);\n")
    assert project.found("--staged") == {(FIRST, "no-money")}, "on the first commit, with a clean working tree"
    project.commit()
    project.put(FIRST, "create table goods (price money);\n")
    done = project.lint("--staged")
    assert (done.returncode, done.stdout) == (0, ""), "what is only in the working tree is not about to be committed"
    assert "nothing to check" in done.stderr


def test_the_history_of_a_staged_file_is_the_index_too(project: Project) -> None:
    project.put(FIRST, "create table goods (id int);\n")
    project.commit()
    project.git("rm", "-q", FIRST)
    project.put(SECOND, "create table goods (id int);\n")
    project.git("add", SECOND)
    project.put(FIRST, "create table goods (id int);\n")
    assert project.found("--staged") == set()
    project.git("add", FIRST)
    assert project.found("--staged") == {(SECOND, "made-twice")}


def test_staged_works_below_renamed_and_in_worktrees(project: Project, tmp_path: Path) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.commit()
    project.git("mv", FIRST, SECOND)
    (project.root / "src").mkdir()
    assert project.found("--staged", cwd="src") == {("../" + SECOND, "no-money")}
    assert project.found("--staged", cwd="migrations") == {(os.path.basename(SECOND), "no-money")}
    project.git("worktree", "add", "-q", str(tmp_path / "tree"))
    tree = Project(tmp_path / "tree")
    tree.put(SECOND, "create table other (price money);\n")
    tree.git("add", "-A")
    assert tree.found("--staged") == {(SECOND, "no-money")}


def test_staged_takes_paths_as_husky_gives_them(project: Project) -> None:
    for path in (FIRST, SECOND, "seeds/a.sql"):
        project.put(
            path, f"create table {os.path.basename(path)[:3]}x{len(path)} (price money);\n".replace(" 202", " t")
        )
    project.git("add", "-A")
    assert project.found("--staged", SECOND, "README.md") == {(SECOND, "no-money")}
    assert project.found("--staged", "migrations") == {(FIRST, "no-money"), (SECOND, "no-money")}
    assert project.found("--staged") == {(FIRST, "no-money"), (SECOND, "no-money")}
    assert ("seeds/a.sql", "no-money") in project.found("--staged", ".")


def test_a_plain_hook_blocks_the_commit(project: Project) -> None:
    hook = project.put(".git/hooks/pre-commit", f'#!/bin/sh\nexec "{COMMAND}" lint --staged\n')
    hook.chmod(0o755)
    project.put(FIRST, "create table goods (price money);\n")
    with pytest.raises(subprocess.CalledProcessError) as blocked:
        project.commit()
    assert f"{FIRST}:1:27  error  no-money" in blocked.value.stdout + blocked.value.stderr
    project.put(FIRST, "create table goods (price text);\n")
    project.commit()
    project.put(FIRST, "create table goods (price money);\n")
    with pytest.raises(subprocess.CalledProcessError):
        project.git("commit", "-q", "-m", "All", "--all")
    project.put("README.md", "x")
    project.git("add", "README.md")
    project.git("commit", "-q", "-m", "Only the read-me", "README.md")


def test_since_judges_what_the_branch_changed(project: Project) -> None:
    project.put(FIRST, "create table goods (price money);\n")
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    project.put(SECOND, "create table goods (price money);\n")
    assert project.found("--since", "main") == {(SECOND, "made-twice"), (SECOND, "no-money")}
    project.commit()
    assert project.found("--since", "main") == {(SECOND, "made-twice"), (SECOND, "no-money")}
    assert project.found("--since", "HEAD") == set()
    done = project.lint("--since", "no-such-branch")
    assert done.returncode == 2
    assert "no-such-branch" in done.stderr


def test_outside_of_git_staged_and_since_are_refused(tmp_path: Path) -> None:
    bare = Project(tmp_path)
    for arguments in (["--staged"], ["--since", "main"]):
        done = bare.lint(*arguments)
        assert done.returncode == 2
        assert "Git repository" in done.stderr


def test_standard_input_has_the_history_of_its_name(project: Project) -> None:
    bad = "create table goods (price money);\n"
    project.put(FIRST, "create table goods (id int);\n")
    assert project.found("-", text=bad) == {("<stdin>", "no-money")}
    named = project.found("-", "--stdin-filename", SECOND, text=bad)
    assert named == {(SECOND, "made-twice"), (SECOND, "no-money")}
    assert project.found("-", "--stdin-filename", FIRST, text=bad) == {(FIRST, "no-money")}
    assert project.found("-", "--stdin-filename", "nowhere/x.sql", text=bad) == {("nowhere/x.sql", "no-money")}


def test_rules_learn_what_the_main_branch_holds(project: Project) -> None:
    project.put(FIRST, "create table goods (id int);\n")
    project.put(SECOND, "create table more (id int);\n")
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    assert (FIRST, "changed-on-main") not in project.found()
    project.put(FIRST, "create table goods (id text);\n")
    (project.root / SECOND).unlink()
    done = project.lint(FIRST)
    assert f"changed since 20250102_000000, gone: ('{SECOND}',)" in done.stdout
    assert (FIRST, "changed-on-main") not in project.found("--staged", FIRST)
    project.git("add", "-A")
    assert (FIRST, "changed-on-main") in project.found("--staged")


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
