"""A migration that goes to the server in one query, from its BEGIN to the COMMIT of its history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate import deploy
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import Outcome

A, B, C = "20250101_000000_a", "20250102_000000_b", "20250103_000000_c"
SEEN = "CREATE TABLE {} AS SELECT current_query() AS query;"


class Nobody:
    def note(self, text: str, kind: str = "notice") -> None:
        del text, kind

    def begins(self, migration: Migration, section: Section, number: int, total: int) -> None:
        del migration, section, number, total

    def ended(self, migration: Migration, section: Section, outcome: Outcome) -> None:
        del migration, section, outcome


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as opened:
        yield opened


def up(executor: SupabaseExecutor, folder: Path, *attendants: deploy.Attendant) -> int:
    options = deploy.Options(attendants=attendants)
    return len(deploy.up(executor, read_directory(str(folder)), Nobody(), options))


def events(executor: SupabaseExecutor) -> list[tuple[str, bool]]:
    rows = executor.query("SELECT version, success FROM migration_history ORDER BY position")
    return [(row["version"], row["success"]) for row in rows]


def test_a_migration_and_its_history_are_one_query(executor: SupabaseExecutor, tmp_path: Path) -> None:
    for letter, name in zip("abc", (A, B, C), strict=True):
        write(tmp_path, name, SEEN.format(letter))
    assert up(executor, tmp_path) == 3
    for table in "abc":
        query = executor.query(f"SELECT query FROM {table}")[0]["query"]
        assert query.startswith("BEGIN; ")
        assert re.search(r"EXECUTE elf_migrate_up_[0-9a-f]{12} \(", query)
    assert not History(executor).check().problems


def test_who_looks_inside_sees_the_transaction_open(executor: SupabaseExecutor, tmp_path: Path) -> None:
    class Looking(deploy.Attendant):
        def inside(self, connection: psycopg.Connection[dict[str, Any]], step: deploy.Step) -> None:
            del step
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
            assert connection.execute("SELECT to_regclass('a')::text AS made").fetchone() == {"made": "a"}
            raise RuntimeError("not this one")

    write(tmp_path, A, "CREATE TABLE a (id int);")
    with pytest.raises(RuntimeError):
        up(executor, tmp_path, Looking())
    assert executor.query("SELECT to_regclass('a') AS made") == [{"made": None}]


@pytest.mark.parametrize(
    "thrown_away",
    ["DEALLOCATE ALL;", "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$;"],
)
def test_what_throws_away_prepared_statements_is_applied_once(
    executor: SupabaseExecutor, tmp_path: Path, thrown_away: str
) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    write(tmp_path, B, f"{thrown_away}\nINSERT INTO a VALUES (1);")
    write(tmp_path, C, "INSERT INTO a VALUES (2);")
    assert up(executor, tmp_path) == 3
    assert executor.query("SELECT array_agg(id ORDER BY id) AS ids FROM a") == [{"ids": [1, 2]}]
    assert [success for _, success in events(executor)] == [True, True, True]


def test_nothing_that_was_prepared_reaches_the_next_migration(executor: SupabaseExecutor, tmp_path: Path) -> None:
    for name in (A, B, C):
        write(tmp_path, name, f"PREPARE mine AS SELECT 1;\nSET work_mem = '7MB';\n{SEEN.format(name[16:])}")
    assert up(executor, tmp_path) == 3
    left = executor.query("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE 'elf_migrate%'")
    assert (left, executor.query("SHOW work_mem")) == ([], [{"work_mem": "4MB"}])


def test_the_history_knows_what_the_server_took(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "SELECT pg_sleep(0.2);")
    up(executor, tmp_path)
    row = executor.query(
        "SELECT m.execution_time_ms AS ms, (h.details ->> 'execution_time_ms')::int AS logged, "
        "extract(epoch FROM h.completed_at - h.started_at)::float8 * 1000 AS span "
        "FROM schema_migrations m JOIN migration_history h USING (version)"
    )[0]
    assert 200 <= row["ms"] < 2000
    assert row["logged"] == row["ms"]
    assert abs(row["span"] - row["ms"]) < 5


def test_a_history_that_cannot_be_written_takes_the_migration_with_it(
    executor: SupabaseExecutor, tmp_path: Path
) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    up(executor, tmp_path)
    executor.query("ALTER TABLE migration_texts ADD CONSTRAINT no_b CHECK (version <> '20250102_000000')")
    write(tmp_path, B, "CREATE TABLE b (id int);")
    with pytest.raises(MigrationFailed, match="no_b"):
        up(executor, tmp_path)
    assert executor.query("SELECT to_regclass('b') AS made") == [{"made": None}]
    assert events(executor) == [("20250101_000000", True)]


def test_a_server_that_reads_backslashes_in_another_way_is_watched(
    executor: SupabaseExecutor, database: str, tmp_path: Path
) -> None:
    if executor.connection.info.server_version >= 190000:
        pytest.skip("this Postgres reads strings in one way only")
    executor.query("ALTER ROLE CURRENT_USER SET standard_conforming_strings = off")
    try:
        with SupabaseExecutor(database) as other:
            # To the parser it is one string; such a server sees a COMMIT.
            write(tmp_path, A, r"CREATE TABLE a (id int); SELECT '\''; COMMIT; --';")
            with pytest.raises(MigrationFailed, match="committed"):
                up(other, tmp_path)
            assert events(other) in ([], [("20250101_000000", False)])
    finally:
        executor.query("ALTER ROLE CURRENT_USER RESET standard_conforming_strings")


def test_a_session_that_ends_itself_leaves_nothing_and_is_known_to(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int); SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed, match="rolls back the transaction") as caught:
        up(executor, tmp_path)
    assert not caught.value.unknown
    assert executor.query("SELECT to_regclass('a') AS made") == [{"made": None}]
    assert events(executor) == [("20250101_000000", False)]
