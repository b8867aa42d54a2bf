"""The proof of one migration after the other: what is done in which order, and what two snapshots say about it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.verify import history, outside
from elf_sqlcheck.verify.checks import chosen
from elf_sqlcheck.verify.culprit import culprit
from elf_sqlcheck.verify.result import Progress, Step
from elf_sqlcheck.verify.rollback import MOST_DIFFERENCES, Rollbacks, said
from elf_sqlcheck.verify.running import run
from elf_sqlcheck.verify.stage import Stage
from elf_sqlcheck.verify.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify.options import Options

_MOST_NAMES = 3


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
        # First, so that an option that cannot be used ends the run while there is nothing to clean up.
        self._checks = chosen(options)
        self.stage = Stage(server, ordered, rules, options)
        self._watch = Watch(self.stage)
        self._report = report
        self._rollbacks = Rollbacks(self.stage)
        known = self.stage.restored.known if self.stage.restored else None
        self._standing: Snapshot | None = known.snapshot if known else None
        self._one_way: list[str] = []

    def start(self) -> None:
        """Let the checks see the empty database."""
        self._watch.start()
        for check in self._checks:
            check.start(self.stage)

    @property
    def restored(self) -> int:
        """How many migrations the server began with."""
        return self.stage.restored.applied if self.stage.restored else 0

    def skip(self, migration: Migration) -> None:
        """Count a migration that the server began with as applied."""
        step = Step(migration, judged=False, applied=True)
        self.stage.result.steps.append(step)
        for check in self._checks:
            check.passed_over(self.stage, step)

    def save(self, number: int) -> None:
        """Keep the state after the first `number` migrations, if they are all that was done, and took their time."""
        steps = self.stage.result.steps
        if not any(step.judged for step in steps) and sum(step.ms for step in steps) > 1000 * history.WORTH_KEEPING:
            self.stage.save(number)

    def take(self, number: int, migration: Migration, *, judged: bool) -> bool:
        """Prove one migration; False when it does not apply, so that nothing after it can be judged."""
        step = Step(migration, judged)
        stage = self.stage
        stage.result.steps.append(step)
        before = (self._standing or stage.snapshot()) if judged else None
        if before is not None:
            step.before = before
            self._prepare(step)
        self._tell(migration, "applying", number)
        error = self._apply(step)
        step.applied = error is None
        if error is not None:
            stage.find("does-not-apply", migration, f"UP fails: {said(error)}", error.span, error.remedy)
            return False
        self._standing = None
        if before is None:
            for check in self._checks:
                check.passed_over(stage, step)
            return True
        step.after = stage.snapshot(before)
        for check in self._checks:
            check.applied(stage, step)
        down = migration.down
        if down is None or migration.irreversible:
            if migration.irreversible:
                stage.note(
                    f"{migration.path} is irreversible ({migration.irreversible}): it was applied, not rolled back."
                )
            else:
                self._one_way.append(migration.path)
            self._standing = step.after
        else:
            self._prove_rollback(number, step, down, before, step.after)
        return True

    def _prepare(self, step: Step) -> None:
        """Let the checks see the state before UP; what does not end in one rehearsal is not met in all of them."""
        stage = self.stage
        if outside.refused(stage, step.migration, step.migration.up) is not None:
            return  # what is not going to be run is not to be rehearsed either
        limit = stage.options.statement_timeout
        endless = False
        for check in self._checks:
            if not (endless and check.rehearses):
                started, database = time.monotonic(), stage.database
                check.before(stage, step)
                for one in self._checks if stage.database != database else ():
                    one.made_anew(stage, step)
                endless |= check.rehearses and 0 < limit <= time.monotonic() - started

    def _apply(self, step: Step) -> MigrationFailed | None:
        """Run UP, again after each time that a check takes the cause of its failure away."""
        while True:
            with ExitStack() as stack:
                for check in self._checks if step.judged else ():
                    stack.enter_context(check.during(self.stage, step))
                error = self._run(step, step.migration.up)
            if error is None or not step.judged:
                return error
            if not any(check.refused(self.stage, step, error) for check in self._checks):
                return error

    def _prove_rollback(self, number: int, step: Step, down: Section, before: Snapshot, applied: Snapshot) -> None:
        migration, stage = step.migration, self.stage
        self._tell(migration, "rolling back", number)
        error = self._run(step, down)
        step.rolled_back = error is None
        if error is not None:
            self._rollbacks.fails(number, step, down, error, (before, applied))
            self._restore(number, applied)
            return
        step.differences = compare(before, stage.snapshot(before))
        self._rollbacks.leaves(number, step, (before, applied))
        for check in self._checks:
            check.rolled_back(stage, step)
        self._tell(migration, "applying again", number)
        error = self._run(step, migration.up)
        step.reapplied = error is None
        if error is not None:
            message = f"after its own rollback UP fails: {said(error)}"
            # Not Postgres' remedy: IF NOT EXISTS would hide what the rollback left, and UP was right the first time.
            stage.find("does-not-apply-again", migration, message, error.span)
            self._restore(number, applied)
            return
        again = stage.snapshot(before)
        other = [difference for difference in compare(applied, again) if difference.matters]
        # What the rollback left is told already; it is no news that it is still there.
        if other and not any(difference.matters for difference in step.differences):
            for difference in other[:MOST_DIFFERENCES]:
                message = f"after rolling back and applying again: {difference.describe()}"
                stage.find("does-not-apply-again", migration, message, culprit(migration, difference))
        if other:
            self._restore(number, applied)
        else:
            self._standing = again
        for check in self._checks:
            check.reapplied(stage, step)

    def give_up(self, rest: Sequence[Migration]) -> None:
        """Say which migrations nothing is known about."""
        self.stage.result.steps += [Step(migration, judged=False) for migration in rest]
        if rest:
            names = ", ".join(migration.path for migration in rest[:_MOST_NAMES])
            more = f" and {len(rest) - _MOST_NAMES} more" if len(rest) > _MOST_NAMES else ""
            self.stage.note(f"Not judged, because a migration before them does not apply: {names}{more}.")

    def finish(self) -> None:
        """Let the checks do what needs the whole chain, and name the migrations that could not be rolled back."""
        if len(self._one_way) > _MOST_NAMES:
            self.stage.note(
                f"{len(self._one_way)} migrations have no DOWN section: they were applied, not rolled back."
            )
        else:
            for path in self._one_way:
                self.stage.note(f"{path} has no DOWN section: it was applied, not rolled back.")
        for check in self._checks:
            check.finish(self.stage)

    def close(self, *, keep: bool) -> None:
        """Drop the database, or say where it is."""
        self._watch.stop()
        self.stage.restorer.close()
        self.stage.close(keep=keep)

    def _run(self, step: Step, section: Section) -> MigrationFailed | None:
        def leaving(connection: Connection[dict[str, Any]]) -> None:
            for check in self._checks:
                check.leaves(self.stage, step, section, connection)

        started = time.perf_counter()
        try:
            return run(self.stage, step.migration, section, leaving if step.judged else None)
        finally:
            step.ms += (time.perf_counter() - started) * 1000

    def _restore(self, number: int, applied: Snapshot) -> None:
        """Bring the database to where it was after UP, so that the next migration is judged on its own merits."""
        self._standing = self.stage.snapshot()
        if any(difference.matters for difference in compare(applied, self._standing)):
            self.stage.restorer.restore(number)
            self._standing = applied

    def _tell(self, migration: Migration, doing: str, number: int) -> None:
        if self._report:
            self._report(migration, doing, number, len(self.stage.ordered))
