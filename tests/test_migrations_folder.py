"""ElfAutomations' own schema does what its migrations say: asked of a real server, not of our own linter."""

from __future__ import annotations

import os

import psycopg
import pytest
from psycopg.rows import scalar_row

from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.postgres.roles import create_roles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from elf_sqlcheck.model import Section

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIGRATIONS = read_directory(os.path.join(ROOT, "migrations"))
TABLES = {
    "api_usage", "audit_log", "budgets", "cost_alerts", "team_members", "team_relationships", "teams", "user_profiles",
}  # fmt: skip
OWN_OBJECTS = """
    SELECT relkind::text || ' ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    ORDER BY 1
"""

pytestmark = pytest.mark.slow


class Database:
    """A database with one connection that commits each statement."""

    def __init__(self, connection: psycopg.Connection[str]) -> None:
        self.connection = connection

    def all(self, query: LiteralString, *values: object) -> list[str]:
        """The first column of all rows."""
        return self.connection.execute(query, values).fetchall()

    def one(self, query: LiteralString, *values: object) -> str:
        """The only row's only column."""
        [found] = self.all(query, *values)
        return found

    def run(self, text: str) -> None:
        """Run a whole section, or any other text, in one go."""
        self.connection.execute(text.encode())


def text(number: int, name: str) -> str:
    """The text of a section of the migration with this number, from 0."""
    section: Section | None = getattr(MIGRATIONS[number], name)
    assert section is not None
    return MIGRATIONS[number].text(section.span)


@pytest.fixture
def empty(database: str) -> Iterator[Database]:
    """A database in which nothing is yet."""
    with psycopg.connect(database, autocommit=True, row_factory=scalar_row) as connection:
        yield Database(connection)


@pytest.fixture
def schema(empty: Database) -> Database:
    """A database with all migrations, and two teams in it."""
    for number in range(len(MIGRATIONS)):
        empty.run(text(number, "up"))
    empty.run(
        "INSERT INTO teams (id, name, display_name, department) VALUES"
        " ('00000000-0000-4000-8000-00000000000a', 'sales', 'Sales', 'revenue'),"
        " ('00000000-0000-4000-8000-00000000000b', 'marketing', 'Marketing', 'revenue')"
    )
    return empty


SALES, MARKETING = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def test_the_three_migrations_are_there_in_order_and_read_without_a_problem() -> None:
    assert [migration.name for migration in MIGRATIONS] == [
        "20250121_093000_initial_team_registry",
        "20250121_093100_initial_cost_monitoring",
        "20250121_093200_add_user_profiles",
    ]
    for migration in MIGRATIONS:
        assert not migration.problems
        assert not migration.broken
        assert migration.layout == "elf"
    assert [migration.dependencies for migration in MIGRATIONS] == [(), *[(MIGRATIONS[0].name,)] * 2]


def test_each_rollback_leaves_what_was_there_before(empty: Database) -> None:
    states = [empty.all(OWN_OBJECTS)]
    for number in range(len(MIGRATIONS)):
        empty.run(text(number, "up"))
        states.append(empty.all(OWN_OBJECTS))
    for number in reversed(range(len(MIGRATIONS))):
        assert empty.all(OWN_OBJECTS) == states.pop()
        empty.run(text(number, "down"))
    assert empty.all(OWN_OBJECTS) == states[0] == []


def test_every_migration_may_run_twice(schema: Database) -> None:
    before = schema.all(OWN_OBJECTS)
    for number in range(len(MIGRATIONS)):
        schema.run(text(number, "up"))
    assert schema.all(OWN_OBJECTS) == before


