"""INVALID indexes that our migrations have left behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.changes import CreateIndex
from elf_sqlcheck.catalog.read import read_section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: An index of a partitioned table (relkind I) is INVALID until each partition has one, and no leftover.
_INVALID = """
SELECT n.nspname AS schema, c.relname AS name, tn.nspname AS table_schema, t.relname AS table,
       pg_catalog.pg_get_indexdef(c.oid) AS definition
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
 WHERE NOT i.indisvalid
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                    WHERE p.relid = i.indrelid AND p.datname = pg_catalog.current_database())
 ORDER BY 1, 2
"""
#: REINDEX CONCURRENTLY: https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY
_COPY = re.compile(r"_cc(?:new|old)\d*\Z")
#: Dropping waits for all transactions that may use the index, however long they last.
_PATIENCE = "30s"


@dataclass(frozen=True)
class Leftover:
    """An INVALID index; `definition` makes it anew; `version` is that of the migration that makes it, "" for none."""

    schema: str
    bare: str
    table: str
    definition: str
    version: str = ""

    @property
    def name(self) -> str:
        """Its name, with its schema."""
        return f"{self.schema}.{self.bare}"

    @property
    def is_copy(self) -> bool:
        """Whether REINDEX made it beside the real one."""
        return bool(_COPY.search(self.bare))

    def drop(self, executor: SupabaseExecutor) -> None:
        """Drop it, without keeping reads or writes waiting. Raises DatabaseError."""
        from psycopg import sql

        command = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(self.schema, self.bare))
        executor.query("SELECT pg_catalog.set_config('lock_timeout', %s, false)", (_PATIENCE,))
        try:
            executor.query(command.as_string(executor.connection))
        finally:
            executor.reset()


def leftovers(executor: SupabaseExecutor, migrations: Iterable[Migration]) -> list[Leftover]:
    """Return the INVALID indexes that nobody is building now, each with the migration that makes it.

    Raises:
        DatabaseError: The server refused.
    """
    rows = executor.query(_INVALID)
    makers = _makers(migrations) if rows else {}
    return [
        Leftover(
            row["schema"],
            row["name"],
            f"{row['table_schema']}.{row['table']}",
            row["definition"].replace(" INDEX ", " INDEX CONCURRENTLY ", 1) + ";",
            makers.get((_COPY.sub("", row["name"]), row["table"]), ""),
        )
        for row in rows
    ]


def _makers(migrations: Iterable[Migration]) -> dict[tuple[str, str], str]:
    """The version that makes an index last, by the names of the index and its table."""
    return {
        (change.name, change.table.name): migration.version
        for migration in migrations
        for change in read_section(migration.up, migration.data)
        if isinstance(change, CreateIndex) and change.name
    }
