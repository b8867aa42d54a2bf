"""A Postgres that can be stopped as by a power cut and started again, and that listens on TCP with its own defaults."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from elf_sqlcheck.postgres.account import account
from elf_sqlcheck.postgres.find import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Seconds.
_START = 30.0


class Postgres:
    """A server of its own, stopped and started at will; `settings` are like "fsync=off".

    It keeps what Postgres does by default, fsync above all.
    """

    def __init__(self, folder: str, settings: Sequence[str] = ()) -> None:
        self._provider = find()
        self._who = account()
        self._settings = settings
        self.folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        status, output = self._who.run([self._provider.program("initdb"), *options, f"--pgdata={folder}/data"])
        if status:
            raise RuntimeError(output)

    @property
    def version(self) -> str:
        """What runs, as people say it."""
        return str(self._provider)

    def url(self, database: str = "postgres", port: int = 0) -> str:
        """The URI of a database, through a proxy when its `port` is given."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def start(self, **environment: str) -> None:
        """Start it, with more in its environment, and wait until it accepts connections."""
        chosen = ("listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}",
                  *self._settings)  # fmt: skip
        options = [option for setting in chosen for option in ("-c", setting)]
        command = [self._provider.program("postgres"), "-D", f"{self.folder}/data", *options]
        if sys.platform.startswith("linux"):
            command = ["setpriv", "--pdeathsig=QUIT", *command]
        with open(f"{self.folder}/log", "ab") as log:
            environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **environment}
            self._process = self._who.spawn(command, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + _START
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start:\n{self.log()[-2000:]}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: SIGQUIT is at once, without a checkpoint, SIGINT in good order."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START)
            self._process = None

    def log(self) -> str:
        """What the server wrote."""
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode."""
        return psycopg.connect(self.url(database), autocommit=True, **options)

    def create(self, name: str, source: str = "template1") -> str:
        """Make a database as a copy of another; returns its URI."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
            )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, with whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def own_postgres(*settings: str) -> Iterator[Postgres]:
    """Run a server of its own, whose data is removed afterwards."""
    folder = tempfile.mkdtemp(prefix="elf-faults-", dir="/tmp")
    who = account()
    if who.is_other:
        os.chown(folder, who.uid, who.gid)
    os.chmod(folder, 0o755)
    try:
        server = Postgres(folder, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