def test_the_tables_are_those_of_the_registry_of_costs_and_of_profiles(schema: Database) -> None:
    assert set(schema.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")) == TABLES


def test_every_foreign_key_has_an_index_that_leads_with_its_columns(schema: Database) -> None:
    keys = "FROM pg_constraint AS k WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    assert int(schema.one(f"SELECT count(*) {keys}")) == 10
    uncovered = """ AND NOT EXISTS (
        SELECT FROM pg_index AS i WHERE i.indrelid = k.conrelid AND i.indpred IS NULL
        AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] = k.conkey)"""
    assert schema.all(f"SELECT conname {keys}{uncovered}") == []


def test_every_table_has_a_generated_uuid_key_and_tells_when_a_row_was_made(schema: Database) -> None:
    defaults = """
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = %s AND data_type = %s AND column_default = %s
    """
    assert set(schema.all(defaults, "id", "uuid", "gen_random_uuid()")) == TABLES
    assert set(schema.all(defaults, "created_at", "timestamp with time zone", "now()")) == TABLES


def test_every_table_is_guarded_by_row_level_security_and_explained(schema: Database) -> None:
    guarded = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    assert set(schema.all(f"{guarded} AND relrowsecurity")) == TABLES
    assert set(schema.all(f"{guarded} AND obj_description(oid) IS NOT NULL")) == TABLES
    assert set(schema.all("SELECT tablename FROM pg_policies")) == TABLES


def test_a_team_sees_its_own_rows_and_writes_only_there(schema: Database) -> None:
    schema.run(
        "CREATE ROLE elf_test_agent; GRANT SELECT, INSERT ON api_usage, teams, daily_team_costs TO elf_test_agent;"
        f"INSERT INTO api_usage (team_id, provider, model, cost_usd) VALUES ('{SALES}', 'p', 'm', 2),"
        f" ('{MARKETING}', 'p', 'm', 3); SET ROLE elf_test_agent"
    )
    try:
        assert schema.all("SELECT name FROM teams") == []
        schema.run(f"SET app.team_id = '{SALES}'")
        assert schema.all("SELECT name FROM teams") == ["sales"]
        assert schema.all("SELECT cost_usd::text FROM daily_team_costs") == ["2.000000"]
        schema.run(f"INSERT INTO api_usage (team_id, provider, model) VALUES ('{SALES}', 'p', 'm')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            schema.run(f"INSERT INTO api_usage (team_id, provider, model) VALUES ('{MARKETING}', 'p', 'm')")
        schema.run("RESET app.team_id")
        schema.run(f"""SET request.jwt.claims = '{{"app_metadata": {{"team_id": "{MARKETING}"}}}}'""")
        assert schema.all("SELECT name FROM teams") == ["marketing"]
    finally:
        schema.run("RESET ROLE; DROP OWNED BY elf_test_agent; DROP ROLE elf_test_agent")


def test_a_change_is_stamped(schema: Database) -> None:
    schema.run(f"UPDATE teams SET updated_at = 'epoch', status = 'paused' WHERE id = '{SALES}'")
    assert schema.all("SELECT name FROM teams WHERE updated_at < now() - INTERVAL '1 hour'") == []


def test_a_team_has_one_manager_at_most(schema: Database) -> None:
    member = "INSERT INTO team_members (team_id, name, role, llm_model, is_manager) VALUES (%s, %s, 'lead', 'm', true)"
    schema.all(f"{member} RETURNING name", SALES, "ada")
    with pytest.raises(psycopg.errors.UniqueViolation, match="idx_team_members_one_manager"):
        schema.all(f"{member} RETURNING name", SALES, "grace")


def test_an_entry_of_the_audit_log_outlives_its_team(schema: Database) -> None:
    schema.run(f"INSERT INTO audit_log (team_id, actor, action, object_type) VALUES ('{SALES}', 'a', 'left', 'team')")
    schema.run(f"DELETE FROM teams WHERE id = '{SALES}'")
    assert schema.all("SELECT action FROM audit_log WHERE team_id IS NULL") == ["left"]


def test_supabase_roles_are_granted_what_they_need_where_they_exist(empty: Database) -> None:
    create_roles(empty.connection, ["authenticated", "service_role"])
    for number in range(len(MIGRATIONS)):
        empty.run(text(number, "up"))
    granted = "SELECT count(DISTINCT table_name) FROM information_schema.role_table_grants WHERE grantee = %s"
    assert int(empty.one(granted, "authenticated")) == int(empty.one(granted, "service_role")) == len(TABLES) + 1
