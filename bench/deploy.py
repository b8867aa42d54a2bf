"""How long a deploy takes, beside the floor and other tools: `make bench-deploy`.

The same small migrations, in each tool's own layout, on one server with Postgres' own defaults (fsync above all). The
floor is what nobody can do without: `psql -f` with each migration between BEGIN and COMMIT, in one process for all; a
second floor starts a psql for each, as a release script would. Nobody writes a history there. Every run gets a fresh
database, every tool is run as a user would run it, and rounds are interleaved so that a busy machine is busy for all.
What is asked for is judged by the medians: at most 1.5 times the first floor, and ahead of dbmate and yoyo, with all
files validated.

`--small` is the same with ten migrations, once: to see that all of it works, for its figures say nothing.

dbmate comes from npm and yoyo from PyPI, with `--install` into `bench/.tools/deploy`; sqitch is used where it is
installed. A tool that is missing is said to be.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from tests.faults.server import own_postgres  # noqa: E402 - found from where this file stands
from tests.migrate_files import text  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.server import Postgres

TOOLS = os.path.join(HERE, ".tools", "deploy")
AT_MOST = 1.5
OURS = "elf-migrate up"
#: What the migrations do, in turn, and how it is undone; `{n}` is the number of the table, `{i}` of the migration.
TABLE = """\
CREATE TABLE IF NOT EXISTS t{n} (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_t{n}_name ON t{n} (name);"""
COLUMN = """\
ALTER TABLE t{n} ADD COLUMN IF NOT EXISTS c{i} integer;
COMMENT ON COLUMN t{n}.c{i} IS 'how many; the sum';"""
POLICY = """\
ALTER TABLE t{n} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON t{n};
CREATE POLICY own ON t{n} FOR SELECT USING (name > '');"""
ROWS = "INSERT INTO t{n} (name) SELECT 'row ' || i FROM generate_series(1, 20) i;"
KINDS = (
    (TABLE, "DROP TABLE IF EXISTS t{n};"),
    (COLUMN, "ALTER TABLE t{n} DROP COLUMN IF EXISTS c{i};"),
    (ROWS, "DELETE FROM t{n} WHERE name LIKE 'row %';"),
    ("CREATE OR REPLACE VIEW v{n} AS SELECT id, name FROM t{n};", "DROP VIEW IF EXISTS v{n};"),
    (POLICY, "DROP POLICY IF EXISTS own ON t{n};\nALTER TABLE t{n} DISABLE ROW LEVEL SECURITY;"),
)


class Small(NamedTuple):
    """A migration: its version and name, and the SQL of both ways."""

    name: str
    up: str
    down: str


class Run(NamedTuple):
    """What a run took: seconds, seconds of processor time of the tool, and its peak memory in MB."""

    wall: float
    cpu: float
    memory: float


class Tool(NamedTuple):
    """A tool: how its files are written into a folder, and the commands for a folder and a database."""

    name: str
    write: Callable[[str, list[Small]], None]
    commands: Callable[[str, str], list[list[str]]]
    missing: str = ""


def migrations(count: int) -> list[Small]:
    made = []
    for i in range(count):
        up, down = KINDS[i % len(KINDS)]
        seconds = f"{i // 3600:02}{i // 60 % 60:02}{i % 60:02}"
        n = i // len(KINDS)
        made.append(Small(f"20250101_{seconds}_m{i}", up.format(n=n, i=i), down.format(n=n, i=i)))
    return made


def put(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def write_elf(folder: str, wanted: list[Small]) -> None:
    for one in wanted:
        put(f"{folder}/{one.name}.sql", text(one.name, one.up, one.down))


def write_psql(folder: str, wanted: list[Small]) -> None:
    for one in wanted:
        put(f"{folder}/{one.name}.sql", f"BEGIN;\n{one.up}\nCOMMIT;\n")


def write_dbmate(folder: str, wanted: list[Small]) -> None:
    for one in wanted:
        name = one.name.replace("_", "", 1)
        put(f"{folder}/{name}.sql", f"-- migrate:up\n{one.up}\n\n-- migrate:down\n{one.down}\n")


def write_yoyo(folder: str, wanted: list[Small]) -> None:
    for one in wanted:
        put(f"{folder}/{one.name}.sql", f"{one.up}\n")
        put(f"{folder}/{one.name}.rollback.sql", f"{one.down}\n")


def write_sqitch(folder: str, wanted: list[Small]) -> None:
    for part in ("deploy", "revert"):
        os.makedirs(f"{folder}/{part}")
    plan = ["%syntax-version=1.0.0", "%project=bench", ""]
    for one in wanted:
        put(f"{folder}/deploy/{one.name}.sql", f"BEGIN;\n{one.up}\nCOMMIT;\n")
        put(f"{folder}/revert/{one.name}.sql", f"BEGIN;\n{one.down}\nCOMMIT;\n")
        plan.append(f"{one.name} 2025-01-01T00:00:00Z Bench <bench@example.org> # {one.name}")
    put(f"{folder}/sqitch.plan", "\n".join(plan) + "\n")
    put(f"{folder}/sqitch.conf", "[core]\n\tengine = pg\n[user]\n\tname = Bench\n\temail = bench@example.org\n")


def psql_one(folder: str, url: str) -> list[list[str]]:
    files = [option for name in sorted(os.listdir(folder)) for option in ("-f", f"{folder}/{name}")]
    return [["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", url, *files]]


def psql_each(folder: str, url: str) -> list[list[str]]:
    return [
        ["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", url, "-f", f"{folder}/{name}"]
        for name in sorted(os.listdir(folder))
    ]


def tools() -> list[Tool]:
    """All that take part; those that are not installed say so."""
    beside = os.path.dirname(sys.executable)
    elf = shutil.which("elf-migrate", path=beside) or ""
    lacking = "" if elf else f"not beside {sys.executable}"
    dbmate = shutil.which("dbmate", path=f"{TOOLS}/npm/node_modules/.bin{os.pathsep}{os.environ.get('PATH', '')}") or ""
    yoyo = shutil.which("yoyo", path=f"{TOOLS}/venv/bin") or ""
    sqitch = shutil.which("sqitch") or ""
    psql = "" if shutil.which("psql") else "psql is not installed"
    install = "run this with --install"

    def elf_migrate(*options: str) -> Callable[[str, str], list[list[str]]]:
        return lambda folder, url: [[elf, "up", "--isolated", "--dir", folder, "--database-url", url, *options]]

    def with_dbmate(folder: str, url: str) -> list[list[str]]:
        return [[dbmate, "--url", f"{url}?sslmode=disable", "-d", folder, "--no-dump-schema", "migrate"]]

    def with_yoyo(folder: str, url: str) -> list[list[str]]:
        database = url.replace("postgresql://", "postgresql+psycopg://", 1)
        return [[yoyo, "apply", "--batch", "--no-config-file", "--database", database, folder]]

    def with_sqitch(folder: str, url: str) -> list[list[str]]:
        return [[sqitch, "--chdir", folder, "deploy", url.replace("postgresql://", "db:pg://", 1)]]

    return [
        Tool("psql, one process", write_psql, psql_one, psql),
        Tool("psql, a process each", write_psql, psql_each, psql),
        Tool(OURS, write_elf, elf_migrate(), lacking),
        Tool("  --skip-validation", write_elf, elf_migrate("--skip-validation"), lacking),
        Tool("dbmate", write_dbmate, with_dbmate, "" if dbmate else install),
        Tool("yoyo", write_yoyo, with_yoyo, "" if yoyo else install),
        Tool("sqitch", write_sqitch, with_sqitch, "" if sqitch else "sqitch is not installed"),
    ]  # fmt: skip


def megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def run(commands: list[list[str]], cache: str) -> Run:
    """Run the commands one after the other, with that folder for caches; ends the bench when one of them fails."""
    # PYTHONDONTWRITEBYTECODE would let each run compile all modules again.
    foreign = ("PG", "SUPABASE", "DATABASE", "PYTHON", "ELF_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    kept["XDG_CACHE_HOME"] = cache
    wall = cpu = memory = 0.0
    with tempfile.TemporaryFile() as output:
        for command in commands:
            begun = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=output, env=kept)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            wall += time.perf_counter() - begun
            cpu += usage.ru_utime + usage.ru_stime
            memory = max(memory, megabytes(usage))
            if process.returncode:
                output.seek(0)
                sys.exit(f"{' '.join(command)[:200]} broke:\n{output.read().decode(errors='replace')[-2000:]}")
    return Run(wall, cpu, memory)


def measure(server: Postgres, folders: dict[str, str], chosen: list[Tool], rounds: int, last: str) -> dict[str, Run]:
    """The medians of each tool, by its name; `last` is the table that the last migration but few makes."""
    found: dict[str, list[Run]] = {}
    for turn in range(rounds):
        # The other way round every second time: who comes after whom must not decide.
        for tool in chosen if turn % 2 == 0 else reversed(chosen):
            url = server.create("bench")
            with server.connect() as connection:
                connection.execute("CHECKPOINT")
            cache = f"{folders[tool.name]}-cache"
            shutil.rmtree(cache, ignore_errors=True)
            found.setdefault(tool.name, []).append(run(tool.commands(folders[tool.name], url), cache))
            with server.connect("bench") as connection:
                if connection.execute("SELECT to_regclass(%s)", (last,)).fetchone() == (None,):
                    sys.exit(f"{tool.name} did not run the migrations")
            server.drop("bench")
    return {
        name: Run(*(statistics.median(column) for column in zip(*runs, strict=True))) for name, runs in found.items()
    }


def verdicts(results: dict[str, Run]) -> list[str]:
    """What the figures say against what is asked of them."""
    ours = results.get(OURS)
    if ours is None:
        return []
    asked = []
    if floor := results.get("psql, one process"):
        asked.append((f"{OURS}: {ours.wall / floor.wall:.2f}x psql's floor", ours.wall <= AT_MOST * floor.wall,
                      f"at most {AT_MOST}x"))  # fmt: skip
    asked.extend(
        (f"{OURS}: {ours.wall / peer.wall:.2f}x {name}", ours.wall < peer.wall, "ahead of it")
        for name in ("dbmate", "yoyo")
        if (peer := results.get(name))
    )
    return [f"{'OK    ' if is_reached else 'MISSED'}  {said} ({goal})" for said, is_reached, goal in asked]


def install() -> None:
    """Bring dbmate and yoyo into the folder of the bench's tools."""
    os.makedirs(TOOLS, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--prefix", f"{TOOLS}/npm", "dbmate"], check=True)
    subprocess.run([sys.executable, "-m", "venv", f"{TOOLS}/venv"], check=True)
    # yoyo imports pkg_resources, which newer setuptools no longer bring.
    packages = ("yoyo-migrations", "psycopg[binary]", "setuptools<81")
    subprocess.run([f"{TOOLS}/venv/bin/pip", "install", "--quiet", *packages], check=True)


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=1000, help="how many migrations (1000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of which the median counts (5)")
    parser.add_argument("--small", action="store_true", help="10 migrations, once: only to see that it works")
    parser.add_argument("--install", action="store_true", help="bring dbmate and yoyo first, into bench/.tools")
    parser.add_argument("--only", default="", metavar="WORDS", help="only tools that are called so, in part")
    arguments = parser.parse_args()
    count, rounds = (10, 1) if arguments.small else (arguments.count, arguments.rounds)
    if arguments.install:
        install()
    wanted = [word for word in arguments.only.split(",") if word]
    everybody = [tool for tool in tools() if not wanted or any(word in tool.name for word in wanted)]
    chosen = [tool for tool in everybody if not tool.missing]
    made = migrations(count)
    # As pip does with what it installs, and the first run of it with a clone.
    for package in ("elf_sqlcheck", "rules"):
        compileall.compile_dir(os.path.join(os.path.dirname(HERE), package), quiet=1)
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-deploy-"))
        server = stack.enter_context(own_postgres())
        folders = {tool.name: f"{base}/{number}" for number, tool in enumerate(chosen)}
        for tool in chosen:
            os.mkdir(folders[tool.name])
            tool.write(folders[tool.name], made)
        load = os.getloadavg()[0]
        results = measure(server, folders, chosen, rounds, f"t{(len(made) - 1) // len(KINDS)}")
        after = os.getloadavg()[0]
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {load:.1f} before and {after:.1f} after")
        print(f"{server.version}, fsync on; medians of {rounds} interleaved rounds of {count} migrations\n")
    floor = results.get("psql, one process") or next(iter(results.values()))
    # The kernel counts a process's memory from before it became the command, when it was a copy of this one.
    own = megabytes(resource.getrusage(resource.RUSAGE_SELF))
    print(f"{'':24} {'wall ms':>9} {'cpu ms':>9} {'peak MB':>8} {'x psql':>7}")
    for name, figures in results.items():
        memory = f"{figures.memory:.1f}" if figures.memory > own else f"<{own:.1f}"
        print(f"{name:24} {figures.wall * 1e3:>9.0f} {figures.cpu * 1e3:>9.0f} {memory:>8}"
              f" {figures.wall / floor.wall:>7.2f}")  # fmt: skip
    for tool in everybody:
        if tool.missing:
            print(f"{tool.name:24} missing: {tool.missing}")
    print("", *verdicts(results), sep="\n")


if __name__ == "__main__":
    main()
