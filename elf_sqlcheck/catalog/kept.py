"""The schema that the first migrations of a history make, kept for the next run, which then begins there.

A hook judges the newest file of a long history; to fold all that came before takes a thousand times as long. What is
kept is read piece by piece, when somebody asks for it, so it costs what the new file has to do with. It is true of
exactly the same files, read by exactly the same program.
"""

from __future__ import annotations

import os
from contextlib import suppress

from elf_sqlcheck import cache, model, sql, tables
from elf_sqlcheck.catalog import changes, entries, labels, objects, parts
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.links import Links
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import CacheError
from elf_sqlcheck.fingerprint import digests, installation
from elf_sqlcheck.record import Record
from elf_sqlcheck.tables import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import CreateFunction
    from elf_sqlcheck.model import Migration

    _Dict = dict[Any, Any]
else:
    _Dict = dict

#: What a kept schema may be made of.
_CLASSES = {
    name: found
    for module in (entries, objects, model)
    for name, found in vars(module).items()
    if isinstance(found, type) and (issubclass(found, Record) or found is model.Span)
} | {"Labels": labels.Labels, "State": parts.State}
_FACTS = "facts"
_MISSING: object = object()


class Lazy(_Dict):
    """A dict whose first values are in a table, of which each is read when it is asked for; in its order all the same.

    Values of a dict of sets are changed in place after `setdefault`, and only then.
    """

    __slots__ = ("_kind", "_table", "_void", "_whole", "changed")

    def __init__(self, table: Table, kind: str) -> None:
        super().__init__()
        self._table = table
        self._kind = kind
        self._whole = False
        #: For these the table is not asked: it has none, or not any more.
        self._void: set[Any] = set()
        self.changed: dict[Any, None] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, read when it is first asked for."""
        found = dict.get(self, key, _MISSING)
        if found is not _MISSING:
            return found
        if self._whole or key in self._void:
            return default
        found = self._table.get((self._kind, key))
        if found is None:
            self._void.add(key)
            return default
        dict.__setitem__(self, key, found)
        return found

    def __missing__(self, key: Any) -> Any:
        found = self.get(key, _MISSING)
        if found is _MISSING:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self.get(key, _MISSING) is not _MISSING

    def __setitem__(self, key: Any, value: Any) -> None:
        self.changed[key] = None
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        if self.pop(key, _MISSING) is _MISSING:
            raise KeyError(key)

    def pop(self, key: Any, default: Any = None) -> Any:
        """Take it away, from the table's values too."""
        found = self.get(key, default)
        dict.pop(self, key, None)
        self.changed[key] = None
        self._void.add(key)
        return found

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value, which may be changed in place from now on."""
        found = self.get(key, _MISSING)
        if found is _MISSING:
            found = default
        self[key] = found
        return found

    def update(self, other: Any) -> None:  # type: ignore[override]
        """Put several values."""
        for key, value in dict(other).items():
            self[key] = value

    def __iter__(self) -> Iterator[Any]:
        return dict.__iter__(self._all())

    def __len__(self) -> int:
        return dict.__len__(self._all())

    def __bool__(self) -> bool:
        return len(self) > 0

    def keys(self) -> Any:
        """All keys, in order."""
        return dict.keys(self._all())

    def values(self) -> Any:
        """All values, in order."""
        return dict.values(self._all())

    def items(self) -> Any:
        """All of it, in order."""
        return dict.items(self._all())

    def _all(self) -> Lazy:
        """Read what is left, and put everything in order."""
        if not self._whole:
            own = dict(dict.items(self))
            found = {}
            for (kind, key), value in self._table.items():
                if kind == self._kind and key not in self._void:
                    found[key] = own.pop(key, value)
            dict.clear(self)
            dict.update(self, {**found, **own})
            self._whole = True
        return self

    def changes(self) -> Iterator[tuple[object, object]]:
        """What has to be put into a copy of the table."""
        for key in self.changed:
            if key in self._void:
                yield (self._kind, key), None
            value = dict.get(self, key)
            if value is not None:
                yield (self._kind, key), value


class _Functions(Lazy):
    """Functions by their names; the table says in which section of which migration each stands."""

    __slots__ = ("_migrations",)

    def __init__(self, table: Table, migrations: Sequence[Migration]) -> None:
        super().__init__(table, "routines")
        self._migrations = migrations

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        if isinstance(found, tuple) and isinstance(found[0], int):
            number, section = found
            migration = self._migrations[number]
            read = read_section(getattr(migration, section), migration.data)
            made = [c for c in read if isinstance(c, changes.CreateFunction) and c.name.name == key]
            if not made:
                raise CacheError(f"{migration.path} makes no function {key}")
            found = (made[-1], migration.data)
            dict.__setitem__(self, key, found)
        return found

    def __bool__(self) -> bool:
        return True


class History:
    """What is kept of the first migrations of a folder, `folder` as it is shown; `told` tells each of them."""

    def __init__(self, folder: str, migrations: Sequence[Migration], told: Sequence[bytes]) -> None:
        self._migrations = migrations
        self._told = told
        self._base = ""
        self.count = 0
        self._directory = cache.place_of("schemas", folder)
        self._digests: dict[int, str] = {}

    def begin(self, most: int, later: int) -> tuple[Catalog, Routines]:
        """The catalog and the functions to begin with; `count` are the migrations that are in them then, at `most` so
        many. `later` is the number of those that `keep` is called for, if it is.
        """
        there: dict[int, list[str]] = {}
        try:
            names = os.listdir(self._directory) if self._directory else []
        except OSError:
            names = []
        for name in names:
            first, _, digest = name.partition("-")
            if first.isdecimal() and digest and int(first) <= most:
                there.setdefault(int(first), []).append(digest)
        beginning = sql.parser_file(), installation("", "catalog", "layouts")
        self._digests = digests(beginning, self._told[: max(most, later)], {*there, later})
        for count in sorted(there, reverse=True):
            if self._digests[count] in there[count]:
                try:
                    return self._opened(count)
                except CacheError:
                    continue
        return Catalog(), Routines()

    def keep(self, count: int, catalog: Catalog, routines: Routines) -> None:
        """Keep the state after the first `count` migrations, where it can be kept."""
        if self._directory:
            tables.keep(self._path(count), self._state(count, catalog, routines), self._base)

    def _path(self, count: int) -> str:
        return os.path.join(self._directory, f"{count}-{self._digests[count]}")

    def _opened(self, count: int) -> tuple[Catalog, Routines]:
        path = self._path(count)
        table = Table(path, _CLASSES)
        facts = table.get((_FACTS, ""))
        if facts is None:
            raise CacheError("it holds no facts")
        migration, defaults = facts
        links = Links()
        for field in Links.FIELDS:
            setattr(links, field, Lazy(table, field))
        self.count, self._base = count, path
        with suppress(OSError):
            os.utime(path)
        return (
            Catalog(Lazy(table, "objects"), links, migration, defaults=defaults),
            Routines(_Functions(table, self._migrations)),
        )

    def _state(self, count: int, catalog: Catalog, routines: Routines) -> Iterator[tuple[object, object]]:
        yield (_FACTS, ""), (catalog.migration, catalog.defaults)
        for field, values in (("objects", catalog.objects), *((f, getattr(catalog.links, f)) for f in Links.FIELDS)):
            if isinstance(values, Lazy):
                yield from values.changes()
            else:
                yield from (((field, key), value) for key, value in values.items())
        numbers = {id(migration.data): place for place, migration in enumerate(self._migrations[:count])}
        known = routines.known
        for name in known.changed if isinstance(known, Lazy) else known:
            function, data = known[name]
            place = numbers[id(data)]
            yield ("routines", name), (place, _section_of(self._migrations[place], function))


def _section_of(migration: Migration, function: CreateFunction) -> str:
    down = migration.down
    inside = down is not None and down.span.start <= function.span.start < down.span.end
    return "down" if inside else "up"
