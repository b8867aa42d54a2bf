"""What CONCURRENTLY leaves behind when it is interrupted, and how that is cleared or completed.

A CREATE INDEX CONCURRENTLY that fails leaves an INVALID index, which IF NOT EXISTS would take for the real one; REINDEX
CONCURRENTLY leaves INVALID copies, DETACH PARTITION CONCURRENTLY a partition that is half detached. See
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY,
https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY and
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from elf_sqlcheck.alone import detached, relation_name
from elf_sqlcheck.errors import MigrationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.shared.database import SupabaseExecutor

_FIND = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AS valid,
       (SELECT min(p.pid) FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS builder
  FROM pg_catalog.pg_class t
  JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.oid = pg_catalog.to_regclass(%s) AND c.relname = %s
"""

#: INVALID indexes on whose table nobody builds one now.
_INVALID = """
SELECT n.nspname AS schema, c.relname AS name, i.indrelid::pg_catalog.regclass::text AS table, t.relname AS table_name,
       pg_catalog.pg_get_indexdef(c.oid) AS definition
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisvalid
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                    WHERE p.relid = i.indrelid AND p.datname = pg_catalog.current_database())
"""
#: Of these, the copies that REINDEX CONCURRENTLY of a table, an index, a schema or all made; TOAST tables included.
_IS_COPY = r"""
   AND c.relname ~ '_cc(new|old)\d*$'
   AND (%(schema)s::text IS NULL OR n.nspname = %(schema)s
        OR i.indrelid IN (SELECT reltoastrelid FROM pg_catalog.pg_class
                           WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s)))
   AND (%(relation)s::text IS NULL
        OR i.indrelid IN (SELECT t.oid FROM pg_catalog.pg_class t WHERE t.oid = pg_catalog.to_regclass(%(relation)s)
                          UNION ALL SELECT t.reltoastrelid FROM pg_catalog.pg_class t
                           WHERE t.oid = pg_catalog.to_regclass(%(relation)s)
                          UNION ALL SELECT x.indrelid FROM pg_catalog.pg_index x
                           WHERE x.indexrelid = pg_catalog.to_regclass(%(relation)s)))
"""

#: A partition that still hangs on its table, and whether it is half detached.
_ATTACHED = """
SELECT pg_catalog.to_jsonb(h) ->> 'inhdetachpending' = 'true' AS half FROM pg_catalog.pg_inherits h
 WHERE h.inhparent = pg_catalog.to_regclass(%s) AND h.inhrelid = pg_catalog.to_regclass(%s)
"""


class InvalidIndex(NamedTuple):
    """An index that no query uses; `table` as it is written, `table_name` bare; `definition` is its CREATE INDEX."""

    schema: str
    name: str
    table: str
    table_name: str
    definition: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name} on {self.table}"


def is_concurrent_index(statement: Statement) -> bool:
    """Whether the statement is a CREATE INDEX CONCURRENTLY with a name."""
    return statement.kind == "IndexStmt" and bool(statement.node.get("concurrent") and statement.node.get("idxname"))


def clear_leftover(connection: Connection[dict[str, Any]], migration: Migration, statement: Statement) -> str:
    """Drop an INVALID index of the same name on the same table; returns what was done, "" when there was none.

    Raises:
        MigrationFailed: Another session is building that very index now.
    """
    found = _find(connection, statement)
    if found is None or found["valid"]:
        return ""
    if found["builder"] is not None:
        raise MigrationFailed(
            f"{migration.path}: the index {found['name']} is being built right now by session {found['builder']}.",
            "Wait until that session is done, then run it again.",
            span=statement.span,
            sqlstate="55006",
        )
    _drop(connection, found)
    return f"dropped the INVALID index {found['name']} that an earlier run had left behind"


