"""Ordered tables of values by their keys, of which a run reads only what it asks for; see `cache`."""

from __future__ import annotations

import os
import pickle
import sqlite3
from urllib.parse import quote

from elf_sqlcheck.cache import put, sealed, unpickled, unsealed
from elf_sqlcheck.errors import CacheError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

#: A value that was there keeps its place in the order, as in a dict.
_PUT = "INSERT INTO kept (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class Table:
    """A table that was kept. `classes` are the only ones that its values may be instances of, by their names."""

    __slots__ = ("_classes", "_connection")

    def __init__(self, path: str, classes: Mapping[str, type]) -> None:
        """Open it; raises CacheError when that cannot be done."""
        self._classes = classes
        self._connection = _opened(path, "mode=ro&immutable=1")

    def get(self, key: object) -> Any:
        """The value under `key`, None when there is none. Raises CacheError."""
        try:
            row = self._connection.execute("SELECT value FROM kept WHERE key = ?", (_key(key),)).fetchone()
        except sqlite3.Error as error:
            raise CacheError(str(error)) from error
        return None if row is None else unsealed(row[0], self._classes)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """All that is in it, in the order in which it was put there. Raises CacheError."""
        try:
            for key, value in self._connection.execute("SELECT key, value FROM kept ORDER BY place"):
                yield unpickled(key, {}), unsealed(value, self._classes)
        except sqlite3.Error as error:
            raise CacheError(str(error)) from error


def keep(path: str, values: Iterable[tuple[object, object]], base: str = "") -> bool:
    """Write a table in one piece: `values` by their keys on top of a copy of `base`; None takes away what is there.

    Others of the same folder that have not been used for long are removed. Returns whether it could be written.
    """

    def make(written: str) -> None:
        if base:
            from shutil import copyfile

            copyfile(base, written)
        try:
            _fill(written, values)
        except sqlite3.Error as error:
            raise CacheError(str(error)) from error

    return put(path, make)


def _fill(path: str, values: Iterable[tuple[object, object]]) -> None:
    connection = _opened(path, "mode=rwc")
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS kept (place INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)")
        connection.execute("BEGIN")
        for key, value in values:
            if value is None:
                connection.execute("DELETE FROM kept WHERE key = ?", (_key(key),))
            else:
                connection.execute(_PUT, (_key(key), sealed(value)))
        connection.execute("COMMIT")
    finally:
        connection.close()


def _opened(path: str, how: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"file:{quote(os.path.abspath(path))}?{how}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise CacheError(str(error)) from error


def _key(key: object) -> bytes:
    return pickle.dumps(key, 5)
