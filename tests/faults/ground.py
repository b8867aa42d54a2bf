"""Where the trials take place: a server, a database that is empty again and again, and deployers at hand."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.faults.chains import chain
from tests.faults.judging import State, differences, state
from tests.faults.proxy import Proxy
from tests.faults.server import own_postgres
from tests.forks import Forks
from tests.migrate_command import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tests.faults.server import Postgres
    from tests.forks import Deployer, Ended

DATABASE = "trial"
#: Seconds a release pipeline would go on trying; the server needs a moment to notice that a client is gone.
_PATIENCE = 20.0
#: With what a deployer may end that was disturbed: done, failed, no connection, no lock; -9 is killed.
ENDS = (0, 1, 2, 4, -9)
_COMPLETED = "SELECT version FROM public.schema_migrations WHERE status = 'completed' ORDER BY 1"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Ground:
    """The place of all trials of a worker.

    Attributes:
        versions: Those of the chain, in order.
        expected: What an undisturbed run leaves.
        messages: What went over the wire in that run.
        disturbed: How many of the deployers that were judged did not get to the end.
        retries: How often a rerun had to be repeated because an earlier session was still at work.
    """

    def __init__(self, server: Postgres, forks: Forks, folder: str) -> None:
        self.server = server
        self.forks = forks
        self.folder = folder
        self.versions = chain(Path(folder))
        self.disturbed = 0
        self.retries = 0
        self.fresh()
        with Proxy(server.port) as proxy:
            undisturbed = self.start(port=proxy.port).wait()
        assert undisturbed.code == 0, undisturbed.said
        self.messages = proxy.seen
        self.expected = self.state()
        assert not self.differences()

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection to the database of the trial."""
        return self.server.connect(DATABASE, **options)

    def fresh(self) -> None:
        """Begin anew with an empty database."""
        self.server.drop(DATABASE)
        self.server.create(DATABASE)

    def set(self, name: str, value: str | None) -> None:
        """Set what sessions of the database begin with, or take that back."""
        wanted = sql.SQL("SET {} = {}") if value else sql.SQL("RESET {}")
        change = wanted.format(sql.Identifier(name), *([sql.Literal(value)] if value else []))
        with self.server.connect() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(DATABASE), change))

    def start(self, *more: str, port: int = 0) -> Deployer:
        """Start `elf-migrate up`, through a proxy when its port is given."""
        url = f"{self.server.url(DATABASE, port)}?sslmode=disable&gssencmode=disable"
        return self.forks.start("up", "--database-url", url, *more)

    def state(self) -> State:
        """What the database holds now."""
        with self.connect() as connection:
            return state(connection)

    def rerun(self) -> Ended:
        """Run `elf-migrate up` again, as a pipeline would: a few times, while an earlier session is still at work."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            ended = self.start("--lock-wait", "10").wait()
            if ended.code == 0 or time.monotonic() > deadline or not self._is_somebody_at_work():
                return ended
            self.retries += 1
            time.sleep(0.1)

    def judge(self, *earlier: Ended) -> list[str]:
        """Rerun, and say what is not as it would be after an undisturbed run; [] when all is well.

        Who said that all is done must have been right: when one of `earlier` ended with 0, it is so before the rerun.
        """
        self.disturbed += sum(ended.code != 0 for ended in earlier)
        wrong = [
            f"it ended with {ended.code}: {ended.said.strip()[-600:]}" for ended in earlier if ended.code not in ENDS
        ]
        if any(ended.code == 0 for ended in earlier):
            wrong += [f"it ended with 0, but {told}" for told in self.differences()]
        ended = self.rerun()
        if ended.code:
            return [*wrong, f"the rerun ended with {ended.code}: {ended.said.strip()[-600:]}"]
        return wrong + self.differences()

    def done(self) -> list[str]:
        """The versions that are applied, in order."""
        with self.connect() as connection:
            rows = connection.execute(_COMPLETED).fetchall()
        return [row[0] for row in rows]

    def differences(self) -> list[str]:
        """What is not as after an undisturbed run."""
        told = differences(self.expected, self.state(), self.versions)
        with SupabaseExecutor(self.server.url(DATABASE)) as executor:
            told += [f"the history was tampered with: {problem}" for problem in History(executor).check().problems]
        return told

    def _is_somebody_at_work(self) -> bool:
        with self.connect() as connection:
            row = connection.execute(_OTHERS).fetchone()
            return bool(row and row[0])


@contextlib.contextmanager
def ground(*settings: str) -> Iterator[Ground]:
    """Make a ground of its own, with a server that trusts the operating system to keep what it writes."""
    folder = tempfile.mkdtemp(prefix="elf-trials-")
    os.chmod(folder, 0o755)
    try:
        with own_postgres("fsync=off", *settings) as server, Forks(folder, environment(COLUMNS="500")) as forks:
            yield Ground(server, forks, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
