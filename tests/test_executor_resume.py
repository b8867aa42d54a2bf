"""Statements outside a transaction that were broken off: what a rerun makes of what it finds on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import elf_migrate
from tests.migrate_files import write
from tests.test_executor import NONE, migration
from tests.test_migrate_waits import up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.shared.database import Outcome

A = "20250101_000000_a"
INVALIDATE = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as opened:
        opened.query("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
        yield opened


def again(executor: SupabaseExecutor, sql: str) -> Outcome:
    """Run a statement that an earlier run had begun."""
    made = migration(sql, header=NONE)
    return executor.run(made, made.up, begun=True)


def told(executor: SupabaseExecutor, sql: str) -> list[str]:
    """Run statements, and return what the history is told in the meantime."""
    made = migration(sql, header=NONE)
    heard: list[str] = []
    executor.run(
        made,
        made.up,
        progress=lambda count, _: heard.append(f"{count} done"),
        beginning=lambda count, _: heard.append(f"{count + 1} begins"),
    )
    return heard


def test_only_what_must_not_simply_run_again_is_told_to_begin(executor: SupabaseExecutor) -> None:
    heard = told(
        executor,
        "INSERT INTO t VALUES (2);\nCREATE INDEX CONCURRENTLY i ON t (id);\nVACUUM t;\nREINDEX TABLE CONCURRENTLY t;\n"
        "DROP INDEX CONCURRENTLY i;\nDO $$ BEGIN INSERT INTO t VALUES (3); COMMIT; END $$;",
    )
    assert heard == [
        "0 done", "1 done", "2 begins", "2 done", "3 done", "4 done", "5 begins", "5 done", "6 begins", "6 done",
    ]  # fmt: skip
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 3}]


def test_a_result_that_was_there_before_tells_nothing(executor: SupabaseExecutor) -> None:
    executor.query("CREATE INDEX i ON t (id)")
    assert told(executor, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);") == ["0 done", "1 done"]


def test_a_statement_that_can_run_in_a_transaction_is_one_with_its_progress(executor: SupabaseExecutor) -> None:
    made = migration("INSERT INTO t VALUES (2);\nVACUUM t;", header=NONE)

    def break_off(count: int, _: str) -> None:
        if count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.run(made, made.up, progress=break_off)
    assert executor.query("SELECT id FROM t") == [{"id": 1}]


def test_an_index_that_was_built_is_not_built_again(executor: SupabaseExecutor) -> None:
    executor.query("CREATE INDEX i ON t (id)")
    before = executor.query("SELECT 'i'::regclass::oid AS oid")
    outcome = again(executor, "CREATE INDEX CONCURRENTLY i ON t (id);")
    assert outcome.notices == ("line 6 was not run again: the run before had carried it out",)
    assert executor.query("SELECT 'i'::regclass::oid AS oid") == before


@pytest.mark.parametrize("left", ["INVALID", "nothing"])
def test_an_index_that_was_not_is_built(executor: SupabaseExecutor, left: str) -> None:
    if left == "INVALID":
        executor.query("CREATE INDEX i ON t (id)")
        executor.query(INVALIDATE.format("i"))
    again(executor, "CREATE INDEX CONCURRENTLY i ON t (id);")
    assert executor.query(VALID) == [{"indisvalid": True}]


@pytest.mark.parametrize("left", ["i", "nothing"])
def test_an_index_is_dropped_once(executor: SupabaseExecutor, left: str) -> None:
    if left == "i":
        executor.query("CREATE INDEX i ON t (id)")
        executor.query(INVALIDATE.format("i"))
    again(executor, "DROP INDEX CONCURRENTLY i;")
    assert executor.query("SELECT to_regclass('i') AS i") == [{"i": None}]


def test_copies_that_reindexing_left_are_dropped(executor: SupabaseExecutor) -> None:
    executor.query("CREATE TABLE other (id int)")
    for table in ("t", "other"):
        for name in (f"{table}_i", f"{table}_i_ccnew", f"{table}_i_ccold1"):
            executor.query(f"CREATE INDEX {name} ON {table} (id)")
            if "_cc" in name:
                executor.query(INVALIDATE.format(name))
    outcome = again(executor, "REINDEX INDEX CONCURRENTLY t_i;")
    assert outcome.notices[0] == "dropped what an earlier REINDEX CONCURRENTLY had left behind: t_i_ccnew, t_i_ccold1"
    left = (
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid IN ('t'::regclass, 'other'::regclass)"
    )
    assert {row["name"] for row in executor.query(left)} == {"t_i", "other_i", "other_i_ccnew", "other_i_ccold1"}
    again(executor, "REINDEX SCHEMA CONCURRENTLY public;")
    assert {row["name"] for row in executor.query(left)} == {"t_i", "other_i"}


def test_a_partition_is_detached_once(executor: SupabaseExecutor) -> None:
    executor.query("CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    for _ in range(2):
        again(executor, "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;")
        assert executor.query("SELECT 1 FROM pg_inherits WHERE inhrelid = 'p1'::regclass") == []


def test_a_database_is_made_and_dropped_once(executor: SupabaseExecutor) -> None:
    name = f"{executor.target.values['dbname']}_more"
    there = f"SELECT datconnlimit AS n FROM pg_database WHERE datname = '{name}'"
    for _ in range(2):
        again(executor, f"CREATE DATABASE {name};")
        assert executor.query(there) == [{"n": -1}]
    executor.query(f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{name}'")
    outcome = again(executor, f"CREATE DATABASE {name};")
    assert outcome.notices == (f"dropped the database {name}, which was left half made or half dropped",)
    assert executor.query(there) == [{"n": -1}]
    for _ in range(2):
        again(executor, f"DROP DATABASE {name};")
        assert executor.query(there) == []


def test_what_shows_nothing_is_left_to_people(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    executor.query("CREATE TABLE log (what text)")
    body = "BEGIN INSERT INTO log VALUES ('first'); COMMIT; PERFORM pg_terminate_backend(pg_backend_pid()); END"
    executor.query(f"CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ {body} $$")
    write(
        tmp_path, A, "INSERT INTO log VALUES ('before');\nCALL fill();\nINSERT INTO log VALUES ('after');", header=NONE
    )
    with pytest.raises(MigrationFailed, match="went away"):
        up(executor, tmp_path)
    with SupabaseExecutor(database) as new:
        new.query("CREATE OR REPLACE PROCEDURE fill() LANGUAGE sql AS $$ INSERT INTO log VALUES ('second') $$")
        with pytest.raises(MigrationFailed, match="nothing tells whether it was carried out") as caught:
            up(new, tmp_path)
        state = History(new).read()[A[:15]]
        assert state.progress is not None
        assert state.progress.begun
        may_again, was_done = (line.strip() for line in caught.value.remedy.splitlines() if "UPDATE" in line)
        new.query("CREATE TABLE kept AS SELECT * FROM schema_migrations")
        new.query(was_done)
        assert up(new, tmp_path) == ["up a 1"]
        assert [row["what"] for row in new.query("SELECT what FROM log")] == ["before", "first", "after"]
        new.query("DELETE FROM log WHERE what = 'after'")
        new.query("UPDATE schema_migrations SET status = 'failed', metadata = (SELECT metadata FROM kept)")
        new.query(may_again)
        assert up(new, tmp_path) == ["up a 2"]
        assert [row["what"] for row in new.query("SELECT what FROM log")] == ["before", "first", "second", "after"]


def test_a_procedure_that_fails_by_itself_may_run_again(executor: SupabaseExecutor, tmp_path: Path) -> None:
    executor.query("CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM 1/0; END $$")
    write(tmp_path, A, "CALL fill();", header=NONE)
    with pytest.raises(MigrationFailed, match="division by zero"):
        up(executor, tmp_path)
    executor.query("CREATE OR REPLACE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$")
    assert up(executor, tmp_path) == ["up a 1"]


def test_status_lists_invalid_indexes(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    write(tmp_path / "migrations", A, "SELECT 1;")
    executor.query("CREATE INDEX i ON t (id)")
    executor.query(INVALIDATE.format("i"))
    said = elf_migrate(tmp_path, "status", "--database-url", database).stdout
    assert "INVALID, so no query uses it and every write pays for it: index public.i on t" in said


def test_a_session_is_like_new_after_a_migration(executor: SupabaseExecutor) -> None:
    made = migration(
        "PREPARE p AS SELECT 1;\nLISTEN something;\nSELECT pg_advisory_lock(7);\nSET work_mem = '7MB';\n"
        "CREATE TEMPORARY TABLE x (i int);\nDECLARE c CURSOR WITH HOLD FOR SELECT 1;\nSET ROLE pg_monitor;"
    )
    pid = executor.query("SELECT pg_backend_pid() AS pid")
    executor.run(made, made.up)
    assert executor.query("SELECT pg_backend_pid() AS pid") == pid
    assert executor.query(
        "SELECT (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors) "
        "+ (SELECT count(*) FROM pg_listening_channels()) + (SELECT count(*) FROM pg_class WHERE relname = 'x') "
        "+ (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS left, "
        "current_setting('work_mem') AS mem, current_user::text AS who"
    ) == [{"left": 0, "mem": "4MB", "who": "postgres"}]


def test_a_deferred_check_fails_at_the_commit(executor: SupabaseExecutor) -> None:
    executor.query("ALTER TABLE t ADD CONSTRAINT once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED")
    made = migration("INSERT INTO t VALUES (1);\n-- a comment at the end")
    with pytest.raises(MigrationFailed, match="once") as caught:
        executor.run(made, made.up)
    assert caught.value.sqlstate == "23505"
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 1}]


def test_a_history_that_swallows_its_error_is_found_out(executor: SupabaseExecutor) -> None:
    made = migration("INSERT INTO t VALUES (2);")

    def swallow(connection: psycopg.Connection[dict[str, object]]) -> None:
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT 1/0")

    with pytest.raises(MigrationFailed, match="was rolled back when it was to be committed"):
        executor.run(made, made.up, record=swallow)
    assert executor.query("SELECT count(*) AS n FROM t") == [{"n": 1}]
