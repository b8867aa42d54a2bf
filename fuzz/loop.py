"""The loop: mutate an input, keep it when it reaches new lines, report it when it breaks a property."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from elf_sqlcheck.errors import ElfError
from fuzz.mutate import LARGEST, mutated

if TYPE_CHECKING:
    from collections.abc import Sequence

FOUND = os.path.join(os.path.dirname(__file__), "found")
#: Tracing costs several times the run itself: one input in so many is traced.
_TRACED = 8
_MARKS = (f"{os.sep}elf_sqlcheck{os.sep}", f"{os.sep}rules{os.sep}")


class Target(Protocol):
    """What is fuzzed."""

    def seeds(self) -> Sequence[bytes]:
        """What the mutations start from."""

    def run(self, data: bytes) -> None:
        """Try one input; whatever it raises but ElfError is a failure."""


@dataclass
class Outcome:
    """What came of a target."""

    executions: int = 0
    cpu: float = 0.0
    lines: set[tuple[str, int]] = field(default_factory=set)
    failures: dict[str, bytes] = field(default_factory=dict)


def fuzz(target: Target, seconds: float, seed: int = 0, most: int = sys.maxsize) -> Outcome:
    """Fuzz for so many seconds of the processor, or `most` executions."""
    chance, outcome = random.Random(seed), Outcome()
    pool = [one[:LARGEST] for one in target.seeds()]
    fresh = list(pool)
    begun = time.process_time()
    while outcome.executions < most and time.process_time() - begun < seconds:
        data = fresh.pop() if fresh else mutated(chance.choice(pool), pool, chance)
        before = len(outcome.lines)
        traced = outcome.executions % _TRACED == 0
        why = _tried(target, data, outcome.lines if traced else None)
        outcome.executions += 1
        if why and why not in outcome.failures:
            outcome.failures[why] = _reduced(target, data, why)
        elif len(outcome.lines) > before:
            pool.append(data)
    outcome.cpu = time.process_time() - begun
    return outcome


def _tried(target: Target, data: bytes, lines: set[tuple[str, int]] | None) -> str:
    """What went wrong and where, "" when nothing did."""

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not any(mark in name for mark in _MARKS):
            return None
        if event == "line" and lines is not None:
            lines.add((name, frame.f_lineno))
        return trace

    earlier = sys.gettrace()
    try:
        if lines is not None:
            sys.settrace(trace)
        target.run(data)
    except ElfError as error:
        return "" if error.message else f"{type(error).__name__} without a message"
    except Exception as error:  # noqa: BLE001 - to see it is what this is for
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        where = f"{os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}" if last else ""
        # Where a recursion runs out is chance.
        return type(error).__name__ + ("" if isinstance(error, RecursionError) else f" at {where}")
    finally:
        sys.settrace(earlier)
    return ""


def _reduced(target: Target, data: bytes, why: str) -> bytes:
    """A shorter input that fails alike, within a second or two."""
    until, size = time.process_time() + 2, len(data) // 2
    while size and time.process_time() < until:
        at = 0
        while at < len(data) and time.process_time() < until:
            shorter = data[:at] + data[at + size :]
            if _tried(target, shorter, None) == why:
                data = shorter
            else:
                at += size
        size //= 2
    return data


def write(name: str, outcome: Outcome) -> list[str]:
    """Keep the failing inputs; their paths."""
    os.makedirs(FOUND, exist_ok=True)
    paths = []
    for data in outcome.failures.values():
        path = os.path.join(FOUND, f"{name}-{hashlib.sha256(data).hexdigest()[:12]}")
        with open(path, "wb") as file:
            file.write(data)
        paths.append(path)
    return paths
