"""The migration guide, word for word: its files, its commands, its queries and its repairs.

Only `./scripts/elf-migrate` is `elf-migrate` here, and `elf_automations.shared` is `elf_sqlcheck.shared`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.postgres.server import Server, local
from elf_sqlcheck.verify import verify
from tests.migrate_command import as_json, elf_migrate, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

INITIAL_SCHEMA = """\
-- Migration: Initial Schema
-- Version: 20250120_140000
-- Description: Teams and users
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS teams (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS users (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    email VARCHAR(255) NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS users;
DROP TABLE IF EXISTS teams;
"""

ADD_USER_PROFILES = """\
-- Migration: Add User Profiles
-- Version: 20250121_093000
-- Description: Adds user profile tables for team members
-- Dependencies: ["20250120_140000_initial_schema"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS user_profiles (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    user_id UUID NOT NULL,
    team_id UUID REFERENCES teams(id),
    display_name VARCHAR(255) NOT NULL,
    avatar_url TEXT,
    preferences JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT NOW(),
    updated_at TIMESTAMP DEFAULT NOW()
);

CREATE INDEX idx_user_profiles_user_id ON user_profiles(user_id);
CREATE INDEX idx_user_profiles_team_id ON user_profiles(team_id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS user_profiles;
"""

#: The guide shows this one without a DOWN section, but asks for one in every migration.
MARKETING = """\
-- Migration: Add Marketing Team Analytics
-- Version: 20250121_100000
-- Description: Analytics tables for marketing team

CREATE SCHEMA IF NOT EXISTS marketing;

CREATE TABLE IF NOT EXISTS marketing.campaign_metrics (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    campaign_id UUID NOT NULL,
    impressions INTEGER DEFAULT 0,
    clicks INTEGER DEFAULT 0,
    conversions INTEGER DEFAULT 0,
    cost_usd NUMERIC(10,2),
    created_at TIMESTAMP DEFAULT NOW()
);

-- Grant access to marketing team role
GRANT ALL ON SCHEMA marketing TO marketing_team_role;
GRANT ALL ON ALL TABLES IN SCHEMA marketing TO marketing_team_role;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS marketing.campaign_metrics;
DROP SCHEMA IF EXISTS marketing;
"""

CONDITIONAL = """\
-- Migration: Add Preferences
-- Version: 20250121_110000
-- Description: The guide's conditional migration
-- Dependencies: ["20250120_140000_initial_schema", "20250121_093000_add_user_profiles"]

-- ============= UP MIGRATION =============

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_name = 'users' AND column_name = 'preferences'
    ) THEN
        ALTER TABLE users ADD COLUMN preferences JSONB DEFAULT '{}';
    END IF;
END $$;

-- ============= DOWN MIGRATION ============

ALTER TABLE users DROP COLUMN IF EXISTS preferences;
"""

ZERO_DOWNTIME = """\
-- Migration: Add User Status
-- Version: 20250121_120000
-- Description: The guide's zero-downtime migration
-- Dependencies: ["20250120_140000_initial_schema"]
-- Transaction: none

-- ============= UP MIGRATION =============

-- Add column with default (fast in PostgreSQL 11+)
ALTER TABLE users ADD COLUMN IF NOT EXISTS status VARCHAR(50) DEFAULT 'active';

-- Create index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_status ON users(status);

-- Add constraint without locking
ALTER TABLE users ADD CONSTRAINT check_status_valid
CHECK (status IN ('active', 'inactive', 'suspended')) NOT VALID;

ALTER TABLE users VALIDATE CONSTRAINT check_status_valid;

-- ============= DOWN MIGRATION ============

ALTER TABLE users DROP CONSTRAINT IF EXISTS check_status_valid;
DROP INDEX CONCURRENTLY IF EXISTS idx_users_status;
ALTER TABLE users DROP COLUMN IF EXISTS status;
"""

DATA = """\
-- Migration: Name Teams
-- Version: 20250121_130000
-- Description: The guide's transaction around a data migration
-- Dependencies: ["20250120_140000_initial_schema"]
-- Irreversible: the former names are not kept

-- ============= UP MIGRATION =============

BEGIN;
-- Your data migration here
UPDATE teams SET name = lower(name) WHERE name <> lower(name);
COMMIT;
"""

FILES = {
    "20250120_140000_initial_schema.sql": INITIAL_SCHEMA,
    "20250121_093000_add_user_profiles.sql": ADD_USER_PROFILES,
    "20250121_100000_add_marketing_team_analytics.sql": MARKETING,
    "20250121_110000_add_preferences.sql": CONDITIONAL,
    "20250121_120000_add_user_status.sql": ZERO_DOWNTIME,
    "20250121_130000_name_teams.sql": DATA,
}

TASK_ASSIGNMENTS = """
CREATE TABLE IF NOT EXISTS task_assignments (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMP DEFAULT NOW()
);
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the guide's migrations."""
    (tmp_path / "migrations").mkdir()
    for name, content in FILES.items():
        (tmp_path / "migrations" / name).write_text(content, encoding="utf-8")
    return tmp_path


@pytest.fixture
def database(project: Path) -> Iterator[Server]:
    """The project's local database, held open so that the commands join it."""
    with local(str(project)) as server:
        yield server


def run(folder: Path, command: str, exit_code: int = 0) -> str:
    """Run a command line of the guide; returns what it printed."""
    name, *arguments = shlex.split(command)
    assert name == "elf-migrate"
    done = elf_migrate(folder, *arguments, exit_code=exit_code)
    return done.stdout + done.stderr


def ask(database: Server, sql: str) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with database.connect(row_factory=dict_row) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []  # type: ignore[return-value]


def test_first_time_setup(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "teams.sql").write_text("CREATE TABLE IF NOT EXISTS teams (id UUID PRIMARY KEY);\n")
    told = run(tmp_path, "elf-migrate init")
    assert (tmp_path / "migrations").is_dir()
    assert [path.name[16:] for path in (tmp_path / "migrations").iterdir()] == ["initial_teams.sql"]
    assert "tracking tables" in told


def test_create_makes_the_file_that_the_guide_names(tmp_path: Path) -> None:
    run(tmp_path, 'elf-migrate create "add_user_preferences" --description "Add user preference storage"')
    (path,) = (tmp_path / "migrations").iterdir()
    assert re.fullmatch(r"\d{8}_\d{6}_add_user_preferences\.sql", path.name)
    content = path.read_text()
    assert "-- Migration: Add User Preferences\n" in content
    assert f"-- Version: {path.name[:15]}\n" in content
    assert "-- Description: Add user preference storage\n" in content
    assert "-- ============= UP MIGRATION =============\n" in content
    assert "-- ============= DOWN MIGRATION ============\n" in content


def test_every_example_of_the_guide_lints_verifies_and_applies(project: Path, server: Server) -> None:
    told = run(project, "elf-migrate validate")
    assert "6 migrations validated, nothing that stops a deploy" in told
    run(project, "elf-migrate validate migrations/20250121_093000_add_user_profiles.sql")
    result = verify(read_directory(str(project / "migrations")), server)
    assert result.findings == []
    assert all(step.applied for step in result.steps)
    run(project, "elf-migrate up")


def test_the_command_lines_of_the_guide(project: Path, database: Server) -> None:
    assert run(project, "elf-migrate list").count("pending") == 6
    assert run(project, "elf-migrate list --pending").count("pending") == 6
    assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_status" in run(project, "elf-migrate up --dry-run")
    assert ask(database, "SELECT to_regclass('schema_migrations') AS t") == [{"t": None}]
    told = run(project, "elf-migrate up --target 20250121_093000")
    assert "made the roles that the migrations name but do not make: marketing_team_role" in told
    assert "2 completed, 4 pending" in run(project, "elf-migrate status")
    told = run(project, "elf-migrate up --skip-validation")
    assert "4 migrations applied" in told
    assert run(project, "elf-migrate list").count("completed") == 6
    assert "Nothing is pending" in run(project, "elf-migrate list --pending")
    assert "DROP SCHEMA IF EXISTS marketing" in run(project, "elf-migrate down 20250121_100000 --dry-run")
    run(project, "elf-migrate down 20250121_100000")
    assert "rolled back" in run(project, "elf-migrate list")
    run(project, "elf-migrate up")
    assert "Up to date." in run(project, "elf-migrate status")


def test_the_tracking_queries_of_the_guide(project: Path, database: Server) -> None:
    run(project, "elf-migrate up")
    rows = ask(database, "SELECT * FROM schema_migrations ORDER BY version DESC;")
    assert [row["version"] for row in rows] == sorted((name[:15] for name in FILES), reverse=True)
    assert {row["status"] for row in rows} == {"completed"}
    assert {
        "version", "name", "description", "checksum", "status", "executed_at", "execution_time_ms", "error", "metadata",
        "created_at",
    } <= set(rows[0])  # fmt: skip
    trail = ask(database, "SELECT * FROM migration_history ORDER BY started_at DESC;")
    assert [row["version"] for row in trail] == [row["version"] for row in rows]
    assert {row["success"] for row in trail} == {True}
    assert {"id", "version", "action", "started_at", "completed_at", "success", "details"} <= set(trail[0])


def test_a_failed_migration_is_mended_as_the_guide_says(project: Path, database: Server) -> None:
    path = project / "migrations" / "20250121_095000_add_task_assignments.sql"
    head = (
        "-- Migration: Add Task Assignments\n-- Version: 20250121_095000\n-- Description: Tasks\n-- Dependencies: []\n"
    )
    down = "-- DOWN MIGRATION ====\nDROP TABLE IF EXISTS task_assignments;\n"
    path.write_text(f"{head}-- ==== UP MIGRATION\n{TASK_ASSIGNMENTS}INSERT INTO missing VALUES (1);\n{down}")
    told = run(project, "elf-migrate up", exit_code=1)
    assert 'relation "missing" does not exist' in told
    # 1. Check the error in migration history
    (row,) = ask(database, "SELECT * FROM schema_migrations WHERE status = 'failed';")
    assert row["version"] == "20250121_095000"
    assert 'relation "missing" does not exist' in row["error"]
    assert "1 failed" in run(project, "elf-migrate status")
    # 2. Fix the issue in the SQL file
    path.write_text(f"{head}-- ==== UP MIGRATION\n{TASK_ASSIGNMENTS}{down}")
    # 3. Reset the migration status
    ask(database, "UPDATE schema_migrations SET status = 'pending' WHERE version = '20250121_095000';")
    # 4. Run again
    assert "applied 20250121_095000_add_task_assignments" in run(project, "elf-migrate up")
    assert ask(database, "SELECT * FROM schema_migrations WHERE status = 'failed';") == []


def test_a_rollback_that_is_not_possible_is_mended_as_the_guide_says(project: Path, database: Server) -> None:
    run(project, "elf-migrate up")
    told = run(project, "elf-migrate down 20250121_130000", exit_code=2)
    assert "can't be rolled back (the former names are not kept)" in told
    # 1. Check if DOWN migration SQL exists
    assert "has no DOWN migration SQL" in told
    # 3. Update migration status
    update = "UPDATE schema_migrations SET status = 'rolled_back' WHERE version = '20250121_130000';"
    assert update in told
    ask(database, update)
    assert "1 rolled back" in run(project, "elf-migrate status")
    assert "applied 20250121_130000_name_teams" in run(project, "elf-migrate up")


def test_connection_issues_1_check_credentials() -> None:
    script = """
from elf_sqlcheck.shared.credentials import CredentialManager
mgr = CredentialManager()
print(mgr.get_credential('SUPABASE_URL', 'system', 'check'))
"""
    for url in ("https://abc.supabase.co", ""):
        known = environment(ELF_MASTER_PASSWORD="your-password", **({"SUPABASE_URL": url} if url else {}))
        done = subprocess.run([sys.executable, "-c", script], env=known, check=True, capture_output=True, text=True)
        assert done.stdout == f"{url or None}\n"


def test_connection_issues_2_test_connection(server: Server) -> None:
    script = """
from elf_sqlcheck.shared.database import SupabaseExecutor
executor = SupabaseExecutor()
print(executor.test_connection())
"""
    for more, said in (({"DATABASE_URL": server.url}, "connected to PostgreSQL"), ({}, "No database is configured.")):
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment(**more), check=True, capture_output=True, text=True
        )
        assert done.stdout.startswith(said)


def test_adding_a_new_feature(project: Path) -> None:
    run(project, "elf-migrate up")
    # 1. Create migration
    run(project, 'elf-migrate create "add_task_assignments"')
    (path,) = (project / "migrations").glob("*_add_task_assignments.sql")
    # 2. Edit the migration file
    content = path.read_text()
    content = content.replace("UP MIGRATION =============\n", f"UP MIGRATION =============\n{TASK_ASSIGNMENTS}")
    path.write_text(f"{content}DROP TABLE IF EXISTS task_assignments;\n")
    # 3. Validate
    assert "1 migration validated" in run(project, "elf-migrate validate")
    # 4. Test with dry run
    assert "CREATE TABLE IF NOT EXISTS task_assignments" in run(project, "elf-migrate up --dry-run")
    # 5. Apply
    assert "1 migration applied" in run(project, "elf-migrate up")
    # 6. Verify
    assert "Up to date." in run(project, "elf-migrate status")


def test_emergency_rollback(project: Path) -> None:
    run(project, "elf-migrate up")
    # 1. Check current state
    run(project, "elf-migrate status")
    # 2. Identify problem migration
    assert "20250121_093000" in run(project, "elf-migrate list")
    # 3. Rollback
    refused = run(project, "elf-migrate down 20250121_093000", exit_code=1)
    assert "20250121_110000_add_preferences depends on it" in refused
    run(project, "elf-migrate down 20250121_110000")
    run(project, "elf-migrate down 20250121_093000")
    # 4. Fix and reapply
    path = project / "migrations" / "20250121_093000_add_user_profiles.sql"
    path.write_text(ADD_USER_PROFILES.replace("avatar_url TEXT", "avatar_url TEXT DEFAULT ''"))
    assert "2 migrations applied" in run(project, "elf-migrate up")
    assert as_json(project, "status")["counts"] == {"completed": 6}
