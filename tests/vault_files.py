"""Vaults for tests: real ones, whose keys cost little to derive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.shared.credentials import edits
from elf_sqlcheck.shared.credentials.audit import Deed
from elf_sqlcheck.shared.credentials.sealed import Derivation
from elf_sqlcheck.shared.credentials.vault import Vault
from tests.migrate_command import environment

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse c4n4ry-M4ster"
CANARY = "c4n4ry-Pa55 \"with' $quotes"


def cheap() -> Derivation:
    """The least that Argon2id can cost."""
    return Derivation.new("argon2id", (8, 1, 1))


def vault_in(folder: Path, password: str = PASSWORD) -> Vault:
    """A vault in a private folder that need not be there."""
    return Vault(str(folder / "vault" / "credentials.vault"), password, cheap())


def put(vault: Vault, name: str, value: str = CANARY, env: str = "", team: str = "", *, expires: float | None = None,
        replacing: bool = False) -> None:  # fmt: skip
    """Set an entry, in the way that the command does."""
    where = edits.scope(name, env, team)
    with vault.change([Deed("set", *where)]) as contents:
        edits.put(contents, where, value, time.time(), expires=expires, replacing=replacing)


def allow(vault: Vault, team: str, *names: str, env: str = "") -> None:
    """Grant names to a team, in the way that the command does."""
    made = edits.grants(team, names, env)
    with vault.change([Deed("grant", one.name, one.environment, one.team) for one in made]) as contents:
        contents.grants.update(made)


def names_in(vault: Vault) -> set[str]:
    """The names of what is in the vault."""
    contents = vault.read()
    return {scope.name for scope in contents.entries} if contents else set()


def faults_of(vault: Vault) -> list[str]:
    """What is wrong with the audit log."""
    contents = vault.read()
    assert contents is not None
    return vault.audit.faults(contents.audit_key, contents.audited)


def known(vault: Vault, **more: str) -> dict[str, str]:
    """Variables with which a process opens the vault."""
    return environment(ELF_CREDENTIALS=vault.path, ELF_MASTER_PASSWORD=PASSWORD, **more)


def python(code: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start a Python that runs `code` with exactly these variables."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=variables or dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
