"""How often lint is right about what a statement locks, reads and rewrites: `python bench/predictions.py FOLDER...`.

Each folder holds a chain of migrations in any layout that is read. Every UP runs on the schema that those before it
made, and a server tells what each of its statements did to the tables that were there. Where lint had predicted
something else, it is listed: such a difference is a mistake in the catalog, or something that no text can tell.

A migration that does not apply here (a missing extension, a generated file) is left out of its chain.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.errors import ElfError
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options
from elf_sqlcheck.verify.observe import Observation
from elf_sqlcheck.verify.result import Step
from elf_sqlcheck.verify.running import run
from elf_sqlcheck.verify.stage import Stage

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration


class Outcome(NamedTuple):
    """What a folder came to: how many statements were observed, the differences, and what was left out."""

    statements: int
    differences: list[str]
    left_out: list[str]


def observe(folder: str, profile: str) -> Outcome:
    """Observe a chain on a server of its own."""
    migrations = list(layouts.read_directory(folder))
    rules = [rule for rule in registry.builtin() if rule.name == "prediction-differs"]
    with throwaway(major=18) as server:
        stage = Stage(server, migrations, rules, Options(profile=profile))
        try:
            check, steps, left_out = Observation(), [], []
            for migration in migrations:
                step = Step(migration, judged=True)
                steps.append(step)
                check.before(stage, step)
                with check.during(stage, step):
                    error = run(stage, migration, migration.up)
                if error is not None:
                    left_out.append(f"{migration.path}: {error.detail or error.message}")
            by_path = {migration.path: migration for migration in migrations}
            told = [f"{_place(by_path[f.path], f.span.start)}: {f.message}" for f in stage.result.findings if f.span]
            return Outcome(sum(len(step.observed) for step in steps), told, left_out)
        finally:
            stage.close(keep=False)


def _place(migration: Migration, offset: int) -> str:
    return f"{migration.path_at(offset)}:{migration.position(offset)[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description="How often lint is right about locks and the work under them.")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--profile", default="", help="what the database comes with, such as supabase")
    given = parser.parse_args()
    differences = 0
    for folder in given.folders:
        try:
            outcome = observe(folder, given.profile)
        except ElfError as error:
            print(f"{folder}: {error.message}", file=sys.stderr)
            continue
        differences += len(outcome.differences)
        print(f"{folder}: {outcome.statements} statements, {len(outcome.differences)} differences", end="")
        print(f", {len(outcome.left_out)} migrations left out" if outcome.left_out else "")
        for line in outcome.differences:
            print(f"  {line}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
