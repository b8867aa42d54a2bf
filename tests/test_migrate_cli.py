"""elf-migrate as it is installed: what it prints, asks and ends with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.layouts import read_directory
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import verify
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

A, B = "20250101_000000_add_teams", "20250102_000000_add_users"
COLUMNS = "id uuid DEFAULT gen_random_uuid() PRIMARY KEY, created_at timestamptz DEFAULT now()"
TEAMS = f"CREATE TABLE IF NOT EXISTS teams ({COLUMNS});"
USERS = f"CREATE TABLE IF NOT EXISTS users ({COLUMNS});"
CANARY = "c4n4ry-Pa55"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two good migrations, of which the second depends on the first."""
    write(tmp_path / "migrations", A, TEAMS, "DROP TABLE IF EXISTS teams;")
    write(tmp_path / "migrations", B, USERS, "DROP TABLE IF EXISTS users;", needs=[A])
    return tmp_path


def test_every_command_and_option_is_there() -> None:
    wanted = {
        "init": ("--from-database", "--from-sql", "--yes"),
        "create": ("--description", "--dir", "--from-up"),
        "list": ("--pending", "--env"),
        "validate": ("--config",),
        "up": ("--dry-run", "--target", "--skip-validation", "--allow-out-of-order", "--yes", "--database-url"),
        "down": ("--target", "--count", "--all", "--as-applied", "--dry-run", "--yes"),
        "redo": ("--as-applied", "--skip-validation", "--dry-run", "--yes"),
        "repair": ("--mark", "--accept", "--forget", "--drop-invalid", "--reason", "--dry-run", "--yes"),
        "baseline": ("--force", "--reason", "--dry-run", "--yes"),
        "status": ("--output", "--dir", "--stats", "--output-file"),
    }
    from pathlib import Path

    for command, options in wanted.items():
        told = elf_migrate(Path.cwd(), command, "--help").stdout
        for option in (*options, "--output"):
            assert option in told
        assert f"\n    elf-migrate {command}" in told.partition("Example")[2] or command == "list"
        assert "\\b" not in told


def test_json_says_what_was_done(project: Path, database: str) -> None:
    url = ("--database-url", database)
    told = as_json(project, "up", *url)
    assert [(entry["name"], entry["statements"]) for entry in told["applied"]] == [(A, 1), (B, 1)]
    assert told["validation"]["summary"]["errors"] == 0
    assert as_json(project, "up", *url)["applied"] == []
    assert [row["status"] for row in as_json(project, "list", *url)["migrations"]] == ["completed", "completed"]
    assert as_json(project, "list", "--pending", *url)["migrations"] == []
    assert as_json(project, "down", B, *url)["rolled_back"][0]["name"] == B
    assert as_json(project, "status", *url)["counts"] == {"completed": 1, "rolled_back": 1}
    assert as_json(project, "up", "--dry-run", *url)["plan"][0]["statements"][0]["sql"] == USERS.rstrip(";")
    failed = as_json(project, "down", "20990101_000000", *url, exit_code=2)
    assert failed["error"]["message"] == "There is no migration 20990101_000000."


def test_findings_stop_a_deploy_and_can_be_skipped(project: Path, database: str) -> None:
    write(project / "migrations", B, "CREATE TABLE IF NOT EXISTS users (name text);", "DROP TABLE IF EXISTS users;")
    done = elf_migrate(project, "up", "--database-url", database, exit_code=1)
    assert "missing-primary-key" in done.stdout
    assert "nothing was run" in done.stderr
    elf_migrate(project, "validate", "--database-url", database, exit_code=1)
    elf_migrate(project, "validate", f"migrations/{A}.sql", "--database-url", database)
    elf_migrate(project, "up", "--database-url", database, "--target", A)
    elf_migrate(project, "up", "--database-url", database, "--skip-validation")


def test_what_was_found_before_is_found_again(project: Path, database: str, tmp_path: Path) -> None:
    up = ("up", "--dry-run", "--database-url", database)
    for number in range(30):
        column = f"ALTER TABLE users ADD COLUMN c{number} text;", f"ALTER TABLE users DROP COLUMN IF EXISTS c{number};"
        write(project / "migrations", f"20250301_0000{number:02}_more", *column)
    kept, empty = str(tmp_path / "kept"), str(tmp_path / "empty")
    anew = as_json(project, *up, XDG_CACHE_HOME=empty)["validation"]
    assert anew["summary"]["warnings"] > 0
    for _ in range(2):
        assert as_json(project, *up, XDG_CACHE_HOME=kept)["validation"] == anew
    assert (tmp_path / "kept" / "elf-sqlcheck" / "verdicts").is_dir()
    write(project / "migrations", "20250301_000007_more", "CREATE TABLE t (name text);", "DROP TABLE t;")
    told = as_json(project, *up, exit_code=1, XDG_CACHE_HOME=kept)
    assert "20250301_000007_more.sql: nothing was run" in told["error"]["message"]


