"""Which locks a session holds, and what it did to the relations under them, as Postgres itself tells.

https://www.postgresql.org/docs/current/view-pg-locks.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from json import loads
from time import monotonic
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

#: The weakest first: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
MODES = (
    "access share", "row share", "row exclusive", "share update exclusive", "share", "share row exclusive",
    "exclusive", "access exclusive",
)  # fmt: skip
#: The first object identifier that is no catalog's (FirstUnpinnedObjectId): catalogs are locked by everything. What
#: initdb makes from there on, Postgres' own views and a prepared project, is told apart by its schema.
_FIRST_OWN = 12000
_OWN = "ANY ('{pg_catalog,information_schema}'::pg_catalog.name[])"
_KINDS = {
    "r": "table", "p": "table", "i": "index", "I": "index", "v": "view", "m": "materialized view", "S": "sequence",
    "f": "foreign table",
}  # fmt: skip
_OPERATOR = re.compile(r" (=|>=|<=|-|\+) ")
_TYPE = re.compile(r"::(float8|int4|int8|text)\b")


def _qualified(query: str) -> str:
    """The query with Postgres' own operators and types: a migration decides on the search_path that it has."""
    return _TYPE.sub(r"::pg_catalog.\1", _OPERATOR.sub(r" OPERATOR(pg_catalog.\1) ", query))


#: Evaluated from left to right, so the last two are read after the locks: what this query costs is nobody's time.
_SIGHT = """
SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS elf_sight,
       pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                   l.relation::int8, l.modes, n.nspname, c.relname, pg_catalog.pg_relation_filenode(l.relation)::int8,
                   i.indrelid::int8, pg_catalog.pg_stat_get_xact_numscans(l.relation),
                   CASE WHEN c.relkind = 'S' AND 'RowExclusiveLock' = ANY (l.modes) THEN {last} END))
          FROM (SELECT relation, pg_catalog.array_agg(mode) AS modes FROM pg_catalog.pg_locks
                 WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= {first}
                 GROUP BY 1) l
          LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
          LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
         WHERE (l.relation <= {newest} OR i.indrelid <= {newest}) AND (n.nspname = {own}) IS NOT TRUE),
       {elsewhere},
       extract(epoch FROM pg_catalog.clock_timestamp())::float8,
       pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn
"""
#: Seconds after which a session has passed on its statistics (PGSTAT_STAT_INTERVAL is 500 ms).
_PASSED_ON = 1.0
#: Who moves a sequence keeps ROW EXCLUSIVE on it until the transaction ends. Before Postgres 18 only the last value can
#: be had for an identifier, and not of one that has not handed out any.
_LAST = "(SELECT d.last_value FROM pg_catalog.pg_get_sequence_data(l.relation) d)"
_LAST_BEFORE_18 = """CASE WHEN pg_catalog.has_sequence_privilege(l.relation, 'SELECT')
                        THEN pg_catalog.pg_sequence_last_value(l.relation) END"""
#: What others see by then: how many of them have committed since our transaction has its number (those of its own
#: savepoints are not committed yet), and replication slots, which no rollback takes away.
_ELSEWHERE = """pg_catalog.pg_current_xact_id(),
       (SELECT pg_catalog.count(*) FROM pg_catalog.generate_series(
                   pg_catalog.pg_current_xact_id()::text::bigint + 1,
                   pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint - 1) AS x
         WHERE pg_catalog.pg_xact_status(x::text::pg_catalog.xid8) = 'committed'),
       (SELECT pg_catalog.json_agg(slot_name) FROM pg_catalog.pg_get_replication_slots())"""
_NEWEST = b"SELECT (SELECT max(oid) FROM pg_class)::int8 AS newest"
_SCANS = """
SELECT oid::int8 AS oid, pg_stat_get_xact_numscans(oid) AS scans FROM pg_class
 WHERE relkind IN ('r', 'm', 'i') AND pg_stat_get_xact_numscans(oid) > 0
"""
_RELATIONS = """
SELECT c.oid::int8, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown,
       pg_relation_filenode(c.oid)::int8 AS node, i.indrelid::int8 AS table,
       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid) AS heir
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE (%(oids)s::oid[] IS NULL OR c.oid = ANY(%(oids)s)) AND c.oid >= %(first)s AND c.relkind = ANY(%(kinds)s)
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
_HELD = _qualified("""
SELECT relation::int8 AS oid, pg_catalog.array_agg(mode) AS modes
  FROM pg_catalog.pg_locks LEFT JOIN pg_catalog.pg_class c ON c.oid = relation
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE pid = %s::int4 AND locktype = 'relation' AND relation >= %s::pg_catalog.oid
   AND (n.nspname = ANY ('{pg_catalog,information_schema}'::pg_catalog.name[])) IS NOT TRUE
 GROUP BY 1
