"""The commands `elf-migrate credentials import`, `passwd` and `keyring`: what concerns the vault as a whole."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli import credentials_input as given_by
from elf_sqlcheck.cli.migrate_session import command_options
from elf_sqlcheck.errors import UsageError, VaultLocked

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.shared.credentials.contents import Contents
    from elf_sqlcheck.shared.credentials.vault import Vault

#: The password of the vault that is imported, when it is another one.
IMPORT_VARIABLE = "ELF_IMPORT_PASSWORD"


@click.command(name="import")
@click.argument("source")
@given_by.environment_option
@given_by.team_option
@click.option("--replace", "replacing", is_flag=True, help="Rotate what is there already with another value.")
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and change nothing.")
@command_options(database=False, folder=False)
def import_(session: Session, *, source: str, environment: str, team: str, replacing: bool, dry_run: bool) -> None:
    """Take over the credentials of a .env file, or those and the grants of another vault.

    What is there already stays as it is, unless --replace is given. Another vault is opened by the same master
    password, by ELF_IMPORT_PASSWORD, or by a prompt; its entries keep their environments and teams.

    \b
    Examples:
      elf-migrate credentials import .env.production --env production
      elf-migrate credentials import backup/credentials.vault --dry-run
    """
    from elf_sqlcheck.shared.credentials import importing
    from elf_sqlcheck.shared.credentials.audit import Deed
    from elf_sqlcheck.shared.credentials.contents import Contents

    data = _read(source)
    now = time.time()
    vault = given_by.open_vault(create=not dry_run)
    if importing.is_vault(data):
        there = _other(source, data, vault.password)
        entries, grants = list(there.entries.values()), there.grants
    else:
        entries, grants = importing.from_dotenv(source, data, environment, team, now), set()
    deeds: list[Deed] = []
    if dry_run:
        contents = (vault.read() if os.path.exists(vault.path) else None) or Contents()
        taken, kept = importing.merge(contents, entries, now, replacing=replacing)
    else:
        with vault.change(deeds) as contents:
            taken, kept = importing.merge(contents, entries, now, replacing=replacing)
            contents.grants |= grants
            deeds.extend(Deed("import", *where, f"from {source}") for where in taken)
            deeds.extend(Deed("grant", one.name, one.environment, one.team, f"from {source}") for one in sorted(grants))
    output = session.output
    output.data.update(
        dry_run=dry_run,
        imported=[one._asdict() for one in taken],
        kept=[one._asdict() for one in kept],
        grants=len(grants),
    )
    for where in taken:
        output.say(f"{'Would import' if dry_run else 'Imported'} {where}", "good")
    for where in kept:
        output.note(f"{where} is there already and stays as it is")
    if not taken:
        output.say("Nothing was imported.")
    elif not importing.is_vault(data) and not dry_run:
        output.say(f"{source} still holds the values for everybody to read: remove it when nothing needs it any more.")


@click.command()
@given_by.no_values
@command_options(database=False, folder=False)
def passwd(session: Session, *, given: tuple[str, ...]) -> None:
    """Change the master password; the new one is asked for, or comes from standard input.

    An older copy of the file still opens with the old password: remove such copies, or rotate what is in them.

    \b
    Example:
      elf-migrate credentials passwd
    """
    from elf_sqlcheck.shared.credentials import edits, master
    from elf_sqlcheck.shared.credentials.audit import Deed

    given_by.refuse_values(given)
    vault = _existing()
    new = given_by.secret("New master password")
    edits.check_password(new)
    with vault.change([Deed("change the master password")], new_password=new):
        pass
    session.output.data.update(path=vault.path)
    session.output.say(f"{vault.path} has a new master password.", "good")
    if master.is_in_keyring(vault.path):
        session.output.say(f"The keyring {master.store(vault.path, new)} has it, too.")
    if os.environ.get(master.VARIABLE):
        session.output.say(f"{master.VARIABLE} still holds the old one: change it wherever it is set.", "warn")


@click.group()
def keyring() -> None:
    """Let the keyring of the operating system open the vault, on this machine."""


@keyring.command(name="set")
@given_by.no_values
@command_options(database=False, folder=False)
def keyring_set(session: Session, *, given: tuple[str, ...]) -> None:
    """Put the master password into the keyring, and take it from there from now on.

    ELF_MASTER_PASSWORD still goes first. A keyring that keeps passwords in a plain file is refused.

    \b
    Example:
      elf-migrate credentials keyring set
    """
    from elf_sqlcheck.shared.credentials import files, master
    from elf_sqlcheck.shared.credentials.vault import Vault

    given_by.refuse_values(given)
    master.check()
    path = files.vault_path()
    if not os.path.exists(path):
        raise UsageError(f"There is no vault {path} yet.", "`elf-migrate credentials set NAME` makes it.")
    password = os.environ.get(master.VARIABLE) or given_by.secret("Master password")
    Vault(path, password).read()
    name = master.store(path, password)
    session.output.data.update(path=path, keyring=name)
    session.output.say(f"{name} opens {path} from now on.", "good")


@keyring.command(name="remove")
@command_options(database=False, folder=False)
def keyring_remove(session: Session) -> None:
    """Take the master password out of the keyring.

    \b
    Example:
      elf-migrate credentials keyring remove
    """
    from elf_sqlcheck.shared.credentials import files, master

    path = files.vault_path()
    removed = master.forget(path)
    session.output.data.update(path=path, removed=removed)
    session.output.say(
        f"The keyring no longer opens {path}: set {master.VARIABLE}." if removed else "The keyring was not in use.",
        "good",
    )


def _existing() -> Vault:
    from elf_sqlcheck.shared.credentials import files

    path = files.vault_path()
    if not os.path.exists(path):
        raise UsageError(f"There is no vault {path} yet.", "`elf-migrate credentials set NAME` makes it.")
    vault = given_by.open_vault()
    vault.read()
    return vault


def _other(source: str, data: bytes, known: str) -> Contents:
    """What is in another vault; the passwords that are at hand are tried before anybody is asked."""
    from elf_sqlcheck.shared.credentials.vault import contents_of

    given = os.environ.get(IMPORT_VARIABLE, "")
    try:
        return contents_of(source, data, given or known)[0]
    except VaultLocked as error:
        if given or not sys.stdin.isatty():
            raise VaultLocked(error.message, f"Set {IMPORT_VARIABLE} to the password of {source}.") from None
    asked = str(click.prompt(f"Master password of {source}", hide_input=True, err=True))
    return contents_of(source, data, asked)[0]


def _read(source: str) -> bytes:
    try:
        with open(source, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"Cannot read {source}: {error.strerror}.", "Name a .env file or a vault.") from None
