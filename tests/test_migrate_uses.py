"""Which objects that a rollback drops are used by later migrations, told from texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.migrate.deploy import Step
from elf_sqlcheck.migrate.uses import losses
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

A, B = "20250101_000000_a", "20250102_000000_b"


def lost(folder: Path, first: tuple[str, str], second: str) -> list[str]:
    """What the second migration loses when the first, which is UP and DOWN, is rolled back."""
    write(folder, A, *first)
    write(folder, B, second)
    applied = read_directory(str(folder))
    down = applied[0].down
    assert down is not None
    return [loss.what for loss in losses(applied, [Step(applied[0], down)])]


TABLE = ("CREATE TABLE t (id int PRIMARY KEY, x int);", "DROP TABLE IF EXISTS t;")
COLUMN = ("ALTER TABLE t ADD COLUMN x int;", "ALTER TABLE t DROP COLUMN x;")


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (TABLE, "ALTER TABLE t ADD COLUMN y int;", "table public.t"),
        (TABLE, "CREATE TABLE u (t_id int REFERENCES public.t (id));", "table public.t"),
        (TABLE, "CREATE VIEW v AS SELECT 1 FROM t;", "table public.t"),
        (TABLE, "INSERT INTO t VALUES (1, 2);", "table public.t"),
        (TABLE, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT x FROM t $$;", "table public.t"),
        (TABLE, "CREATE POLICY p ON t USING (true);", "table public.t"),
        (COLUMN, "CREATE INDEX i ON t (x);", "column x of public.t"),
        (COLUMN, "UPDATE t SET x = 1;", "column x of public.t"),
        (COLUMN, "CREATE VIEW v AS SELECT x FROM t;", "column x of public.t"),
        (("CREATE TYPE mood AS ENUM ('a');", "DROP TYPE mood;"), "CREATE TABLE u (m mood);", "type public.mood"),
        (
            ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "DROP FUNCTION f();"),
            "CREATE TABLE u (n int DEFAULT f());",
            "function public.f",
        ),
        (("CREATE SCHEMA s;", "DROP SCHEMA s CASCADE;"), "CREATE TABLE s.u (n int);", "schema s"),
        (("CREATE SEQUENCE s;", "DROP SEQUENCE s;"), "ALTER SEQUENCE s RESTART;", "sequence public.s"),
    ],
)
def test_what_a_later_one_uses(tmp_path: Path, first: tuple[str, str], second: str, what: str) -> None:
    assert lost(tmp_path, first, second) == [what]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TABLE, "CREATE TABLE u (id int);"),
        (TABLE, "CREATE TABLE other.t (id int);"),
        (COLUMN, "CREATE INDEX i ON t (y);"),
        (COLUMN, "CREATE TABLE u (x int);"),
        (("CREATE TYPE status AS ENUM ('a');", "DROP TYPE status;"), "CREATE TABLE u (status text);"),
        (("CREATE TABLE t (id int); DROP TABLE t;", "DROP TABLE IF EXISTS t;"), "SELECT 1;"),
        (("CREATE INDEX i ON t (id);", "DROP INDEX i;"), "CREATE INDEX j ON t (id);"),
    ],
)
def test_what_nothing_uses(tmp_path: Path, first: tuple[str, str], second: str) -> None:
    assert lost(tmp_path, first, second) == []
