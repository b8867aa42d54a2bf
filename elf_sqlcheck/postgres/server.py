"""Start a Postgres of our own: `throwaway()` for a proof, `local()` to keep a project's data between runs."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import reaper
from elf_sqlcheck.postgres.account import account, without_libpq_variables
from elf_sqlcheck.postgres.find import Provider, find
from elf_sqlcheck.postgres.folders import lock, run_folder, try_lock
from elf_sqlcheck.postgres.instance import THROW_AWAY, Server, command, import_driver
from elf_sqlcheck.postgres.local import local, local_data_dir
from elf_sqlcheck.postgres.stand_ins import NO_STAND_INS, StandIns, stand_ins
from elf_sqlcheck.postgres.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Server", "Throwaway", "local", "local_data_dir", "throwaway"]


class Throwaway(Server):
    """A server whose data is removed with it."""

    def __init__(self, provider: Provider, folder: str, served: StandIns, started: reaper.Reaper, profile: str) -> None:
        super().__init__(provider, folder, folder, served, profile)
        self._started = started
        self.kept = False

    def keep(self) -> None:
        """Leave the server running after this process: `url` stays valid until `stop_command()` is carried out."""
        if not self.kept:
            self._started.keep()
            self.kept = True

    def stop_command(self) -> str:
        """Return the shell command that stops the server, which removes its folder too."""
        return f"kill -INT {reaper.pid_file(self.folder)[0]}"


@contextlib.contextmanager
def throwaway(
    pg_bin: str | None = None, major: int | None = None, extensions: bool = True, profile: str = ""
) -> Iterator[Throwaway]:
    """Run a Postgres that leaves nothing behind, however this process ends; yields it when it accepts connections.

    `pg_bin` names its folder of programs (else ELF_SQLCHECK_PG_BIN, else the best one is found), `major` is the one
    the project runs on (default 17), `extensions` offers stand-ins for extensions that the server lacks, `profile`
    "supabase" makes each database that of a Supabase project. While the body runs, the PG* variables of the user are
    out of this process's environment. Raises ServerError.
    """
    provider = find(pg_bin, major)
    who = account()
    served = stand_ins(provider, who) if extensions else NO_STAND_INS
    data = template(provider, who, profile, served)
    folder = run_folder(who)
    try:
        held = lock(f"{folder}/.owner")
        os.rename(f"{folder}/.owner", f"{folder}/owner")
        try:
            started = reaper.launch(
                who,
                command(provider, folder, folder, served, THROW_AWAY),
                folder=folder,
                lifeline=os.pipe(),
                signal="QUIT",
                template=data,
                remove=folder,
                locked=held,
            )
        finally:
            os.close(held)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ServerError(f"{provider} could not be started: {error}", "Choose another one with --pg-bin.") from None
    server = Throwaway(provider, folder, served, started, profile)
    with without_libpq_variables():
        try:
            import_driver()
            _sweep(os.path.dirname(folder))
            reaper.wait_until_ready(folder, started.server_is_gone, server.describe())
            yield server
        finally:
            started.close(wait=not server.kept)


def _sweep(base: str) -> None:
    """Remove what servers left in `base` whose reaper was killed together with them (a container's end, kill -9 -1)."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            owner = os.path.join(entry.path, "owner")
            if entry.name.startswith("elf-") and os.path.isfile(owner):
                with contextlib.suppress(OSError):
                    held = try_lock(owner)
                    if held is not None:
                        shutil.rmtree(entry.path, ignore_errors=True)
                        os.close(held)
