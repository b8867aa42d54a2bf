"""`CredentialManager`: asked by name, team and purpose, so that each use can be allowed, refused and told apart."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.shared.credentials.contents import Contents, Entry
    from elf_sqlcheck.shared.credentials.vault import Vault

_log = logging.getLogger(__name__)

#: Names under which the same secret is known; the first that is set wins.
_ALIASES = {
    "SUPABASE_PASSWORD": ("SUPABASE_PASSWORD", "SUPABASE_DB_PASSWORD"),
    "SUPABASE_DB_PASSWORD": ("SUPABASE_DB_PASSWORD", "SUPABASE_PASSWORD"),
    "SUPABASE_SERVICE_KEY": ("SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    "SUPABASE_PROJECT_ID": ("SUPABASE_PROJECT_ID", "SUPABASE_PROJECT_REF"),
}


@dataclass(frozen=True)
class Found:
    """A credential and where it was: `place` is "vault", "process environment" or "given mapping".

    `entry` is what the vault knows about it, without a use for the value twice; None for the other places.
    """

    name: str
    value: str = field(repr=False)
    place: str
    entry: Entry | None = None


class CredentialManager:
    """Answers with the value of a credential.

    It comes from the vault when that is open (ELF_MASTER_PASSWORD is set, or the keyring was chosen) and has the name,
    else from the environment of the process. The vault goes first because its rules would mean nothing otherwise: a
    variable that is set besides is passed over, with a warning. What the vault refuses is refused; it is not looked
    for elsewhere. Without a vault the environment is all there is, and every team may read it.

    Args:
        values: What to read instead of both.
        environment: Which environment's credentials, "" for those of no particular one; ELF_ENV when not given.
        vault: An open vault, instead of the one that is configured.
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, *, environment: str | None = None, vault: Vault | None = None
    ) -> None:
        self._values = values
        self._environment = environment
        self._vault = vault

    def get_credential(
        self, name: str, team: str = "system", purpose: str = "", *, environment: str | None = None
    ) -> str | None:
        """Return the credential, or None when nobody has set it; an empty value counts as not set.

        Args:
            name: What the credential is called, e.g. `SUPABASE_URL`; known second names are tried too.
            team: On whose behalf it is asked for; "system" is the tool itself.
            purpose: What it will be used for; goes to the log with the name, never with the value.
            environment: As for the constructor, for this once.

        Raises:
            AccessDenied: The vault does not give it to that team.
            CredentialExpired: Its time is over.
            CredentialError: There is a vault, but it cannot be opened: `errors` has a class for each reason.
        """
        found = self.find(name, team, purpose, environment=environment)
        return found.value if found else None

    def find(
        self, name: str, team: str = "system", purpose: str = "", *, environment: str | None = None
    ) -> Found | None:
        """As `get_credential`, but tell where it was found as well."""
        place = self._place(environment)
        opened = self._opened()
        if opened is None:
            found = self._outside(name)
            _log.debug(
                "credential %s %s team %s: %s",
                found.name if found else name,
                "read for" if found else "is not set; asked for by",
                team,
                purpose or "no purpose given",
            )
            return found
        return self._audited(*opened, name, team, purpose, place)

    def first_of(self, *names: str, environment: str | None = None) -> str:
        """The first of several names that the tool itself would get a value for, "" for none.

        All of them are looked for in the vault before any is looked for in the environment of the process, so that a
        DATABASE_URL in somebody's shell does not win over the SUPABASE_URL of the environment that is deployed to. No
        value is given out, so nothing goes to the audit log. One that has expired is there all the same.

        Raises CredentialError, as `get_credential` does.
        """
        opened = self._opened()
        place = self._place(environment)
        inside = (name for name in names if opened and opened[1].find(_names(name), "system", place) is not None)
        outside = (name for name in names if self._outside(name) is not None)
        return next(inside, "") or next(outside, "")

    def _audited(
        self, vault: Vault, contents: Contents, name: str, team: str, purpose: str, environment: str
    ) -> Found | None:
        from elf_sqlcheck.shared.credentials.audit import Deed
        from elf_sqlcheck.shared.credentials.contents import refuse_expired

        deed = Deed("read", name, environment, team, purpose)
        try:
            entry = contents.find(_names(name), team, environment)
            if entry is not None:
                refuse_expired(entry, time.time())
        except CredentialError as error:
            vault.log(contents, deed, f"refused: {error.message}")
            raise
        if entry is None:
            found = self._outside(name)
            vault.log(contents, deed, "given from the process environment" if found else "not set")
            return found
        vault.log(contents, deed, "given")
        self._warn(entry)
        return Found(entry.name, entry.value, "vault", entry)

    def _warn(self, entry: Entry) -> None:
        state = entry.state(time.time())
        if state != "valid":
            _warn_once(f"the credential {entry.scope} {state}: rotate it in time")
        outside = self._outside(entry.name)
        if outside is not None and outside.value != entry.value:
            _warn_once(
                f"{entry.scope} is taken from the vault; the environment variable {outside.name} says something else "
                "and is not used"
            )

    def _opened(self) -> tuple[Vault, Contents] | None:
        if self._values is not None:
            return None
        vault = self._vault or _configured_vault()
        contents = vault.read() if vault is not None else None
        return (vault, contents) if vault is not None and contents is not None else None

    def _outside(self, name: str) -> Found | None:
        source: Mapping[str, str] = os.environ if self._values is None else self._values
        for known_as in _names(name):
            value = source.get(known_as, "").strip()
            if value:
                return Found(known_as, value, "process environment" if self._values is None else "given mapping")
        return None

    def _place(self, environment: str | None) -> str:
        if environment is None:
            environment = self._environment
        return os.environ.get("ELF_ENV", "") if environment is None else environment


def closed_vault() -> str:
    """The path of a vault that is there but that nobody has opened, "" when there is none."""
    from elf_sqlcheck.shared.credentials import files, master

    path = files.vault_path()
    closed = bool(path) and not os.environ.get(master.VARIABLE) and not master.is_in_keyring(path)
    return path if closed and os.path.exists(path) else ""


@lru_cache(maxsize=256)
def _warn_once(text: str) -> None:
    """One command may ask for the same credential for each of its connections."""
    _log.warning("%s", text)


def _names(name: str) -> tuple[str, ...]:
    return _ALIASES.get(name, (name,))


def _configured_vault() -> Vault | None:
    from elf_sqlcheck.shared.credentials import files, master

    path = files.vault_path()
    password = master.password_for(path)
    if not password or not path:
        return None
    from elf_sqlcheck.shared.credentials.vault import Vault

    return Vault(path, password)
