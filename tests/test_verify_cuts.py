"""Partial failures, resumed and second runs, and the whole chain down and up, on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options, Verification, verify
from elf_sqlcheck.verify.stage import Base, Stage
from tests.test_verify import made, shown

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

_ALONE = "-- Transaction: none\n"
_ONE_WAY = "-- Irreversible: an example\n"
_TEAMS = "CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL);"


def tried(server: Server, *migrations: Migration, **options: object) -> tuple[list[tuple[str, str]], Verification]:
    """What is found without the notes of other checks, and all that is known."""
    result = verify(migrations, server, options=Options(observe=False, rows=0, **options))  # type: ignore[arg-type]
    return shown(migrations, result), result


def test_each_boundary_is_cut(server: Server) -> None:
    up = "CREATE TABLE {0} (id int);\nCREATE TABLE {1} (id int);\nINSERT INTO {0} VALUES (1);"
    plain = made(1, up.format("a", "b"), "DROP TABLE a, b;")
    wrapped = made(2, f"BEGIN;\n{up.format('c', 'd')}\nCOMMIT;", "DROP TABLE c, d;")
    found, result = tried(server, plain, wrapped)
    assert found == []
    assert [step.more["cuts"]["boundaries"] for step in result.steps] == [3, 3]
    assert [step.more["cuts"]["judged"] for step in result.steps] == [3, 3]
    assert [step.more["cuts"]["cut"] for step in result.steps] == [1, 1]
    _, without = tried(server, plain, cuts=0)
    assert "cuts" not in without.steps[0].more


def test_really_cut_at_each_boundary_it_finds_the_same(server: Server) -> None:
    setting = "CREATE TABLE b (id int);\nSELECT setval('s', 8);\nCREATE TABLE c (id int);"
    chain = [
        made(1, "CREATE SEQUENCE s;\nSELECT setval('s', 500);\nCREATE TABLE t ();", None, header=_ONE_WAY),
        made(2, setting, None, header=_ONE_WAY),
        made(3, "CREATE INDEX CONCURRENTLY i ON b (id);\nDROP INDEX i;", None, header=f"{_ONE_WAY}{_ALONE}"),
    ]
    found, result = tried(server, *chain, cuts=None)
    assert found == tried(server, *chain)[0] == [("partial-failure-leaves-changes", "SELECT setval('s', 8)")]
    assert [step.more["cuts"].get("cut") for step in result.steps] == [3, 3, None]


def test_a_sequence_that_is_set_back_stays_so(server: Server) -> None:
    found, result = tried(
        server,
        made(1, "CREATE SEQUENCE s;\nSELECT setval('s', 500);", None, header=_ONE_WAY),
        made(2, "CREATE TABLE a (id int);\nSELECT setval('s', 700);\nSELECT setval('s', 900);", None, header=_ONE_WAY),
        made(3, "CREATE TABLE b (id int);\nSELECT setval('s', 8);\nCREATE TABLE c (id int);", None, header=_ONE_WAY),
    )
    assert found == [("partial-failure-leaves-changes", "SELECT setval('s', 8)")]
    assert "sequence public.s stays at 8 and was at 900" in result.findings[0].message


def test_sequences_are_put_back_where_they_stood(pg_bin: str) -> None:
    members = "CREATE TABLE members (team int REFERENCES teams (id));"
    counting = "INSERT INTO teams (name) VALUES ('Red'), ('Blue');\nINSERT INTO members VALUES (40);"
    with throwaway(pg_bin) as running:
        found, _ = tried(
            running,
            made(1, f"{_TEAMS}\n{members}\nALTER SEQUENCE teams_id_seq RESTART WITH 40;", None, header=_ONE_WAY),
            made(2, counting, None, header=_ONE_WAY),
        )
    assert found == []


def test_what_another_connection_commits_stays(pg_bin: str) -> None:
    with throwaway(pg_bin) as running:
        with running.connect() as connection:
            if not connection.execute("SELECT true FROM pg_available_extensions WHERE name = 'dblink'").fetchone():
                pytest.skip("this Postgres has no dblink")
        reach = f"host={running.folder} dbname='||current_database()||' user=postgres"
        call = f"SELECT dblink_exec('{reach}', 'CREATE TABLE far (id int)');"
        found, result = tried(
            running,
            made(1, "CREATE EXTENSION dblink;", None, header=_ONE_WAY),
            made(2, f"CREATE TABLE a (id int);\n{call}\nCREATE TABLE b (id int);", None, header=_ONE_WAY),
        )
    assert found == [("partial-failure-leaves-changes", call.rstrip(";"))]
    assert "Table public.far is there" in result.findings[0].message
    assert result.steps[1].applied is True


def test_a_run_outside_of_transactions_is_resumed(server: Server) -> None:
    teams = made(1, _TEAMS, "DROP TABLE teams;")
    up = (
        "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY by_name ON teams (name);\n"
        "BEGIN;\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nCOMMIT;\nREINDEX TABLE CONCURRENTLY teams;"
    )
    found, result = tried(server, teams, made(2, up, "DROP TABLE a;\nDROP INDEX by_name;", header=_ALONE))
    assert found == []
    assert result.steps[1].more["cuts"] == {"boundaries": 7, "killed": 1}


@pytest.mark.parametrize(
    ("up", "place", "message"),
    [
        ("CREATE TEMP TABLE wanted AS SELECT 'Red' AS name;\nINSERT INTO teams (name) SELECT name FROM wanted;",
         "INSERT INTO teams (name) SELECT name FROM wanted", 'relation "wanted" does not exist'),
        ("CREATE INDEX CONCURRENTLY ON teams (name);", "CREATE INDEX CONCURRENTLY ON teams (name)",
         "teams_name_idx: valid was on and is off"),
        ("CREATE TABLE a AS SELECT 1 AS id;\nSELECT set_config('search_path', 'other', false);\nCREATE TABLE b ();",
         "CREATE TABLE b ()", "Table other.b was there before"),
    ],
)  # fmt: skip
def test_what_cannot_be_resumed(server: Server, up: str, place: str, message: str) -> None:
    teams = made(1, f"{_TEAMS}\nCREATE SCHEMA other;", "DROP SCHEMA other;\nDROP TABLE teams;")
    found, result = tried(server, teams, made(2, up, None, header=f"{_ALONE}{_ONE_WAY}"))
    assert ("does-not-resume", place) in found
    assert message in next(one.message for one in result.findings if one.rule == "does-not-resume")


def test_other_tools_do_not_resume(server: Server) -> None:
    from elf_sqlcheck.layouts import read_all

    text = (
        "-- migrate:up transaction:false\nCREATE TEMP TABLE x AS SELECT 1;\nCREATE TABLE y AS SELECT * FROM x;\n"
        "-- migrate:down\nDROP TABLE y;\n"
    )
    migrations = read_all({"db/migrations/20250101000000_y.sql": text.encode()}, "dbmate")
    found, _ = tried(server, *migrations)
    assert [rule for rule, _ in found if rule == "does-not-resume"] == []


@pytest.mark.parametrize(
    ("up", "told", "place"),
    [
        ("CREATE TABLE a (id int);", 'fails cleanly: relation "a" already exists', ""),
        ("CREATE TABLE IF NOT EXISTS a (id int);", "no change", ""),
        ("ALTER TABLE teams ADD CHECK (id > 0);", "changes more", "ALTER TABLE teams ADD CHECK (id > 0)"),
        ("CREATE TABLE IF NOT EXISTS a (id int);\nINSERT INTO teams (name) VALUES ('x');", "changes more",
         "INSERT INTO teams (name) VALUES ('x')"),
        ("INSERT INTO teams VALUES (1, 'x') ON CONFLICT DO NOTHING;", "no change", ""),
        ("DELETE FROM teams;", "no change", ""),
    ],
)  # fmt: skip
def test_a_second_run(server: Server, up: str, told: str, place: str) -> None:
    found, result = tried(
        server, made(1, _TEAMS, None, header=_ONE_WAY), made(2, up, None, header=_ONE_WAY), twice=True
    )
    assert result.steps[1].more["twice"] == told
    assert found == ([("second-run-changes-schema", place)] if place else [])


def test_a_second_run_outside_of_transactions_is_on_a_copy(server: Server) -> None:
    up = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON teams (name);\nALTER TABLE teams ADD CHECK (id > 0);"
    up += "\nCREATE TABLE a (id int);"
    found, result = tried(
        server, made(1, _TEAMS, None, header=_ONE_WAY), made(2, up, None, header=f"{_ALONE}{_ONE_WAY}"), twice=True
    )
    assert found == [("second-run-changes-schema", "ALTER TABLE teams ADD CHECK (id > 0)")]
    assert result.steps[1].more["twice"] == 'changes more, then fails: relation "a" already exists'
    assert 'before it fails (relation "a" already exists)' in result.findings[0].message


def test_a_good_chain_goes_down_to_nothing_and_up_again(server: Server) -> None:
    found, result = tried(
        server,
        made(1, f"CREATE EXTENSION IF NOT EXISTS pg_trgm;\n{_TEAMS}", "DROP TABLE teams;"),
        made(2, "CREATE VIEW names AS SELECT name FROM teams;", "DROP VIEW names;"),
        made(3, "CREATE INDEX CONCURRENTLY i ON teams (name);", "DROP INDEX CONCURRENTLY i;", header=_ALONE),
        chain=True,
    )
    assert found == []
    assert result.notes == []


def test_what_only_a_neighbour_takes_away_is_a_warning(server: Server) -> None:
    first = made(1, _TEAMS, "DROP TABLE teams;")
    second = made(2, "ALTER TABLE teams ADD COLUMN IF NOT EXISTS n int;", "SELECT 1;")
    alone, _ = tried(server, first, second)
    assert alone == [("rollback-leaves-behind", "ALTER TABLE teams ADD COLUMN IF NOT EXISTS n int")]
    found, result = tried(server, first, second, chain=True)
    assert found == [("rollback-needs-neighbour", "ALTER TABLE teams ADD COLUMN IF NOT EXISTS n int")]
    assert f"Only the rollback of {first.path} puts that right." in result.findings[0].message
    assert "DROP COLUMN IF EXISTS n" in result.findings[0].instead


def test_where_a_chain_ends_is_said(server: Server) -> None:
    chain = [
        made(1, _TEAMS, "DROP TABLE teams;"),
        made(2, "ALTER TABLE teams ADD COLUMN n int;", None, header=_ONE_WAY),
        made(3, "CREATE TABLE IF NOT EXISTS a (id int);", "SELECT 1;"),
    ]
    found, result = tried(server, *chain, chain=True)
    assert found == [("rollback-leaves-behind", "CREATE TABLE IF NOT EXISTS a (id int)")]
    assert f"The chain was walked down to {chain[1].path}, and no further: it is irreversible." in result.notes


def test_a_chain_that_breaks(server: Server) -> None:
    chain = [
        made(1, _TEAMS, "DROP TABLE teams;"),
        made(2, "CREATE VIEW names AS SELECT name FROM teams;", "SELECT 1;"),
    ]
    found, result = tried(server, *chain, chain=True)
    assert ("chain-does-not-roll-back", "DROP TABLE teams") in found
    last = next(one for one in result.findings if one.rule == "chain-does-not-roll-back")
    assert "other objects depend on it" in last.message
    assert f"what the rollback of {chain[1].path} leaves" in last.instead


def test_a_chain_that_makes_something_else_the_second_time(server: Server) -> None:
    up = "DO $$ BEGIN\nIF to_regclass('seen') IS NOT NULL THEN CREATE TABLE again (id int); END IF;\nEND $$;"
    found, _ = tried(
        server,
        made(1, f"{up}\nCREATE TABLE a (id int);", "DROP TABLE a;"),
        made(2, "CREATE TABLE IF NOT EXISTS seen (id int);", "SELECT 1;"),
        chain=True,
    )
    assert ("chain-does-not-reapply", "CREATE TABLE again (id int)") in found


def test_restores_begin_at_the_last_state_that_took_long_to_make(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    remade: list[tuple[int, int]] = []
    remake = Stage.remake

    def counted(stage: Stage, number: int, base: Base | None = None) -> None:
        remade.append((number, base.applied if base else 0))
        remake(stage, number, base)

    monkeypatch.setattr(Stage, "remake", counted)
    chain = [made(1, "CREATE ROLE verify_base_role;\nCREATE TABLE t0 (id int);", None, header=_ONE_WAY)]
    for number in range(1, 30):
        bad = number in {24, 27}
        name = f"20250201_{number:06d}_m"
        chain.append(
            named(name, f"CREATE TABLE t{number} (id int);", "DROP TABLE t0;" if bad else f"DROP TABLE t{number};")
        )
    chain.append(named("20250301_000000_m", "GRANT SELECT ON t29 TO verify_base_role;", "SELECT 1;"))
    found, result = tried(server, *chain, cuts=0)
    assert remade == [(25, 0), (28, 25)]
    assert {rule for rule, _ in found} >= {"rollback-leaves-behind", "rollback-does-not-restore"}
    assert all(step.applied for step in result.steps)


def named(name: str, up: str, down: str) -> Migration:
    from elf_sqlcheck.layouts import read
    from tests.migrate_files import text

    return read(f"migrations/{name}.sql", text(name, up, down).encode())
