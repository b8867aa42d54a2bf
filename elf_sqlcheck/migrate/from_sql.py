"""Folders of SQL as migrations: each file becomes the UP section of one, and its DOWN is the inverse of its changes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.inverse import inverse
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration

#: What leaves nothing in the schema that a rollback would have to take away; extensions and roles outlive it anyhow.
_HARMLESS = (
    ch.CreateExtension, ch.GrantRole, ch.LockTable, ch.Maintenance, ch.ReadRows, ch.RefreshView, ch.Reindex, ch.Role,
    ch.SetSetting, ch.Transaction, ch.ValidateConstraint,
)  # fmt: skip
#: What goes with its table without a word. Triggers, policies, indexes and defaults are taken away by themselves: they
#: may use functions that were made after the table, and are dropped before it.
_WITHOUT_NEEDS = (ch.Comment, ch.Grant, ch.SetRowSecurity, ch.SetNotNull, ch.DropNotNull, ch.SetTrigger, ch.WriteRows)
#: What a created object is called, by the kind that the schema knows it by.
_CREATES: tuple[tuple[type, str], ...] = (
    (ch.CreateTable, "relation"), (ch.CreateView, "relation"), (ch.CreateSequence, "relation"), (ch.CreateEnum, "type"),
    (ch.CreateDomain, "type"), (ch.CreateType, "type"),
)  # fmt: skip


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
    made: set[Name] = set()
    undone: list[str] = []
    reasons: list[str] = []
    for change in read_section(migration.up, migration.data):
        before = catalog.view()
        catalog.apply(change)
        created = _created(change, before)
        if created is not None:
            made.add(created)
        if isinstance(change, _HARMLESS) or _does_nothing(change, before):
            continue
        goes_along = _goes_along(change, before, made)
        if goes_along and isinstance(change, _WITHOUT_NEEDS):
            continue
        undo = inverse(change, before)
        if undo:
            undone.append(undo)
        elif not goes_along:
            line = migration.position(change.span.start)[0]
            what = " ".join(migration.text(change.statement.span).split())
            reasons.append(f"line {line} of {os.path.basename(migration.path)} has no inverse: {what[:60]}")
    if migration.broken:
        line = migration.position(migration.broken[0].span.start)[0]
        reasons.append(f"line {line} of {os.path.basename(migration.path)} cannot be read as SQL")
    if reasons:
        return "", reasons[0]
    return "\n".join(dict.fromkeys(reversed(undone))), ""


def _created(change: Change, before: Schema) -> Name | None:
    """The relation or type that a change makes, with its schema; None when it makes none, or it is there already."""
    for kind, known_as in _CREATES:
        if isinstance(change, kind):
            name: Name = change.name  # type: ignore[attr-defined]
            return None if before.knows(known_as, name) else before.resolve(name, known_as)
    return None


def _does_nothing(change: Change, before: Schema) -> bool:
    """Whether it is IF [NOT] EXISTS on what an earlier file made, or what none did."""
    if isinstance(change, tuple(kind for kind, _ in _CREATES)):
        return bool(getattr(change, "if_not_exists", False)) and _created(change, before) is None
    if isinstance(change, ch.Drop) and change.if_exists:
        return not before.knows("relation", change.name) and not before.knows("type", change.name)
    return False


def _goes_along(change: Change, before: Schema, made: set[Name]) -> bool:
    """Whether it changes what the same file makes, so that dropping that takes it away."""
    named: tuple[Name, ...] = ()
    if isinstance(table := getattr(change, "table", None), Name):
        named = (table,)
    elif isinstance(change, ch.Drop | ch.Comment):
        named = (change.name,)
    elif isinstance(change, ch.Grant) and not change.all_in_schema:
        named = change.objects
    return bool(named) and all(
        any(before.resolve(name, kind) in made for kind in ("relation", "type")) for name in named
    )
