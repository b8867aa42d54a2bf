"""Files judged side by side: sqlfluff takes a second for a few kilobytes, so each processor takes files of its own."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed

from elf_sqlcheck.errors import ElfError
from elf_sqlcheck.style import fluff
from elf_sqlcheck.style.judging import UNJUDGED, Found, Judged, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from elf_sqlcheck.style.fluff import Settings

#: Fewer bytes in all are judged faster than a second process begins.
_WORTH_IT = 2_000


class Judges:
    """Judges files, each text once; `tell` is called with the number of files that are done, and of all."""

    def __init__(self, settings: Settings, chosen: frozenset[str], tell: Callable[[int, int], None]) -> None:
        self.settings = settings
        self.chosen = chosen
        self.tell = tell
        self._known: dict[tuple[str, bytes], Judged] = {}

    def __call__(self, files: Mapping[str, bytes]) -> dict[str, Judged]:
        """What is found in each of the files, by path. Raises ConfigError when sqlfluff's configuration is no good."""
        new = {path: data for path, data in files.items() if (path, data) not in self._known}
        for path, data in list(new.items()):
            most = fluff.limit(path, self.settings)
            if 0 < most < len(data):
                self._known[path, data] = Judged((_too_large(len(data), most),))
                del new[path]
        for number, (path, judged) in enumerate(self._judged(new), 1):
            self._known[path, new[path]] = judged
            self.tell(number, len(new))
        return {path: self._known[path, data] for path, data in files.items()}

    def _judged(self, files: Mapping[str, bytes]) -> Iterator[tuple[str, Judged]]:
        ordered = sorted(files, key=lambda path: (-len(files[path]), path))
        count = min(len(ordered), _processors())
        if count < 2 or sum(map(len, files.values())) < _WORTH_IT:
            for path in ordered:
                yield path, _judge(path, files[path], self.settings, self.chosen)
            return
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(count, context) as pool:
            waiting = {pool.submit(_judge, path, files[path], self.settings, self.chosen): path for path in ordered}
            try:
                for done in as_completed(waiting):
                    yield waiting[done], done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _judge(path: str, data: bytes, settings: Settings, chosen: frozenset[str]) -> Judged:
    try:
        return judge(path, data, settings, chosen)
    except ElfError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever breaks in sqlfluff must not take the other files along
        return Judged((Found(UNJUDGED, f"sqlfluff broke on this file ({type(error).__name__}: {error})", None),))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _too_large(size: int, most: int) -> Found:
    return Found(
        UNJUDGED,
        f"the style of this file was not judged: it has {size:,} bytes, and the limit is {most:,}",
        None,
        instead="Raise large_file_skip_byte_limit in .sqlfluff (0 is no limit); 10,000 bytes take a few seconds.",
    )
