"""Roles that migrations name but do not make: a server of ours lacks them until they are created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

#: Not roles, but words that stand for one or for all. https://www.postgresql.org/docs/current/sql-grant.html
_WORDS = frozenset({"public", "none", "current_user", "current_role", "session_user"})


def create_roles(connection: psycopg.Connection[Any], names: Iterable[str]) -> list[str]:
    """Create those of `names` (spelt as in the catalogs, unquoted) that do not exist; returns those created, sorted.

    They cannot log in and own nothing. Roles belong to the whole server, not to the database. Reserved names (`pg_…`)
    are left out. Raises psycopg.Error when the connection may not create roles.
    """
    from psycopg import sql
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        existing = {name for (name,) in cursor.execute("SELECT rolname FROM pg_catalog.pg_roles")}
        missing = sorted(
            name for name in set(names) - existing if name.lower() not in _WORDS and not name.startswith("pg_")
        )
        for name in missing:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    return missing


def hand_over(connection: psycopg.Connection[Any], names: Iterable[str]) -> None:
    """Let `postgres`, who is no superuser in the stand-in for Supabase, deal with roles that others have made."""
    from psycopg import sql

    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    connection.execute(sql.SQL("GRANT {} TO postgres WITH ADMIN OPTION").format(listed))


def may_pass_over_triggers(connection: psycopg.Connection[Any]) -> bool:
    """Whether the session may set session_replication_role: a superuser may, and since 15 whom one has granted it.

    https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SESSION-REPLICATION-ROLE
    """
    from psycopg.rows import tuple_row

    if connection.info.parameter_status("is_superuser") == "on" or connection.info.server_version < 150000:
        return connection.info.parameter_status("is_superuser") == "on"
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET')")
        row = cursor.fetchone()
    return row is not None and bool(row[0])
