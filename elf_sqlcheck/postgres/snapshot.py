"""Snapshots: the whole schema of a database, read from its catalogs, as plain values that can be compared."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres import catalogs, privileges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

#: What names an object: its kind and its identity, as in ("column", "public.users.email").
Key = tuple[str, str]

#: Where the catalogs keep an object: the oid of the catalog, the oid in it, the number of the column or 0.
_Address = tuple[int, int, int]

#: The tables in which elf-migrate keeps its history: they are not part of the schema that migrations describe.
TRACKING_TABLES = ("public.schema_migrations", "public.migration_history")

_DEFAULT_ACL_KINDS = {
    "r": "tables",
    "S": "sequences",
    "f": "functions",
    "T": "types",
    "n": "schemas",
    "L": "large objects",
}


@dataclass(frozen=True)
class Snapshot:
    """A schema at one moment.

    `objects` maps a key to the object's attributes; `parents` maps a key to that of the object it hangs on (a column's
    table, a table's schema); `orders` a table's key to its columns, first to last. Owners, statistics and data are not
    part of it.
    """

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    parents: dict[Key, Key] = field(default_factory=dict)
    orders: dict[Key, tuple[Key, ...]] = field(default_factory=dict)

    def ancestors(self, key: Key) -> Iterator[Key]:
        """Yield the object that `key` hangs on, then what that one hangs on, outwards."""
        while (parent := self.parents.get(key)) is not None:
            yield parent
            key = parent


def snapshot(connection: psycopg.Connection[Any], ignore: Iterable[str] = TRACKING_TABLES) -> Snapshot:
    """Read the schema of the database that `connection` is connected to.

    `ignore` names tables to leave out with all that hangs on them. Inside a transaction its changes are seen;
    otherwise one consistent moment is read. The connection is left as it was. Raises psycopg.Error.
    """
    with _reading(connection) as cursor:
        reader = _Reader()
        for query in catalogs.objects(connection.info.server_version // 10000):
            reader.add_objects(cursor.execute(query).fetchall())
        reader.add_comments(cursor.execute(privileges.COMMENTS).fetchall())
        reader.add_privileges(cursor.execute(privileges.PRIVILEGES).fetchall())
        reader.add_default_privileges(cursor.execute(privileges.DEFAULT_PRIVILEGES).fetchall())
    return _without(reader.finish(), frozenset(ignore))


@contextlib.contextmanager
def _reading(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """Yield a cursor for which every name is qualified; the caller's search_path is restored."""
    from psycopg.pq import TransactionStatus
    from psycopg.rows import tuple_row

    was_idle = connection.info.transaction_status == TransactionStatus.IDLE
    with connection.cursor(row_factory=tuple_row) as cursor:
        if was_idle:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.autocommit else "SELECT")
        row = cursor.execute("SELECT current_setting('search_path')").fetchone()
        cursor.execute("SELECT set_config('search_path', '', true)")
        try:
            yield cursor
        finally:
            if was_idle:
                connection.rollback()
            elif connection.info.transaction_status == TransactionStatus.INTRANS:
                cursor.execute("SELECT set_config('search_path', %s, true)", row)


class _Reader:
    """Puts the rows of the queries together."""

    def __init__(self) -> None:
        self._snapshot = Snapshot()
        self._keys: dict[_Address, Key] = {}
        self._parents: dict[Key, _Address] = {}
        self._columns: dict[_Address, list[tuple[int, Key]]] = {}

    def add_objects(self, rows: list[tuple[Any, ...]]) -> None:
        for kind, identity, *addresses, attributes in rows:
            key = (kind, identity)
            parent: _Address = (addresses[3], addresses[4], addresses[5])
            self._snapshot.objects[key] = attributes
            self._keys[addresses[0], addresses[1], addresses[2]] = key
            self._parents[key] = parent
            if kind == "column":
                self._columns.setdefault(parent, []).append((addresses[2], key))
            if kind == "sequence" and parent[2] and parent in self._keys:  # inherited columns have no key
                self._hide_name(identity, self._snapshot.objects[self._keys[parent]])

    @staticmethod
    def _hide_name(sequence: str, column: dict[str, Any]) -> None:
        """Say "its own sequence" in the default of the column that owns it: that sequence's name is generated."""
        default = column.get("default")
        own = "'" + sequence.replace("'", "''") + "'::regclass"
        if isinstance(default, str) and own in default:
            column["default"] = default.replace(own, "its own sequence")

    def add_comments(self, rows: list[tuple[Any, ...]]) -> None:
        for catalog, oid, column, comment in rows:
            key = self._keys.get((catalog, oid, column))
            # An extension brings its own comment.
            if key is not None and key[0] != "extension":
                self._snapshot.objects[key]["comment"] = comment

    def add_privileges(self, rows: list[tuple[Any, ...]]) -> None:
        for catalog, oid, column, grantee, granted, default in rows:
            target = self._keys.get((catalog, oid, column))
            if target is not None:
                key = ("privileges", f"{grantee} on {target[0]} {target[1]}")
                self._snapshot.objects[key] = {"granted": granted, "by default": default}
                self._parents[key] = (catalog, oid, column)

    def add_default_privileges(self, rows: list[tuple[Any, ...]]) -> None:
        for role, schema, kind, grantee, granted, default in rows:
            where = f" in schema {schema}" if schema else ""
            identity = f"{grantee} on new {_DEFAULT_ACL_KINDS.get(kind, kind)} of {role}{where}"
            self._snapshot.objects["default privileges", identity] = {"granted": granted, "by default": default}

    def finish(self) -> Snapshot:
        for key, address in self._parents.items():
            if address in self._keys:
                self._snapshot.parents[key] = self._keys[address]
        for table, columns in self._columns.items():
            self._snapshot.orders[self._keys[table]] = tuple(key for _, key in sorted(columns))
        return self._snapshot


def _without(found: Snapshot, ignored: frozenset[str]) -> Snapshot:
    tables = {key for key in found.objects if key[0] == "table" and key[1] in ignored}
    if not tables:
        return found
    kept = {
        key: attributes
        for key, attributes in found.objects.items()
        if key not in tables and tables.isdisjoint(found.ancestors(key))
    }
    return Snapshot(
        kept,
        {key: parent for key, parent in found.parents.items() if key in kept},
        {key: order for key, order in found.orders.items() if key in kept},
    )
