"""Where the files of a folder are read from, and which of them have to be read."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol

    #: Of a file on disk its size, the time of its contents, its own time, its number; of one in Git its blob.
    Stamp = tuple[int | str, ...]

    class Reader(Protocol):
        """Where files are: on disk, or in Git's index."""

        kind: str
        #: How many files are read at once when one is asked for.
        batch: int

        def stamps(self, paths: Iterable[str]) -> dict[str, Stamp]:
            """The stamps of the files, without those of which there is none."""

        def is_old(self, stamp: Stamp, begun: int, /) -> bool:
            """Whether a file with this stamp has been as it is for long enough, at a time in nanoseconds."""

        def read(self, paths: Iterable[str]) -> dict[str, bytes]:
            """What the files hold. Raises UsageError."""

    #: What a file holds, or what reads it.
    Content = bytes | Callable[[], bytes]

#: A folder with no more files is read and judged whole, and nothing is kept of it.
FEW = 24
#: So many files are rather read or judged again than written down for the next run.
LITTLE = FEW // 3
#: So many files are judged by two processes, if there is a processor for each.
MANY = 100
#: How old a change must be to be seen by a stamp, in nanoseconds: some file systems count in steps of two seconds.
_SURE = 2_500_000_000


class OnDisk:
    """Files of the working tree, which `read_one` reads."""

    kind = "seen"
    batch = 1

    def __init__(self, read_one: Callable[[str], bytes]) -> None:
        self._read_one = read_one

    def stamps(self, paths: Iterable[str]) -> dict[str, Stamp]:
        """See `Reader`."""
        found: dict[str, Stamp] = {}
        stat = os.stat
        for path in paths:
            try:
                of = stat(path)
            except OSError:
                continue
            found[path] = (of.st_size, of.st_mtime_ns, of.st_ctime_ns, of.st_ino)
        return found

    def is_old(self, stamp: Stamp, begun: int) -> bool:
        """See `Reader`."""
        latest = begun - _SURE
        return int(stamp[1]) < latest and int(stamp[2]) < latest

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Reader`."""
        return {path: self._read_one(path) for path in paths}


def contents(files: Mapping[str, bytes]) -> list[tuple[str, Content]]:
    """The files with what they hold, or with what reads them where that has not been asked for (`stamps.Files`)."""
    unread = getattr(files, "unread", None)
    return list(files.items()) if unread is None else unread()
