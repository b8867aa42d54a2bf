"""The schema as the migrations make it: what rules ask.

`Schema` is a view at one moment; `Catalog` (in `fold`) applies changes and hands out such views. What no migration has
created is not known, which is another thing than not being there: look-ups return None for both, `is_absent` tells.
"""

from __future__ import annotations

from bisect import bisect_left

from elf_sqlcheck.catalog.entries import (
    ABSENT,
    Absent,
    Domain,
    Enum,
    Fact,
    IndexOf,
    Key,
    Object,
    OtherType,
    Routine,
    Sequence,
    Statistics,
    Table,
    View,
)
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.parts import alike, differing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.dependants import Dependant
    from elf_sqlcheck.catalog.links import Links
    from elf_sqlcheck.catalog.objects import Index

_SEARCH_PATH = ("setting", "search_path")
_SESSION = ("setting", "session")
_DEFAULT_PATH = ("public",)

__all__ = [
    "ABSENT",
    "Absent",
    "Domain",
    "Enum",
    "Fact",
    "IndexOf",
    "Key",
    "Object",
    "OtherType",
    "Routine",
    "Schema",
    "Sequence",
    "Statistics",
    "Table",
    "View",
]


class Schema:
    """A view of the schema at one moment; cheap to make, and true only while its catalog folds the same migration.

    `position` is the number of changes of the present migration that it has seen, `migration` that migration's number.
    """

    __slots__ = ("_journal", "_links", "_objects", "migration", "position")

    def __init__(
        self,
        objects: dict[Key, Object],
        journal: dict[Key, list[tuple[int, Object | None]]],
        position: int,
        links: Links,
        migration: int = 0,
    ) -> None:
        self._objects = objects
        self._journal = journal
        self._links = links
        self.migration = migration
        self.position = position

    def get(self, key: Key) -> Object | None:
        """The object under `key`: None when nothing is known of it, ABSENT when it is known not to be there."""
        entries = self._journal.get(key)
        if entries is not None:
            number = bisect_left(
                entries, (self.position,)
            )  # shorter than an entry, so it comes before all of its place
            if number < len(entries):
                return entries[number][1]
        return self._objects.get(key)

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas in which unqualified names are looked up, the one for new objects first."""
        if self._is_plain():
            return _DEFAULT_PATH
        found = self.get(_SEARCH_PATH)
        return found.value if isinstance(found, Fact) and isinstance(found.value, tuple) else _DEFAULT_PATH

    def _is_plain(self) -> bool:
        """Whether no search_path has been set and no temporary table made: with either, the session's fact is put."""
        return _SESSION not in self._objects and _SESSION not in self._journal

    def setting(self, name: str) -> str:
        """The value that the present migration has given to `lock_timeout` or `timezone`; "" when it has not."""
        found = self.get(("setting", name))
        return str(found.value) if isinstance(found, Fact) else ""

    def resolve(self, name: Name, kind: str = "relation") -> Name:
        """The name with its schema: the first of the search path that has such an object, else the first of all."""
        if name.schema:
            return name
        if self._is_plain():
            return Name("public", name.name)
        path = self.search_path
        if self.get(_SESSION) is not None:  # temporary tables come first
            path = ("pg_temp", *path)
        for schema in path:
            if not isinstance(self.get((kind, schema, name.name)), Absent | None):
                return Name(schema, name.name)
        return Name(path[0] if path[0] != "pg_temp" else path[1], name.name)

    def resolve_function(self, name: Name) -> Name:
        """The name of a function with its schema, as `resolve` does for others."""
        if name.schema:
            return name
        path = self.search_path
        for schema in path:
            for key in self._links.about.get((schema, name.name), ()):
                if key[0] == "function" and not isinstance(self.get(key), Absent | None):
                    return Name(schema, name.name)
        return Name(path[0], name.name)

    def relation(self, name: Name) -> Object | None:
        """The table, view, sequence or index entry of that name; None when unknown, ABSENT when dropped."""
        schema = name.schema
        if schema is None:
            schema = "public" if self._is_plain() else self.resolve(name).schema
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
        """What statements of the migration put into the table: "none", "few" or "many"; "many" when it is older.

        A temporary table never holds many, since nobody else can wait for it. A materialized view of the migration
        counts as empty: nobody reads it yet, and its rows are what its query says.
        """
        found = self.relation(name)
        if not isinstance(found, Table | View) or found.born != self.migration or not found.born:
            return "many"
        if not isinstance(found, Table):
            return "none"
        return "few" if found.rows == "many" and found.persistence == "temporary" else found.rows

    def is_referred_to(self, name: Name) -> bool:
        """Whether a foreign key of a known table refers to the relation, be that known itself or not."""
        for key in self._links.referring.get((name.schema or "", name.name), ()):
            found = self.get(key)
            if isinstance(found, Table) and found.keys_to(name):
                return True
        return False

    def at(self, position: int) -> Schema:
        """The schema just before another change of the same migration."""
        return Schema(self._objects, self._journal, position, self._links, self.migration)

    def about(self, name: Name) -> set[Key]:
        """The keys of comments, grants and the like that there may be about an object of that full name."""
        return self._links.about.get((name.schema or "", name.name), set())

    def referring_keys(self, name: Name) -> set[Key]:
        """The keys of what may refer to the relation, type or function of that full name."""
        return self._links.referring.get((name.schema or "", name.name), set())

    def referring_to_column(self, table: Name, column: str) -> set[Key]:
        """The keys of what may refer to a column of the relation of that full name; "" stands for the primary key."""
        return self._links.referring.get((table.schema or "", table.name, column), set())

    def referring_tables(self, name: Name) -> list[Table]:
        """The tables that may refer to the relation, type or function of that full name, in the order of `tables`."""
        keys = [key for key in self.referring_keys(name) if key[0] == "relation"]
        if len(keys) > 1:
            order = self._collection("relation")
            keys.sort(key=lambda key: order.get(key, -1))
        return [table for table in map(self.get, keys) if isinstance(table, Table)]

    def heirs(self, name: Name) -> list[Table]:
        """The partitions of the table of that full name, and the tables that inherit from it."""
        keys = self._links.heirs.get((name.schema or "", name.name), ())
        found = [self.get(key) for key in sorted(keys)]
        tables = [table for table in found if isinstance(table, Table)]
        return [table for table in tables if name == table.partition_of or name in table.inherits]

    def dependants(self, kind: str, name: Name, part: str | None = None) -> list[Dependant]:
        """What DROP of the object refuses for and DROP … CASCADE takes along; see `catalog.dependants`.

        `kind` is as in `Drop`, or "column" or "constraint" with `part`. str() of each names it for people.
        """
        from elf_sqlcheck.catalog import dependants

        return dependants.dependants(self, kind, name, part)

    def touched(self) -> list[Key]:
        """The keys that the present migration wrote."""
        return list(self._journal)

    def touched_at(self, key: Key) -> int:
        """The position of the first change that wrote `key`."""
        return self._journal[key][0][0]

    def parts_touched_at(self, key: Key, field: str) -> dict[str, int]:
        """The positions of the first changes that altered the parts of the table under `key`."""
        entries = self._journal[key]
        after = [old for _, old in entries[1:]] + [self._objects.get(key)]
        found: dict[str, int] = {}
        for (position, old), new in zip(entries, after, strict=True):
            for name in differing(getattr(old, field, {}), getattr(new, field, {})):
                found.setdefault(name, position)
        return found

    def objects(self) -> Iterator[tuple[Key, Object]]:
        """All that is known to be there."""
        for key in {**self._objects, **dict.fromkeys(self._journal)}:
            found = self.get(key)
            if not isinstance(found, Absent | None):
                yield key, found

    def collected(self, *mark: str) -> list[Key]:
        """The keys of what there is, or may have been, of which `marks` says that."""
        return list(self._collection(*mark))

    def _collection(self, *mark: str) -> dict[Key, int]:
        links = self._links
        if links.collected is None:
            links.collected = {}
            for key in {**self._objects, **dict.fromkeys(self._journal)}:
                links.collect(key)
        return links.collected.get(mark, {})

    def routines(self, name: str) -> list[Object]:
        """The functions of that name that are known to be there, in any schema."""
        found = [self.get(key) for key in self.collected("function", name)]
        return [routine for routine in found if not isinstance(routine, Absent | None)]

    def tables(self) -> Iterator[Table]:
        """All tables of which anything is known."""
        return (found for _, found in self.objects() if isinstance(found, Table))

    def tables_of(self, schema: str) -> list[Table]:
        """The tables of a schema of which anything is known."""
        found = [self.get(key) for key in self.collected("schema", schema)]
        return [table for table in found if isinstance(table, Table)]

    def covering_index(self, table: Table, columns: tuple[str, ...]) -> Index | None:
        """An index of `table` whose leading columns are `columns` in any order; partial ones count only when their
        condition is that a key column is not null. Primary keys and unique constraints count.
        """
        wanted = frozenset(columns)
        for index in alike(table.indexes, _leading, (len(columns), wanted)):
            if index.method in {"btree", "hash"} and _covers(index, wanted):
                return index
        return None


def _leading(index: Index) -> list[tuple[int, frozenset[str | None]]]:
    """The columns that lead it, in each number: the search for the first so many finds it whatever their order."""
    names = [column.name for column in index.columns]
    return [(number, frozenset(names[:number])) for number in range(1, len(names) + 1)]


def _covers(index: Index, columns: frozenset[str]) -> bool:
    if index.where is None:
        return True
    return index.where.text in {f"{column} IS NOT NULL" for column in columns}


class Latest(Schema):
    """The schema after all changes so far, without a look at how it came about."""

    __slots__ = ()

    def get(self, key: Key) -> Object | None:
        """The object under `key`, as in Schema."""
        return self._objects.get(key)

    @property
    def search_path(self) -> tuple[str, ...]:
        """The search path, as in Schema."""
        found = self._objects.get(_SEARCH_PATH)
        return found.value if isinstance(found, Fact) and isinstance(found.value, tuple) else _DEFAULT_PATH

    def resolve(self, name: Name, kind: str = "relation") -> Name:
        """The name with its schema, as in Schema."""
        if name.schema:
            return name
        if _SESSION in self._objects:
            return super().resolve(name, kind)
        return Name("public", name.name)
