"""`elf-migrate wait` waits for what passes, and for nothing else."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import as_json, elf_migrate, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def forward(port: int, path: str) -> None:
    """Pass the first connection on to a unix socket."""
    with socket.create_server(("127.0.0.1", port)) as server:
        here, _ = server.accept()
        with here, socket.socket(socket.AF_UNIX) as there:
            there.connect(path)
            back = threading.Thread(target=pump, args=(there, here))
            back.start()
            pump(here, there)
            back.join()


def pump(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes until there are no more."""
    try:
        while data := one.recv(4096):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_database_that_comes_up_is_waited_for(tmp_path: Path, database: str) -> None:
    with SupabaseExecutor(database) as executor:
        values = executor.target.values
    port = free_port()
    path = f"{values['host']}/.s.PGSQL.{values['port']}"
    url = f"postgresql://postgres@127.0.0.1:{port}/{values['dbname']}?sslmode=disable"
    command = ["elf-migrate", "wait", "--timeout", "60", "--database-url", url]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout)
        assert next(lines).startswith("Database: ")
        assert "waiting: Cannot connect to" in next(lines)
        thread = threading.Thread(target=forward, args=(port, path), daemon=True)
        thread.start()
        assert "The database answers, after" in list(lines)[-1]
    thread.join(30)
    assert process.returncode == 0


def test_one_that_does_not_come_up_is_given_up(tmp_path: Path) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/app"
    failed = elf_migrate(tmp_path, "wait", "--timeout", "1", "--database-url", url, exit_code=2)
    assert "nothing listens there" in failed.stderr
    assert "It was waited for" in failed.stderr


def test_what_time_does_not_mend_is_told_at_once(tmp_path: Path, database: str) -> None:
    started = time.monotonic()
    url = database.replace("/test", "/no_such_database_as_test")
    failed = elf_migrate(tmp_path, "wait", "--timeout", "60", "--database-url", url, exit_code=2)
    assert "there is no such database on that server" in failed.stderr
    assert time.monotonic() - started < 30


def test_one_that_takes_no_changes_is_waited_for(tmp_path: Path, database: str) -> None:
    url = ("--database-url", f"{database}&options=-c%20default_transaction_read_only%3Don")
    failed = elf_migrate(tmp_path, "wait", "--timeout", "1", *url, exit_code=2)
    assert "its sessions are read-only" in failed.stderr
    assert as_json(tmp_path, "wait", "--database-url", database)["waited"] >= 0
