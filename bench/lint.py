"""How long linting takes, beside squawk and sqlfluff: `make bench`.

Writes 1, 10, 100 and 1,000 migrations (the same ones for every run of the same seed), lets each tool lint them in turn,
round after round, and prints the medians. Rounds are interleaved so that a busy machine is busy for all. Each tool runs
as a user would run it: its own command, its default rules.

sqlfluff takes seconds for ten files and is left out beyond. Only elf-sqlcheck reads the earlier migrations to judge
one: "1 of 1,000" is the last file of a long history, as a commit hook meets it.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from typing import NamedTuple

from parts import parts

NOUNS = """
    account agent alert batch budget campaign channel client contract customer dataset device document event feature
    folder goal invoice job label ledger message metric note order payment plan product project prompt quota report
    role rule session skill source step subscription tag task template ticket token tool usage vendor webhook
""".split()  # noqa: SIM905
QUALITIES = "active archived daily external final hidden internal latest manual open pending shared".split()  # noqa: SIM905
COLUMNS = (
    ("title", "VARCHAR(255) NOT NULL"), ("summary", "TEXT"), ("amount_usd", "NUMERIC(12,2) NOT NULL DEFAULT 0"),
    ("attempts", "INTEGER NOT NULL DEFAULT 0"), ("settings", "JSONB NOT NULL DEFAULT '{}'"), ("due_on", "DATE"),
    ("finished_at", "TIMESTAMPTZ"), ("is_public", "BOOLEAN NOT NULL DEFAULT false"), ("score", "NUMERIC(6,3)"),
    ("source_url", "TEXT"), ("state", "VARCHAR(20) NOT NULL DEFAULT 'new'"), ("checksum", "BYTEA"),
)  # fmt: skip
HEADER = """\
-- Migration: Add {table}
-- Version: {version}
-- Description: {table} and what hangs on it
-- Dependencies: [{parents}]
"""
UP = "\n-- ============= UP MIGRATION =============\n\n"
DOWN = "\n\n-- ============= DOWN MIGRATION ============\n\n"
TABLE = """\
CREATE TABLE IF NOT EXISTS {table} (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    {columns},
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT check_{table}_updated_after_created CHECK (updated_at >= created_at)
);

