"""Our own questions to the database of a verification, which nothing that a migration left there can answer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.pinned import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: Names are looked up as a migration would; all else is qualified.
_OIDS = """
SELECT name, pg_catalog.{function}(name)::pg_catalog.oid::pg_catalog.int8 AS oid
FROM pg_catalog.unnest(%s::pg_catalog.text[]) AS name
"""
_RELATIONS = _OIDS.format(function="to_regclass")
_TYPES = _OIDS.format(function="to_regtype")


def ask(executor: SupabaseExecutor, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
    """Ask in the session of migrations, for reading only, with names that mean what Postgres says (see `pinned`).

    Raises DatabaseError.
    """
    import psycopg

    try:
        with pinned(executor.connection):
            return executor.query(sql, params)
    except psycopg.Error as error:
        raise executor.refused(error) from None


def relations(executor: SupabaseExecutor, names: Iterable[str]) -> dict[str, int]:
    """The oids of those of the relations that are there, by the names that SQL finds them by. Raises DatabaseError."""
    return _found(executor, _RELATIONS, names)


def types(executor: SupabaseExecutor, names: Iterable[str]) -> dict[str, int]:
    """The same for types."""
    return _found(executor, _TYPES, names)


def _found(executor: SupabaseExecutor, query: str, names: Iterable[str]) -> dict[str, int]:
    listed = list(names)
    rows = executor.query(query, (listed,)) if listed else []
    return {row["name"]: row["oid"] for row in rows if row["oid"] is not None}
