"""What no rollback takes back: what other connections committed meanwhile, where sequences stand, and slots.

Sequences count on whatever becomes of the transaction (https://www.postgresql.org/docs/current/functions-sequence.html),
what a statement does through a connection of its own (dblink) is committed there, and a replication slot is there at
once (https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-REPLICATION).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.sequences import positions, put_back
from elf_sqlcheck.verify.ours import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.observe.rehearsal import Rehearsal
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next"
_COMMITTED = (
    "SELECT count(*) AS count FROM generate_series(%s::bigint, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS x WHERE pg_xact_status(x::text::xid8) = 'committed'"
)


@dataclass(frozen=True)
class SetBack:
    """A sequence that stands where it has been before: `was` and `now` are its last values."""

    sequence: str
    was: int
    now: int


class Lasting:
    """Where things stood when it was made; `sequences` False leaves those unread."""

    def __init__(self, executor: SupabaseExecutor, *, sequences: bool) -> None:
        self._executor = executor
        self._next = ask(executor, _NEXT)[0]["next"]
        self._slots = _slots(executor)
        self._positions = positions(executor.connection) if sequences else {}

    def committed(self) -> int:
        """How many transactions have been committed on the server since: none of ours, when all were rolled back."""
        return int(ask(self._executor, _COMMITTED, (self._next,))[0]["count"])

    def put_back(self) -> list[SetBack]:
        """Put sequences back where they stood; returns those that had been set to a lower number.

        One that has counted on is the usual gap: it leaves nothing that could do harm.
        """
        if not self._positions:
            return []
        connection = self._executor.connection
        now = positions(connection)
        moved = {oid: was for oid, was in self._positions.items() if oid in now and now[oid][1:] != was[1:]}
        put_back(connection, moved, moved)
        return [
            SetBack(was.name, was.last, now[oid].last) for oid, was in moved.items() if was.is_set_back(now[oid].last)
        ]

    def slots(self) -> list[str]:
        """The replication slots that were made since."""
        return sorted(_slots(self._executor) - self._slots)


def drop_slots(executor: SupabaseExecutor, names: Iterable[str]) -> None:
    """Drop replication slots."""
    for name in names:
        executor.query("SELECT pg_catalog.pg_drop_replication_slot(%s)", (name,))


def _slots(executor: SupabaseExecutor) -> frozenset[str]:
    return frozenset(row["name"] for row in ask(executor, "SELECT slot_name::text AS name FROM pg_replication_slots"))


def undone(stage: Stage, step: Step) -> list[Difference]:
    """Make the database anew as it was before UP, when another connection changed it; returns what differed."""
    now = stage.snapshot(step.before)
    found = [one for one in compare(step.before or now, now) if one.matters]
    # Rows do not show. On a server of ours nobody else commits any; on another that may have been somebody's work.
    if found or not isinstance(stage.server, str):
        stage.restorer.restore(stage.ordered.index(step.migration))
    return found


def take_back(stage: Stage, step: Step, rehearsal: Rehearsal) -> None:
    """Take back what a rehearsal of UP did elsewhere, lest UP itself find it there."""
    if not rehearsal.sights:
        return
    first, last = rehearsal.sights[0], rehearsal.sights[-1]
    if not isinstance(stage.server, str):
        drop_slots(stage.executor, last.slots - first.slots)
    if last.committed != first.committed:
        undone(stage, step)
