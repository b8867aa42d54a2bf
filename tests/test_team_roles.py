"""Migrations of a team: made with what the team needs, and run as the role of the team."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = "20250101_000001_team"
B = "20250101_000002_metrics"
TEAM = "-- Team: tides\n"
ROLE = "tides_team_role"
SETUP = f"CREATE ROLE {ROLE}; CREATE SCHEMA tides; GRANT ALL ON SCHEMA tides TO {ROLE}; CREATE TABLE others (id int);"


@pytest.fixture
def database(database: str) -> Iterator[str]:
    yield database
    with SupabaseExecutor(database) as executor:
        if executor.query("SELECT true FROM pg_roles WHERE rolname = %s", (ROLE,)):
            executor.query(f"DROP OWNED BY {ROLE} CASCADE")
            executor.query(f"DROP ROLE {ROLE}")


@pytest.fixture
def project(tmp_path: Path, database: str) -> Path:
    (tmp_path / "elf-sqlcheck.toml").write_text('[env.eu]\nurl-env = "URL"\nteam-roles = true\n')
    write(tmp_path / "migrations", A, SETUP)
    with SupabaseExecutor(database) as executor:
        executor.query("SELECT 1")
    return tmp_path


def deploy(project: Path, database: str, exit_code: int = 0) -> str:
    done = elf_migrate(project, "up", "--skip-validation", "--yes", URL=database, exit_code=exit_code)
    return done.stdout + done.stderr


def rows(database: str, query: str) -> list[dict[str, object]]:
    with SupabaseExecutor(database) as executor:
        return executor.query(query)


def test_it_runs_as_the_role_and_the_history_is_ours(project: Path, database: str) -> None:
    write(project / "migrations", B, "CREATE TABLE tides.a (id int);", "DROP TABLE tides.a;", header=TEAM)
    deploy(project, database)
    assert rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == [{"tableowner": ROLE}]
    states = rows(database, "SELECT status FROM schema_migrations ORDER BY version")
    assert [row["status"] for row in states] == ["completed", "completed"]
    elf_migrate(project, "down", B, "--yes", URL=database)
    assert not rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'")


def test_so_do_statements_outside_a_transaction(project: Path, database: str) -> None:
    up = "CREATE TABLE tides.a (id int);\nCREATE INDEX CONCURRENTLY idx_a_id ON tides.a (id);\nVACUUM tides.a;"
    write(project / "migrations", B, up, header=f"{TEAM}-- Transaction: none\n")
    deploy(project, database)
    assert rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == [{"tableowner": ROLE}]
    write(project / "migrations", "20250101_000003_more", "CREATE INDEX CONCURRENTLY idx_others ON others (id);",
          header=f"{TEAM}-- Transaction: none\n")  # fmt: skip
    said = deploy(project, database, 1)
    assert "must be owner of table others" in said
    assert "migration of team tides" in said


def test_what_is_not_the_teams_is_refused_by_the_server(project: Path, database: str) -> None:
    write(project / "migrations", B, "CREATE TABLE tides.a (id int);\nINSERT INTO others VALUES (1);", header=TEAM)
    said = deploy(project, database, 1)
    assert "permission denied for table others" in said
    assert f"It is a migration of team tides, so it ran as {ROLE}, which may change schema tides" in said
    assert not rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'")
    assert rows(database, "SELECT status FROM schema_migrations ORDER BY version DESC LIMIT 1") == [
        {"status": "failed"}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "RESET ROLE;",
        "SET LOCAL ROLE postgres;",
        "SET SESSION AUTHORIZATION DEFAULT;",
        "SELECT set_config('role', 'postgres', true);",
        "DO $$ BEGIN RESET ROLE; END $$;",
        "DO $$ BEGIN PERFORM set_config('role', 'postgres', true); END $$;",
        "DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$;",
        "CREATE FUNCTION tides.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; END $$;",
        "CREATE FUNCTION tides.f() RETURNS int LANGUAGE sql SET role = postgres AS 'SELECT 1';",
    ],
)
def test_what_would_leave_the_role_is_not_run(project: Path, database: str, text: str) -> None:
    write(project / "migrations", B, f"CREATE TABLE tides.a (id int);\n{text}", header=TEAM)
    said = deploy(project, database, 1)
    assert "was not run: it is a migration of team tides" in said
    assert ":10: UP" in said
    assert not rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'")


def test_what_leaves_the_role_unseen_is_rolled_back(project: Path, database: str) -> None:
    text = "DO $$ BEGIN EXECUTE 'RESET ' || (SELECT 'ROLE'); END $$;\nCREATE TABLE stolen (id int);"
    write(project / "migrations", B, text, header=TEAM)
    said = deploy(project, database, 1)
    assert f"it did not end as the role {ROLE}" in said
    assert not rows(database, "SELECT 1 FROM pg_tables WHERE tablename = 'stolen'")


def test_deferred_triggers_run_as_the_role_too(project: Path, database: str) -> None:
    text = """CREATE TABLE tides.a (id int);
        CREATE FUNCTION tides.f() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'INSERT INTO public.others VALUES (1)'; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON tides.a DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION tides.f();
        INSERT INTO tides.a VALUES (1);"""
    write(project / "migrations", B, text, header=TEAM)
    assert "permission denied for table others" in deploy(project, database, 1)


def test_without_the_role_people_are_told(project: Path, database: str) -> None:
    write(project / "migrations", A, "CREATE SCHEMA tides;")
    write(project / "migrations", B, "CREATE TABLE tides.a (id int);", header=TEAM)
    assert f"the server has no role {ROLE}" in deploy(project, database)


def test_a_team_may_have_a_role_of_another_name(project: Path, database: str) -> None:
    (project / "elf-sqlcheck.toml").write_text(
        f'[teams]\nocean = {{ schemas = ["tides"], role = "{ROLE}" }}\n[env.eu]\nurl-env = "URL"\nteam-roles = true\n'
    )
    write(project / "migrations", B, "CREATE TABLE tides.a (id int);", header="-- Team: Ocean\n")
    deploy(project, database)
    assert rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == [{"tableowner": ROLE}]


def test_verify_runs_it_as_the_role_as_well(project: Path) -> None:
    write(project / "migrations", B, "CREATE TABLE tides.a (id int);\nINSERT INTO others VALUES (1);", header=TEAM)
    done = subprocess.run(
        ["elf-sqlcheck", "verify"], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "permission denied for table others" in done.stdout
    assert "Migrations of teams ran as the roles of those teams" in done.stdout + done.stderr


def test_create_writes_what_the_team_needs(tmp_path: Path, database: str) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('[env.eu]\nurl-env = "URL"\nteam-roles = true\n')
    first = as_json(tmp_path, "create", "add_levels", "--team", "tides")
    second = as_json(tmp_path, "create", "add_more", "--team", "tides")
    assert "team_path" not in second
    (tmp_path / second["path"]).unlink()
    path = tmp_path / first["path"]
    text = path.read_text()
    assert "-- Team: tides\n" in text
    table = (
        "CREATE TABLE IF NOT EXISTS tides.levels "
        "(id UUID DEFAULT gen_random_uuid() PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW());"
    )
    marker = "-- ============= DOWN"
    path.write_text(text.replace(marker, f"{table}\n\n{marker}") + "DROP TABLE IF EXISTS tides.levels;\n")
    for command in (["lint"], ["verify"]):
        done = subprocess.run(
            ["elf-sqlcheck", *command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warning" not in done.stdout, done.stdout
    elf_migrate(tmp_path, "up", "--yes", URL=database)
    assert rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'levels'") == [{"tableowner": ROLE}]
    elf_migrate(tmp_path, "down", first["version"], "--yes", URL=database)
    setup = first["team_path"].rpartition("/")[2][:15]
    elf_migrate(tmp_path, "down", setup, "--yes", URL=database)
    elf_migrate(tmp_path, "up", "--yes", URL=database)
