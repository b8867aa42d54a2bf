"""elf-migrate down and redo: what is rolled back, in which order, by which text, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

A, B, C, D = (f"2025010{number}_000000_{letter}" for number, letter in enumerate("abcd", start=1))


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    """An executor on a database of its own."""
    with SupabaseExecutor(database) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four tables, of which the last needs the one before."""
    for name in (A, B, C, D):
        table(tmp_path, name, needs=[C] if name is D else [])
    return tmp_path


def table(project: Path, name: str, **more: Any) -> Path:
    """A migration that makes a table called by its last letter."""
    made = name[-1]
    return write(project / "migrations", name, f"CREATE TABLE {made} (id int);", f"DROP TABLE {made};", **more)


def up(project: Path, database: str, *more: str) -> None:
    """Apply what is due."""
    elf_migrate(project, "up", "--skip-validation", "--database-url", database, *more)


def statuses(executor: SupabaseExecutor) -> str:
    """How a, b, c, … stand, as the first letters of their statuses."""
    return "".join(state.status[0] for _, state in sorted(History(executor).read().items()))


def tables(executor: SupabaseExecutor) -> str:
    """The tables that are there, but for those of the history."""
    rows = executor.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND length(relname) = 1 ORDER BY 1"
    )
    return "".join(row["relname"] for row in rows)


def test_several_are_rolled_back_newest_first(project: Path, executor: SupabaseExecutor, database: str) -> None:
    url = ("--database-url", database)
    up(project, database)
    planned = as_json(project, "down", "--target", A, "--dry-run", *url)
    assert [step["name"] for step in planned["plan"]] == [D, C, B]
    assert tables(executor) == "abcd"
    done = as_json(project, "down", "--count", "1", *url)
    assert [step["name"] for step in done["rolled_back"]] == [D]
    done = as_json(project, "down", "--target", A[:15], *url)
    assert [step["name"] for step in done["rolled_back"]] == [C, B]
    assert (tables(executor), statuses(executor)) == ("a", "crrr")
    assert as_json(project, "down", "--target", A, *url)["rolled_back"] == []
    assert as_json(project, "down", "--count", "9", *url)["rolled_back"][0]["name"] == A
    assert [row["action"] for row in events(executor)] == ["up"] * 4 + ["down"] * 4
    up(project, database)
    assert statuses(executor) == "cccc"


def events(executor: SupabaseExecutor) -> list[dict[str, Any]]:
    """The events of the history, in their order."""
    return executor.query("SELECT * FROM migration_history ORDER BY position")


