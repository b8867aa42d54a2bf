"""What a change makes, alters, fills or drops: the objects, with the kind of name that each has."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: (kind of name, name): "relation", "type" and "function" are looked up in the search path, others are not.
    Target = tuple[str, Name]

#: The kind of the name of each kind of object (`Drop.kind`); triggers, policies and rules have the name of a table.
_NAMED = {
    **dict.fromkeys(
        ["table", "foreign table", "view", "materialized view", "sequence", "index", "column", "constraint", "trigger",
         "policy", "rule", "statistics"],
        "relation",
    ),
    **dict.fromkeys(["type", "domain", "attribute", "enum label", "domain constraint"], "type"),
    **dict.fromkeys(["function", "procedure", "aggregate", "routine"], "function"),
}  # fmt: skip


def targets(change: ch.Change) -> list[Target]:
    """The objects that `change` makes, alters, fills or drops; those that it only reads are left out.

    A name without schema is as the text gives it. Names of what no schema holds, such as extensions and roles, have
    the kind in the words of `Drop`.
    """
    found = _TARGETS.get(type(change))
    if found is not None:
        return found(change)
    return [("relation", change.table)] if isinstance(change, ch.TableChange) else []


def _of(kind: str) -> Callable[[Any], list[Target]]:
    return lambda change: [(kind, change.name)] if change.name is not None else []


def _by_kind(change: ch.Drop | ch.Rename | ch.SetOwner | ch.Comment) -> list[Target]:
    return [(_NAMED.get(change.kind, change.kind), change.name)]


def _grant(change: ch.Grant) -> list[Target]:
    kind = "schema" if change.all_in_schema else _NAMED.get(change.kind, change.kind)
    return [(kind, name) for name in change.objects]


_TARGETS: dict[type, Callable[[Any], list[Target]]] = {
    ch.AddEnumLabel: _of("type"),
    ch.AlterSequence: _of("relation"),
    ch.AlterSystem: lambda change: [("server", Name(None, change.what))],
    ch.AttachPartition: lambda change: [("relation", change.table), ("relation", change.partition)],
    ch.Comment: _by_kind,
    ch.CreateDomain: _of("type"),
    ch.CreateEnum: _of("type"),
    ch.CreateExtension: lambda change: [("extension", Name(None, change.name))],
    ch.CreateFunction: _of("function"),
    ch.CreateIndex: lambda change: [("relation", change.table)],
    ch.CreateSchema: lambda change: [("schema", Name(None, change.name))],
    ch.CreateSequence: _of("relation"),
    ch.CreateTable: _of("relation"),
    ch.CreateTrigger: lambda change: [("relation", change.table)],
    ch.CreateType: _of("type"),
    ch.CreateView: _of("relation"),
    ch.DefaultPrivileges: lambda change: [("schema", Name(None, name)) for name in change.schemas],
    ch.DetachPartition: lambda change: [("relation", change.table), ("relation", change.partition)],
    ch.Drop: _by_kind,
    ch.Grant: _grant,
    ch.LockTable: lambda change: [("relation", name) for name in change.tables],
    ch.Maintenance: _of("relation"),
    ch.RefreshView: _of("relation"),
    ch.Reindex: lambda change: [
        ("relation" if change.kind in {"index", "table"} else change.kind, change.name)
    ] if change.name else [],
    ch.Rename: _by_kind,
    ch.Role: lambda change: [("role", Name(None, change.name))],
    ch.SetOwner: _by_kind,
    ch.SetSchema: lambda change: [*_by_kind(change), ("schema", Name(None, change.schema))],
    ch.WriteRows: lambda change: [("relation", change.table)],
}  # fmt: skip
