"""What is lost, overwritten or refused is named, with a remedy that Postgres understands."""
# ruff: noqa: E501 - SQL is read best in one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, testing
from elf_sqlcheck.postgres.server import Server, throwaway
from tests.judging import PATH, found, judge, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Example, Rule

BASE = whole(
    "CREATE TABLE users (id uuid PRIMARY KEY, email text);\n"
    "CREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid CONSTRAINT fk_orders_user_id REFERENCES users, note text);\n"
    "CREATE VIEW people AS SELECT id FROM users;"
)


def judged(up: str, *rules: str, down: str = "SELECT 1;") -> list[tuple[str, str]]:
    """(rule, message) of the findings in a migration after the base."""
    findings, _ = judge({"migrations/20250101_000000_base.sql": BASE, PATH: whole(up, down)}, *(rules or ("data",)))
    return [(finding.rule, finding.message) for finding in findings if finding.path == PATH]


def test_drop_cascade_names_what_goes_along() -> None:
    ((first, _), (second, message)) = judged("DROP TABLE users CASCADE;")
    assert {first, second} == {"drop-table", "drop-cascade"}
    told = next(m for r, m in judged("DROP TABLE users CASCADE;") if r == "drop-cascade")
    assert "constraint fk_orders_user_id on orders" in told
    assert "view people" in told
    assert message


def test_a_schema_with_cascade_names_its_tables() -> None:
    base = whole(
        "CREATE SCHEMA stats;\nCREATE TABLE stats.days (day date);\nCREATE VIEW days AS SELECT day FROM stats.days;"
    )
    findings, _ = judge(
        {"migrations/20250101_000000_base.sql": base, PATH: whole("DROP SCHEMA stats CASCADE;")}, "data"
    )
    told = {finding.rule: finding.message for finding in findings}
    assert "table stats.days" in told["drop-schema"]
    assert "view days" in told["drop-cascade"]


def test_truncate_with_cascade_names_the_other_tables() -> None:
    ((rule, message),) = judged("TRUNCATE users CASCADE;")
    assert rule == "truncate"
    assert "public.orders" in message


def test_an_update_names_what_it_overwrites() -> None:
    ((rule, message),) = judged("UPDATE orders SET note = 'x', user_id = NULL;")
    assert rule == "update-without-where"
    assert "note, user_id of every row" in message


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN DROP TABLE orders; END $$;",
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_tables) THEN EXECUTE 'DROP TABLE public.orders'; END IF; END $$;",
        "CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS 'DROP TABLE orders';\nSELECT tidy();",
    ],
)
def test_what_a_block_does_is_judged(sql: str) -> None:
    assert [rule for rule, _ in judged(sql)] == ["drop-table"]


def test_a_function_that_nobody_calls_drops_nothing() -> None:
    assert judged("CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS 'DROP TABLE orders';") == []


def test_down_is_not_judged() -> None:
    assert judged("SELECT 1;", down="DROP TABLE orders CASCADE;\nDELETE FROM users;") == []


def test_a_rename_shows_both_steps() -> None:
    findings, _ = judge(
        {"migrations/20250101_000000_base.sql": BASE, PATH: whole("ALTER TABLE orders RENAME note TO remark;")}, "data"
    )
    (finding,) = findings
    assert "ALTER TABLE orders ADD COLUMN remark text" in finding.instead


def test_a_view_in_the_place_of_a_table_is_one_that_this_postgres_knows() -> None:
    files = {"migrations/20250101_000000_base.sql": BASE, PATH: whole("ALTER TABLE orders RENAME TO purchases;")}
    said = [judge(files, "rename-table", settings={"postgres-version": major})[0][0].instead for major in (14, 15)]
    assert ["security_invoker" in instead for instead in said] == [False, True]
    assert "CREATE VIEW orders AS SELECT * FROM purchases" in said[0]


def test_a_table_of_which_nothing_is_known_is_older() -> None:
    lines = [line for line, _ in found(whole("DROP TABLE legacy;\nTRUNCATE log;\nDELETE FROM seen;"), "data")]
    assert len(lines) == 3


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with throwaway(major=18) as running:
        yield running


RULES = [rule for rule in registry.builtin() if rule.name in {"constraint-may-fail", "narrowing-type"}]
QUERIES = [(rule, example) for rule in RULES for example in rule.bad if not example.runs]


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "example"), QUERIES, ids=lambda value: getattr(value, "name", ""))
def test_the_queries_to_look_first_run(server: Server, rule: Rule, example: Example) -> None:
    import psycopg

    queries = [f.instead.partition("look first: ")[2].partition(";")[0] for f in testing.findings(rule, example)]
    url = server.create_database("looking")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(example.before.encode())
            for query in queries:
                if query.startswith("SELECT"):
                    connection.execute(query.encode())
    finally:
        server.drop_database("looking")
