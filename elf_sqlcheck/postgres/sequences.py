"""Where sequences stand: a transaction that is rolled back leaves them advanced.

https://www.postgresql.org/docs/current/functions-sequence.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

    from psycopg import Connection

    #: By the identifier of the sequence: its qualified and quoted name, the last value, and whether it was handed out.
    Positions = dict[int, tuple[str, int, bool]]

#: CASE keeps Postgres from asking for the privileges on what is no sequence.
_MINE = """
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE false END
"""
_NAMED = "SELECT c.oid::int8 AS oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name"
_CALLED = f"{_NAMED}, pg_sequence_last_value(c.oid) AS last {_MINE}"
#: MATERIALIZED keeps it from calling the function with that.
_READ = """
WITH s AS MATERIALIZED (CALLED) SELECT s.oid, s.name, d.last_value AS last, d.is_called AS called
  FROM s CROSS JOIN LATERAL pg_get_sequence_data(s.oid::oid) d
""".replace("CALLED", f"{_NAMED} {_MINE}")
#: Before Postgres 18 the value of one that has not handed out any can only be read in the sequence itself.
_FRESH = "SELECT {oid}::int8 AS oid, last_value AS last, is_called AS called FROM {name}"


def positions(connection: Connection[dict[str, Any]]) -> Positions:
    """Where every sequence stands that the session may read."""
    if connection.info.server_version >= 180000:
        rows = connection.execute(_READ.encode()).fetchall()
    else:
        rows = [{**row, "called": True} for row in connection.execute(_CALLED.encode()).fetchall()]
        fresh = {row["oid"]: row for row in rows if row["last"] is None}
        if fresh:
            text = " UNION ALL ".join(_FRESH.format(**row) for row in fresh.values())
            found = connection.execute(text.encode()).fetchall()
            rows += [{**row, "name": fresh[row["oid"]]["name"]} for row in found]
    return {row["oid"]: (row["name"], row["last"], row["called"]) for row in rows if row["last"] is not None}


def put_back(connection: Connection[dict[str, Any]], before: Positions, touched: Container[int]) -> None:
    """Set those of the `touched` sequences that have moved on since to where they were."""
    for oid, (name, last, called) in before.items():
        if oid in touched:
            connection.execute("SELECT setval(%s::regclass, %s, %s)", (name, last, called))
