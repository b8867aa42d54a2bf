"""The local database of a project: an embedded server whose data survives between runs."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
import shutil
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import reaper
from elf_sqlcheck.postgres.account import Account, account, without_libpq_variables
from elf_sqlcheck.postgres.find import DEFAULT_MAJOR, Provider, find, with_warning
from elf_sqlcheck.postgres.folders import LONGEST_SOCKET_FOLDER, data_folder, give, run_folder, try_lock
from elf_sqlcheck.postgres.instance import Server, command, import_driver
from elf_sqlcheck.postgres.stand_ins import stand_ins
from elf_sqlcheck.postgres.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds to wait for a server that another process starts or stops.
_PATIENCE = 60.0

_tokens = itertools.count()


def local_data_dir(project_dir: str) -> str:
    """Return where the local database of the project in `project_dir` is kept, whether or not it exists yet.

    It lies outside of the project, in the user's data folder (root's server cannot read root's home, so for root in
    /var/lib), and is found again by the project's real path. Raises ServerError when there is no such folder.
    """
    project = os.path.realpath(project_dir)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(project))[:24].strip("-") or "project"
    return os.path.join(data_folder(), f"{name}-{hashlib.sha256(os.fsencode(project)).hexdigest()[:10]}")


@contextlib.contextmanager
def local(project_dir: str, pg_bin: str | None = None, major: int | None = None) -> Iterator[Server]:
    """Run, or join, the local database of a project; yields it when it accepts connections.

    Processes at the same time share one server; the last one to leave stops it, however it ends. `pg_bin` and `major`
    choose the server that creates the data; afterwards the data's own major decides. While the body runs, the PG*
    variables of the user are out of this process's environment. Raises ServerError.
    """
    folder = local_data_dir(project_dir)
    who = account()
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    give(folder, who)
    users = os.open(f"{folder}/users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        member = _start_or_join(folder, who, pg_bin, major)
        with without_libpq_variables():
            try:
                import_driver()
                reaper.wait_until_ready(folder, member.server_is_gone, member.server.describe())
                member.server.sockets = reaper.pid_file(folder)[4]
                yield member.server
            finally:
                member.leave(is_last=_locks_alone(users))
    finally:
        os.close(users)


class _Member:
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
        return not _is_running(self.server.folder)

    def leave(self, *, is_last: bool) -> None:
        """Let go of the server; who is the last waits until it has written its data and stopped."""
        if self._started:
            self._started.close(wait=is_last)
        else:
            os.close(self._lifeline)
        deadline = time.monotonic() + _PATIENCE
        while is_last and _is_running(self.server.folder) and time.monotonic() < deadline:
            time.sleep(0.005)


def _start_or_join(folder: str, who: Account, pg_bin: str | None, major: int | None) -> _Member:
    """Start the server in `folder`, or join the one that runs. Raises ServerError.

    Whoever gets the lock `running` starts it. The server inherits the lock, so it is free again when, and only when,
    the server is gone, however that came about.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        held = try_lock(f"{folder}/running")
        if held is not None:
            try:
                return _start(folder, who, pg_bin, major, held)
            finally:
                os.close(held)
        lifeline = _join(folder)
        if lifeline is not None:
            provider = _provider(folder, pg_bin, major)
            return _Member(Server(provider, folder, folder, stand_ins(provider, who)), lifeline, None)
        time.sleep(0.005)
    raise ServerError(
        f"The local database in {folder} is in use, but its server answers to nobody.",
        f"Stop the process named in the first line of {folder}/data/postmaster.pid and try again.",
    )


def _start(folder: str, who: Account, pg_bin: str | None, major: int | None, held: int) -> _Member:
    provider = _provider(folder, pg_bin, major)
    if not os.path.isdir(f"{folder}/data"):
        _create(folder, who, provider)
    for leftover in (f"{folder}/data/postmaster.pid", f"{folder}/lifeline", f"{folder}/log"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(leftover)
    is_short = len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER
    sockets = folder if is_short else run_folder(who)
    os.mkfifo(f"{folder}/lifeline", 0o600)
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
    return _Member(Server(provider, folder, sockets, served), write, started)


def _provider(folder: str, pg_bin: str | None, major: int | None) -> Provider:
    """Return the Postgres for the data in `folder`: the data's own major, when there is data. Raises ServerError."""
    try:
        with open(f"{folder}/data/PG_VERSION", encoding="ascii") as file:
            of_data = int(file.read())
    except FileNotFoundError:
        return find(pg_bin, major)
    provider = find(pg_bin, of_data)
    if provider.major != of_data:
        raise ServerError(
            f"The local database in {folder} was made by Postgres {of_data}, and only {provider} is here now.",
            f"Bring Postgres {of_data} back or name it with ELF_SQLCHECK_PG_BIN; to start anew, remove that folder.",
        )
    return with_warning(provider, major or DEFAULT_MAJOR)


def _create(folder: str, who: Account, provider: Provider) -> None:
    """Make the data directory; a crash in the middle leaves only `data.new`, which the next run makes anew."""
    shutil.rmtree(f"{folder}/data.new", ignore_errors=True)
    status, output = who.run(["cp", "-R", template(provider, who), f"{folder}/data.new"])
    if status != 0:
        raise ServerError(f"The local database could not be made: {output.strip()}", "Is the disk full?")
    for path, _, names in os.walk(f"{folder}/data.new"):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
    os.rename(f"{folder}/data.new", f"{folder}/data")


def _join(folder: str) -> int | None:
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


def _is_running(folder: str) -> bool:
    held = try_lock(f"{folder}/running")
    if held is not None:
        os.close(held)
    return held is None


def _locks_alone(users: int) -> bool:
    """Whether nobody else uses the server now: everybody in `local()` holds a shared lock on the same file."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
