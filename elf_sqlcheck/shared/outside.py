"""Statements that run outside a transaction: whether one that was interrupted was carried out, and what it left.

The end of such a statement and the note of it in the history are not one: between the two the connection may be lost.
So the history says beforehand that it begins, and a rerun looks at the server. Some may simply run again; of most the
result can be seen; a procedure that commits by itself shows nothing, and then people have to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.alone import detached
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.shared import concurrently

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Statement

    Look = Callable[[Connection[dict[str, Any]], Statement], bool]

#: Running these again does no harm.
_REPEATABLE = frozenset({
    "AlterSystemStmt", "CheckPointStmt", "ClusterStmt", "DiscardStmt", "ReindexStmt", "VacuumStmt",
})  # fmt: skip
_GONE_OR_THERE = {
    "DATABASE": "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %s AND datconnlimit <> -2) AS found",
    "TABLESPACE": "SELECT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = %s) AS found",
    "SUBSCRIPTION": "SELECT EXISTS (SELECT FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d "
    "ON d.oid = s.subdbid WHERE s.subname = %s AND d.datname = pg_catalog.current_database()) AS found",
}
#: The kind of object, the key of its name, and whether the statement makes it.
_OBJECTS = {
    "CreatedbStmt": ("DATABASE", "dbname", True),
    "DropdbStmt": ("DATABASE", "dbname", False),
    "CreateTableSpaceStmt": ("TABLESPACE", "tablespacename", True),
    "DropTableSpaceStmt": ("TABLESPACE", "tablespacename", False),
    "CreateSubscriptionStmt": ("SUBSCRIPTION", "subname", True),
    "DropSubscriptionStmt": ("SUBSCRIPTION", "subname", False),
}


def may_repeat(statement: Statement) -> bool:
    """Whether a statement that was interrupted can run again, because nothing is doubled or its traces are cleared."""
    return is_repeatable(statement) or look_for(statement) is not None


def is_repeatable(statement: Statement) -> bool:
    """Whether a statement may run again in any case."""
    return statement.kind in _REPEATABLE


def look_for(statement: Statement) -> Look | None:
    """What tells on the server whether the statement was carried out, None where nothing does."""
    if concurrently.is_concurrent_index(statement):
        return concurrently.is_built
    if statement.kind == "DropStmt" and statement.node.get("concurrent"):
        return _is_dropped
    if detached(statement) is not None:
        return concurrently.is_detached
    return _is_so if statement.kind in _OBJECTS else None


def clear(connection: Connection[dict[str, Any]], migration: Migration, statement: Statement) -> str:
    """Clear away what an interrupted run of the statement left; returns what was done, "" for nothing.

    Raises:
        MigrationFailed: Another session is at the very same work now.
    """
    if concurrently.is_concurrent_index(statement):
        return concurrently.clear_leftover(connection, migration, statement)
    if statement.kind == "ReindexStmt":
        return concurrently.drop_copies(connection, statement)
    if statement.kind == "CreatedbStmt":
        return _drop_half_made(connection, statement)
    return ""


def unknown(migration: Migration, statement: Statement, number: int, mark: str) -> MigrationFailed:
    """Return the error for a statement of which nothing tells whether it was carried out.

    `mark` is the cumulative hash with which the history would say that the first `number` statements were.
    """
    line = migration.position(statement.span.start)[0]
    again = f"metadata #- '{{progress,begun}}' WHERE version = '{migration.version}'"
    done = (
        "jsonb_set(metadata, '{progress}', metadata -> 'progress' "
        f"""|| '{{"statements": {number}, "mark": "{mark}", "begun": false}}') WHERE version = '{migration.version}'"""
    )
    update = "    UPDATE public.schema_migrations SET metadata ="
    return MigrationFailed(
        f"{migration.path_at(statement.span.start)}:{line}: an earlier run was broken off while this statement ran "
        "outside a transaction, and nothing tells whether it was carried out, or how far it got.",
        f"Look at what it does. When it may run again:\n{update} {again};\n  When it was carried out:\n"
        f"{update} {done};\n  Then run it again.",
        span=statement.span,
        sqlstate="25000",
    )


def _is_so(connection: Connection[dict[str, Any]], statement: Statement) -> bool:
    kind, key, makes = _OBJECTS[statement.kind]
    row = connection.execute(_GONE_OR_THERE[kind].encode(), (statement.node[key],)).fetchone()
    return row is not None and row["found"] is makes


def _is_dropped(connection: Connection[dict[str, Any]], statement: Statement) -> bool:
    from psycopg import sql

    names = [sql.Identifier(*_parts(item)).as_string(connection) for item in statement.node["objects"]]
    query = b"SELECT pg_catalog.count(pg_catalog.to_regclass(n)) AS there FROM pg_catalog.unnest(%s::text[]) AS n"
    row = connection.execute(query, (names,)).fetchone()
    return row is not None and row["there"] == 0


def _parts(item: dict[str, Any]) -> list[str]:
    return [part["String"]["sval"] for part in item["List"]["items"]]


def _drop_half_made(connection: Connection[dict[str, Any]], statement: Statement) -> str:
    """A database whose making or dropping was interrupted cannot be used, only dropped; Postgres marks it so.

    See https://www.postgresql.org/docs/current/catalog-pg-database.html
    """
    from psycopg import sql

    name = statement.node["dbname"]
    half = "SELECT true FROM pg_catalog.pg_database WHERE datname = %s AND datconnlimit = -2"
    if not connection.execute(half, (name,)).fetchone():
        return ""
    connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
    return f"dropped the database {name}, which was left half made or half dropped"
