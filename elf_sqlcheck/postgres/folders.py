"""The folders that outlive a run (caches, data of local servers) and the locks that let processes share them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.postgres.account import Account

#: `sun_path` holds 104 bytes on macOS and 108 on Linux, and Postgres adds "/.s.PGSQL.5432" and a lock file's suffix.
LONGEST_SOCKET_FOLDER = 85

#: A memory file system smaller than this (Docker gives /dev/shm 64 MB) would fill up in the middle of a migration.
LEAST_MEMORY = 256 * 1024 * 1024


def cache_folder() -> str:
    """Return the folder of cached templates and staged programs, readable by the server; it is made when missing.

    That is `elf-sqlcheck` in XDG_CACHE_HOME or ~/.cache; for root, whose home is closed to the server's account, in
    /var/cache unless XDG_CACHE_HOME names a folder that is open. Raises ServerError.
    """
    return _first_usable("XDG_CACHE_HOME", ".cache", "/var/cache")


def data_folder() -> str:
    """Return the folder in which local servers keep their data; it is made when missing. Raises ServerError.

    The same as for caches, with XDG_DATA_HOME, ~/.local/share and /var/lib.
    """
    return _first_usable("XDG_DATA_HOME", ".local/share", "/var/lib")


def _first_usable(variable: str, home: str, system: str) -> str:
    bases = [os.environ.get(variable, ""), os.path.join(os.environ.get("HOME", ""), home)]
    bases = [base for base in bases if os.path.isabs(base)][:1]
    if os.geteuid() == 0:
        bases = [base for base in bases if lets_pass(base)]
        bases.append(system)
    paths = [os.path.join(base, "elf-sqlcheck") for base in bases]
    paths.append(f"/var/tmp/elf-sqlcheck-{os.path.basename(system)}-{os.geteuid()}")  # noqa: S108 - its owner is checked
    for path in paths:
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
                os.chmod(path, 0o755 if os.geteuid() == 0 else 0o700)  # whatever the umask takes away
            if os.geteuid() == 0 and not lets_pass(path):
                continue
            found = os.lstat(path)
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & stat.S_IWOTH
            if ours and os.access(path, os.W_OK):
                return path
    raise ServerError(
        f"There is no folder to keep the files of a Postgres server in: tried {', '.join(paths)}.",
        f"Make one of them writable for yourself, or name one that is with {variable}.",
    )


def lets_pass(path: str) -> bool:
    """Whether other accounts can reach `path`: it, or the part of it that exists, and every folder above."""
    path = os.path.realpath(path)
    while path != "/":
        with contextlib.suppress(FileNotFoundError):
            if not os.stat(path).st_mode & stat.S_IXOTH:
                return False
        path = os.path.dirname(path)
    return True


def run_folder(account: Account) -> str:
    """Make and return an empty private folder for one server: in memory when there is room, else on disk.

    Its path is short enough for a unix socket. Raises ServerError.
    """
    candidates = []
    with contextlib.suppress(OSError):
        memory = os.statvfs("/dev/shm")  # noqa: S108
        if memory.f_bavail * memory.f_frsize > LEAST_MEMORY:
            candidates.append("/dev/shm")  # noqa: S108
    candidates += [tempfile.gettempdir(), "/tmp", "/var/tmp"]  # noqa: S108
    for base in candidates:
        if len(os.fsencode(base)) + 13 > LONGEST_SOCKET_FOLDER or (account.is_other and not _open_to_all(base)):
            continue
        with contextlib.suppress(OSError):
            path = tempfile.mkdtemp(prefix="elf-", dir=base)
            give(path, account)
            return path
    raise ServerError(
        f"There is no folder for a throw-away Postgres: tried {', '.join(dict.fromkeys(candidates))}.",
        "Make one of them writable for everybody (mode 1777), as /tmp usually is.",
    )


def _open_to_all(path: str) -> bool:
    """Whether other accounts may make and remove files in `path`."""
    return bool(os.stat(path).st_mode & stat.S_IWOTH) and lets_pass(path)


def give(path: str, account: Account) -> None:
    """Make `account` the owner of `path`, when that is not us."""
    if account.is_other:
        os.chown(path, account.uid, account.gid)


def lock(path: str) -> int:
    """Lock the file `path` (made when missing), waiting for it, and return its descriptor.

    The lock ends when every copy of the descriptor is closed, however the processes that hold one end. Raises
    ServerError where there are no locks.
    """
    return _locked(path, fcntl.LOCK_EX)


def try_lock(path: str) -> int | None:
    """Lock the file `path` as `lock` does; returns None when somebody else holds it."""
    try:
        return _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _locked(path: str, how: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        flock(descriptor, how, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def flock(descriptor: int, how: int, path: str) -> None:
    """Lock an open file. Raises BlockingIOError when somebody else holds it, ServerError where there are no locks."""
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:
        raise ServerError(
            f"{path} cannot be locked: {error.strerror}.",
            "Some network file systems have no locks: name folders elsewhere with XDG_CACHE_HOME and XDG_DATA_HOME.",
        ) from None


@contextlib.contextmanager
def published(target: str, account: Account) -> Iterator[str | None]:
    """Build the folder `target` once, whoever comes first: yields where to build it, or None when it is there.

    The body fills the yielded folder, which belongs to `account`; it becomes `target` by an atomic rename, so nobody
    ever sees half of it. Others wait for the lock meanwhile.
    """
    if os.path.isdir(target):
        yield None
        return
    held = lock(f"{target}.lock")
    try:
        if os.path.isdir(target):
            yield None
            return
        build = tempfile.mkdtemp(prefix=".build-", dir=os.path.dirname(target))
        try:
            give(build, account)
            yield build
            os.chmod(build, 0o755 if os.geteuid() == 0 else 0o700)
            os.rename(build, target)
        finally:
            shutil.rmtree(build, ignore_errors=True)
    finally:
        os.close(held)