CREATE INDEX IF NOT EXISTS idx_{table}_created_at ON {table}(created_at DESC);"""
OLDER_TABLE = """\
ALTER TABLE {parent} ADD COLUMN IF NOT EXISTS last_{table}_id UUID;
COMMENT ON COLUMN {parent}.last_{table}_id IS 'The newest of its {table}, for lists';"""
POLICY = """\
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {table}_own ON {table};
CREATE POLICY {table}_own ON {table}
    FOR SELECT USING (id = (SELECT NULLIF(current_setting('app.team_id', true), '')::UUID));"""
FUNCTION = """\
CREATE OR REPLACE FUNCTION touch_{table}() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
    -- The clock of the server counts, never that of a client.
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER trg_{table}_touch
    BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_{table}();"""
ROWS = """\
CREATE TABLE IF NOT EXISTS {table}_kinds (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    label TEXT NOT NULL,
    rank INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO {table}_kinds (label, rank) VALUES
    {rows};"""
VIEW = """\
CREATE OR REPLACE VIEW recent_{table} WITH (security_invoker = true) AS
SELECT id, created_at, rank() OVER (PARTITION BY created_at::DATE ORDER BY created_at DESC) AS place
FROM {table}
WHERE created_at > now() - INTERVAL '30 days' AND updated_at IS NOT NULL;"""
KILOBYTES = 1 / 1024 if sys.platform == "darwin" else 1  # of the unit in which the kernel counts memory
DAY_OF_FIRST_VERSION = 1_735_689_600  # 2025-01-01, in seconds


class Tool(NamedTuple):
    """A linter: its name, its command line before the files, and the most files that it is given."""

    name: str
    command: tuple[str, ...]
    at_most: int


class Case(NamedTuple):
    """What is linted: a name for the table, and the files."""

    name: str
    files: list[str]


class Run(NamedTuple):
    """One run of a tool: seconds by the clock, seconds of the processor, and the most memory it held, in MB."""

    wall: float
    cpu: float
    memory: float


def migration(number: int, dice: random.Random, tables: dict[str, str]) -> tuple[str, str]:
    """The slug and the text of one migration, about 2.5 kB long.

    Adds the table that it makes to `tables`, with the version that makes it. One in ten forgets the index on its
    foreign key, so that there is something to find.
    """
    table = f"{dice.choice(QUALITIES)}_{dice.choice(NOUNS)}s_{number:04d}"
    parent = dice.choice(list(tables)) if tables else ""
    columns = [f"{name} {kind}" for name, kind in dice.sample(COLUMNS, dice.randint(5, 9))]
    if parent:
        columns.append(f"parent_id UUID NOT NULL CONSTRAINT fk_{table}_parent_id REFERENCES {parent}(id)")
    up = [TABLE.format(table=table, columns=",\n    ".join(columns))]
    down = [f"DROP TABLE IF EXISTS {table};"]
    if parent and dice.random() < 0.9:
        up.append(f"CREATE INDEX IF NOT EXISTS idx_{table}_parent_id ON {table}(parent_id);")
    if parent:
        up.append(OLDER_TABLE.format(table=table, parent=parent))
        down.insert(0, f"ALTER TABLE {parent} DROP COLUMN IF EXISTS last_{table}_id;")
    up.append(POLICY.format(table=table))
    match dice.randrange(3):
        case 0:
            up.append(FUNCTION.format(table=table))
            down.append(f"DROP FUNCTION IF EXISTS touch_{table}();")
        case 1:
            rows = (f"('{dice.choice(QUALITIES)} {dice.choice(NOUNS)}', {rank})" for rank in range(12))
            up.append(ROWS.format(table=table, rows=",\n    ".join(rows)))
            down.insert(0, f"DROP TABLE IF EXISTS {table}_kinds;")
        case _:
            up.append(VIEW.format(table=table))
            down.insert(0, f"DROP VIEW IF EXISTS recent_{table};")
    up.append(f"COMMENT ON TABLE {table} IS 'One row a {dice.choice(NOUNS)} that is {dice.choice(QUALITIES)}';")
    remarks = "".join(f"-- {' '.join(dice.choices(NOUNS, k=9))}\n" for _ in range(dice.randint(0, 9)))
    header = HEADER.format(table=table, version=version(number), parents=f'"{tables[parent]}"' if parent else "")
    tables[table] = version(number)
    return f"add_{table}", header + UP + remarks + "\n\n".join(up) + DOWN + "\n".join(down) + "\n"


def version(number: int) -> str:
    """The version of the migration with this number: one a minute."""
    return time.strftime("%Y%m%d_%H%M%S", time.gmtime(DAY_OF_FIRST_VERSION + 60 * number))


def write(folder: str, count: int, seed: int) -> list[str]:
    """Write `count` migrations into `folder` and return their paths, in order."""
    os.makedirs(folder)
    dice = random.Random(seed)
    tables: dict[str, str] = {}
    paths: list[str] = []
    for number in range(count):
        slug, text = migration(number, dice, tables)
        paths.append(os.path.join(folder, f"{version(number)}_{slug}.sql"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text)
    return paths


def run(command: list[str], output: str) -> Run:
    """Run a command to its end; what it says goes to the file `output`.

    Raises SystemExit when the command does anything else than to find something (1) or nothing (0).
    """
    with open(output, "wb") as said:
        streams = [(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=streams)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        with open(output, encoding="utf-8", errors="replace") as said_text:
            sys.exit(f"{command[0]} broke:\n{said_text.read()[-2000:]}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * KILOBYTES / 1024)


def medians(runs: list[Run]) -> Run:
    """The median of each measure by itself."""
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))


def tools() -> list[Tool]:
    """The linters beside this interpreter; raises SystemExit when one is missing."""
    found = {
        name: shutil.which(name, path=os.path.dirname(sys.executable))
        for name in ("elf-sqlcheck", "squawk", "sqlfluff")
    }
    missing = [name for name, path in found.items() if not path]
    if missing:
        sys.exit(f"{', '.join(missing)} not found beside {sys.executable}. Run: make bench")
    ours, squawk, sqlfluff = (str(found[name]) for name in found)
    return [
        Tool("python -c pass", (sys.executable, "-c", "pass"), 1),
        Tool("elf-sqlcheck", (ours, "lint", "--isolated"), 1_000),
        Tool("squawk", (squawk,), 1_000),
        Tool("sqlfluff", (sqlfluff, "lint", "--dialect", "postgres", "--disable-progress-bar", "--nocolor"), 10),
    ]


def measure(cases: list[Case], rounds: int, output: str) -> dict[tuple[str, str], Run]:
    """The medians of every tool over every case that it is given, by names of case and tool."""
    chosen = tools()
    runs: dict[tuple[str, str], list[Run]] = {}
    for turn in range(rounds + 1):
        for case in cases:
            for tool in chosen:
                if len(case.files) > tool.at_most or (tool.command[0] == sys.executable and case is not cases[0]):
                    continue
                files = [] if tool.command[0] == sys.executable else case.files
                result = run([*tool.command, *files], output)
                if turn:  # the first turn warms the caches of the operating system
                    runs.setdefault((case.name, tool.name), []).append(result)
        if sys.stderr.isatty():
            print(f"\rround {turn} of {rounds}", end="" if turn < rounds else "\n", file=sys.stderr, flush=True)
    return {key: medians(several) for key, several in runs.items()}


def show(results: dict[tuple[str, str], Run]) -> None:
    """Print the table; the last column says how many times our time a tool took.

    The kernel counts a process's memory from before it became the command, when it was a copy of this one: what is no
    more than that is only known to be less.
    """
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTES / 1024
    print(f"{'files':<12} {'tool':<16} {'wall ms':>10} {'cpu ms':>10} {'peak MB':>9} {'x elf-sqlcheck':>15}")
    for (case, tool), figures in results.items():
        ours = results[case, "elf-sqlcheck"]
        memory = f"{figures.memory:.1f}" if figures.memory > floor else f"<{floor:.1f}"
        print(
            f"{case:<12} {tool:<16} {figures.wall * 1e3:>10.1f} {figures.cpu * 1e3:>10.1f}"
            f" {memory:>9} {figures.wall / ours.wall:>15.2f}"
        )


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description="Measures elf-sqlcheck beside squawk and sqlfluff.")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each tool over each set of files (default: 9)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other migrations (default: 1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for count in (1, 10, 100, 1_000):
            paths = write(os.path.join(folder, str(count), "migrations"), count, options.seed)
            size = sum(map(os.path.getsize, paths)) / count
            print(f"{count:>5} files of {size:,.0f} bytes on average")
            cases.append(Case(f"{count:,}", paths))
        cases.insert(1, Case("1 of 1,000", cases[-1].files[-1:]))
        load = os.getloadavg()[0]
        results = measure(cases, options.rounds, os.path.join(folder, "output"))
        steps = parts(cases[-1].files[:300])
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, load {load:.2f} before and {os.getloadavg()[0]:.2f} after;"
    )
    print(f"Python {platform.python_version()}; medians of {options.rounds} interleaved rounds, seed {options.seed}\n")
    show(results)
    print("\nprocessor time of each step within elf-sqlcheck, per file, µs:")
    for step, micros in steps.items():
        print(f"    {step:<28} {micros:>6.0f}")


if __name__ == "__main__":
    main()
