"""A real PgBouncer in front of a test's server, in either mode."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import time
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from elf_sqlcheck.postgres.account import account

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def pgbouncer(url: str, mode: str, *, round_robin: bool = False, pool_size: int = 20) -> Iterator[str]:
    """Run a PgBouncer for the server of `url`, reached by its socket; yields the URL through it.

    Args:
        url: Whose database all clients get, as the user that the URL names; nobody is asked for a password.
        mode: `session`, `transaction` or `statement`.
        round_robin: Deal the server's connections out in turn, instead of taking the one that was used last.
        pool_size: How many connections it opens to the server.
    """
    assert PROGRAM, "no pgbouncer is installed"
    server = conninfo_to_dict(url)
    who = account()
    folder = tempfile.mkdtemp(prefix="bouncer-", dir="/tmp")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = f"""[databases]
* = host={server["host"]} port={server["port"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = {mode}
default_pool_size = {pool_size}
server_round_robin = {int(round_robin)}
logfile = {folder}/log
"""
    with open(f"{folder}/pgbouncer.ini", "w", encoding="utf-8") as file:
        file.write(settings)
    with open(f"{folder}/users.txt", "w", encoding="utf-8") as file:
        file.write(f'"{server["user"]}" ""\n')
    if who.is_other:
        for path in (folder, f"{folder}/pgbouncer.ini", f"{folder}/users.txt"):
            os.chown(path, who.uid, who.gid)
    process = who.spawn([PROGRAM, "-q", f"{folder}/pgbouncer.ini"])
    try:
        _wait(port)
        yield f"postgresql://{server['user']}@127.0.0.1:{port}/{server['dbname']}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("pgbouncer does not listen")
