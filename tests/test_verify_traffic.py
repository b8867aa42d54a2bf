"""Traffic on real servers: which queries of another session wait, for which statement, and what stays untouched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options, Verification, verify
from tests.test_verify import made

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

TRAFFIC = Options(rows=0, cuts=0, observe=False, traffic=True, statement_timeout=10)
WRITES = {"INSERT", "UPDATE", "DELETE"}
ALL = {"SELECT", *WRITES, "SELECT … FOR UPDATE"}
SHOP = made(
    1,
    """CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text,
    "Upper" text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE orders (id int PRIMARY KEY, buyer int REFERENCES users, note text);
CREATE TABLE noise (id int);
CREATE VIEW names AS SELECT name FROM users;
INSERT INTO users (name) VALUES ('a'), ('b');
INSERT INTO orders VALUES (1, 1, 'x');""",
    "DROP VIEW names;\nDROP TABLE noise, orders, users;",
)


def judge(server: Server, up: str, down: str | None = None, header: str = "") -> tuple[Verification, Migration]:
    migration = made(2, up, down, header=header)
    return verify([SHOP, migration], server, only=[migration.path], options=TRAFFIC), migration


def databases(server: Server) -> list[str]:
    with server.connect() as connection:
        return [row[0] for row in connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()]


def waiting(result: Verification, migration: Migration) -> dict[tuple[int, str], set[str]]:
    """What waited, by the line of the statement (1 is UP's first) and the table."""
    first = migration.position(migration.up.statements[0].span.start)[0]
    found: dict[tuple[int, str], set[str]] = {}
    for blocked in result.steps[-1].blocked:
        assert blocked.span is not None
        line = migration.position(blocked.span.start)[0] - first + 1
        found.setdefault((line, blocked.table), set()).add(blocked.query)
    return found


@pytest.mark.parametrize(
    ("up", "expected"),
    [
        ("ALTER TABLE users ADD COLUMN age int;", {(1, "public.users"): ALL}),
        ("CREATE INDEX ON orders (buyer);", {(1, "public.orders"): WRITES}),
        ("SELECT 1;\nCREATE INDEX ON orders (buyer);\nDROP TABLE orders;",
         {(2, "public.orders"): WRITES, (3, "public.orders"): ALL - WRITES, (3, "public.users"): ALL}),
        ("UPDATE users SET name = name || 'x';",
         {(1, "public.users"): {"UPDATE", "DELETE", "SELECT … FOR UPDATE"}}),
        ("CREATE TABLE bills (id int REFERENCES orders);", {(1, "public.orders"): WRITES}),
        ("DO $$ BEGIN EXECUTE 'LOCK TABLE noise IN EXCLUSIVE MODE'; END $$;",
         {(1, "public.noise"): {*WRITES, "SELECT … FOR UPDATE"}}),
        ("CREATE OR REPLACE VIEW names AS SELECT name, id FROM users;", {(1, "public.names"): {"SELECT"}}),
        ("INSERT INTO users (name) VALUES ('c');\nCREATE TABLE mine (id int);\nDROP TABLE mine;", {}),
        ("ALTER TABLE orders ADD CHECK (id > 0) NOT VALID;", {(1, "public.orders"): ALL}),
    ],
)  # fmt: skip
def test_what_waits_for_which_statement(server: Server, up: str, expected: dict[tuple[int, str], set[str]]) -> None:
    result, migration = judge(server, up)
    assert result.steps[-1].applied
    assert waiting(result, migration) == expected
    found = [(finding.rule, finding.span) for finding in result.findings]
    assert {rule for rule, _ in found} <= {"blocks-traffic"}
    assert len(found) == len(expected), "one finding for a table and a statement"


def test_it_says_what_waits_and_for_how_long(server: Server) -> None:
    up = "CREATE INDEX ON orders (buyer);\nALTER TABLE users ADD COLUMN age int;\nSELECT pg_sleep(0.3);"
    result, _ = judge(server, up)
    first, second = result.findings
    assert first.message.startswith("writes to public.orders wait from here until COMMIT, ")
    assert second.message.startswith("reads and writes of public.users wait from here until COMMIT, ")
    assert "CONCURRENTLY" in first.instead
    assert "lock_timeout" in second.instead
    assert all(300 <= blocked.ms < 600 for blocked in result.steps[-1].blocked), "the tries themselves do not count"


def test_it_is_a_rehearsal_on_a_copy(server: Server) -> None:
    """UP gives up on any lock after a millisecond, and would see rows that somebody else leaves behind."""
    up = (
        "SET LOCAL lock_timeout = '1ms';\nALTER TABLE users ADD COLUMN age int;\n"
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM users) = 2 AND (SELECT max(note) FROM orders) = 'x'; END $$;\n"
        "INSERT INTO orders (id) SELECT 2 WHERE nextval('users_id_seq') = 3;\n"
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM orders) = 2; END $$;"
    )
    before = databases(server)
    result, _ = judge(server, up, "ALTER TABLE users DROP COLUMN age;\nDELETE FROM orders WHERE id = 2;")
    assert result.steps[-1].applied
    assert {finding.rule for finding in result.findings} <= {"blocks-traffic", "does-not-apply-again"}
    assert databases(server) == before


