"""The executor against a real server: transactions, pieces, positions, and what it says when something goes wrong."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import ConnectionFailed, DatabaseError, MigrationFailed
from elf_sqlcheck.layouts import read
from elf_sqlcheck.model import Migration, Section
from elf_sqlcheck.shared.database import SupabaseExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = "-- ============= UP MIGRATION =============\n"
DOWN = "-- ============= DOWN MIGRATION ============\n"
NONE = "-- Transaction: none\n"
TABLE = "CREATE TABLE t (i int);\nINSERT INTO t VALUES (NULL), (1), (1);\n"


def migration(up: str, down: str = "", header: str = "") -> Migration:
    text = f"-- Migration: X\n-- Version: 20250121_093000\n{header}\n{UP}{up}\n{DOWN}{down}"
    return read("migrations/20250121_093000_x.sql", text.encode())


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as opened:
        yield opened


def tables(executor: SupabaseExecutor) -> set[str]:
    return {
        row["relname"]
        for row in executor.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    }


def failure(executor: SupabaseExecutor, up: str, header: str = "") -> tuple[MigrationFailed, Migration]:
    made = migration(up, header=header)
    with pytest.raises(MigrationFailed) as caught:
        executor.run(made, made.up)
    return caught.value, made


def test_a_section_and_its_history_row_are_one_transaction(executor: SupabaseExecutor) -> None:
    made = migration(
        "CREATE TABLE a (id int);\nSET search_path = pg_catalog;\nCREATE ROLE nobody_x; SET ROLE nobody_x;"
    )
    seen: list[int] = []

    def record(connection: psycopg.Connection[dict[str, object]]) -> None:
        connection.execute("CREATE TABLE public.history (id int)")
        seen.append(connection.info.transaction_status)

    outcome = executor.run(made, made.up, record=record)
    assert outcome.statements == 4
    assert outcome.ms > 0
    assert {"a", "history"} <= tables(executor)
    assert seen == [psycopg.pq.TransactionStatus.INTRANS]
    assert executor.query("SHOW search_path") == [{"search_path": '"$user", public'}]
    executor.query("DROP ROLE nobody_x")


def test_a_record_that_fails_takes_the_section_with_it(executor: SupabaseExecutor) -> None:
    made = migration("CREATE TABLE a (id int);")
    with pytest.raises(MigrationFailed, match="rolled back"):
        executor.run(made, made.up, record=lambda connection: connection.execute("SELECT 1/0"))
    assert tables(executor) == set()


def test_down_runs_the_down_section(executor: SupabaseExecutor) -> None:
    made = migration("CREATE TABLE a (id int);", "DROP TABLE a;")
    executor.run(made, made.up)
    assert made.down is not None
    executor.run(made, made.down)
    assert tables(executor) == set()


@pytest.mark.parametrize(
    ("up", "piece", "sqlstate", "remedy"),
    [
        ("SELECT 'größe → 数';\nSELECT * FROM größe_数;", "SELECT * FROM größe_数", "42P01", "Dependencies"),
        ("CREATE TABLE t ();\n-- früher\nCREATE TABLE t ();", "CREATE TABLE t ()", "42P07", "IF NOT EXISTS"),
        (f"{TABLE}ALTER TABLE t DROP COLUMN größe;", "ALTER TABLE t DROP COLUMN größe", "42703", "column"),
        (f"{TABLE}ALTER TABLE t ALTER i SET NOT NULL;", "ALTER TABLE t ALTER i SET NOT NULL", "23502", "UPDATE"),
        (f"{TABLE}ALTER TABLE t ADD UNIQUE (i);", "ALTER TABLE t ADD UNIQUE (i)", "23505", "duplicates"),
        (f"{TABLE}ALTER TABLE t ADD CHECK (i > 1);", "ALTER TABLE t ADD CHECK (i > 1)", "23514", "NOT VALID"),
        (
            f"{TABLE}CREATE INDEX CONCURRENTLY i ON t (i);",
            "CREATE INDEX CONCURRENTLY i ON t (i)",
            "25001",
            "tion: none",
        ),
        ("SELECT 'ü';\nDO $$ BEGIN PERFORM 1/0; END $$;", "DO $$ BEGIN PERFORM 1/0; END $$", "22012", ""),
        ("CREATE EXTENSION does_not_exist;", "CREATE EXTENSION does_not_exist", "0A000 58P01", "extension"),
    ],
)
def test_a_failing_statement_is_found(
    executor: SupabaseExecutor, up: str, piece: str, sqlstate: str, remedy: str
) -> None:
    error, made = failure(executor, up)
    assert error.span is not None
    assert made.text(error.span) == piece
    assert error.span.start == made.data.rindex(piece.encode())
    assert error.sqlstate in sqlstate.split(), "before 15, an extension that is not there was another error"
    assert remedy in error.remedy
    assert f"x.sql:{made.position(error.span.start)[0]}: UP failed" in error.message
    assert "nothing of it stays" in error.message
    assert tables(executor) == set()


def test_a_syntax_error_is_placed_and_nothing_runs(executor: SupabaseExecutor) -> None:
    error, made = failure(executor, "CREATE TABLE a (id int);\nCREATE TABEL b (name text DEFAULT 'ä');\nSELECT 1;")
    assert error.sqlstate == "42601"
    assert error.span is not None
    assert made.text(error.span).startswith("TABEL b")
    assert tables(executor) == set()


def test_the_line_inside_a_long_statement_is_named(executor: SupabaseExecutor) -> None:
    error, made = failure(executor, "CREATE TABLE a (\n  id int,\n  other missing_type\n);")
    line = made.position(made.data.index(b"missing_type"))[0]
    assert f"(at line {line}, column 9)" in error.message


def test_one_begin_and_commit_around_the_whole_is_run_as_ours(executor: SupabaseExecutor) -> None:
    made = migration("-- data\nBEGIN;\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nCOMMIT;")
    with pytest.raises(MigrationFailed):
        executor.run(made, made.up, record=lambda connection: connection.execute("SELECT 1/0"))
    assert tables(executor) == set()
    executor.run(made, made.up)
    assert executor.query("SELECT id FROM a") == [{"id": 1}]


def test_positions_hold_when_begin_and_commit_are_left_out(executor: SupabaseExecutor) -> None:
    error, made = failure(executor, "BEGIN;\nSELECT 'ü';\nSELECT nothing;\nCOMMIT;")
    assert error.span is not None
    assert made.text(error.span) == "SELECT nothing"


def test_several_transactions_run_piece_by_piece_and_resume(executor: SupabaseExecutor) -> None:
    first = "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n"
    up = f"{first}BEGIN;\nCREATE TABLE b (id int);\nSELECT 1/0;\nCOMMIT;\nCREATE TABLE c (id int);"
    made = migration(up)
    told: list[tuple[int, str]] = []
    with pytest.raises(MigrationFailed) as caught:
        executor.run(made, made.up, progress=lambda count, mark: told.append((count, mark)))
    assert caught.value.completed == 3
    assert "the 3 statements before it stay" in caught.value.message
    assert [count for count, _ in told] == [0, 3]
    assert tables(executor) == {"a"}
    mended = migration(up.replace("SELECT 1/0", "SELECT 1"))
    executor.run(mended, mended.up, resume_from=3, progress=lambda count, mark: told.append((count, mark)))
    assert [count for count, _ in told] == [0, 3, 3, 7, 8]
    assert told[1] == told[2]
    assert tables(executor) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("up", "said"),
    [
        ("CREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();", "line 6 ends the transaction that it runs in (COMMIT)"),
        ("CREATE TABLE a (id int);\nROLLBACK;", "(ROLLBACK)"),
        ("BEGIN;\nCREATE TABLE a (id int);", "never commits"),
        ("BEGIN;\nBEGIN;\nCREATE TABLE a (id int);\nCOMMIT;", "inside another one"),
        ("BEGIN;\nCREATE TABLE a (id int);\nCOMMIT AND CHAIN;", "(COMMIT)"),
    ],
)  # fmt: skip
def test_an_unpaired_transaction_command_is_refused_before_anything_runs(
    executor: SupabaseExecutor, up: str, said: str
) -> None:
    error, _ = failure(executor, up)
    assert said in error.message
    assert "Nothing of it has been run" in error.message
    assert tables(executor) == set()


@pytest.mark.parametrize("end", ["", "BEGIN;", "BEGIN; SELECT 1;"])
def test_a_commit_that_the_parser_did_not_see_is_told_honestly(executor: SupabaseExecutor, end: str) -> None:
    made = migration(f"CREATE TABLE a (id int); COMMIT; {end}")
    unseen = Section("up", made.up.span)
    with pytest.raises(MigrationFailed, match="its first 2 statements were committed and stay") as caught:
        executor.run(made, unseen, record=lambda connection: connection.execute("CREATE TABLE history ()"))
    assert caught.value.completed == 2
    assert tables(executor) == {"a"}


@pytest.mark.parametrize(("end", "left"), [("COMMIT", {"a", "b"}), ("ROLLBACK", {"b"})])
def test_what_follows_an_unseen_commit_is_told_to_stay(executor: SupabaseExecutor, end: str, left: set[str]) -> None:
    made = migration(f"CREATE TABLE a (id int); {end}; CREATE TABLE b (id int);")
    with pytest.raises(MigrationFailed, match="what follows its last COMMIT or ROLLBACK was committed, too"):
        executor.run(made, Section("up", made.up.span))
    assert tables(executor) == left


def test_an_error_after_an_unseen_commit_is_told_honestly(executor: SupabaseExecutor) -> None:
    made = migration("CREATE TABLE a (id int); COMMIT; SELECT 1/0;")
    with pytest.raises(MigrationFailed, match="first 2 statements stay carried out"):
        executor.run(made, Section("up", made.up.span))
    assert tables(executor) == {"a"}


def test_without_a_transaction_statements_run_one_by_one(executor: SupabaseExecutor) -> None:
    up = (
        "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY idx_a ON a (id);\nVACUUM a;\nSET lock_timeout = '7s';\n"
        "SELECT 1/0;\nCREATE TABLE b AS SELECT current_setting('lock_timeout') AS s;"
    )
    made = migration(up, header=NONE)
    told: list[int] = []
    with pytest.raises(MigrationFailed) as caught:
        executor.run(made, made.up, progress=lambda count, _: told.append(count))
    assert told == [0, 1, 2, 3, 4]
    assert caught.value.completed == 4
    assert caught.value.span is not None
    assert made.text(caught.value.span) == "SELECT 1/0"
    mended = migration(up.replace("1/0", "1"), header=NONE)
    done: list[str] = []
    executor.run(mended, mended.up, resume_from=4, record=lambda _: done.append("recorded"))
    assert executor.query("SELECT s FROM b") == [{"s": "7s"}]
    assert done == ["recorded"]


def test_a_pair_of_begin_and_commit_holds_outside_a_transaction_too(executor: SupabaseExecutor) -> None:
    up = (
        "CREATE TABLE a (id int);\nBEGIN;\nINSERT INTO a VALUES (1);\nSELECT 1/0;\nCOMMIT;\n"
        "CREATE INDEX CONCURRENTLY i ON a (id);"
    )
    error, made = failure(executor, up, NONE)
    assert error.completed == 1
    assert error.span is not None
    assert made.text(error.span) == "SELECT 1/0"
    assert executor.query("SELECT * FROM a") == []
    mended = migration(up.replace("1/0", "1"), header=NONE)
    executor.run(mended, mended.up, resume_from=1)
    assert executor.query("SELECT * FROM a") == [{"id": 1}]


def test_an_invalid_leftover_of_a_concurrent_index_is_cleared(executor: SupabaseExecutor) -> None:
    executor.query("CREATE SCHEMA shop")
    executor.query("CREATE TABLE shop.a AS SELECT 1 AS id FROM generate_series(1, 2)")
    made = migration("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_a ON shop.a (id);", header=NONE)
    with pytest.raises(MigrationFailed) as caught:
        executor.run(made, made.up)
    assert caught.value.sqlstate == "23505"
    invalid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop.idx_a'::regclass"
    assert executor.query(invalid) == [{"indisvalid": False}]
    executor.query("DELETE FROM shop.a WHERE ctid = '(0,1)'")
    outcome = executor.run(made, made.up)
    assert executor.query(invalid) == [{"indisvalid": True}]
    assert outcome.notices == ("dropped the INVALID index idx_a that an earlier run had left behind",)


def test_a_concurrent_index_hidden_by_another_tables_index_is_found_out(executor: SupabaseExecutor) -> None:
    for name in "ab":
        executor.query(f"CREATE TABLE {name} (id int)")
    executor.query("CREATE INDEX idx ON a (id)")
    error, _ = failure(executor, "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx ON b (id);", NONE)
    assert "not on its table" in error.message


def test_a_section_without_statements_runs(executor: SupabaseExecutor) -> None:
    made = migration("-- nothing yet")
    done: list[str] = []
    assert executor.run(made, made.up, record=lambda _: done.append("recorded")).statements == 0
    assert done == ["recorded"]


@pytest.mark.parametrize(
    "up", ["CREATE TABLE a (id int);\nCOPY a FROM stdin;", "COPY (SELECT 1) TO STDOUT;", "SELECT '\0';"]
)
def test_what_no_executor_can_send_is_refused(executor: SupabaseExecutor, up: str) -> None:
    error, _ = failure(executor, up)
    assert error.remedy
    assert tables(executor) == set()


def test_bytes_that_are_no_utf8_are_refused_by_the_server(executor: SupabaseExecutor) -> None:
    data = migration("CREATE TABLE a (id int);\nSELECT 'X';").data.replace(b"'X'", b"'\xe4'")
    made = read("migrations/20250121_093000_x.sql", data)
    with pytest.raises(MigrationFailed) as caught:
        executor.run(made, made.up)
    assert caught.value.sqlstate == "22021"
    assert tables(executor) == set()


def test_notices_of_the_server_are_kept(executor: SupabaseExecutor) -> None:
    made = migration("DROP TABLE IF EXISTS nothing_there;")
    assert executor.run(made, made.up).notices == ('NOTICE: table "nothing_there" does not exist, skipping',)


def test_a_server_that_goes_away_in_the_middle(executor: SupabaseExecutor, database: str) -> None:
    made = migration("CREATE TABLE a (id int);\nSELECT pg_sleep(30);")
    pid = executor.query("SELECT pg_backend_pid() AS pid")[0]["pid"]

    def kill() -> None:
        with psycopg.connect(database, autocommit=True) as other:
            asleep = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
            while not other.execute(asleep, (pid,)).fetchone():
                time.sleep(0.01)
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(MigrationFailed, match=r"went away while UP ran\. The server rolls back") as caught:
        executor.run(made, made.up)
    thread.join()
    assert caught.value.sqlstate == "08006"
    assert tables(executor) == set()


def test_a_query_on_a_lost_connection_is_a_clear_error(executor: SupabaseExecutor) -> None:
    with pytest.raises(ConnectionFailed, match="went away"):
        executor.query("SELECT pg_terminate_backend(pg_backend_pid())")
    assert executor.query("SELECT 1 AS one") == [{"one": 1}]


def test_rows_without_columns_are_rows(executor: SupabaseExecutor) -> None:
    assert executor.query("SELECT FROM generate_series(1, 2)") == [{}, {}]
    assert executor.query("SELECT WHERE false") == []
    assert executor.query("CREATE TABLE nothing ()") == []


def test_a_query_that_the_server_refuses(executor: SupabaseExecutor) -> None:
    with pytest.raises(DatabaseError, match='relation "nothing" does not exist'):
        executor.query("SELECT * FROM nothing WHERE a = %s", (1,))


def test_the_connection_is_tested_in_one_printable_answer(executor: SupabaseExecutor) -> None:
    result = executor.test_connection()
    assert result
    assert str(result).startswith("connected to PostgreSQL 1")
    assert result.user == "postgres"
