"""How long verifying takes, beside the floor: `make bench-verify`.

The floor is what nobody can do without: `psql -f` with the same SQL (UP, DOWN and UP again of each migration, each in a
transaction) on a server that is running already. The migrations are those of `bench/lint.py`, the same ones for every
run of the same seed. Every command is run as a user would run it; the cache is one of the bench's own.

- "nothing running, one migration": no server, no process, until the command ends. What is ours is the rest beyond the
  floor and beyond starting a server.
- "N cold": all of N migrations, judged one after the other; a second line leaves out made-up rows and cuts.
- "1 of N warm": only the last one is judged, the same for every N, and an earlier run has applied those before it.
- "a million rows": how fast one table of six columns, two indexes and a foreign key is filled, as `--rows` does it, by
  INSERT and through COPY. It has no floor.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from bench.migrations import write  # noqa: E402 - found from where this file stands
from elf_sqlcheck import layouts  # noqa: E402
from elf_sqlcheck.postgres.server import throwaway  # noqa: E402
from elf_sqlcheck.shared.database import SupabaseExecutor  # noqa: E402
from elf_sqlcheck.verify.rows import bulk, fill  # noqa: E402

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration

#: Without the two checks that take most time; there is no option to leave out the observing.
PLAIN = ("--rows", "0", "--cuts", "0")
ORDERS = """
CREATE TABLE users (id uuid PRIMARY KEY, name text);
CREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid REFERENCES users, note text NOT NULL, quantity integer NOT NULL,
    amount numeric(12,2), at timestamptz, paid boolean);
