"""`elf-sqlcheck verify` as it is installed, on real servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.forks import run

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
NAMES = ("20250101_000000_teams", "20250102_000000_members")


def migration(up: str, down: str = "") -> str:
    tail = f"-- ======= DOWN MIGRATION =======\n{down}\n" if down else ""
    return f"-- ======= UP MIGRATION =======\n{up}\n{tail}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / f"{NAMES[0]}.sql").write_text(migration("CREATE TABLE teams (id uuid PRIMARY KEY);", "DROP TABLE teams;"))
    (made / f"{NAMES[1]}.sql").write_text(
        migration(
            "CREATE TABLE members (team uuid REFERENCES teams);\nCREATE INDEX ON members (team);", "DROP TABLE members;"
        )
    )
    return made


def verify(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    return run("elf-sqlcheck", "verify", *arguments, folder=folder.parent, variables=environment | variables)


def test_good_migrations_are_proven(folder: Path) -> None:
    done = verify(folder)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"migrations/{NAMES[1]}.sql  applied, rolled back, applied again, ")
    assert rest[0].startswith("  line 2  CREATE TABLE members (team uuid REFERENCES teams): SHARE ROW EXCLUSIVE on ")
    assert rest[-1] == "2 files checked, nothing found"
    assert "PostgreSQL" in done.stderr
    assert re.search(r"2 migrations applied, 2 rolled back and applied again, in \d+\.\d s", done.stderr)


def test_each_boundary_is_really_cut_if_that_is_asked_for(folder: Path) -> None:
    done = verify(folder, "--cuts", "all", "--output-format", "json")
    told = [one["more"]["cuts"] for one in json.loads(done.stdout)["verification"]["steps"]]
    assert told == [{"boundaries": 1, "judged": 1, "cut": 1}, {"boundaries": 2, "judged": 2, "cut": 2}]
    assert verify(folder, "--cuts", "some").returncode == 2


def test_a_rollback_that_leaves_something_is_found_at_its_line(folder: Path, server: Server) -> None:
    (folder / f"{NAMES[1]}.sql").write_text(
        migration("CREATE TABLE members (id int);\nCREATE TABLE badges (id int);", "DROP TABLE members;")
    )
    done = verify(folder, "--database-url", server.url)
    assert done.returncode == 1
    assert f"migrations/{NAMES[1]}.sql:3:1  error  rollback-leaves-behind" in done.stdout
    assert "badges" in done.stdout
    assert "  3 | CREATE TABLE badges (id int);" in done.stdout


def test_what_does_not_apply_shows_the_words_of_postgres(folder: Path, server: Server) -> None:
    (folder / f"{NAMES[0]}.sql").write_text(migration("SELECT 'ä';\nCREATE TABLE x (id nosuchtype);"))
    done = verify(folder, "--database-url", server.url, "--output-format", "json")
    whole = json.loads(done.stdout)
    assert done.returncode == 1
    found = whole["findings"][0]
    assert (found["path"], found["rule"], found["line"]) == (f"migrations/{NAMES[0]}.sql", "does-not-apply", 3)
    assert 'type "nosuchtype" does not exist' in found["message"]
    assert f"migrations/{NAMES[1]}.sql" in done.stderr, "what could not be judged is named"


def test_a_comment_allows_a_finding(folder: Path, server: Server) -> None:
    text = migration(
        "CREATE TABLE members (id int);\n-- elf: allow rollback-leaves-behind -- kept for the auditors\n"
        "CREATE TABLE IF NOT EXISTS badges (id int);",
        "DROP TABLE members;",
    )
    (folder / f"{NAMES[1]}.sql").write_text(text)
    done = verify(folder, "--database-url", server.url, "--output-format", "json")
    whole = json.loads(done.stdout)
    assert "badges" not in json.dumps(whole["findings"])
    assert whole["summary"]["suppressed"] == 1


def test_its_rules_are_configured_like_all_others(folder: Path, server: Server) -> None:
    (folder / f"{NAMES[1]}.sql").write_text(migration("CREATE TABLE members ();\nCREATE TABLE badges ();", "SELECT 1;"))
    url = ("--database-url", server.url, "--output-format", "json")

    def severities(*arguments: str) -> dict[str, str]:
        found = json.loads(verify(folder, *url, *arguments).stdout)["findings"]
        return {finding["rule"]: finding["severity"] for finding in found}

    assert severities() == {"rollback-leaves-behind": "error", "does-not-apply-again": "error"}
    assert severities("--ignore", "does-not-apply-again") == {"rollback-leaves-behind": "error"}
    assert severities("--select", "does-not-apply-again,naming") == {"does-not-apply-again": "error"}
    configuration = folder.parent / "elf-sqlcheck.toml"
    configuration.write_text('ignore = ["does-not-apply-again"]\nseverity = { verify = "warning" }\n')
    assert severities() == {"rollback-leaves-behind": "warning"}
    assert verify(folder, *url).returncode == 0
    configuration.write_text('[per-file-ignores]\n"*_members.sql" = ["rollback-leaves-behind"]\n')
    assert severities() == {"does-not-apply-again": "error"}


def test_to_look_for_nothing_is_an_error_and_no_success(folder: Path) -> None:
    (folder.parent / "elf-sqlcheck.toml").write_text('select = ["naming", "types"]\n')
    done = verify(folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no rule of the family verify is selected" in done.stderr
    assert "--extend-select verify" in done.stderr
    assert verify(folder, "--extend-select", "does-not-apply").returncode == 0


def test_only_what_was_asked_for_is_judged(folder: Path, server: Server) -> None:
    (folder / f"{NAMES[0]}.sql").write_text(migration("CREATE TABLE teams (id uuid PRIMARY KEY);", "SELECT 1;"))
    first, second = (f"migrations/{name}.sql" for name in NAMES)
    assert verify(folder, second, "--database-url", server.url).returncode == 0
    assert verify(folder, first, "--database-url", server.url).returncode == 1
    done = verify(folder, "other.sql")
    assert done.returncode == 2
    assert "other.sql is no file of the migrations folder" in done.stderr


def test_since_judges_what_changed_and_applies_all(folder: Path, server: Server) -> None:
    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        subprocess.run(command, cwd=folder.parent, check=True, capture_output=True)

    second = folder / f"{NAMES[1]}.sql"
    good = second.read_text()
    second.unlink()
    (folder / f"{NAMES[0]}.sql").write_text(migration("CREATE TABLE teams (id uuid PRIMARY KEY);", "SELECT 1;"))
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "First")
    second.write_text(good)
    done = verify(folder, "--since", "main", "--database-url", server.url)
    assert done.returncode == 0
    assert done.stdout.endswith("\n\n1 file checked, nothing found\n")
    assert "2 migrations applied, 1 rolled back" in done.stderr
    second.unlink()
    done = verify(folder, "--since", "main", "--database-url", server.url)
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing to verify" in done.stderr


def test_a_kept_server_can_be_looked_at_and_stopped(folder: Path) -> None:
    done = verify(folder, "--keep")
    assert done.returncode == 0, done.stderr
    address = re.search(r"left running: (\S+)", done.stderr)
    stop = re.search(r"`kill -INT (\d+)`", done.stderr)
    assert address is not None
    assert stop is not None
    try:
        with psycopg.connect(address[1]) as connection:
            assert connection.execute("SELECT count(*) FROM members").fetchone() == (0,)
    finally:
        os.kill(int(stop[1]), signal.SIGINT)


def test_no_server_no_traceback_and_no_password(folder: Path) -> None:
    done = verify(folder, "--database-url", "postgresql://u:canary@127.0.0.1:1/none?connect_timeout=2")
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert "canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    done = verify(folder, "--pg-bin", "/nowhere")
    assert done.returncode == 2
    assert "/nowhere" in done.stderr


def test_folders_without_migrations(tmp_path: Path) -> None:
    done = verify(tmp_path / "migrations")
    assert done.returncode == 2
    assert "no migrations folder" in done.stderr
    (tmp_path / "migrations").mkdir()
    assert verify(tmp_path / "migrations").returncode == 0
    assert verify(tmp_path / "migrations", "--dir", "migrations").returncode == 2


def test_a_down_that_was_proven_is_written(folder: Path) -> None:
    path = folder / "20250103_000000_names.sql"
    up = "ALTER TABLE teams ADD COLUMN name text;\nALTER TABLE teams ADD COLUMN motto text;"
    path.write_text(migration(up, "ALTER TABLE teams DROP COLUMN name;"))
    assert "in DOWN: ALTER TABLE teams DROP COLUMN IF EXISTS motto;" in verify(folder).stdout
    done = verify(folder, "--unsafe-fixes")
    assert done.returncode == 0, done.stdout
    assert "1 finding fixed; 3 files checked, nothing found" in done.stdout
    assert path.read_text().count("DROP COLUMN IF EXISTS motto;") == 1
    assert verify(folder, "--unsafe-fixes", "--keep").returncode == 2
