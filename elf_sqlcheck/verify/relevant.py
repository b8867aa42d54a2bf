"""Which migrations of a long history have to do with the one that is judged: only they need to be read and folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.changes import (
    AddColumn,
    AlterColumnType,
    CreateDomain,
    CreateEnum,
    CreateFunction,
    CreateTable,
    CreateType,
    ReadRows,
)
from elf_sqlcheck.catalog.mentions import mentioned
from elf_sqlcheck.catalog.read import read, read_section
from elf_sqlcheck.catalog.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Column
    from elf_sqlcheck.model import Migration

    Own = Callable[[Migration], AbstractSet[str]]

#: A history of so many migrations is rather read whole.
FEW = 20
#: What may give an object another name, or take it along with others without naming it.
_UNNAMED = (b"rename", b"set schema")
_MAKING = frozenset(
    {"CompositeTypeStmt", "CreateDomainStmt", "CreateEnumStmt", "CreateFunctionStmt", "CreateRangeStmt", "DefineStmt"}
)
_SWEEPING = (b"drop schema", b"drop owned", b"reassign owned", b"in schema")


def relevant(history: Sequence[Migration], judged: Migration, own_of: Own | None = None) -> list[Migration]:
    """Return those of `history` that name a relation, type or function that `judged` names, in their order.

    Going backwards, what a rename calls by another name is looked for by that name, too, and so are the types and
    functions of what has been found. A word in a comment counts: better one too many than one too few. `own_of` is
    `own_names`, or what knows better.
    """
    if len(history) <= FEW:
        return list(history)
    own: AbstractSet[str] = set().union(*map(own_of or own_names, history))
    wanted = _names(judged, own, relations=True)
    found: list[Migration] = []
    for migration in reversed(history):
        text = migration.data.lower()
        if any(name in text for name in wanted):
            found.append(migration)
            wanted |= _names(migration, own, relations=any(words in text for words in _UNNAMED))
        elif any(words in text for words in _SWEEPING):
            found.append(migration)
    return found[::-1]


def own_names(migration: Migration) -> set[str]:
    """Return the names of the types and functions that a migration makes."""
    return {
        change.name.name
        for statement in migration.up.statements
        if statement.kind in _MAKING
        for change in read(statement, migration.data)
        if isinstance(change, CreateDomain | CreateEnum | CreateFunction | CreateType)
    }


def _names(migration: Migration, own: AbstractSet[str], *, relations: bool) -> set[bytes]:
    """What to look for: the names of `own` functions and types, and of relations if they are wanted."""
    changes = read_section(migration.up, migration.data)
    names = own & {*_called(changes), *_types(changes)}
    if relations:
        targeted = [target for change in changes for target in targets(change)]
        names |= {name.name for kind, name in (*mentioned(changes), *targeted) if kind == "relation"}
    return {name.lower().encode() for name in names}


def _types(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        yield from (column.type.name for column in _columns(change))
        if isinstance(change, AlterColumnType):
            yield change.type.name
        yield from (name.name for kind, name in targets(change) if kind == "type")


def _columns(change: Change) -> Iterable[Column]:
    if isinstance(change, CreateTable):
        return change.columns
    return (change.column,) if isinstance(change, AddColumn) else ()


def _called(changes: Iterable[Change]) -> set[str]:
    """The names of the functions that changes call, in queries and in defaults, without their schemas."""
    names = [name for change in changes if isinstance(change, ReadRows) for name in change.functions or ()]
    defaults = (column.default for change in changes for column in _columns(change))
    names += [name for default in defaults if default for name in default.functions]
    return {name.rpartition(".")[2] for name in names}
