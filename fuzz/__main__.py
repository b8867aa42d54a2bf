"""`python -m fuzz [TARGET ...] --seconds N [--seed N]`: 1 when something was found."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from fuzz.targets import TARGETS

_TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_REACHED = re.compile(r" cov: (\d+)")
_WRITTEN = re.compile(r"Test unit written to (.+)")
_ERROR = re.compile(r"ERROR: libFuzzer: (.+)|(out-of-memory|deadly signal).*")


def main() -> int:
    """Fuzz what is named, by default everything."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("target", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}, or MODULE:CLASS")
    parser.add_argument("--seconds", type=float, default=60, help="of the processor, for each target")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="inputs, for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", help="a folder where the inputs that reached new code stay, for the next time")
    parser.add_argument("--found", default=os.path.join(_TOP, "fuzz", "found"), help="where failing inputs are written")
    options = parser.parse_args()
    for name in options.target:
        if name not in TARGETS and ":" not in name:
            parser.error(f"there is no target {name}: {', '.join(TARGETS)}")
    if not find_spec("atheris"):
        print(
            "fuzzing needs Atheris, which is there for Linux on x86-64 only: pip install -e '.[dev]'", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory() as aside:
        failed = [
            name
            for name in options.target or TARGETS
            if not _is_clean(name, options, os.path.join(options.corpus or aside, name.rpartition(":")[2]))
        ]
    return 1 if failed else 0


def _is_clean(name: str, options: argparse.Namespace, corpus: str) -> bool:
    """Fuzz one target in a process of its own, and print what came of it."""
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(options.found, exist_ok=True)
    arguments = [TARGETS.get(name, name), options.seconds, options.most, options.seed, corpus, options.found]
    command = [sys.executable, "-m", "fuzz.engine", *map(str, arguments)]
    reached, written, error, tail = "0", "", "", ""
    # By turns: what a target prints is none of our business, and a full pipe would stop it.
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(command, cwd=_TOP, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace") as process,
    ):
        for line in process.stderr or ():
            if match := _REACHED.search(line):
                reached = match[1]
            if match := _WRITTEN.search(line):
                written = match[1]
            if match := _ERROR.search(line):
                error = error or match[0]
            tail = line.strip() or tail
        process.wait()
        out.seek(0)
        lines = out.read().splitlines()
    try:
        outcome = json.loads(lines[-1]) if process.returncode == 0 else {}
    except (IndexError, ValueError):
        outcome = {}
    if not outcome:
        print(f"{name}: {error or tail}: {written or 'no input was written'}", flush=True)
        return False
    count, cpu, failures = outcome["executions"], outcome["cpu"], outcome["failures"]
    print(
        f"{name}: {count:,} executions, {count / (cpu or 1):.0f}/s, {cpu:.0f} CPU seconds, {reached} edges covered, "
        f"{len(failures)} failures",
        flush=True,
    )
    for why, path in failures.items():
        print(f"  {why}: {path}", flush=True)
    return not failures


if __name__ == "__main__":
    sys.exit(main())
