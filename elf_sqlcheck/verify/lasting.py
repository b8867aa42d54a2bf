"""What no rollback takes back: what other connections committed meanwhile, and where sequences stand.

Sequences count on whatever becomes of the transaction (https://www.postgresql.org/docs/current/functions-sequence.html),
and what a statement does through a connection of its own (dblink) is committed there.
"""

# ruff: noqa: S608 - put together from constants of this module only

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.shared.database import SupabaseExecutor

    #: Where a sequence stands: its last value, and whether that has been given out.
    Place = tuple[int, bool]

_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next"
_COMMITTED = (
    "SELECT count(*) AS count FROM generate_series(%s::bigint, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS x WHERE pg_xact_status(x::text::xid8) = 'committed'"
)
_OURS = "has_sequence_privilege(s.seqrelid, 'SELECT') AND has_sequence_privilege(s.seqrelid, 'UPDATE')"
# Since 18 one function tells it; before, each sequence has to be asked as a table.
_SEQUENCES = f"""
SELECT c.oid::regclass::text AS name, s.seqincrement > 0 AS rising, d.last_value, d.is_called
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid, LATERAL pg_get_sequence_data(c.oid) d
WHERE c.relpersistence <> 't' AND {_OURS}
"""
_ASKING = f"""
SELECT string_agg(format('SELECT %L AS name, %L::boolean AS rising, last_value, is_called FROM %s',
       c.oid::regclass::text, s.seqincrement > 0, c.oid::regclass::text), ' UNION ALL ') AS text
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
WHERE c.relpersistence <> 't' AND {_OURS}
"""


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
        self._next = executor.query(_NEXT)[0]["next"]
        self._sequences = self._read() if sequences else {}

    def committed(self) -> int:
        """How many transactions have been committed on the server since: none of ours, when all were rolled back."""
        return int(self._executor.query(_COMMITTED, (self._next,))[0]["count"])

    def put_back(self) -> list[SetBack]:
        """Put sequences back where they stood; returns those that had been set to a lower number.

        One that has counted on is the usual gap: it leaves nothing that could do harm.
        """
        if not self._sequences:
            return []
        found: list[SetBack] = []
        now = self._read()
        for name, (rising, was) in self._sequences.items():
            place = now[name][1] if name in now else was
            if place == was:
                continue
            if (place < was) == rising:
                found.append(SetBack(name, was[0], place[0]))
            self._executor.query("SELECT setval(%s::regclass, %s, %s)", (name, *was))
        return found

    def _read(self) -> Mapping[str, tuple[bool, Place]]:
        query = _SEQUENCES
        if self._executor.connection.info.server_version < 180000:
            query = self._executor.query(_ASKING)[0]["text"] or ""
        rows = self._executor.query(query) if query else []
        return {row["name"]: (row["rising"], (row["last_value"], row["is_called"])) for row in rows}
