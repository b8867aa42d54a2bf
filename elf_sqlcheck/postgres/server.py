"""Start a Postgres of our own: `throwaway()` for a proof, `local()` to keep a project's data between runs."""

from __future__ import annotations

import contextlib
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import reaper, sandbox
from elf_sqlcheck.postgres.account import account, without_libpq_variables
from elf_sqlcheck.postgres.find import find
from elf_sqlcheck.postgres.folders import lock, run_folder, try_lock
from elf_sqlcheck.postgres.instance import RESTRICTED, THROW_AWAY, Server, command, import_driver
from elf_sqlcheck.postgres.local import local
from elf_sqlcheck.postgres.local_data import Wanted, local_data_dir
from elf_sqlcheck.postgres.stand_ins import NO_STAND_INS, StandIns, stand_ins
from elf_sqlcheck.postgres.template import password_of, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import psycopg

    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider
    from elf_sqlcheck.postgres.saved import SavedStates, State

#: How many bytes each process of a restricted server may ask for.
_MEMORY = 2 << 30

__all__ = ["Server", "Throwaway", "Wanted", "local", "local_data_dir", "throwaway"]


class Throwaway(Server):
    """A server whose data is removed with it."""

    def __init__(
        self,
        provider: Provider,
        folder: str,
        served: StandIns,
        started: reaper.Reaper,
        profile: str,
        password: str = "",
    ) -> None:
        super().__init__(provider, folder, folder, served, profile, password=password)
        self._started = started
        self.kept = False
        self.states: SavedStates | None = None

    def save(self, state: State, connection: psycopg.Connection[Any]) -> bool:
        """Keep what the server holds for a later run; `connection` is the only one. Returns whether it is kept."""
        return self.states is not None and self.states.save(state, f"{self.folder}/data", account(), connection)

    def keep(self) -> None:
        """Leave the server running after this process: `url` stays valid until `stop_command()` is carried out."""
        if not self.kept:
            self._started.keep()
            self.kept = True

    def leave(self) -> None:
        """Stop the server, unless it is to be kept."""
        self._started.close(wait=not self.kept)

    def stop_command(self) -> str:
        """Return the shell command that stops the server, which removes its folder too."""
        return f"kill -INT {reaper.pid_file(self.folder)[0]}"


@contextlib.contextmanager
def throwaway(
    pg_bin: str | None = None,
    major: int | None = None,
    extensions: bool = True,
    profile: str = "",
    states: SavedStates | None = None,
    meanwhile: Callable[[State | None], object] | None = None,
    restricted: bool = False,
) -> Iterator[Throwaway]:
    """Run a Postgres that leaves nothing behind, however this process ends; yields it when it accepts connections.

    `pg_bin` names its folder of programs, or several (else ELF_SQLCHECK_PG_BIN, else the best one is found), `major` is
    the one the project runs on (default 17), `extensions` offers stand-ins for extensions that the server lacks,
    `profile` "supabase" makes each database that of a Supabase project. The server begins with the best of `states`,
    and adds to them. `meanwhile` is called while it starts, with the state that it begins with. While the body runs,
    the PG* variables of the user are out of this process's environment. A `restricted` server is for what nobody has
    looked at: migrations have no superuser's rights, and bounds that they cannot change. Raises ServerError.
    """
    provider = find(pg_bin, major)
    who = account()
    served = stand_ins(provider, who) if extensions else NO_STAND_INS
    data = template(provider, who, profile, served, restricted=restricted)
    found = states.longest(repr((data, served))) if states else None
    begun = partial(meanwhile, found[0] if found else None) if meanwhile else None
    with without_libpq_variables():
        try:
            server = _start(provider, who, served, found[1] if found else data, profile, begun)
        except ServerError:
            if states is None or found is None:
                raise
            states.forget(found[0])
            found = None
            server = _start(provider, who, served, data, profile)
        finally:
            if states:
                states.release()
        server.states = states
        server.restored = found[0] if found else None
        try:
            yield server
        finally:
            server.leave()


def _start(
    provider: Provider,
    who: Account,
    served: StandIns,
    data: str,
    profile: str,
    meanwhile: Callable[[], object] | None = None,
) -> Throwaway:
    """Start a server on a copy of `data`. Raises ServerError."""
    folder = run_folder(who)
    password = password_of(data)
    settings = (*THROW_AWAY, *RESTRICTED) if password else THROW_AWAY
    try:
        held = lock(f"{folder}/.owner")
        os.rename(f"{folder}/.owner", f"{folder}/owner")
        try:
            with _sandbox(provider, served, data, folder, _MEMORY if password else 0) as confined:
                started = reaper.launch(
                    who,
                    command(provider, folder, folder, served, settings),
                    folder=folder,
                    lifeline=os.pipe(),
                    signal="QUIT",
                    template=data,
                    remove=folder,
                    locked=held,
                    confined=confined,
                )
        finally:
            os.close(held)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ServerError(f"{provider} could not be started: {error}", "Choose another one with --pg-bin.") from None
    server = Throwaway(provider, folder, served, started, profile, password)
    try:
        import_driver()
        if meanwhile:
            meanwhile()
        _sweep(os.path.dirname(folder))
        reaper.wait_until_ready(folder, started.server_is_gone, server.describe())
    except BaseException:
        server.leave()
        raise
    return server


def _sandbox(
    provider: Provider, served: StandIns, data: str, folder: str, memory: int
) -> contextlib.AbstractContextManager[Callable[[], None] | None]:
    """What keeps the server to its own folder."""
    programs = os.path.realpath(provider.program("postgres"))
    installation = [os.path.dirname(os.path.dirname(path)) for path in (programs, provider.program("postgres"))]
    # A wheel has the libraries that it brings beside its package: https://github.com/pypa/auditwheel
    installation += [f"{os.path.dirname(path)}.libs" for path in installation]
    readable = [path for path in (*installation, served.folder, data) if path not in {"", "/"}]
    return sandbox.confined(folder, readable, memory)


def _sweep(base: str) -> None:
    """Remove what servers left in `base` whose reaper was killed together with them (a container's end, kill -9 -1)."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            owner = os.path.join(entry.path, "owner")
            if entry.name.startswith("elf-") and os.path.isfile(owner):
                with contextlib.suppress(OSError, ServerError):
                    held = try_lock(owner)
                    if held is not None:
                        shutil.rmtree(entry.path, ignore_errors=True)
                        os.close(held)