""")


@dataclass(frozen=True)
class Ground:
    """What a session starts from: no relation has an identifier above `newest`, and those made later mostly do;
    `scans` are counts that the server has not passed on yet, so that they would seem to be those of the transaction.
    """

    newest: int
    scans: dict[int, int]


@dataclass(frozen=True)
class Seen:
    """A locked relation at one moment: the `modes` held, its `name` now (None when it is dropped), the number of its
    file (None where it has none), the `table` of an index, and how often this transaction has read all of it.

    `last` is the last value of a sequence that this transaction has moved, where that can be told.
    """

    modes: frozenset[str]
    name: tuple[str, str] | None
    node: int | None
    table: int | None
    scans: int
    last: int | None = None


UNSEEN = Seen(frozenset(), None, None, None, 0)


@dataclass(frozen=True)
class Sight:
    """What was seen between two statements, by the relations' object identifiers.

    `begun` and `ended` are seconds, `wal_begun` and `wal_ended` bytes of WAL, when the look was begun and ended.
    `transaction` is the one in which it was taken, `committed` how many others were since that began, `slots` are the
    server's replication slots.
    """

    begun: float
    wal_begun: int
    relations: dict[int, Seen] = field(default_factory=dict)
    ended: float = 0.0
    wal_ended: int = 0
    transaction: bytes = b""
    committed: int = 0
    slots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Relation:
    """A relation as everybody else sees it: `kind` in words, `shown` its qualified and quoted name, `node` its file,
    `table` that of an index, `heir` for a partition or a child.
    """

    oid: int
    schema: str
    name: str
    kind: str
    shown: str
    node: int | None
    table: int | None
    heir: bool


@cache
def spelled(mode: str) -> str:
    """A mode in the words of the manual: AccessExclusiveLock is "access exclusive"."""
    letters = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in mode.removesuffix("Lock"))
    return letters.strip()


def strongest(modes: Iterable[str]) -> str:
    """The strongest of some modes."""
    return max(modes, key=MODES.index)


def ground(connection: Connection[dict[str, Any]]) -> Ground:
    """Return what the session starts from; to be asked before the transaction that is looked at."""
    flushes = connection.info.server_version >= 150000
    scans = {} if flushes else _pending(connection)
    with pinned(connection):
        row = connection.execute(_NEWEST + (b", pg_stat_force_next_flush()" if flushes else b"")).fetchone()
    return Ground(int(row["newest"]) if row else 0, scans)


def _pending(connection: Connection[dict[str, Any]]) -> dict[int, int]:
    """The scans that the session has not passed on yet, before 15.

    It does so by itself between two transactions, twice a second at most. What it would pass on in the middle of what
    is looked at could not be told from that, so it is waited for.
    """
    from psycopg.pq import TransactionStatus

    deadline = monotonic() + _PASSED_ON
    while True:
        scans = {row["oid"]: row["scans"] for row in connection.execute(_SCANS).fetchall()}
        is_idle = connection.info.transaction_status == TransactionStatus.IDLE
        if not is_idle or monotonic() > deadline or all(oid < _FIRST_OWN for oid in scans):
            return scans
        connection.execute("SELECT pg_sleep(0.02)")


def sight_of(newest: int, version: int) -> bytes:
    """The query with which a session takes a look at what it holds, and did in its transaction.

    Relations younger than `newest` are left out, but for indexes on older tables. A migration may create thousands.
    `version` is the server's, as libpq counts.
    """
    last = _LAST if version >= 180000 else _LAST_BEFORE_18
    query = _SIGHT.format(first=_FIRST_OWN, newest=newest, own=_OWN, last=last, elsewhere=_ELSEWHERE)
    return _qualified(query).encode()


def read_sight(result: PGresult) -> Sight | None:
    """The answer to `sight_of`; None for that to another query."""
    if result.ntuples != 1 or result.fname(0) != b"elf_sight":
        return None
    values = (result.get_value(0, column) or b"" for column in range(8))
    begun, wal_begun, relations, transaction, committed, slots, ended, wal_ended = values
    seen = {
        oid: Seen(frozenset(map(spelled, modes)), (schema, name) if name else None, *rest)
        for oid, modes, schema, name, *rest in loads(relations.decode("utf-8", "replace") or "[]")
    }
    names = frozenset(loads(slots or "[]"))
    return Sight(float(begun), int(wal_begun), seen, float(ended), int(wal_ended), transaction, int(committed), names)


def relations(connection: Connection[dict[str, Any]], oids: Iterable[int] | None = None) -> dict[int, Relation]:
    """The relations that are there, by identifier, or those among `oids`; nothing of Postgres' own, no TOAST."""
    values = {"oids": None if oids is None else list(oids), "first": _FIRST_OWN, "kinds": list(_KINDS)}
    with pinned(connection):
        rows = connection.execute(_RELATIONS, values).fetchall()
    return {row["oid"]: Relation(**{**row, "kind": _KINDS[row["kind"]]}) for row in rows}


def held_by(connection: Connection[dict[str, Any]], pid: int) -> dict[int, frozenset[str]]:
    """The modes in which another session holds relations, or waits to hold them, by identifier."""
    rows = connection.execute(_HELD, (pid, _FIRST_OWN), prepare=True).fetchall()
    return {row["oid"]: frozenset(map(spelled, row["modes"])) for row in rows}


def written(connection: Connection[dict[str, Any]]) -> int:
    """How many bytes of WAL the server has written since it was made."""
    with pinned(connection):
        row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::int8 AS bytes").fetchone()
    return int(row["bytes"]) if row else 0
