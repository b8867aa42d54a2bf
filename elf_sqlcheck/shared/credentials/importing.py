"""Entries from elsewhere: a .env file, or another vault."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError, UsageError
from elf_sqlcheck.shared.credentials import edits
from elf_sqlcheck.shared.credentials.contents import Entry, Scope
from elf_sqlcheck.shared.credentials.sealed import FORMAT

if TYPE_CHECKING:
    from elf_sqlcheck.shared.credentials.contents import Contents


def is_vault(data: bytes) -> bool:
    """Whether the bytes are those of a vault, be it damaged or not."""
    return FORMAT.encode() in data[:200]


def from_dotenv(path: str, data: bytes, environment: str, team: str, now: float) -> list[Entry]:
    """The variables of a .env file (quotes, `export`, comments) as entries; those without a value are left out.

    Nothing is put in for `${NAME}`: what a shell would make of it is not known here.

    Raises:
        UsageError: A line cannot be read, or its name is none; the message never repeats it.
        CredentialError: python-dotenv is not installed.
    """
    try:
        from dotenv.parser import parse_stream
    except ImportError as error:
        raise CredentialError(
            f"A .env file cannot be read: {error}.", "`pip install 'elf-sqlcheck[vault]'` brings what is missing."
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text.", "Name a .env file or a vault.") from None
    found: dict[Scope, Entry] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or "\0" in (binding.value or ""):
            raise _unreadable(path, binding.original.line)
        if binding.key is None:
            continue
        try:
            where = edits.scope(binding.key, environment, team)
        except UsageError:
            edits.scope("x", environment, team)
            raise _unreadable(path, binding.original.line) from None
        if binding.value:
            found[where] = Entry(*where, binding.value, f"from {path}", created=now)
    return list(found.values())


def merge(contents: Contents, entries: list[Entry], now: float, *, replacing: bool) -> tuple[list[Scope], list[Scope]]:
    """Add entries; what is there already stays, unless `replacing`. Returns those taken and those that stayed."""
    taken, kept = [], []
    for entry in entries:
        there = contents.entries.get(entry.scope)
        if there is None:
            contents.entries[entry.scope] = entry
            taken.append(entry.scope)
        elif replacing and there.value != entry.value:
            edits.put(contents, entry.scope, entry.value, now, expires=entry.expires, replacing=True)
            taken.append(entry.scope)
        else:
            kept.append(entry.scope)
    return taken, kept


def _unreadable(path: str, line: int) -> UsageError:
    return UsageError(
        f"{path}, line {line}: this is no NAME=value as a .env file has it; nothing was imported.",
        "Correct the line; a value with blanks, quotes or # needs quotes around it.",
    )
