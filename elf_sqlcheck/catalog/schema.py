"""The schema as the migrations make it: what rules ask.

`Schema` is a view at one moment; `Catalog` (in `fold`) applies changes and hands out such views. What no migration has
created is not known, which is another thing than not being there: look-ups return None for both, `is_absent` tells.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.objects import (
    Column,
    Constraint,
    Expression,
    Index,
    Name,
    Parameter,
    Policy,
    Trigger,
    Type,
)
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: (kind, schema or "", name[, …]); relations (tables, views, sequences, indexes) share the kind "relation".
Key = tuple[str, ...]
_SEARCH_PATH = ("setting", "search_path")
_DEFAULT_PATH = ("public",)


class Table(Record):
    """A table. `name` always has its schema. `columns` map names to columns; a name mapped to None is known to be
    dropped. `known` is whether a migration created it (else it is assumed to exist and only what migrations did to it
    is here); `complete` whether all of its columns are known. `row_security` is None when not known. `born` is the
    number of the migration that made it, 0 when none did; `rows` what statements of migrations put into it: "none",
    "few" (as many as a file spells out) or "many" (from a query or a file).
    """

    name: Name
    columns: Mapping[str, Column | None]
    constraints: Mapping[str, Constraint | None]
    indexes: Mapping[str, Index]
    policies: Mapping[str, Policy | None]
    triggers: Mapping[str, Trigger | None]
    known: bool = True
    complete: bool = True
    persistence: str = "permanent"
    partition_of: Name | None = None
    partition_by: str = ""
    inherits: tuple[Name, ...] = ()
    row_security: bool | None = None
    forced: bool = False
    foreign: bool = False
    born: int = 0
    rows: str = "none"

    @property
    def primary_key(self) -> Constraint | None:
        """Its primary key, if known."""
        return next((c for c in self.constraints.values() if c and c.kind == "primary key"), None)

    @property
    def foreign_keys(self) -> list[Constraint]:
        """Its known foreign keys."""
        return [c for c in self.constraints.values() if c and c.kind == "foreign key"]

    def column(self, name: str) -> Column | None:
        """The column of that name, if known."""
        return self.columns.get(name)


class View(Record):
    """A view or materialized view; `indexes` belong to the latter."""

    name: Name
    query: str
    reads: tuple[Name, ...]
    columns: tuple[str, ...]
    materialized: bool
    options: tuple[tuple[str, str], ...]
    indexes: Mapping[str, Index]
    born: int = 0


class Sequence(Record):
    """A sequence; one owned by a serial or identity column appears only with that column."""

    name: Name
    owned_by: tuple[Name, str] | None = None
    options: tuple[tuple[str, str], ...] = ()


class IndexOf(Record):
    """Stands under an index's own name and says which relation it belongs to."""

    table: Name


class Enum(Record):
    """An enum type and its labels in order."""

    name: Name
    labels: tuple[str, ...]


class Domain(Record):
    """A domain."""

    name: Name
    type: Type
    not_null: bool
    default: Expression | None
    constraints: tuple[Constraint, ...]


class OtherType(Record):
    """A composite, range or base type."""

    name: Name
    kind: str
    attributes: tuple[Column, ...] = ()


class Routine(Record):
    """A function or procedure."""

    name: Name
    parameters: tuple[Parameter, ...]
    returns: Type | None
    returns_set: bool
    procedure: bool
    language: str
    volatility: str
    security_definer: bool
    settings: tuple[tuple[str, str], ...]
    body: str


class Fact(Record):
    """Anything else that is there or not: a schema, an extension, a comment's text, a grant."""

    value: object = True


class Absent(Record):
    """Known not to be there: a migration dropped it."""


ABSENT = Absent()
Object = Table | View | Sequence | IndexOf | Enum | Domain | OtherType | Routine | Fact | Absent


