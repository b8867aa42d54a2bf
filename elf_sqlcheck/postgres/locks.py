"""Which locks a session holds, and what it did to the relations under them, as Postgres itself tells.

https://www.postgresql.org/docs/current/view-pg-locks.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from json import loads
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection
    from psycopg.pq.abc import PGresult

#: The weakest first: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
MODES = (
    "access share", "row share", "row exclusive", "share update exclusive", "share", "share row exclusive",
    "exclusive", "access exclusive",
)  # fmt: skip
#: The first object identifier that is not Postgres' own: catalogs are locked by everything.
_FIRST_OWN = 16384
_KINDS = {
    "r": "table", "p": "table", "i": "index", "I": "index", "v": "view", "m": "materialized view", "S": "sequence",
    "f": "foreign table",
}  # fmt: skip
#: Evaluated from left to right, so the last two are read after the locks: what this query costs is nobody's time.
_SIGHT = """
SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS elf_sight,
       pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                   l.relation::int8, l.modes, n.nspname, c.relname, pg_catalog.pg_relation_filenode(l.relation)::int8,
                   i.indrelid::int8, pg_catalog.pg_stat_get_xact_numscans(l.relation)))
          FROM (SELECT relation, pg_catalog.array_agg(mode) AS modes FROM pg_catalog.pg_locks
                 WHERE pid = {pid} AND locktype = 'relation' AND granted AND relation >= {first} GROUP BY 1) l
          LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
          LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
         WHERE l.relation <= {newest} OR i.indrelid <= {newest}),
       extract(epoch FROM pg_catalog.clock_timestamp())::float8,
       pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn
"""
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
 WHERE c.oid = ANY(%s) AND c.relkind <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


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
    """

    modes: frozenset[str]
    name: tuple[str, str] | None
    node: int | None
    table: int | None
    scans: int


@dataclass(frozen=True)
class Sight:
    """What was seen between two statements, by the relations' object identifiers.

    `begun` and `ended` are seconds, `wal_begun` and `wal_ended` bytes of WAL, when the look was begun and ended.
    """

    begun: float
    wal_begun: int
    relations: dict[int, Seen] = field(default_factory=dict)
    ended: float = 0.0
    wal_ended: int = 0


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
    if connection.info.server_version >= 150000:
        connection.execute("SELECT pg_stat_force_next_flush()")
        scans = {}
    else:
        scans = {row["oid"]: row["scans"] for row in connection.execute(_SCANS).fetchall()}
    row = connection.execute("SELECT max(oid)::int8 AS newest FROM pg_class").fetchone()
    return Ground(int(row["newest"]) if row else 0, scans)


def sight_of(newest: int, pid: int | None = None) -> bytes:
    """The query that takes a look at what a session (by default the one that asks) holds, and did in its transaction.

    Relations younger than `newest` are left out, but for indexes on older tables. A migration may create thousands.
    """
    asked = "pg_catalog.pg_backend_pid()" if pid is None else str(pid)
    return _SIGHT.format(pid=asked, first=_FIRST_OWN, newest=newest).encode()


def read_sight(result: PGresult) -> Sight | None:
    """The answer to `sight_of`; None for that to another query."""
    if result.ntuples != 1 or result.fname(0) != b"elf_sight":
        return None
    begun, wal_begun, relations, ended, wal_ended = (result.get_value(0, column) or b"" for column in range(5))
    seen = {
        oid: Seen(frozenset(map(spelled, modes)), (schema, name) if name else None, node, table, scans)
        for oid, modes, schema, name, node, table, scans in loads(relations.decode("utf-8", "replace") or "[]")
    }
    return Sight(float(begun), int(wal_begun), seen, float(ended), int(wal_ended))


def relations(connection: Connection[dict[str, Any]], oids: Iterable[int]) -> dict[int, Relation]:
    """Those of the relations that are there, by identifier; nothing of Postgres' own, no TOAST."""
    rows = connection.execute(_RELATIONS, (list(oids),)).fetchall()
    return {row["oid"]: Relation(**{**row, "kind": _KINDS[row["kind"]]}) for row in rows if row["kind"] in _KINDS}
