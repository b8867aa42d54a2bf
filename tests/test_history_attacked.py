"""A migration that writes to the history itself is refused, whatever way it takes; and none changes how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

FIRST, CHANGE, LATER = "20250101_000001_first", "20250101_000002_change", "20250101_000003_later"
#: Marks a later migration as applied.
MARK = "INSERT INTO public.schema_migrations (version, name, status) VALUES ('20250101_000003', 'x', 'completed')"
FUNCTION = (
    "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.details := '{}'; RETURN NEW; END $$;"
)
WRITES = {
    "marks a later one as applied": f"{MARK};",
    "lets the first run twice": "UPDATE public.schema_migrations SET status = 'pending';",
    "changes a checksum": "UPDATE public.schema_migrations SET checksum = 'x';",
    "says that another did it": "UPDATE public.migration_history SET details = details || '{\"who\": \"mallory\"}';",
    "forgets the events": "DELETE FROM public.migration_history;",
    "changes what was applied": "UPDATE public.migration_texts SET sql = '';",
    "in a text": f"DO $$ BEGIN EXECUTE '{MARK.replace(chr(39), chr(39) * 2)}'; END $$;",
    "in a block that catches": f"DO $$ BEGIN BEGIN {MARK}; EXCEPTION WHEN division_by_zero THEN END; END $$;",
    "at the COMMIT": "CREATE TABLE c (n int); CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {MARK}; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON c DEFERRABLE INITIALLY "
    "DEFERRED FOR EACH ROW EXECUTE FUNCTION evil(); INSERT INTO c VALUES (1);",
    "empties it": "TRUNCATE public.schema_migrations, public.migration_history;",
    "drops it": "DROP TABLE public.migration_history, public.schema_migrations;",
    "makes it anew": "ALTER TABLE public.schema_migrations RENAME TO s; "
    "CREATE TABLE public.schema_migrations (LIKE s);",
    "puts a view in its place": "ALTER TABLE public.schema_migrations RENAME TO s; "
    "CREATE VIEW public.schema_migrations AS SELECT * FROM s;",
    "a trigger": f"{FUNCTION} CREATE TRIGGER t BEFORE INSERT ON public.migration_history FOR EACH ROW "
    "EXECUTE FUNCTION evil();",
    "a rule": "CREATE RULE r AS ON INSERT TO public.schema_migrations DO INSTEAD NOTHING;",
}  # fmt: skip
#: What is left in the session, or looked up before what is meant: none of it may reach what is written and read.
SHADOWS = {
    "tables of the session": "CREATE TEMP TABLE schema_migrations (n int); "
    "CREATE TEMP TABLE migration_history (n int);",
    "a search_path": "CREATE SCHEMA evil; CREATE TABLE evil.schema_migrations (n int); "
    "SET search_path = evil, pg_catalog;",
    "a better function": "CREATE FUNCTION public.to_jsonb(public.schema_migrations) RETURNS jsonb LANGUAGE sql "
    """AS $$ SELECT '{"version": "0", "name": "x", "status": "completed"}'::jsonb $$;""",
    "the locks": "SELECT pg_advisory_unlock_all();",
    "what was prepared": "DEALLOCATE ALL; RESET ALL; LISTEN x; NOTIFY x;",
    "settings": "SET client_encoding = 'LATIN1'; SET standard_conforming_strings = off; SET DateStyle = 'German'; "
    "SET statement_timeout = 1; SET default_transaction_read_only = on;",
    "row level security on everything": "ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY;",
}  # fmt: skip
OPTIONS = ("--skip-validation", "--yes")


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    """An executor on a database of its own."""
    with SupabaseExecutor(database) as made:
        yield made


def prepared(folder: Path, database: str, change: str, header: str = "") -> tuple[str, ...]:
    """A project whose first migration is applied, and whose next one is `change`; returns the options of `up`."""
    migrations = folder / "migrations"
    write(migrations, FIRST, "CREATE TABLE first (n int);")
    options = (*OPTIONS, "--database-url", database)
    elf_migrate(folder, "up", *options)
    write(migrations, CHANGE, change, header=header)
    write(migrations, LATER, "CREATE TABLE later (n int);")
    return options


def everything(executor: SupabaseExecutor) -> list[dict[str, object]]:
    """What the history says of the first migration and the last one."""
    return executor.query(
        "SELECT to_jsonb(m) AS row, to_jsonb(h) AS event FROM public.schema_migrations m "
        "JOIN public.migration_history h USING (version) WHERE version <> '20250101_000002' ORDER BY h.position"
    )


@pytest.mark.parametrize("way", WRITES)
def test_a_migration_that_writes_the_history_is_refused(
    way: str, executor: SupabaseExecutor, database: str, tmp_path: Path
) -> None:
    options = prepared(tmp_path, database, WRITES[way])
    before = everything(executor)
    refused = elf_migrate(tmp_path, "up", *options, exit_code=1).stderr
    assert "it changed the history itself (schema_migrations, " in refused
    assert "Its transaction was rolled back; nothing of it stays." in refused
    assert everything(executor) == before
    write(tmp_path / "migrations", CHANGE, "SELECT 1;")
    elf_migrate(tmp_path, "up", *options)
    elf_migrate(tmp_path, "status", "--verify-history", "--database-url", database)
    assert executor.query("SELECT to_regclass('public.later') IS NOT NULL AS ran")[0]["ran"]


def test_it_is_refused_in_pieces_too(executor: SupabaseExecutor, database: str, tmp_path: Path) -> None:
    options = prepared(tmp_path, database, f"CREATE TABLE c (n int); {MARK};", header="-- Transaction: none\n")
    before = everything(executor)
    assert "it changed the history itself" in elf_migrate(tmp_path, "up", *options, exit_code=1).stderr
    assert everything(executor) == before


def test_writing_all_tables_anew_is_no_change_of_the_history(database: str, tmp_path: Path) -> None:
    options = prepared(tmp_path, database, "VACUUM FULL;", header="-- Transaction: none\n")
    elf_migrate(tmp_path, "up", *options)
    assert "Nothing to do." in elf_migrate(tmp_path, "up", *options).stdout


@pytest.mark.parametrize("way", SHADOWS)
def test_nothing_that_a_migration_leaves_reaches_the_history(way: str, database: str, tmp_path: Path) -> None:
    options = prepared(tmp_path, database, SHADOWS[way])
    elf_migrate(tmp_path, "up", *options)
    assert "Nothing to do." in elf_migrate(tmp_path, "up", *options).stdout
    told = elf_migrate(tmp_path, "status", "--verify-history", "--database-url", database).stdout
    assert "The history is whole: 3 events." in told
    listed = as_json(tmp_path, "list", "--database-url", database)["migrations"]
    assert [(one["name"], one["status"]) for one in listed] == [
        (name, "completed") for name in (FIRST, CHANGE, LATER)
    ]  # fmt: skip


def test_a_search_path_that_gives_operators_another_meaning_is_refused(
    executor: SupabaseExecutor, database: str, tmp_path: Path
) -> None:
    change = (
        "CREATE SCHEMA evil; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = evil, pg_catalog', "
        "current_database()); END $$;"
    )
    options = prepared(tmp_path, database, change)
    elf_migrate(tmp_path, "up", *options)
    for words in (("up", *options), ("status", "--database-url", database)):
        assert "puts evil before pg_catalog" in elf_migrate(tmp_path, *words, exit_code=2).stderr
    name = executor.query("SELECT current_database() AS name")[0]["name"]
    executor.query(f'ALTER DATABASE "{name}" RESET search_path')
    assert "Nothing to do." in elf_migrate(tmp_path, "up", *options).stdout
