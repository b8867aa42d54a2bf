"""CREATE INDEX CONCURRENTLY: a run that fails leaves an INVALID index, which IF NOT EXISTS would take for the real one.

See https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import MigrationFailed

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Statement

_FIND = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AS valid,
       (SELECT min(p.pid) FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS builder
  FROM pg_class t
  JOIN pg_index i ON i.indrelid = t.oid
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.oid = to_regclass(%s) AND c.relname = %s
"""


def is_concurrent_index(statement: Statement) -> bool:
    """Whether the statement is a CREATE INDEX CONCURRENTLY with a name."""
    return statement.kind == "IndexStmt" and bool(statement.node.get("concurrent") and statement.node.get("idxname"))


def clear_leftover(connection: Connection[dict[str, Any]], migration: Migration, statement: Statement) -> str:
    """Drop an INVALID index of the same name on the same table; returns what was done, "" when there was none.

    Raises:
        MigrationFailed: Another session is building that very index now.
    """
    from psycopg import sql

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
    index = sql.Identifier(found["schema"], found["name"])
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))
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


def _find(connection: Connection[dict[str, Any]], statement: Statement) -> dict[str, Any] | None:
    from psycopg import sql

    relation = statement.node["relation"]
    names = [relation[part] for part in ("schemaname", "relname") if relation.get(part)]
    table = sql.Identifier(*names).as_string(connection)
    return connection.execute(_FIND, (table, statement.node["idxname"])).fetchone()
