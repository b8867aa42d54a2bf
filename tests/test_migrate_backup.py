"""Backups before a deploy: what is in them, that they restore, and that nothing runs without them."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate.deploy import Step
from elf_sqlcheck.migrate.losses import at_risk
from elf_sqlcheck.postgres.clients import find_client
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

A, B = "20250101_000000_a", "20250102_000000_b"
SHOP = """
CREATE SCHEMA app; CREATE SCHEMA "Od.d";
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE, note text);
CREATE TABLE plain (id int REFERENCES customers);
CREATE TABLE keyed (id int REFERENCES customers ON UPDATE CASCADE);
CREATE TABLE app.orders (id int);
CREATE TABLE "Od.d"."Ta""ble" (id int);
CREATE TYPE app.mood AS ENUM ('good');
CREATE TABLE moods (mood app.mood);
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE VIEW all_orders AS SELECT id, note FROM app.orders o JOIN LATERAL (SELECT 'x' AS note) n ON true;
CREATE VIEW some_plain AS SELECT id FROM plain;
CREATE TABLE log (id int);
INSERT INTO customers SELECT g, 'name ' || g FROM generate_series(1, 100) g;
INSERT INTO orders (customer, note) SELECT g, 'note' FROM generate_series(1, 100) g;
INSERT INTO log VALUES (1);
"""


def tables(url: str, folder: Path, up: str, before: str = "") -> tuple[set[str], list[str]]:
    if before:
        write(folder, A, before)
    write(folder, B, up)
    migrations = read_directory(str(folder))
    steps = [Step(migrations[-1], migrations[-1].up)]
    with SupabaseExecutor(url) as executor:
        found, unknown = at_risk(executor, migrations, steps)
        rows = executor.query("SELECT oid::bigint AS oid, oid::regclass::text AS name FROM pg_class")
    return {row["name"] for row in rows if row["oid"] in found}, unknown


@pytest.mark.parametrize(
    ("up", "names"),
    [
        ("CREATE TABLE new (id int); INSERT INTO log VALUES (2); CREATE INDEX ON log (id);", ""),
        ("ALTER TABLE customers DROP COLUMN name;", "customers"),
        ("ALTER TABLE log ALTER COLUMN id TYPE text;", "log"),
        ("UPDATE orders SET note = 'x';", "orders app.orders"),
        ("UPDATE public.orders SET note = 'x';", "orders"),
        ("DELETE FROM customers WHERE id = 1;", "customers orders keyed"),
        ("TRUNCATE customers CASCADE;", "customers orders plain keyed"),
        ("TRUNCATE log;", "log"),
        ("INSERT INTO customers VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x';", "customers keyed"),
        ("UPDATE customers SET id = id + 1000;", "customers keyed"),
        ("WITH gone AS (DELETE FROM log RETURNING *) SELECT count(*) FROM gone;", "log"),
        ("DO $$ BEGIN UPDATE log SET id = 2; END $$;", "log"),
        ("DROP TABLE parted;", "parted part"),
        ("UPDATE some_plain SET id = 1;", "plain"),
        ("DROP SCHEMA app CASCADE;", "app.orders moods"),
        ("DROP TYPE app.mood CASCADE;", "moods"),
        ('DROP TABLE "Od.d"."Ta""ble";', '"Od.d"."Ta""ble"'),
        ("ALTER TABLE log RENAME TO journal; DELETE FROM journal;", "log"),
        ("ALTER TABLE log SET SCHEMA app; DELETE FROM app.log;", "log"),
        ("CREATE TABLE next (id int); DROP TABLE log; ALTER TABLE next RENAME TO log;", "log"),
    ],
)
def test_which_tables_are_at_risk(database: str, tmp_path: Path, up: str, names: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SHOP)
    assert tables(database, tmp_path, up) == (set(names.split()), [])


def test_functions_are_followed_and_computed_sql_is_named(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SHOP)
    made = "CREATE FUNCTION sweep() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM log; END $$;"
    found, unknown = tables(
        database, tmp_path, "SELECT sweep();\nDO $$ BEGIN EXECUTE (SELECT 'x'); END $$;", before=made
    )
    assert found == {"log"}
    assert [place.rpartition(":")[0].endswith(f"{B}.sql") for place in unknown] == [True]


def _shop(url: str, folder: Path) -> Path:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHOP)
    write(
        folder / "migrations",
        A,
        "DELETE FROM public.customers WHERE id > 50;\nDROP TABLE app.orders CASCADE;",
        'CREATE TABLE app.orders (id int);\nALTER TABLE "Od.d"."Ta""ble" ADD COLUMN IF NOT EXISTS more int;',
    )
    return folder


def _rows(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found
    return int(found[0])


def test_a_backup_is_taken_before_and_restores(database: str, tmp_path: Path) -> None:
    folder = _shop(database, tmp_path)
    done = as_json(folder, "up", "--backup", "kept", "--database-url", database, "--skip-validation")
    backup = done["backup"]
    assert backup["tables"] == ["app.orders", "public.customers", "public.keyed", "public.orders"]
    assert stat.S_IMODE(os.stat(folder / "kept").st_mode) == 0o700
    assert sorted(os.listdir(folder / "kept")) == [".gitignore", os.path.basename(backup["path"])]
    assert stat.S_IMODE(os.stat(folder / backup["path"]).st_mode) == 0o600
    assert os.path.basename(backup["path"]).startswith("20250101_000000.before-up.")
    assert _rows(database, "public.orders") == 50
    beside = backup["restore"][0]["what"].split()[-1]
    subprocess.run(backup["restore"][0]["command"], shell=True, check=True, cwd=folder, env=environment())
    with psycopg.connect(database, autocommit=True) as connection:
        info = connection.info
        other = psycopg.conninfo.make_conninfo(database, dbname=beside)
        assert _rows(other, "public.orders") == 100
        assert _rows(other, "public.customers") == 100
        assert _rows(other, "public.log") == 0
        connection.execute("TRUNCATE public.customers CASCADE")
        connection.execute("CREATE TABLE app.orders (id int)")
        subprocess.run(backup["restore"][1]["command"], shell=True, check=True, cwd=folder, env=environment())
        assert info.dbname in beside
        assert _rows(database, "public.orders") == 100
        assert _rows(database, "public.customers") == 100
        connection.execute(f'DROP DATABASE "{beside}"')


def test_it_restores_into_an_empty_database_where_the_server_has_one(database: str, tmp_path: Path) -> None:
    folder = _shop(database, tmp_path)
    up = ("up", "--backup", "kept", "--database-url", database, "--skip-validation")
    with SupabaseExecutor(database) as executor:  # our own servers have none
        executor.query("CREATE DATABASE template0")
        try:
            command = as_json(folder, *up)["backup"]["restore"][0]["command"]
        finally:
            executor.query("DROP DATABASE template0")
    assert "--template=template0" in command


def test_down_takes_one_too(database: str, tmp_path: Path) -> None:
    folder = _shop(database, tmp_path)
    elf_migrate(folder, "up", "--database-url", database, "--skip-validation")
    shown = elf_migrate(folder, "down", A, "--backup", "kept", "--database-url", database).stdout
    assert "backup kept/20250101_000000.before-down." in shown
    assert "no rows, because none are to be lost" in shown


def _nothing_ran(url: str) -> None:
    assert _rows(url, "public.customers") == 100


def test_without_the_right_pg_dump_it_says_where_it_looked(database: str) -> None:
    with psycopg.connect(database) as connection:
        major = connection.info.server_version // 10000
    with pytest.raises(UsageError) as caught:
        find_client("pg_dump", 99)
    assert "There is no pg_dump here for a server of Postgres 99" in caught.value.message
    assert "is of Postgres" in caught.value.message
    assert find_client("pg_dump", major).major >= major


def _broken(folder: Path, script: str, url: str) -> str:
    """A folder whose pg_dump is a script of ours, for the server's own major."""
    with psycopg.connect(url) as connection:
        major = connection.info.server_version // 10000
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "pg_dump"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {major}.1" && exit\n{script}\n')
    program.chmod(0o755)
    return str(programs)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -9 $$", "it was ended by signal 9"),
        ("echo half; echo 'pg_dump: error: No space left on device' >&2; exit 1", "No space left on device"),
        ("exit 3", "it ended with 3"),
    ],
)
def test_when_it_fails_nothing_runs(database: str, tmp_path: Path, script: str, said: str) -> None:
    folder = _shop(database, tmp_path)
    programs = _broken(tmp_path, script, database)
    arguments = ("up", "--backup", "kept", "--database-url", database, "--skip-validation")
    shown = elf_migrate(folder, *arguments, exit_code=1, ELF_SQLCHECK_PG_BIN=programs).stderr
    assert "The backup failed, so nothing was run" in shown
    assert said in shown
    assert os.listdir(folder / "kept") == [".gitignore"]
    _nothing_ran(database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM schema_migrations WHERE status <> 'pending'").fetchone() == (0,)
    elf_migrate(folder, *arguments)


def test_a_full_disk_and_a_folder_that_cannot_be_made(database: str, tmp_path: Path) -> None:
    folder = _shop(database, tmp_path)
    (folder / "file").write_text("")
    shown = elf_migrate(
        folder, "up", "--backup", "file/kept", "--database-url", database, "--skip-validation", exit_code=1
    ).stderr
    assert "The backup failed, so nothing was run: " in shown
    _nothing_ran(database)
    if not os.path.exists("/dev/full"):
        return
    programs = _broken(tmp_path, "echo much > /dev/full || exit 1", database)
    arguments = ("up", "--backup", "kept", "--database-url", database, "--skip-validation")
    elf_migrate(folder, *arguments, exit_code=1, ELF_SQLCHECK_PG_BIN=programs)
    _nothing_ran(database)


def test_the_password_is_not_among_the_arguments(database: str, tmp_path: Path) -> None:
    folder = _shop(database, tmp_path)
    programs = _broken(tmp_path, 'echo "$@" > arguments; echo "with $PGPASSWORD" >&2; exit 1', database)
    url = psycopg.conninfo.make_conninfo(database, password="s3cret-of-ours")
    done = elf_migrate(
        folder, "up", "--backup", "kept", "--database-url", url, "--skip-validation", exit_code=1,
        ELF_SQLCHECK_PG_BIN=programs,
    )  # fmt: skip
    assert "with ***" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    arguments = (folder / "arguments").read_text(encoding="utf-8")
    assert "--dbname=" in arguments
    assert "s3cret" not in arguments


def test_what_may_not_be_read_is_left_out_or_stops_it(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE backup_tester LOGIN")
        try:
            connection.execute(
                "CREATE SCHEMA own AUTHORIZATION backup_tester; GRANT ALL ON SCHEMA public TO backup_tester"
            )
            connection.execute(
                "CREATE TABLE hidden (id int); CREATE TABLE seen (id int); GRANT ALL ON seen TO backup_tester"
            )
            url = psycopg.conninfo.make_conninfo(database, user="backup_tester")
            write(tmp_path / "migrations", A, "UPDATE seen SET id = 1;")
            arguments = ("--backup", "kept", "--database-url", url, "--skip-validation")
            done = as_json(tmp_path, "up", *arguments)
            assert done["backup"]["left_out"] == ["public.hidden"]
            assert done["backup"]["tables"] == ["public.seen"]
            write(tmp_path / "migrations", B, "DELETE FROM hidden;")
            shown = elf_migrate(tmp_path, "up", *arguments, exit_code=1).stderr
            assert "nothing was run: you may not read public.hidden, which the run changes" in shown
            connection.execute("ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; GRANT ALL ON hidden TO backup_tester")
            shown = elf_migrate(tmp_path, "up", *arguments, exit_code=1).stderr
            assert "row level security hides rows from you" in shown
        finally:
            connection.execute("DROP OWNED BY backup_tester; DROP ROLE backup_tester")
