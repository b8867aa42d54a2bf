"""Targets about what is kept for the next run: a warm run and two processes find what a cold one finds, also where what
was kept is broken.
"""

from __future__ import annotations

import atexit
import os
import pickle
import shutil
import tempfile
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

from elf_sqlcheck import cache, halves, layouts, memory, reading, registry
from elf_sqlcheck.catalog import kept
from elf_sqlcheck.errors import CacheError
from elf_sqlcheck.lint import lint
from fuzz.sql_targets import corpus, statements
from tests.ddl_strategies import GROUND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Told = list[tuple[Any, ...]]

_SUBJECT = "m"
_SETTINGS = {"profile": "supabase"}
_KINDS = ("schemas", "verdicts")


class Warm:
    """A history judged cold, by two processes, and three times with what the run before has kept."""

    def __init__(self) -> None:
        home = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ["XDG_CACHE_HOME"] = home
        self.rules = registry.select(registry.builtin(), profile="supabase")

    def seeds(self) -> Sequence[bytes]:
        """Files that build on each other, between `;;`."""
        some, whole = statements(), corpus()
        return [
            b";;".join((GROUND.encode(), *some[at : at + 4])) for at in range(0, len(some), 4)
        ] + [b";;".join(whole[at : at + 3]) for at in range(0, 90, 3)]  # fmt: skip

    def run(self, data: bytes) -> None:
        """Judge it in all ways."""
        files = self.files(data)
        cold = self.found(files)
        with (
            mock.patch.object(reading, "MANY", 1),
            mock.patch.object(halves, "has_two_processors", return_value=True),
            mock.patch.object(halves, "_middle", side_effect=lambda end, _: end // 2),
        ):
            by_two = self.found(files)
        if by_two != cold:
            raise ValueError("two processes find something else")
        cache.forget(_SUBJECT)
        half = dict(list(files.items())[: len(files) // 2])
        for some in (half, files, files):
            if self.warm(some) != (cold if some is files else self.found(half)):
                raise ValueError("a warm run finds something else")

    @staticmethod
    def files(data: bytes) -> dict[str, bytes]:
        """The files that an input stands for."""
        pieces = data.split(b";;")[:9]
        return {f"{_SUBJECT}/2025010{number + 1}_000000_a.sql": piece for number, piece in enumerate(pieces)}

    def found(self, files: Mapping[str, bytes], **more: Any) -> Told:
        """What is found in the files, and where."""
        result = lint(layouts.read_all(files), self.rules, _SETTINGS, **more)
        return [(finding, finding.span) for finding in (*result.findings, *result.suppressed)]

    def warm(self, files: Mapping[str, bytes]) -> Told:
        """What is found with what was kept, and everything is kept then."""
        with mock.patch.object(reading, "FEW", 0), mock.patch.object(reading, "LITTLE", 0):
            return self.found(files, kept=(_SUBJECT, files))


class Cache(Warm):
    """Four bytes each say which file of the cache is spoiled, how, and where; the run finds what a cold one does."""

    def __init__(self) -> None:
        super().__init__()
        self._files = self.files(b";;".join((GROUND.encode(), *statements()[:12])))
        self._cold = self.found(self._files)
        for count in (6, 9, 9):
            self.warm(dict(list(self._files.items())[:count]))
        self._kept: dict[str, bytes] = {}
        for kind in _KINDS:
            for entry in os.scandir(cache.place_of(kind, _SUBJECT)):
                with open(entry.path, "rb") as file:
                    self._kept[entry.path] = file.read()

    def seeds(self) -> Sequence[bytes]:
        """One of each way."""
        return [bytes((file, way, at, 7)) for file in range(len(self._kept)) for way in range(5) for at in (0, 9, 200)]

    def run(self, data: bytes) -> None:
        """Spoil it and judge."""
        for path, whole in self._kept.items():
            with open(path, "wb") as file:
                file.write(whole)
        paths = sorted(self._kept)
        for number in range(0, min(len(data) - 3, 80), 4):
            which, way, *at = data[number : number + 4]
            path, spoilt = paths[which % len(paths)], bytearray(self._kept[paths[which % len(paths)]])
            place = (at[0] << 8 | at[1]) * len(spoilt) >> 16
            match way % 5:
                case 0:
                    spoilt[place] ^= at[1] or 1
                case 1:
                    del spoilt[place:]
                case 2:
                    del spoilt[place : place + 1 + at[1]]
                case 3:
                    spoilt[place:place] = bytes(at)
                case 4:
                    spoilt = bytearray(self._kept[paths[at[0] % len(paths)]])
            with open(path, "wb") as file:
                file.write(spoilt)
        if self.warm(self._files) != self._cold:
            raise ValueError("what is broken changes what is found")


class Values(Cache):
    """What is read of a cache, with a right check sum: a value of the classes that may be in it, or an error."""

    def seeds(self) -> Sequence[bytes]:
        """All that a cache holds, and pickles that would run something."""
        evil = [pickle.dumps(one) for one in (print, os.system, type, (getattr, "x"), b"x" * 300)]
        return [whole[at : at + 4000] for whole in self._kept.values() for at in range(4, len(whole), 3000)] + evil

    def run(self, data: bytes) -> None:
        """Read it as it is, and under the sum that it would have."""
        for stored in (data, zlib.crc32(data).to_bytes(4, "big") + data):
            for classes in (memory._CLASSES, kept._CLASSES, {}):
                with suppress(CacheError):
                    cache.unsealed(stored, classes)
