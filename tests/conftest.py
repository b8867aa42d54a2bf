"""Servers and databases for the tests: real ones, one set for each worker of pytest-xdist."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.postgres.account import account
from elf_sqlcheck.postgres.find import find
from elf_sqlcheck.postgres.server import Server, throwaway
from elf_sqlcheck.postgres.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Every Postgres that the tests prove on: those that ELF_SQLCHECK_PG_BIN names, else the embedded wheel (None), and the
#: oldest that Supabase still runs, where Debian puts it.
INSTALLED: dict[str, str | None] = {
    folder: folder for folder in os.environ.get("ELF_SQLCHECK_PG_BIN", "").split(os.pathsep) if folder
} or {"embedded": None, "installed15": "/usr/lib/postgresql/15/bin"}

_numbers = itertools.count(1)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background with Ctrl-C ignored, and every command of the tests would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_data_home() -> Iterator[None]:
    """Keep the local servers and the vault of the tests, and of the commands they run, away from the user's."""
    folder = tempfile.mkdtemp(prefix="sqlcheck-data-", dir="/tmp")
    os.chmod(folder, 0o755)
    own = {"XDG_DATA_HOME": folder, "ELF_CREDENTIALS": f"{folder}/credentials.vault", "ELF_MASTER_PASSWORD": ""}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    shutil.rmtree(folder)


@pytest.fixture(scope="session", params=INSTALLED)
def pg_bin(request: pytest.FixtureRequest) -> str:
    """The folder of programs of each Postgres in turn."""
    folder = INSTALLED[request.param]
    if folder is None:
        return find(major=18).bin_dir
    if not os.path.isdir(folder):
        pytest.skip(f"no Postgres in {folder}")
    return folder


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no Postgres, so that the test may find out what is found then."""
    monkeypatch.delenv("ELF_SQLCHECK_PG_BIN", raising=False)


@pytest.fixture
def open_folder() -> Iterator[str]:
    """An empty folder with a short path that every account can enter, which pytest's own are not."""
    folder = tempfile.mkdtemp(prefix="sqlcheck-test-", dir="/tmp")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A throw-away server on the best Postgres of this machine."""
    with throwaway() as running:
        yield running


@pytest.fixture(scope="session")
def supabase_server() -> Iterator[Server]:
    """A throw-away server each of whose databases is a Supabase project."""
    with throwaway(profile="supabase") as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The URL of a fresh, empty database, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture(scope="session")
def independent_server() -> Iterator[Any]:
    """A server that is none of ours, for --database-url: `testing.postgresql`, on TCP, `.url(database=…)`.

    Everybody on this machine is trusted but the role `guarded`, who must give the password `correct horse`.
    """
    import psycopg
    import testing.postgresql

    provider = find()
    who = account()

    class Independent(testing.postgresql.Postgresql):  # type: ignore[misc]
        """Runs as an account that Postgres accepts, and dies with us."""

        def initialize_database(self) -> None:
            with open(f"{self.base_dir}/data/pg_hba.conf", "r+", encoding="utf-8") as file:
                rules = file.read()
                file.seek(0)
                file.write(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules}")
            if who.is_other:
                for path, _, names in os.walk(self.base_dir):
                    for name in ("", *names):
                        os.chown(os.path.join(path, name), who.uid, who.gid)

        def get_server_commandline(self) -> list[str]:
            command: list[str] = super().get_server_commandline()
            if not sys.platform.startswith("linux"):
                return command
            switch = [f"--reuid={who.uid}", f"--regid={who.gid}", "--clear-groups"] if who.is_other else []
            namespace = ["unshare", "-U", "--map-user=65534"] if who.enter else []
            return ["setpriv", *switch, "--pdeathsig=QUIT", *namespace, *command]

    folder = tempfile.mkdtemp(prefix="elf-", dir="/tmp")
    independent = Independent(
        base_dir=folder,
        initdb=provider.program("initdb"),
        postgres=provider.program("postgres"),
        copy_data_from=template(provider, who),
    )
    try:
        with psycopg.connect(independent.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'correct horse'")
        yield independent
    finally:
        independent.stop()
        shutil.rmtree(folder)
