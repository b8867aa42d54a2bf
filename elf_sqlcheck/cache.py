"""What a run keeps for the next one: ordered tables of values by their keys, each a file that is written once.

Everything here is a gift: what cannot be read, is broken or cannot be written is as if it had never been kept. A file
holds values only, never code: to read one that somebody else has written can make a wrong schema, and nothing else.
"""

from __future__ import annotations

import io
import os
import pickle
import sqlite3
import zlib
from contextlib import suppress
from urllib.parse import quote

from elf_sqlcheck.errors import CacheError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

#: A value that was there keeps its place in the order, as in a dict.
_PUT = "INSERT INTO kept (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
#: How many tables of one subject are kept; the one that was used longest ago goes first.
MOST = 4


def folder() -> str:
    """Where things are kept: `elf-sqlcheck` in XDG_CACHE_HOME, else in ~/.cache; "" when there is no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return ""
        base = os.path.join(home, ".cache")
    return os.path.join(base, "elf-sqlcheck")


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
        return None if row is None else self._value(row[0])

    def items(self) -> Iterator[tuple[Any, Any]]:
        """All that is in it, in the order in which it was put there. Raises CacheError."""
        try:
            for key, value in self._connection.execute("SELECT key, value FROM kept ORDER BY place"):
                yield _unpickled(key, {}), self._value(value)
        except sqlite3.Error as error:
            raise CacheError(str(error)) from error

    def _value(self, stored: bytes) -> Any:
        if zlib.crc32(stored[4:]).to_bytes(4, "big") != stored[:4]:
            raise CacheError("a value is not what was written")
        return _unpickled(stored[4:], self._classes)


def keep(path: str, values: Iterable[tuple[object, object]], base: str = "") -> bool:
    """Write a table in one piece: `values` by their keys on top of a copy of `base`; None takes away what is there.

    Others of the same folder that have not been used for long are removed. Returns whether it could be written.
    """
    from shutil import copyfile

    written = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if base:
            copyfile(base, written)
        connection = _opened(written, "mode=rwc")
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS kept (place INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)"
            )
            connection.execute("BEGIN")
            for key, value in values:
                if value is None:
                    connection.execute("DELETE FROM kept WHERE key = ?", (_key(key),))
                else:
                    stored = pickle.dumps(value, 5)
                    row = (_key(key), zlib.crc32(stored).to_bytes(4, "big") + stored)
                    connection.execute(_PUT, row)
            connection.execute("COMMIT")
        finally:
            connection.close()
        os.replace(written, path)
        _sweep(os.path.dirname(path))
    except (OSError, sqlite3.Error, CacheError):
        _remove(written)
        return False
    return True


def _opened(path: str, how: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"file:{quote(os.path.abspath(path))}?{how}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise CacheError(str(error)) from error


def _key(key: object) -> bytes:
    return pickle.dumps(key, 5)


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, classes: Mapping[str, type]) -> None:
        super().__init__(io.BytesIO(data))
        self._classes = classes

    def find_class(self, _module: str, name: str) -> Any:
        if name not in self._classes:
            raise CacheError(f"it holds a {name}")
        return self._classes[name]


def _unpickled(data: bytes, classes: Mapping[str, type]) -> Any:
    """What was pickled, made of plain values and of `classes`; raises CacheError when it is anything else."""
    try:
        return _Reader(data, classes).load()
    except CacheError:
        raise
    except Exception as error:
        raise CacheError(f"{type(error).__name__}: {error}") from error


def _sweep(directory: str) -> None:
    """Remove the tables that were used longest ago, and what an interrupted run has left of one."""
    ages = []
    for entry in os.scandir(directory):
        with suppress(OSError):  # somebody else has removed it
            ages.append((entry.stat().st_mtime, entry.path))
    for _, path in sorted(ages)[:-MOST]:
        _remove(path)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
