"""What the worst of files cost, beside parsing them: `python bench/worst.py`.

Each case is linted by the installed command with all of its rules, in a process of its own, in three sizes that double.
The yardstick is another process that does no more than to parse the same text and to decode what comes out
(`pglast.parser.parse_sql_json`, `json.loads`, without garbage collection; see `bench/yardstick.py`). Each plpgsql body
in it is parsed and decoded once, too (`parse_plpgsql_json`); what a body puts together and runs, and what is called
again, is not. Both count by the processor's time, without what they take to start: lint's time over that of parsing is
the ratio, which must not exceed 20. A ratio is only judged where linting takes a fifth of a second at least: below
that, starting is what counts.

The exponent says how time grows with the size: 1 when twice the size takes twice the time, 2 when it takes four times.
The seed file is measured beside squawk, too.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from bench.worst_cases import CASES  # noqa: E402 - found from where this file stands

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.worst_cases.case import Case, Input

KILOBYTES = 1 / 1024 if sys.platform == "darwin" else 1  # of the unit in which the kernel counts memory
YARDSTICK = [sys.executable, os.path.join(HERE, "yardstick.py")]
#: The most that linting may take, in times of parsing.
LIMIT = 20.0
#: The most that the seed file may take, in times of squawk, and in MB.
SEED_LIMIT, SEED_MEMORY = 1.5, 300.0
#: Seconds of linting below which a ratio says nothing.
LEAST = 0.2


class Used(NamedTuple):
    """What a process took: seconds of the processor, and the most memory it held, in MB; how it ended."""

    seconds: float
    memory: float
    code: int


class Line(NamedTuple):
    """One case in one size: seconds of linting and of parsing, MB of linting, how it ended, bytes of text."""

    size: int
    length: int
    lint: float
    parse: float
    memory: float
    code: int

    @property
    def ratio(self) -> float:
        return self.lint / max(self.parse, 1e-4)


def run(command: list[str], folder: str, patience: int) -> Used:
    """Run a command in a folder, for at most `patience` seconds of the processor."""
    null = os.open(os.devnull, os.O_WRONLY)
    errors = os.open(os.path.join(folder, ".errors"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        os.dup2(null, 1)
        os.dup2(errors, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (patience, patience + 1))
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        os.execv(command[0], command)
    os.close(null)
    os.close(errors)
    _, status, used = os.wait4(pid, 0)
    return Used(used.ru_utime + used.ru_stime, used.ru_maxrss * KILOBYTES / 1024, os.waitstatus_to_exitcode(status))


def best(command: list[str], folder: str, rounds: int, patience: int) -> Used:
    """The cheapest of several runs; what takes long is run once."""
    runs = [run(command, folder, patience)]
    while len(runs) < rounds and runs[0].seconds < 3:
        runs.append(run(command, folder, patience))
    return min(runs)


def parsing(paths: list[str], folder: str) -> float:
    """Seconds of the processor that it takes to parse files of a folder."""
    done = subprocess.run([*YARDSTICK, *paths], cwd=folder, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def write(made: Input, folder: str) -> tuple[list[str], list[str], int]:
    """Write a case; what the command is given, what the yardstick parses, and the bytes of that."""
    for name, text in made.files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    judged = list(made.paths)
    parsed = [name for name in made.files if name.endswith(".sql")] if judged else []
    if not judged:
        judged, parsed = ["worst.sql"], ["sound.sql" if made.sound else "worst.sql"]
        for name, content in (("worst.sql", made.text), ("sound.sql", made.sound)):
            with open(os.path.join(folder, name), "wb") as binary:
                binary.write(content.encode() if isinstance(content, str) else content)
    return judged, parsed, sum(os.path.getsize(os.path.join(folder, name)) for name in parsed)


class Bench:
    """The commands, and what they take to start."""

    def __init__(self, rounds: int, patience: int) -> None:
        self.rounds = rounds
        self.patience = patience
        self.lint = [beside("elf-sqlcheck"), "lint", "--fail-on", "error", "--output-format", "concise"]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "worst.sql"), "w", encoding="utf-8") as file:
                file.write("SELECT 1;\n")
            self.starting = best([*self.lint, "worst.sql"], folder, 5, patience).seconds

    def measure(self, case: Case, size: int) -> Line:
        made = case.make(size)
        with tempfile.TemporaryDirectory() as folder:
            judged, parsed, length = write(made, folder)
            options = list(made.options)
            lint = best([*self.lint, *options, *judged], folder, self.rounds, self.patience)
            parse = min(parsing(parsed, folder) for _ in range(self.rounds))
            if lint.code not in (0, 1, -signal.SIGXCPU):
                with open(os.path.join(folder, ".errors"), encoding="utf-8", errors="replace") as file:
                    print(f"{case.name}: {file.read()[-600:]}", file=sys.stderr)
        return Line(
            size, length, max(lint.seconds - self.starting, 0.0), parse, lint.memory, lint.code,
        )  # fmt: skip

    def squawk(self, case: Case) -> Used | None:
        program = shutil.which("squawk", path=os.path.dirname(sys.executable)) or shutil.which("squawk")
        if program is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            judged, _, _ = write(case.make(case.size), folder)
            return best([program, *judged], folder, self.rounds, self.patience)


def beside(name: str) -> str:
    """The command beside this interpreter; raises SystemExit when it is not there."""
    found = shutil.which(name, path=os.path.dirname(sys.executable))
    return found or sys.exit(f"{name} not found beside {sys.executable}")


def exponent(lines: Sequence[Line]) -> float:
    """How linting grows with the size, from the first to the last of the sizes."""
    first, last = lines[0], lines[-1]
    if min(first.lint, last.lint) < 0.01 or first.size == last.size:
        return math.nan
    return math.log(last.lint / first.lint) / math.log(last.size / first.size)


def verdict(line: Line) -> str:
    """What is wrong with a case, "" when nothing is."""
    if line.code == -signal.SIGXCPU:
        return "does not end"
    if line.code not in (0, 1):
        return f"ends with {line.code}"
    return f"more than {LIMIT:g} x" if line.lint >= LEAST and line.ratio > LIMIT else ""


def chosen(cases: Iterable[Case], names: Sequence[str]) -> list[Case]:
    return [case for case in cases if not names or any(name in case.name for name in names)]


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description="Measures what the worst of files cost, beside parsing them.")
    parser.add_argument("names", nargs="*", help="only the cases with one of these in their names")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, of which the best counts (default: 3)")
    parser.add_argument("--patience", type=int, default=120, help="seconds of the processor a run may take")
    parser.add_argument(
        "--small", action="store_true", help="hundredths of the sizes, once, and nothing judged by time"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="other sizes, as a part of the usual ones")
    options = parser.parse_args()
    scale = 0.01 if options.small else options.scale
    bench = Bench(1 if options.small else options.rounds, options.patience)
    print(f"starting takes {bench.starting * 1e3:.0f} ms")
    print("parse s: to parse and decode the SQL, and each plpgsql body in it once; ratio: lint s / parse s")
    print(f"{'case':<34} {'size':>9} {'kB':>7} {'lint s':>8} {'parse s':>8} {'ratio':>7} {'growth':>7} {'MB':>6}")
    wrong: list[str] = []
    for case in chosen(CASES, options.names):
        sizes = sorted({max(1, round(case.size * scale / part)) for part in ((1,) if options.small else (4, 2, 1))})
        lines: list[Line] = []
        for size in sizes:
            lines.append(bench.measure(case, size))
            if lines[-1].code not in (0, 1):
                break
        line = lines[-1]
        said = verdict(line._replace(lint=0.0) if options.small else line)
        growth = exponent(lines)
        shown = "" if math.isnan(growth) else f"{growth:.2f}"
        print(
            f"{case.name:<34} {line.size:>9,} {line.length / 1000:>7,.0f} {line.lint:>8.2f} {line.parse:>8.3f}"
            f" {line.ratio:>7.1f} {shown:>7} {line.memory:>6.0f}  {said}",
            flush=True,
        )
        if said:
            wrong.append(case.name)
        if case.name == "seed":
            wrong += seed(bench, case._replace(size=line.size), line, judged=not options.small)
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f};"
        f" Python {platform.python_version()}"
    )
    print(f"no more than {LIMIT:g} x parsing: " + (f"not so for {', '.join(wrong)}" if wrong else "so for every case"))
    sys.exit(bool(wrong))


def seed(bench: Bench, case: Case, line: Line, *, judged: bool) -> list[str]:
    """The seed file beside squawk: says how many times its time we take, and how much memory."""
    theirs = bench.squawk(case)
    if theirs is None:
        print("    squawk is not installed: pip install squawk-cli")
        return []
    ours = line.lint + bench.starting
    ratio = ours / theirs.seconds
    good = ratio <= SEED_LIMIT and line.memory <= SEED_MEMORY
    print(
        f"    whole command {ours:.2f} s, squawk {theirs.seconds:.2f} s: {ratio:.2f} x (at most {SEED_LIMIT:g});"
        f" {line.memory:.0f} MB (at most {SEED_MEMORY:g}), squawk {theirs.memory:.0f} MB"
    )
    return [] if good or not judged else ["seed beside squawk"]


if __name__ == "__main__":
    main()
