"""A transactional UP is cut short, each time after another of its statements, and must leave nothing.

The executor runs the first statements and then fails to write its history, as it would when the connection or the disk
went away; all of it has to be rolled back. The first cut comes after the last statement: it shows what any other could,
unless a later statement takes it back. Then come the boundaries after statements that can reach out of the transaction,
then the others, for as long as that takes no longer than UP itself.
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
from elf_sqlcheck.verify.restore import Restorer

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.shared.pieces import Piece
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

#: What may do more than a rollback undoes: functions, triggers, and what nobody can read beforehand.
_REACHING = (ch.BrokenBody, ch.Call, ch.Do, ch.Execute, ch.Opaque, ch.ReadRows, ch.RefreshView, ch.WriteRows)
#: How long the cuts may take beyond the time of UP itself, in seconds.
_SPARE = 0.01


class CutShortError(Exception):
    """Raised by us inside of the executor, where the history would be written."""


class Cuts(Check):
    """Cuts what runs in one transaction; `elf_sqlcheck.verify.resume` cuts the rest."""

    def before(self, stage: Stage, step: Step) -> None:
        """Cut, and report what stays."""
        piece = only_transaction(step.migration)
        if piece is None or not piece.statements:
            return
        trial = _Trial(stage, step.migration, piece)
        cuts = trial.all(stage.options.cuts)
        step.more["cuts"] = {"boundaries": len(piece.statements), "cut": cuts}


class _Trial:
    def __init__(self, stage: Stage, migration: Migration, piece: Piece) -> None:
        self._stage = stage
        self._migration = migration
        self._statements = piece.statements
        self._reaching = [_reaches(one, migration) for one in piece.statements]

    def all(self, most: int) -> int:
        """Cut at up to `most` boundaries, and report what stays; returns how many cuts there were."""
        total = len(self._statements)
        started = time.perf_counter()
        done = 0
        limit = 0.0
        for count in _spread(total, most, self._reaching):
            if limit and time.perf_counter() - started > limit:
                break
            told = self._left(count)
            if told is None:
                break
            done += 1
            if told:
                self._report(count, told)
                break
            if not limit:
                limit = 2 * (time.perf_counter() - started) + _SPARE
        return done

    def _report(self, count: int, told: list[str]) -> None:
        """Look for the first boundary at which something stays: that is the statement which did it."""
        place = count
        if count > 1:
            for earlier in range(1, count):
                found = self._left(earlier)
                if found:
                    place, told = earlier, found
                    break
        statement = self._statements[place - 1]
        line = self._migration.position(statement.span.start)[0]
        for what in told:
            message = f"cut short after the statement in line {line}, UP is rolled back, but {what}"
            self._stage.find("partial-failure-leaves-changes", self._migration, message, statement.span)

    def _left(self, count: int) -> list[str] | None:
        """Cut after `count` statements; returns what stays, as clauses, or None when UP fails before that."""
        stage, statements = self._stage, self._statements[:count]
        section = Section("up", Span(statements[0].span.start, statements[-1].span.end), statements, transactional=True)
        outside = Lasting(stage.executor, sequences=any(self._reaching[:count]))
        try:
            stage.executor.run(self._migration, section, record=stop)
        except CutShortError:
            pass
        except MigrationFailed:
            outside.put_back()
            return None
        committed = outside.committed()  # before sequences are put back, which commits
        left = [
            f"sequence {one.sequence} stays at {one.now} and was at {one.was}: it gives out numbers that are in use"
            for one in outside.put_back()
        ]
        return left + (self._committed() if committed else [])

    def _committed(self) -> list[str]:
        """What another connection has committed, and the schema that there was before it did."""
        stage = self._stage
        step = stage.result.steps[-1]
        now = stage.snapshot()
        found = [one for one in compare(step.before or now, now) if one.matters]
        if found:
            restorer = Restorer(stage)
            restorer.restore(stage.ordered.index(self._migration))
            restorer.close()
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