CREATE INDEX ON orders (at)
"""


class Line(NamedTuple):
    """One row of the table: seconds, seconds of the floor, and what is asked of their ratio, if anything."""

    name: str
    seconds: float
    floor: float
    at_most: float | None = None


def sections(migration: Migration, *, twice: bool) -> bytes:
    """The SQL of UP, and with `twice` of DOWN and UP again, each in a transaction."""
    chosen = (migration.up, migration.down, migration.up) if twice else (migration.up,)
    data = [migration.data[section.span.start : section.span.end] for section in chosen if section is not None]
    return b"".join(b"BEGIN;\n" + sql + b"\n;COMMIT;\n" for sql in data)


def floor(folder: str, rounds: int, *, only_last: bool = False) -> float:
    """The median of the seconds that `psql` takes for the migrations on a running server."""
    psql = shutil.which("psql")
    if psql is None:
        sys.exit("psql is not installed: without it there is no floor to compare with")
    migrations = layouts.in_order(layouts.read_directory(folder))
    before = migrations[:-1] if only_last else []
    taken = []
    with throwaway(extensions=False) as server, tempfile.TemporaryDirectory() as scripts:
        first, measured = f"{scripts}/first.sql", f"{scripts}/measured.sql"
        with open(first, "wb") as file:
            file.writelines(sections(migration, twice=False) for migration in before)
        with open(measured, "wb") as file:
            file.writelines(sections(migration, twice=True) for migration in migrations[len(before) :])
        for number in range(rounds):
            command = [psql, "-q", "-X", "-v", "ON_ERROR_STOP=1", server.create_database(f"floor_{number}"), "-f"]
            timed([*command, first])
            taken.append(timed([*command, measured]))
            server.drop_database(f"floor_{number}")
    return statistics.median(taken)


def start(rounds: int) -> float:
    """The median of the seconds until a server of ours accepts connections, without what Python loads for it."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        with throwaway(extensions=False):
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def timed(command: list[str]) -> float:
    """The seconds that a command takes; ends the bench when it fails."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        sys.exit(f"{' '.join(command)[:200]} broke:\n{done.stderr[-2000:]}")
    return seconds


def verified(folder: str, rounds: int, *arguments: str) -> float:
    """The median of the seconds that `elf-sqlcheck verify` takes."""
    program = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
    command = [program, "verify", "--isolated", "--quiet", "--dir", folder, *arguments]
    return statistics.median(timed(command) for _ in range(rounds))


def filling(rows: int, many: int) -> float:
    """The seconds that filling ORDERS takes, when from `many` rows on they go through COPY."""
    before, bulk.MANY = bulk.MANY, many
    try:
        with throwaway(extensions=False) as server, SupabaseExecutor(server.create_database("filled")) as executor:
            executor.connection.execute(ORDERS.encode())
            begun = time.perf_counter()
            fill(executor, ["orders"], rows)
            return time.perf_counter() - begun
    finally:
        bulk.MANY = before


def fillings(rows: int) -> list[str]:
    """How many rows a second both ways make of `rows` rows, and what is asked of them."""
    inserted, copied = filling(rows, rows), filling(rows, bulk.MANY)
    both = (("by INSERT", inserted), ("through COPY", copied))
    said = [f"{rows:,} rows {way:12} {seconds:6.1f} s {rows / seconds:9,.0f} rows/s" for way, seconds in both]
    verdict = "OK    " if copied <= inserted / 2 else "MISSED"
    return [*said, f"{verdict}  through COPY: {copied / inserted:.2f}x by INSERT (at most 0.5x)"]


def measure(base: str, counts: list[int], rounds: int, seed: int) -> list[Line]:
    """All cases, each with its floor."""
    return [*measure_cold(base, counts, rounds, seed), *measure_warm(base, counts, rounds, seed)]


def measure_cold(base: str, counts: list[int], rounds: int, seed: int) -> list[Line]:
    """The cases that begin with nothing."""
    for count in (1, *counts):
        write(f"{base}/{count}", count, seed)
    verified(f"{base}/1", 1)  # makes the template, once in the life of a machine
    one = floor(f"{base}/1", rounds)
    alone = verified(f"{base}/1", rounds)
    lines = [
        Line("nothing running, one migration", alone, one),
        Line("  of that ours", max(0.0, alone - start(rounds) - one), one),
    ]
    for count in counts:
        least = floor(f"{base}/{count}", min(rounds, 3))
        few = 1 if count >= 500 else min(rounds, 3)
        lines.append(Line(f"{count} cold", verified(f"{base}/{count}", few, "--no-cache"), least))
        plain = verified(f"{base}/{count}", few, "--no-cache", *PLAIN)
        # Of few migrations, the start of the server is most of it.
        lines.append(Line(f"{count} cold, no rows or cuts", plain, least, 2.5 if count >= 1000 else None))
    return lines


def measure_warm(base: str, counts: list[int], rounds: int, seed: int) -> list[Line]:
    """The same migration on histories of several lengths, in turns, so that a busy machine is busy for all."""
    last = {count: write(f"{base}/warm-{count}", count, seed)[-1] for count in counts}
    taken: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(rounds + 1):
        for count, path in last.items():
            seconds = verified(f"{base}/warm-{count}", 1, path)
            if turn:  # the first one makes what is kept
                taken[count].append(seconds)
    least = {count: floor(f"{base}/warm-{count}", min(rounds, 3), only_last=True) for count in counts}
    return [Line(f"1 of {count} warm", statistics.median(taken[count]), least[count]) for count in counts]


def verdicts(lines: list[Line]) -> list[str]:
    """What the figures say against what is asked of them."""
    by_name = {line.name: line.seconds * 1000 for line in lines}
    warm = [line for line in lines if line.name.endswith("warm")]
    asked = [
        *(
            (f"{name.strip()}: {by_name[name]:.0f} ms", by_name[name] <= most, f"at most {most} ms")
            for name, most in (("nothing running, one migration", 400), ("  of that ours", 150)) if name in by_name
        ),
        *(
            (f"{line.name}: {line.seconds / line.floor:.2f}x psql", line.seconds <= line.at_most * line.floor,
             f"at most {line.at_most}x")
            for line in lines if line.at_most is not None
        ),
    ]  # fmt: skip
    if len(warm) > 1:
        ratio = warm[-1].seconds / warm[0].seconds
        asked.append((f"{warm[-1].name}: {ratio:.2f}x {warm[0].name}", ratio <= 1.3, "at most 1.3x"))
    return [f"{'OK    ' if is_reached else 'MISSED'}  {said} ({goal})" for said, is_reached, goal in asked]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--counts", default="10,100,1000", help="lengths of the histories (10,100,1000); empty for none"
    )
    parser.add_argument("--rounds", type=int, default=7, help="runs of which the median counts (7)")
    parser.add_argument("--warm", action="store_true", help="only the cases of one migration on a kept history")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the filled table; 0 fills none (1000000)")
    arguments = parser.parse_args()
    base = tempfile.mkdtemp(prefix="bench-verify-", dir="/tmp")
    os.chmod(base, 0o755)  # for the account of the server, when we are root
    os.environ["XDG_CACHE_HOME"] = f"{base}/cache"
    # It would let each run compile all modules again; pip compiles what it installs, and the first run of a clone.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("elf_sqlcheck", "rules"):
        compileall.compile_dir(os.path.join(os.path.dirname(HERE), package), quiet=1)
    os.mkdir(f"{base}/cache", 0o755)
    try:
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        counts = [int(count) for count in arguments.counts.split(",") if count]
        if counts:
            lines = (measure_warm if arguments.warm else measure)(base, counts, arguments.rounds, arguments.seed)
            print(f"{'':32} {'verify':>9} {'psql':>9} {'ratio':>7}")
            for line in lines:
                ratio = f"{line.seconds / line.floor:.2f}"
                print(f"{line.name:32} {line.seconds * 1000:6.0f} ms {line.floor * 1000:6.0f} ms {ratio:>7}")
            print("", *verdicts(lines), sep="\n")
        if arguments.rows and not arguments.warm:
            print("", *fillings(arguments.rows), sep="\n")
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
