"""`elf-sqlcheck` and `elf-migrate` on the layouts of other tools, as they are installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.forks import run
from tests.layout_folders import FOLDERS, INDEX, REVERSIBLE
from tests.lint_project import Project, make

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

COMMANDS = os.path.dirname(sys.executable)
UP, DOWN = "migrations/1_goods.up.sql", "migrations/1_goods.down.sql"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path / "project")


def put(project: Project, layout: str) -> str:
    """Write the folder of a layout; returns its path."""
    folder, files = FOLDERS[layout]
    for path, text in files.items():
        project.put(path, text)
    return folder


def call(project: Project, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    return run(program, *arguments, folder=project.root, variables=environment)


def findings(project: Project, *arguments: str) -> list[dict[str, object]]:
    done = project.lint("--output-format", "json", *arguments)
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)["findings"]
    return found


@pytest.mark.parametrize("layout", FOLDERS)
def test_a_good_folder_has_no_finding_about_its_files(project: Project, layout: str) -> None:
    folder = put(project, layout)
    files = ("--isolated", "--select", "files,rollback,portability")
    assert [(f["path"], f["message"]) for f in findings(project, folder, *files)] == []


@pytest.mark.parametrize("layout", sorted(FOLDERS.keys() - {"plain"}))
def test_each_file_alone_is_judged_with_its_series(project: Project, layout: str) -> None:
    folder, files = FOLDERS[layout]
    put(project, layout)
    last = next(path for path in files if "users_email" in path or "000002" in path)
    project.put(last, files[last].replace(INDEX, "CREATE TABLE users (id money);\n"))
    assert project.found(last) == {(last, "made-twice"), (last, "no-money")}
    assert project.found(folder) == {(last, "made-twice"), (last, "no-money")}
    project.git("add", "-A")
    assert project.found("--staged", last) == {(last, "made-twice"), (last, "no-money")}
    assert {path for path, _ in project.found("--staged", ".")} == {last}


def test_findings_and_fixes_land_in_the_file_that_they_are_about(project: Project) -> None:
    project.put(UP, "create table goods (price money);\n")
    project.put(DOWN, "drop table goods;\ncreate table olds (price money);\n")
    project.put("own_rules/own.py", (project.root / "own_rules/own.py").read_text() + DOWN_RULE)
    found = findings(project)
    places = {(f["path"], f["rule"], f["line"]) for f in found}
    assert places == {(UP, "no-money", 1), (DOWN, "no-money-in-down", 2)}
    done = project.lint("--diff")
    assert f"--- a/{UP}" in done.stdout
    assert f"--- a/{DOWN}" in done.stdout
    assert project.lint("--fix", UP).returncode == 0
    assert (project.root / UP).read_text() == "create table goods (price numeric);\n"
    assert (project.root / DOWN).read_text() == "drop table goods;\ncreate table olds (price numeric);\n"


DOWN_RULE = """
from elf_sqlcheck.rule import Rule

