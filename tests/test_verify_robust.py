"""Migrations that mean no good: verify comes to an end, says what happened, and leaves nothing behind."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import Options, Verification, verify
from tests.test_cli_verify import COMMAND, migration
from tests.test_server import eventually, is_alive, processes_in
from tests.test_verify import made, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

STUBBORN = (
    "SET statement_timeout = 0;\n"
    "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(9); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;"
)
LOOP = "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$;"
NONE = "-- Transaction: none\n"
ONE_SECOND = Options(statement_timeout=1)
TEAMS = made(1, "CREATE TABLE teams (id int);", "DROP TABLE teams;")


def judge(
    server: Server | str, *migrations: Migration, options: Options = ONE_SECOND
) -> tuple[list[tuple[str, str]], Verification]:
    result = verify(migrations, server, options=options)
    return shown(migrations, result), result


@pytest.mark.parametrize("up", [LOOP, f"SET statement_timeout = 0;\n{LOOP}", STUBBORN])
def test_a_loop_for_ever_ends(server: Server, up: str) -> None:
    started = time.monotonic()
    # The most stubborn one meets the rehearsals, too.
    options = ONE_SECOND if up is STUBBORN else Options(rows=0, cuts=0, observe=False, statement_timeout=1)
    found, result = judge(server, TEAMS, made(2, up), made(3, "SELECT 1;"), options=options)
    assert [rule for rule, _ in found] == ["does-not-apply"]
    assert found[0][1].startswith("DO $$") or "query_canceled" in up
    assert time.monotonic() - started < 60
    assert [step.applied for step in result.steps] == [True, False, None]
    if "SET" not in up:
        assert "not done after 1 s" in result.findings[0].message


def test_a_loop_in_down_ends_and_the_next_migration_is_judged(server: Server) -> None:
    found, result = judge(server, TEAMS, made(2, "SELECT 1;", LOOP), made(3, "DROP TABLE teams;", None))
    assert found == [("does-not-roll-back", LOOP.rstrip(";"))]
    assert [step.applied for step in result.steps] == [True, True, True]


def test_a_timeout_of_the_migrations_own_is_not_called_ours(server: Server) -> None:
    found, result = judge(
        server, made(1, "SET LOCAL statement_timeout = '20ms';\nSELECT pg_sleep(3);"), options=Options()
    )
    assert found == [("does-not-apply", "SELECT pg_sleep(3)")]
    assert "canceling statement due to statement timeout" in result.findings[0].message
    assert "not done after" not in result.findings[0].message


@pytest.mark.parametrize("header", ["", NONE])
def test_a_migration_that_ends_its_own_session(server: Server, header: str) -> None:
    up = "CREATE TABLE a (id int);\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1;"
    found, result = judge(server, TEAMS, made(2, up, header=header), made(3, "SELECT 1;"))
    assert found == [("does-not-apply", "SELECT pg_terminate_backend(pg_backend_pid())")]
    assert "ended its own session" in result.findings[0].message
    assert "Not judged" in result.notes[-1]


def test_a_rollback_that_ends_its_own_session(server: Server) -> None:
    down = "DROP TABLE a;\nSELECT pg_terminate_backend(pg_backend_pid());"
    found, result = judge(
        server, TEAMS, made(2, "CREATE TABLE a (id int);", down), made(3, "DROP TABLE a, teams;", None)
    )
    assert found == [("does-not-roll-back", "SELECT pg_terminate_backend(pg_backend_pid())")]
    assert result.steps[-1].applied


@pytest.mark.parametrize(
    ("up", "header"),
    [("BEGIN;\nCREATE TABLE a (id int);", ""), ("BEGIN;\nCREATE TABLE a (id int);", NONE), ("COMMIT;\nSELECT 1;", "")],
)
def test_transactions_of_its_own(server: Server, up: str, header: str) -> None:
    found, _ = judge(server, TEAMS, made(2, up, header=header))
    assert [rule for rule, _ in found] == ["does-not-apply"]


def test_what_drops_everything_is_judged_like_anything_else(server: Server) -> None:
    tracking = made(1, "CREATE TABLE schema_migrations (version text PRIMARY KEY);", "DROP TABLE schema_migrations;")
    found, result = judge(
        server,
        tracking,
        made(2, "DROP TABLE schema_migrations;", "CREATE TABLE schema_migrations (version text PRIMARY KEY);"),
        made(3, "DROP SCHEMA public CASCADE;", "CREATE SCHEMA public;"),
        made(4, "CREATE SCHEMA shop;\nCREATE TABLE shop.a (id int);", "DROP SCHEMA shop CASCADE;"),
    )
    assert all(step.applied for step in result.steps)
    assert {rule for rule, _ in found} <= {"rollback-does-not-restore", "round-trip-loses-data"}


def test_settings_of_the_database_and_of_roles(server: Server) -> None:
    name = "SELECT current_database()"
    up = f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = nowhere', ({name})); END $$;"
    back = f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET search_path', ({name})); END $$;"
    found, result = judge(
        server,
        TEAMS,
        made(2, up, back),
        made(3, "ALTER ROLE CURRENT_USER SET lock_timeout = '1ms';", "ALTER ROLE CURRENT_USER RESET lock_timeout;"),
        made(4, "CREATE TABLE public.b (id int);", "DROP TABLE public.b;"),
        made(5, "ALTER ROLE CURRENT_USER RESET lock_timeout;", None),
    )
    assert found == []
    assert all(step.applied for step in result.steps)


def test_memory_that_no_server_has(server: Server) -> None:
    up = "DO $$ DECLARE a text := repeat('x', 1000000); BEGIN LOOP a := a || a; END LOOP; END $$;"
    found, result = judge(server, made(1, up))
    assert [rule for rule, _ in found] == ["does-not-apply"]
    assert "memory" in result.findings[0].message or "not done after" in result.findings[0].message


def test_a_server_that_is_killed_is_a_clear_error() -> None:
    with throwaway() as running:
        folder = running.folder

        def kill() -> None:
            wanted = (
                "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'elf%' AND state = 'active' "
                "AND now() - query_start > interval '0.5 s'"
            )
            with running.connect() as connection:
                while not (row := connection.execute(wanted).fetchone()):
                    time.sleep(0.01)
            os.kill(row[0], signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(ServerError, match=r"m1\.sql: .*The server's last words: .*terminated by signal 9"):
            verify([made(1, "SELECT pg_sleep(77);")], running, options=Options())
        thread.join()
    assert not os.path.exists(folder)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY teams FROM PROGRAM 'echo 1; touch {file}'",
        "COPY (SELECT 1) TO '{file}'",
        "SELECT pg_read_file('/etc/hostname')",
        "DO $$ BEGIN PERFORM lo_export(lo_from_bytea(0, 'x'), '{file}'); END $$",
    ],
)
def test_files_and_programs_are_out_of_reach(server: Server, open_folder: str, statement: str) -> None:
    os.chmod(open_folder, 0o777)
    sql = statement.format(file=f"{open_folder}/made")
    found, result = judge(server, TEAMS, made(2, f"SELECT 1;\n{sql};"))
    assert [rule for rule, _ in found] == ["does-not-apply"]
    assert found[0][1] in sql
    assert "it was not run, because" in result.findings[0].message
    assert os.listdir(open_folder) == []
    down = judge(server, TEAMS, made(2, "SELECT 1;", f"{sql};"))[0]
    assert [rule for rule, _ in down] == ["does-not-roll-back"]
    unjudged = verify([TEAMS, made(2, f"{sql};")], server, only=[TEAMS.path])
    assert unjudged.steps[1].applied is False
    assert os.listdir(open_folder) == []


def test_a_function_that_would_reach_files_is_only_made(server: Server) -> None:
    make = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT pg_read_file('/etc/hostname') $$;"
    assert judge(server, made(1, make, "DROP FUNCTION f;"))[0] == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER SYSTEM SET work_mem = '5MB'",
        "CREATE DATABASE elf_not_ours",
        "DROP DATABASE guarded_data WITH (FORCE)",
        "ALTER DATABASE postgres SET work_mem = '5MB'",
    ],
)
def test_a_server_of_others_is_not_touched_beyond_our_database(independent_server: Any, statement: str) -> None:
    with SupabaseExecutor(independent_server.url()) as executor:
        state = (
            "SELECT (SELECT json_agg(datname ORDER BY 1) FROM pg_database) AS names, "
            "(SELECT count(*) FROM pg_db_role_setting) AS settings, (SELECT count(*) FROM pg_file_settings) AS files"
        )
        executor.query("CREATE DATABASE guarded_data")
        before = executor.query(state)
        found, result = judge(independent_server.url(), made(1, f"{statement};", header=NONE))
        assert found == [("does-not-apply", statement)]
        assert "your server" in result.findings[0].message
        assert executor.query(state) == before
        executor.query("DROP DATABASE guarded_data")


def test_on_a_server_of_ours_databases_and_settings_go_with_it() -> None:
    with throwaway() as running:
        found, _ = judge(
            running,
            made(1, "CREATE DATABASE more;", "DROP DATABASE more;", header=NONE),
            made(2, "ALTER SYSTEM SET work_mem = '5MB';", "ALTER SYSTEM RESET work_mem;", header=NONE),
            made(3, "DROP DATABASE postgres WITH (FORCE);", None, header=NONE),
        )
    assert found == [("does-not-apply", "DROP DATABASE postgres WITH (FORCE)")]


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command while a migration of its runs for long, and the folder of its server."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_sleep.sql").write_text(migration("SELECT pg_sleep(88);"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    with subprocess.Popen(
        [COMMAND, "verify", "--isolated", "--dir", "migrations"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert eventually(lambda: bool(servers(process.pid, "query_start < now() - interval '0.5 s'")), 60)
        yield process, servers(process.pid)[0]
        if process.poll() is None:
            process.kill()


def servers(pid: int, doing: str = "true") -> list[str]:
    """The folder of the server below a process in which a session of the proof does that, in pg_stat_activity."""
    for name in glob.glob("/dev/shm/elf-*/data/postmaster.pid") + glob.glob("/tmp/elf-*/data/postmaster.pid"):
        folder = name.removesuffix("/data/postmaster.pid")
        try:
            with open(name, encoding="ascii") as file:
                reaper = _parent(int(file.readline()))
            if pid not in {reaper, _parent(reaper)}:
                continue
            url = f"host={folder} port=5432 user=postgres dbname=postgres"
            with psycopg.connect(url) as connection:
                asked = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'elf%' AND state = 'active' AND "
                row = connection.execute((asked + doing).encode()).fetchone()
                if row and row[0]:
                    return [folder]
        except (OSError, ValueError, psycopg.Error):
            continue
    return []


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_nothing_is_left_of_a_command_that_is_interrupted(
    sleeping: tuple[subprocess.Popen[str], str], how: signal.Signals
) -> None:
    process, folder = sleeping
    ends_cleanly(process, folder, how)


def ends_cleanly(process: subprocess.Popen[str], folder: str, how: signal.Signals) -> None:
    """Interrupt a command, and see that neither its server nor its folder outlives it."""
    with open(f"{folder}/data/postmaster.pid", encoding="ascii") as file:
        postmaster = int(file.readline())
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert eventually(lambda: not is_alive(postmaster) and not os.path.exists(folder) and not processes_in(folder))
    assert "Traceback" not in errors
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted" in errors
