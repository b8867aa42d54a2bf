"""The whole chain: down to nothing, one migration after the other, and up again.

Each rollback meets what the one before it left, as when several releases are taken back. What one leaves and the next
ones clear away is told more mildly than what stays for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.culprit import culprit
from elf_sqlcheck.verify.rollback import said
from elf_sqlcheck.verify.running import run

if TYPE_CHECKING:
    from elf_sqlcheck.model import Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

    #: The number of the migration after whose rollback a difference was first seen, and the difference.
    Seen = tuple[int, Difference]

_ALONE = frozenset({"rollback-leaves-behind", "rollback-does-not-restore"})


class Chain(Check):
    """Keeps the schema before each migration, and walks when the last one is through."""

    def __init__(self) -> None:
        self._schemas: dict[int, Snapshot] = {}

    def start(self, stage: Stage) -> None:
        """Keep what there is when nothing is applied."""
        self._schemas[0] = stage.snapshot()

    def before(self, stage: Stage, step: Step) -> None:
        """Keep the schema before it."""
        if step.before is not None:
            self._schemas[len(stage.result.steps) - 1] = step.before

    def applied(self, stage: Stage, step: Step) -> None:
        """Keep the schema after it."""
        if step.after is not None:
            self._schemas[len(stage.result.steps)] = step.after

    def passed_over(self, stage: Stage, step: Step) -> None:  # noqa: ARG002 - as in Check
        """Keep the schema after it."""
        number = len(stage.result.steps)
        self._schemas[number] = stage.snapshot(self._schemas.get(number - 1))

    def finish(self, stage: Stage) -> None:
        """Walk down and up again, and report."""
        if not stage.result.steps or not all(step.applied for step in stage.result.steps):
            stage.note("The chain was not walked down, because a migration does not apply.")
            return
        walk = _Walk(stage, self._schemas)
        lowest = walk.down()
        walk.judge(lowest)
        walk.up(lowest)


class _Walk:
    def __init__(self, stage: Stage, schemas: dict[int, Snapshot]) -> None:
        self._stage = stage
        self._steps = stage.result.steps
        self._schemas = schemas
        self._top = stage.snapshot()
        self._pending: dict[tuple[str, str, str], Seen] = {}
        #: By the number of the migration that left something: what it was, and whose rollback took it away.
        self._cleared: dict[int, list[tuple[Difference, int]]] = {}

    def down(self) -> int:
        """Roll back as far as possible; returns how many migrations stay applied."""
        stage = self._stage
        for number in range(len(self._steps) - 1, -1, -1):
            step = self._steps[number]
            migration = step.migration
            if migration.down is None or migration.irreversible:
                why = "it is irreversible" if migration.irreversible else "it has no DOWN section"
                stage.note(f"The chain was walked down to {migration.path}, and no further: {why}.")
                return number + 1
            error = run(stage, migration, migration.down)
            if error is not None:
                stage.note(f"The chain was walked down to {migration.path}, and no further: its DOWN fails.")
                if step.judged and step.rolled_back is not False:
                    message = f"once all later migrations are rolled back, DOWN fails: {said(error)}"
                    stage.find("chain-does-not-roll-back", migration, message, error.span, self._because())
                return number + 1
            self._compare(number)
        return 0

    def judge(self, lowest: int) -> None:
        """Report what is left where the walk ended, and tell more mildly what did not stay."""
        for number, difference in self._pending.values():
            step = self._steps[number]
            alone = {one.aspect for one in step.differences}
            if step.judged and difference.aspect not in alone:
                where = "all migrations are" if not lowest else "it and all later ones are"
                message = f"when {where} rolled back: {difference.describe()}"
                self._stage.find("chain-does-not-roll-back", step.migration, message, self._place(number, difference))
        for number, cleared in self._cleared.items():
            self._tell_neighbour(number, cleared)

    def up(self, lowest: int) -> None:
        """Apply again what was rolled back, and compare the end with what it was."""
        stage = self._stage
        for step in self._steps[lowest:]:
            error = run(stage, step.migration, step.migration.up)
            if error is not None:
                message = f"after the whole chain was rolled back, UP fails: {said(error)}"
                stage.find("chain-does-not-reapply", step.migration, message, error.span, self._because())
                return
        for difference in compare(self._top, stage.snapshot(self._top)):
            if not difference.matters or difference.aspect in self._pending:
                continue
            number = self._last_change(difference, lowest)
            message = f"after the whole chain was rolled back and applied again: {difference.describe()}"
            migration = self._steps[number].migration
            stage.find("chain-does-not-reapply", migration, message, culprit(migration, difference))

    def _compare(self, number: int) -> None:
        """Note what differs from the schema before the migration, and what does not any more."""
        before = self._schemas.get(number)
        if before is None:
            return
        found = {one.aspect: one for one in compare(before, self._stage.snapshot(before)) if one.matters}
        for aspect in [aspect for aspect in self._pending if aspect not in found]:
            owner, difference = self._pending.pop(aspect)
            self._cleared.setdefault(owner, []).append((difference, number))
        for aspect, difference in found.items():
            self._pending.setdefault(aspect, (number, difference))

    def _tell_neighbour(self, number: int, cleared: list[tuple[Difference, int]]) -> None:
        """Take back the errors about a rollback whose leftovers all went with earlier ones, and warn instead."""
        step = self._steps[number]
        alone = {one.aspect for one in step.differences if one.matters}
        gone = {one.aspect for one, _ in cleared}
        if (
            not alone
            or not alone <= gone
            or step.reapplied is False
            or "rollback-needs-neighbour" not in self._stage.rules
        ):
            return
        findings = self._stage.result.findings
        mine = [one for one in findings if one.path == step.migration.path and one.rule in _ALONE]
        findings[:] = [one for one in findings if one not in mine]
        for difference, by in cleared:
            message = (
                f"after the rollback: {difference.describe()} Only the rollback of {self._steps[by].migration.path} "
                "puts that right."
            )
            instead = mine[0].instead if mine else ""
            place = self._place(number, difference)
            self._stage.find("rollback-needs-neighbour", step.migration, message, place, instead)

    def _because(self) -> str:
        """What earlier rollbacks left, as far as it may be the reason."""
        if not self._pending:
            return ""
        number, difference = next(iter(self._pending.values()))
        path = self._steps[number].migration.path
        return f"Look at what the rollback of {path} leaves first: {difference.describe()}"

    def _place(self, number: int, difference: Difference) -> Span | None:
        return culprit(
            self._steps[number].migration, difference, self._schemas.get(number), self._schemas.get(number + 1)
        )

    def _last_change(self, difference: Difference, lowest: int) -> int:
        """The number of the last migration that made, altered or dropped the object."""
        for number in range(len(self._steps) - 1, lowest, -1):
            before, after = self._schemas.get(number), self._schemas.get(number + 1)
            if before and after and before.objects.get(difference.key) != after.objects.get(difference.key):
                return number
        return lowest
