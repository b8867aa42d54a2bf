"""The check: each migration meets full tables, and its rollback has to bring back what they held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.relevant import relevant
from elf_sqlcheck.verify.rows import blame, contents
from elf_sqlcheck.verify.rows.fill import Filling
from elf_sqlcheck.verify.rows.sample import Sample
from elf_sqlcheck.verify.rows.touched import touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.errors import MigrationFailed
    from elf_sqlcheck.model import Migration, Span
    from elf_sqlcheck.verify.options import Options
    from elf_sqlcheck.verify.result import BrokenRow, Filled, Step
    from elf_sqlcheck.verify.rows.contents import Contents, Loss
    from elf_sqlcheck.verify.stage import Stage

#: What has been taken away of the rows, one after the other, to see whether UP passes then.
_NOTHING, _EDGES, _WRITTEN, _ALL = range(4)


class Rows(Check):
    """Fills the older tables that a migration touches, and compares what they hold before UP and after DOWN."""

    def __init__(self, options: Options) -> None:
        self._rows = options.rows
        self._kept = options.rows <= contents.MOST_KEPT
        self._sample = Sample(options.sample) if options.sample else None
        self._private = bool(options.sample)
        self._filling = Filling(options.seed)
        self._routines = Routines()
        self._passed: list[Migration] = []
        self._told: set[str] = set()
        self._up: list[Change] = []
        self._touched: dict[int, str] = {}
        self._before: dict[str, Contents] = {}
        self._taken = _NOTHING
        self._errors: list[MigrationFailed] = []
        self._broken: BrokenRow | None = None

    def before(self, stage: Stage, step: Step) -> None:
        """Fill what UP touches, and note what it holds."""
        for earlier in relevant(self._passed, step.migration, stage.outlines.own):
            self._routines.read(earlier.up, earlier.data)
            self._passed.remove(earlier)
        self._up = self._routines.read(step.migration.up, step.migration.data)
        self._taken, self._errors, self._broken, self._before = _NOTHING, [], None, {}
        self._touched = touched(stage.executor, self._up)
        if not self._touched:
            return
        step.filled += self._fill(stage, step)
        for filled in step.filled:
            if filled.reason and filled.table not in self._told:
                self._told.add(filled.table)
                stage.note(f"Not filled with rows: {filled.table}: {filled.reason}.")

    def made_anew(self, stage: Stage, step: Step) -> None:
        """Fill it once more."""
        self._filling = Filling(self._filling.seed)
        if self._again(stage):
            self._fill(stage, step)

    def _fill(self, stage: Stage, step: Step) -> list[Filled]:
        filled: list[Filled] = []
        if self._sample:
            filled = self._sample.load(stage.executor, self._filling, self._touched)
        elif self._rows:
            filled = self._filling.fill(stage.executor, self._touched, self._rows)
        if step.migration.down is not None and not step.migration.irreversible:
            self._before = contents.read(stage.executor, self._touched.values(), kept=self._kept)
        return filled

    def passed_over(self, stage: Stage, step: Step) -> None:  # noqa: ARG002
        """Remember a migration that may make functions: a later one may call them."""
        text = step.migration.data.lower()
        if b"function" in text or b"procedure" in text:
            self._passed.append(step.migration)

    def refused(self, stage: Stage, step: Step, error: MigrationFailed) -> bool:
        """Take rows away, from the unlikely ones on, and see whether it was them."""
        if not self._filling.edges and not self._filling.ordinary and self._taken == _NOTHING:
            return False
        if not self._errors:
            self._broken = blame.broken_row(stage.executor, error, self._up, private=self._private)
        self._errors.append(error)
        step.on_fewer_rows = True
        whole = step.migration.is_transactional(step.migration.up)
        if self._taken == _NOTHING and self._filling.edges:
            self._taken = _EDGES
            if whole:
                return self._filling.remove(stage.executor, only_edges=True)
            self._start_anew(stage, step)
            self._filling.fill(stage.executor, self._again(stage), self._rows, edges=False)
            return True
        if self._taken < _WRITTEN and whole:
            self._taken = _WRITTEN
            return self._filling.remove(stage.executor, only_edges=False)
        if self._taken < _ALL:
            self._taken = _ALL
            self._start_anew(stage, step)
            return True
        return False

    def applied(self, stage: Stage, step: Step) -> None:
        """Say on which rows UP failed, when it was on rows."""
        if self._taken == _NOTHING:
            return
        self._before = {}
        error = self._errors[min(self._taken, len(self._errors)) - 1]
        if not self._private and blame.is_a_conflict_of_keys(error, self._up):
            return
        if not self._private and blame.is_careful(error, self._up):
            where = step.migration.position(error.span.start)[0] if error.span else 1
            stage.note(
                f"{step.migration.path}:{where}: synthetic rows would stop it ({error.detail or error.message}); "
                "`--sample FILE` tries it on rows of your own."
            )
            return
        if self._broken:
            step.broken_rows.append(self._broken)
        on_any = self._private or blame.fails_on_any_row(error, self._up)
        rule = "fails-on-rows" if on_any else "fails-on-edge-rows"
        stage.find(rule, step.migration, self._described(error, on_any=on_any), error.span, error.remedy)

    def rolled_back(self, stage: Stage, step: Step) -> None:
        """Compare what the tables hold with what they held before UP."""
        held = {name: found for name, found in self._before.items() if found.rows}
        if not held:
            return
        try:
            now = contents.read(stage.executor, held, kept=self._kept)
        except DatabaseError as error:
            stage.note(f"{step.migration.path}: what its rollback did to the rows cannot be told: {error.message}")
            return
        for loss in contents.losses(held, now):
            span = _culprit(self._up, loss)
            stage.find("round-trip-loses-data", step.migration, _lost(loss), span or step.migration.up.span)

    def _again(self, stage: Stage) -> dict[int, str]:
        self._touched = touched(stage.executor, self._up)
        return self._touched

    def _start_anew(self, stage: Stage, step: Step) -> None:
        """Make the database anew, without rows: for what UP has done already, or has been written anew."""
        stage.restorer.restore(stage.ordered.index(step.migration))
        self._filling = Filling(self._filling.seed)

    def _described(self, error: MigrationFailed, *, on_any: bool) -> str:
        said = blame.said(error, private=self._private)
        if self._private:
            which = "on the rows of the sample"
        elif on_any:
            table = ".".join(part for part in error.table if part) or ", ".join(sorted(self._touched.values()))
            which = f"as soon as there is a row in {table}"
        elif self._taken == _EDGES:
            which = "on rows that production may hold, with values at the edge of what its columns allow"
        else:
            which = "on rows that production may hold"
        shown = f". The row: {_shown(self._broken)}" if self._broken and self._broken.values else ""
        return f"UP passes on empty tables, but fails {which}: {said.rstrip('.')}{shown}"


def _shown(row: BrokenRow) -> str:
    """A row as one reads it: what tells it from others, long values cut."""
    parts = [f"{name} = {_cut(value)}" for name, value in row.values[:3]]
    more = ", …" if len(row.values) > 3 else ""
    return f"{row.table} ({', '.join(parts)}{more})"


def _cut(value: str | None) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}…'"


def _lost(loss: Loss) -> str:
    if not loss.column:
        return (
            f"after the rollback {loss.count} of {loss.rows} rows of {loss.table} are gone: "
            "whoever rolls back in production loses theirs"
        )
    count = f"{loss.count} of" if loss.count is not None else "some of the"
    return (
        f"after the rollback {count} {loss.rows} values of {loss.table}.{loss.column} are not what they were "
        "before UP: whoever rolls back in production loses theirs"
    )


def _culprit(changes: Sequence[Change], loss: Loss) -> Span | None:
    """The change of UP that most likely lost it: one of the very column, else one of the table."""
    table = loss.table.rpartition(".")[2].strip('"')
    about = [change for change in changes if _is_about(change, table)]
    of_column = [change for change in about if loss.column and _touches(change, loss.column)]
    return next((change.span for change in (*of_column, *about)), None)


def _is_about(change: Change, table: str) -> bool:
    name = getattr(change, "table", None) or getattr(change, "name", None)
    return getattr(name, "name", None) == table and not isinstance(change, ch.CreateIndex)


def _touches(change: Change, column: str) -> bool:
    if isinstance(change, ch.WriteRows):
        return column in change.columns
    return getattr(change, "column", None) == column or getattr(change, "part", None) == column
