"""elf-migrate repair: what it finds, what it asks, what it writes, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

A, B, C = (f"2025010{number}_000000_{letter}" for number, letter in enumerate("abc", start=1))
PASSWORD = "c4n4ry-Pa55"
THEIRS = """
CREATE SCHEMA supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
"""
INVALIDATE = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    """An executor on a database of its own."""
    with SupabaseExecutor(database) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, database: str) -> Path:
    """Two migrations that are applied."""
    for name in (A, B):
        write(tmp_path / "migrations", name, f"CREATE TABLE {name[-1]} (id int);", f"DROP TABLE {name[-1]};")
    up(tmp_path, database)
    return tmp_path


def up(project: Path, database: str, exit_code: int = 0) -> None:
    """Apply what is due."""
    elf_migrate(project, "up", "--skip-validation", "--database-url", database, exit_code=exit_code)


def repair(project: Path, database: str, *arguments: str, exit_code: int = 0, stdin: str = "") -> str:
    """Run the command; returns what it said."""
    done = elf_migrate(project, "repair", *arguments, "--database-url", database, exit_code=exit_code, stdin=stdin)
    return done.stdout + done.stderr


def status(executor: SupabaseExecutor, name: str) -> str:
    """How a migration stands, "" when it is not known."""
    found = History(executor).read().get(name[:15])
    return found.status if found else ""


def last_event(executor: SupabaseExecutor) -> tuple[str, str, dict[str, Any]]:
    """The newest event: version, action and details; the chain must be whole."""
    assert History(executor).check().problems == ()
    row = executor.query("SELECT version, action, details FROM migration_history ORDER BY position DESC LIMIT 1")[0]
    return row["version"], row["action"], row["details"]


def test_nothing_is_odd(project: Path, database: str) -> None:
    assert "There is nothing to repair." in repair(project, database)


@pytest.mark.parametrize(
    ("mark", "left"), [("pending", "pending"), ("rolled-back", "rolled_back"), ("skipped", "skipped")]
)
def test_marking(project: Path, executor: SupabaseExecutor, database: str, mark: str, left: str) -> None:
    said = repair(project, database, B, "--mark", mark, "--dry-run")
    assert f"{B}: it is applied." in said
    assert status(executor, B) == "completed"
    repair(project, database, B[:15], "--mark", mark, exit_code=2)
    assert status(executor, B) == "completed"
    repair(project, database, B[:15], "--mark", mark, "--reason", "on call", stdin="y\n")
    assert status(executor, B) == left
    version, action, details = last_event(executor)
    assert (version, action, details["status"], details["reason"]) == (B[:15], "mark", left, "on call")
    assert details["who"]["tool"].startswith("elf-migrate")
    assert executor.query("SELECT * FROM b") == []
    assert f"{B} is {mark.replace('-', ' ')} already" in repair(project, database, B, "--mark", mark, exit_code=2)
    repair(project, database, B, "--mark", "applied", "--yes")
    assert status(executor, B) == "completed"
    assert as_json(project, "up", "--database-url", database)["applied"] == []


def test_marking_what_was_never_run(project: Path, executor: SupabaseExecutor, database: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);", "DROP TABLE c;")
    assert f"{C} is pending already" in repair(project, database, C, "--mark", "pending", exit_code=2)
    assert f"{C} was never applied here" in repair(project, database, C, "--mark", "rolled-back", exit_code=2)
    repair(project, database, C, "--mark", "skipped", "--yes")
    assert as_json(project, "up", "--skip-validation", "--database-url", database)["applied"] == []
    repair(project, database, C, "--mark", "applied", "--yes")
    kept = History(executor).read()[C[:15]]
    assert (kept.status, bool(kept.text)) == ("completed", True)
    elf_migrate(project, "down", C, "--dry-run", "--database-url", database)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--mark", "applied"), 2, "--mark and VERSION belong together"),
        ((A,), 2, "--mark and VERSION belong together"),
        ((A, "--mark", "done"), 2, "'done' is not one of"),
        (("20990101_000000", "--mark", "applied"), 2, "There is no migration 20990101_000000"),
        (("--forget", A), 2, f"{A} cannot be forgotten: its file"),
        (("--accept", C), 2, f"{C} is pending, so there is nothing that its file could differ from"),
    ],
)
def test_what_is_refused(project: Path, database: str, arguments: tuple[str, ...], code: int, told: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);")
    assert told in repair(project, database, *arguments, "--yes", exit_code=code)


def test_a_changed_file_is_shown_and_accepted(project: Path, executor: SupabaseExecutor, database: str) -> None:
    assert "There is nothing to repair." in repair(project, database, "--accept", A)
    write(project / "migrations", A, "CREATE TABLE a (\n\tid bigint);", "DROP TABLE a;")
    refused = elf_migrate(project, "up", "--database-url", database, exit_code=1)
    for line in ("-CREATE TABLE a (id int);", "+CREATE TABLE a (", "+       id bigint);"):
        assert f"    {line}\n" in refused.stdout
    assert f"`elf-migrate repair --accept {A[:15]}`" in refused.stderr
    told = as_json(project, "up", "--database-url", database, exit_code=1)
    assert "-CREATE TABLE a (id int);\n" in told["changed"][0]["diff"]
    said = repair(project, database, "--accept", A, "--dry-run")
    assert "    -CREATE TABLE a (id int);\n" in said
    assert "Nothing was changed." in said
    repair(project, database, "--accept", A, "--reason", "same thing", "--yes")
    version, action, details = last_event(executor)
    assert (version, action, details["reason"]) == (A[:15], "accept", "same thing")
    assert as_json(project, "up", "--skip-validation", "--database-url", database)["applied"] == []
    elf_migrate(project, "up", "--database-url", database)
    assert "There is nothing to repair." in repair(project, database)


def test_no_diff_shows_a_credential(project: Path, database: str) -> None:
    before = f"CREATE ROLE never LOGIN PASSWORD '{PASSWORD}';"
    write(project / "migrations", C, f"DO $$ BEGIN RETURN; {before} END $$;\n{before} DROP ROLE never;")
    up(project, database)
    url = f"postgresql://me:{PASSWORD}-too@db.example.org/x"
    write(project / "migrations", C, f"SELECT '{url}';")
    for arguments in (("repair", "--dry-run"), ("up",), ("up", "--output", "json")):
        code = 0 if arguments[0] == "repair" else 1
        done = elf_migrate(project, *arguments, "--database-url", database, exit_code=code)
        assert "***" in done.stdout
        assert PASSWORD not in done.stdout + done.stderr


def test_a_deleted_file_is_forgotten(project: Path, executor: SupabaseExecutor, database: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);", needs=[B])
    (project / "migrations" / f"{B}.sql").unlink()
    said = repair(project, database, "--forget", B, "--yes", exit_code=1)
    assert f"{B} cannot be forgotten: {C} depends on it." in said
    write(project / "migrations", C, "CREATE TABLE c (id int);")
    repair(project, database, "--forget", B, "--yes")
    assert status(executor, B) == ""
    assert last_event(executor)[:2] == (B[:15], "forget")
    assert executor.query("SELECT * FROM b") == []
    said = elf_migrate(project, "status", "--database-url", database).stdout
    assert "its file is missing" not in said


def test_without_options_it_asks_about_each(project: Path, executor: SupabaseExecutor, database: str) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int); SELECT 1 / 0;")
    up(project, database, exit_code=1)
    write(project / "migrations", A, "CREATE TABLE a (id bigint);")
    (project / "migrations" / f"{B}.sql").unlink()
    executor.query("UPDATE schema_migrations SET status = 'skipped' WHERE version = %s", (B[:15],))
    planned = as_json(project, "repair", "--dry-run", "--database-url", database)
    found = [(one["action"], one["name"]) for one in planned["repairs"]]
    assert found == [("accept", A), ("mark", B), ("forget", B)]
    (advice,) = planned["advice"]
    assert advice.startswith(f"{C} is failed, and nothing of it is in the database: ")
    repair(project, database, exit_code=2)
    assert status(executor, B) == "skipped"
    said = repair(project, database, stdin="n\ny\nn\n")
    assert f"{B}: somebody marked it skipped without elf-migrate, after it was applied." in said
    assert f"Done: mark {B}." in said
    assert last_event(executor)[:2] == (B[:15], "mark")
    assert History(executor).check().by_hand == ()
    assert f"Done: accept {A}, forget {B}." in repair(project, database, "--yes")
    assert status(executor, B) == ""


def test_a_migration_that_is_applied_in_part_is_left_to_up(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    write(project / "migrations", C, "CREATE TABLE c (id int);\nSELECT 1 / 0;", header="-- Transaction: none\n")
    up(project, database, exit_code=1)
    for left in ("failed", "running"):
        executor.query("UPDATE schema_migrations SET status = %s WHERE version = %s", (left, C[:15]))
        told = as_json(project, "repair", "--yes", "--database-url", database)
        assert not any(one["name"] == C and one["action"] != "mark" for one in told["repairs"])
        assert f"{C} is {left}, and the first 1 of its statements were carried out" in told["advice"][0]
    said = repair(project, database, C, "--mark", "pending", "--yes")
    assert f"{C}: it is running, and the first 1 of its UP statements were carried out." in said
    assert History(executor).read()[C[:15]].progress is None


def test_supabases_own_history_agrees(tmp_path: Path, executor: SupabaseExecutor, database: str) -> None:
    executor.query(THEIRS)
    for name in (A, B):
        write(tmp_path / "migrations", name, "SELECT 1;")
    up(tmp_path, database)

    def theirs() -> list[str]:
        rows = executor.query("SELECT name FROM supabase_migrations.schema_migrations ORDER BY 1")
        return [row["name"] for row in rows]

    repair(tmp_path, database, B, "--mark", "rolled-back", "--yes")
    assert theirs() == ["a"]
    repair(tmp_path, database, B, "--mark", "applied", "--yes")
    assert theirs() == ["a", "b"]
    (tmp_path / "migrations" / f"{B}.sql").unlink()
    repair(tmp_path, database, "--forget", B, "--yes")
    assert theirs() == ["a"]


def test_invalid_indexes_of_ours_are_dropped(project: Path, executor: SupabaseExecutor, database: str) -> None:
    indexes = ("idx_a", "idx_a_ccnew", "idx_other")
    header = "-- Transaction: none\n"
    write(project / "migrations", C, "CREATE INDEX CONCURRENTLY idx_a ON a (id);", "DROP INDEX idx_a;", header=header)
    up(project, database)
    for index in indexes[1:]:
        executor.query(f"CREATE INDEX {index} ON a (id)")
    for index in indexes:
        executor.query(INVALIDATE.format(index))
    told = as_json(project, "repair", "--dry-run", "--database-url", database)
    assert [(one["action"], one["index"]) for one in told["repairs"]] == [
        ("drop-invalid", "public.idx_a"), ("drop-invalid", "public.idx_a_ccnew"),
    ]  # fmt: skip
    assert "CREATE INDEX CONCURRENTLY idx_a ON public.a USING btree (id);" in told["repairs"][0]["effect"]
    assert "the index itself stays" in told["repairs"][1]["effect"]
    assert "DROP INDEX CONCURRENTLY public.idx_other; takes it away" in told["advice"][0]
    repair(project, database, "--drop-invalid", "--yes")
    assert executor.query("SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid") == [
        {"name": "idx_other"}
    ]
    version, action, details = last_event(executor)
    assert (version, action, details["index"]) == (C[:15], "drop-invalid", "public.idx_a_ccnew")
    assert status(executor, C) == "completed"
    executor.query("UPDATE schema_migrations SET status = 'pending' WHERE version = %s", (C[:15],))
    assert len(History(executor).check().by_hand) == 1


def test_it_waits_for_deployers_and_changes_nothing_behind_their_back(
    project: Path, executor: SupabaseExecutor, database: str
) -> None:
    from elf_sqlcheck.errors import PlanError
    from elf_sqlcheck.layouts import read_directory
    from elf_sqlcheck.migrate import repair as repairing
    from elf_sqlcheck.migrate.known import Known

    with deploy_lock(executor, 1):
        said = repair(project, database, B, "--mark", "pending", "--yes", "--lock-wait", "0.2", exit_code=4)
        assert "Another deployer still holds the lock" in said
    migrations = read_directory(str(project / "migrations"))
    known = Known(History(executor), migrations)
    both = [repairing.marking(known, name, "pending") for name in (A, B)]
    elf_migrate(project, "down", B, "--database-url", database)
    with pytest.raises(PlanError, match=f"{B} does not stand as it did any more"):
        repairing.carry_out(executor, migrations, both, "")
    assert [status(executor, name) for name in (A, B)] == ["completed", "rolled_back"]
