"""Many files judged by two processes.

A file is judged against the schema that those before it make. So the other process judges the first of the files, and
this one only folds these and judges the rest, after which it has the last schema, for what later files decide. To fold
takes half of what it takes to judge: two processes need two thirds of the time of one, and more would need little less.

Whatever goes wrong in two processes is done again in one, which says what is the matter.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys

from elf_sqlcheck.engine import Verdict
from elf_sqlcheck.reading import MANY
from elf_sqlcheck.rule import are_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from elf_sqlcheck.engine import Engine

    #: Of each file what is in its verdict but for the file itself; and what the other process has found out of all.
    Answer = tuple[dict[int, tuple[Any, ...]], dict[tuple[str, ...], Any]]

#: What it takes to fold a file, of what it takes to judge it (bench/parts.py).
_FOLDING = 0.55
#: Two processes are not worth it for less than this part of the time.
_GAIN = 0.1
#: Of its processors, how much time a container may use in which time:
#: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
_QUOTA = "/sys/fs/cgroup/cpu.max"
#: In its fourth field, how many processes want a processor right now:
#: https://man7.org/linux/man-pages/man5/proc_loadavg.5.html
_LOAD = "/proc/loadavg"


def go(engine: Engine, end: int, judged: Collection[int]) -> dict[int, Verdict]:
    """What `Engine.go` does from the first migration on, by two processes where that is faster."""
    middle = _middle(end, judged) if has_two_processors() and are_ours(engine.by_name.values()) else 0
    other = _begun(engine, middle, judged) if middle else None
    if other is None:
        return engine.go(0, end, judged)
    first = engine.first
    try:
        engine.go(0, middle, ())
        engine.first = False
        rest = engine.go(middle, end, judged)
    except Exception:  # noqa: BLE001 - the first file that a rule breaks on is to be named
        other.end()
        return _alone(engine, end, judged, first=first)
    except BaseException:
        other.end()
        raise
    answer = other.answer()
    if answer is None:
        return _alone(engine, end, judged, first=first)
    verdicts, found = answer
    engine.survey.found = {**found, **engine.survey.found}
    return {number: Verdict(engine.migrations[number], *fields) for number, fields in verdicts.items()} | rest


def _alone(engine: Engine, end: int, judged: Collection[int], *, first: bool) -> dict[int, Verdict]:
    engine.begin_anew()
    engine.first = first
    return engine.go(0, end, judged)


def _middle(end: int, judged: Collection[int]) -> int:
    """How many files the other process judges, so that both take as long; 0 when it is better done by one."""
    if len(judged) < MANY:
        return 0
    takes = [1 if number in judged else _FOLDING for number in range(end)]
    whole = sum(takes)
    done = 0.0
    for number, time in enumerate(takes):
        ours = _FOLDING * number + whole - done
        if done >= ours:
            return number if ours < whole * (1 - _GAIN) else 0
        done += time
    return 0


class _Other:
    """The other process, of which the answer comes through a pipe."""

    __slots__ = ("_pid", "_pipe")

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid, self._pipe = pid, pipe

    def answer(self) -> Answer | None:
        """What came of it, None when it broke or was killed."""
        with os.fdopen(self._pipe, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        answer: Answer | None = pickle.loads(said) if status == 0 else None  # noqa: S301 - nobody else can write there
        return answer

    def end(self) -> None:
        """End it, whatever it does."""
        os.kill(self._pid, signal.SIGKILL)
        os.close(self._pipe)
        os.waitpid(self._pid, 0)


def _begun(engine: Engine, end: int, judged: Collection[int]) -> _Other | None:
    """The other process, at its work; None when there can be none."""
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return None
    if pid:
        os.close(writing)
        return _Other(pid, reading)
    code = 1
    try:
        os.close(reading)
        verdicts = {
            number: tuple(getattr(verdict, field) for field in Verdict._fields[1:])
            for number, verdict in engine.go(0, end, judged).items()
        }
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((verdicts, engine.survey.found), pipe, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)  # without what else the first process has to end


def has_two_processors() -> bool:
    """Whether two processes could work at once now, as far as that can be told, and one may begin another.

    Where others keep the processors busy, two would take longer than one. A process with a connection to a server is
    not doubled: the other would hold the connection, and its locks, after this one was killed.
    """
    if sys.platform != "linux" or "psycopg" in sys.modules:
        return False
    try:
        with open(_LOAD, encoding="ascii") as file:
            others = int(file.read().split()[3].partition("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        others = 0
    return min(len(os.sched_getaffinity(0)) - others, _allowed()) >= 2


def _allowed() -> float:
    """How many processors a container may keep busy."""
    try:
        with open(_QUOTA, encoding="ascii") as file:
            most, period = file.read().split()
        return float("inf") if most == "max" else int(most) / int(period)
    except (OSError, ValueError):
        return float("inf")
