"""Credentials that a migration holds are in no output and in no file that a command leaves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import reports
from tests.forks import run
from tests.migrate_command import environment

if TYPE_CHECKING:
    from pathlib import Path

PASSWORDS = [f"c4n4ryPassw0rd{letter}" for letter in "abcdefg"]
TOKEN = "sbp_" + "c4a4" + "0123456789ab" * 3
URL = "postgresql://ada:{}@db.acme.io:5432/x"
SQL = f"""-- Migration: X
-- Version: 20250121_093000
-- Description: X

-- ============= UP MIGRATION =============
SET LOCAL lock_timeout = '5s';
CREATE ROLE canary_a LOGIN PASSWORD '{PASSWORDS[0]}';
ALTER ROLE canary_a PASSWORD '{PASSWORDS[1]}';
CREATE TABLE IF NOT EXISTS conf (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    url TEXT DEFAULT '{URL.format(PASSWORDS[2])}',
    created_at TIMESTAMP DEFAULT NOW()
);
COMMENT ON TABLE conf IS '{URL.format(PASSWORDS[3])}';
-- {URL.format(PASSWORDS[4])}
DO $$ BEGIN EXECUTE 'ALTER ROLE canary_a PASSWORD ''{PASSWORDS[5]}'''; END $$;
INSERT INTO conf (url) VALUES ('{TOKEN}');
INSERT INTO conf (url) VALUES ({{}}'{URL.format(PASSWORDS[6])}');

-- ============= DOWN MIGRATION ============
DROP TABLE IF EXISTS conf;
DROP ROLE IF EXISTS canary_a;
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with that migration."""
    folder = tmp_path / "project" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20250121_093000_x.sql").write_text(SQL.format(""))
    return folder.parent


def clean(project: Path, program: str, *words: str) -> int:
    """Run a command and look for the credentials in all that it says and leaves; returns its exit code."""
    home = project.parent
    more = environment(HOME=str(home), XDG_CACHE_HOME=str(home / "cache"), ELF_SQLCHECK_DEBUG="1")
    done = run(program, *words, folder=project, variables=more)
    assert done.stdout + done.stderr
    files = [os.path.join(root, name) for root, _, names in os.walk(home) for name in names]
    said = [done.stdout, done.stderr]
    for path in files:
        # A database has its own files, and the migration is what it is.
        if not path.startswith((str(project / "migrations"), str(home / ".local"))):
            with open(path, "rb") as file:
                said.append(file.read().decode("utf-8", "replace"))
    for text in said:
        for secret in (*PASSWORDS, TOKEN):
            assert secret not in text, text
    return done.returncode


@pytest.mark.parametrize("name", reports.FORMATS)
def test_what_lint_shows_has_no_credential(project: Path, name: str) -> None:
    assert clean(project, "elf-sqlcheck", "lint", "--output", "text:-", "--output", f"{name}:report") == 1
    assert (project / "report").read_text()


def test_what_other_commands_show_has_no_credential(project: Path) -> None:
    for _ in range(2):  # the second time with what the first one has kept
        assert clean(project, "elf-sqlcheck", "lint", "--select", "naming", "--output-format", "html") == 0
        clean(project, "elf-sqlcheck", "style")
    assert clean(project, "elf-sqlcheck", "lint", "--diff", "--unsafe-fixes") == 1
    assert clean(project, "elf-sqlcheck", "lint", "--unsafe-fixes", "--fix") == 1
    assert clean(project, "elf-sqlcheck", "baseline", "--include-secrets") == 0
    for words in (("list",), ("validate",)):
        clean(project, "elf-migrate", *words)
        clean(project, "elf-migrate", *words, "--output", "json")


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True], ids=["applies", "fails"])
def test_what_verify_shows_has_no_credential(project: Path, fails: bool) -> None:
    path = project / "migrations" / "20250121_093000_x.sql"
    path.write_text(SQL.format("1, " * fails))
    also = [word for name in reports.FORMATS for word in ("--output", f"{name}:report.{name}")]
    assert clean(project, "elf-sqlcheck", "verify", *also) == int(fails)
    assert (project / "report.html").stat().st_size > 1000
    assert f"{PASSWORDS[0][:2]}" not in (project / "report.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True], ids=["applies", "fails"])
def test_what_a_deploy_shows_has_no_credential(project: Path, database: str, fails: bool) -> None:
    path = project / "migrations" / "20250121_093000_x.sql"
    path.write_text(SQL.format("1, " * fails))
    url = ("--database-url", database)
    for words in (
        ("up", "--dry-run", "--skip-validation"), ("up", "--yes"), ("up", "--yes", "--skip-validation"), ("status",),
        ("status", "--verify-history"), ("down", "--yes"),
    ):  # fmt: skip
        clean(project, "elf-migrate", *words, *url)
        clean(project, "elf-migrate", *words, *url, "--output", "json")
