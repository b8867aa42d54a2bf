"""What a run keeps for the next one: values in files that are written once, each under a folder of its own subject.

Everything here is a gift: what cannot be read, is broken or cannot be written is as if it had never been kept. A file
holds values only, never code: to read one that somebody else has written can make a wrong answer or take memory, and
nothing else.
"""

from __future__ import annotations

import io
import os
import pickle
import zlib
from contextlib import suppress

from elf_sqlcheck.errors import CacheError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: How many files of one subject are kept; the one that was used longest ago goes first.
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


def place_of(kind: str, subject: str) -> str:
    """The folder for what is kept of a `kind` about a folder of migrations, `subject`; "" when nothing can be kept."""
    place = folder()
    if not place:
        return ""
    from hashlib import blake2b

    name = blake2b(os.fsencode(os.path.abspath(subject or ".")), digest_size=12).hexdigest()
    return os.path.join(place, kind, name)


def forget(subject: str) -> None:
    """Remove what is kept of the findings and the schema of a folder of migrations."""
    for kind in ("schemas", "verdicts"):
        with suppress(OSError):
            for entry in os.scandir(place_of(kind, subject)):
                remove(entry.path)


def sealed(value: object) -> bytes:
    """A value as it is stored, with what tells whether it is whole."""
    stored = pickle.dumps(value, 5)
    return zlib.crc32(stored).to_bytes(4, "big") + stored


def unsealed(stored: bytes, classes: Mapping[str, type]) -> Any:
    """The value that was stored, made of plain values and of `classes`; raises CacheError when it is anything else."""
    if zlib.crc32(memoryview(stored)[4:]).to_bytes(4, "big") != stored[:4]:
        raise CacheError("a value is not what was written")
    return unpickled(memoryview(stored)[4:], classes)


def read(path: str, classes: Mapping[str, type]) -> Any:
    """The value that a file holds; raises CacheError. Its file counts as used."""
    try:
        with open(path, "rb", buffering=0) as file:
            stored = file.readall()
    except OSError as error:
        raise CacheError(str(error)) from error
    with suppress(OSError):
        os.utime(path)
    return unsealed(stored, classes)


def write(path: str, value: object) -> bool:
    """Write a value in one piece; returns whether that could be done."""

    def make(written: str) -> None:
        with open(written, "wb") as file:
            file.write(sealed(value))

    return put(path, make)


def put(path: str, make: Callable[[str], None]) -> bool:
    """Put a file in its place in one piece, which `make` writes elsewhere; returns whether that could be done.

    Others of the same folder that have not been used for long are removed.
    """
    written = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        make(written)
        os.replace(written, path)
        _sweep(os.path.dirname(path))
    except (OSError, CacheError):
        remove(written)
        return False
    return True


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes | memoryview, classes: Mapping[str, type]) -> None:
        super().__init__(io.BytesIO(data))
        self._classes = classes

    def find_class(self, _module: str, name: str) -> Any:
        if name not in self._classes:
            raise CacheError(f"it holds a {name}")
        return self._classes[name]


def unpickled(data: bytes | memoryview, classes: Mapping[str, type]) -> Any:
    """What was pickled, made of plain values and of `classes`; raises CacheError when it is anything else."""
    try:
        return _Reader(data, classes).load()
    except CacheError:
        raise
    except Exception as error:
        raise CacheError(f"{type(error).__name__}: {error}") from error


def _sweep(directory: str) -> None:
    """Remove the files that were used longest ago, and what an interrupted run has left of one."""
    ages = []
    for entry in os.scandir(directory):
        with suppress(OSError):  # somebody else has removed it
            ages.append((entry.stat().st_mtime, entry.path))
    for _, path in sorted(ages)[:-MOST]:
        remove(path)


def remove(path: str) -> None:
    """Take a file away, if it is there and that can be done."""
    with suppress(OSError):
        os.unlink(path)
