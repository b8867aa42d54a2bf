"""Locks that others hold, deployers that died or stopped: what a deploy waits for, how long, and what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import LockNotObtained, MigrationFailed
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate import deploy
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import WORKING
from elf_sqlcheck.shared import running
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import elf_migrate, environment
from tests.migrate_files import write
from tests.test_migrate_deploy import Heard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Migration, Section

A, B = "20250101_000000_a", "20250102_000000_b"
NONE = "-- Transaction: none\n"
SOON = "-- Lock-Timeout: 200ms\n"


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as opened:
        opened.query("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
        yield opened


@pytest.fixture
def other(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another session, as an application would have it."""
    with psycopg.connect(database, autocommit=True, application_name="the-app") as connection:
        yield connection


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(running, "_LONGEST_WAIT", 0.05)


class Hearing(Heard):
    """A listener that does something at the first note, or when something begins."""

    def __init__(
        self, at_note: Callable[[], object] = lambda: None, at_begin: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__()
        self._at_note, self._at_begin = at_note, at_begin

    def note(self, text: str) -> None:
        super().note(text)
        if len(self.notes) == 1:
            self._at_note()

    def begins(self, migration: Migration, section: Section, number: int, total: int) -> None:
        super().begins(migration, section, number, total)
        self._at_begin()


def up(executor: SupabaseExecutor, folder: Path, heard: Heard | None = None, **options: object) -> list[str]:
    heard = heard or Heard()
    deploy.up(executor, read_directory(str(folder)), heard, deploy.Options(**options))  # type: ignore[arg-type]
    return heard.done


def events(executor: SupabaseExecutor) -> list[bool]:
    return [row["success"] for row in executor.query("SELECT success FROM migration_history ORDER BY position")]


def test_a_lock_that_is_freed_is_had_at_the_next_try(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    write(tmp_path, A, "INSERT INTO t VALUES (2);\nALTER TABLE t ADD COLUMN a text;", header=SOON)
    other.execute("BEGIN")
    other.execute("UPDATE t SET id = 7 WHERE 'secret' = 'secret'")
    heard = Hearing(at_note=lambda: other.execute("COMMIT"))
    assert up(executor, tmp_path, heard) == ["up a 2"]
    assert "20250101_000000_a waited for a lock in vain" in heard.notes[0]
    assert "in the way: the-app of postgres, pid " in heard.notes[0]
    assert ", idle in transaction for 00:00:0" in heard.notes[0]
    assert "UPDATE t SET id = 7 WHERE '…' = '…'. Try 2 of 6 follows" in heard.notes[0]
    assert executor.query("SELECT id FROM t ORDER BY id") == [{"id": 2}, {"id": 7}]
    assert events(executor) == [True]


def test_a_lock_that_is_never_freed_is_given_up(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    write(tmp_path, A, "ALTER TABLE t ADD COLUMN a text;", header=SOON)
    other.execute("BEGIN")
    other.execute("LOCK TABLE t")
    heard = Heard()
    with pytest.raises(MigrationFailed, match=r"tried 3 times\.\n  In the way: the-app of postgres, pid") as caught:
        up(executor, tmp_path, heard, lock_retries=2)
    assert len(heard.notes) == 2
    assert caught.value.sqlstate == "55P03"
    assert f"SELECT pg_terminate_backend({other.info.backend_pid});" in caught.value.remedy
    other.execute("COMMIT")  # it was never killed
    assert events(executor) == [False]
    assert up(executor, tmp_path) == ["up a 1"]


def test_nothing_else_is_tried_again(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "SELECT pg_sleep(3);", header="-- Statement-Timeout: 100ms\n")
    heard = Heard()
    with pytest.raises(MigrationFailed) as caught:
        up(executor, tmp_path, heard)
    assert caught.value.sqlstate == "57014"
    assert heard.notes == []


def test_an_index_that_waited_in_vain_is_cleared_and_built(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    write(tmp_path, A, "INSERT INTO t VALUES (2);\nCREATE INDEX CONCURRENTLY i ON t (id);", header=NONE + SOON)
    other.execute("BEGIN")
    other.execute("INSERT INTO t VALUES (3)")
    heard = Hearing(at_note=lambda: other.execute("COMMIT"))
    assert up(executor, tmp_path, heard) == ["up a 2"]
    assert "in the way: the-app" in heard.notes[0]
    assert executor.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [{"indisvalid": True}]
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 3}]


def test_a_partition_that_is_half_detached_is_detached(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    executor.query("CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    write(tmp_path, A, "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;", header=NONE + SOON)
    other.execute("BEGIN")
    other.execute("SELECT * FROM p")
    pending = "SELECT inhdetachpending AS half FROM pg_inherits WHERE inhrelid = 'p1'::regclass"
    half: list[object] = []

    def free() -> None:
        with executor.another("onlooker") as onlooker:
            half.extend(onlooker.query(pending))
        other.execute("COMMIT")

    assert up(executor, tmp_path, Hearing(at_note=free)) == ["up a 1"]
    assert half == [{"half": True}]
    assert executor.query(pending) == []


@pytest.mark.parametrize(
    ("header", "database_has", "settings", "seen"),
    [
        ("", "", {}, "5s"),
        ("", "3s", {}, "3s"),
        ("", "3s", {"lock_timeout": "2s"}, "2s"),
        (SOON, "3s", {"lock_timeout": "2s"}, "200ms"),
        ("-- Lock-Timeout: 0\n", "", {}, "0"),
        ("", "", {"lock_timeout": "0"}, "0"),
    ],
)
def test_who_says_how_long_to_wait(
    database: str, tmp_path: Path, header: str, database_has: str, settings: dict[str, str], seen: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        if database_has:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET lock_timeout = '{database_has}'".encode())
    look = "CREATE TABLE {} AS SELECT current_setting('lock_timeout') AS t;"
    write(tmp_path, A, look.format("a"), header=header)
    write(tmp_path, B, look.format("b") + "\nSET lock_timeout = '9s';\n" + look.format("c"), header=header + NONE)
    with SupabaseExecutor(database, settings=settings) as executor:
        up(executor, tmp_path)
        for table, expected in (("a", seen), ("b", seen), ("c", "9s")):
            assert executor.query(f"SELECT t FROM {table}") == [{"t": expected}]


def test_nothing_runs_once_the_lock_is_lost(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    write(tmp_path, B, "CREATE TABLE b (id int);\nVACUUM b;", header=NONE)
    kill = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'elf-migrate lock' AND datname = current_database()"
    )
    heard = Hearing(at_begin=lambda: other.execute(kill.encode()))
    for count in (1, 2):
        with pytest.raises(LockNotObtained, match="was lost"):
            up(executor, tmp_path, heard, count=1)
        assert any("no longer held when it was to be released" in note for note in heard.notes)
        assert executor.query("SELECT relname FROM pg_class WHERE relname IN ('a', 'b')") == [{"relname": "a"}] * (
            count - 1
        )
        if count == 1:
            assert up(executor, tmp_path, count=1) == ["up a 1"]


def test_a_session_of_an_earlier_run_that_still_works_is_waited_for(
    executor: SupabaseExecutor, other: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    other.execute("SELECT pg_advisory_lock_shared(%s)", (WORKING,))
    with pytest.raises(LockNotObtained, match=f"still at work .pid {other.info.backend_pid}, idle") as caught:
        up(executor, tmp_path, lock_wait=0.3)
    assert f"pg_terminate_backend({other.info.backend_pid})" in caught.value.remedy
    heard = Hearing(at_note=lambda: other.execute("SELECT pg_advisory_unlock_all()"))
    assert up(executor, tmp_path, heard) == ["up a 1"]
    assert "waiting: a session of an earlier run is still at work" in heard.notes[0]


def started(folder: Path, database: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["elf-migrate", "up", "--database-url", database],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def sleeping(executor: SupabaseExecutor) -> bool:
    """Whether a session of the database is in pg_sleep by now; asked until one is."""
    asked = "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    deadline = time.monotonic() + 30
    while not executor.query(asked):
        assert time.monotonic() < deadline, "nobody went to sleep"
        time.sleep(0.02)
    return True


def test_after_a_kill_the_next_run_waits_until_the_server_has_noticed(
    executor: SupabaseExecutor, database: str, tmp_path: Path
) -> None:
    executor.query("CREATE TABLE nap AS SELECT 100 AS seconds")
    sql = "INSERT INTO t VALUES (2);\nSELECT pg_sleep(seconds) FROM nap;\nINSERT INTO t VALUES (3);"
    write(tmp_path / "migrations", A, sql, header=NONE)
    first = started(tmp_path, database)
    assert sleeping(executor)
    first.kill()
    first.wait()
    executor.query("UPDATE nap SET seconds = 0")
    heard = Heard()
    assert up(executor, tmp_path / "migrations", heard) == ["up a 2"]
    assert "waiting: a session of an earlier run is still at work" in heard.notes[-1]
    assert executor.query("SELECT id FROM t ORDER BY id") == [{"id": number} for number in (1, 2, 3)]
    assert events(executor) == [True]


def test_a_deployer_that_is_stopped_keeps_its_lock(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    write(folder, A, "INSERT INTO t VALUES (2);\nSELECT pg_sleep(1);", header="")
    first = started(tmp_path, database)
    assert sleeping(executor)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = elf_migrate(tmp_path, "up", "--database-url", database, "--lock-wait", "1.5", exit_code=4)
        assert "Another deployer still holds the lock after 1.5 seconds: elf-migrate lock of postgres" in second.stderr
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.wait(timeout=60) == 0
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 2}]
    assert elf_migrate(tmp_path, "up", "--database-url", database).stdout.count("Nothing to do") == 1


def test_a_loose_set_role_does_not_keep_the_history_from_being_written(
    executor: SupabaseExecutor, tmp_path: Path
) -> None:
    up_sql = "SET ROLE pg_monitor;\nCREATE TEMPORARY TABLE x AS SELECT current_user AS who;\nRESET ROLE;\nVACUUM t;"
    write(tmp_path, A, f"{up_sql}\nCREATE TABLE w AS SELECT * FROM x;", header=NONE)
    executor.query(f"GRANT TEMPORARY ON DATABASE {executor.target.values['dbname']} TO pg_monitor")
    assert up(executor, tmp_path) == ["up a 5"]
    assert executor.query("SELECT who FROM w") == [{"who": "pg_monitor"}]


def test_a_file_that_committed_by_itself_is_recorded_so(executor: SupabaseExecutor, tmp_path: Path) -> None:
    body = "$$ BEGIN INSERT INTO t VALUES (2); COMMIT; RAISE 'no more'; END $$"
    write(tmp_path, A, f"INSERT INTO t VALUES (5);\nDO {body};", header=NONE)
    with pytest.raises(MigrationFailed, match="no more"):
        up(executor, tmp_path)
    (state,) = History(executor).read().values()
    assert state.status == "failed"
    assert state.progress is not None
    assert (state.progress.statements, state.progress.begun) == (1, False)
    details = executor.query("SELECT details FROM migration_history")[0]["details"]
    assert details["completed"] == 1
    assert executor.query("SELECT id FROM t ORDER BY id") == [{"id": 1}, {"id": 2}, {"id": 5}]


def test_many_deployers_at_once_run_everything_once(database: str, executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "INSERT INTO t VALUES (2);\nVACUUM t;\nINSERT INTO t VALUES (3);", header=NONE)
    write(tmp_path, B, "INSERT INTO t VALUES (4);")
    done: list[list[str]] = []

    def one() -> None:
        with SupabaseExecutor(database) as own:
            done.append(up(own, tmp_path))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [*[[]] * 7, ["up a 3", "up b 1"]]
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 4}]