def test_everything_is_rolled_back_only_when_that_is_confirmed(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    up(project, database)
    said = elf_migrate(project, "down", "--all", "--database-url", database, exit_code=2)
    assert f"Roll back 4 migrations ({D}, {C}, {B}, {A})" in said.stdout
    assert "Nothing was changed." in said.stderr
    assert tables(executor) == "abcd"
    elf_migrate(project, "down", "--all", "--database-url", database, stdin="y\n")
    assert (tables(executor), statuses(executor)) == ("", "rrrr")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "Say what to roll back"),
        ((A, "--count", "1"), 2, "one of them"),
        (("--target", "20250109_000000"), 2, "There is no migration 20250109_000000"),
        (("20250102_00000",), 2, "Did you mean 20250102_000000?"),
        (("--count", "0"), 2, "0 is not in the range"),
        ((C,), 1, f"{D} depends on it and is still applied"),
        (("--target", "20250105_000000_e"), 2, "is not applied (the database has never seen it)"),
    ],
)
def test_what_is_refused(
    project: Path, executor: SupabaseExecutor, database: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    up(project, database)
    table(project, "20250105_000000_e")
    said = elf_migrate(project, "down", *arguments, "--database-url", database, exit_code=code).stderr
    assert told in said
    assert statuses(executor) == "cccc"


def test_one_without_a_way_back_stops_all_before_anything_runs(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    write(project / "migrations", B, "CREATE TABLE b (id int);", None, header="-- Irreversible: rows are gone\n")
    up(project, database)
    said = elf_migrate(project, "down", "--target", A, "--database-url", database, exit_code=2).stderr
    assert f"{B} can't be rolled back (rows are gone)" in said
    assert tables(executor) == "abcd"


def test_one_that_is_applied_in_part_stops_what_came_before_it(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    broken = "CREATE TABLE e (id int);\nSELECT 1 / 0;"
    write(project / "migrations", "20250105_000000_e", broken, "DROP TABLE e;", header="-- Transaction: none\n")
    elf_migrate(project, "up", "--skip-validation", "--database-url", database, exit_code=1)
    said = elf_migrate(project, "down", "--target", A, "--database-url", database, exit_code=1).stderr
    assert "20250105_000000_e is failed, and a part of it is in the database" in said
    assert tables(executor) == "abcde"


def test_the_first_that_fails_ends_the_run(project: Path, executor: SupabaseExecutor, database: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);", "DROP TABLE missing;")
    up(project, database)
    told = as_json(project, "down", "--target", A, "--database-url", database, exit_code=1)
    assert [step["name"] for step in told["rolled_back"]] == [D]
    assert 'table "missing" does not exist' in told["error"]["message"]
    assert (tables(executor), statuses(executor)) == ("abc", "cccr")


def test_without_its_file_it_is_rolled_back_as_it_was_applied(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    up(project, database)
    for name in (C, D):
        (project / "migrations" / f"{name}.sql").unlink()
    said = elf_migrate(project, "down", C[:15], "--database-url", database, exit_code=1).stderr
    assert f"{D} depends on it" in said
    said = elf_migrate(project, "down", "--target", B, "--database-url", database).stdout
    assert f"{D}: its file is gone, so it is rolled back as it was applied." in said
    assert (tables(executor), statuses(executor)) == ("ab", "ccrr")


def test_without_file_and_text_there_is_no_way_back(project: Path, executor: SupabaseExecutor, database: str) -> None:
    up(project, database)
    (project / "migrations" / f"{D}.sql").unlink()
    executor.query("DELETE FROM migration_texts")
    said = elf_migrate(project, "down", D, "--database-url", database, exit_code=2).stderr
    assert f"{D} can't be rolled back: its file is gone, and what it was when it was applied has not been kept." in said


def test_the_files_down_is_used_unless_the_kept_one_is_asked_for(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    url = ("--database-url", database)
    up(project, database)
    write(project / "migrations", D, "CREATE TABLE d (id int);", "DROP TABLE missing;", needs=[C])
    failed = elf_migrate(project, "down", D, *url, exit_code=1)
    assert f"{D}: its DOWN section is not the one of when it was applied; the file's is used; --as-app" in failed.stdout
    assert "--as-applied takes the DOWN that was kept when it was applied." in failed.stderr
    assert tables(executor) == "abcd"
    elf_migrate(project, "down", D, "--as-applied", *url)
    assert tables(executor) == "abc"
    write(project / "migrations", C, "CREATE TABLE c (id int);", None)
    assert "or take the one that was kept" in elf_migrate(project, "down", C, *url, exit_code=2).stderr
    elf_migrate(project, "down", C, "--as-applied", *url)
    assert tables(executor) == "ab"


def test_a_rollback_that_stopped_halfway_goes_on_or_is_called_off(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    url, header = ("--database-url", database), "-- Transaction: none\n"
    write(project / "migrations", D, "CREATE TABLE d (id int);", "DROP TABLE d;\nSELECT 1 / 0;", header=header)
    up(project, database)
    elf_migrate(project, "down", D, *url, exit_code=1)
    (advice,) = as_json(project, "repair", "--dry-run", *url)["advice"]
    assert f"{D} is rolled back in part: the first 1 statements of its DOWN section were carried out." in advice
    write(project / "migrations", D, "CREATE TABLE d (id int);", "DROP TABLE IF EXISTS d;", header=header)
    refused = elf_migrate(project, "down", D, *url, exit_code=1).stderr
    assert f"run `elf-migrate down {D[:15]}` again" in refused
    said = elf_migrate(project, "repair", D, "--mark", "applied", "--yes", *url).stdout
    assert f"{D}: it is applied, and the first 1 of its DOWN statements were carried out." in said
    elf_migrate(project, "down", D, *url)
    assert statuses(executor) == "cccr"


def test_what_a_later_one_loses_is_said_first(project: Path, database: str) -> None:
    write(project / "migrations", B, "ALTER TABLE a ADD COLUMN b int;", "ALTER TABLE a DROP COLUMN b;")
    up(project, database)
    told = as_json(project, "down", A, "--dry-run", "--database-url", database)
    (warning,) = told["warnings"]
    assert warning.startswith(f"DOWN of {A} drops table public.a, which {B} uses, and that stays applied: the drop fai")
    assert f"`elf-migrate down --target {A[:15]}`" in warning
    assert as_json(project, "down", "--target", A, "--dry-run", "--database-url", database)["warnings"] == []


def test_redo_takes_back_and_applies_again(project: Path, executor: SupabaseExecutor, database: str) -> None:
    url = ("--skip-validation", "--database-url", database)
    up(project, database)
    write(project / "migrations", D, "CREATE TABLE d (id int, more int);", "DROP TABLE d;", needs=[C])
    planned = as_json(project, "redo", "--dry-run", *url)
    assert [(step["name"], step["section"]) for step in planned["plan"]] == [(D, "down"), (D, "up")]
    told = as_json(project, "redo", *url)
    assert told["rolled_back"][0]["name"] == told["applied"][0]["name"] == D
    assert [row["action"] for row in events(executor)][-2:] == ["down", "up"]
    assert executor.query("SELECT more FROM d") == []
    assert f"{D} depends on it" in elf_migrate(project, "redo", C, *url, exit_code=1).stderr
    elf_migrate(project, "redo", B, "--as-applied", *url)
    assert statuses(executor) == "cccc"


def test_redo_that_cannot_apply_again_leaves_it_rolled_back(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    url = ("--skip-validation", "--database-url", database)
    up(project, database)
    write(project / "migrations", D, "CREATE TABLE d (id int); SELECT 1 / 0;", "DROP TABLE d;", needs=[C])
    said = elf_migrate(project, "redo", *url, exit_code=1).stderr
    assert "division by zero" in said
    assert (tables(executor), statuses(executor)) == ("abc", "cccf")
    assert "--as-applied" not in said
    table(project, D, needs=[C])
    up(project, database)
    assert statuses(executor) == "cccc"


def test_redo_checks_the_file_like_up(project: Path, executor: SupabaseExecutor, database: str) -> None:
    up(project, database)
    said = elf_migrate(project, "redo", "--database-url", database, exit_code=1).stderr
    assert "Validation found" in said
    assert statuses(executor) == "cccc"


def test_redo_without_anything_applied(project: Path, database: str) -> None:
    assert "nothing is applied" in elf_migrate(project, "redo", "--database-url", database).stdout


def waiting(executor: SupabaseExecutor, deployers: int) -> bool:
    """Whether so many sessions are polling for the lock."""
    rows = executor.query(
        "SELECT count(*) AS n FROM pg_stat_activity "
        "WHERE application_name = 'elf-migrate lock' AND datname = current_database() AND state = 'idle'"
    )
    return bool(rows[0]["n"] >= deployers + 1)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fails after a while."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "left", "codes"), [(["--count", "1"], "abc", [0, 1]), (["--target", B], "ab", [0, 0])]
)
def test_two_at_once_roll_back_what_each_has_shown(
    project: Path, executor: SupabaseExecutor, database: str, arguments: list[str], left: str, codes: list[int]
) -> None:
    up(project, database)

    def run(_: int) -> subprocess.CompletedProcess[str]:
        command = ["elf-migrate", "down", *arguments, "--database-url", database]
        return subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)

    with SupabaseExecutor(database) as other, ThreadPoolExecutor(2) as pool:
        with deploy_lock(other, 1):
            both = [pool.submit(run, number) for number in range(2)]
            until(lambda: waiting(executor, 2))
        ended = sorted((one.result() for one in both), key=lambda one: one.returncode)
    assert [one.returncode for one in ended] == codes, [one.stderr for one in ended]
    if codes[1]:
        assert f"What is applied changed while the lock was waited for: now it would be {C}." in ended[1].stderr
    assert tables(executor) == left


def test_it_does_not_begin_while_another_deployer_is_at_work(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    up(project, database)
    with deploy_lock(executor, 1):
        for command in (["down", "--count", "1"], ["redo", "--skip-validation"]):
            said = elf_migrate(project, *command, "--lock-wait", "0.2", "--database-url", database, exit_code=4)
            assert "Another deployer still holds the lock" in said.stderr
    assert tables(executor) == "abcd"


def test_a_run_that_was_killed_between_two_goes_on(project: Path, executor: SupabaseExecutor, database: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);", "DROP TABLE c; SELECT pg_sleep(60);")
    up(project, database)
    command = ["elf-migrate", "down", "--target", A, "--database-url", database]
    with subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.DEVNULL) as running:
        until(lambda: statuses(executor) == "cccr")
        os.kill(running.pid, signal.SIGKILL)
    with psycopg.connect(database, autocommit=True) as ending:
        ending.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                       "AND pid <> pg_backend_pid()")  # fmt: skip
    assert statuses(executor) == "cccr"
    table(project, C)
    elf_migrate(project, "down", "--target", A, "--database-url", database)
    assert (tables(executor), statuses(executor)) == ("a", "crrr")
    assert [row["version"] for row in events(executor) if row["action"] == "down" and row["success"]] == [
        D[:15], C[:15], B[:15],
    ]  # fmt: skip
