"""The check: when it looks, and what it makes of what it saw."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.observe.prediction import Foresight, differences
from elf_sqlcheck.verify.observe.rehearsal import rehearse
from elf_sqlcheck.verify.observe.told import Work, observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.observe.prediction import Predictions
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage


class Observation(Check):
    """Fills `Step.observed`, and finds where lint predicted something else."""

    def __init__(self) -> None:
        self._foresight: Foresight | None = None

    def before(self, stage: Stage, step: Step) -> None:
        """Rehearse UP where all of it runs in one transaction."""
        migration = step.migration
        try:
            pieces = cut(migration, migration.up)
        except MigrationFailed:
            return
        if migration.broken or len(pieces) != 1 or not pieces[0].in_transaction:
            return
        self._rehearse(stage, step, pieces[0])
        stage.executor.reset()

    def _rehearse(self, stage: Stage, step: Step, piece: Piece) -> bool:
        import psycopg

        migration = step.migration
        if self._foresight is None:
            self._foresight = Foresight(stage.ordered)
        predictions = self._foresight.of(migration)
        try:
            seen = rehearse(stage.executor.connection, migration, piece.statements)
        except psycopg.OperationalError:
            return False
        for statement, before, after in zip(piece.statements, seen.sights, seen.sights[1:], strict=False):
            work = Work(before, after, seen.relations, seen.scans)
            step.observed.append(observed(statement, before, after, seen.relations, work))
            predicted = predictions.get(statement.span.start)
            if predicted is not None:
                for one in differences(predicted, statement, before, after, seen.relations, work):
                    message = f"{one.table}: lint predicts that this {one.predicted}, Postgres {one.observed}"
                    stage.find("prediction-differs", migration, message, statement.span)
        return True
