"""The check: when it looks, and what it makes of what it saw."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.lasting import take_back
from elf_sqlcheck.verify.observe.growth import ASLEEP, SHARE, thinned, told
from elf_sqlcheck.verify.observe.onlooker import Onlooker
from elf_sqlcheck.verify.observe.prediction import Foresight, Predictions, differences
from elf_sqlcheck.verify.observe.rehearsal import rehearse
from elf_sqlcheck.verify.observe.told import Work, observed
from elf_sqlcheck.verify.ours import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.observe.rehearsal import Rehearsal
    from elf_sqlcheck.verify.result import Observed, Step
    from elf_sqlcheck.verify.stage import Stage


#: What Postgres says of a statement that has to run outside a transaction, and of a procedure that ends its own.
_OUTSIDE = frozenset({"25001", "2D000"})
#: Fewer rows than these take no time that could be compared.
_FEWEST = 100
#: Milliseconds of lock_timeout with which a statement does not mind being kept waiting for a look at it.
_PATIENCE = 1000


class Observation(Check):
    """Fills `Step.observed`, and finds where lint predicted something else."""

    rehearses = True

    def __init__(self) -> None:
        self._foresight: Foresight | None = None
        self._predictions = Predictions()
        #: What the rehearsal of all of UP in one transaction showed; None where there was none, or it was cut off.
        self.rehearsal: Rehearsal | None = None

    def before(self, stage: Stage, step: Step) -> None:
        """Rehearse UP where all of it runs in one transaction."""
        self._foresight = self._foresight or Foresight(stage.ordered, stage.outlines.own)
        self._predictions = self._foresight.of(step.migration)
        self._rehearse_whole(stage, step)

    def _rehearse_whole(self, stage: Stage, step: Step) -> None:
        self.rehearsal = None
        pieces = _pieces(stage, step.migration)
        if len(pieces) == 1 and pieces[0].in_transaction:
            self.rehearsal = self._rehearse(stage, step, pieces[0])
            stage.executor.reset()
            if self.rehearsal:
                take_back(stage, step, self.rehearsal)

    @contextmanager
    def during(self, stage: Stage, step: Step) -> Iterator[None]:
        """Rehearse each piece that runs in a transaction of its own just before it runs, and watch what cannot."""
        pieces = _pieces(stage, step.migration)
        if step.on_fewer_rows:  # what was seen so far ended where UP met the rows
            step.observed.clear()
            self._rehearse_whole(stage, step)
        if len(pieces) < 2 and all(piece.in_transaction for piece in pieces):
            yield
            return
        executor = stage.executor
        with stage.another() as second:
            executor.around = lambda _, piece: self._around(stage, step, piece, second)
            try:
                yield
            finally:
                executor.around = None

    @contextmanager
    def _around(self, stage: Stage, step: Step, piece: Piece, second: SupabaseExecutor) -> Iterator[None]:
        seen = self._rehearse(stage, step, piece)
        if seen is None or seen.refused not in _OUTSIDE:
            yield
            return
        tables = self._awaited(stage.executor, piece)
        with Onlooker(second.connection, stage.executor.connection.info.backend_pid, tables) as onlooker:
            yield
        work = Work(onlooker.before, onlooker.after, onlooker.relations)
        for statement in piece.statements:
            step.observed.append(
                observed(statement, onlooker.before, onlooker.after, onlooker.relations, work, in_transaction=False)
            )

    def _awaited(self, executor: SupabaseExecutor, piece: Piece) -> list[str]:
        """The tables for which statements may be kept waiting for a moment: none where they would lose patience."""
        patience = ask(executor, "SELECT setting::int AS ms FROM pg_settings WHERE name = 'lock_timeout'")[0]["ms"]
        if 0 < patience < _PATIENCE:
            return []
        predicted = [self._predictions.statements.get(statement.span.start) for statement in piece.statements]
        return sorted({str(effect.table) for one in predicted if one for effect in one.effects})

    def _rehearse(self, stage: Stage, step: Step, piece: Piece) -> Rehearsal | None:
        """Observe a piece in a rehearsal; None where that could not be ended."""
        import psycopg

        # What time zone production has is not known. In UTC, that of our servers, such a change of type costs nothing.
        zone = self._predictions.zoned and not isinstance(stage.server, str)
        first = b"SET LOCAL timezone = 'Europe/Vienna'" if zone else b""
        connection = stage.executor.connection
        try:
            seen = rehearse(connection, step.migration, piece.statements, first)
            found = list(self._found(stage, step.migration, piece, seen))
            if stage.options.rows >= _FEWEST * SHARE and any(one.rewritten or one.scanned for one in found):
                thin = thinned(connection, seen.relations.values(), stage.options.rows // SHARE)
                few = rehearse(connection, step.migration, piece.statements, thin)
                if few.refused:
                    few = rehearse(connection, step.migration, piece.statements, thin + ASLEEP)
                pairs = zip(found, piece.statements, strict=False)
                found = [told(one, statement, few, number) for number, (one, statement) in enumerate(pairs)]
        except psycopg.Error:
            return None  # the migration itself will meet what is wrong here, and report it
        step.observed += found
        return seen

    def _found(self, stage: Stage, migration: Migration, piece: Piece, seen: Rehearsal) -> Iterator[Observed]:
        for statement, before, after in zip(piece.statements, seen.sights, seen.sights[1:], strict=False):
            work = Work(before, after, seen.relations, seen.scans)
            yield observed(statement, before, after, seen.relations, work)
            predicted = self._predictions.statements.get(statement.span.start)
            if predicted is not None:
                for one in differences(predicted, statement, before, after, seen.relations, work):
                    message = f"Postgres {one.observed}, where lint predicts that it {one.predicted}"
                    stage.find("prediction-differs", migration, message, statement.span)


def _pieces(stage: Stage, migration: Migration) -> tuple[Piece, ...]:
    """The pieces in which UP is sent; none where the server will not be asked, or refuses it at once."""
    if migration.broken:
        return ()
    try:
        return stage.executor.pieces(migration, migration.up)
    except MigrationFailed:
        return ()
