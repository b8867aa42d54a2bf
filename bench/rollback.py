"""How often the rules of the family rollback agree with a server: `python bench/rollback.py FOLDER...`.

Each folder holds a chain of migrations with UP and DOWN, in any layout that is read. For every migration the server
tells the truth: on the schema that the earlier ones made, UP and DOWN run, and the two snapshots around them are equal
or not. The rules tell their verdict from the text alone. An accusation of a rollback that the server finds right is the
worst that can happen, so each is listed; what only the server finds is listed, too.

A migration that does not apply here (a missing extension, a generated file) is left out of its chain. `--truth FILE`
keeps what the server said, by the content of the files, for the next run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Severity
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.model import Migration

Said = dict[str, list[str]]
#: Of what verify tries, only the rollback is of interest.
_SCHEMA = Options(rows=0, cuts=0, observe=False)
_WRONG = frozenset(
    {"does-not-roll-back", "rollback-leaves-behind", "rollback-does-not-restore", "does-not-apply-again"}
)


class Truth(NamedTuple):
    """What the server says: the wrongs of each rollback by path, and which migrations do not apply."""

    wrongs: Said
    left_out: Said


class Verdict(NamedTuple):
    """One migration: what the rules and what the server say against its rollback."""

    path: str
    rules: list[str]
    server: list[str]

    @property
    def agrees(self) -> bool:
        """Whether both call it right or both call it wrong."""
        return bool(self.rules) == bool(self.server)


def static(migrations: Sequence[Migration]) -> Said:
    """The errors about a rollback, by path: those of the family, and what else is found to fail in DOWN."""
    rules = [
        rule
        for rule in registry.builtin()
        if rule.family in {"rollback", "transactions"} or rule.name == "syntax-error"
        if rule.name != "missing-down"
    ]
    homes = _homes(migrations)
    said: Said = {}
    for finding in lint(migrations, rules).findings:
        path, start = homes[finding.path]
        below = finding.span is not None and finding.span.start >= start
        if finding.severity is Severity.ERROR and (below or finding.family == "rollback"):
            said.setdefault(path, []).append(f"{finding.rule}: {finding.message}")
    return said


def _homes(migrations: Sequence[Migration]) -> dict[str, tuple[str, int]]:
    """For each file the path of its migration, and where DOWN begins in it."""
    found: dict[str, tuple[str, int]] = {}
    for migration in migrations:
        start = migration.down.span.start if migration.down else len(migration.data)
        for part in migration.parts():
            found[part.path] = (migration.path, start - part.start)
    return found


def ask_server(migrations: Sequence[Migration]) -> Truth:
    """Prove the chain; what does not apply is left out, and the rest is proven without it.

    Each attempt has a server of its own: roles that the one before made would still be there.
    """
    wrongs: Said = {}
    left_out: Said = {}
    chain = list(migrations)
    homes = _homes(migrations)
    judged = {migration.path for migration in chain}
    while True:
        with throwaway(major=18) as server:
            result = verify(chain, server, only=judged, report=_progress, options=_SCHEMA)
        broken = next((step.migration.path for step in result.steps if step.applied is False), None)
        for finding in result.findings:
            path = homes[finding.path][0]
            if finding.rule == "does-not-apply":
                left_out[path] = [finding.message]
            elif finding.rule in _WRONG:
                wrongs.setdefault(path, []).append(f"{finding.rule}: {finding.message}")
        if broken is None:
            return Truth(wrongs, left_out)
        place = next(number for number, migration in enumerate(chain) if migration.path == broken)
        judged = {migration.path for migration in chain[place + 1 :]}
        del chain[place]


def _progress(migration: Migration, doing: str, number: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{number}/{total} {doing} {migration.name[:60]:60}", end="", file=sys.stderr)


def remembered(folder: str, migrations: Sequence[Migration], memory: str) -> Truth:
    """The truth about a chain: from the file, else from the server, which is then written to the file."""
    digest = hashlib.sha256(b"\0".join(migration.data for migration in migrations)).hexdigest()
    known = {}
    if memory and os.path.exists(memory):
        with open(memory, encoding="utf-8") as file:
            known = json.load(file)
    found = known.get(folder)
    if found and found["digest"] == digest:
        return Truth(found["wrongs"], found["left_out"])
    truth = ask_server(migrations)
    if memory:
        known[folder] = {"digest": digest, **truth._asdict()}
        with open(memory, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
    return truth


def compare(folder: str, truth: Truth) -> list[Verdict]:
    """The verdicts on all migrations of a folder that apply and have a DOWN."""
    chain = [migration for migration in layouts.read_directory(folder) if migration.path not in truth.left_out]
    said = static(chain)
    return [
        Verdict(migration.path, said.get(migration.path, []), truth.wrongs.get(migration.path, []))
        for migration in chain
        if migration.down is not None and not migration.irreversible
    ]


def line(name: str, verdicts: Sequence[Verdict], left_out: int) -> str:
    """One row of the table."""
    wrong = sum(bool(verdict.server) for verdict in verdicts)
    accused = sum(bool(verdict.rules) and not verdict.server for verdict in verdicts)
    missed = sum(bool(verdict.server) and not verdict.rules for verdict in verdicts)
    share = 100 * sum(verdict.agrees for verdict in verdicts) / max(1, len(verdicts))
    return (
        f"| {name} | {len(verdicts)} | {left_out} | {wrong} | {wrong - missed} | {accused} | {missed} | {share:.1f} % |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--truth", default="", help="a file that keeps what the server said")
    parser.add_argument("--list", action="store_true", help="list each disagreement with its reasons")
    arguments = parser.parse_args()
    print("| chain | rollbacks | left out | wrong | found | falsely accused | missed | agreement |")
    print("|---|---|---|---|---|---|---|---|")
    every: list[Verdict] = []
    left_out = 0
    for folder in arguments.folders:
        truth = remembered(folder, layouts.read_directory(folder), arguments.truth)
        verdicts = compare(folder, truth)
        every += verdicts
        left_out += len(truth.left_out)
        print(line(os.path.basename(folder.rstrip("/")), verdicts, len(truth.left_out)), flush=True)
    print(line("all", every, left_out))
    if arguments.list:
        for verdict in every:
            if not verdict.agrees:
                print(f"\n{'FALSELY ACCUSED' if verdict.rules else 'MISSED'} {verdict.path}")
                for reason in (verdict.rules or verdict.server)[:4]:
                    print(f"    {reason}")


if __name__ == "__main__":
    main()
