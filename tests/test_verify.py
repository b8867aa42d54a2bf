"""Verify against real servers: what it finds, where, and what it lets pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import registry
from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.layouts import read
from elf_sqlcheck.model import Severity
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import Verification, verify
from tests.migrate_files import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server


def made(number: int, up: str, down: str | None = "SELECT 1;", *, header: str = "") -> Migration:
    name = f"2025010{number}_000000_m{number}"
    return read(f"migrations/{name}.sql", text(name, up, down, header=header).encode())


def shown(migrations: Sequence[Migration], result: Verification) -> list[tuple[str, str]]:
    """Each finding as its rule and the text that it points at."""
    by_path = {migration.path: migration for migration in migrations}
    return [
        (finding.rule, by_path[finding.path].text(finding.span) if finding.span else "") for finding in result.findings
    ]


def judge(server: Server, *migrations: Migration) -> tuple[list[tuple[str, str]], Verification]:
    result = verify(migrations, server)
    return shown(migrations, result), result


def test_a_good_chain_has_no_findings(server: Server) -> None:
    told: list[tuple[str, int, int]] = []
    chain = [
        made(1, "CREATE TABLE teams (id uuid PRIMARY KEY, name text);", "DROP TABLE teams;"),
        made(2, "ALTER TABLE teams ADD COLUMN x int;", "ALTER TABLE teams DROP COLUMN x;"),
        made(
            3,
            "CREATE INDEX CONCURRENTLY i ON teams (x);",
            "DROP INDEX CONCURRENTLY i;",
            header="-- Transaction: none\n",
        ),
    ]
    result = verify(chain, server, report=lambda _, doing, number, total: told.append((doing, number, total)))
    assert result.findings == []
    assert result.notes == []
    assert [(step.applied, step.rolled_back, step.reapplied) for step in result.steps] == [(True, True, True)] * 3
    assert all(step.ms > 0 for step in result.steps)
    assert told[:4] == [("applying", 1, 3), ("rolling back", 1, 3), ("applying again", 1, 3), ("applying", 2, 3)]


def test_what_does_not_apply_is_found_and_the_rest_is_named(server: Server) -> None:
    found, result = judge(
        server, made(1, "SELECT 1;"), made(2, "SELECT 'ä';\nSELECT * FROM missing;"), made(3, "SELECT 1;")
    )
    assert found == [("does-not-apply", "SELECT * FROM missing")]
    assert 'relation "missing" does not exist' in result.findings[0].message
    assert result.findings[0].instead
    assert result.findings[0].why
    assert result.notes == [
        "Not judged, because a migration before them does not apply: migrations/20250103_000000_m3.sql."
    ]
    assert [step.applied for step in result.steps] == [True, False, None]


def test_what_does_not_roll_back(server: Server) -> None:
    found, result = judge(
        server,
        made(1, "CREATE TABLE a (id int);", "DROP TABLE a;\nDROP TABLE b;"),
        made(2, "CREATE TABLE c AS SELECT * FROM a;", "DROP TABLE c;"),
    )
    assert found == [("does-not-roll-back", "DROP TABLE b")]
    assert result.steps[1].reapplied is True


@pytest.mark.parametrize(
    ("up", "down", "expected"),
    [
        ("CREATE TABLE a (id int);\nCREATE TABLE IF NOT EXISTS b (id int);", "DROP TABLE a;",
         [("rollback-leaves-behind", "CREATE TABLE IF NOT EXISTS b (id int)")]),
        ("ALTER TABLE old ADD COLUMN IF NOT EXISTS n int;\nCREATE TABLE a ();", "DROP TABLE a;",
         [("rollback-leaves-behind", "ALTER TABLE old ADD COLUMN IF NOT EXISTS n int")]),
        ("CREATE TABLE a ();\nALTER TABLE old ALTER COLUMN id TYPE bigint;", "DROP TABLE a;",
         [("rollback-does-not-restore", "ALTER TABLE old ALTER COLUMN id TYPE bigint")]),
        ("DROP TABLE IF EXISTS old;", "SELECT 1;", [("rollback-does-not-restore", "DROP TABLE IF EXISTS old")]),
        ("ALTER TABLE old ENABLE ROW LEVEL SECURITY;\nCREATE TABLE a ();", "DROP TABLE a;",
         [("rollback-does-not-restore", "ALTER TABLE old ENABLE ROW LEVEL SECURITY")]),
        ("GRANT SELECT ON old TO some_reader;\nCREATE TABLE a ();", "DROP TABLE a;",
         [("rollback-leaves-behind", "GRANT SELECT ON old TO some_reader")]),
        ("COMMENT ON TABLE old IS 'x';", "SELECT 1;",
         [("rollback-does-not-restore", "COMMENT ON TABLE old IS 'x'")]),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "-- nothing",
         [("rollback-leaves-behind", "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")]),
    ],
)  # fmt: skip
def test_what_a_rollback_leaves_or_loses(server: Server, up: str, down: str, expected: list[tuple[str, str]]) -> None:
    found, _ = judge(server, made(1, "CREATE TABLE old (id int);", "DROP TABLE old;"), made(2, up, down))
    assert found == expected


@pytest.mark.parametrize(
    ("up", "down", "expected"),
    [
        ("ALTER TABLE teams ADD COLUMN nick text;\nUPDATE teams SET nick = name;",
         "ALTER TABLE teams DROP COLUMN nick;\nALTER TABLE teams ALTER COLUMN name DROP NOT NULL;",
         [("rollback-does-not-restore", "ALTER TABLE teams ALTER COLUMN name DROP NOT NULL")]),
        ("CREATE TABLE badges (name text);\nALTER TABLE teams ADD COLUMN nick text;",
         "DROP TABLE badges;\nALTER TABLE teams DROP COLUMN nick;\nALTER TABLE teams ALTER name DROP NOT NULL;",
         [("rollback-does-not-restore", "ALTER TABLE teams ALTER name DROP NOT NULL")]),
        ("ALTER TABLE teams ADD COLUMN nick text;",
         "ALTER TABLE teams DROP COLUMN nick;\nCREATE INDEX by_name ON teams (name);",
         [("rollback-leaves-behind", "CREATE INDEX by_name ON teams (name)")]),
        ("ALTER TABLE teams ADD COLUMN nick text;",
         "ALTER TABLE teams DROP COLUMN nick;\nALTER TABLE teams DROP CONSTRAINT short;",
         [("rollback-does-not-restore", "ALTER TABLE teams DROP CONSTRAINT short")]),
        ("ALTER TABLE teams ADD COLUMN nick text, ADD CHECK (id <> -7);", "ALTER TABLE teams DROP COLUMN nick;",
         [("rollback-leaves-behind", "ALTER TABLE teams ADD COLUMN nick text, ADD CHECK (id <> -7)")]),
        ("ALTER TABLE teams ALTER COLUMN name DROP NOT NULL;", "ALTER TABLE teams ALTER COLUMN name TYPE text;",
         [("rollback-does-not-restore", "ALTER TABLE teams ALTER COLUMN name DROP NOT NULL")]),
    ],
)  # fmt: skip
def test_what_down_does_of_its_own_is_found_there(
    server: Server, up: str, down: str, expected: list[tuple[str, str]]
) -> None:
    teams = "CREATE TABLE teams (id int, name text NOT NULL, CONSTRAINT short CHECK (length(name) < 9));"
    found, _ = judge(server, made(1, teams, "DROP TABLE teams;"), made(2, up, down))
    assert found == expected


def test_only_the_rules_asked_for_find_anything_each_with_its_severity(server: Server) -> None:
    chain = [
        made(1, "CREATE TABLE a (id int);\nCREATE TABLE b (id int);", "DROP TABLE a;"),
        made(2, "CREATE TABLE c ();", "DROP TABLE d;"),
        made(3, "DROP TABLE e;", "SELECT 1;"),
    ]
    rules = registry.select(registry.builtin(), ignore=["does-not-apply-again"], severity={"does-not-apply": "note"})
    assert [(finding.rule, finding.severity) for finding in verify(chain, server, rules=rules).findings] == [
        ("rollback-leaves-behind", Severity.ERROR),
        ("does-not-roll-back", Severity.ERROR),
        ("does-not-apply", Severity.NOTE),
    ]
    assert verify(chain, server, rules=registry.select(registry.builtin(), ignore=["verify"])).findings == []


def test_what_does_not_apply_again(server: Server) -> None:
    found, result = judge(
        server,
        made(1, "CREATE TABLE a (id int);\nCREATE TABLE b (id int);", "DROP TABLE a;"),
        made(2, "CREATE TABLE c AS SELECT a.id, b.id AS b FROM a, b;", "DROP TABLE c;"),
    )
    assert found == [
        ("rollback-leaves-behind", "CREATE TABLE b (id int)"),
        ("does-not-apply-again", "CREATE TABLE b (id int)"),
    ]
    assert "after its own rollback" in result.findings[1].message
    assert "DOWN section undo all that UP does" in result.findings[1].instead
    assert result.steps[0].reapplied is False
    assert result.steps[1].reapplied is True


def test_an_apply_that_makes_something_else_the_second_time(server: Server) -> None:
    up = """CREATE TABLE a (id int);
        DO $$ BEGIN
            IF (SELECT is_called FROM runs) THEN ALTER TABLE a ADD COLUMN again int; END IF;
            PERFORM nextval('runs');
        END $$;"""
    found, result = judge(server, made(1, "CREATE SEQUENCE runs;", "DROP SEQUENCE runs;"), made(2, up, "DROP TABLE a;"))
    assert [rule for rule, _ in found] == ["does-not-apply-again"]
    assert "public.a.again" in result.findings[0].message


def test_a_down_outside_a_transaction_that_breaks_off_is_made_good(server: Server) -> None:
    found, result = judge(
        server,
        made(1, "CREATE TABLE a (id int);", "DROP TABLE a;\nDROP TABLE b;", header="-- Transaction: none\n"),
        made(2, "CREATE TABLE c AS SELECT * FROM a;", "DROP TABLE c;"),
    )
    assert found == [("does-not-roll-back", "DROP TABLE b")]
    assert result.steps[1].reapplied is True


def test_irreversible_migrations_are_applied_only_and_that_is_said(server: Server) -> None:
    found, result = judge(
        server,
        made(1, "CREATE TABLE a (id int);", None),
        made(2, "CREATE TABLE b (id int);", None, header="-- Irreversible: rows are gone\n"),
    )
    assert found == []
    assert len(result.notes) == 2
    assert "has no DOWN section: it was applied, not rolled back" in result.notes[1]
    assert "is irreversible (rows are gone)" in result.notes[0]
    assert [step.rolled_back for step in result.steps] == [None, None]


def test_only_some_are_judged_but_all_are_applied(server: Server) -> None:
    chain = [
        made(1, "CREATE TABLE a (id int);", "SELECT 1;"),
        made(2, "CREATE TABLE b AS SELECT * FROM a;", "SELECT 1;"),
    ]
    result = verify(chain, server, only={chain[1].path})
    assert [finding.path for finding in result.findings if finding.rule == "rollback-leaves-behind"] == [chain[1].path]
    assert [step.judged for step in result.steps] == [False, True]


def test_roles_that_nobody_makes_are_made_and_said(server: Server) -> None:
    up = "CREATE SCHEMA marketing;\nGRANT ALL ON SCHEMA marketing TO marketing_verify_role;"
    found, result = judge(server, made(1, up, "DROP SCHEMA marketing;"))
    assert found == []
    assert result.notes == ["Made the roles that the migrations name but do not make: marketing_verify_role."]


def test_generated_names_and_column_order_are_worth_a_note(server: Server) -> None:
    found, _ = judge(
        server,
        made(1, "CREATE TABLE a (id int NOT NULL, name text, UNIQUE (name));", "DROP TABLE a;"),
        made(
            2,
            "ALTER TABLE a DROP COLUMN id;",
            "ALTER TABLE a ADD COLUMN id int NOT NULL DEFAULT 1;\nALTER TABLE a ALTER id DROP DEFAULT;",
        ),
    )
    assert sorted(rule for rule, _ in found) == ["rollback-differs-harmlessly", "round-trip-loses-data"]


def test_a_server_given_by_its_url_keeps_its_databases(independent_server: Any) -> None:
    url = independent_server.url()
    with SupabaseExecutor(url) as executor:
        names = "SELECT datname FROM pg_database ORDER BY 1"
        before = executor.query(names)
        result = verify([made(1, "CREATE TABLE a (id int);", "DROP TABLE a;")], url)
        assert result.findings == []
        assert executor.query(names) == before


def test_a_kept_database_can_be_looked_at(server: Server) -> None:
    result = verify([made(1, "CREATE TABLE a (id int);", "DROP TABLE a;")], server, keep=True)
    with SupabaseExecutor(result.url) as executor:
        assert executor.query("SELECT * FROM a") == []


def test_where_a_kept_database_is_never_shows_a_password(independent_server: Any) -> None:
    with SupabaseExecutor(independent_server.url()) as executor:
        executor.query("ALTER ROLE guarded CREATEDB")
        parts = independent_server.dsn()
        url = f"postgresql://guarded:correct%20horse@{parts['host']}:{parts['port']}/{parts['database']}"
        result = verify([made(1, "SELECT 1;")], url, keep=True)
        assert "correct" not in result.url
        name = result.url.partition("dbname=")[2].partition(" ")[0]
        assert name.startswith("elf_verify_")
        executor.query(f"DROP DATABASE {name}")


def test_no_server_at_all() -> None:
    with pytest.raises(ConnectionFailed, match="nothing listens there"):
        verify([made(1, "SELECT 1;")], "postgresql://postgres@127.0.0.1:1/postgres")


def test_a_folder_without_any_down_is_no_wall_of_notes(server: Server) -> None:
    _, result = judge(server, *(made(number, f"CREATE TABLE t{number} ();", None) for number in range(1, 10)))
    assert [note for note in result.notes if "DOWN" in note] == [
        "9 migrations have no DOWN section: they were applied, not rolled back."
    ]
