"""Files that are read when somebody asks what is in them: of a long history most have not changed since they last were.

What tells that a file has not been touched is its stamp: its size, its times and its number, as Git has it in its
index. A change within two seconds of the look at it may leave all of these as they were, so such a stamp is not kept:
https://git-scm.com/docs/racy-git
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from time import time_ns

from elf_sqlcheck import cache
from elf_sqlcheck.errors import CacheError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    #: Size, time of the contents, time of the file, its number.
    Stamp = tuple[int, int, int, int]

#: How old a change must be to be seen by a stamp, in nanoseconds: some file systems count in steps of two seconds.
_SURE = 2_500_000_000
_SIZE = 16
#: So many files are rather read than known.
FEW = 8


class Files(Mapping[str, bytes]):
    """The files of a `folder` by their paths, in order. `read` reads one, and raises UsageError when it cannot.

    Those that are not as the run before has seen them are read at once, so that whatever is wrong with one of them is
    said before anything is judged. Asking for the bytes of another raises UsageError where they are not what its stamp
    has told.
    """

    __slots__ = ("_begun", "_bytes", "_digests", "_place", "_read", "_stamps", "_unseen")

    def __init__(self, folder: str, paths: Iterable[str], read: Callable[[str], bytes]) -> None:
        self._begun = time_ns()
        self._read = read
        place = cache.place_of("files", folder)
        self._place = os.path.join(place, "seen") if place else ""
        seen = self._seen()
        self._bytes: dict[str, bytes | None] = {}
        self._digests: dict[str, bytes] = {}
        self._stamps: dict[str, Stamp] = {}
        stat, start = os.stat, len(os.path.join(folder, ""))
        for path in paths:
            if path in self._bytes:
                continue
            try:
                found = stat(path)
            except OSError:
                self._bytes[path] = read(path)
                continue
            stamp = self._stamps[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            known = seen.get(path[start:])
            if known is not None and known[0] == stamp:
                self._bytes[path] = None
                self._digests[path] = known[1]
            else:
                self._bytes[path] = read(path)
        self._unseen = len(self._bytes) - len(self._digests)

    def _seen(self) -> dict[str, tuple[Stamp, bytes]]:
        try:
            found = cache.read(self._place, {}) if self._place else {}
        except CacheError:
            found = {}
        return found if isinstance(found, dict) else {}

    def __getitem__(self, path: str) -> bytes:
        data = self._bytes[path]
        if data is None:
            data = self._read(path)
            if _digest(data) != self._digests[path]:
                cache.remove(self._place)
                raise UsageError(f"{path} has changed while it was read", "run it once more")
            self._bytes[path] = data
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self._bytes)

    def __len__(self) -> int:
        return len(self._bytes)

    def __contains__(self, path: object) -> bool:
        return path in self._bytes

    def all_unread(self) -> list[tuple[str, bytes | Callable[[], bytes]]]:
        """All files with what they hold, or with what reads them."""
        get = self.__getitem__
        return [(path, partial(get, path) if data is None else data) for path, data in self._bytes.items()]

    def digest(self, path: str) -> bytes:
        """What tells the contents of the file from any others."""
        found = self._digests.get(path)
        if found is None:
            found = self._digests[path] = _digest(self[path])
        return found

    def keep(self, folder: str) -> None:
        """Keep what has been seen of the files for the next run, unless it is little that the last one has not seen: to
        read a few files takes less than to write what is known of all.
        """
        if self._unseen <= FEW or not self._place:
            return
        start, latest = len(os.path.join(folder, "")), self._begun - _SURE
        cache.write(
            self._place,
            {
                path[start:]: (stamp, self._digests[path])
                for path, stamp in self._stamps.items()
                if path in self._digests and stamp[1] < latest and stamp[2] < latest
            },
        )


def unread(files: Mapping[str, bytes]) -> list[tuple[str, bytes | Callable[[], bytes]]]:
    """The files with what they hold, or with what reads them."""
    if isinstance(files, Files):
        return files.all_unread()
    return list(files.items())


def digest_in(files: Mapping[str, bytes]) -> Callable[[str], bytes]:
    """What tells the contents of one of the `files` from any others, by its path."""
    if isinstance(files, Files):
        return files.digest
    return lambda path: _digest(files[path])


def _digest(data: bytes) -> bytes:
    from hashlib import blake2b

    return blake2b(data, digest_size=_SIZE).digest()
