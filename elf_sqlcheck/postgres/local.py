"""The local database of a project: an embedded server whose data survives between runs."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import reaper
from elf_sqlcheck.postgres.account import Account, account, without_libpq_variables
from elf_sqlcheck.postgres.folders import LONGEST_SOCKET_FOLDER, flock, give, run_folder, try_lock
from elf_sqlcheck.postgres.instance import Server, command, import_driver
from elf_sqlcheck.postgres.local_data import Wanted, create, local_data_dir, profile_of, provider_of
from elf_sqlcheck.postgres.stand_ins import stand_ins

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds to wait for a server that another process starts or stops.
_PATIENCE = 60.0

_tokens = itertools.count()


@contextlib.contextmanager
def local(project_dir: str, wanted: Wanted | None = None) -> Iterator[Server]:
    """Run, or join, the local database of a project; yields it when it accepts connections.

    Processes at the same time share one server; the last one to leave stops it, however it ends, unless it is to stay
    (`resident.start`). `wanted` is what its data is made as; afterwards the data decides. While the body runs, the PG*
    variables of the user are out of this process's environment. Raises ServerError.
    """
    with joined(project_dir, wanted or Wanted()) as member:
        yield member.server


@contextlib.contextmanager
def joined(project_dir: str, wanted: Wanted) -> Iterator[Member]:
    """Have a share in the local server of a project; see `local`. Raises ServerError."""
    folder = local_data_dir(project_dir)
    who = account()
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    give(folder, who)
    users = open_users(folder)
    try:
        flock(users, fcntl.LOCK_SH, f"{folder}/users")
        member = _start_or_join(folder, who, wanted)
        with without_libpq_variables():
            try:
                import_driver()
                reaper.wait_until_ready(folder, member.server_is_gone, member.server.describe())
                member.server.sockets = reaper.pid_file(folder)[4]
                yield member
            finally:
                member.leave(is_last=locks_alone(users) and not stays(folder))
    finally:
        os.close(users)


class Member:
    """One process's share in a local server: `lifeline` keeps it alive, `started` is set in who started it."""

    def __init__(self, server: Server, lifeline: int, started: reaper.Reaper | None) -> None:
        self.server = server
        self._lifeline = lifeline
        self._started = started

    def server_is_gone(self) -> bool:
        """Whether the server has ended; takes a millisecond or two."""
        if self._started:
            return self._started.server_is_gone()
        time.sleep(0.002)
        return not is_running(self.server.folder)

    def tell(self, word: str) -> None:
        """Tell the reaper something; see its script."""
        os.write(self._lifeline, f"{word}\n".encode())

    def leave(self, *, is_last: bool) -> None:
        """Let go of the server; who is the last waits until it has written its data and stopped."""
        if self._started:
            self._started.close(wait=is_last)
        else:
            os.close(self._lifeline)
        deadline = time.monotonic() + _PATIENCE
        while is_last and is_running(self.server.folder) and time.monotonic() < deadline:
            time.sleep(0.005)


def _start_or_join(folder: str, who: Account, wanted: Wanted) -> Member:
    """Start the server in `folder`, or join the one that runs. Raises ServerError.

    Whoever gets the lock `running` starts it. The server inherits the lock, so it is free again when, and only when,
    the server is gone, however that came about.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        held = try_lock(f"{folder}/running")
        if held is not None:
            try:
                return _start(folder, who, wanted, held)
            finally:
                os.close(held)
        lifeline = join(folder)
        if lifeline is not None:
            provider = provider_of(folder, wanted)
            return Member(
                Server(provider, folder, folder, stand_ins(provider, who), profile_of(folder)), lifeline, None
            )
        time.sleep(0.005)
    raise ServerError(
        f"The local database in {folder} is in use, but its server answers to nobody.",
        "`elf-migrate local stop` stops it.",
    )


def _start(folder: str, who: Account, wanted: Wanted, held: int) -> Member:
    provider = provider_of(folder, wanted)
    if not os.path.isdir(f"{folder}/data"):
        create(folder, who, provider, wanted)
    # Nobody else is in here. A server that was killed may still have its number, where nobody asks how it ended.
    for leftover in ("data/postmaster.pid", ".s.PGSQL.5432.lock", "lifeline", "stays", "log"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/{leftover}")
    is_short = len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER
    sockets = folder if is_short else run_folder(who)
    os.mkfifo(f"{folder}/lifeline", 0o600)
    give(f"{folder}/lifeline", who)
    read = os.open(f"{folder}/lifeline", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    write = os.open(f"{folder}/lifeline", os.O_WRONLY | os.O_CLOEXEC)
    os.set_blocking(read, True)
    served = stand_ins(provider, who)
    started = reaper.launch(
        who,
        command(provider, folder, sockets, served, ()),
        folder=folder,
        lifeline=(read, write),
        signal="INT",
        remove="" if is_short else sockets,
        locked=held,
    )
    return Member(Server(provider, folder, sockets, served, profile_of(folder)), write, started)


def join(folder: str) -> int | None:
    """Take hold of the lifeline of a running server; None when it is just stopping or not quite started.

    An open lifeline is not enough, since the reaper may have seen the last user leave a moment before: it must answer.
    """
    token = f"join.{os.getpid()}.{next(_tokens)}"
    try:
        lifeline = os.open(f"{folder}/lifeline", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(lifeline, f"{token}\n".encode())
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            if os.path.exists(f"{folder}/{token}"):
                os.unlink(f"{folder}/{token}")
                return lifeline
            time.sleep(0.002)
    except OSError:
        pass
    os.close(lifeline)
    return None


def is_running(folder: str) -> bool:
    """Whether a server has the data in `folder`."""
    held = try_lock(f"{folder}/running")
    if held is not None:
        os.close(held)
    return held is None


def stays(folder: str) -> bool:
    """Whether the server in `folder`, if one runs, stays when nobody uses it."""
    return os.path.exists(f"{folder}/stays")


def open_users(folder: str) -> int:
    """Open the file on which everybody in `local()` holds a shared lock."""
    return os.open(f"{folder}/users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locks_alone(users: int) -> bool:
    """Lock the file of users for ourselves; returns whether nobody else uses the server."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
