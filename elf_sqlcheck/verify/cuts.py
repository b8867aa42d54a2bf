"""A transactional UP is cut short, each time after another of its statements, and must leave nothing.

The executor runs the first statements and then fails to write its history, as it would when the connection or the disk
went away; all of it has to be rolled back. The first cut comes after the last statement: it shows what any other could,
unless a later statement takes it back. Then come the boundaries after statements that can reach out of the transaction,
then the others: all of them in a run of few migrations, and in a long one as many as take little of UP's own time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.read import read
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.model import Section, Span
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.lasting import Lasting

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

#: What may do more than a rollback undoes: functions, triggers, and what nobody can read beforehand.
_REACHING = (ch.BrokenBody, ch.Call, ch.Do, ch.Execute, ch.Opaque, ch.ReadRows, ch.RefreshView, ch.WriteRows)
#: For how long cuts go on after the first, as a share of its time; and for how long all of a run may go on besides, in
#: seconds, of which each migration may take a third of what is left. So every boundary of a few migrations is cut, and
#: a thousand take little longer.
_SHARE = 0.5
_SPARE = 1.0


class CutShortError(Exception):
    """Raised by us inside of the executor, where the history would be written."""


class Cuts(Check):
    """Cuts what runs in one transaction; `elf_sqlcheck.verify.resume` cuts the rest."""

    rehearses = True

    def __init__(self) -> None:
        self._spare = _SPARE

    def before(self, stage: Stage, step: Step) -> None:
        """Cut, and report what stays."""
        piece = only_transaction(step.migration)
        if piece is None or not piece.statements:
            return
        trial = _Trial(stage, step.migration, piece)
        cuts, spent = trial.all(stage.options.cuts, self._spare / 3)
        self._spare = max(0.0, self._spare - spent)
        step.more["cuts"] = {"boundaries": len(piece.statements), "cut": cuts}


class _Trial:
    def __init__(self, stage: Stage, migration: Migration, piece: Piece) -> None:
        self._stage = stage
        self._migration = migration
        self._statements = piece.statements
        self._reaching = [_reaches(one, migration) for one in piece.statements]

    def all(self, most: int, spare: float) -> tuple[int, float]:
        """Cut at up to `most` boundaries, and report what stays.

        What stays is looked for once, when all cuts are through; only if there is something, each cut is looked at.
        Returns how many cuts there were, and how many of the `spare` seconds they took.
        """
        lasting = self._lasting()
        done = 0
        first = 0.0
        started = time.perf_counter()
        for count in _spread(len(self._statements), most, self._reaching):
            if (done and time.perf_counter() - started > first * (1 + _SHARE) + spare) or not self._cut(count):
                break
            done += 1
            first = first or time.perf_counter() - started
        spent = time.perf_counter() - started - first * (1 + _SHARE)
        if self._left(lasting):
            self._report()
        return done, max(spent, 0.0)

    def _report(self) -> None:
        """Look for the first boundary at which something stays: the statement before it did that."""
        for count, statement in enumerate(self._statements, start=1):
            lasting = self._lasting()
            if not self._cut(count):
                return
            line = self._migration.position(statement.span.start)[0]
            left = self._left(lasting)
            for what in left:
                message = f"cut short after the statement in line {line}, UP is rolled back, but {what}"
                self._stage.find("partial-failure-leaves-changes", self._migration, message, statement.span)
            if left:
                return

    def _cut(self, count: int) -> bool:
        """Cut after `count` statements; False when UP fails before that."""
        statements = self._statements[:count]
        section = Section("up", Span(statements[0].span.start, statements[-1].span.end), statements, transactional=True)
        try:
            self._stage.executor.run(self._migration, section, record=stop)
        except CutShortError:
            return True
        except MigrationFailed:
            return False
        raise AssertionError("the executor did not ask for the history to be written")

    def _lasting(self) -> Lasting:
        return Lasting(self._stage.executor, sequences=any(self._reaching))

    def _left(self, lasting: Lasting) -> list[str]:
        """What stays since `lasting` was made, as clauses; all of it is taken back."""
        committed = lasting.committed()  # before sequences are put back, which commits
        left = [
            f"sequence {one.sequence} stays at {one.now} and was at {one.was}: it gives out numbers that are in use"
            for one in lasting.put_back()
        ]
        return left + (self._committed() if committed else [])

    def _committed(self) -> list[str]:
        """What another connection has committed, and the schema that there was before it did."""
        stage = self._stage
        step = stage.result.steps[-1]
        now = stage.snapshot(step.before)
        found = [one for one in compare(step.before or now, now) if one.matters]
        if found:
            stage.restorer.restore(stage.ordered.index(self._migration))
            return [f"what it did through another connection stays: {one.describe()}" for one in found]
        if isinstance(stage.server, str):
            return []  # others may be at work there
        return ["another connection has committed rows, which stay"]


def stop(_: Connection[dict[str, Any]]) -> None:
    """A `record` of the executor that never writes any."""
    raise CutShortError


def only_transaction(migration: Migration) -> Piece | None:
    """The piece that UP consists of, when it is one and runs in a transaction; None otherwise."""
    try:
        pieces = cut(migration, migration.up)
    except MigrationFailed:
        return None  # the run itself says why
    return pieces[0] if len(pieces) == 1 and pieces[0].in_transaction else None


def _reaches(statement: Statement, migration: Migration) -> bool:
    text = migration.data[statement.span.start : statement.span.end].lower()
    return b"nextval" in text or any(isinstance(one, _REACHING) for one in read(statement, migration.data))


def _spread(total: int, most: int, reaching: list[bool]) -> list[int]:
    """After how many statements to cut, the most telling first; of the rest those that halve, quarter … the section."""
    number = min(total, most)
    counts = sorted({round(step * total / number) for step in range(1, number + 1)})

    def rank(count: int) -> tuple[bool, bool, int]:
        halvings = (count & -count).bit_length()
        return count != total, not reaching[count - 1], -halvings

    return sorted(counts, key=rank)
