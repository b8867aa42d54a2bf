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
_NAME = "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
_CALLED = f"SELECT c.oid::int8 AS oid, {_NAME} AS name, pg_sequence_last_value(c.oid) AS last{_MINE}"
#: OFFSET 0 does that for the function.
_ALL = f"""
SELECT s.oid::int8 AS oid, s.name, d.last_value AS last, d.is_called AS called
  FROM (SELECT c.oid, {_NAME} AS name{_MINE} OFFSET 0) s CROSS JOIN LATERAL pg_get_sequence_data(s.oid) d
"""


def positions(connection: Connection[dict[str, Any]]) -> Positions:
    """Where every sequence stands that the session may read."""
    if connection.info.server_version >= 180000:
        rows = connection.execute(_ALL.encode()).fetchall()
    else:
        rows = [{**row, "called": True} for row in connection.execute(_CALLED.encode()).fetchall()]
        # The value of one that has not handed out any can only be read in the sequence itself.
        fresh = [row for row in rows if row["last"] is None]
        rows = [row for row in rows if row["last"] is not None]
        reads = [f"SELECT {row['oid']}::int8 AS oid, last_value AS last, is_called AS called FROM {row['name']}"
                 for row in fresh]  # fmt: skip
        if reads:
            names = {row["oid"]: row["name"] for row in fresh}
            found = connection.execute(" UNION ALL ".join(reads).encode()).fetchall()
            rows += [{**row, "name": names[row["oid"]]} for row in found]
    return {row["oid"]: (row["name"], row["last"], row["called"]) for row in rows if row["last"] is not None}


def put_back(connection: Connection[dict[str, Any]], before: Positions, touched: Container[int]) -> None:
    """Set those of the `touched` sequences that have moved on since to where they were."""
    for oid, (name, last, called) in before.items():
        if oid in touched:
            connection.execute("SELECT setval(%s::regclass, %s, %s)", (name, last, called))
