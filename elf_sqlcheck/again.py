"""Linting where a run before has left what it found: what has changed is judged, and what depends on that."""

from __future__ import annotations

from elf_sqlcheck.catalog.kept import History
from elf_sqlcheck.engine import Engine, Verdict
from elf_sqlcheck.memory import Found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.memory import Memory
    from elf_sqlcheck.model import Finding

    Settled = tuple[Sequence[Finding], Sequence[Finding]]


def lint_again(engine: Engine, asked: Sequence[int], memory: Memory, few: int) -> list[Settled]:
    """What is found in the migrations `asked` for, and what of it is allowed, migration by migration.

    What is found is kept, and the schema before the last ones, unless that of an earlier run lacks at most a third of
    `few` migrations: to judge these again takes less than to write what is known of all. Raises CacheError when what
    was kept is not what was written.
    """
    end = asked[-1] + 1
    start = end if memory.start is None else memory.start
    engine.survey = memory.survey
    engine.first = start == asked[0]
    doubtful: list[tuple[int, Found]] = []
    settled: dict[int, Settled] = {}
    verdicts: dict[int, Verdict] = {}
    for number, known in memory.found(asked, start):
        settled[number] = known.kept, known.allowed
        if known.doubts and not memory.settled:
            doubtful.append((number, known))
    if start < end or doubtful:
        keeping = max(start, end - 2 - few // 3)
        history = History(memory.folder, engine.migrations, memory.signatures)
        engine.catalog, engine.routines = history.begin(start, keeping)
        chosen = frozenset(number for number in asked if number >= start)
        verdicts |= engine.go(history.count, keeping, chosen)
        if keeping < end and keeping - history.count > few // 3:
            history.keep(keeping, engine.catalog, engine.routines)
        verdicts |= engine.go(keeping, end, chosen)
        if doubtful or any(verdict.doubts for verdict in verdicts.values()):
            engine.finish(end)
    final = engine.catalog.now
    for number, known in doubtful:
        doubts = [(known.raw[n], memory.holds(known.raw[n], name), facts) for n, name, facts, _ in known.doubts]
        if any(holds(final, *facts) != doubt[3] for (_, holds, facts), doubt in zip(doubts, known.doubts, strict=True)):
            verdicts[number] = Verdict(
                engine.migrations[number],
                known.raw,
                doubts,
                known.inexact,
                memory.questions(number),
                known.suppressions,
            )
    for number, verdict in verdicts.items():
        answers = engine.answers(verdict)
        kept, allowed = settled[number] = engine.settle(verdict, answers)
        memory.learn(number, _found(verdict, kept, allowed, answers), verdict.asked)
    memory.keep(verdicts=len(verdicts) > few // 3)
    return [settled[number] for number in sorted(settled)]


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
