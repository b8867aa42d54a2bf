"""Each boundary between statements is judged, however long the run, on each Postgres that is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.layouts import read
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import Options, Verification, verify
from tests.conftest import INSTALLED
from tests.migrate_files import text
from tests.test_verify import made, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

_RULE = "partial-failure-leaves-changes"
_ONE_WAY = "-- Irreversible: an example\n"
#: A connection of a statement's own to the database that it runs in.
_REACH = "host={folder} dbname=' || current_database() || ' user=postgres"


@pytest.fixture(scope="module", params=INSTALLED)
def any_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    bin_dir = INSTALLED[request.param]
    if bin_dir is not None and not os.path.isdir(bin_dir):
        pytest.skip(f"no Postgres in {bin_dir}")
    with throwaway(bin_dir) as running:
        yield running


def found_in(server: Server, *migrations: Migration, **options: object) -> tuple[list[tuple[str, str]], Verification]:
    """The findings of this rule, and all that is known."""
    result = verify(migrations, server, options=Options(**options))  # type: ignore[arg-type]
    assert [step.applied for step in result.steps] == [True] * len(migrations)
    return [one for one in shown(migrations, result) if one[0] == _RULE], result


def cuts(result: Verification) -> dict[str, int]:
    """What is told of the last migration."""
    told: dict[str, int] = result.steps[-1].more["cuts"]
    return told


def asked(server: Server, query: str) -> list[dict[str, Any]]:
    with SupabaseExecutor(server.url) as executor:
        return executor.query(query)


def has_dblink(server: Server) -> bool:
    return bool(asked(server, "SELECT 1 AS found FROM pg_available_extensions WHERE name = 'dblink'"))


def test_a_long_chain_is_judged_at_every_boundary(any_server: Server) -> None:
    chain = [made(1, "CREATE SEQUENCE s;\nSELECT setval('s', 500);", None, header=_ONE_WAY)]
    for number in range(1, 61):
        back = "SELECT setval('s', 8);" if number == 55 else f"INSERT INTO t{number} VALUES (1);"
        up = (
            f"CREATE TABLE t{number} (id int);\n{back}\nSELECT setval('s', 900);\n"
            f"ALTER TABLE t{number} ADD COLUMN n int;\nCREATE INDEX ON t{number} (n);"
        )
        name = f"20250201_{number:06d}_m"
        chain.append(read(f"migrations/{name}.sql", text(name, up, f"DROP TABLE t{number};").encode()))
    found, result = found_in(any_server, *chain, rows=0)
    assert found == [(_RULE, "SELECT setval('s', 8)")]
    line = chain[55].data.decode().splitlines().index("SELECT setval('s', 8);") + 1
    message = next(one.message for one in result.findings if one.rule == _RULE)
    assert (
        f"cut short after the statement in line {line}, UP is rolled back, but sequence public.s stays at 8" in message
    )
    told = [step.more["cuts"] for step in result.steps[1:]]
    assert {one["boundaries"] for one in told} == {one["judged"] for one in told} == {5}
    assert [one["cut"] for one in told] == [2 if number == 55 else 1 for number in range(1, 61)]


@pytest.mark.parametrize("observe", [True, False])
def test_what_another_connection_does_and_takes_back(any_server: Server, observe: bool) -> None:
    if not has_dblink(any_server):
        pytest.skip("no dblink")
    reach = _REACH.format(folder=any_server.folder)
    make = f"SELECT dblink_exec('{reach}', 'CREATE TABLE far (id int)');"
    drop = f"SELECT dblink_exec('{reach}', 'DROP TABLE far');"
    found, result = found_in(
        any_server,
        made(1, "CREATE EXTENSION dblink;\nCREATE TABLE teams (id int);", None, header=_ONE_WAY),
        made(
            2,
            f"ALTER TABLE teams ADD COLUMN a int;\n{make}\nCREATE TABLE b ();\n{drop}",
            "ALTER TABLE teams DROP a;\nDROP TABLE b;",
        ),
        observe=observe,
    )
    assert found == [(_RULE, make.rstrip(";"))]
    assert cuts(result) == {"boundaries": 4, "judged": 4, "cut": 2}
    assert {one.rule for one in result.findings} == {_RULE}, "the rows are there again"


def test_what_another_connection_leaves_is_not_in_the_way_of_up(any_server: Server) -> None:
    if not has_dblink(any_server):
        pytest.skip("no dblink")
    reach = _REACH.format(folder=any_server.folder)
    make = f"SELECT dblink_exec('{reach}', 'CREATE TABLE far (id int)');"
    write = f"SELECT dblink_exec('{reach}', 'INSERT INTO teams VALUES (7)');"
    teams = made(1, "CREATE EXTENSION dblink;\nCREATE TABLE teams (id int PRIMARY KEY);", None, header=_ONE_WAY)
    found, _ = found_in(any_server, teams, made(2, f"CREATE TABLE a ();\n{make}", None, header=_ONE_WAY))
    assert found == [(_RULE, make.rstrip(";"))]
    found, result = found_in(any_server, teams, made(2, f"CREATE TABLE a ();\n{write}", None, header=_ONE_WAY), rows=0)
    assert found == [(_RULE, write.rstrip(";"))]
    assert "another connection has committed rows, which stay" in result.findings[0].message


def test_a_replication_slot_stays(any_server: Server) -> None:
    make = "SELECT pg_create_physical_replication_slot('standby');"
    drop = "SELECT pg_drop_replication_slot('standby');"
    found, result = found_in(any_server, made(1, f"CREATE TABLE a ();\n{make}", f"{drop}\nDROP TABLE a;"))
    assert found == [(_RULE, make.rstrip(";"))]
    assert "the replication slot standby stays" in result.findings[0].message
    assert asked(any_server, "SELECT slot_name FROM pg_replication_slots") == [{"slot_name": "standby"}]
    asked(any_server, drop)


def test_no_replication_slot_is_made_on_a_server_of_others(any_server: Server) -> None:
    make = made(1, "SELECT pg_create_physical_replication_slot('others');", None, header=_ONE_WAY)
    result = verify([make], any_server.url, options=Options(rows=0))
    assert [one.rule for one in result.findings] == ["does-not-apply"]
    assert "makes a replication slot, for which your server would keep its WAL" in result.findings[0].message
    assert asked(any_server, "SELECT FROM pg_replication_slots WHERE slot_name = 'others'") == []


@pytest.mark.parametrize(
    ("up", "place"),
    [
        # Through a trigger of the migration before, fired by what is no INSERT.
        ("CREATE TABLE a ();\nTRUNCATE teams;\nCREATE TABLE b ();", "TRUNCATE teams"),
        ("DO $$ BEGIN PERFORM setval('s', 8); ALTER SEQUENCE s RESTART 900; END $$;",
         "DO $$ BEGIN PERFORM setval('s', 8); ALTER SEQUENCE s RESTART 900; END $$"),
        ("SELECT setval('down', 70);", "SELECT setval('down', 70)"),
        ("SELECT setval('fresh', 3, false);", "SELECT setval('fresh', 3, false)"),
        ("SELECT setval('s', 8);\nDEALLOCATE ALL;\nSELECT setval('s', 900);", "SELECT setval('s', 8)"),
    ],
)  # fmt: skip
def test_a_sequence_is_set_back_in_passing(any_server: Server, up: str, place: str) -> None:
    found, result = found_in(any_server, _SEQUENCES, made(2, up, None, header=_ONE_WAY), rows=0)
    assert found == [(_RULE, place)]
    assert cuts(result)["judged"] == cuts(result)["boundaries"]


@pytest.mark.parametrize(
    "up",
    [
        "ALTER SEQUENCE s RESTART 8;\nINSERT INTO counted (id) VALUES (nextval('s'));",
        (
            "DO $$ BEGIN FOR i IN 1..50 LOOP\nBEGIN PERFORM 1 / (i % 2); EXCEPTION WHEN OTHERS THEN NULL; END;\n"
            "END LOOP; END $$;"
        ),
        "INSERT INTO counted DEFAULT VALUES;\nSELECT setval('down', 10);\nSELECT setval('fresh', 300);",
        "INSERT INTO counted DEFAULT VALUES;\nDROP TABLE counted;\nDROP SEQUENCE s;",
        "CREATE ROLE boundary;\nSET LOCAL ROLE boundary;\nSELECT 1;\nRESET ROLE;\nDROP ROLE boundary;",
        "SET LOCAL search_path = '';\nCREATE TABLE public.a (id serial);\nINSERT INTO public.a DEFAULT VALUES;",
    ],
)
def test_what_leaves_nothing(any_server: Server, up: str) -> None:
    found, result = found_in(any_server, _SEQUENCES, made(2, up, None, header=_ONE_WAY), rows=0)
    assert found == []
    assert cuts(result)["judged"] == cuts(result)["boundaries"]


def test_each_sequence_is_told_of_once(any_server: Server) -> None:
    up = "SELECT setval('s', 8);\nSELECT setval('down', 70);\nSELECT setval('s', 7);"
    found, result = found_in(any_server, _SEQUENCES, made(2, up, None, header=_ONE_WAY), rows=0)
    assert found == [(_RULE, "SELECT setval('s', 8)"), (_RULE, "SELECT setval('down', 70)")]
    assert cuts(result) == {"boundaries": 3, "judged": 3, "cut": 3}
    found, result = found_in(any_server, _SEQUENCES, made(2, up, None, header=_ONE_WAY), rows=0, cuts=1)
    assert found == [(_RULE, "SELECT setval('s', 8)")]
    assert cuts(result) == {"boundaries": 3, "judged": 1, "cut": 1}


def test_boundaries_after_a_statement_that_fails_on_rows(any_server: Server) -> None:
    up = "SELECT setval('s', 8);\nALTER TABLE teams ADD COLUMN n int NOT NULL;\nSELECT setval('down', 70);"
    found, result = found_in(any_server, _SEQUENCES, made(2, up, None, header=_ONE_WAY))
    assert found == [(_RULE, "SELECT setval('s', 8)"), (_RULE, "SELECT setval('down', 70)")]
    assert result.steps[1].on_fewer_rows
    assert cuts(result)["judged"] == cuts(result)["boundaries"] == 3


_SEQUENCES = made(
    1,
    "CREATE SEQUENCE s;\nSELECT setval('s', 500);\nCREATE SEQUENCE fresh START 200;\n"
    "CREATE SEQUENCE down INCREMENT -1 MINVALUE 1 MAXVALUE 100;\nSELECT setval('down', 50);\n"
    "CREATE TABLE teams (id int);\nCREATE TABLE counted (id serial);\n"
    "CREATE FUNCTION reset() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN PERFORM setval('s', 8); RETURN NULL; END $$;\n"
    "CREATE TRIGGER reset AFTER TRUNCATE ON teams EXECUTE FUNCTION reset();",
    None,
    header=_ONE_WAY,
)
