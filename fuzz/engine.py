"""`python -m fuzz.engine MODULE:CLASS SECONDS MOST SEED CORPUS FOUND`: one target in a process of its own.

Atheris drives it, which is libFuzzer for Python: an input that reaches new code is kept and mutated further; a process
that crashes, hangs or takes too much memory ends with an input of its own. What an exception tells of is written down
here and the run goes on, so that one defect does not hide the next: https://github.com/google/atheris
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import resource
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

import atheris

from fuzz.mutate import LARGEST, mutated

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What one input may take before libFuzzer calls it a hang, and all of it in memory: seconds and MiB.
_HANG, _MEMORY = 120, 3000


class Target(Protocol):
    """What is fuzzed."""

    def seeds(self) -> Sequence[bytes]:
        """What the mutations start from."""

    def run(self, data: bytes) -> None:
        """Try one input; whatever it raises but ElfError is a failure."""


def failure(target: Target, data: bytes) -> str:
    """What went wrong and where, "" when nothing did."""
    from elf_sqlcheck.errors import ElfError

    try:
        target.run(data)
    except ElfError as error:
        return "" if error.message else f"{type(error).__name__} without a message"
    except Exception as error:  # noqa: BLE001 - to see it is what this is for
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        where = f" at {os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}" if last else ""
        # Where a recursion runs out is chance.
        return type(error).__name__ + ("" if isinstance(error, RecursionError) else where)
    return ""


def reduced(target: Target, data: bytes, why: str) -> bytes:
    """A shorter input that fails alike, within a few seconds."""
    until, size = time.process_time() + 5, len(data) // 2
    while size and time.process_time() < until:
        at = 0
        while at < len(data) and time.process_time() < until:
            shorter = data[:at] + data[at + size :]
            if failure(target, shorter) == why:
                data = shorter
            else:
                at += size
        size //= 2
    return data


def main(name: str, seconds: float, most: int, seed: int, corpus: str, found: str) -> None:
    """Fuzz for so many seconds of the processor, or `most` inputs; ends the process, with a JSON object on stdout."""
    module, _, kind = name.partition(":")
    with atheris.instrument_imports(include=["elf_sqlcheck"]):
        target: Target = getattr(importlib.import_module(module), kind)()
    seeds = [one[:LARGEST] for one in target.seeds()]
    for one in seeds:
        _write(corpus, one)
    # An allocation that is too large is an error of ours then, which tells more than the end of the process.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY << 20, resource.RLIM_INFINITY))
    begun, executions, failures = time.process_time(), 0, dict[str, str]()

    def run(data: bytes) -> None:
        nonlocal executions
        executions += 1
        why = failure(target, data)
        if why and why not in failures:
            failures[why] = _write(found, reduced(target, data, why), f"{kind}-")
        cpu = time.process_time() - begun
        if cpu >= seconds or executions >= most:
            print(json.dumps({"executions": executions, "cpu": cpu, "failures": failures}), flush=True)
            os._exit(0)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.3:
            plain: bytes = atheris.Mutate(data, most)
            return plain
        return mutated(data, seeds, chance)[:most]

    options: dict[str, Any] = {"max_len": LARGEST, "seed": seed + 1, "timeout": _HANG, "rss_limit_mb": _MEMORY,
                               "artifact_prefix": os.path.join(found, f"{kind}-")}  # fmt: skip
    arguments = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], corpus, *arguments], run, custom_mutator=mutate)
    atheris.Fuzz()


def _write(folder: str, data: bytes, prefix: str = "") -> str:
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, prefix + hashlib.sha256(data).hexdigest()[:16])
    with open(path, "wb") as file:
        file.write(data)
    return path


if __name__ == "__main__":
    _name, _seconds, _most, _seed, *_folders = sys.argv[1:]
    main(_name, float(_seconds), int(_most), int(_seed), *_folders)
