"""Deploys against a real server: history, status by hand, locks, and what is left after something goes wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import LockNotObtained, MigrationFailed, PlanError, UsageError
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate import deploy, rollback
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_files import OLD_TABLES, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import Outcome

A, B, C = "20250101_000000_a", "20250102_000000_b", "20250103_000000_c"
NONE = "-- Transaction: none\n"


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[str] = []

    def note(self, text: str, kind: str = "notice") -> None:
        assert kind in ("notice", "waiting", "retry")
        self.notes.append(text)

    def begins(self, migration: Migration, section: Section, number: int, total: int) -> None:
        assert section.span.end <= len(migration.data)
        assert 1 <= number <= total

    def ended(self, migration: Migration, section: Section, outcome: Outcome) -> None:
        self.done.append(f"{section.name} {migration.slug} {outcome.statements}")


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as opened:
        yield opened


def up(executor: SupabaseExecutor, folder: Path, **options: object) -> list[str]:
    heard = Heard()
    deploy.up(executor, read_directory(str(folder)), heard, deploy.Options(**options))  # type: ignore[arg-type]
    return heard.done


def down(executor: SupabaseExecutor, folder: Path, name: str) -> list[str]:
    heard = Heard()
    rollback.down(executor, read_directory(str(folder)), rollback.Choice(name), heard)
    return heard.done


def statuses(executor: SupabaseExecutor) -> dict[str, str]:
    return {state.name: state.status for state in History(executor).read().values()}


def log(executor: SupabaseExecutor) -> list[tuple[str, str, bool]]:
    rows = executor.query("SELECT * FROM migration_history ORDER BY started_at, completed_at")
    assert all(row["completed_at"] >= row["started_at"] for row in rows)
    return [(row["version"], row["action"], row["success"]) for row in rows]


def test_up_runs_what_is_due_and_only_once(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);", "DROP TABLE a;")
    write(tmp_path, B, "CREATE TABLE b (id int);", "DROP TABLE b;", needs=[A])
    assert up(executor, tmp_path, target=A) == ["up a 1"]
    assert up(executor, tmp_path) == ["up b 1"]
    assert up(executor, tmp_path) == []
    assert statuses(executor) == {A: "completed", B: "completed"}
    assert log(executor) == [(A[:15], "up", True), (B[:15], "up", True)]
    row = executor.query("SELECT * FROM schema_migrations WHERE version = %s", (A[:15],))[0]
    assert len(row["checksum"]) == 64
    assert row["execution_time_ms"] >= 0
    assert row["executed_at"] is not None


def test_reading_changes_nothing(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    assert [m.slug for m in deploy.due(executor, read_directory(str(tmp_path))).migrations] == ["a"]
    assert executor.query("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_the_tracking_tables_are_closed_to_the_api(executor: SupabaseExecutor) -> None:
    for role in ("anon", "authenticated"):
        executor.query(
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$"
        )
    executor.query("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated")
    History(executor).prepare()
    History(executor).prepare()
    for table in ("schema_migrations", "migration_history"):
        for role in ("anon", "authenticated"):
            asked = executor.query("SELECT has_table_privilege(%s, %s, 'SELECT') AS may", (role, table))
            assert asked == [{"may": False}]
        rows = executor.query("SELECT relrowsecurity AS rls FROM pg_class WHERE oid = %s::regclass", (table,))
        assert rows == [{"rls": True}]


def test_down_takes_back_and_up_applies_again(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);", "DROP TABLE a;")
    write(tmp_path, B, "CREATE TABLE b (id int);", "DROP TABLE b;")
    up(executor, tmp_path)
    assert down(executor, tmp_path, A[:15]) == ["down a 1"]
    assert statuses(executor) == {A: "rolled_back", B: "completed"}
    assert up(executor, tmp_path) == ["up a 1"]
    assert log(executor)[2:] == [(A[:15], "down", True), (A[:15], "up", True)]


def test_down_is_refused_while_something_depends_on_it(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);", "DROP TABLE a;")
    write(tmp_path, B, "CREATE TABLE b (id int);", "DROP TABLE b;", needs=[A])
    up(executor, tmp_path)
    with pytest.raises(PlanError, match=f"{B} depends on it and is still applied") as caught:
        down(executor, tmp_path, A)
    assert f"elf-migrate down {B[:15]}" in caught.value.remedy
    down(executor, tmp_path, B)
    assert down(executor, tmp_path, A) == ["down a 1"]


@pytest.mark.parametrize(
    ("section", "header", "said"),
    [
        (None, "", "has no DOWN migration SQL"),
        ("-- nothing", "", "has no DOWN migration SQL"),
        (None, "-- Irreversible: rows are gone\n", r"can't be rolled back \(rows are gone\)"),
    ],
)
def test_down_without_a_way_back(
    executor: SupabaseExecutor, tmp_path: Path, section: str | None, header: str, said: str
) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);", section, header=header)
    up(executor, tmp_path)
    with pytest.raises(UsageError, match=said) as caught:
        down(executor, tmp_path, A)
    executor.query(caught.value.remedy.partition("run: ")[2])
    assert statuses(executor) == {A: "rolled_back"}


def test_down_of_what_is_not_applied(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "SELECT 1;")
    with pytest.raises(UsageError, match="the database has never seen it"):
        down(executor, tmp_path, A)


def test_a_failure_is_recorded_and_a_reset_runs_it_again(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);\nSELECT * FROM missing;")
    write(tmp_path, B, "CREATE TABLE b (id int);")
    with pytest.raises(MigrationFailed, match="missing"):
        up(executor, tmp_path)
    row = executor.query("SELECT * FROM schema_migrations WHERE status = 'failed'")[0]
    assert row["version"] == A[:15]
    assert 'relation "missing" does not exist' in row["error"]
    assert log(executor) == [(A[:15], "up", False)]
    write(tmp_path, A, "CREATE TABLE a (id int);")
    executor.query("UPDATE schema_migrations SET status = 'pending' WHERE version = %s", (A[:15],))
    assert up(executor, tmp_path) == ["up a 1", "up b 1"]
    assert executor.query("SELECT error FROM schema_migrations WHERE version = %s", (A[:15],)) == [{"error": None}]


def test_a_failed_down_leaves_the_migration_applied(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);", "DROP TABLE a;\nDROP TABLE missing;")
    up(executor, tmp_path)
    with pytest.raises(MigrationFailed):
        down(executor, tmp_path, A)
    assert statuses(executor) == {A: "completed"}
    assert log(executor)[-1] == (A[:15], "down", False)
    assert executor.query("SELECT * FROM a") == []


def test_a_status_set_to_rolled_back_by_hand_counts_as_not_applied(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE IF NOT EXISTS a (id int);", "DROP TABLE a;")
    up(executor, tmp_path)
    executor.query("UPDATE schema_migrations SET status = 'rolled_back' WHERE version = %s", (A[:15],))
    with pytest.raises(UsageError, match="its status is rolled_back"):
        down(executor, tmp_path, A)
    assert up(executor, tmp_path) == ["up a 1"]


def test_outside_a_transaction_a_rerun_resumes(executor: SupabaseExecutor, tmp_path: Path) -> None:
    first = "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY idx_a ON a (id);\n"
    write(tmp_path, A, f"{first}SELECT 1/0;", "DROP TABLE a;", header=NONE)
    with pytest.raises(MigrationFailed):
        up(executor, tmp_path)
    assert statuses(executor) == {A: "failed"}
    write(tmp_path, A, f"{first}SELECT 1;", "DROP TABLE a;", header=NONE)
    assert up(executor, tmp_path) == ["up a 1"]
    assert statuses(executor) == {A: "completed"}
    assert History(executor).read()[A[:15]].progress is None


def test_a_crash_outside_a_transaction_resumes_too(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);\nSELECT pg_terminate_backend(pg_backend_pid());", header=NONE)
    with pytest.raises(MigrationFailed, match="went away"):
        up(executor, tmp_path)
    write(tmp_path, A, "CREATE TABLE a (id int);\nCREATE TABLE b (id int);", header=NONE)
    with SupabaseExecutor(database) as again:
        assert up(again, tmp_path) == ["up a 1"]


def test_resuming_needs_the_same_beginning(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);\nSELECT 1/0;", header=NONE)
    with pytest.raises(MigrationFailed):
        up(executor, tmp_path)
    write(tmp_path, A, "CREATE TABLE IF NOT EXISTS a (id bigint);\nSELECT 1;", header=NONE)
    with pytest.raises(PlanError, match="its first 1 statements were carried out already") as caught:
        up(executor, tmp_path)
    executor.query(caught.value.remedy.partition("run: ")[2])
    assert up(executor, tmp_path) == ["up a 2"]


def test_a_changed_executed_migration_is_noticed(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    up(executor, tmp_path)
    state = History(executor).read()[A[:15]]
    assert not state.changed(read_directory(str(tmp_path))[0])
    write(tmp_path, A, "CREATE TABLE a (id bigint);")
    assert state.changed(read_directory(str(tmp_path))[0])


def test_a_late_file_is_refused(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, B, "CREATE TABLE b (id int);")
    up(executor, tmp_path)
    write(tmp_path, A, "CREATE TABLE a (id int);")
    with pytest.raises(PlanError, match=A):
        up(executor, tmp_path)
    assert up(executor, tmp_path, allow_out_of_order=True) == ["up a 1"]


def test_two_deployers_at_once_run_everything_once(database: str, tmp_path: Path) -> None:
    for name in (A, B, C):
        write(tmp_path, name, f"CREATE TABLE {name[-1]} (id int); SELECT pg_sleep(0.2);")
    done: list[list[str]] = []
    notes: list[str] = []

    def one() -> None:
        with SupabaseExecutor(database) as own:
            heard = Heard()
            deploy.up(own, read_directory(str(tmp_path)), heard)
            done.append(heard.done)
            notes.extend(heard.notes)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [[], [], ["up a 2", "up b 2", "up c 2"]]
    assert len(notes) == 2
    assert "waiting for another deployer (elf-migrate lock of postgres, pid" in notes[0]


def test_the_lock_gives_up_naming_its_holder(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "SELECT 1;")
    with deploy_lock(executor, 1), pytest.raises(LockNotObtained, match="elf-migrate lock of postgres") as caught:
        up(executor, tmp_path, lock_wait=0.3)
    assert caught.value.exit_code == 4
    assert up(executor, tmp_path) == ["up a 1"]


def test_a_lost_lock_stops_the_run(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'elf-migrate lock'"
    write(tmp_path, A, f"{kill} AND datname = current_database();")
    write(tmp_path, B, "CREATE TABLE b (id int);")
    with pytest.raises(LockNotObtained, match="was lost"):
        up(executor, tmp_path)
    assert statuses(executor) == {A: "completed"}


def test_concurrent_indexes_do_not_wait_for_the_lock(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY idx_a ON a (id);", header=NONE)
    assert up(executor, tmp_path) == ["up a 2"]


def test_tables_of_an_older_elf_migrate_are_adopted(executor: SupabaseExecutor, tmp_path: Path) -> None:
    executor.query(OLD_TABLES)
    executor.query("""
        INSERT INTO schema_migrations (version, name, checksum, status)
            VALUES ('20250101_000000', 'a', 'old', 'completed');
    """)
    write(tmp_path, A, "CREATE TABLE a (id int);")
    write(tmp_path, B, "CREATE TABLE b (id int);")
    write(tmp_path, C, "CREATE TABLE b2 (id int);")
    assert up(executor, tmp_path) == ["up b 1", "up c 1"]
    states = History(executor).read()
    assert states[A[:15]].is_ours
    assert not states[A[:15]].changed(read_directory(str(tmp_path))[0])


def test_tables_of_another_tool_are_left_alone(executor: SupabaseExecutor, tmp_path: Path) -> None:
    executor.query("CREATE TABLE schema_migrations (version text, dirty boolean)")
    write(tmp_path, A, "SELECT 1;")
    with pytest.raises(UsageError, match="another tool's: it has only dirty, version"):
        up(executor, tmp_path)


def test_a_user_who_does_not_see_the_history_runs_nothing(
    executor: SupabaseExecutor, database: str, tmp_path: Path
) -> None:
    write(tmp_path, A, "CREATE TABLE IF NOT EXISTS a (id int);")
    up(executor, tmp_path)
    executor.query("CREATE ROLE half_blind LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO half_blind")
    try:
        with (
            SupabaseExecutor(database.replace("postgres@", "half_blind@", 1)) as other,
            pytest.raises(UsageError, match="hides the rows of schema_migrations from the user half_blind"),
        ):
            up(other, tmp_path)
    finally:
        executor.query("DROP OWNED BY half_blind; DROP ROLE half_blind")


def test_a_migration_may_change_the_session_at_will(executor: SupabaseExecutor, tmp_path: Path) -> None:
    write(tmp_path, A, "SELECT set_config('search_path', '', false); CREATE TABLE public.a (id int);")
    write(tmp_path, B, "SET ROLE pg_monitor; SET statement_timeout = '1d'; SET standard_conforming_strings = off;")
    write(tmp_path, C, "CREATE TABLE c AS SELECT current_user AS who, current_setting('statement_timeout') AS t;")
    up(executor, tmp_path)
    assert executor.query("SELECT * FROM c") == [{"who": "postgres", "t": "0"}]


def test_configured_settings_hold_for_every_migration(database: str, tmp_path: Path) -> None:
    write(tmp_path, A, "SET lock_timeout = '1s'; CREATE TABLE a AS SELECT current_setting('lock_timeout') AS t;")
    write(tmp_path, B, "CREATE TABLE b AS SELECT current_setting('lock_timeout') AS t;")
    with SupabaseExecutor(database, settings={"lock_timeout": "5s"}) as executor:
        up(executor, tmp_path)
        assert executor.query("SELECT * FROM b") == [{"t": "5s"}]


def test_the_api_is_told_to_read_the_schema_again(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    write(tmp_path, A, "CREATE TABLE a (id int);")
    with psycopg.connect(database, autocommit=True) as listening:
        listening.execute("LISTEN pgrst")
        up(executor, tmp_path)
        assert [told.payload for told in listening.notifies(timeout=5, stop_after=1)] == ["reload schema"]