@pytest.mark.parametrize("header", ["", "-- Transaction: none\n"])
def test_what_all_databases_share_is_not_made_twice(server: Server, header: str) -> None:
    up = "CREATE ROLE traffic_warden;\nALTER TABLE noise ADD COLUMN x int;"
    result, migration = judge(server, up, "DROP ROLE traffic_warden;\nALTER TABLE noise DROP COLUMN x;", header)
    assert result.steps[-1].reapplied
    assert waiting(result, migration) == ({} if header else {(2, "public.noise"): ALL})
    assert any("traffic was not tried" in note for note in result.notes) == bool(header)
    with server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS traffic_warden")


def test_what_runs_outside_of_a_transaction(server: Server) -> None:
    up = "CREATE INDEX CONCURRENTLY i ON orders (buyer);\nALTER TABLE noise ADD COLUMN x int;\nVACUUM users;"
    result, migration = judge(server, up, header="-- Transaction: none\n")
    assert result.steps[-1].applied
    assert waiting(result, migration) == {(2, "public.noise"): ALL}
    assert "while this runs" in result.findings[0].message


def test_a_statement_that_blocks_while_it_runs_alone(server: Server) -> None:
    make = made(
        2,
        "CREATE PROCEDURE work() LANGUAGE plpgsql AS $$\n"
        "BEGIN LOCK TABLE orders; PERFORM pg_sleep(0.5); COMMIT; END $$;",
        "DROP PROCEDURE work;",
    )
    call = made(3, "CALL work();", None, header="-- Transaction: none\n")
    result = verify([SHOP, make, call], server, only=[call.path], options=TRAFFIC)
    assert waiting(result, call) == {(1, "public.orders"): ALL}
    assert all(300 <= blocked.ms < 700 for blocked in result.steps[-1].blocked)


def test_up_that_fails_is_told_once(server: Server) -> None:
    result, migration = judge(server, "ALTER TABLE users ADD COLUMN age int;\nSELECT 1 / 0;")
    assert [finding.rule for finding in result.findings] == ["blocks-traffic", "does-not-apply"]
    assert waiting(result, migration) == {(1, "public.users"): ALL}
    assert not any("traffic" in note for note in result.notes)


@pytest.mark.parametrize(
    "up",
    [
        "SET statement_timeout = 0;\nDO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$;",
        "SELECT pg_terminate_backend(pg_backend_pid());",
        "BEGIN;\nSELECT 1;",
    ],
)
def test_what_means_no_good_ends_here_too(server: Server, up: str) -> None:
    started = time.monotonic()
    migration = made(2, up)
    result = verify([SHOP, migration], server, options=Options(rows=0, cuts=0, traffic=True, statement_timeout=1))
    assert [finding.rule for finding in result.findings if finding.path == migration.path] == ["does-not-apply"]
    assert time.monotonic() - started < 20


def test_without_the_option_nobody_comes_along(server: Server) -> None:
    up = made(2, "ALTER TABLE users ADD COLUMN age int;", "ALTER TABLE users DROP COLUMN age;")
    result = verify([SHOP, up], server, options=Options(rows=0, cuts=0, observe=False))
    assert (result.findings, result.steps[-1].blocked) == ([], [])


def test_on_an_older_server(pg_bin: str) -> None:
    with throwaway(pg_bin) as running:
        result, migration = judge(running, "CREATE INDEX ON orders (buyer);\nALTER TABLE users ADD COLUMN age int;")
    assert waiting(result, migration) == {(1, "public.orders"): WRITES, (2, "public.users"): ALL}
