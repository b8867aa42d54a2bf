"""Runs of commands for bench/lint.py: what each takes by the clock, of the processor, and of memory."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KILOBYTES = 1 / 1024 if sys.platform == "darwin" else 1  # of the unit in which the kernel counts memory
#: Seconds between two looks at the memory of a command.
BETWEEN_LOOKS = 0.005
#: What a command gets to know of the caller's variables: no colours, no CI, no configuration of somebody.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class Run(NamedTuple):
    """One run: seconds by the clock, seconds of the processor (its own and its children's), and MB at its peak."""

    wall: float
    cpu: float
    memory: float


class Entrant(NamedTuple):
    """Who takes part in a case: a `name`, a `command`, the `folder` where it runs, its variables.

    `files` is how many it judges, `code` how it has to end (None: with 0 or 1), `before` what is done before each run,
    `most` how many rounds it takes part in, when they are limited.
    """

    name: str
    command: list[str]
    folder: str
    variables: dict[str, str]
    files: int = 1
    code: int | None = None
    before: Callable[[], object] | None = None
    most: int = 0


def variables(home: str, cache: str) -> dict[str, str]:
    """The variables of somebody who has configured nothing, with that folder for caches."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept, "HOME": home, "XDG_CACHE_HOME": cache, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.org",
        "GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.org",
    }  # fmt: skip


def emptied(folder: str) -> None:
    """Make the folder anew, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def run(entrant: Entrant, output: str, *, watched: bool = False) -> Run:
    """Run it to its end; what it says goes to the file `output`.

    A run that is `watched` is looked at all the time, for its memory: its seconds are of no use.
    Raises SystemExit when it ends in another way than it has to.
    """
    if entrant.before:
        entrant.before()
    os.chdir(entrant.folder)
    with open(output, "wb") as said:
        streams = [(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
        start = time.perf_counter()
        pid = os.posix_spawn(entrant.command[0], entrant.command, entrant.variables, file_actions=streams)
        memory = _peak(pid) if watched else 0.0
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in ((0, 1) if entrant.code is None else (entrant.code,)):
        with open(output, encoding="utf-8", errors="replace") as said_text:
            sys.exit(f"{' '.join(entrant.command)[:300]} ended with {code}:\n{said_text.read()[-2000:]}")
    peak = used.ru_maxrss * KILOBYTES / 1024
    return Run(wall, used.ru_utime + used.ru_stime, max(memory, peak if peak > floor() else 0.0))


def floor() -> float:
    """The MB that this process holds at most.

    The kernel counts a process's memory from before it became the command, when it was a copy of this one: what is no
    more than that is only known to be less.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTES / 1024


def medians(runs: Iterable[Run]) -> Run:
    """The median of each measure by itself."""
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


def _peak(pid: int) -> float:
    """The most MB that a process and its descendants are seen to hold together until it ends; 0 where nobody says.

    Pages that several share count once in all: PSS, https://docs.kernel.org/filesystems/proc.html
    """
    peak = 0.0
    if not sys.platform.startswith("linux"):
        return peak
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, sum(map(_held, _family(pid))))
        time.sleep(BETWEEN_LOOKS)
    return peak


def _family(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(child))]


def _held(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:")), 0.0)
    except OSError:
        return 0.0
