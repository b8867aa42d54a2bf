"""The vault: one encrypted file, which is read whole, changed under a lock, and put in place whole."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError, VaultDamaged
from elf_sqlcheck.shared.credentials import files, sealed
from elf_sqlcheck.shared.credentials.audit import WITHOUT_KEY, Audit, Deed, audit_path
from elf_sqlcheck.shared.credentials.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.shared.credentials.sealed import Derivation, Key


class Vault:
    """A vault file and the password that opens it; the file need not be there yet.

    Args:
        path: The file; "" when there is no place for one.
        password: The master password.
        derivation: How a new file's key is made from it; the best there is, when not given.

    Beside the file are its lock (`.lock`), its audit log (`.audit`), and the number of its last writing
    (`.generation`), by which an older copy that was put back is noticed.
    """

    def __init__(self, path: str, password: str, derivation: Derivation | None = None) -> None:
        self.path = path
        self.audit = Audit(audit_path(path))
        self.password = password
        self._derivation = derivation

    def read(self) -> Contents | None:
        """What is in it now, None when there is no such file.

        Raises:
            VaultLocked: The password is another one.
            VaultDamaged: The file was cut or changed, or is an older one.
            VaultTooNew: A later version wrote it.
            VaultUnsafe: Others may open it.
            CredentialError: It cannot be read.
        """
        # Before the file itself, since writers go the other way round.
        newest = self._newest()
        data = files.read(self.path)
        return None if data is None else self._opened(data, newest)[0]

    @contextlib.contextmanager
    def change(self, deeds: Sequence[Deed], new_password: str = "") -> Iterator[Contents]:
        """Yield the contents to be changed, and write them when the body ends well; nobody else writes meanwhile.

        Each of `deeds` (which the body may still make) is in the audit log before the file is written, and again
        afterwards. The file is made when it is not there; `new_password` takes the place of the old one.

        Raises:
            VaultBusy: Another process does not stop writing.
            CredentialError: As for `read`, or it cannot be written; it is then as it was.
        """
        with files.locked(self.path):
            newest = self._newest()
            data = files.read(self.path)
            if data is None:
                contents, key, generation = Contents(), None, newest
            else:
                contents, key, generation = self._opened(data, newest)
            yield contents
            if new_password or key is None:
                key = sealed.derive(new_password or self.password, self._derivation or sealed.Derivation.new())
            # A log that was cut is not taken as the log from now on: `audit --verify` goes on saying so.
            is_sound = self.audit.holds(contents.audited)
            for deed in deeds:
                line = self.audit.append(deed, "begun", contents.audit_key, generation=generation + 1)
                contents.audited = line if is_sound else contents.audited
            try:
                files.replace(self.path, sealed.seal(contents.to_bytes(), key, generation + 1))
            except CredentialError:
                self._note(deeds, "failed: the vault could not be written", contents, generation)
                raise
            self.password = new_password or self.password
            with contextlib.suppress(CredentialError):
                files.replace(self._counter, str(generation + 1).encode())
            self._note(deeds, "done", contents, generation)

    def log(self, contents: Contents, deed: Deed, outcome: str) -> None:
        """Add a line about what was read, or was not allowed to be. Raises CredentialError."""
        self.audit.append(deed, outcome, contents.audit_key)

    def _note(self, deeds: Sequence[Deed], outcome: str, contents: Contents, generation: int) -> None:
        """Add what became of deeds that are in the log already; if that fails, the log shows them as begun only."""
        with contextlib.suppress(CredentialError):
            for deed in deeds:
                self.audit.append(deed, outcome, contents.audit_key, generation=generation + 1)

    def _opened(self, data: bytes, newest: int) -> tuple[Contents, Key, int]:
        try:
            contents, key, generation = contents_of(self.path, data, self.password)
            if generation < newest:
                raise VaultDamaged(
                    f"{self.path} is older than the vault that was last here: it is number {generation}, "
                    f"and number {newest} has been written. What was changed since would be undone.",
                    f"Put the newest copy back; or, if this one is meant to count, remove {self._counter}.",
                )
            return contents, key, generation
        except CredentialError:
            with contextlib.suppress(CredentialError):
                self.audit.append(Deed("open"), WITHOUT_KEY, None)
            raise

    @property
    def _counter(self) -> str:
        return f"{self.path}.generation"

    def _newest(self) -> int:
        text = (files.read(self._counter) if self.path else None) or b"0"
        return int(text) if text.isdigit() else 0


def contents_of(path: str, data: bytes, password: str) -> tuple[Contents, Key, int]:
    """What is in the bytes of a vault, its key, and how often it was written; `path` is for messages.

    Raises VaultLocked, VaultDamaged and VaultTooNew, as `Vault.read` does.
    """
    envelope = sealed.read_envelope(path, data)
    text, key = sealed.unseal(path, envelope, password)
    try:
        return Contents.from_bytes(text), key, envelope.generation
    except (ValueError, TypeError, KeyError):
        raise sealed.damaged(path, "what is in it cannot be read") from None
