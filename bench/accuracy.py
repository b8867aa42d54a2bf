"""How much linters of migrations find, and how often they are wrong, over the labelled corpus of tests/corpus.

    python bench/accuracy.py --install      squawk, pgrubic, pgfence, safemigrate-lint into bench/.tools
    python bench/accuracy.py [--json]       run them and elf-sqlcheck, print the tables

**The question.** The corpus marks what is wrong with each file, and a real Postgres has confirmed it. Rules are
grouped into hazards, and bench/accuracy_names.toml says which rules of each linter stand for which. The unit is a
file and a hazard: a hazard is *found* when the linter reports it anywhere in a file that is marked with it. A *false
alarm* is a report of a hazard, whichever the linter means by its rule, in a file that is marked with none of these.
Reports of rules that stand for no hazard are *other opinions* (which types to prefer, how to qualify names), and are
only counted.

**What makes it fair.** In the first table a linter is asked only about hazards that it claims to know. Where its rule
is about a part of a hazard, what it finds counts and what it misses does not. Files whose labels cover some families
only count for hazards of these. Files that speak to elf-sqlcheck alone, by its suppressions or table sizes, are left
out. Each linter runs with its default rules, and is told by its own options what the configuration of a case says:
the version of Postgres, that a lock timeout is set elsewhere, that the file runs in a transaction (those without such
an option get BEGIN and COMMIT around it).

**What they read.** The others get the UP section of one file, since that is what they read. Where a linter says in
which line a finding is, `--history` also runs it on all earlier files and that one in a row, and only what it says of
the last one counts ("with history"); for most that is worse, since every table is then made by the text that they
judge. elf-sqlcheck reads the project as it is, DOWN and history included, and once each file on its own.

**What it does not show.** The corpus belongs to elf-sqlcheck: its hazards are those that this project has thought of,
and its rules were mended where they failed on it. Its files write CREATE TABLE IF NOT EXISTS, as this project asks,
and call such a table new; a linter that takes it for one that may be there already is counted as wrong. It says how a
linter does on these files, not on yours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from bench.linters import LINTERS, Found, Linter, Unit, install  # noqa: E402 - found from where this file stands
from elf_sqlcheck import layouts, registry  # noqa: E402
from tests import labelled  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OURS = "elf-sqlcheck"
ALONE = f"{OURS}, file alone"
HISTORY = " with history"


class Names(NamedTuple):
    """`hazards` maps a rule of ours to its hazard, `families` a hazard to its family.

    `means` maps a linter to its rules, and each to the hazards it stands for; `claims` to those it is asked about.
    """

    hazards: Mapping[str, str]
    families: Mapping[str, str]
    means: Mapping[str, Mapping[str, frozenset[str]]]
    claims: Mapping[str, frozenset[str]]


class Sample(NamedTuple):
    """One file of the corpus: the hazards that are marked in it, and the families that its labels cover (none: all)."""

    case: labelled.Case
    file: labelled.File
    hazards: frozenset[str]
    families: frozenset[str]


class Score(NamedTuple):
    """How a linter did. Counters go by hazard; `alarmed` counts safe files with a false alarm."""

    found: Counter[str]
    false_alarms: Counter[str]
    alarmed: int
    opinions: int


def read_names(text: str) -> Names:
    """Read bench/accuracy_names.toml; raises KeyError for a hazard that is not defined."""
    tables = tomllib.loads(text)
    family_of = {rule.name: rule.family for rule in registry.builtin()}
    groups: dict[str, list[str]] = tables.pop("hazards")
    hazards = {rule: hazard for hazard, rules in groups.items() for rule in rules}
    families = {hazard: family_of.get(rules[0], "") for hazard, rules in groups.items()}
    means: dict[str, Mapping[str, frozenset[str]]] = {OURS: {rule: frozenset({hazards[rule]}) for rule in hazards}}
    claims = {OURS: frozenset(groups)}
    for linter, rules in tables.items():
        for meant in rules.values():
            for hazard in meant:
                groups[hazard.removeprefix("~")]
        means[linter] = {rule: frozenset(hazard.removeprefix("~") for hazard in meant) for rule, meant in rules.items()}
        claims[linter] = frozenset(hazard for meant in rules.values() for hazard in meant if not hazard.startswith("~"))
    return Names(hazards, families, means, claims)


def samples(cases: Iterable[labelled.Case], names: Names) -> list[Sample]:
    """Every file that other linters can judge too, in the order of the corpus."""
    return [
        Sample(case, file, frozenset(names.hazards[rule] for _, rule in file.expected), frozenset(case.families))
        for case in cases
        if case.family != "suppressions" and "table-sizes" not in case.config
        for file in case.files
        if "-- elf: allow" not in file.text
    ]


def score(found: Found, all_samples: Sequence[Sample], means: Mapping[str, frozenset[str]], names: Names) -> Score:
    """Count what a linter has found in the samples, which are named by their numbers."""
    right: set[tuple[int, str]] = set()
    wrong: set[tuple[int, frozenset[str]]] = set()
    opinions = 0
    for number, rule in found:
        sample = all_samples[number]
        meant = means.get(rule)
        if meant is None:
            opinions += 1
        elif meant & sample.hazards:
            right |= {(number, hazard) for hazard in meant & sample.hazards}
        elif not sample.families or any(names.families[hazard] in sample.families for hazard in meant):
            wrong.add((number, meant))
    return Score(
        Counter(hazard for _, hazard in right),
        Counter(min(meant) for _, meant in wrong),
        len({number for number, _ in wrong if not all_samples[number].hazards}),
        opinions,
    )


def units(all_samples: Sequence[Sample], *, history: bool) -> list[Unit]:
    """What the other linters are given."""
    result = []
    for number, sample in enumerate(all_samples):
        case = sample.case
        migration = layouts.read(sample.file.path, sample.file.text.encode("utf-8", "surrogateescape"))
        earlier = [case.base] if case.base else []
        earlier += [file for file in case.files if file.path < sample.file.path]
        text = _up(sample.file)
        result.append(
            Unit(
                number,
                text,
                "".join(_up(file).rstrip() + "\n" for file in earlier) if history else "",
                case.config.get("postgres-version", 17),
                migration.transactional and "BEGIN;" not in text.split("\n"),
                bool(case.config.get("lock-timeout")),
            )
        )
    return result


def _up(file: labelled.File) -> str:
    migration = layouts.read(file.path, file.text.encode("utf-8", "surrogateescape"))
    return migration.data[migration.up.span.start : migration.up.span.end].decode("utf-8", "replace").lstrip()


def ours(all_samples: Sequence[Sample], *, alone: bool) -> Found:
    """What elf-sqlcheck finds in whole projects, or in each file without any other."""
    numbers = {(sample.case.name, sample.file.path): number for number, sample in enumerate(all_samples)}
    cases = list({sample.case.name: sample.case for sample in all_samples}.values())
    if alone:
        cases = [case._replace(files=(file,), base=None, main=()) for case in cases for file in case.files]
    found: Found = set()
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            seen = labelled.findings(case, folder)
        found |= {(numbers[case.name, path], rule) for path, _, rule in seen}
    return found


def compare(
    linters: Sequence[Linter], all_samples: Sequence[Sample], names: Names, *, histories: bool
) -> dict[str, Score]:
    """The scores of elf-sqlcheck and of each linter, by name and by what it was given."""
    ours_means = names.means[OURS]
    scores = {
        OURS: score(ours(all_samples, alone=False), all_samples, ours_means, names),
        ALONE: score(ours(all_samples, alone=True), all_samples, ours_means, names),
    }
    for linter in linters:
        means = names.means[linter.name]
        for history in (False, True):
            if not history or (histories and linter.reads_history):
                found = linter.ask(units(all_samples, history=history))
                scores[linter.name + HISTORY * history] = score(found, all_samples, means, names)
    return scores


def ratio(part: int, whole: int) -> str:
    return f"{part}/{whole}" + (f" {100 * part / whole:.0f} %" if whole else "")


def report(
    scores: Mapping[str, Score], all_samples: Sequence[Sample], names: Names, versions: Mapping[str, str]
) -> str:
    """The tables, as text."""
    marked = Counter(hazard for sample in all_samples for hazard in sample.hazards)
    safe = sum(not sample.hazards for sample in all_samples)
    columns = [name for name in scores if name in names.claims]
    lines = [f"{len(all_samples)} files, {safe} of them safe, {marked.total()} hazards marked", ""]
    lines += [f"{name} {version}" for name, version in versions.items()]
    lines += ["", "What each claims to know, found/marked and false alarms:", ""]
    lines.append(f"{'':46}" + "".join(f"{name:>18}" for name in columns))
    for hazard in sorted(marked, key=lambda hazard: (names.families[hazard], hazard)):
        cells = [cell(scores[name], hazard, marked, asked=hazard in names.claims[name]) for name in columns]
        lines.append(f"{hazard:46}" + "".join(f"{shown:>18}" for shown in cells))
    lines += ["", f"{'':32}{'of its claims':>15}{'of all':>15}{'false alarms':>14}{'safe files':>12}{'opinions':>10}"]
    for name, counted in scores.items():
        claims = names.claims[name.removesuffix(HISTORY).partition(",")[0]]
        claimed = sum(counted.found[hazard] for hazard in claims)
        lines.append(
            f"{name:32}{ratio(claimed, sum(marked[hazard] for hazard in claims)):>15}"
            f"{ratio(counted.found.total(), marked.total()):>15}{counted.false_alarms.total():>14}"
            f"{f'{counted.alarmed}/{safe}':>12}{counted.opinions:>10}"
        )
    return "\n".join(lines)


def cell(counted: Score, hazard: str, marked: Mapping[str, int], *, asked: bool) -> str:
    """One cell of the first table; nothing where the linter does not claim to know the hazard."""
    false = f" +{counted.false_alarms[hazard]}" if counted.false_alarms[hazard] else ""
    if asked:
        return f"{counted.found[hazard]}/{marked[hazard]}{false}"
    return f"({counted.found[hazard]}){false}" if counted.found[hazard] or false else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    known = [linter.name for linter in LINTERS]
    parser.add_argument("linters", nargs="*", metavar="LINTER", help=f"run only these ({', '.join(known)})")
    parser.add_argument("--install", action="store_true", help="install the other linters into bench/.tools first")
    parser.add_argument("--python", default="", help="the Python (3.12 or newer) that they are installed with")
    parser.add_argument("--history", action="store_true", help="give them the earlier files too; takes long")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args()
    for failure in install(arguments.python) if arguments.install else ():
        print(failure, file=sys.stderr)
    with open(os.path.join(HERE, "accuracy_names.toml"), encoding="utf-8") as file:
        names = read_names(file.read())
    if unknown := set(arguments.linters) - set(known):
        parser.error(f"there is no linter {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = [linter for linter in LINTERS if linter.name in (arguments.linters or known)]
    there = [linter for linter in wanted if linter.program]
    versions = {linter.name: linter.version() if linter in there else "is not installed" for linter in wanted}
    all_samples = samples(labelled.cases(), names)
    scores = compare(there, all_samples, names, histories=arguments.history)
    if arguments.json:
        print(
            json.dumps(
                {"versions": versions, "scores": {name: row._asdict() for name, row in scores.items()}}, indent=2
            )
        )
    else:
        print(report(scores, all_samples, names, versions))


if __name__ == "__main__":
    main()