def test_a_changed_executed_migration_stops_a_deploy(project: Path, database: str) -> None:
    elf_migrate(project, "up", "--database-url", database)
    path = project / "migrations" / f"{A}.sql"
    path.write_text(path.read_text().replace("-- Description: ", "-- Description: new "))
    elf_migrate(project, "up", "--database-url", database)
    path.write_text(path.read_text().replace("DEFAULT now()", "DEFAULT now() NOT NULL"))
    done = elf_migrate(project, "up", "--database-url", database, exit_code=1)
    assert f"Changed after it was executed: migrations/{A}.sql" in done.stderr
    elf_migrate(project, "validate", "--database-url", database, exit_code=1)
    assert "changed after it was executed" in elf_migrate(project, "status", "--database-url", database).stdout
    assert "completed, changed since" in elf_migrate(project, "list", "--database-url", database).stdout
    elf_migrate(project, "up", "--database-url", database, "--skip-validation")


def test_a_better_down_section_is_no_obstacle(project: Path, database: str) -> None:
    elf_migrate(project, "up", "--database-url", database)
    path = project / "migrations" / f"{B}.sql"
    path.write_text(path.read_text().replace("DROP TABLE IF EXISTS users;", "DROP TABLE users;"))
    assert "its DOWN section was changed" in elf_migrate(project, "status", "--database-url", database).stdout
    elf_migrate(project, "up", "--database-url", database)
    elf_migrate(project, "down", B, "--database-url", database)


def test_a_missing_driver_is_named_with_its_remedy(project: Path) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None; sys.argv = ['elf-migrate', 'status', '--database-url', 'postgresql://x'];"
        "from elf_sqlcheck.cli.start import migrate; migrate()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'elf-sqlcheck[db]'" in done.stderr


def test_files_that_are_gone_are_named(project: Path, database: str) -> None:
    elf_migrate(project, "up", "--database-url", database)
    (project / "migrations" / f"{A}.sql").unlink()
    assert f"its file is missing: {A}" in elf_migrate(project, "status", "--database-url", database).stdout
    assert "completed, file missing" in elf_migrate(project, "list", "--database-url", database).stdout
    elf_migrate(project, "up", "--database-url", database)


def test_credentials_ask_before_they_are_used(project: Path, database: str) -> None:
    refused = elf_migrate(project, "up", DATABASE_URL=database, exit_code=2)
    assert "Run 2 migration(s) on" in refused.stdout
    assert "Nothing was changed." in refused.stderr
    elf_migrate(project, "up", DATABASE_URL=database, stdin="n\n", exit_code=2)
    elf_migrate(project, "up", "--target", A, DATABASE_URL=database, stdin="y\n")
    elf_migrate(project, "up", "--yes", SUPABASE_DB_URL=database)
    elf_migrate(project, "down", B, "-y", DATABASE_URL=database)
    assert "from DATABASE_URL" in elf_migrate(project, "status", DATABASE_URL=database).stdout


def test_configured_environments(project: Path, database: str) -> None:
    config = project / "elf-sqlcheck.toml"
    config.write_text(
        '[env.staging]\nurl-env = "STAGING_URL"\nlock-timeout = "7s"\n[env.production]\nurl-env = "PROD_URL"\n'
    )
    seen = "CREATE TABLE IF NOT EXISTS seen AS SELECT current_setting('lock_timeout') AS lock_timeout;"
    write(project / "migrations", B, seen, "DROP TABLE IF EXISTS seen;")
    done = elf_migrate(project, "up", "--env", "production", exit_code=2)
    assert "takes its URL from the variable PROD_URL, which is not set" in done.stderr
    done = elf_migrate(project, "up", "--env", "nowhere", exit_code=2)
    assert "staging, production" in done.stderr
    told = elf_migrate(project, "status", exit_code=2, STAGING_URL=database, PROD_URL=database).stderr
    assert "Choose one with --env" in told
    assert "Database: staging (" in elf_migrate(project, "status", STAGING_URL=database).stdout
    elf_migrate(project, "up", "--env", "staging", "--yes", "--skip-validation", STAGING_URL=database)
    with SupabaseExecutor(database) as executor:
        assert executor.query("SELECT * FROM seen") == [{"lock_timeout": "7s"}]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://u:{CANARY}@127.0.0.1:1/d", "nothing listens there"),
        (f"postgresql://u:{CANARY}@no-such-host.invalid/d", "no server has that host name"),
        (f"postgresql://u:{CANARY}@db.example.org:6543/d", "port 5432"),
        (f"not a url {CANARY}", "cannot be read"),
    ],
)
def test_a_wrong_url(project: Path, url: str, said: str) -> None:
    done = elf_migrate(project, "up", "--database-url", url, exit_code=2)
    assert said in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_a_wrong_password_is_never_shown(project: Path, independent_server: Any) -> None:
    parts = independent_server.dsn()
    where = f"{parts['host']}:{parts['port']}/{parts['database']}"
    for url in (f"postgresql://guarded:{CANARY}@{where}", f"postgresql://guarded@{where}?password={CANARY}"):
        done = elf_migrate(project, "up", "--database-url", url, exit_code=2)
        assert "the server does not accept the user or the password" in done.stderr
        assert CANARY not in done.stdout + done.stderr
        told = elf_migrate(project, "up", "--database-url", url, "--output", "json", exit_code=2)
        assert CANARY not in told.stdout + told.stderr
    elf_migrate(project, "list", "--database-url", f"postgresql://guarded:correct%20horse@{where}")


