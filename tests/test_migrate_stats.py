"""`elf-migrate status --stats` on a real server, and `elf-sqlcheck lint --stats` that reads what it wrote."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.migrate.stats import measure
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.sizes import load
from tests.migrate_command import as_json, elf_migrate, environment

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.sizes import TableSize

pytestmark = pytest.mark.slow

FILLED = """
CREATE SCHEMA "Shop";
CREATE TABLE countries (id int);
CREATE TABLE orders (id int PRIMARY KEY, note text);
CREATE TABLE "Shop"."or.ders" (id int);
CREATE TABLE uncounted (id int) WITH (autovacuum_enabled = off);
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE MATERIALIZED VIEW totals AS SELECT generate_series(1, 500) AS n;
CREATE VIEW names AS SELECT 1 AS n;
CREATE TEMPORARY TABLE passing (id int);
INSERT INTO orders SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n;
INSERT INTO "Shop"."or.ders" SELECT n FROM generate_series(1, 300) n;
INSERT INTO events SELECT n, '2025-01-05' FROM generate_series(1, 1000) n;
INSERT INTO events SELECT n, '2025-02-05' FROM generate_series(1, 2000) n;
ANALYZE orders, "Shop"."or.ders", events, events_1, events_2, totals;
"""


def _tell_statistics(connection: psycopg.Connection) -> None:
    """Let the server know what this session did; before 15 that takes half a second, and a statement after it."""
    if connection.info.server_version >= 150000:
        connection.execute("SELECT pg_stat_force_next_flush()")
    else:
        connection.execute("SELECT pg_sleep(0.6)")
        connection.execute("SELECT pg_sleep(0.6)")


def _fill(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FILLED)
        _tell_statistics(connection)


def _measured(database: str) -> dict[str, TableSize]:
    with SupabaseExecutor(database) as executor:
        return measure(executor)[0]


def test_tables_are_measured_on_every_postgres(pg_bin: str) -> None:
    with throwaway(pg_bin) as server:
        database = server.create_database("sizes")
        _fill(database)
        found = _measured(database)
    assert found["public.countries"].rows == 0
    assert found["public.orders"].rows == 20_000
    assert found["public.orders"].bytes is not None
    assert 20_000 * 100 < found["public.orders"].bytes < 20_000 * 200, "without the index"
    assert found['"Shop"."or.ders"'].rows == 300
    assert found["public.totals"].rows == 500
    assert not {"public.names", "public.passing"} & found.keys()
    assert list(found) == sorted(found)


def test_a_partitioned_table_is_as_large_as_its_partitions_together(database: str) -> None:
    _fill(database)
    found = _measured(database)
    assert [found[f"public.events{part}"].rows for part in ("", "_1", "_2")] == [3000, 1000, 2000]
    whole, first, second = (found[f"public.events{part}"].bytes for part in ("", "_1", "_2"))
    assert whole == (first or 0) + (second or 0)


def test_a_table_that_was_never_counted_is_left_out(database: str) -> None:
    _fill(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO uncounted SELECT n FROM generate_series(1, 5000) n")
        _tell_statistics(connection)
        connection.execute("SELECT pg_stat_reset()")
    assert "public.uncounted" not in _measured(database)


def test_writes_are_told_since_the_statistics_were_reset(database: str) -> None:
    _fill(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_reset()")
        connection.execute("UPDATE orders SET note = 'y'")
        _tell_statistics(connection)
        connection.execute("SELECT pg_sleep(0.1)")
    assert (_measured(database)["public.orders"].writes_per_second or 0) > 10


def test_the_file_is_what_lint_reads(database: str, tmp_path: Path) -> None:
    _fill(database)
    done = elf_migrate(tmp_path, "status", "--stats", "--output-file", "sizes.json", "--database-url", database)
    assert "elf-sqlcheck lint --stats sizes.json" in done.stdout
    text = (tmp_path / "sizes.json").read_text("utf-8")
    # Before 15 a new database counts from its first connection on, so that the writes in a second are ever fewer.
    stored, now = (
        {name: (size.rows, size.bytes, bool(size.writes_per_second)) for name, size in sizes.items()}
        for sizes in (load(str(tmp_path / "sizes.json")), _measured(database))
    )
    assert stored == now
    lines = [line for line in text.splitlines() if '"public.orders"' in line]
    assert len(lines) == 1
    assert lines[0].startswith('    "public.orders": {"rows": 20000, "bytes": ')
    where = psycopg.conninfo.conninfo_to_dict(database)
    assert not any(str(where[part]) in text for part in ("host", "dbname")), "the server is not named"
    told = as_json(tmp_path, "status", "--stats", "--output-file", "again.json", "--database-url", database)
    assert told["tables"] == len(json.loads(text)["tables"])
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_x.sql").write_text("SELECT 1;")
    lint = subprocess.run(
        ["elf-sqlcheck", "lint", "--stats", "sizes.json", "--select", "types"], cwd=tmp_path, env=environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert lint.returncode == 0, lint.stderr


@pytest.mark.parametrize("output", ["text", "json"])
def test_standard_output_holds_the_file_and_nothing_else(database: str, tmp_path: Path, output: str) -> None:
    _fill(database)
    done = elf_migrate(tmp_path, "status", "--stats", "--output", output, "--database-url", database)
    (tmp_path / "sizes.json").write_text(done.stdout)
    assert load(str(tmp_path / "sizes.json"))["public.orders"].rows == 20_000
    assert "Database: " in done.stderr


def test_an_empty_database_has_an_empty_list(database: str, tmp_path: Path) -> None:
    done = elf_migrate(tmp_path, "status", "--stats", "--database-url", database)
    assert json.loads(done.stdout)["tables"] == {}


def test_what_cannot_be_done_is_said(database: str, tmp_path: Path) -> None:
    done = elf_migrate(tmp_path, "status", "--output-file", "x.json", "--database-url", database, exit_code=2)
    assert "add --stats" in done.stderr
    arguments = ("status", "--stats", "--output-file", "no/such/x.json", "--database-url", database)
    assert "cannot write no/such/x.json" in elf_migrate(tmp_path, *arguments, exit_code=2).stderr


def test_a_table_that_is_being_rewritten_is_not_waited_for(database: str, tmp_path: Path) -> None:
    _fill(database)
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        done = elf_migrate(tmp_path, "status", "--stats", "--database-url", database, exit_code=1)
    assert "lock timeout" in done.stderr
