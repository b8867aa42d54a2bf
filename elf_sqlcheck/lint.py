"""The lint engine: migrations and rules in, findings out. It reads no file and prints nothing."""

from __future__ import annotations

from elf_sqlcheck import reading
from elf_sqlcheck.engine import Engine
from elf_sqlcheck.errors import CacheError
from elf_sqlcheck.finding import order
from elf_sqlcheck.model import Finding, Migration
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.rule import Rule

DEFAULTS: Mapping[str, Any] = {"postgres-version": 17, "profile": ""}


class Result(Record):
    """What a run found: `findings` in the order of paths and places, those that a comment allows apart. Places count
    from the beginning of the file that a finding names.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]


def lint(
    migrations: Sequence[Migration],
    rules: Iterable[Rule],
    settings: Mapping[str, Any] | None = None,
    judged: Container[str] | None = None,
    known: Iterable[str] = (),
    kept: tuple[str, Mapping[str, bytes]] | None = None,
) -> Result:
    """Judge `migrations`, given in the order in which they are applied.

    Only those with a file in `judged` (default: all) are judged; those before them are folded into the schema, and
    those after the last of them are only there to be asked for. `known` are the names of rules that exist besides
    `rules`, for suppressions. What an earlier run has found is used, and what this one finds is kept, where the folder
    and its files are given (`kept`). Raises RuleError when a rule breaks.
    """
    rules = tuple(rules)
    settings = {**DEFAULTS, **(settings or {})}
    asked = [
        number
        for number, migration in enumerate(migrations)
        if judged is None
        or migration.path in judged
        or (migration.files and any(path in judged for path, _ in migration.files))
    ]
    engine = Engine(migrations, rules, settings, frozenset(known))
    if kept is not None and asked and len(migrations) > reading.FEW:
        from elf_sqlcheck import cache
        from elf_sqlcheck.again import lint_again
        from elf_sqlcheck.memory import Memory

        memory = Memory(*kept, migrations, asked, rules, settings, engine.known)
        try:
            return _result(lint_again(engine, asked, memory))
        except CacheError:  # it is not what was written: as if it had never been kept
            cache.forget(kept[0])
            engine = Engine(migrations, rules, settings, frozenset(known))
    if len(asked) < reading.MANY:
        verdicts = engine.go(0, asked[-1] + 1 if asked else 0, frozenset(asked))
    else:
        from elf_sqlcheck import halves

        verdicts = halves.go(engine, asked[-1] + 1, frozenset(asked))
    if any(verdict.doubts for verdict in verdicts.values()):
        engine.finish(asked[-1] + 1)
    return _result([engine.settle(verdict, engine.answers(verdict)) for verdict in verdicts.values()])


def _result(settled: Iterable[tuple[Sequence[Finding], Sequence[Finding]]]) -> Result:
    findings: list[Finding] = []
    allowed: list[Finding] = []
    for kept, suppressed in settled:
        findings += kept
        allowed += suppressed
    return Result(tuple(sorted(findings, key=order)), tuple(sorted(allowed, key=order)))