def test_two_ups_at_once(project: Path, database: str) -> None:
    slow = f"{USERS}\nSELECT pg_sleep(0.5);"
    write(project / "migrations", B, slow, "DROP TABLE IF EXISTS users;")
    command = ["elf-migrate", "up", "--database-url", database]
    both = [
        subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Nothing to do." in text for text in told) == [False, True]
    with SupabaseExecutor(database) as executor:
        assert executor.query("SELECT count(*) AS n FROM migration_history") == [{"n": 2}]


def test_another_deployer_is_named(project: Path, database: str) -> None:
    from elf_sqlcheck.migrate.lock import deploy_lock

    with SupabaseExecutor(database) as executor, deploy_lock(executor, 1):
        done = elf_migrate(project, "up", "--lock-wait", "0.2", "--database-url", database, exit_code=4)
    assert "Another deployer still holds the lock" in done.stderr
    assert "elf-migrate lock of postgres, pid" in done.stderr


def test_an_interrupted_up_leaves_nothing_behind(project: Path, database: str) -> None:
    write(project / "migrations", B, f"{USERS}\nSELECT pg_sleep(60);", "DROP TABLE IF EXISTS users;")
    command = ["elf-migrate", "up", "--database-url", database]
    process = subprocess.Popen(command, cwd=project, env=environment(), stderr=subprocess.PIPE, text=True)
    asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    with psycopg.connect(database, autocommit=True) as other:
        while not other.execute(asleep).fetchone():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)[1]
        assert process.returncode == 130
        assert "Traceback" not in told
        assert other.execute("SELECT to_regclass('users')").fetchone() == (None,)
        deadline = time.monotonic() + 10
        while other.execute(asleep).fetchone():
            assert time.monotonic() < deadline


def test_a_server_that_stops_in_the_middle(project: Path, tmp_path: Path) -> None:
    from elf_sqlcheck.postgres.server import throwaway

    write(project / "migrations", B, f"{USERS}\nSELECT pg_sleep(60);", "DROP TABLE IF EXISTS users;")
    with throwaway() as server:
        command = ["elf-migrate", "up", "--database-url", server.url]
        process = subprocess.Popen(command, cwd=project, env=environment(), stderr=subprocess.PIPE, text=True)
        asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        with server.connect() as other:
            while not other.execute(asleep).fetchone():
                assert process.poll() is None
                time.sleep(0.05)
        with open(f"{server.folder}/data/postmaster.pid", encoding="utf-8") as file:
            os.kill(int(file.readline()), signal.SIGINT)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "went away while UP ran. The server rolls back the transaction that was open" in told
    assert "The failure could not be written to the history" in told
    assert "Traceback" not in told


def test_tables_of_another_tool(project: Path, database: str) -> None:
    with SupabaseExecutor(database) as executor:
        executor.query("CREATE TABLE schema_migrations (version text PRIMARY KEY)")
    done = elf_migrate(project, "up", "--database-url", database, exit_code=2)
    assert "another tool's" in done.stderr
    [renaming] = re.findall(r"ALTER TABLE .*?;", " ".join(done.stderr.split()))
    with SupabaseExecutor(database) as executor:
        executor.query(renaming)
    elf_migrate(project, "up", "--database-url", database)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = elf_migrate(tmp_path, "up", exit_code=2)
    assert "elf-migrate init" in done.stderr


