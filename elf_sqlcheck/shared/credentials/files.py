"""Files that hold secrets: private to one account, replaced as a whole, and locked from reading to writing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError, VaultBusy, VaultUnsafe

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The file of secrets is a few kilobytes; what is larger than this is something else.
LARGEST = 16 * 1024 * 1024
#: How long a writer waits for another one, in seconds: each holds the lock for as long as a key takes to derive.
LOCK_WAIT = 60.0


def vault_path() -> str:
    """The file of the vault, whether it is there or not; "" when there is neither a name for it nor a home.

    That is ELF_CREDENTIALS, else `elf-sqlcheck/credentials.vault` in XDG_CONFIG_HOME or ~/.config. Symbolic links are
    followed, so that writing replaces the file and not the link.
    """
    named = os.environ.get("ELF_CREDENTIALS", "")
    if named:
        return os.path.realpath(os.path.expanduser(named))
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.realpath(os.path.join(base, "elf-sqlcheck", "credentials.vault")) if os.path.isabs(base) else ""


def read(path: str) -> bytes | None:
    """The bytes of a private file, None when it is not there.

    Raises:
        VaultUnsafe: Others may read it, or put another in its place.
        CredentialError: It cannot be read, or is no plain file.
    """
    try:
        # A pipe would block: https://man7.org/linux/man-pages/man2/open.2.html
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise failed("read", path, error) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise CredentialError(
                f"{path} is no vault: it is {'too large' if stat.S_ISREG(found.st_mode) else 'no plain file'}.",
                "Name the vault's file with ELF_CREDENTIALS.",
            )
        _refuse_open_to_others(path, found.st_mode)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise failed("read", path, error) from None
    finally:
        os.close(descriptor)


def _refuse_open_to_others(path: str, mode: int) -> None:
    if mode & 0o077:
        raise VaultUnsafe(
            f"Other accounts of this machine may open {path} (its mode is {stat.S_IMODE(mode):04o}).",
            f"Close it: chmod 600 {path}",
        )
    folder = os.path.dirname(path)
    above = os.stat(folder).st_mode
    if above & stat.S_IWOTH and not above & stat.S_ISVTX:
        raise VaultUnsafe(
            f"Every account of this machine may put another file in the place of {path}: its folder is open to all.",
            f"Close the folder: chmod o-w {folder}",
        )


def replace(path: str, content: bytes) -> None:
    """Put `content` in the place of the file, whole or not at all, for its owner only; the caller holds the lock.

    The file keeps its owner when root writes it. Raises CredentialError; the file is then as it was before.
    """
    new = f"{path}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            _keep_owner(descriptor, path)
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise failed("write", path, error) from None
    sync_folder(path)


def _keep_owner(descriptor: int, path: str) -> None:
    if os.geteuid() == 0:
        with contextlib.suppress(FileNotFoundError):
            before = os.stat(path)
            os.fchown(descriptor, before.st_uid, before.st_gid)


def sync_folder(path: str) -> None:
    """Make the names in the folder of `path` last; a file system that cannot do so is left as it is."""
    with contextlib.suppress(OSError):
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of the file `path` (a file beside it, which stays) from reading it to writing it.

    The folder is made, open to its owner only, when it is not there. The system ends the lock with the process.

    Raises:
        VaultBusy: Another process has held it for a minute.
        CredentialError: There is no place for it.
    """
    if not path:
        raise CredentialError(
            "There is no place for a vault: this account has no home folder.",
            "Name a file with ELF_CREDENTIALS, or a folder with XDG_CONFIG_HOME.",
        )
    name = f"{path}.lock"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise failed("write", path, error) from None
    try:
        _wait_for(descriptor, name)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, name: str) -> None:
    until = time.monotonic() + LOCK_WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise VaultBusy(
                    f"Another process has been writing the vault for {LOCK_WAIT:.0f} s: it holds {name}.",
                    f"See which one it is (fuser {name}), let it end, and run it again.",
                ) from None
            time.sleep(0.01)
        except OSError as error:
            raise failed("lock", name, error) from None


def failed(doing: str, path: str, error: OSError, variable: str = "ELF_CREDENTIALS") -> CredentialError:
    """What to raise when the system refuses to read, write or lock a file that `variable` can name otherwise."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free some space on that disk, and run it again."
    else:
        remedy = f"See to that file and its folder, or name one that is your own and can be written with {variable}."
    return CredentialError(f"Cannot {doing} {path}: {error.strerror}.", remedy)
