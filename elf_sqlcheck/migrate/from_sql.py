"""Folders of SQL as migrations: each file becomes the UP section of one, and its DOWN is the inverse of its changes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.proposal import propose
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration, Span


@dataclass(frozen=True)
class Converted:
    """A file of SQL as a migration. `reason` says why there is no DOWN, "" when there is one."""

    path: str
    up: str
    down: str
    reason: str


def convert(folder: str) -> list[Converted]:
    """Read all SQL files below `folder`, in the order of their paths, and derive how each is undone.

    Raises:
        UsageError: There are none, or one cannot be read or is no UTF-8.
    """
    paths = _files(folder)
    if not paths:
        raise UsageError(f"There are no SQL files in {folder}.", "Name another folder with --from-sql.")
    catalog = Catalog()
    found: list[Converted] = []
    for path in paths:
        migration = layouts.read_file(path)
        try:
            text = migration.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError(f"{path} is no UTF-8 text.", "Save it as UTF-8.") from None
        found.append(_converted(migration, text, catalog))
    return found


def _files(folder: str) -> list[str]:
    paths: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(place, name) for name in names if name.endswith(".sql")]
    return sorted(paths)


def _converted(migration: Migration, text: str, catalog: Catalog) -> Converted:
    down, reason = undo(migration, catalog)
    return Converted(migration.path, text, down, reason)


def undo(migration: Migration, catalog: Catalog) -> tuple[str, str]:
    """The statements that undo UP, or "" and the reason why there are none; UP is folded into `catalog`."""
    catalog.begin()
    changes = read_section(migration.up, migration.data)
    catalog.apply_all(changes)
    proposal = propose(migration, changes, catalog)
    reason = ""
    if proposal.missing:
        change = proposal.missing[0]
        what = " ".join(migration.text(change.statement.span).split())
        reason = f"{_line(migration, change.span)} has no inverse: {what[:60]}"
    elif migration.broken:
        reason = f"{_line(migration, migration.broken[0].span)} cannot be read as SQL"
    return ("", reason) if reason else ("\n".join(proposal.statements), "")


def _line(migration: Migration, span: Span) -> str:
    return f"line {migration.position(span.start)[0]} of {os.path.basename(migration.path)}"
