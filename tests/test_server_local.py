"""The local database of a project: its data stays, and processes at the same time share one server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres.server import local, local_data_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

#: Uses the local database of the folder argv[1] until standard input ends: writes a row, says which server it found.
USE = """
import sys, psycopg
from elf_sqlcheck.postgres.server import local
with local(sys.argv[1]) as server, psycopg.connect(server.url, autocommit=True) as connection:
    connection.execute("SELECT pg_advisory_lock(1)")  # IF NOT EXISTS is no promise between sessions
    connection.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
    connection.execute("INSERT INTO visits DEFAULT VALUES")
    connection.execute("SELECT pg_advisory_unlock(1)")
    print(connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0], flush=True)
    sys.stdin.read()
    connection.execute("SELECT 1")
"""


class User:
    """A process that uses the local database of a project until it is told to leave."""

    def __init__(self, project: str) -> None:
        command = [sys.executable, "-c", USE, project]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def found(self) -> str:
        """Wait until the process has its server; returns when that was started."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def is_running(project: str) -> bool:
    return os.path.exists(f"{local_data_dir(project)}/data/postmaster.pid")


def visits(project: str) -> int:
    with local(project) as server, psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT count(*) FROM visits").fetchone()
    assert row is not None
    count: int = row[0]
    return count


@pytest.fixture
def project(open_folder: str) -> Iterator[str]:
    yield open_folder
    # A server that outlived its test would be a failure of its own.
    deadline = time.monotonic() + 20
    while is_running(open_folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(open_folder)


def test_data_survives_between_runs(project: str) -> None:
    with local(project) as server, psycopg.connect(server.url, autocommit=True) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first = server.url
    assert not is_running(project)
    with local(os.path.join(project, ".")) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert server.url == first


def test_projects_do_not_share(project: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    assert local_data_dir(project) != local_data_dir(str(other))
    with local(project) as one, local(str(other)) as two:
        assert one.url != two.url


def test_second_process_joins_and_the_last_one_stops_the_server(project: str) -> None:
    first, second = User(project), User(project)
    assert first.found() == second.found() != ""
    first.leave()
    assert is_running(project)
    second.leave()
    assert not is_running(project)
    assert visits(project) == 2


@pytest.mark.parametrize("killed", [0, 1])
def test_user_that_is_killed_takes_nobody_with_it(project: str, killed: int) -> None:
    users = [User(project)]
    users[0].found()
    users.append(User(project))
    users[1].found()
    users.pop(killed).kill()
    time.sleep(0.2)
    users[0].leave()
    assert visits(project) == 2


def test_killed_alone_the_server_stops_in_order(project: str) -> None:
    user = User(project)
    user.found()
    user.kill()
    assert visits(project) == 1
    with open(f"{local_data_dir(project)}/log", encoding="utf-8") as log:
        assert "was not properly shut down" not in log.read()


def test_many_at_once_all_get_a_server(project: str) -> None:
    """Some of them come just when the last one leaves, and the server is stopping."""
    users = []
    for number in range(12):
        users.append(User(project))
        if number % 3 == 2:
            for user in users[-3:]:
                user.process.stdin.close()  # type: ignore[union-attr]
                user.process.stdin = None
            time.sleep(0.1)
    for user in users:
        user.leave()
    assert visits(project) == 12


def test_crash_of_the_machine_loses_nothing_committed(project: str) -> None:
    """As after a power failure: a stale postmaster.pid that says "ready", and no server."""
    with local(project) as server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE visits AS SELECT 1")
    pid_file = f"{local_data_dir(project)}/data/postmaster.pid"
    with open(pid_file, "w", encoding="utf-8") as file:
        file.write(f"{os.getppid()}\n{project}\n1\n5432\n/nowhere\n\n\nready   \n")
    assert visits(project) == 1


def test_long_data_path_gets_a_short_socket(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    long = os.path.join(project, *["a-folder-with-quite-a-long-name"] * 5)
    os.makedirs(long)
    monkeypatch.setenv("XDG_DATA_HOME", long)
    with local(project) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        sockets = server.sockets
        assert len(sockets) < 90
        User(project).leave()
    assert not os.path.exists(sockets)
    monkeypatch.undo()


@pytest.mark.usefixtures("unnamed")
def test_the_datas_own_major_decides(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = "/usr/lib/postgresql/15/bin"
    if not os.path.isdir(old):
        pytest.skip(f"no Postgres in {old}")
    with local(project, pg_bin=old) as server:
        assert server.provider.major == 15
    with local(project) as server:
        assert server.provider.major == 15
        assert "runs on Postgres 17" in server.warning
    monkeypatch.setattr("elf_sqlcheck.postgres.find.PLACES", ("/nowhere/{0}",))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ServerError, match="was made by Postgres 15, and only PostgreSQL 18") as caught, local(project):
        pass
    assert "ELF_SQLCHECK_PG_BIN" in caught.value.remedy


def test_interrupted_creation_starts_anew(project: str) -> None:
    folder = local_data_dir(project)
    os.makedirs(f"{folder}/data.new/base")
    os.chmod(folder, 0o755)
    with local(project) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not os.path.exists(f"{folder}/data.new")