class Schema:
    """A view of the schema at one moment; cheap to make, and true only while its catalog folds the same migration.

    `position` is the number of changes of the present migration that it has seen, `migration` that migration's number.
    """

    __slots__ = ("_journal", "_objects", "_referring", "migration", "position")

    def __init__(
        self,
        objects: dict[Key, Object],
        journal: dict[Key, list[tuple[int, Object | None]]],
        position: int,
        referring: Mapping[Key, set[Key]] | None = None,
        migration: int = 0,
    ) -> None:
        self._objects = objects
        self._journal = journal
        self._referring = referring or {}
        self.migration = migration
        self.position = position

    def get(self, key: Key) -> Object | None:
        """The object under `key`: None when nothing is known of it, ABSENT when it is known not to be there."""
        entries = self._journal.get(key)
        if entries is not None:
            for position, old in entries:
                if position >= self.position:
                    return old
        return self._objects.get(key)

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas in which unqualified names are looked up, the one for new objects first."""
        found = self.get(_SEARCH_PATH)
        return found.value if isinstance(found, Fact) and isinstance(found.value, tuple) else _DEFAULT_PATH

    def setting(self, name: str) -> str:
        """The value that the present migration has given to `lock_timeout` or `timezone`; "" when it has not."""
        found = self.get(("setting", name))
        return str(found.value) if isinstance(found, Fact) else ""

    def resolve(self, name: Name, kind: str = "relation") -> Name:
        """The name with its schema: the first of the search path that has such an object, else the first of all."""
        if name.schema:
            return name
        path = self.search_path
        for schema in (*path, "pg_temp"):
            if not isinstance(self.get((kind, schema, name.name)), Absent | None):
                return Name(schema, name.name)
        return Name(path[0], name.name)

    def relation(self, name: Name) -> Object | None:
        """The table, view, sequence or index entry of that name; None when unknown, ABSENT when dropped."""
        schema = name.schema
        if schema is None:
            path = self.search_path
            found = self.get(("relation", path[0], name.name)) if len(path) == 1 else None
            if not isinstance(found, Absent | None):
                return found
            schema = self.resolve(name).schema
        return self.get(("relation", schema or "", name.name))

    def table(self, name: Name) -> Table | None:
        """The table of that name, if anything is known of it."""
        found = self.relation(name)
        return found if isinstance(found, Table) else None

    def view(self, name: Name) -> View | None:
        """The view or materialized view of that name, if known."""
        found = self.relation(name)
        return found if isinstance(found, View) else None

    def index(self, name: Name) -> Index | None:
        """The index of that name, if known."""
        found = self.relation(name)
        if not isinstance(found, IndexOf):
            return None
        owner = self.relation(found.table)
        return owner.indexes.get(name.name) if isinstance(owner, Table | View) else None

    def enum(self, name: Name) -> Enum | None:
        """The enum type of that name, if known."""
        full = self.resolve(name, "type")
        found = self.get(("type", full.schema or "", full.name))
        return found if isinstance(found, Enum) else None

    def knows(self, kind: str, name: Name) -> bool:
        """Whether an object of that kind ("relation", "type", "schema", "extension") is known to be there."""
        full = name if kind in {"schema", "extension"} else self.resolve(name, kind)
        return not isinstance(self.get((kind, full.schema or "", full.name)), Absent | None)

    def is_absent(self, kind: str, name: Name) -> bool:
        """Whether it is known not to be there, because a migration dropped or renamed it."""
        full = name if kind in {"schema", "extension"} else self.resolve(name, kind)
        return isinstance(self.get((kind, full.schema or "", full.name)), Absent)

    def is_older(self, name: Name) -> bool:
        """Whether the table or view was there before the present migration, or must be assumed to have been."""
        found = self.relation(name)
        return not isinstance(found, Table | View) or found.born != self.migration or not found.born

    def rows(self, name: Name) -> str:
        """What statements of the migrations put into the table: "none", "few" or "many"; "many" when it is older."""
        found = self.relation(name)
        return found.rows if isinstance(found, Table) and found.born == self.migration > 0 else "many"

    def is_referred_to(self, name: Name) -> bool:
        """Whether a foreign key of a known table refers to the relation, be that known itself or not."""
        for key in self._referring.get((name.schema or "", name.name), ()):
            found = self.get(key)
            if isinstance(found, Table) and any(c.references == name for c in found.foreign_keys):
                return True
        return False

    def at(self, position: int) -> Schema:
        """The schema just before another change of the same migration."""
        return Schema(self._objects, self._journal, position, self._referring, self.migration)

    def touched(self) -> list[Key]:
        """The keys that the present migration wrote."""
        return list(self._journal)

    def touched_at(self, key: Key) -> int:
        """The position of the first change that wrote `key`."""
        return self._journal[key][0][0]

    def part_touched_at(self, key: Key, field: str, part: str) -> int:
        """The position of the first change that altered one part of the table under `key`."""
        entries = self._journal[key]
        after = [old for _, old in entries[1:]] + [self._objects.get(key)]
        for (position, old), new in zip(entries, after, strict=True):
            if getattr(old, field, {}).get(part) != getattr(new, field, {}).get(part):
                return position
        return entries[0][0]

    def objects(self) -> Iterator[tuple[Key, Object]]:
        """All that is known to be there."""
        for key in {**self._objects, **dict.fromkeys(self._journal)}:
            found = self.get(key)
            if not isinstance(found, Absent | None):
                yield key, found

    def tables(self) -> Iterator[Table]:
        """All tables of which anything is known."""
        return (found for _, found in self.objects() if isinstance(found, Table))

    def covering_index(self, table: Table, columns: tuple[str, ...]) -> Index | None:
        """An index of `table` whose leading columns are `columns` in any order; partial ones count only when their
        condition is that a key column is not null. Primary keys and unique constraints count.
        """
        wanted = set(columns)
        for index in table.indexes.values():
            leading = [column.name for column in index.columns[: len(columns)]]
            if set(leading) == wanted and index.method in {"btree", "hash"} and _covers(index, wanted):
                return index
        return None


def _covers(index: Index, columns: set[str]) -> bool:
    if index.where is None:
        return True
    return index.where.text in {f"{column} IS NOT NULL" for column in columns}
