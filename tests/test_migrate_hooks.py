"""The project's own commands before and after a deploy."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.config import load
from elf_sqlcheck.errors import ConfigError
from tests.migrate_command import as_json, elf_migrate
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

A, B = "20250101_000000_a", "20250102_000000_b"


def project(folder: Path, *hooks: str, up: str = "SELECT 1;") -> Path:
    (folder / "elf-sqlcheck.toml").write_text("[hooks]\n" + "\n".join(hooks) + "\n", encoding="utf-8")
    script = folder / "hook"
    script.write_text('#!/bin/sh\ncat >> told.jsonl; echo >> told.jsonl; echo "$1"; eval "$1"\n', encoding="utf-8")
    script.chmod(0o755)
    write(folder / "migrations", A, up, "SELECT 2;")
    return folder


def told(folder: Path) -> list[dict[str, object]]:
    path = folder / "told.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def statuses(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT status FROM public.schema_migrations").fetchall()
    return [status for (status,) in found]


def test_they_are_told_what_runs(database: str, tmp_path: Path) -> None:
    project(tmp_path, 'before-up = "./hook true"', 'after-up = ["./hook", "true"]', 'after-down = "./hook true"')
    url = psycopg.conninfo.make_conninfo(database, password="s3cret-of-ours")
    done = elf_migrate(tmp_path, "up", "--database-url", url)
    assert "[before-up] true" in done.stderr
    before, after = told(tmp_path)
    step = {"version": A[:15], "name": A, "file": f"migrations/{A}.sql", "section": "up", "transactional": True}
    assert (before["hook"], before["command"], before["steps"]) == ("before-up", "up", [step])
    assert (after["hook"], after["done"], after["error"]) == ("after-up", [step], None)
    assert "s3cret" not in json.dumps(told(tmp_path))
    elf_migrate(tmp_path, "up", "--database-url", url)
    assert len(told(tmp_path)) == 2
    elf_migrate(tmp_path, "down", A, "--database-url", url)
    assert told(tmp_path)[2]["hook"] == "after-down"


def test_one_that_fails_before_stops_it(database: str, tmp_path: Path) -> None:
    project(tmp_path, """before-up = ["./hook", "echo not today; exit 3"]""", 'after-up = "./hook true"')
    done = elf_migrate(tmp_path, "up", "--database-url", database, exit_code=1)
    assert "[before-up] not today" in done.stderr
    assert "Nothing was run, because the hook before-up failed: it ended with 3." in done.stderr
    assert statuses(database) == []
    assert [one["hook"] for one in told(tmp_path)] == ["before-up"]
    elf_migrate(tmp_path, "up", "--database-url", database, "--no-hooks")
    assert statuses(database) == ["completed"]
    assert len(told(tmp_path)) == 1


def test_one_that_fails_after_is_reported_and_the_deploy_stands(database: str, tmp_path: Path) -> None:
    project(tmp_path, '''after-up = "./hook 'exit 4'"''')
    done = as_json(tmp_path, "up", "--database-url", database, exit_code=1)
    assert done["error"]["message"] == (
        "The hook after-up failed: it ended with 4. What it was told of stands: 1 of 1 migrations were carried out."
    )
    assert [one["name"] for one in done["applied"]] == [A]
    assert statuses(database) == ["completed"]


def test_after_a_failure_it_is_told_of_the_error(database: str, tmp_path: Path) -> None:
    project(tmp_path, 'after-up = "./hook false"', up="SELECT 1/0;")
    done = elf_migrate(tmp_path, "up", "--database-url", database, "--skip-validation", exit_code=1)
    assert "division by zero" in done.stderr
    (after,) = told(tmp_path)
    assert after["done"] == []
    error = after["error"]
    assert isinstance(error, dict)
    assert "division by zero" in error["message"]
    assert error["sqlstate"] == "22012"


def test_a_slow_one_is_ended_with_all_that_it_started(database: str, tmp_path: Path) -> None:
    project(tmp_path, "timeout = 1", '''before-up = "./hook 'sleep 60 & sleep 60; echo > late'"''')
    started = time.monotonic()
    done = elf_migrate(tmp_path, "up", "--database-url", database, exit_code=1)
    assert "it was still running after 1 s, and was ended" in done.stderr
    assert time.monotonic() - started < 30
    assert not (tmp_path / "late").exists()


def test_a_program_that_is_not_there_and_a_password_that_is_printed(database: str, tmp_path: Path) -> None:
    project(tmp_path, 'before-up = "./no-such-program"')
    done = elf_migrate(tmp_path, "up", "--database-url", database, exit_code=1)
    assert "./no-such-program: No such file or directory" in done.stderr
    url = psycopg.conninfo.make_conninfo(database, password="s3cret-of-ours")
    project(tmp_path, '''before-up = "./hook 'echo s3cret-of-ours >&2'"''')
    done = elf_migrate(tmp_path, "up", "--database-url", url)
    assert "[before-up] ***" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout


def test_neither_a_dry_run_nor_an_isolated_one_runs_them(database: str, tmp_path: Path) -> None:
    project(tmp_path, 'before-up = "./hook false"')
    elf_migrate(tmp_path, "up", "--dry-run", "--database-url", database)
    elf_migrate(tmp_path, "up", "--dry-run=server", "--database-url", database)
    elf_migrate(tmp_path, "up", "--isolated", "--database-url", database)
    assert told(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('befor-up = "x"', "there is no key 'befor-up' in [hooks]"),
        ("before-up = 3", "hooks.before-up is no command"),
        ('before-up = ""', "hooks.before-up is no command"),
        ('before-up = "a \'b"', "hooks.before-up cannot be read: No closing quotation"),
        ("timeout = 0", "hooks.timeout is no number of seconds"),
    ],
)
def test_mistakes_in_the_configuration_are_told(tmp_path: Path, line: str, said: str) -> None:
    project(tmp_path, line)
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path))
    assert said in caught.value.message
