"""Transactions: what our rules call wrong fails on the server when the executor runs it; what they pass runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, sql, testing
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read, read_section
from elf_sqlcheck.catalog.transactions import outside
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.fix import UNSAFE, apply
from elf_sqlcheck.layouts import elf
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Migration, Section, Severity, Span
from elf_sqlcheck.postgres.server import Server, throwaway
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.judging import HEAD, PATH, UP, found, judge, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Rule

_numbers = itertools.count(1)

SETUP = """CREATE TABLE t (id int PRIMARY KEY, v text); CREATE INDEX idx_t_v ON t (v); CLUSTER t USING t_pkey;
CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
CREATE INDEX idx_p ON p (id); CREATE MATERIALIZED VIEW mv AS SELECT id FROM t; CREATE UNIQUE INDEX idx_mv ON mv (id);
CREATE TYPE mood AS ENUM ('sad'); CREATE PUBLICATION pub FOR TABLE t;"""
STATEMENTS = [
    "CREATE INDEX CONCURRENTLY i1 ON t (v)",
    "CREATE INDEX i1 ON t (v)",
    "DROP INDEX CONCURRENTLY idx_t_v",
    "DROP INDEX CONCURRENTLY IF EXISTS nothing",
    "DROP INDEX idx_t_v",
    "REINDEX INDEX CONCURRENTLY idx_t_v",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX TABLE t",
    "REINDEX INDEX idx_t_v",
    "REINDEX TABLE p",
    "REINDEX INDEX idx_p",
    "REINDEX SCHEMA public",
    "REINDEX SYSTEM {database}",
    "REINDEX DATABASE {database}",
    "VACUUM",
    "VACUUM t",
    "VACUUM FULL t",
    "VACUUM (ANALYZE) t",
    "ANALYZE t",
    "ANALYZE",
    "CLUSTER",
    "CLUSTER t",
    "CLUSTER p USING idx_p",
    "CHECKPOINT",
    "CREATE DATABASE another",
    "DROP DATABASE IF EXISTS nothing",
    "ALTER DATABASE {database} SET work_mem = '5MB'",
    "ALTER DATABASE {database} CONNECTION LIMIT 5",
    "ALTER DATABASE {database} SET TABLESPACE pg_default",
    "CREATE TABLESPACE nowhere LOCATION '/nowhere'",
    "DROP TABLESPACE IF EXISTS nothing",
    "ALTER SYSTEM RESET work_mem",
    "ALTER TYPE mood ADD VALUE 'ok'",
    "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
    "ALTER TABLE p DETACH PARTITION p1",
    "CREATE SUBSCRIPTION s CONNECTION 'host=localhost port=1' PUBLICATION pub",
    "CREATE SUBSCRIPTION s CONNECTION 'host=localhost port=1' PUBLICATION pub WITH (connect = false)",
    "CREATE SUBSCRIPTION s CONNECTION 'host=localhost port=1' PUBLICATION pub WITH (connect = 0)",
    "CREATE SUBSCRIPTION s CONNECTION 'host=localhost port=1' PUBLICATION pub WITH (create_slot = off)",
    "DISCARD ALL",
    "DISCARD PLANS",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    "REFRESH MATERIALIZED VIEW mv",
    "LOCK TABLE t",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
]


@pytest.fixture(scope="module")
def postgres(pg_bin: str) -> Iterator[Server]:
    with throwaway(pg_bin) as running:
        yield running


def parsed(text: str) -> Section:
    data = text.encode()
    return Section("up", Span(0, len(data)), sql.parse(data).statements)


@pytest.mark.slow
def test_what_postgres_refuses_in_a_transaction(postgres: Server) -> None:
    """Statement by statement, what the catalog says equals what the server says (SQLSTATE 25001)."""
    import psycopg

    database = f"refusals_{next(_numbers)}"
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(read_section(parsed(SETUP), SETUP.encode()))
    with psycopg.connect(postgres.create_database(database), autocommit=True) as connection:
        connection.execute(SETUP.encode())
        for line in STATEMENTS:
            text = line.format(database=database)
            if text.startswith("CLUSTER p ") and postgres.provider.major < 15:
                continue  # no partitioned table could be clustered, be it in a transaction or not
            connection.execute("BEGIN")
            refused = False
            try:
                connection.execute(text.encode())
            except psycopg.Error as error:
                refused = error.sqlstate == "25001"
            connection.execute("ROLLBACK")
            change = next(read(parsed(text).statements[0], text.encode()))
            assert bool(outside(change, catalog.view())) == refused, text
    postgres.drop_database(database)


def test_a_refresh_of_a_subscription() -> None:
    """A server refuses these, too, but only once the subscription is enabled and its publisher answers."""
    for text, expected in (
        ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", True),
        ("ALTER SUBSCRIPTION s SET PUBLICATION p", True),
        ("ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)", False),
        ("ALTER SUBSCRIPTION s DISABLE", False),
    ):
        change = next(read(parsed(text).statements[0], text.encode()))
        assert bool(outside(change, Catalog().view())) == expected, text


FAMILY = [rule for rule in registry.builtin() if rule.family == "transactions"]


def ran(server: Server, migrations: list[Migration]) -> str:
    """What the executor says when it runs UP of each: "" when all goes well."""
    database = f"executed_{next(_numbers)}"
    executor = SupabaseExecutor(server.create_database(database), application_name="test")
    try:
        for migration in migrations:
            executor.run(migration, migration.up)
    except MigrationFailed as error:
        return error.detail or error.message
    finally:
        executor.close()
        server.drop_database(database)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("rule", FAMILY, ids=lambda rule: rule.name)
def test_errors_fail_and_what_passes_runs(postgres: Server, rule: Rule) -> None:
    old = postgres.provider.major < 17
    for example in rule.bad:
        errors = any(finding.severity is Severity.ERROR for finding in testing.findings(rule, example))
        for_old = dict(example.settings).get("postgres-version") == 16
        if errors and (old or not for_old):
            assert ran(postgres, testing.case(example).migrations()), f"this was to fail:\n{example.sql}"
    for example in rule.good:
        made_here = rule.name == "enum-value-used-early" and "CREATE TYPE" in example.sql
        if not example.path and not (made_here and old):
            error = ran(postgres, testing.case(example).migrations())
            assert not error, f"{error}\n{example.sql}"


TABLE = "CREATE TABLE t (id UUID PRIMARY KEY);"
INDEX = "CREATE INDEX CONCURRENTLY i ON t (id);"


def in_layout(layout: str, up: str, *rules: str, transactional: bool = True) -> list[tuple[Severity, str]]:
    """What rules say of a file whose runner is that of another layout."""
    migration = elf.read(PATH, whole(up).encode())
    _ = migration.up  # from now on it is what it is told to be
    migration.layout, migration.transactional = layout, transactional
    result = lint([migration], registry.select(registry.builtin(), rules))
    return [(finding.severity, finding.instead) for finding in result.findings]


@pytest.mark.parametrize(
    ("layout", "up", "instead"),
    [
        ("dbmate", INDEX, "migrate:up transaction:false"),
        ("goose", INDEX, "+goose NO TRANSACTION"),
        ("diesel", INDEX, "run_in_transaction = false"),
        ("sqlx", INDEX, "-- no-transaction"),
        ("graphile-migrate", INDEX, "--! no-transaction"),
        ("golang-migrate", f"{TABLE}\n{INDEX}", "only statement of its file"),
        ("golang-migrate", INDEX, ""),
        ("supabase", f"{TABLE}\n{INDEX}", ""),
        ("flyway", INDEX, ""),
        ("plain", INDEX, ""),
        ("plain", f"BEGIN;\n{INDEX}\nCOMMIT;", "move it out of BEGIN"),
    ],
)
def test_each_layout_has_its_own_word_for_no_transaction(layout: str, up: str, instead: str) -> None:
    said = in_layout(layout, up, "concurrently-in-transaction")
    assert [instead in text for _, text in said] == ([True] if instead else [])


def test_a_runner_that_opens_a_transaction_itself() -> None:
    up = f"BEGIN;\n{TABLE}\nCOMMIT;"
    assert [severity for severity, _ in in_layout("goose", up, "nested-transaction")] == [Severity.WARNING]
    for layout in ("golang-migrate", "elf", "plain", "sqitch", "supabase"):
        assert in_layout(layout, up, "transactions") == []
    assert in_layout("goose", up, "transactions", transactional=False) == []


def test_the_pair_is_taken_out_for_such_a_runner() -> None:
    migration = elf.read(PATH, whole(f"BEGIN;\n{TABLE}\nCOMMIT; -- done").encode())
    _ = migration.up  # from now on it is what it is told to be
    migration.layout = "dbmate"
    result = lint([migration], registry.select(registry.builtin(), ["nested-transaction"]))
    assert apply(migration.data, result.findings, UNSAFE).data.decode() == whole(f"{TABLE}\n -- done")


def test_down_is_judged_too() -> None:
    down = "DROP INDEX CONCURRENTLY IF EXISTS i;\nSET search_path = x;\nVACUUM t;\nBEGIN;"
    findings, migrations = judge({PATH: whole(TABLE, down)}, "transactions")
    lines = [(f.rule, migrations[PATH].position(f.span.start)[0]) for f in findings if f.span]
    first = whole(TABLE, down).split("\n").index("DROP INDEX CONCURRENTLY IF EXISTS i;") + 1
    assert lines == [
        ("concurrently-in-transaction", first),
        ("set-without-local", first + 1),
        ("statement-outside-transaction", first + 2),
        ("unclosed-transaction", first + 3),
    ]


def test_the_message_names_the_line_of_begin() -> None:
    up = f"{TABLE}\nBEGIN;\n{INDEX}\nCOMMIT;"
    [(line, message)] = found(whole(up), "concurrently-in-transaction")
    begin = f"{HEAD}{UP}{up}".split("\n").index("BEGIN;") + 1
    assert (line, f"in line {begin}" in message) == (begin + 1, True)
