"""The master password: from ELF_MASTER_PASSWORD, or from the keyring of the operating system where that was chosen."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError
from elf_sqlcheck.shared.credentials import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

VARIABLE = "ELF_MASTER_PASSWORD"
_SERVICE = "elf-sqlcheck vault"
#: Modules of keyrings that encrypt what they keep, under the log-in of the user. All others are refused: a plain file,
#: one that forgets, and those that nobody here has looked at, such as those of keyrings.alt.
_TRUSTED = ("SecretService", "libsecret", "kwallet", "macOS")


def password_for(path: str) -> str | None:
    """The password for the vault at `path`, None when nobody has set one; never asks anybody.

    Raises:
        CredentialError: The keyring was chosen, but cannot be used.
    """
    given = os.environ.get(VARIABLE)
    if given or not is_in_keyring(path):
        return given or None
    backend = _backend()
    with _told("read"):
        password = backend.get_password(_SERVICE, path)
    if not password:
        raise CredentialError(
            f"The keyring of this machine ({_name(backend)}) has no master password for {path} any more.",
            f"Store it again: elf-migrate credentials keyring set; or set {VARIABLE}.",
        )
    return password


def is_in_keyring(path: str) -> bool:
    """Whether the keyring was chosen for the vault, on this machine."""
    return bool(path) and os.path.exists(_mark(path))


def check() -> None:
    """Make sure that there is a keyring to be trusted; raises CredentialError."""
    _backend()


def store(path: str, password: str) -> str:
    """Put the password into the keyring and use it from now on; returns the keyring's name. Raises CredentialError."""
    backend = _backend()
    with _told("written"):
        backend.set_password(_SERVICE, path, password)
    with files.locked(path):
        files.replace(_mark(path), f"{_name(backend)}\n".encode())
    return _name(backend)


def forget(path: str) -> bool:
    """Take the password out of the keyring; returns whether it was there. Raises CredentialError."""
    if not is_in_keyring(path):
        return False
    from keyring.errors import PasswordDeleteError

    backend = _backend()
    with _told("written"), contextlib.suppress(PasswordDeleteError):
        backend.delete_password(_SERVICE, path)
    try:
        os.unlink(_mark(path))
    except OSError as error:
        raise files.failed("remove", _mark(path), error) from None
    return True


def _mark(path: str) -> str:
    return f"{path}.keyring"


def _backend() -> KeyringBackend:
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend
    except ImportError as error:
        raise CredentialError(
            f"The keyring cannot be used: {error}.", "`pip install 'elf-sqlcheck[vault]'` brings what is missing."
        ) from None
    with _told("read"):
        chosen = keyring.get_keyring()
    offered = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    for backend in offered:
        module = type(backend).__module__
        if module.startswith("keyring.backends.") and module.rpartition(".")[2] in _TRUSTED:
            return backend
    names = ", ".join(map(_name, offered)) or "none"
    raise CredentialError(
        f"This machine has no keyring that keeps a password safe: it offers {names}.",
        f"Unlock one of GNOME, KDE or macOS (`keyring --list-backends` shows them), or set {VARIABLE} instead.",
    )


def _name(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


@contextlib.contextmanager
def _told(doing: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a keyring lets through whatever D-Bus and the libraries below it raise
        raise CredentialError(
            f"The keyring of this machine cannot be {doing}: {type(error).__name__}.",
            f"Unlock it, or set {VARIABLE} instead.",
        ) from None
