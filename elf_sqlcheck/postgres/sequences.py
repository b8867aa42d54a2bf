"""Where sequences stand: a transaction that is rolled back leaves them advanced.

https://www.postgresql.org/docs/current/functions-sequence.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from elf_sqlcheck.postgres.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Container

    from psycopg import Connection

    #: By the identifier of the sequence.
    Positions = dict[int, "Position"]


class Position(NamedTuple):
    """Where a sequence stands: its qualified and quoted `name`, the `last` value, and whether that was `called` for.

    `rising` is False for one that counts down.
    """

    name: str
    last: int
    called: bool
    rising: bool

    def is_set_back(self, last: int) -> bool:
        """Whether numbers that were given out before are given out again, when `last` is the last value now."""
        return last != self.last and (last < self.last) == self.rising


#: CASE keeps Postgres from asking for the privileges on what is no sequence.
_MINE = """
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON q.seqrelid = c.oid
 WHERE CASE WHEN c.relkind = 'S' AND c.relpersistence <> 't'
       THEN has_sequence_privilege(c.oid, 'SELECT') AND has_sequence_privilege(c.oid, 'UPDATE') ELSE false END
"""
_NAMED = (
    "SELECT c.oid::int8 AS oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, "
    "q.seqincrement > 0 AS rising"
)
_CALLED = f"{_NAMED}, pg_sequence_last_value(c.oid) AS last {_MINE}"
#: MATERIALIZED keeps it from calling the function with that.
_READ = """
WITH s AS MATERIALIZED (CALLED) SELECT s.oid, s.name, s.rising, d.last_value AS last, d.is_called AS called
  FROM s CROSS JOIN LATERAL pg_get_sequence_data(s.oid::oid) d
""".replace("CALLED", f"{_NAMED} {_MINE}")
#: Before Postgres 18 the value of one that has not handed out any can only be read in the sequence itself.
_FRESH = "SELECT {oid}::int8 AS oid, {rising}::boolean AS rising, last_value AS last, is_called AS called FROM {name}"
_SET = "SELECT pg_catalog.setval(%s::pg_catalog.regclass, %s::pg_catalog.int8, %s::pg_catalog.bool)"
#: No function of Postgres' own has an identifier as high (FirstNormalObjectId).
_MOVED = "SELECT FROM pg_proc WHERE oid >= 16384 AND (prosrc ~* 'nextval|setval' OR prosqlbody IS NOT NULL) LIMIT 1"


def positions(connection: Connection[dict[str, Any]]) -> Positions:
    """Where every sequence stands that the session may read and set; those of sessions (TEMP) are left out."""
    with pinned(connection):
        return _positions(connection)


def _positions(connection: Connection[dict[str, Any]]) -> Positions:
    if connection.info.server_version >= 180000:
        rows = connection.execute(_READ.encode()).fetchall()
    else:
        rows = [{**row, "called": True} for row in connection.execute(_CALLED.encode()).fetchall()]
        fresh = {row["oid"]: row for row in rows if row["last"] is None}
        if fresh:
            text = " UNION ALL ".join(_FRESH.format(**row) for row in fresh.values())
            found = connection.execute(text.encode()).fetchall()
            rows += [{**row, "name": fresh[row["oid"]]["name"]} for row in found]
    return {
        row["oid"]: Position(row["name"], row["last"], row["called"], row["rising"])
        for row in rows
        if row["last"] is not None
    }


def functions_move_them(connection: Connection[dict[str, Any]]) -> bool:
    """Whether there are functions that may move sequences: triggers, defaults and expressions of indexes call them."""
    with pinned(connection):
        return connection.execute(_MOVED).fetchone() is not None


def put_back(connection: Connection[dict[str, Any]], before: Positions, touched: Container[int]) -> None:
    """Set those of the `touched` sequences that have moved on since to where they were."""
    for oid, position in before.items():
        if oid in touched:
            connection.execute(_SET, position[:3])
