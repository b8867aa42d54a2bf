"""`--output json` of commands that run migrations: a line an event, as it happens, the last of which sums up."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import psycopg

from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import environment, events
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = "20250101_000000_a", "20250102_000000_b", "20250103_000000_c"
SCHEMA = json.loads(files("elf_sqlcheck.reports").joinpath("events.schema.json").read_text("utf-8"))


def kinds(found: list[dict[str, Any]]) -> list[str]:
    """The events, each of which fits the schema, and none of which was before the one above it."""
    for one in found:
        jsonschema.validate(one, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert sorted(one["time"] for one in found) == [one["time"] for one in found]
    return [one["event"] for one in found]


def test_up_and_down_say_what_they_do(database: str, tmp_path: Path) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('hooks.before-up = "true"\n', encoding="utf-8")
    write(tmp_path / "migrations", A, "CREATE SCHEMA IF NOT EXISTS a;", "DROP SCHEMA IF EXISTS a;")
    write(tmp_path / "migrations", B, "DO $$ BEGIN RAISE NOTICE 'look'; END $$;", "SELECT 1;")
    found = events(tmp_path, "up", "--backup", "kept", "--database-url", database)
    assert kinds(found) == [
        "plan", "hook", "backup", "begin", "applied", "begin", "applied", "notice", "done",
    ]  # fmt: skip
    assert [step["name"] for step in found[0]["steps"]] == [A, B]
    assert (found[3]["name"], found[3]["number"], found[3]["total"]) == (A, 1, 2)
    last = found[-1]
    assert [one["name"] for one in last["applied"]] == [A, B]
    assert last["backup"]["path"] == found[2]["path"]
    assert last["history_head"]
    found = events(tmp_path, "down", B, "--database-url", database)
    assert kinds(found) == ["plan", "begin", "rolled_back", "done"]
    assert [one["name"] for one in found[-1]["rolled_back"]] == [B]
    assert kinds(events(tmp_path, "up", "--dry-run", "--database-url", database)) == ["done"]


def test_a_failure_names_what_ran(database: str, tmp_path: Path) -> None:
    write(tmp_path / "migrations", A, "SELECT 1;")
    write(tmp_path / "migrations", B, "SELECT 1/0;")
    arguments = ("up", "--skip-validation", "--database-url", database)
    found = events(tmp_path, *arguments, exit_code=1)
    assert kinds(found) == ["plan", "begin", "applied", "begin", "failed", "done"]
    failed = found[-2]
    assert (failed["name"], failed["section"], failed["sqlstate"], failed["exit_code"]) == (B, "up", "22012", 1)
    assert "division by zero" in found[-1]["error"]["message"]
    assert [one["name"] for one in found[-1]["applied"]] == [A]
    found = events(tmp_path, "up", "--target", "nobody", "--database-url", database, exit_code=2)
    assert kinds(found) == ["failed", "done"]


def test_waiting_and_trying_again_are_told(database: str, tmp_path: Path) -> None:
    write(tmp_path / "migrations", A, "CREATE TABLE IF NOT EXISTS a (id int);")
    arguments = ("up", "--skip-validation", "--database-url", database)
    with SupabaseExecutor(database) as other, deploy_lock(other, 5):
        found = events(tmp_path, *arguments, "--lock-wait", "1", exit_code=4)
    assert kinds(found) == ["waiting", "failed", "done"]
    events(tmp_path, *arguments)
    write(tmp_path / "migrations", B, "ALTER TABLE a ADD COLUMN b int;", header="-- Lock-Timeout: 300ms\n")
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE a")
        release = threading.Timer(4, connection.rollback)
        release.start()
        found = events(tmp_path, *arguments, "--lock-retries", "20")
        release.join()
    assert kinds(found)[:3] == ["plan", "begin", "retry"]
    assert "applied" in kinds(found)
    assert kinds(found)[-1] == "done"


def test_lines_come_while_it_runs_and_nobody_needs_to_read_them(database: str, tmp_path: Path) -> None:
    write(tmp_path / "migrations", A, "SELECT 1;")
    write(tmp_path / "migrations", B, "SELECT pg_sleep(2);")
    write(tmp_path / "migrations", C, "CREATE SCHEMA IF NOT EXISTS c;")
    command = ["elf-migrate", "up", "--skip-validation", "--output", "json", "--database-url", database]
    started = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert started.stdout
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["event"] != "applied":
        seen.append(json.loads(started.stdout.readline()))
    assert started.poll() is None
    moment = time.monotonic()
    started.stdout.close()
    assert started.wait(60) == 0
    assert time.monotonic() - moment > 0.5
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT version, status FROM schema_migrations ORDER BY version").fetchall()
    assert found == [(name[:15], "completed") for name in (A, B, C)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
