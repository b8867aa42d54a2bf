"""What a deploy will do, statement by statement: how each is run, and which locks it takes on what is there already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.effect import BLOCKS
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.locks import effects
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared.pieces import cut
from elf_sqlcheck.sizes import TableSize, duration, seconds_to_read
from elf_sqlcheck.verify.observe.prediction import is_beyond_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.effect import Effect
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration, Section

_WORK = {"scan": "reads all rows", "build": "builds an index from all rows", "rewrite": "writes all rows anew"}


@dataclass(frozen=True)
class Lock:
    """A lock on a table that is there before the run: its `mode` in Postgres' words, `blocks` whom it keeps waiting
    ("reads and writes", "writes", ""), `work` what is done under it (""), `rows` and `time` what is known of its size.
    """

    table: str
    mode: str
    blocks: str
    work: str = ""
    rows: int | None = None
    time: str = ""

    def __str__(self) -> str:
        kept = f"keeps {self.blocks} waiting" if self.blocks else "everybody reads and writes on"
        size = f" ({self.rows:,} rows, {self.time})" if self.work and self.rows is not None else ""
        return f"{self.mode.upper()} on {self.table}: {kept}" + (f", and {_WORK[self.work]}{size}" if self.work else "")


@dataclass
class PlannedStatement:
    """One statement: its 1-based `line` in the file, its text in one line, `locks` on older tables.

    `is_foreseen` is False where it runs code whose locks are not in its text.
    """

    line: int
    text: str
    alone: bool
    locks: list[Lock] = field(default_factory=list)
    is_foreseen: bool = True


@dataclass(frozen=True)
class Planned:
    """One section that would be run; `how` is "in one transaction" or "statement by statement"."""

    migration: Migration
    section: Section
    how: str
    statements: list[PlannedStatement]

    def data(self) -> dict[str, Any]:
        """The plan of this section as JSON can hold it."""
        return {
            "version": self.migration.version,
            "name": self.migration.name,
            "path": self.migration.path_at(self.section.span.start),
            "section": self.section.name,
            "transactional": self.how == _TOGETHER,
            "statements": [
                {
                    "line": one.line,
                    "sql": one.text,
                    "alone": one.alone,
                    "foreseen": one.is_foreseen,
                    "locks": [vars(lock) for lock in one.locks],
                }
                for one in self.statements
            ],
        }


_TOGETHER = "in one transaction"


def foreseen(
    before: Sequence[Migration],
    steps: Sequence[tuple[Migration, Section]],
    sizes: Mapping[str, TableSize] | None = None,
) -> list[Planned]:
    """Say what the steps will do to a schema that `before` made.

    Args:
        before: What is applied, in the order in which it was.
        steps: The sections to run, in their order.
        sizes: How large tables are, by their names such as "public.orders".
    """
    catalog, routines = Catalog(), Routines()
    for migration in before:
        catalog.begin()
        catalog.apply_all(routines.read(migration.up, migration.data))
    # One beginning for all steps: what the run itself makes, nobody else uses yet.
    catalog.begin()
    return [_planned(migration, section, catalog, routines, sizes or {}) for migration, section in steps]


def _planned(
    migration: Migration, section: Section, catalog: Catalog, routines: Routines, sizes: Mapping[str, TableSize]
) -> Planned:
    try:
        pieces = cut(migration, section)
    except MigrationFailed:
        pieces = ()
    alone = {id(piece.statements[0]) for piece in pieces if not piece.in_transaction}
    together = len(pieces) == 1 and pieces[0].in_transaction
    statements = {
        statement.span.start: PlannedStatement(
            migration.position(statement.span.start)[0],
            " ".join(migration.text(statement.span).split()),
            id(statement) in alone,
        )
        for statement in section.statements
    }
    for change in routines.read(section, migration.data):
        planned = statements.get(change.statement.span.start)
        if planned is not None:
            _lock(planned, change, catalog.view(), sizes)
        catalog.apply(change)
    how = _TOGETHER if together else "statement by statement"
    return Planned(migration, section, how, list(statements.values()))


def _lock(planned: PlannedStatement, change: Change, now: Schema, sizes: Mapping[str, TableSize]) -> None:
    if is_beyond_us(change):
        planned.is_foreseen = False
    for effect in effects(change, now):
        if now.is_older(effect.table) and (lock := _told(effect, now, sizes)) not in planned.locks:
            planned.locks.append(lock)


def _told(effect: Effect, now: Schema, sizes: Mapping[str, TableSize]) -> Lock:
    name = str(now.resolve(effect.table))
    size = sizes.get(name)
    time = duration(seconds_to_read(size)) if size else ""
    return Lock(name, effect.mode, BLOCKS.get(effect.mode, ""), effect.work, size.rows if size else None, time)