def check_valid(connection: Connection[dict[str, Any]], migration: Migration, statement: Statement) -> None:
    """Make sure that the index is there and valid; raises MigrationFailed when it is not."""
    found = _find(connection, statement)
    if found is None or not found["valid"]:
        what = "is INVALID" if found else "is not on its table: another table has one of that name"
        remedy = "Run it again: the leftover is dropped and the index built anew." if found else "Choose another name."
        raise MigrationFailed(
            f"{migration.path}: after CREATE INDEX CONCURRENTLY the index {statement.node['idxname']} {what}.",
            remedy,
            span=statement.span,
            sqlstate="55000",
        )


def is_built(connection: Connection[dict[str, Any]], statement: Statement) -> bool:
    """Whether the index of CREATE INDEX CONCURRENTLY is there and valid."""
    found = _find(connection, statement)
    return found is not None and found["valid"]


def is_detached(connection: Connection[dict[str, Any]], statement: Statement) -> bool:
    """Whether the partition of DETACH PARTITION CONCURRENTLY hangs on its table no more, and is still there."""
    return _hanging(connection, statement) is None


def complete_detaching(connection: Connection[dict[str, Any]], statement: Statement) -> bool:
    """Complete a DETACH PARTITION CONCURRENTLY that got half way; returns whether there was one."""
    from psycopg import sql

    names = detached(statement)
    if names is None or not _hanging(connection, statement):
        return False
    table, partition = (sql.Identifier(*parts) for parts in names)
    connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE").format(table, partition))
    return True


def drop_copies(connection: Connection[dict[str, Any]], statement: Statement) -> str:
    """Drop what an interrupted REINDEX CONCURRENTLY of the same tables left; returns what was done, "" for nothing."""
    node = statement.node
    concurrent = any(one["DefElem"]["defname"] == "concurrently" for one in node.get("params", ()))
    if not concurrent:
        return ""
    whole = node.get("kind") in ("REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE")
    schema = node.get("name") if node.get("kind") == "REINDEX_OBJECT_SCHEMA" else None
    relation = None if whole else _quoted(connection, relation_name(node["relation"]))
    rows = connection.execute((_INVALID + _IS_COPY).encode(), {"schema": schema, "relation": relation}).fetchall()
    for row in rows:
        _drop(connection, row)
    names = ", ".join(row["name"] for row in rows)
    return f"dropped what an earlier REINDEX CONCURRENTLY had left behind: {names}" if rows else ""


def invalid_indexes(executor: SupabaseExecutor) -> list[InvalidIndex]:
    """Return the INVALID indexes that nobody is building now. Raises DatabaseError."""
    return [InvalidIndex(**row) for row in executor.query(_INVALID + " ORDER BY 1, 2")]


def drop_index(executor: SupabaseExecutor, schema: str, name: str) -> None:
    """Drop an index without keeping reads or writes waiting. Raises DatabaseError."""
    from psycopg import sql

    # It waits for all transactions that may use the index, however long they last.
    executor.query("SELECT pg_catalog.set_config('lock_timeout', '30s', false)")
    try:
        command = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(schema, name))
        executor.query(command.as_string(executor.connection))
    finally:
        executor.reset()


def _find(connection: Connection[dict[str, Any]], statement: Statement) -> dict[str, Any] | None:
    table = _quoted(connection, relation_name(statement.node["relation"]))
    return connection.execute(_FIND, (table, statement.node["idxname"])).fetchone()


def _hanging(connection: Connection[dict[str, Any]], statement: Statement) -> bool | None:
    """Whether a partition is half detached; None when it is all the way."""
    names = detached(statement)
    if names is None:
        return None
    row = connection.execute(_ATTACHED, [_quoted(connection, parts) for parts in names]).fetchone()
    return bool(row["half"]) if row else None


def _drop(connection: Connection[dict[str, Any]], found: dict[str, Any]) -> None:
    from psycopg import sql

    index = sql.Identifier(found["schema"], found["name"])
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))


def _quoted(connection: Connection[dict[str, Any]], parts: Sequence[str]) -> str:
    from psycopg import sql

    return sql.Identifier(*parts).as_string(connection)
