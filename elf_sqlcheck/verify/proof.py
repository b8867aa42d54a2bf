"""The proof of one migration after the other: what is done in which order, and what two snapshots say about it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ElfError, MigrationFailed
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.verify.checks import chosen
from elf_sqlcheck.verify.culprit import culprit
from elf_sqlcheck.verify.result import Progress, Step
from elf_sqlcheck.verify.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify.options import Options

#: More differences than these are counted, not listed: one DROP SCHEMA forgotten should not bury the rest.
_MOST_DIFFERENCES = 20


class Proof:
    """One verification on its stage, and the snapshot of the schema as it stands, when it is known."""

    def __init__(
        self,
        server: Server | str,
        ordered: Sequence[Migration],
        rules: Iterable[Rule],
        report: Progress | None,
        options: Options,
    ) -> None:
        self.stage = Stage(server, ordered, rules, options)
        self._report = report
        self._standing: Snapshot | None = None
        self._checks = chosen(options)
        for check in self._checks:
            check.start(self.stage)

    def take(self, number: int, migration: Migration, *, judged: bool) -> bool:
        """Prove one migration; False when it does not apply, so that nothing after it can be judged."""
        step = Step(migration, judged)
        stage = self.stage
        stage.result.steps.append(step)
        if judged:
            step.before = self._standing or stage.snapshot()
            for check in self._checks:
                check.before(stage, step)
        self._tell(migration, "applying", number)
        error = self._apply(step)
        step.applied = error is None
        if error is not None:
            stage.find("does-not-apply", migration, f"UP fails: {_said(error)}", error.span, error.remedy)
            return False
        self._standing = None
        if not judged:
            for check in self._checks:
                check.passed_over(stage, step)
            return True
        step.after = stage.snapshot(step.before)
        for check in self._checks:
            check.applied(stage, step)
        down = migration.down
        if down is None or migration.irreversible:
            reason = f"is irreversible ({migration.irreversible})" if migration.irreversible else "has no DOWN section"
            stage.note(f"{migration.path} {reason}: it was applied, not rolled back.")
            self._standing = step.after
        else:
            self._prove_rollback(number, step, down, step.before or stage.snapshot(), step.after)
        return True

    def _apply(self, step: Step) -> MigrationFailed | None:
        """Run UP, again after each check that takes the cause of its failure away."""
        with ExitStack() as stack:
            if step.judged:
                for check in self._checks:
                    stack.enter_context(check.during(self.stage, step))
            error = self._run(step, step.migration.up)
        if error is not None and step.judged:
            for check in self._checks:
                if error is not None and check.refused(self.stage, step, error):
                    error = self._run(step, step.migration.up)
        return error

    def _prove_rollback(self, number: int, step: Step, down: Section, before: Snapshot, applied: Snapshot) -> None:
        migration, stage = step.migration, self.stage
        self._tell(migration, "rolling back", number)
        error = self._run(step, down)
        step.rolled_back = error is None
        if error is not None:
            stage.find("does-not-roll-back", migration, f"DOWN fails: {_said(error)}", error.span, error.remedy)
            self._restore(number, migration, applied)
            return
        step.differences = compare(before, stage.snapshot(before))
        left = [difference for difference in step.differences if difference.matters]
        self._find_differences(migration, left)
        for check in self._checks:
            check.rolled_back(stage, step)
        self._tell(migration, "applying again", number)
        error = self._run(step, migration.up)
        step.reapplied = error is None
        if error is not None:
            message = f"after its own rollback UP fails: {_said(error)}"
            # Not Postgres' remedy: IF NOT EXISTS would hide what the rollback left, and UP was right the first time.
            stage.find("does-not-apply-again", migration, message, error.span)
            self._restore(number, migration, applied)
            return
        again = stage.snapshot(before)
        other = [difference for difference in compare(applied, again) if difference.matters]
        # What the rollback left is told already; it is no news that it is still there.
        if other and not left:
            for difference in other[:_MOST_DIFFERENCES]:
                message = f"after rolling back and applying again: {difference.describe()}"
                stage.find("does-not-apply-again", migration, message, culprit(migration, difference))
        if other:
            self._restore(number, migration, applied)
        else:
            self._standing = again
        for check in self._checks:
            check.reapplied(stage, step)

    def _find_differences(self, migration: Migration, left: list[Difference]) -> None:
        stage = self.stage
        named = [
            ("rollback-leaves-behind" if difference.change == "added" else "rollback-does-not-restore", difference)
            for difference in left
        ]
        wanted = [(rule, difference) for rule, difference in named if rule in stage.rules]
        for rule, difference in wanted[:_MOST_DIFFERENCES]:
            stage.find(rule, migration, f"after the rollback: {difference.describe()}", culprit(migration, difference))
        if len(wanted) > _MOST_DIFFERENCES:
            more = len(wanted) - _MOST_DIFFERENCES
            stage.note(f"{migration.path}: {more} more differences after its rollback are not listed.")

    def give_up(self, rest: Sequence[Migration]) -> None:
        """Say which migrations nothing is known about."""
        self.stage.result.steps += [Step(migration, judged=False) for migration in rest]
        if rest:
            names = ", ".join(migration.path for migration in rest)
            self.stage.note(f"Not judged, because a migration before them does not apply: {names}.")

    def finish(self) -> None:
        """Let the checks do what needs the whole chain."""
        for check in self._checks:
            check.finish(self.stage)

    def close(self, *, keep: bool) -> None:
        """Drop the database, or say where it is."""
        self.stage.close(keep=keep)

    def _run(self, step: Step, section: Section) -> MigrationFailed | None:
        started = time.perf_counter()
        try:
            self.stage.executor.run(step.migration, section)
        except MigrationFailed as error:
            if error.sqlstate.startswith(("08", "57P")):
                raise
            return error
        finally:
            step.ms += (time.perf_counter() - started) * 1000
        return None

    def _restore(self, number: int, migration: Migration, applied: Snapshot) -> None:
        """Bring the database to where it was after UP, so that the next migration is judged on its own merits."""
        stage = self.stage
        self._standing = stage.snapshot()
        if not compare(applied, self._standing):
            return
        stage.drop()
        stage.make()
        for earlier in stage.ordered[:number]:
            try:
                stage.executor.run(earlier, earlier.up)
            except MigrationFailed as error:
                raise ElfError(
                    f"{migration.path}: the schema could not be made anew after its rollback failed: {error.message}",
                    "Make the migrations repeatable: something in them outlives their database, such as a role.",
                ) from error
        self._standing = applied

    def _tell(self, migration: Migration, doing: str, number: int) -> None:
        if self._report:
            self._report(migration, doing, number, len(self.stage.ordered))


def _said(error: MigrationFailed) -> str:
    """Postgres' own words; where it was not asked, ours."""
    return error.detail or error.message
