"""What linting one file loads: start-up is most of what a commit hook costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("psycopg", "rich", "sqlfluff", "cryptography", "pglast.ast")
#: What reads the command lines that need it: it takes longer than to judge a small file.
PARSER = "click"
#: Parts of the standard library that take a millisecond or more each.
SLOW = (
    "tomllib",
    "typing",
    "datetime",
    "base64",
    "threading",
    "subprocess",
    "dataclasses",
    "inspect",
    "hashlib",
    "pickle",
)
RUNS_ITS_COMMAND_LINE = """
import os, sys
report, sys.argv = sys.argv[1], sys.argv[2:]
os._exit = sys.exit
try:
    with open(sys.argv[0]) as file:
        script = file.read()
    exec(compile(script, sys.argv[0], "exec"))
except SystemExit as end:
    code = end.code
finally:
    with open(report, "w") as file:
        print(*sys.modules, sep="\\n", file=file)
sys.exit(code)
"""
CLEAN = """\
-- Migration: Add teams
-- Version: 20250121_093000
-- Description: Teams

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS teams (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMP DEFAULT NOW()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS teams;
"""


@pytest.fixture
def migration(tmp_path: Path) -> Path:
    """A file without findings, in a directory of its own."""
    path = tmp_path / "migrations" / "20250121_093000_add_teams.sql"
    path.parent.mkdir()
    path.write_text(CLEAN, "utf-8")
    return path


def lint(path: Path, report: Path, *, code: int) -> set[str]:
    """The modules that linting a file has loaded by the time it ends."""
    return loaded_by(path.parent.parent, report, "lint", str(path), code=code)


def loaded_by(folder: Path, report: Path, *arguments: str, code: int = 0) -> set[str]:
    """The modules that the installed console script has loaded by the time it ends."""
    script = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
    result = subprocess.run(
        [sys.executable, "-c", RUNS_ITS_COMMAND_LINE, str(report), script, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stdout + result.stderr
    return set(report.read_text("utf-8").split())


def test_linting_a_clean_file_loads_no_heavy_library(migration: Path, tmp_path: Path) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('fail-on = "warning"\n', "utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    loaded = lint(migration, tmp_path / "modules", code=0)
    assert "elf_sqlcheck.lint" in loaded
    shown = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, check=True, text=True
    )
    without_us = set(shown.stdout.split())  # an editable install loads some of them
    ours = loaded & {*HEAVY, PARSER, *SLOW} - without_us
    assert not ours, sorted(ours)


def test_reporting_a_finding_loads_no_heavy_library(migration: Path, tmp_path: Path) -> None:
    migration.write_text(CLEAN.replace("id UUID DEFAULT gen_random_uuid() PRIMARY KEY", "id UUID"), "utf-8")
    loaded = lint(migration, tmp_path / "modules", code=1)
    assert not loaded & {*HEAVY, PARSER}


@pytest.mark.parametrize("arguments", [("--version",), ("completion", "bash")], ids=" ".join)
def test_what_is_asked_once_in_a_while_loads_no_heavy_library(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert not loaded_by(tmp_path, tmp_path / "modules", *arguments) & set(HEAVY)
