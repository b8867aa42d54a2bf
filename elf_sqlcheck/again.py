"""Linting where a run before has left what it found: what has changed is judged, and what depends on that."""

from __future__ import annotations

from elf_sqlcheck import halves, reading
from elf_sqlcheck.catalog.kept import History
from elf_sqlcheck.engine import Engine, Verdict
from elf_sqlcheck.memory import Found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.memory import Memory
    from elf_sqlcheck.model import Finding

    Settled = tuple[Sequence[Finding], Sequence[Finding]]


def lint_again(engine: Engine, asked: Sequence[int], memory: Memory) -> list[Settled]:
    """What is found in the migrations `asked` for, and what of it is allowed, migration by migration.

    What is found is kept, and the schema before the last ones, unless that of an earlier run lacks few migrations: to
    judge these again takes less than to write what is known of all. Raises CacheError when what was kept is not what
    was written.
    """
    start, end = memory.start, asked[-1] + 1
    engine.survey = memory.survey
    engine.first = start == asked[0]
    before = memory.found()
    doubtful = [] if memory.settled else [(number, known) for number, known in before if known.doubts]
    settled: dict[int, Settled] = {number: (known.kept, known.allowed) for number, known in before}
    verdicts: dict[int, Verdict] = {}
    if start < end or doubtful:
        last = max(start, end - 2 - reading.LITTLE)
        history = History(memory.folder, engine.migrations, memory.signatures)
        engine.catalog, engine.routines = history.begin(start, last)
        chosen = frozenset(number for number in asked if number >= start)
        if history.count:
            verdicts |= engine.go(history.count, last, chosen)
        else:
            verdicts |= halves.go(engine, last, chosen)
        if last < end and last - history.count > reading.LITTLE:
            history.keep(last, engine.catalog, engine.routines)
        verdicts |= engine.go(last, end, chosen)
        if doubtful or any(verdict.doubts for verdict in verdicts.values()):
            engine.finish(end)
    for number, known in doubtful:
        verdict = _again(engine, memory, number, known)
        if engine.answers(verdict) != [held for *_, held in known.doubts]:
            verdicts[number] = verdict
    for number, verdict in verdicts.items():
        answers = engine.answers(verdict)
        kept, allowed = settled[number] = engine.settle(verdict, answers)
        memory.learn(number, _found(verdict, kept, allowed, answers), verdict.asked)
    memory.keep(verdicts=len(verdicts) > reading.LITTLE)
    return [settled[number] for number in sorted(settled)]


def _again(engine: Engine, memory: Memory, number: int, known: Found) -> Verdict:
    """What was found in a migration, with its doubts, which the last schema decides."""
    doubts = [(known.raw[n], memory.holds(known.raw[n], name), facts) for n, name, facts, _ in known.doubts]
    asked = memory.questions(number)
    return Verdict(engine.migrations[number], known.raw, doubts, known.inexact, asked, known.suppressions)


def _found(
    verdict: Verdict, kept: Sequence[Finding], allowed: Sequence[Finding], answers: Sequence[bool]
) -> Found | None:
    if not verdict.found and not kept and not allowed:
        return None
    if not verdict.doubts:
        return Found(tuple(kept), tuple(allowed))
    places = {id(finding): number for number, finding in enumerate(verdict.found)}
    doubts = tuple(
        (places[id(finding)], holds.__name__, facts, answer)
        for (finding, holds, facts), answer in zip(verdict.doubts, answers, strict=True)
    )
    return Found(
        tuple(kept), tuple(allowed), tuple(verdict.found), doubts, tuple(verdict.inexact), tuple(verdict.suppressions)
    )
