"""What a run would do is known before it: from the files, and by the server's own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

A, B, C, D = (f"20250101_00000{number}_{letter}" for number, letter in enumerate("abcd", start=1))
USERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text);"
FAST = "--skip-validation"


def ask(database: str, sql: str) -> list[dict[str, object]]:
    """Query the database."""
    with SupabaseExecutor(database) as executor:
        return executor.query(sql)


def test_the_plan_names_locks_on_what_is_there_already(tmp_path: Path, database: str) -> None:
    write(tmp_path / "migrations", A, USERS)
    elf_migrate(tmp_path, "up", FAST, "--yes", "--database-url", database)
    write(
        tmp_path / "migrations",
        B,
        "ALTER TABLE users ALTER COLUMN email TYPE varchar(10);\nCREATE TABLE posts (user_id uuid REFERENCES users);\n"
        "CREATE INDEX idx_posts ON posts (user_id);\nDO $$ BEGIN EXECUTE 'select ' || 1; END $$;",
    )
    write(
        tmp_path / "migrations",
        C,
        "CREATE INDEX CONCURRENTLY idx_u ON users (email);\nCREATE INDEX p ON posts (user_id);",
        header="-- Transaction: none\n",
    )
    (tmp_path / "elf-sqlcheck.toml").write_text('table-sizes = {"public.users" = "12M"}\n')
    told = elf_migrate(tmp_path, "up", FAST, "--dry-run", "--database-url", database).stdout
    assert f"Would apply {B}, in one transaction (4 statements):" in told
    assert (
        "ACCESS EXCLUSIVE on public.users: keeps reads and writes waiting, and writes all rows anew "
        "(12,000,000 rows, about 25 s)"
    ) in told
    assert "SHARE ROW EXCLUSIVE on public.users: keeps writes waiting" in told
    assert "runs code, so what it locks besides is not known" in told
    assert f"Would apply {C}, statement by statement (2 statements):" in told
    assert "runs by itself, outside of a transaction" in told
    assert "posts:" not in told, "what the run makes itself, nobody waits for"
    assert "Nothing was changed." in told
    assert len(ask(database, "SELECT 1 FROM schema_migrations")) == 1

    plan = as_json(tmp_path, "up", FAST, "--dry-run", "--database-url", database)["plan"]
    assert [(one["name"], one["transactional"], len(one["statements"])) for one in plan] == [
        (B, True, 4),
        (C, False, 2),
    ]
    assert plan[0]["statements"][0]["locks"] == [
        {
            "table": "public.users",
            "mode": "access exclusive",
            "blocks": "reads and writes",
            "work": "rewrite",
            "rows": 12_000_000,
            "time": "about 25 s",
        }
    ]
    assert plan[0]["statements"][0]["line"] == 8
    back = elf_migrate(tmp_path, "down", A, "--dry-run", "--database-url", database).stdout
    assert f"Would roll back {A}, in one transaction (1 statement):" in back


def test_the_server_answers_and_nothing_stays(tmp_path: Path, database: str) -> None:
    write(tmp_path / "migrations", A, f"BEGIN;\n{USERS}\nSET search_path = nowhere;\nCOMMIT;")
    write(tmp_path / "migrations", B, "INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000000', 'a');")
    url = ("--database-url", database)
    told = elf_migrate(tmp_path, "up", FAST, "--dry-run=server", *url).stdout
    assert f"applies: {A}" in told
    assert f"applies: {B}" in told
    assert "The server took it, and all of it was rolled back." in told
    assert ask(database, "SELECT to_regclass('users') AS users, to_regclass('schema_migrations') AS history") == [
        {"users": None, "history": None}
    ]


def test_what_the_server_refuses_is_named_by_its_file_and_line(tmp_path: Path, database: str) -> None:
    write(tmp_path / "migrations", A, USERS)
    write(tmp_path / "migrations", B, "SELECT 'größer';\n\nSELECT missing FROM users;")
    write(tmp_path / "migrations", C, "SELECT 1;")
    failed = elf_migrate(tmp_path, "up", FAST, "--dry-run=server", "--database-url", database, exit_code=1)
    assert f"applies: {A}" in failed.stdout
    assert f'fails: {B}: migrations/{B}.sql:10: UP failed: column "missing" does not exist' in failed.stdout
    assert f"not tried: {C}: {B} fails before it" in failed.stdout
    assert f"{B} would fail; all of it was rolled back." in failed.stderr
    answers = as_json(tmp_path, "up", FAST, "--dry-run=server", "--database-url", database, exit_code=1)["rehearsal"]
    assert [(one["name"], one["result"]) for one in answers] == [(A, "applies"), (B, "fails"), (C, "not tried")]


def test_what_does_not_run_in_a_transaction_is_not_tried(tmp_path: Path, database: str) -> None:
    write(tmp_path / "migrations", A, USERS)
    write(tmp_path / "migrations", B, "CREATE TABLE made (id int);\nVACUUM users;", header="-- Transaction: none\n")
    write(tmp_path / "migrations", C, "INSERT INTO made VALUES (1);")
    write(tmp_path / "migrations", D, "SELECT count(*) FROM users;")
    told = elf_migrate(tmp_path, "up", FAST, "--dry-run=server", "--database-url", database).stdout
    assert f"not tried: {B}: each of its statements runs by itself" in told
    assert f"not tried: {C}: it may need what {B} makes, which does not run in a transaction" in told
    assert f"applies: {D}" in told


def test_a_rehearsal_does_not_wait_for_others(tmp_path: Path, database: str) -> None:
    write(tmp_path / "migrations", A, "ALTER TABLE busy ADD COLUMN more int;")
    with SupabaseExecutor(database) as other:
        other.query("CREATE TABLE busy (id int)")
        other.query("BEGIN")
        other.query("LOCK TABLE busy")
        failed = elf_migrate(tmp_path, "up", FAST, "--dry-run=server", "--database-url", database, exit_code=1)
        other.query("ROLLBACK")
    assert "canceling statement due to lock timeout" in failed.stdout


def test_how_far_to_go(tmp_path: Path, database: str) -> None:
    for name in (A, B, C):
        write(tmp_path / "migrations", name, "SELECT 1;")
    url = ("--yes", FAST, "--database-url", database)
    assert "1 migration applied" in elf_migrate(tmp_path, "up", "--count", "1", *url).stdout
    assert "1 migration applied" in elf_migrate(tmp_path, "up", "--target", f"migrations/{B}.sql", *url).stdout
    both = elf_migrate(tmp_path, "up", "--count", "1", "--target", C, *url, exit_code=2)
    assert "--target and --count both say how far to go." in both.stderr
    wrong = elf_migrate(tmp_path, "up", "--target", "20250101_000009", *url, exit_code=2)
    assert "There is no migration 20250101_000009." in wrong.stderr
    assert "Nothing to do." in elf_migrate(tmp_path, "up", "--target", A, *url).stdout


NOBODY = "postgresql://postgres@127.0.0.1:1/nobody"


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({A: [B], B: [A]}, "go round in a circle"),
        ({A: [B]}, "is later and would run after it"),
        ({B: ["20250101_000009_missing"]}, "but there is no such migration"),
    ],
)
def test_what_has_no_order_stops_before_anything_is_connected(
    tmp_path: Path, needs: dict[str, list[str]], told: str
) -> None:
    for name in (A, B):
        write(tmp_path / "migrations", name, "SELECT 1;", needs=needs.get(name, []))
    failed = elf_migrate(tmp_path, "up", "--yes", "--database-url", NOBODY, exit_code=1)
    assert told in failed.stderr
    elf_migrate(tmp_path, "up", "--dry-run", "--database-url", NOBODY, exit_code=1)


def test_a_late_file_that_names_what_it_needs_may_run(tmp_path: Path, database: str) -> None:
    url = ("--yes", FAST, "--database-url", database)
    write(tmp_path / "migrations", A, USERS)
    write(tmp_path / "migrations", C, "SELECT 1;")
    elf_migrate(tmp_path, "up", *url)
    late = write(tmp_path / "migrations", B, "CREATE TABLE late (id int);")
    refused = elf_migrate(tmp_path, "up", *url, exit_code=1)
    assert f"these files are older and new: migrations/{B}.sql" in refused.stderr
    late.unlink()
    write(tmp_path / "migrations", B, "CREATE TABLE late (id int);", needs=[A])
    assert f"applied {B}" in elf_migrate(tmp_path, "up", *url).stdout


def test_the_status_as_an_exit_code(tmp_path: Path, database: str) -> None:
    url = ("--database-url", database)
    path = write(tmp_path / "migrations", A, "SELECT 1;")
    elf_migrate(tmp_path, "status", *url)
    elf_migrate(tmp_path, "status", "--exit-code", *url, exit_code=3)
    elf_migrate(tmp_path, "up", "--yes", FAST, *url)
    elf_migrate(tmp_path, "status", "--exit-code", *url)
    path.write_text(path.read_text().replace("SELECT 1", "SELECT 2", 1))
    elf_migrate(tmp_path, "status", "--exit-code", *url, exit_code=3)
    path.unlink()
    elf_migrate(tmp_path, "status", "--exit-code", *url, exit_code=3)
