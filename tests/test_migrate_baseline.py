"""elf-migrate baseline: an existing database is taken over without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

A, B, C = (f"2025010{number}_000000_{letter}" for number, letter in enumerate("abc", start=1))
SCHEMA = {
    A: "CREATE TYPE mood AS ENUM ('good');\nCREATE TABLE a (id serial PRIMARY KEY, m mood);",
    B: "ALTER TABLE a ADD COLUMN more int;\nCREATE VIEW b AS SELECT id FROM a;\nCREATE SEQUENCE numbers;\n"
       "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    C: "CREATE TEMPORARY TABLE scratch (id int);\nCREATE TABLE IF NOT EXISTS c (id int);",
}  # fmt: skip


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    """An executor on a database of its own."""
    with SupabaseExecutor(database) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three migrations."""
    for name, text in SCHEMA.items():
        write(tmp_path / "migrations", name, text)
    return tmp_path


def made_by_hand(executor: SupabaseExecutor, *names: str) -> None:
    """What the migrations make is there, and no history."""
    for name in names:
        executor.query(SCHEMA[name])


def statuses(executor: SupabaseExecutor) -> dict[str, str]:
    """How each migration stands."""
    return {state.name: state.status for state in History(executor).read().values()}


def test_a_database_is_taken_over(project: Path, executor: SupabaseExecutor, database: str) -> None:
    url = ("--database-url", database)
    made_by_hand(executor, A, B)
    said = elf_migrate(project, "baseline", B, "--dry-run", *url).stdout
    assert f"  {A}\n  {B}\n" in said
    assert "The database has all that they make, by its names." in said
    assert statuses(executor) == {}
    assert "Nothing was changed." in elf_migrate(project, "baseline", B, *url, exit_code=2).stderr
    told = as_json(project, "baseline", B[:15], "--yes", "--reason", "made in 2023", *url)
    assert [one["name"] for one in told["adopted"]] == [A, B]
    assert statuses(executor) == {A: "completed", B: "completed"}
    rows = executor.query("SELECT version, action, details FROM migration_history ORDER BY position")
    assert [(row["version"], row["action"], row["details"]["reason"]) for row in rows] == [
        (A[:15], "adopt", "made in 2023"), (B[:15], "adopt", "made in 2023"),
    ]  # fmt: skip
    assert History(executor).check().problems == ()
    assert [one["name"] for one in as_json(project, "up", "--skip-validation", *url)["applied"]] == [C]
    assert "Nothing to do." in elf_migrate(project, "baseline", C, *url).stdout


def test_what_the_database_lacks_is_listed(project: Path, executor: SupabaseExecutor, database: str) -> None:
    made_by_hand(executor, A)
    told = as_json(project, "baseline", C, "--yes", "--database-url", database, exit_code=1)
    assert told["missing"] == [
        "column public.a.more", "function public.f", "sequence public.numbers", "table public.c", "view public.b",
    ]  # fmt: skip
    assert told["error"]["message"].endswith("table public.c, view public.b. Nothing was changed.")
    assert statuses(executor) == {}
    said = elf_migrate(project, "baseline", C, "--yes", "--force", "--database-url", database).stdout
    assert "warning: the database lacks what they make: column public.a.more, " in said
    assert set(statuses(executor)) == {A, B, C}


def test_what_the_history_knows_is_left_alone(project: Path, executor: SupabaseExecutor, database: str) -> None:
    url = ("--database-url", database)
    elf_migrate(project, "up", "--skip-validation", "--target", A, *url)
    made_by_hand(executor, B)
    said = elf_migrate(project, "baseline", B, "--yes", *url).stdout
    assert "In the history already, and left as they are: 1." in said
    rows = executor.query("SELECT action FROM migration_history ORDER BY position")
    assert [row["action"] for row in rows] == ["up", "adopt"]
    elf_migrate(project, "repair", A, "--mark", "pending", "--yes", *url)
    said = elf_migrate(project, "baseline", C, "--yes", *url, exit_code=1).stderr
    assert f"not as applied: {A} (pending)" in said
    assert f"elf-migrate repair {A[:15]} --mark applied" in said


def test_what_is_refused(project: Path, executor: SupabaseExecutor, database: str) -> None:
    said = elf_migrate(project, "baseline", "20990101_000000", "--database-url", database, exit_code=2).stderr
    assert "There is no migration 20990101_000000." in said
    made_by_hand(executor, A)
    with deploy_lock(executor, 1):
        arguments = ("baseline", A, "--yes", "--lock-wait", "0.2", "--database-url", database)
        assert "Another deployer" in elf_migrate(project, *arguments, exit_code=4).stderr
    assert statuses(executor) == {}


def test_a_first_migration_from_one_database_takes_over_its_twin(
    tmp_path: Path, executor: SupabaseExecutor, database: str, server: Server
) -> None:
    made_by_hand(executor, A, B)
    elf_migrate(tmp_path, "init", "--from-database", "--yes", "--database-url", database)
    (first,) = statuses(executor)
    assert "Nothing to do." in elf_migrate(tmp_path, "baseline", first, "--database-url", database).stdout
    twin = server.create_database("twin_of_a_baseline")
    try:
        with SupabaseExecutor(twin) as other:
            said = elf_migrate(tmp_path, "baseline", first, "--yes", "--database-url", twin, exit_code=1).stderr
            assert "table public.a" in said
            made_by_hand(other, A, B)
            elf_migrate(tmp_path, "baseline", first, "--yes", "--database-url", twin)
            assert statuses(other) == {first: "completed"}
            assert as_json(tmp_path, "up", "--database-url", twin)["applied"] == []
    finally:
        server.drop_database("twin_of_a_baseline")
