"""The tables that a migration touches, and those that keys join to them, before and after in one picture."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.changes import AddConstraint
from elf_sqlcheck.catalog.read import read
from elf_sqlcheck.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.catalog.objects import Constraint
    from elf_sqlcheck.postgres.snapshot import Key, Snapshot

_RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
#: Columns that are neither changed nor part of a key are left out beyond so many: of a neighbour sooner.
_COLUMNS, _COLUMNS_OF_NEIGHBOUR = 8, 4
#: Names of types that Postgres understands as well as the long ones that it shows.
_SHORT = (
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("character varying", "varchar"),
)


class Column(Record):
    """A column: `was` and `now` are its type before and after ("" where there is none), `change` what became of it.

    `keys` are "PK" and "FK".
    """

    name: str
    was: str
    now: str
    change: str
    keys: tuple[str, ...] = ()


class Entity(Record):
    """A table or view; `change` is "added", "removed", "changed" or "", `left_out` how many columns are not shown."""

    name: str
    kind: str
    change: str
    columns: tuple[Column, ...]
    left_out: int = 0


class Reference(Record):
    """A foreign key: from a column of one table (its first) to a column of another ("" for the table as a whole)."""

    table: str
    column: str
    to: str
    to_column: str
    change: str


def entities(before: Snapshot, after: Snapshot) -> tuple[list[Entity], list[Reference]]:
    """The changed tables with their neighbours, and the keys between them."""
    old, new = _Side(before), _Side(after)
    touched = set(_touched(before, after))
    references = {
        (one.table, one.column, one.to, one.to_column): one
        for one in (
            *(one.replace(change="removed") for one in old.references if one not in new.references),
            *(one.replace(change="" if one in old.references else "added") for one in new.references),
        )
        if one.table in touched or one.to in touched
    }
    names = dict.fromkeys((*touched, *(name for one in references.values() for name in (one.table, one.to))))
    known = [name for name in sorted(names) if name in old.kinds or name in new.kinds]
    shown = [_entity(name, old, new, references.values(), is_touched=name in touched) for name in known]
    return shown, [one for one in references.values() if one.table in known and one.to in known]


class _Side:
    """One of the snapshots by relation: its kind, its columns with all that is known of them, its keys."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.kinds = {identity: kind for kind, identity in snapshot.objects if kind in _RELATIONS}
        self.columns: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
        self.primary: dict[str, set[str]] = defaultdict(set)
        self.references: dict[Reference, None] = {}  # in their order
        plain = {_plain(name): name for name in self.kinds}
        for key, attributes in snapshot.objects.items():
            parent = snapshot.parents.get(key)
            if parent is None or parent[0] not in _RELATIONS:
                continue
            table = parent[1]
            if key[0] == "column":
                self.columns[table][key[1].removeprefix(f"{table}.")] = attributes
            elif key[0] == "constraint" and (constraint := _constraint(str(attributes["definition"]))) is not None:
                if constraint.kind == "primary key":
                    self.primary[table].update(constraint.columns)
                elif constraint.references is not None:
                    to = plain.get(_plain(str(constraint.references)), str(constraint.references))
                    to_column = constraint.ref_columns[0] if constraint.ref_columns else ""
                    self.references[Reference(table, constraint.columns[0], to, to_column, "")] = None


@lru_cache(maxsize=4096)  # each migration meets the keys of those before it again
def _constraint(definition: str) -> Constraint | None:
    """What `pg_get_constraintdef` says, read as the statement that would make it; only keys are of interest."""
    if not definition.startswith(("PRIMARY KEY", "FOREIGN KEY")):
        return None
    data = f"ALTER TABLE x ADD {definition}".encode()
    for statement in sql.parse(data).statements:
        for change in read(statement, data):
            if isinstance(change, AddConstraint):
                return change.constraint
    return None


def _plain(name: str) -> str:
    return name.replace('"', "")


def _touched(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """The relations that changed, or on which something that changed hangs."""
    for key in before.objects.keys() | after.objects.keys():
        if before.objects.get(key) != after.objects.get(key):
            for side in (before, after):
                yield from (name for kind, name in _outwards(key, side) if kind in _RELATIONS)


def _outwards(key: Key, side: Snapshot) -> Iterable[Key]:
    return (key, *side.ancestors(key)) if key in side.objects else ()


def _entity(name: str, old: _Side, new: _Side, references: Iterable[Reference], *, is_touched: bool) -> Entity:
    was, now = old.columns[name], new.columns[name]
    foreign = {one.column for one in references if one.table == name}
    referenced = {one.to_column for one in references if one.to == name}
    columns: list[Column] = []
    for column in dict.fromkeys((*was, *now)):
        bare = _plain(column)
        change = "added" if column not in was else "removed" if column not in now else ""
        if not change and was[column] != now[column]:
            change = "changed"
        keys = ("PK",) * (bare in old.primary[name] | new.primary[name]) + ("FK",) * (bare in foreign)
        columns.append(Column(bare, _type(was.get(column), keys), _type(now.get(column), keys), change, keys))
    kind = new.kinds.get(name) or old.kinds[name]
    if name not in old.kinds:
        change = "added"
    elif name not in new.kinds:
        change = "removed"
    else:
        change = "changed" if is_touched else ""
    columns.sort(key=lambda column: "PK" not in column.keys)
    needed = [
        one
        for one in columns
        if one.change in ("changed", *({"added", "removed"} - {change})) or one.keys or one.name in referenced
    ]
    room = max(0, (_COLUMNS if is_touched else _COLUMNS_OF_NEIGHBOUR) - len(needed))
    others = [column for column in columns if column not in needed]
    kept = {id(column) for column in (*needed, *others[:room])}
    return Entity(name, kind, change, tuple(one for one in columns if id(one) in kept), len(columns) - len(kept))


def _type(attributes: dict[str, object] | None, keys: tuple[str, ...]) -> str:
    if attributes is None:
        return ""
    name = str(attributes.get("type"))
    for long, short in _SHORT:
        name = name.replace(long, short)
    # A primary key goes without saying NOT NULL.
    return f"{name} NOT NULL" if attributes.get("not null") and "PK" not in keys else name
