"""Verify on migrations of other tools: what those tools bring with them, and what they let pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import verify

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'verify_%'"


def goose(number: int, up: str, down: str) -> Migration:
    text = f"-- +goose Up\n{up}\n-- +goose Down\n{down}\n"
    return layouts.read(f"migrations/{number:05}_m.sql", text.encode(), "goose")


@pytest.mark.slow
def test_a_commit_of_its_own_is_run_as_its_tool_runs_it(server: Server) -> None:
    chain = [
        goose(1, "CREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);", "DROP TABLE b;\nDROP TABLE a;"),
        goose(2, "ALTER TABLE b ADD COLUMN x int;", "ALTER TABLE b DROP COLUMN x;"),
    ]
    result = verify(chain, server)
    assert result.findings == []
    assert [(step.applied, step.rolled_back, step.reapplied) for step in result.steps] == [(True, True, True)] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "path", "table"),
    [
        ("dbmate", "20250101000000_m.sql", "schema_migrations"),
        ("diesel", "2025-01-01-000000_m/up.sql", "__diesel_schema_migrations"),
        ("flyway", "V1__m.sql", "flyway_schema_history"),
        ("golang-migrate", "1_m.up.sql", "schema_migrations"),
        ("goose", "00001_m.sql", "goose_db_version"),
        ("prisma", "20250101000000_m/migration.sql", "_prisma_migrations"),
        ("sqlx", "20250101000000_m.sql", "_sqlx_migrations"),
    ],
)
def test_the_tables_of_a_tool_are_there(server: Server, layout: str, path: str, table: str) -> None:
    sql = f"ALTER TABLE {table} ADD COLUMN remark text;\n"
    head = {"dbmate": "-- migrate:up\n", "goose": "-- +goose Up\n"}.get(layout, "")
    migrations = layouts.read_all({f"migrations/{path}": (head + sql).encode()}, layout)
    assert [migration.layout for migration in migrations] == [layout]
    assert verify(migrations, server).findings == []


@pytest.mark.slow
def test_roles_go_with_the_database(server: Server) -> None:
    chain = [
        goose(
            1, "CREATE ROLE verify_reader;\nCREATE TABLE a (id int);\nGRANT SELECT ON a TO verify_reader;", "SELECT 1;"
        ),
        goose(2, "ALTER TABLE a ADD COLUMN x int;", "DROP TABLE nowhere;"),
    ]
    result = verify(chain, server, only={chain[1].path})
    assert [finding.rule for finding in result.findings] == ["does-not-roll-back"]
    with SupabaseExecutor(server.url) as executor:
        assert executor.query(ROLES) == []


@pytest.mark.slow
def test_a_role_is_no_obstacle_to_making_the_schema_anew(server: Server) -> None:
    """DOWN stops half-way outside of a transaction, so that what it has done already has to be undone."""
    up, down = "ALTER TABLE a ADD COLUMN x int;", "DROP TABLE a;\nDROP TABLE nowhere;"
    text = f"-- +goose NO TRANSACTION\n-- +goose Up\n{up}\n-- +goose Down\n{down}\n"
    chain = [
        goose(
            1, "CREATE ROLE verify_writer;\nCREATE TABLE a (id int);\nGRANT SELECT ON a TO verify_writer;", "SELECT 1;"
        ),
        layouts.read("migrations/00002_m.sql", text.encode(), "goose"),
        goose(3, "ALTER TABLE a ADD COLUMN y int;", "ALTER TABLE a DROP COLUMN y;"),
    ]
    result = verify(chain, server, only={migration.path for migration in chain[1:]})
    assert [finding.rule for finding in result.findings] == ["does-not-roll-back"]
    assert result.steps[2].reapplied
    with SupabaseExecutor(server.url) as executor:
        assert executor.query(ROLES) == []


@pytest.mark.slow
def test_not_all_names_of_what_was_not_judged_are_listed(server: Server) -> None:
    chain = [goose(1, "SELEC;", "SELECT 1;"), *(goose(number, "SELECT 1;", "SELECT 1;") for number in range(2, 9))]
    notes = verify(chain, server).notes
    assert notes[-1].endswith("migrations/00004_m.sql and 4 more.")
