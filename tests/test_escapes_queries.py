"""A stranger's migration tries to make our own questions lie: what it does besides must be found all the same.

Each lie is told by a migration that also loses rows and leaves a table behind, and so does one that comes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.escapes import DOWN, SERVERS, UP, on, proven, server_name, stranger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lint_project import Project

pytestmark = pytest.mark.slow

MADE = """
CREATE TYPE public.mood AS ENUM ('a', 'b', 'c');
CREATE TABLE public.kept (id integer PRIMARY KEY, v text NOT NULL, m public.mood NOT NULL);
"""
_LIES = "LANGUAGE sql IMMUTABLE AS"
_OPERATORS = (
    ("=", "oid", "regtype"), ("=", "oid", "regclass"), ("=", "name", "varchar"), ("=", '"char"', "char"),
    (">=", "oid", "integer"), ("<=", "oid", "integer"), ("<>", '"char"', "text"),
)  # fmt: skip
_AGGREGATES = (
    ("jsonb_agg", "bigint", "public.nothing", "jsonb", "[]"),
    ("sum", "bigint", "public.zero", "numeric", "0"),
)
#: What fits the arguments of our questions better than what Postgres brings, or stands before it.
OVERLOADS = {
    "a hash": f"CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint {_LIES} 'SELECT 0::bigint';",
    "names of columns": f"CREATE FUNCTION public.quote_ident(name) RETURNS text {_LIES} $$SELECT 'tableoid'$$;",
    "names of tables": (
        f"CREATE FUNCTION public.format(text, name, name) RETURNS text {_LIES} $$SELECT 'pg_catalog.pg_am'$$;"
    ),
    "what an array holds": (
        f"CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text {_LIES} 'SELECT NULL::text WHERE false';\n"
        f"CREATE FUNCTION public.unnest(oid[]) RETURNS SETOF oid {_LIES} 'SELECT NULL::oid WHERE false';"
    ),
    "equality": "\n".join(
        f"CREATE OR REPLACE FUNCTION public.same({left}, {right}) RETURNS boolean {_LIES} 'SELECT false';\n"
        f"CREATE OPERATOR public.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.same);"
        for operator, left, right in _OPERATORS
    ),
    "a cast": (
        f"CREATE FUNCTION public.mute(public.mood) RETURNS text {_LIES} $$SELECT 'same'$$;\n"
        "CREATE CAST (public.mood AS text) WITH FUNCTION public.mute(public.mood);"
    ),
    "aggregates": "".join(
        f"CREATE AGGREGATE public.{name}({argument}) (SFUNC = {function}, STYPE = {kind}, INITCOND = '{first}');\n"
        for name, argument, function, kind, first in _AGGREGATES
    ),
    "objects of JSON": (
        f"CREATE FUNCTION public.jsonb_build_object(text, jsonb) RETURNS jsonb {_LIES} $$SELECT '{{}}'::jsonb$$;"
    ),
    "temporary catalogs": "CREATE TEMP TABLE pg_class (oid oid);\nCREATE TEMP TABLE pg_attribute (attrelid oid);",
    "views for catalogs": "\n".join(
        f"CREATE VIEW public.{name} AS SELECT 0::oid AS oid WHERE false;"
        for name in ("pg_class", "pg_attribute", "pg_proc", "pg_locks", "pg_roles")
    ),
    "a path that is left behind": "SET search_path = public, pg_catalog;",
    "settings that are left behind": (
        "SET quote_all_identifiers = on; SET DateStyle = German; SET IntervalStyle = iso_8601; "
        "SET extra_float_digits = -15; SET bytea_output = escape; SET transform_null_equals = on; "
        "SET default_transaction_read_only = off; SET timezone = 'Asia/Tokyo'; SET xmlbinary = hex;"
    ),
    "rows that nobody sees": (
        "ALTER TABLE public.kept ENABLE ROW LEVEL SECURITY;\nALTER TABLE public.kept FORCE ROW LEVEL SECURITY;\n"
        "CREATE POLICY nobody ON public.kept USING (false);"
    ),
}
#: What the aggregates count with.
COUNTING = (
    f"CREATE FUNCTION public.nothing(jsonb, bigint) RETURNS jsonb {_LIES} 'SELECT $1';\n"
    f"CREATE FUNCTION public.zero(numeric, bigint) RETURNS numeric {_LIES} 'SELECT $1';\n"
)
#: For all sessions that begin from now on; those that we have are ended.
SETTINGS = {
    "a path": ("search_path = public, pg_catalog",),
    "how things are shown": (
        "quote_all_identifiers = on", "DateStyle = German", "bytea_output = escape", "timezone = 'Asia/Tokyo'",
        "IntervalStyle = iso_8601", "extra_float_digits = -15", "transform_null_equals = on",
        "standard_conforming_strings = off", "client_encoding = latin1",
    ),
    "nothing is written": ("default_transaction_read_only = on", "default_transaction_isolation = serializable"),
    "no time": ("statement_timeout = 1", "lock_timeout = 1"),
    "somebody else": ("role = mallory",),
}  # fmt: skip
ENDED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid();\n"
)
#: What each migration does besides.
HARM = "UPDATE public.kept SET v = '{0}', m = '{1}';\n"
LEFT = "CREATE TABLE public.left_{0} (at date DEFAULT '2025-01-02', f float8 DEFAULT 0.1, b bytea DEFAULT '\\xff');\n"


def put(project: Project, lies: list[str]) -> None:
    project.put("migrations/20250101_000000_made.sql", f"{UP}{MADE}{COUNTING}{DOWN}{UNMADE}")
    for number, lie in enumerate([*lies, ""]):
        harm = (HARM + LEFT).format(number, "bc"[number % 2])
        project.put(f"migrations/202502{number + 1:02}_000000_lie.sql", f"{UP}{lie}\n{harm}{DOWN}SELECT 1;\n")


UNMADE = (
    "DROP FUNCTION public.zero(numeric, bigint);\nDROP FUNCTION public.nothing(jsonb, bigint);\n"
    "DROP TABLE public.kept;\nDROP TYPE public.mood;\n"
)


def is_found(project: Project, count: int, programs: str) -> None:
    found = proven(project, *on(programs))
    for number in range(count + 1):
        told = found.get(f"202502{number + 1:02}_000000_lie.sql", [])
        losses = [message for rule, message in told if rule == "round-trip-loses-data"]
        assert any("100 of 100 values of public.kept.v" in message for message in losses), (number, told)
        assert any("of 100 values of public.kept.m are not" in message for message in losses), (number, told)
        left = [message for rule, message in told if rule == "rollback-leaves-behind"]
        assert any(f"Table public.left_{number} is there" in message for message in left), (number, told)


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
def test_nothing_answers_in_the_place_of_postgres(tmp_path: Path, programs: str) -> None:
    project = stranger(tmp_path)
    put(project, list(OVERLOADS.values()))
    is_found(project, len(OVERLOADS), programs)


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_set_for_new_sessions_changes_no_answer(tmp_path: Path, name: str, programs: str) -> None:
    project = stranger(tmp_path)
    commands = [
        f"EXECUTE format('ALTER {what} SET %s', $s${setting}$s$);"
        for setting in SETTINGS[name]
        for what in ("ROLE postgres", "ROLE CURRENT_USER", "DATABASE ' || quote_ident(current_database()) || '")
    ]
    member = "IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mallory') THEN CREATE ROLE mallory; END IF;"
    granted = "GRANT mallory TO postgres; GRANT ALL ON SCHEMA public TO mallory; GRANT ALL ON public.kept TO mallory;"
    put(project, [f"DO $do$ BEGIN {member} {granted} {' '.join(commands)} END $do$;\n{ENDED}"])
    is_found(project, 1, programs)


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
def test_catalogs_that_are_written_anew_hide_nothing(tmp_path: Path, programs: str) -> None:
    """What is new is told by the transactions that wrote the rows of the catalogs, which VACUUM freezes."""
    project = stranger(tmp_path)
    project.put(
        "migrations/20250101_000000_made.sql", f"{UP}{MADE}{DOWN}DROP TABLE public.kept;\nDROP TYPE public.mood;\n"
    )
    frozen = "".join(f"VACUUM (FREEZE, FULL) pg_catalog.{name};\n" for name in ("pg_class", "pg_attribute", "pg_type"))
    added = "ALTER TABLE public.kept ADD COLUMN extra integer;\n"
    lie = f"-- Transaction: none\n{UP}{LEFT.format(0)}{added}{frozen}VACUUM FREEZE;\n{DOWN}SELECT 1;\n"
    project.put("migrations/20250201_000000_lie.sql", lie)
    told = [message for _, message in proven(project, *on(programs))["20250201_000000_lie.sql"]]
    assert any("Table public.left_0 is there" in message for message in told), told
    assert any("Column public.kept.extra is there" in message for message in told), told


def test_rows_that_a_trigger_refuses_are_said_to_be_missing(tmp_path: Path) -> None:
    project = stranger(tmp_path)
    refusing = (
        "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
        "CREATE TRIGGER no BEFORE INSERT ON public.kept FOR EACH ROW EXECUTE FUNCTION public.no();\n"
        "ALTER TABLE public.kept ENABLE ALWAYS TRIGGER no;\n"
    )
    project.put("migrations/20250101_000000_made.sql", f"{UP}{MADE}{refusing}{DOWN}SELECT 1;\n")
    project.put("migrations/20250201_000000_lie.sql", f"{UP}{HARM.format(0, 'b')}{DOWN}SELECT 1;\n")
    said = project.run("verify", *on("")).stdout
    assert "public.kept was not filled with rows" in said