def test_created_files_never_clash(tmp_path: Path) -> None:
    paths = [as_json(tmp_path, "create", "add teams")["path"] for _ in range(3)]
    assert len(set(paths)) == 3
    told = as_json(tmp_path, "create", "add users", "--depends-on", paths[0])
    assert os.path.basename(paths[0])[:-4] in (tmp_path / told["path"]).read_text()
    elf_migrate(tmp_path, "create", "???", exit_code=2)


def test_names_from_files_cannot_forge_a_terminal(project: Path, database: str) -> None:
    write(project / "migrations", B, "SELECT 'x\x1b]0;forged\x07';", "SELECT 1;")
    done = elf_migrate(project, "up", "--dry-run", "--skip-validation", "--database-url", database)
    assert "\x1b" not in done.stdout


def test_init_from_a_database(tmp_path: Path, database: str, server: Server) -> None:
    with SupabaseExecutor(database) as executor:
        executor.query(f"{TEAMS} {USERS} COMMENT ON TABLE teams IS 'x'; CREATE INDEX idx_teams ON teams (created_at);")
    url = ("--database-url", database)
    told = as_json(tmp_path, "init", "--from-database", *url)
    assert len(told["created"]) == 1
    assert as_json(tmp_path, "status", *url)["counts"] == {"completed": 1}
    assert "Nothing to do." in elf_migrate(tmp_path, "up", *url).stdout
    again = as_json(tmp_path, "init", "--from-database", *url)
    assert again["created"] == []
    elf_migrate(tmp_path, "validate", told["created"][0])
    known = (tmp_path / ".elf-sqlcheck-baseline.json").read_text()
    assert "table-without-rls" in known
    assert verify(read_directory(str(tmp_path / "migrations")), server).findings == []


def test_init_from_folders_of_sql(tmp_path: Path, database: str, server: Server) -> None:
    folder = tmp_path / "schema" / "core"
    folder.mkdir(parents=True)
    (folder / "01_teams.sql").write_text(
        f"CREATE EXTENSION IF NOT EXISTS citext;\n{TEAMS}\nCREATE INDEX idx_teams_at ON teams (created_at);\n"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
        "CREATE TRIGGER touch BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION touch();\n"
        "ALTER TABLE teams ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON teams USING (true);\n"
        "INSERT INTO teams DEFAULT VALUES;\nCREATE SCHEMA shop;\nCREATE TYPE shop.mood AS ENUM ('a', 'b');\n"
    )
    (folder / "02_users.sql").write_text(
        f"{TEAMS}\n{USERS}\nALTER TABLE users ADD COLUMN team_id uuid CONSTRAINT fk_users_team REFERENCES teams (id);\n"
        "ALTER TABLE teams ADD COLUMN mood shop.mood;\nCREATE VIEW moods AS SELECT mood FROM teams;\n"
        "COMMENT ON TABLE users IS 'people';\n"
        "GRANT SELECT ON teams TO init_reader;\n"
    )
    (folder / "03_rows.sql").write_text("UPDATE teams SET mood = 'a';\n")
    told = as_json(tmp_path, "init", "--from-sql", "schema", "--database-url", database)
    names = [os.path.basename(path)[16:-4] for path in told["created"]]
    assert names == ["initial_core_01_teams", "initial_core_02_users", "initial_core_03_rows"]
    migrations = read_directory(str(tmp_path / "migrations"))
    assert [migration.irreversible for migration in migrations] == [
        "", "", "line 1 of 03_rows.sql has no inverse: UPDATE teams SET mood = 'a'",
    ]  # fmt: skip
    assert verify(migrations, server).findings == []
    assert as_json(tmp_path, "init", "--from-sql", "schema", "--database-url", database)["created"] == []
    elf_migrate(tmp_path, "init", "--from-sql", "nowhere", "--database-url", database, exit_code=2)


def test_init_writes_a_configuration_where_there_is_none(tmp_path: Path, database: str) -> None:
    url = ("--database-url", database)
    elf_migrate(tmp_path, "init", *url)
    written = (tmp_path / "elf-sqlcheck.toml").read_text()
    assert written.splitlines()[0] == 'dir = "migrations"'
    assert 'profile = "supabase"' in written
    (tmp_path / "elf-sqlcheck.toml").write_text('dir = "elsewhere"\n')
    assert "Wrote" not in elf_migrate(tmp_path, "init", *url).stdout
    assert (tmp_path / "elf-sqlcheck.toml").read_text() == 'dir = "elsewhere"\n'
    assert (tmp_path / "elsewhere").is_dir()
