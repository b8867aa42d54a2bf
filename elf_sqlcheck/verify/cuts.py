"""A transactional UP is cut short after each of its statements, and must leave nothing.

Every boundary is judged by what a rehearsal showed there (`elf_sqlcheck.verify.boundaries`). Where that is suspicious,
and after the last statement in any case (everywhere if that is asked for), UP is really cut: the executor runs the
statements up to there and then fails to write its history, as it would when the connection or the disk went away; all
of it has to be rolled back.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.model import Section, Span
from elf_sqlcheck.shared.calls import CutShortError, cut_short
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.verify.boundaries import judged, suspicious
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.lasting import Lasting, drop_slots, take_back, undone
from elf_sqlcheck.verify.observe.rehearsal import rehearse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.observe import Observation
    from elf_sqlcheck.verify.observe.rehearsal import Rehearsal
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage


class Cuts(Check):
    """Cuts what runs in one transaction; `elf_sqlcheck.verify.resume` cuts the rest.

    The rehearsal is that of `observation`, which is asked first, or one of its own.
    """

    def __init__(self, observation: Observation | None = None) -> None:
        self._observation = observation
        self.rehearses = observation is None

    def before(self, stage: Stage, step: Step) -> None:
        """Judge each boundary, and report what stays."""
        piece = only_transaction(step.migration)
        if piece is not None and piece.statements:
            step.more["cuts"] = {"boundaries": len(piece.statements), "judged": 0, "cut": 0}
            self._judge(stage, step, piece)

    @contextmanager
    def during(self, stage: Stage, step: Step) -> Iterator[None]:
        """Judge the boundaries after the statement that failed on rows."""
        if step.on_fewer_rows:
            piece = only_transaction(step.migration)
            if piece is not None and "cuts" in step.more:
                self._judge(stage, step, piece)
        yield

    def _judge(self, stage: Stage, step: Step, piece: Piece) -> None:
        rehearsal = self._observation.rehearsal if self._observation else _rehearsed(stage, step, piece)
        if rehearsal is None:
            return
        told = step.more["cuts"]
        doubtful = suspicious(rehearsal)
        if stage.options.cuts is None:
            places, most = list(range(1, judged(rehearsal) + 1)), len(piece.statements)
        else:
            places, most = doubtful, stage.options.cuts - told["cut"]
        new = [count for count in places if count > told["judged"]]
        trial = _Trial(stage, step, piece, rehearsal)
        for count in new[:most]:
            told["cut"] += trial.look(count, closely=count in doubtful)
        whole = len(piece.statements)
        if not rehearsal.refused and whole not in new and len(new) < most:
            told["cut"] += trial.look(whole, closely=False)
        told["judged"] = max(told["judged"], judged(rehearsal) - len(new[most:]))


class _Trial:
    """Real cuts of one UP; what one of them has told of, the next ones do not repeat."""

    def __init__(self, stage: Stage, step: Step, piece: Piece, rehearsal: Rehearsal) -> None:
        self._stage = stage
        self._step = step
        self._migration = step.migration
        self._statements = piece.statements
        self._rehearsal = rehearsal
        self._told: set[str] = set()
        self._elsewhere = False

    def look(self, count: int, *, closely: bool) -> bool:
        """Cut after `count` statements, and report what stays; False when UP fails before that.

        Only a close look reads where each sequence stands: it costs more than most migrations when there are thousands.
        """
        stage = self._stage
        lasting = Lasting(stage.executor, sequences=closely)
        done = self._cut(count)
        slots = [] if isinstance(stage.server, str) else lasting.slots()  # others may be at work there
        committed = lasting.committed()  # before sequences are put back, which commits
        left = {
            one.sequence: f"sequence {one.sequence} stays at {one.now} and was at {one.was}: it gives out numbers "
            "that are in use"
            for one in lasting.put_back()
        }
        if not closely:
            self._rehearsal.put_back(stage.executor.connection)
        drop_slots(stage.executor, slots)
        left |= {
            name: f"the replication slot {name} stays: the server keeps all WAL for it until its disk is full"
            for name in slots
        }
        if committed:
            left |= self._committed()
        if done:
            self._report(count, left)
        return done

    def _report(self, count: int, left: dict[str, str]) -> None:
        statement = self._statements[count - 1]
        line = self._migration.position(statement.span.start)[0]
        for subject, clause in left.items():
            if subject not in self._told:
                message = f"cut short after the statement in line {line}, UP is rolled back, but {clause}"
                self._stage.find("partial-failure-leaves-changes", self._migration, message, statement.span)
        self._told |= left.keys()

    def _cut(self, count: int) -> bool:
        statements = self._statements[:count]
        section = Section("up", Span(statements[0].span.start, statements[-1].span.end), statements, transactional=True)
        try:
            self._stage.executor.run(self._migration, section, record=cut_short)
        except CutShortError:
            return True
        except MigrationFailed:
            return False
        raise AssertionError("the executor did not ask for the history to be written")

    def _committed(self) -> dict[str, str]:
        """What another connection has committed, as clauses; it is taken back."""
        found = [one.describe() for one in undone(self._stage, self._step)]
        left = {told: f"what it did through another connection stays: {told}" for told in found}
        # Nothing of it is to be seen: rows, unless it took back what an earlier boundary has shown.
        if not left and not self._elsewhere and not isinstance(self._stage.server, str):
            left = {"rows": "another connection has committed rows, which stay"}
        self._elsewhere = True
        return left


def _rehearsed(stage: Stage, step: Step, piece: Piece) -> Rehearsal | None:
    import psycopg

    try:
        rehearsal = rehearse(stage.executor.connection, step.migration, piece.statements)
    except psycopg.Error:
        return None  # the migration itself will meet what is wrong here
    stage.executor.reset()
    take_back(stage, step, rehearsal)
    return rehearsal


def only_transaction(migration: Migration) -> Piece | None:
    """The piece that UP consists of, when it is one and runs in a transaction; None otherwise."""
    try:
        pieces = cut(migration, migration.up)
    except MigrationFailed:
        return None  # the run itself says why
    return pieces[0] if len(pieces) == 1 and pieces[0].in_transaction else None
