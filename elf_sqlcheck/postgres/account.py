"""Which account a server of ours runs as, and with what environment.

Postgres refuses to run as root, and most CI containers are root. There a server runs as the account `postgres`, else
`nobody`; where changing the account is forbidden, in a user namespace of its own. So does a user without a name, as
`docker run --user 1234` makes one. Everybody else runs it as themselves. See https://www.postgresql.org/docs/current/postgres-user.html
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.machine import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: CLONE_NEWUSER of linux/sched.h, who a process is in its own namespace, and how it ends when it may not.
_NEW_USERS, _NOBODY, _REFUSED = 0x10000000, 65534, 126
#: Accounts a server may run as when we are root, best first.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """The account of a server: `uid` and `gid` own its files.

    `enter` is what a new process does first (a user namespace), `switch` are the options of `subprocess` that change
    the account; both are empty when the server runs as we do.
    """

    uid: int
    gid: int
    enter: Callable[[], None] | None = None
    switch: tuple[tuple[str, Any], ...] = ()

    @property
    def is_other(self) -> bool:
        """Whether the server runs as somebody else than we do, who cannot read what is private to us."""
        return bool(self.switch)

    def spawn(
        self, command: list[str], confined: Callable[[], None] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start `command` as this account, in `/`, with a clean environment and no terminal to be interrupted from.

        `confined` is what the process does before it becomes the program (see `sandbox`). Raises OSError when the
        program cannot be executed by the account.
        """
        first = [step for step in (self.enter, confined) if step]

        def begin() -> None:
            for step in first:
                step()

        settings: dict[str, Any] = {
            "cwd": "/",
            "env": server_environment(),
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "preexec_fn": begin if first else None,
            **dict(self.switch),
            **options,
        }
        return subprocess.Popen(command, **settings)  # noqa: S603 - programs of our own choice

    def run(self, command: list[str], *, stdin: int = subprocess.DEVNULL) -> tuple[int, str]:
        """Run `command` to its end as this account; returns its exit status and all that it printed."""
        process = self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=stdin)
        try:
            output, _ = process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode, output.decode(errors="replace")


@functools.cache
def account() -> Account:
    """Return the account that servers run as.

    Raises ServerError when it would be root, or nobody that the system knows, and nothing else is allowed.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_name(uid):
        return Account(uid, gid)
    for name in UNPRIVILEGED if uid == 0 else ():
        with _whatever_is_refused():
            entry = pwd.getpwnam(name)
            switch = (("user", entry.pw_uid), ("group", entry.pw_gid), ("extra_groups", ()))
            candidate = Account(entry.pw_uid, entry.pw_gid, switch=switch)
            if candidate.run(["true"])[0] == 0:
                return candidate
    with _whatever_is_refused():
        candidate = Account(uid, gid, _namespace(uid))
        if candidate.run(["true"])[0] == 0:
            return candidate
    if uid == 0:
        raise ServerError(
            "Postgres does not run as root, and this machine lets root become nobody else: "
            f"changing to {' or '.join(UNPRIVILEGED)} and a user namespace (unshare -U) were both refused.",
            "Run as an ordinary user, or name a server that is running with --database-url.",
        )
    raise ServerError(
        f"Postgres does not run as user {uid}, whom this system does not know (there is no such line in /etc/passwd), "
        "and a user namespace (unshare -U), where the user would have a name, was refused.",
        f"Add the user (`useradd --uid {uid} ci`), or name a server that is running with --database-url.",
    )


def _namespace(uid: int) -> Callable[[], None]:
    """What lets a process be `nobody` in a user namespace of its own, with the rights of `uid`, who we are.

    A program that did it would have to write to /proc later, when the process is confined already.
    """
    import ctypes

    library = ctypes.CDLL(None)
    whom = f"{_NOBODY} {uid} 1\n".encode()

    def enter() -> None:
        try:
            if library.unshare(_NEW_USERS):
                os._exit(_REFUSED)
            # Nothing can be imported by now where Python's own files are closed to others.
            file = os.open("/proc/self/uid_map", os.O_WRONLY)
            os.write(file, whom)
            os.close(file)
        except BaseException:  # noqa: BLE001 - it must not go on as a process of ours
            os._exit(_REFUSED)

    return enter


@contextlib.contextmanager
def _whatever_is_refused() -> Iterator[None]:
    """Go on when an account is not there, or must not be used; not when the machine has no room for a process."""
    try:
        yield
    except KeyError:
        return
    except OSError as error:
        if lacks(error):
            raise


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def server_environment() -> dict[str, str]:
    """Return the environment of a server: nothing of the user's but where programs and libraries are found.

    PGDATA, PGPORT, PGOPTIONS and the user's locale would all change what the server does.
    """
    passed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.environ.get("PATH") or os.defpath, "LC_ALL": "C", "TZ": "UTC", **passed}


@contextlib.contextmanager
def without_libpq_variables() -> Iterator[None]:
    """Take the PG* variables out of this process's environment while the body runs.

    libpq reads them beneath every connection URL: PGOPTIONS changes settings, PGREQUIREAUTH refuses our server and
    PGHOSTADDR sends the connection to another one. See https://www.postgresql.org/docs/current/libpq-envars.html
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(taken)
