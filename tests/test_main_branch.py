"""What a change does to the history of the main branch, through the installed command and a real repository."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SQLCHECK = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")


def migration(version: str, table: str) -> str:
    return (
        f"-- Migration: {table}\n-- Version: {version}\n-- Description: {table}\n\n-- === UP MIGRATION ===\n"
        f"CREATE TABLE IF NOT EXISTS {table} (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n"
        f"    created_at TIMESTAMP DEFAULT NOW()\n);\n-- === DOWN MIGRATION ===\nDROP TABLE IF EXISTS {table};\n"
    )


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main")
        for version, table in (("20250101_000000", "a"), ("20250103_000000", "c")):
            self.write(version, table)
        self.commit()
        self.git("checkout", "-q", "-b", "feature")

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, env=environment)

    def path(self, version: str, table: str) -> Path:
        return self.root / "migrations" / f"{version}_{table}.sql"

    def write(self, version: str, table: str, text: str = "") -> None:
        (self.root / "migrations").mkdir(exist_ok=True)
        self.path(version, table).write_text(text or migration(version, table))

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def lint(self, *arguments: str) -> list[str]:
        command = [SQLCHECK, "lint", "--quiet", "--output-format", "concise", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        return [line.rpartition("[")[2].rstrip("]") + " " + line.partition(":")[0] for line in done.stdout.splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_untouched_history_is_silent(project: Project) -> None:
    project.write("20250104_000000", "d")
    assert project.lint() == []


def test_a_new_file_that_is_older_than_the_newest_on_main(project: Project) -> None:
    project.write("20250102_000000", "b")
    assert project.lint() == ["out-of-order-version migrations/20250102_000000_b.sql"]


def test_an_executed_migration_may_change_its_comments_only(project: Project) -> None:
    first = project.path("20250101_000000", "a")
    first.write_text("-- Copyright\n" + first.read_text().replace("CREATE TABLE", "CREATE  TABLE"))
    assert project.lint() == []
    first.write_text(first.read_text().replace("created_at TIMESTAMP", "created_at TIMESTAMPTZ"))
    assert project.lint() == ["executed-migration-changed migrations/20250101_000000_a.sql"]


def test_a_deleted_migration_is_reported_whichever_file_is_judged(project: Project) -> None:
    project.path("20250101_000000", "a").unlink()
    project.write("20250104_000000", "d")
    expected = ["executed-migration-changed migrations/20250101_000000_a.sql"]
    assert project.lint() == expected
    assert project.lint("migrations/20250104_000000_d.sql") == expected
    project.git("add", "-A")
    assert project.lint("--staged") == expected


def test_a_change_that_only_deletes_is_reported(project: Project) -> None:
    gone = ["executed-migration-changed migrations/20250103_000000_c.sql"]
    project.git("rm", "-q", "migrations/20250103_000000_c.sql")
    assert project.lint("--staged") == gone
    assert project.lint("--since", "main") == gone
    project.git("rm", "-q", "migrations/20250101_000000_a.sql")
    assert project.lint("--staged") == [], "nothing is left to say what the folder was"
    project.git("reset", "-q", "--hard")
    project.write("20250104_000000", "d")
    project.commit()
    project.git("rm", "-q", "migrations/20250104_000000_d.sql")
    assert project.lint("--staged") == [], "the main branch never had it"


def test_files_that_are_no_migrations_may_change_and_go(project: Project) -> None:
    project.git("checkout", "-q", "main")
    for name in ("a", "b"):
        (project.root / f"{name}.sql").write_text("SELECT now();\n")
    project.commit()
    (project.root / "a.sql").unlink()
    (project.root / "b.sql").write_text("SELECT 2;\n")
    assert project.lint("b.sql", "migrations") == []
    project.git("add", "-A")
    assert project.lint("--staged", ".") == []
