"""Files that are read when somebody asks what is in them: of a long history most have not changed since they last were.

What tells that a file has not been touched is its stamp: its size, its times and its number, as Git has it in its
index. A change within two seconds of the look at it may leave all of these as they were, so such a stamp is not kept:
https://git-scm.com/docs/racy-git
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from time import time_ns

from elf_sqlcheck import cache, reading
from elf_sqlcheck.errors import CacheError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from elf_sqlcheck.reading import Content, Reader, Stamp


class Files(Mapping[str, bytes]):
    """The files of a `folder` by their paths, in order. They are looked at when it is first asked what is in them.

    Those that are not as the run before has seen them are read then, so that whatever is wrong with one of them is said
    before anything is judged: UsageError is raised. It is raised, too, when another is asked for later and is not what
    its stamp has told.
    """

    __slots__ = ("_begun", "_bytes", "_digests", "_place", "_reader", "_stamps", "_start", "_unseen")

    def __init__(self, folder: str, paths: Iterable[str], reader: Reader) -> None:
        self._reader = reader
        place = cache.place_of("files", folder)
        self._place = os.path.join(place, reader.kind) if place else ""
        self._start = len(os.path.join(folder, ""))
        self._bytes: dict[str, bytes | None] = dict.fromkeys(paths)
        self._digests: dict[str, bytes] = {}
        self._begun = 0

    def _look(self) -> None:
        self._begun = time_ns()
        seen = self._seen()
        start, digests = self._start, self._digests
        self._stamps = stamps = self._reader.stamps(self._bytes)
        for path, stamp in stamps.items():
            known = seen.get(path[start:])
            if known is not None and known[0] == stamp:
                digests[path] = known[1]
        unseen = [path for path in self._bytes if path not in digests]
        self._bytes.update(self._reader.read(unseen))
        self._unseen = len(unseen)

    def _seen(self) -> dict[str, tuple[Stamp, bytes]]:
        try:
            found = cache.read(self._place, {}) if self._place else {}
        except CacheError:
            found = {}
        return found if isinstance(found, dict) else {}

    def __getitem__(self, path: str) -> bytes:
        if not self._begun:
            self._look()
        data = self._bytes[path]
        if data is None:
            self._bytes.update(self._reader.read(self._next(path)))
            data = self._bytes[path]
            if data is None or digest_of(data) != self._digests[path]:
                cache.remove(self._place)
                raise UsageError(f"{path} has changed while it was read", "run it once more")
        return data

    def _next(self, path: str) -> list[str]:
        """The files to read when one is asked for: those that follow are often the next ones."""
        if self._reader.batch == 1:
            return [path]
        paths = [*self._bytes]
        place = paths.index(path)
        return [other for other in paths[place : place + self._reader.batch] if self._bytes[other] is None]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bytes)

    def __len__(self) -> int:
        return len(self._bytes)

    def __contains__(self, path: object) -> bool:
        return path in self._bytes

    def unread(self) -> list[tuple[str, Content]]:
        """All files with what they hold, or with what reads them."""
        if not self._begun:
            self._look()
        get = self.__getitem__
        return [(path, partial(get, path) if data is None else data) for path, data in self._bytes.items()]

    def digest(self, path: str) -> bytes:
        """What tells the contents of the file from any others."""
        found = self._digests.get(path)
        if found is None:  # it has been read, or nothing has been looked at yet
            found = self._digests[path] = digest_of(self[path])
        return found

    def keep(self) -> None:
        """Keep what has been seen of the files for the next run, unless it is little that the last one has not seen: to
        read a few files takes less than to write what is known of all.
        """
        if not self._begun or self._unseen <= reading.LITTLE or not self._place:
            return
        start, reader, begun = self._start, self._reader, self._begun
        cache.write(
            self._place,
            {
                path[start:]: (stamp, self._digests[path])
                for path, stamp in self._stamps.items()
                if path in self._digests and reader.is_old(stamp, begun)
            },
        )


def digest_in(files: Mapping[str, bytes]) -> Callable[[str], bytes]:
    """What tells the contents of one of the `files` from any others, by its path."""
    if isinstance(files, Files):
        return files.digest
    return lambda path: digest_of(files[path])


def digest_of(data: bytes) -> bytes:
    """What tells these bytes from any others."""
    return blake2b(data, digest_size=16).digest()
