"""The session of an application that uses the tables while a migration runs: what it asks, and what has to wait."""

# ruff: noqa: S608 - the names come quoted from the server

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.pinned import pinned

if TYPE_CHECKING:
    from psycopg import Connection

#: How long a query of the application waits for a lock, in milliseconds.
PATIENCE = 100
#: The reading one. It only waits for ACCESS EXCLUSIVE, for which everything else waits, too.
READ = "SELECT"

#: Relations that an application reads, with the columns that it can write; those of Postgres itself are left out.
_RELATIONS = """
SELECT c.oid::int8 AS oid, n.nspname || '.' || c.relname AS name, format('%I.%I', n.nspname, c.relname) AS quoted,
    c.relkind IN ('r', 'p') AS writable,
    coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''), '{}') AS columns,
    min(quote_ident(a.attname)) FILTER (WHERE a.attgenerated = '' AND a.attidentity <> 'a') AS settable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
GROUP BY c.oid, n.nspname
"""
#: ACCESS SHARE, which every reader takes, keeps nobody waiting but those who drop or rewrite the table.
_LOCKED = """
SELECT DISTINCT relation::int8 AS oid FROM pg_locks
WHERE pid = %s AND locktype = 'relation' AND granted AND mode <> 'AccessShareLock'
"""


@dataclass(frozen=True)
class Relation:
    """A relation and the queries that an application has for it, by their kind ("SELECT", "INSERT", …)."""

    name: str
    queries: dict[str, str]


@dataclass(frozen=True)
class Wait:
    """A kind of query that gave up on a relation, after `ms` milliseconds."""

    relation: str
    kind: str
    ms: float


class Session:
    """One session of an application, with the relations that were there when it began.

    What it writes is rolled back at once; each of its transactions is one query that waits for at most PATIENCE.
    """

    def __init__(self, connection: Connection[dict[str, Any]]) -> None:
        self._connection = connection
        self._connection.execute(f"SET lock_timeout = {PATIENCE}; SET statement_timeout = '5s'")
        with pinned(connection):
            self._relations = {row["oid"]: _relation(row) for row in connection.execute(_RELATIONS).fetchall()}

    def waits(self, pid: int, known: set[tuple[str, str]]) -> list[Wait]:
        """Return which queries have to wait for the session `pid`, but for the `known` (relation, kind), and add them.

        Only relations on which that session holds a lock are tried.
        """
        found: list[Wait] = []
        with pinned(self._connection):
            locked = self._connection.execute(_LOCKED, (pid,)).fetchall()
        for row in locked:
            relation = self._relations.get(row["oid"])
            for kind, query in relation.queries.items() if relation else ():
                if relation is None or (relation.name, kind) in known:
                    continue
                started = time.perf_counter()
                if self._is_blocked(query):
                    ms = (time.perf_counter() - started) * 1000
                    kinds = relation.queries if kind == READ else (kind,)
                    found += [Wait(relation.name, one, ms) for one in kinds if (relation.name, one) not in known]
                    known.update((relation.name, one) for one in kinds)
        return found

    def _is_blocked(self, query: str) -> bool:
        import psycopg
        from psycopg.pq import TransactionStatus

        try:
            self._connection.execute(f"BEGIN; {query}; ROLLBACK".encode())
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            return True
        except psycopg.Error:
            # Refused, such as by a trigger of the table's own, is not kept waiting.
            return False
        finally:
            if self._connection.info.transaction_status == TransactionStatus.INERROR:
                self._connection.execute("ROLLBACK")
        return False


def _relation(row: dict[str, Any]) -> Relation:
    table, columns = row["quoted"], ", ".join(row["columns"])
    queries = {READ: f"SELECT * FROM {table} LIMIT 1"}
    if row["writable"]:
        one = f"ctid = (SELECT ctid FROM {table} LIMIT 1)"
        if columns:
            # No row: one that is there already would wait for whoever changes it, which a new one does not.
            queries["INSERT"] = (
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {table} LIMIT 0"
            )
        if row["settable"]:
            queries["UPDATE"] = f"UPDATE {table} SET {row['settable']} = {row['settable']} WHERE {one}"
        queries["DELETE"] = f"DELETE FROM {table} WHERE {one}"
        queries["SELECT … FOR UPDATE"] = f"SELECT 1 FROM {table} LIMIT 1 FOR UPDATE"
    return Relation(row["name"], queries)
