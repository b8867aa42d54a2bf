"""`elf-migrate local`: a database of the project's own that stays until it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.postgres.server import local, local_data_dir
from tests.migrate_command import as_json, elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

A = "20250101_000001_notes"
UP = (
    "CREATE TABLE IF NOT EXISTS notes "
    "(id UUID DEFAULT gen_random_uuid() PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW());"
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    write(tmp_path / "migrations", A, UP, "DROP TABLE IF EXISTS notes;")
    (tmp_path / "elf-sqlcheck.toml").write_text("")
    yield tmp_path
    elf_migrate(tmp_path, "local", "stop")
    assert not as_json(tmp_path, "local", "status")["running"]


def url_of(project: Path) -> str:
    return elf_migrate(project, "local", "url").stdout.strip()


def tables(project: Path) -> int:
    with psycopg.connect(url_of(project)) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'notes'").fetchone()
    assert row is not None
    return int(row[0])


def processes(project: Path) -> tuple[int, int]:
    """The process of the server, and the one that watches over it."""
    with open(f"{local_data_dir(str(project))}/data/postmaster.pid", encoding="utf-8") as file:
        server = int(file.readline())
    with open(f"/proc/{server}/stat", encoding="utf-8") as file:
        return server, int(file.read().rpartition(")")[2].split()[1])


def test_it_stays_from_start_to_stop_and_its_data_for_longer(project: Path) -> None:
    assert "is not running" in elf_migrate(project, "local", "url", exit_code=2).stderr
    assert "none yet" in elf_migrate(project, "local", "status").stdout
    elf_migrate(project, "local", "start")
    assert url_of(project).startswith("postgresql://postgres@/postgres?host=/")
    elf_migrate(project, "up")
    assert tables(project) == 1
    assert "was running" in elf_migrate(project, "local", "start").stdout
    found = as_json(project, "local", "status")
    assert (found["running"], found["stays"], found["exists"]) == (True, True, True)
    elf_migrate(project, "local", "stop")
    assert "is not running" in elf_migrate(project, "local", "url", exit_code=2).stderr
    elf_migrate(project, "local", "start")
    assert tables(project) == 1


def test_env_local_goes_before_what_is_configured(project: Path) -> None:
    (project / "elf-sqlcheck.toml").write_text('[env.production]\nurl-env = "PROD_URL"\n')
    told = elf_migrate(project, "status", "--env", "local", PROD_URL="postgresql://nobody@127.0.0.1:1/x")
    assert "Database: the local database" in told.stdout
    told = elf_migrate(project, "status", ELF_ENV="local", PROD_URL="postgresql://nobody@127.0.0.1:1/x")
    assert "Database: the local database" in told.stdout


def test_two_starts_at_once_are_one_server(project: Path) -> None:
    command = ["elf-migrate", "local", "start"]
    starts = [
        subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [start.communicate()[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], said
    assert all(url_of(project) in text for text in said)


def test_two_projects_have_two_servers(project: Path) -> None:
    other = project / "other"
    other.mkdir()
    (other / "elf-sqlcheck.toml").write_text("")
    elf_migrate(project, "local", "start")
    elf_migrate(other, "local", "start")
    try:
        elf_migrate(project, "up")
        assert (tables(project), tables(other)) == (1, 0)
    finally:
        elf_migrate(other, "local", "stop")
    assert tables(project) == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds the processes in /proc")
def test_it_starts_again_after_the_machine_went_down(project: Path) -> None:
    elf_migrate(project, "local", "start")
    elf_migrate(project, "up")
    server, reaper = processes(project)
    os.kill(reaper, signal.SIGKILL)
    os.kill(server, signal.SIGKILL)
    found = as_json(project, "local", "status")
    assert (found["stays"], found["url"]) == (False, "") or found["running"]
    elf_migrate(project, "local", "start")
    assert tables(project) == 1
    assert processes(project)[0] != server


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds the processes in /proc")
def test_a_server_that_nobody_watches_over_can_be_stopped(project: Path) -> None:
    elf_migrate(project, "local", "start")
    os.kill(processes(project)[1], signal.SIGKILL)
    elf_migrate(project, "local", "stop")
    assert not as_json(project, "local", "status")["running"]
    elf_migrate(project, "local", "start")
    assert tables(project) == 0


def test_reset_asks_and_makes_it_anew(project: Path) -> None:
    elf_migrate(project, "local", "start")
    elf_migrate(project, "up")
    refused = elf_migrate(project, "local", "reset", stdin="n\n", exit_code=2)
    assert "Throw away all data" in refused.stdout
    assert tables(project) == 1
    with local(str(project)):
        busy = elf_migrate(project, "local", "reset", "--yes", exit_code=2)
    assert "Another command works on the local database" in busy.stderr
    elf_migrate(project, "local", "reset", "--yes")
    assert tables(project) == 0, "it runs again, and is empty"
    elf_migrate(project, "up")
    assert tables(project) == 1


def test_with_the_profile_it_is_a_project_of_supabase(project: Path) -> None:
    told = elf_migrate(project, "status")
    assert "was made" not in told.stdout
    (project / "elf-sqlcheck.toml").write_text('profile = "supabase"\n')
    assert "was made without a profile" in elf_migrate(project, "status").stdout
    elf_migrate(project, "local", "reset", "--yes")
    uses = (
        "CREATE TABLE IF NOT EXISTS notes (id UUID PRIMARY KEY REFERENCES auth.users (id), "
        "created_at TIMESTAMP DEFAULT NOW());\n"
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;\n"
        "DROP POLICY IF EXISTS own ON notes;\n"
        "CREATE POLICY own ON notes FOR SELECT TO authenticated USING ((SELECT auth.uid()) = id);\n"
        "GRANT SELECT ON notes TO reporting;"
    )
    write(project / "migrations", A, uses, "DROP TABLE IF EXISTS notes;")
    told = elf_migrate(project, "up", "--skip-validation")
    assert "made the roles that the migrations name but do not make: reporting" in told.stdout
    elf_migrate(project, "local", "start")
    with psycopg.connect(url_of(project)) as connection:
        row = connection.execute("SELECT current_user, current_setting('is_superuser')").fetchone()
    assert row == ("postgres", "off")


def test_psql_gets_its_arguments_and_the_database(project: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    psql = programs / "psql"
    psql.write_text('#!/bin/sh\necho "$@"\ntest "$3" != fail\n')
    psql.chmod(0o755)
    path = f"{programs}{os.pathsep}{environment()['PATH']}"
    done = elf_migrate(project, "local", "psql", "-c", "SELECT 1", PATH=path)
    assert "-c SELECT 1" in done.stdout
    assert "postgresql://postgres@/postgres?host=" in done.stdout
    elf_migrate(project, "local", "psql", "-c", "fail", PATH=path, exit_code=1)
