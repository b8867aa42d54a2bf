"""The history is a chain that shows tampering, knows who did what, and can give back what was applied."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate import deploy, rollback
from elf_sqlcheck.migrate.history import History, texts, who
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import elf_migrate
from tests.migrate_files import OLD_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

UP = "-- ==== UP ====\n{up}\n-- ==== DOWN ====\n{down}\n"


class Silent:
    """Listens to a deploy and says nothing."""

    def note(self, text: str, kind: str = "notice") -> None:
        """Not wanted."""

    def begins(self, *_: object) -> None:
        """Not wanted."""

    def ended(self, *_: object) -> None:
        """Not wanted."""


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    """An executor on a database of its own."""
    with SupabaseExecutor(database) as made:
        yield made


def write(folder: Path, number: int, up: str, down: str = "", header: str = "") -> Path:
    """Write a migration."""
    path = folder / f"20250101_00000{number}_m{number}.sql"
    path.write_text(header + UP.format(up=up, down=down or f"DROP TABLE t{number};"))
    return path


def up(executor: SupabaseExecutor, folder: Path) -> None:
    """Run what is due."""
    deploy.up(executor, read_directory(str(folder)), Silent())


def three(executor: SupabaseExecutor, folder: Path) -> None:
    """A history of three events."""
    for number in (1, 2, 3):
        write(folder, number, f"CREATE TABLE t{number} (id int);")
    up(executor, folder)


def test_an_untouched_history_is_whole(executor: SupabaseExecutor, tmp_path: Path) -> None:
    three(executor, tmp_path)
    history = History(executor)
    before = history.check()
    assert (before.events, before.older, before.problems, before.by_hand) == (3, 0, (), ())
    rollback.down(executor, read_directory(str(tmp_path)), rollback.Choice("20250101_000003"), Silent())
    write(tmp_path, 4, "CREATE TABLE t4 (id int); SELECT 1 / 0;")
    with pytest.raises(MigrationFailed):
        up(executor, tmp_path)
    after = history.check(before.head)
    assert (after.events, after.problems, after.by_hand) == (6, (), ())
    assert after.head == history.head() != before.head


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE migration_history SET details = details || '{\"x\": 1}' WHERE position = 2", "event 2 (up 20250101_"),
        ("UPDATE migration_history SET started_at = started_at - interval '1 ms' WHERE position = 1", "event 1"),
        ("UPDATE migration_history SET success = false WHERE position = 3", "event 3"),
        ("DELETE FROM migration_history WHERE position = 2", "1 event is missing before event 3"),
        ("DELETE FROM migration_history WHERE position = 1", "1 event is missing before event 2"),
        ("DELETE FROM migration_history WHERE position = 3", "the event that brought 20250101_000003_m3"),
        ("DELETE FROM migration_history", "the event that brought 20250101_000001_m1"),
        ("UPDATE migration_history SET position = 9 WHERE position = 3", "6 events are missing before event 9"),
    ],
)
def test_tampering_shows(executor: SupabaseExecutor, tmp_path: Path, tampering: str, told: str) -> None:
    three(executor, tmp_path)
    executor.query(tampering)
    problems = History(executor).check().problems
    assert any(told in problem for problem in problems), problems


def test_a_history_that_is_written_anew_does_not_hold_what_a_log_holds(
    executor: SupabaseExecutor, tmp_path: Path
) -> None:
    three(executor, tmp_path)
    logged = History(executor).head()
    executor.query("DELETE FROM migration_history; DELETE FROM schema_migrations; DROP TABLE t1, t2, t3")
    up(executor, tmp_path)
    assert not History(executor).check().problems
    assert History(executor).check(logged).problems == (
        f"the event {logged} is not in the history, and it once was its newest.",
    )


def test_a_status_that_was_set_by_hand_is_told_and_no_tampering(executor: SupabaseExecutor, tmp_path: Path) -> None:
    three(executor, tmp_path)
    executor.query("UPDATE schema_migrations SET status = 'pending' WHERE version = '20250101_000002'")
    checked = History(executor).check()
    assert not checked.problems
    (told,) = checked.by_hand
    assert told.startswith("20250101_000002_m2 is pending, and was completed when elf-migrate was last at it")


def test_the_command_says_it(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    write(tmp_path / "migrations", 1, "CREATE TABLE t1 (id integer PRIMARY KEY);")
    done = elf_migrate(tmp_path, "up", "--skip-validation", "--yes", "--database-url", database)
    head = re.search(r"Newest event of the history: ([0-9a-f]{64})", done.stdout)
    assert head
    told = elf_migrate(tmp_path, "status", "--history-head", head[1], "--database-url", database).stdout
    assert "The history is whole: 1 event." in told
    executor.query("UPDATE migration_history SET details = '{}'")
    broken = elf_migrate(tmp_path, "status", "--verify-history", "--database-url", database, exit_code=1)
    assert "is not as it was written: its hash does not fit what it says" in broken.stdout
    assert "The history was tampered with: 1 thing in it does not fit." in broken.stderr
    wrong = elf_migrate(tmp_path, "status", "--history-head", "no hash", "--database-url", database, exit_code=2)
    assert "no hash is no hash of an event" in wrong.stderr


def test_an_event_says_who_what_and_which_statement_failed(
    executor: SupabaseExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "elf/shop",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SHA": "c0ffee",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    who.identity.cache_clear()
    write(tmp_path, 1, "CREATE TABLE t1 (id int);\nINSERT INTO t1 VALUES ('x');")
    with pytest.raises(MigrationFailed):
        up(executor, tmp_path)
    who.identity.cache_clear()
    (event,) = executor.query("SELECT version, action, success, details FROM migration_history")
    details = event["details"]
    assert (event["version"], event["action"], event["success"]) == ("20250101_000001", "up", False)
    assert details["who"]["ci"] == "GitHub Actions"
    assert details["who"]["run"] == "https://github.example/elf/shop/actions/runs/42"
    assert details["who"]["actor"] == "octocat"
    assert details["who"]["commit"] == "c0ffee"
    assert details["who"]["tool"].startswith("elf-migrate ")
    assert details["user"] == "postgres"
    assert details["sqlstate"] == "22P02"
    assert details["statement"] == {"number": 2, "line": 3}
    assert details["file"].endswith("20250101_000001_m1.sql")
    assert set(details["checksums"]) == {"up", "down"}


def test_git_says_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for command in (
        ["init", "-q", "."],
        ["config", "user.name", "Ada Lovelace"],
        ["config", "user.email", "ada@elf.example"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", *command], check=True)
    who.identity.cache_clear()
    found = who.identity()
    who.identity.cache_clear()
    assert found["git"] == "Ada Lovelace <ada@elf.example>"
    assert re.fullmatch(r"[0-9a-f]{40}", found["commit"])


def test_events_of_an_older_elf_migrate_stay_and_are_told_apart(executor: SupabaseExecutor, tmp_path: Path) -> None:
    executor.query(OLD_TABLES)
    executor.query("""
        INSERT INTO schema_migrations (version, name, checksum, status, executed_at)
            VALUES ('20250101_000001', 'm1', 'old', 'completed', '2024-12-31 10:00:00');
        INSERT INTO migration_history (version, action, started_at, success)
            VALUES ('20250101_000001', 'up', '2024-12-31 10:00:00', true);
        SET TIME ZONE 'Asia/Tokyo';
    """)
    three(executor, tmp_path)
    checked = History(executor).check()
    assert (checked.older, checked.problems) == (1, ())
    assert checked.events == 3  # one accepts the old checksum
    (old,) = executor.query(
        "SELECT started_at AT TIME ZONE 'UTC' AS at, action FROM migration_history WHERE position IS NULL"
    )
    assert (str(old["at"]), old["action"]) == ("2024-12-31 10:00:00", "up")
    long = "9" * 40
    executor.query("INSERT INTO schema_migrations (version, name, status) VALUES (%s, 'long', 'skipped')", (long,))


def test_what_was_applied_is_kept_whatever_becomes_of_its_file(executor: SupabaseExecutor, tmp_path: Path) -> None:
    path = write(tmp_path, 1, "CREATE TABLE t1 (id int);  -- größer\nCREATE INDEX ON t1 (id);")
    up(executor, tmp_path)
    (before,) = read_directory(str(tmp_path))
    path.unlink()
    again = History(executor).kept(History(executor).read()["20250101_000001"])
    assert again is not None
    assert (again.data, again.name, again.path, again.layout) == (before.data, before.name, before.path, before.layout)
    assert [again.text(one.span) for one in again.up.statements] == [before.text(s.span) for s in before.up.statements]
    assert again.down is not None
    executor.run(again, again.down)
    assert not executor.query("SELECT 1 FROM pg_class WHERE relname = 't1'")


@pytest.mark.parametrize("layout", ["golang-migrate", "goose", "dbmate", "diesel", "flyway"])
def test_the_text_of_every_layout_comes_back(tmp_path: Path, layout: str) -> None:
    layouts: dict[str, dict[str, str | bytes]] = {
        "golang-migrate": {"1_a.up.sql": "CREATE TABLE a (id int);", "1_a.down.sql": "DROP TABLE a;"},
        "goose": {"00001_a.sql": "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;"},
        "dbmate": {"1_a.sql": "-- migrate:up transaction:false\nCREATE TABLE a (id int);\n-- migrate:down\nSELECT 1;"},
        "diesel": {"2020-01-01-000000_a/up.sql": "SELECT '${x}', 1;", "2020-01-01-000000_a/down.sql": "SELECT 2;"},
        "flyway": {"V1__a.sql": "CREATE TABLE ${x}(id int);\xa0-- \xe4".encode("latin-1")},
    }
    for name, text in layouts[layout].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (before,) = read_directory(str(tmp_path), layout)
    row = texts.kept(before)
    after = texts.restored({**row, "facts": json.loads(row["facts"])})
    for name in ("data", "path", "files", "layout", "version", "name", "transactional", "up", "down"):
        assert repr(getattr(after, name)) == repr(getattr(before, name)), name


def test_supabase_s_own_history_is_kept_in_step(executor: SupabaseExecutor, tmp_path: Path) -> None:
    executor.query(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations "
        "(version text PRIMARY KEY, statements text[], name text)"
    )
    write(tmp_path, 1, "CREATE TABLE t1 (id int);\nCREATE INDEX ON t1 (id);")
    up(executor, tmp_path)
    assert executor.query("SELECT * FROM supabase_migrations.schema_migrations") == [
        {
            "version": "20250101000001",
            "statements": ["CREATE TABLE t1 (id int)", "CREATE INDEX ON t1 (id)"],
            "name": "m1",
        }
    ]
    rollback.down(executor, read_directory(str(tmp_path)), rollback.Choice("20250101_000001"), Silent())
    assert not executor.query("SELECT 1 FROM supabase_migrations.schema_migrations")
    executor.query("REVOKE ALL ON SCHEMA supabase_migrations FROM PUBLIC")


def test_one_that_is_forgotten_is_as_if_it_had_never_been(executor: SupabaseExecutor, tmp_path: Path) -> None:
    three(executor, tmp_path)
    history = History(executor)
    history.forget("20250101_000002", "its file was deleted on purpose")
    assert set(history.read()) == {"20250101_000001", "20250101_000003"}
    history.mark("20250101_000003", "rolled_back", "by hand")
    assert history.read()["20250101_000003"].status == "rolled_back"
    assert (history.check().events, history.check().problems, history.check().by_hand) == (5, (), ())
    executor.query("DROP TABLE t2, t3")
    deploy.up(executor, read_directory(str(tmp_path)), Silent(), deploy.Options(allow_out_of_order=True))
    assert history.read()["20250101_000002"].status == "completed"
