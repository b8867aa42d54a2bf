"""VERIFY sections on a real server: asked in the transaction of UP, and able to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = "20250101_000000_a"
TABLE = "CREATE TABLE teams (id int PRIMARY KEY, name text);\nINSERT INTO teams VALUES (1, 'a'), (2, NULL);"
NONE = "-- Transaction: none\n"


def migration(folder: Path, verify: str, up: str = TABLE, header: str = "") -> None:
    write(
        folder / "migrations",
        A,
        f"{up}\n\n-- ============= VERIFY =============\n\n{verify}\n",
        "DROP TABLE IF EXISTS teams;",
        header=header,
    )


@pytest.fixture
def there(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as executor:
        yield executor


@pytest.fixture
def url(database: str) -> str:
    return database


def teams(executor: SupabaseExecutor) -> bool:
    return executor.query("SELECT to_regclass('public.teams') IS NOT NULL AS there")[0]["there"] is True


def fails(folder: Path, url: str) -> str:
    return elf_migrate(folder, "up", "--database-url", url, "--skip-validation", exit_code=1).stderr


@pytest.mark.parametrize(
    "verify",
    [
        "SELECT count(*) = 2 AS two, count(name) = 1 AS one_named FROM teams;",
        "SELECT id > 0 FROM teams;",
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM teams) = 2; END $$;",
        "SET LOCAL search_path = pg_catalog; SELECT to_regclass('teams') IS NULL; SET CONSTRAINTS ALL IMMEDIATE;",
        "-- nothing is asked",
    ],
)
def test_what_holds_passes(tmp_path: Path, there: SupabaseExecutor, verify: str) -> None:
    migration(tmp_path, verify)
    read = read_directory(str(tmp_path / "migrations"))[0]
    assert there.run(read, read.up).statements == 2
    assert teams(there)
    assert read.down is not None
    there.run(read, read.down)
    assert not teams(there)


@pytest.mark.parametrize(
    ("verify", "said"),
    [
        ("SELECT true AS fine, count(*) = 3 AS three FROM teams;", "row 1 says fine = true, three = false"),
        ("SELECT name IS NOT NULL AS named FROM teams ORDER BY id;", "row 2 says named = false"),
        ("SELECT name = 'a' FROM teams ORDER BY id;", "row 2 says ?column? = null"),
        ("SELECT false, true;", "row 1 says ?column? = false, ?column? = true"),
        ("SELECT true FROM teams WHERE id > 7;", "it returned no row, so nothing says that it is true"),
        ("SELECT FROM teams;", "row 1 says nothing at all"),
        ("SELECT count(*) FROM teams;", "its column count is of type int8, and not true or false"),
        ("SELECT 'true';", "its column ?column? is of type text, and not true or false"),
        ("DO $$ BEGIN ASSERT false, 'three teams were promised'; END $$;", "three teams were promised"),
        ("DO $$ BEGIN RAISE EXCEPTION 'three teams were promised'; END $$;", "three teams were promised"),
        ("SELECT nobody FROM teams;", 'column "nobody" does not exist'),
        ("DO $$ BEGIN DELETE FROM teams; END $$;", "VERIFY may only read. What writes belongs into UP."),
        ("SELECT nextval('pg_catalog.no_such') > 0;", "does not exist"),
    ],
)
def test_what_does_not_hold_takes_the_migration_back(
    tmp_path: Path, there: SupabaseExecutor, verify: str, said: str
) -> None:
    migration(tmp_path, f"SELECT true;\n{verify}")
    read = read_directory(str(tmp_path / "migrations"))[0]
    assert read.verify is not None
    with pytest.raises(MigrationFailed) as caught:
        there.run(read, read.up, record=lambda _: pytest.fail("it is recorded"))
    assert said in str(caught.value)
    line = read.position(read.verify.statements[-1].span.start)[0]
    assert f"{A}.sql:{line}: VERIFY " in caught.value.message
    assert caught.value.span == read.verify.statements[-1].span
    assert "Its transaction was rolled back; nothing of it stays." in caught.value.message
    assert not teams(there)


def test_a_migration_taken_back_can_be_corrected_and_run(tmp_path: Path, url: str, there: SupabaseExecutor) -> None:
    migration(tmp_path, "SELECT count(*) = 3 AS three FROM teams;")
    assert "row 1 says three = false" in fails(tmp_path, url)
    assert not teams(there)
    assert there.query("SELECT status FROM public.schema_migrations") == [{"status": "failed"}]
    migration(tmp_path, "SELECT count(*) = 2 AS two FROM teams;")
    done = elf_migrate(tmp_path, "up", "--database-url", url, "--skip-validation")
    assert "(2 statements, 1 assertion, " in done.stdout
    assert teams(there)


@pytest.mark.parametrize(
    ("verify", "said"),
    [
        ("UPDATE teams SET name = 'b';", "a statement of VERIFY asks nothing, but VERIFY may only look"),
        ("WITH gone AS (DELETE FROM teams RETURNING 1) SELECT true FROM gone;", "deletes rows"),
        ("SELECT true;\nCOMMIT;", "controls transactions"),
        ("SELECT FROM WHERE;", "is no SQL"),
    ],
)
def test_what_cannot_be_asked_stops_before_anything_runs(
    tmp_path: Path, url: str, there: SupabaseExecutor, verify: str, said: str
) -> None:
    migration(tmp_path, verify, header=NONE)
    shown = fails(tmp_path, url)
    assert said in shown
    assert "Nothing of the migration has been run." in shown
    assert not teams(there)
    elf_migrate(tmp_path, "validate", "--database-url", url, exit_code=1)


def test_it_sees_what_up_has_set_and_leaves_nothing(tmp_path: Path, url: str, there: SupabaseExecutor) -> None:
    up = "CREATE SCHEMA own; SET search_path = own; CREATE TABLE teams (id int); CREATE TEMP TABLE kept (id int);"
    verify = (
        "SELECT current_setting('search_path') = 'own' AS set;\nSET search_path = pg_catalog;\n"
        "DO $$ BEGIN INSERT INTO kept VALUES (1); END $$;\nSELECT count(*) = 1 FROM pg_temp.kept;"
    )
    migration(tmp_path, verify, up=up)
    elf_migrate(tmp_path, "up", "--database-url", url, "--skip-validation")
    assert there.query("SELECT status FROM public.schema_migrations") == [{"status": "completed"}]


def test_outside_of_a_transaction_it_is_said_that_everything_stays(
    tmp_path: Path, url: str, there: SupabaseExecutor
) -> None:
    up = "CREATE TABLE IF NOT EXISTS teams (id int);\nINSERT INTO teams VALUES (1);\n"
    up += "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_id ON teams (id);"
    migration(tmp_path, "SELECT count(*) = 2 AS two FROM teams;", up=up, header=NONE)
    shown = fails(tmp_path, url)
    assert "row 1 says two = false" in shown
    assert "UP did not run in one transaction: the 3 statements before it stay carried out." in shown
    assert teams(there)
    assert there.query("SELECT status FROM public.schema_migrations") == [{"status": "failed"}]
    assert "two = false" in fails(tmp_path, url)
    there.query("INSERT INTO teams VALUES (2)")
    done = as_json(tmp_path, "up", "--database-url", url, "--skip-validation")
    assert [(one["version"], one["statements"]) for one in done["applied"]] == [(A[:15], 0)]
    assert there.query("SELECT count(*) AS number FROM teams") == [{"number": 2}]
    assert there.query("SELECT status FROM public.schema_migrations") == [{"status": "completed"}]


def test_verify_proves_it(tmp_path: Path) -> None:
    import subprocess

    command = ["elf-sqlcheck", "verify", "--output-format", "concise"]
    migration(tmp_path, "SELECT count(*) = 2 AS two FROM teams;")
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert "VERIFY" not in done.stdout, done.stdout + done.stderr
    migration(tmp_path, "SELECT count(*) = 3 AS three FROM teams;")
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "row 1 says three = false" in done.stdout, done.stdout + done.stderr


def test_a_dry_run_names_it(tmp_path: Path, url: str) -> None:
    migration(tmp_path, "SELECT count(*) = 3 AS three FROM teams;")
    shown = elf_migrate(tmp_path, "up", "--dry-run=server", "--skip-validation", "--database-url", url).stdout
    assert "then VERIFY asks whether it is right (1 assertion)" in shown
    assert f"applies: {A}: its VERIFY section was not asked" in shown
