"""How what may or may not be done alters the catalog: changes within DO blocks and functions that are called.

What they make counts as made, so that later statements know it. What is made behind a guard leaves alone what is known
to be there already. What they drop is not known afterwards: neither that it is there nor that it is gone.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.changes import (
    AddColumn,
    AddEnumLabel,
    CreateEnum,
    CreateIndex,
    CreateSequence,
    CreateTable,
    DetachPartition,
    Drop,
    DropColumn,
    DropConstraint,
    Rename,
    SetSchema,
)
from elf_sqlcheck.catalog.schema import Absent, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.schema import Object

_IF_NOT_EXISTS = (AddColumn, AddEnumLabel, CreateIndex, CreateSequence, CreateTable)
_REMOVING = (DetachPartition, Drop, DropColumn, DropConstraint, Rename, SetSchema)
_PARTS = ("columns", "constraints", "policies", "triggers")


def apply(catalog: Catalog, fold: Callable[[Catalog, Any], None], change: Change) -> None:
    """Fold one change of a body with `fold`, its type's own way."""
    if change.statement.guarded:
        if isinstance(change, CreateEnum) and catalog.now.knows("type", change.name):
            return
        if isinstance(change, _IF_NOT_EXISTS):
            change = change.replace(if_not_exists=True)
    fold(catalog, change)
    if change.statement.conditional and isinstance(change, _REMOVING):
        _forget_absence(catalog)


def _forget_absence(catalog: Catalog) -> None:
    """Make unknown what the change that is being folded takes away."""
    for key, entries in catalog.journal.items():
        position, before = entries[-1]
        if position != catalog.position:
            continue
        now = catalog.objects.get(key)
        if isinstance(now, Absent) and not isinstance(before, Absent):
            del catalog.objects[key]
        elif isinstance(now, Table) and isinstance(before, Table):
            catalog.objects[key] = _without_absent_parts(now, before)


def _without_absent_parts(now: Table, before: Table) -> Object:
    values: dict[str, Any] = {}
    for field in _PARTS:
        parts, old = getattr(now, field), getattr(before, field)
        values[field] = {
            name: part for name, part in parts.items() if part is not None or (name in old and old[name] is None)
        }
    complete = now.complete and before.columns.keys() <= values["columns"].keys()
    return now.replace(**values, complete=complete)
