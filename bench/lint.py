"""How long linting takes, beside squawk, pgrubic and sqlfluff, and whether that is what is asked for: `make bench`.

Each case is run round after round, all linters in turn, every second round the other way round, so that a busy machine
is busy for all; the medians count. Each runs as a user would run it: its own command, in a Git repository with made-up
migrations (the same ones for every run of the same seed), elf-sqlcheck with all its rules, a configuration and
suppressions, squawk with the reporter that is fastest here. Cases are measured with nothing to find, where squawk is
told to leave out what it would find, and ", findings" where each finds what it finds: one finding a line, of a single
file as a hook shows it.

"Cold" is without anything that a run before has kept, and with files that the system has read already. "Warm" is with
what the run before has kept; the newest file is changed before each run. Memory is what all processes of a command
hold together at their peak, seen in a run of its own.

pgrubic and sqlfluff are slow: they run three times over one file and over four, and what more files would take of the
processor is reckoned from these. "one of 10,000" is the last file of a long history, named alone, as a commit hook
meets it; it is the same file that follows a short history.

`--small` is the same with a few files, once: to see that all of it works, for its figures say nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib import metadata
from typing import TYPE_CHECKING

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))  # behind the installed package, which has the rules

from bench import verdicts  # noqa: E402 - found from where this file stands
from bench.cases import SMALL, Cases, Sizes, Tools  # noqa: E402
from bench.running import floor, medians, run  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.cases import Case
    from bench.running import Run

KEYS = tuple(dict.fromkeys(limit.case for limit in verdicts.LIMITS))
#: A case runs at least so many rounds, however slow it is, and so many times the usual when it is fast.
LEAST, MORE = 3, 3
#: Files for the table of what each step takes.
STEPS = 300


def measure(case: Case, rounds: int, patience: float, output: str) -> tuple[dict[str, Run], int]:
    """The medians of everybody in a case, by name, and how many rounds there were.

    The round before the first fills the caches, those of the operating system and those that are to be warm, and
    shows how many rounds there can be; there are two where it is to be warm, of which the second shows that. A single
    round has none before it unless it is to be warm.
    """
    begun = time.perf_counter()
    for _ in range((rounds > 1) + case.is_warm):
        begun = time.perf_counter()
        for entrant in case.entrants:
            if not entrant.most:
                run(entrant, output)
    if rounds > 1:
        rounds = max(LEAST, min(MORE * rounds, int(patience / (time.perf_counter() - begun))))
    runs: dict[str, list[Run]] = {}
    for turn in range(rounds):
        for entrant in case.entrants if turn % 2 == 0 else reversed(case.entrants):
            if not entrant.most or turn < entrant.most:
                runs.setdefault(entrant.name, []).append(run(entrant, output))
    results = {name: medians(several) for name, several in runs.items()}
    if case.is_watched:
        for entrant in case.entrants:
            seen = run(entrant, output, watched=True).memory
            result = results[entrant.name]
            results[entrant.name] = result._replace(memory=max(result.memory, seen))
    return results, rounds


def show(case: Case, results: Mapping[str, Run], rounds: int) -> None:
    """Print what everybody took; the last column says how many times our time that is."""
    ours = results[verdicts.OURS]
    print(f"\n{case.title} ({rounds} rounds)")
    print(f"    {'':<26} {'wall ms':>10} {'cpu ms':>10} {'peak MB':>9} {'x elf-sqlcheck':>15}")
    for entrant in case.entrants:
        used = results[entrant.name]
        memory = f"{used.memory:.1f}" if used.memory else f"<{floor():.1f}"
        seldom = f"   ({entrant.most} rounds)" if 0 < entrant.most < rounds else ""
        print(
            f"    {entrant.name:<26} {used.wall * 1e3:>10.1f} {used.cpu * 1e3:>10.1f} {memory:>9}"
            f" {used.wall / ours.wall:>15.2f}{seldom}",
            flush=True,
        )


def reckon(case: Case, results: Mapping[str, Run], counts: tuple[int, ...]) -> None:
    """Print what many files would take of the processor, of those that are too slow to be asked."""
    for name in ("pgrubic", "sqlfluff"):
        several = next((e for e in case.entrants if e.name.startswith(f"{name}, ")), None)
        if several is None:
            continue
        first = results[name].cpu
        each = (results[several.name].cpu - first) / (several.files - 1)
        said = ", ".join(f"{first + each * (count - 1):,.0f} s for {count:,}" for count in counts)
        print(f"    an estimate for {name}, {each * 1e3:,.0f} ms of the processor for each file more: {said}")


def is_editable() -> bool:
    """Whether elf-sqlcheck stands where its source is, by a finder of modules that makes every start slower."""
    found = metadata.distribution(verdicts.OURS).read_text("direct_url.json")
    return bool(json.loads(found or "{}").get("dir_info", {}).get("editable"))


def print_steps(cases: Cases, rounds: int) -> None:
    """What each step takes within our own process."""
    from bench.parts import parts  # it loads the parser, whose memory would hide that of the linters

    project = cases.project(cases.sizes.thousand, slips=False)
    os.chdir(project.folder)
    print("\nprocessor time of each step within elf-sqlcheck, per file, µs:")
    for step, micros in parts(project.paths[:STEPS], rounds).items():
        print(f"    {step:<28} {micros:>6.0f}")


def main() -> None:
    """Generate, measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--rounds", type=int, default=9, help="runs of each; fewer of slow cases, more of fast ones (9)"
    )
    parser.add_argument("--patience", type=float, default=150, help="seconds for the rounds of one case (150)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other migrations (1)")
    parser.add_argument("--small", action="store_true", help="a few files, once: only to see that it works")
    parser.add_argument("--only", action="append", choices=KEYS, help="only this case; several times for several")
    options = parser.parse_args()
    sizes, rounds = (SMALL, 1) if options.small else (Sizes(), options.rounds)
    tools = Tools()
    results: dict[tuple[str, str], Run] = {}
    titles: dict[str, str] = {}
    load = os.getloadavg()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, seed {options.seed}")
    print(", ".join(f"{name} {version}" for name, version in tools.versions.items()))
    for name in ("squawk", "pgrubic", "sqlfluff"):
        if not getattr(tools, name):
            print(f"{name} cannot be run here, so nothing is measured beside it")
    if is_editable():
        print(
            "elf-sqlcheck is installed as editable here, which makes each start slower; `make bench` installs it whole"
        )
    with tempfile.TemporaryDirectory(prefix="bench-lint-") as folder, contextlib.chdir(folder):
        cases = Cases(folder, tools, sizes, options.seed)
        if tools.squawk:
            print(f"the fastest reporter of squawk is {cases.reporter}")
        for key in options.only or KEYS:
            case = cases.make(key)
            titles[key] = case.title
            found, done = measure(case, rounds, options.patience, os.path.join(folder, "output"))
            results.update({(key, name): used for name, used in found.items()})
            show(case, found, done)
            if key == "one":
                reckon(case, found, sizes[:3])
        if not options.only:
            print_steps(cases, rounds)
    before, after = (" ".join(f"{one:.2f}" for one in loads) for loads in (load, os.getloadavg()))
    print(f"\nload {before} before, {after} after (1, 5 and 15 minutes)\n")
    judged = verdicts.lines(results)
    verdicts.show(judged, titles)
    sys.exit(not options.small and any(line.verdict == "MISSED" for line in judged))


if __name__ == "__main__":
    main()
