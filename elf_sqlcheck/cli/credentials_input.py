"""What the commands of `elf-migrate credentials` are told in secret: by a prompt that shows nothing, or a pipe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from elf_sqlcheck.errors import UsageError, VaultLocked

if TYPE_CHECKING:
    from elf_sqlcheck.shared.credentials.vault import Vault

#: Takes what must not be there, so that it is refused in our words, which do not repeat it.
no_values = click.argument("given", nargs=-1, metavar="")
environment_option = click.option("--env", "environment", metavar="NAME", default=lambda: os.environ.get("ELF_ENV", ""),
                                  help="The environment (default: ELF_ENV, else for all of them).")  # fmt: skip
team_option = click.option("--team", metavar="TEAM", default="", help="The team whose own it is (default: of no team).")
expires_option = click.option("--expires", metavar="DAY", help="2026-01-31, or 90d, or never.")


def refuse_values(given: tuple[str, ...]) -> None:
    """Refuse anything secret that came as an argument; raises UsageError."""
    if given:
        raise UsageError(
            "A value or a password is never taken from the command line: it would stay in the shell's history, and "
            "every user of the machine could see it in the list of processes. Take the one just given as known.",
            'Leave it out and answer the prompt, or pipe it in: printf %s "$VALUE" | elf-migrate credentials set NAME',
        )


def secret(label: str) -> str:
    """Ask twice for something without showing it; what does not come from a terminal is read whole, but for its end.

    Raises UsageError when it is empty or no text.
    """
    if sys.stdin.isatty():
        text = str(
            click.prompt(label, hide_input=True, confirmation_prompt=True, err=True, default="", show_default=False)
        )
    else:
        try:
            text = sys.stdin.buffer.read().decode()
        except UnicodeDecodeError:
            raise UsageError(f"The {label.lower()} on standard input is no UTF-8 text.", "Encode it first.") from None
        text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip() or "\0" in text:
        raise UsageError(
            f"There is no {label.lower()} on standard input, or it holds a NUL byte; nothing was changed.",
            "Answer the prompt in a terminal, or pipe it in.",
        )
    return text


def open_vault(*, create: bool = False) -> Vault:
    """The configured vault with its password, which is asked for in a terminal when nobody has set it.

    Args:
        create: Whether the vault may be a new one; its password must be a good one then.

    Raises:
        VaultLocked: There is no password, and no terminal to ask for it.
        UsageError: The password of a new vault is too short.
        CredentialError: The keyring cannot be used.
    """
    from elf_sqlcheck.shared.credentials import edits, files, master
    from elf_sqlcheck.shared.credentials.vault import Vault

    path = files.vault_path()
    is_new = create and not os.path.exists(path)
    password = master.password_for(path)
    if not password:
        if not sys.stdin.isatty():
            raise VaultLocked(
                f"The vault {path} needs its master password, and there is no terminal to ask for it.",
                f"Set {master.VARIABLE}.",
            )
        label = f"{'New master' if is_new else 'Master'} password of {path}"
        password = str(click.prompt(label, hide_input=True, confirmation_prompt=is_new, err=True))
    if is_new:
        edits.check_password(password)
    return Vault(path, password)