RULES += (Rule("no-money-in-down", "own", Severity.ERROR, "x", "x", "x", (CreateTable,), money, sections=("down",)),)
"""


def test_a_fix_of_up_may_write_into_down(project: Project) -> None:
    project.put("elf-sqlcheck.toml", "")
    project.put(UP, "CREATE TABLE a (id uuid);\nCREATE INDEX idx_a ON users (email);\n")
    project.put(DOWN, "DROP TABLE a;\n")
    before = "create table users (id uuid, email text);\n"
    project.put("migrations/0_users.up.sql", before)
    chosen = ("--select", "incomplete-down", "--unsafe-fixes", UP)
    done = project.lint("--output-format", "json", *chosen[:2], UP)
    fix = json.loads(done.stdout)["findings"][0]["fix"]
    assert [edit["path"] for edit in fix["edits"]] == [DOWN]
    assert project.lint(*chosen).returncode == 0
    assert (project.root / DOWN).read_text() == "DROP INDEX IF EXISTS idx_a;\nDROP TABLE a;\n"
    assert project.lint(*chosen[:2]).returncode == 0


def test_a_file_whose_hash_its_tool_knows_is_never_fixed(project: Project) -> None:
    put(project, "graphile-migrate")
    path = "migrations/committed/000003-goods.sql"
    project.put(path, "--! Previous: sha1:bb\n--! Hash: sha1:cc\n\ncreate table goods (price money);\n")
    project.put("migrations/current.sql", "create table more (price money);\n")
    assert project.lint("--fix", "migrations").returncode == 1
    assert "money" in (project.root / path).read_text()
    assert "numeric" in (project.root / "migrations/current.sql").read_text()


def test_a_suppression_covers_its_own_file(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own", "suppressions"]\n')
    project.put("own_rules/own.py", (project.root / "own_rules/own.py").read_text() + DOWN_RULE)
    allow = "-- elf: allow-file {} -- it is money\n"
    project.put(UP, allow.format("no-money") + "create table goods (price money);\n")
    project.put(DOWN, allow.format("no-money") + "create table olds (price money);\n")
    assert project.found() == {(DOWN, "no-money-in-down"), (DOWN, "unused-suppression")}
    project.put(DOWN, "-- elf: allow no-money-in-down -- it is\ncreate table olds (price money);\n")
    assert project.found() == set()


@pytest.mark.parametrize("path", [UP, DOWN])
def test_since_and_staged_judge_a_migration_of_which_one_file_changed(project: Project, path: str) -> None:
    project.put(UP, "create table goods (price money);\n")
    project.put(DOWN, "drop table goods;\n")
    project.put("migrations/2_more.up.sql", "create table more (price money);\n")
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    project.put(path, (project.root / path).read_text() + "-- changed\n")
    assert {(UP, "no-money")} == project.found("--since", "main") - {(UP, "changed-on-main")}
    project.git("add", "-A")
    assert {(UP, "no-money")} == project.found("--staged") - {(UP, "changed-on-main")}


def test_what_the_main_branch_has_is_compared_file_by_file(project: Project) -> None:
    put(project, "sqitch")
    project.put("elf-sqlcheck.toml", 'dir = "database"\nselect = ["executed-migration-changed"]\n')
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    revert = "database/revert/users.sql"
    assert findings(project) == []
    project.put(revert, FOLDERS["sqitch"][1][revert].replace("DROP TABLE users", "DROP TABLE IF EXISTS users"))
    found = findings(project)
    assert [(f["path"], f["line"]) for f in found] == [(revert, 4)]
    (project.root / revert).unlink()
    assert [f["path"] for f in findings(project)] == [revert]


def test_a_late_version_is_compared_by_its_number(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["out-of-order-version", "duplicate-version"]\n')
    project.put("migrations/9_a.up.sql", "create table a ();\n")
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    project.put("migrations/10_b.up.sql", "create table b ();\n")
    assert findings(project) == []
    project.put("migrations/8_c.up.sql", "create table c ();\n")
    project.put("migrations/09_d.up.sql", "create table d ();\n")
    found = {(f["path"], f["rule"]) for f in findings(project)}
    assert found == {
        ("migrations/8_c.up.sql", "out-of-order-version"),
        ("migrations/9_a.up.sql", "duplicate-version"),
        ("migrations/09_d.up.sql", "duplicate-version"),
    }


def test_the_layout_may_be_named(project: Project) -> None:
    path = "migrations/1_a.sql"
    project.put(path, "create table a ();\n")
    chosen = ("--isolated", "--select", "header-mismatch,file-name")
    assert findings(project, *chosen) == []
    found = findings(project, *chosen, "--layout", "goose")
    assert [f["message"] for f in found] == ["there is no `-- +goose Up`, without which goose refuses it"]
    project.put("elf-sqlcheck.toml", 'layout = "goose"\n')
    assert len(findings(project, *chosen[1:])) == 1
    project.put("elf-sqlcheck.toml", 'layout = "gose"\n')
    done = project.lint()
    assert done.returncode == 2
    assert "goose" in done.stderr


def test_standard_input_is_read_with_the_series_of_its_name(project: Project) -> None:
    put(project, "golang-migrate")
    text = "create table users (id int);\n"
    path = "migrations/11_again.up.sql"
    assert project.found("-", "--stdin-filename", path, text=text) == {(path, "made-twice")}


@pytest.mark.slow
@pytest.mark.parametrize("layout", FOLDERS)
def test_verify_proves_a_folder(project: Project, server: Server, layout: str) -> None:
    folder = put(project, layout)
    done = call(project, "elf-sqlcheck", "verify", "--isolated", "--dir", folder, "--database-url", server.url)
    assert done.returncode == 0, done.stdout + done.stderr
    proven = 2 if layout in REVERSIBLE else 0
    applied = {"plain": 1, "flyway": 3}.get(layout, 2)
    plural = "" if applied == 1 else "s"
    assert f"{applied} migration{plural} applied, {proven} rolled back and applied again" in done.stderr


@pytest.mark.slow
def test_verify_finds_what_is_wrong_in_its_own_file(project: Project, server: Server) -> None:
    project.put(UP, "CREATE TABLE goods (id uuid);\nCREATE TABLE more (id uuid);\n")
    project.put(DOWN, "-- two\nDROP TABLE goods;\nDROP TABLE gods;\n")
    verify = ("verify", "--isolated", "--database-url", server.url, "--output-format", "concise")
    done = call(project, "elf-sqlcheck", *verify)
    assert done.stdout.startswith(f"{DOWN}:3:1: error: DOWN fails"), done.stdout
    project.put(DOWN, "-- two\nDROP TABLE goods;\n")
    done = call(project, "elf-sqlcheck", *verify, DOWN)
    assert done.stdout.startswith(f"{UP}:2:1: error: after the rollback"), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("layout", REVERSIBLE)
def test_elf_migrate_applies_and_rolls_back_a_folder(project: Project, database: str, layout: str) -> None:
    folder = put(project, layout)
    if layout == "flyway":
        refused = call(project, "elf-migrate", "up", "--dir", folder, "--isolated", "--database-url", database)
        assert "R__mails.sql is to run whenever it changes" in refused.stderr
        (project.root / "db/migration/R__mails.sql").unlink()
    on = ("--dir", folder, "--isolated", "--database-url", database)
    done = call(project, "elf-migrate", "up", *on, "--skip-validation")
    assert "2 migrations applied" in done.stdout, done.stderr
    assert "Nothing to do" in call(project, "elf-migrate", "up", *on, "--skip-validation").stdout
    shown = json.loads(call(project, "elf-migrate", "status", *on, "--output", "json").stdout)
    assert shown["counts"] == {"completed": 2}
    last = shown["migrations"][-1]["version"]
    done = call(project, "elf-migrate", "down", last, *on)
    assert done.returncode == 0, done.stderr
    shown = json.loads(call(project, "elf-migrate", "status", *on, "--output", "json").stdout)
    assert shown["counts"] == {"completed": 1, "rolled_back": 1}


@pytest.mark.slow
def test_elf_migrate_validates_with_the_series(project: Project, database: str) -> None:
    folder = put(project, "sqitch")
    path = "database/deploy/users_email.sql"
    project.put(path, "CREATE TABLE prices (price money);\n")
    on = ("--dir", folder, "--isolated", "--database-url", database)
    done = call(project, "elf-migrate", "validate", *on)
    assert done.returncode == 1
    assert f"{path}:1:28  error  money-type" in done.stdout


def test_prisma_tells_migrations_apart_by_their_whole_names(project: Project) -> None:
    for name in ("20250121093000_a", "20250121093000_b"):
        project.put(f"prisma/migrations/{name}/migration.sql", "SELECT 1;\n")
        project.put(f"diesel/{name}/up.sql", "SELECT 1;\n")
    only = ("lint", "--select", "duplicate-version", "--dir")
    assert call(project, "elf-sqlcheck", *only, "prisma/migrations").returncode == 0
    found = call(project, "elf-sqlcheck", *only, "diesel")
    assert "also that of 20250121093000_b" in found.stdout
