"""What a verification came to: the words in which its checks report, and which its reports read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from elf_sqlcheck.model import Finding, Migration, Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot


class Progress(Protocol):
    """Who is told what is done, while it is done."""

    def __call__(self, migration: Migration, doing: str, number: int, total: int) -> object:
        """`doing` is "applying", "rolling back", …; `number` counts migrations from 1."""


@dataclass(frozen=True)
class Held:
    """A lock on an older relation that a statement took.

    `relation` is its qualified name, `kind` "table", "index", …; `mode` is in Postgres' words ("share row exclusive"),
    `blocks` whom it keeps waiting ("reads and writes", "writes", ""). `inherited` when an earlier statement of the
    transaction took it.
    """

    relation: str
    kind: str
    mode: str
    blocks: str
    inherited: bool = False


@dataclass(frozen=True)
class Observed:
    """One statement of UP as a server ran it.

    `span` is its place in `Migration.data`; `ms` how long it took; `wal` the bytes of WAL it wrote; `locks` those held
    when it had ended, by it and by those before it; `rewritten` and `scanned` the older tables and indexes that it
    wrote anew or read in full; `grows` whether its duration grows with the rows (None where that was not measured).
    """

    span: Span
    ms: float
    wal: int = 0
    locks: tuple[Held, ...] = ()
    rewritten: tuple[str, ...] = ()
    scanned: tuple[str, ...] = ()
    grows: bool | None = None
    in_transaction: bool = True


@dataclass(frozen=True)
class Filled:
    """How an older table was filled: with `rows` rows, or why it was not (`reason`)."""

    table: str
    rows: int
    reason: str = ""


@dataclass(frozen=True)
class BrokenRow:
    """A row on which a migration failed: the columns' names and values, as text (None for NULL)."""

    table: str
    values: tuple[tuple[str, str | None], ...]
    span: Span | None = None
    message: str = ""


@dataclass(frozen=True)
class Blocked:
    """A query of another session that had to wait while UP ran: what it was, on which table, and how long it waited.

    `span` is the statement of the migration that it waited for, None when that could not be told.
    """

    query: str
    table: str
    ms: float
    span: Span | None = None
    gave_up: bool = False


@dataclass
class Step:
    """What became of one migration; None where something was not tried.

    `ms` counts the time of its SQL. `observed`, `filled`, `broken_rows`, `blocked` are in the order in which they
    happened; `differences` is what its rollback left or lost, `proposal` a DOWN that would undo it, "" for none;
    `before` and `after` are the schema around UP.
    """

    migration: Migration
    judged: bool
    applied: bool | None = None
    rolled_back: bool | None = None
    reapplied: bool | None = None
    ms: float = 0.0
    observed: list[Observed] = field(default_factory=list)
    filled: list[Filled] = field(default_factory=list)
    broken_rows: list[BrokenRow] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    proposal: str = ""
    before: Snapshot | None = None
    after: Snapshot | None = None
    #: UP failed on rows, and was tried again after some or all had been taken away.
    on_fewer_rows: bool = False
    #: What else a check wants a report to show, by the check's name: values that JSON can hold.
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Verification:
    """What a run showed: findings in the order of the files, a step for each migration, and what else to say."""

    findings: list[Finding] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Where the database is, when it was kept.
    url: str = ""
    #: The server, as a human says it: "PostgreSQL 18.6 (embedded wheel)"; "" for one that was named by its URL.
    server: str = ""
