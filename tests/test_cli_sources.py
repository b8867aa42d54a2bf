"""Which files `elf-sqlcheck lint` judges: of folders, the index, a branch, standard input."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("script", "settings"),
    [
        ("migrations/2024-01-01-000000_goods/up.sql", "migrations/2024-01-01-000000_goods/metadata.toml"),
        ("migrations/V1__goods.sql", "migrations/V1__goods.sql.conf"),
    ],
)
def test_settings_of_a_script_are_judged_with_it(project: Project, script: str, settings: str) -> None:
    project.put(script, "create table goods (price money);\n")
    project.put(os.path.dirname(script) + "/down.sql", "drop table goods;\n")
    project.put("other/metadata.toml", "a = 1\n")
    project.commit()
    project.put(settings, "")
    project.put("other/metadata.toml", "a = 2\n")
    assert project.found(settings, "other/metadata.toml") == {(script, "no-money")}
    project.git("add", "-A")
    assert project.found("--staged") == {(script, "no-money")}
    project.git("rm", "-q", "--cached", script)
    assert project.found("--staged") == set()
