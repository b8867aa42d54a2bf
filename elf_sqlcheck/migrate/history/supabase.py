"""Supabase's own history, kept in step so that `supabase migration list` and the dashboard agree.

See https://supabase.com/docs/reference/cli/supabase-migration-list
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor

_OURS = re.compile(r"(\d{8})_(\d{6})")

_WRITABLE = """
SELECT true FROM pg_catalog.pg_class c
 WHERE c.oid = pg_catalog.to_regclass('supabase_migrations.schema_migrations')
   AND has_schema_privilege(c.relnamespace, 'USAGE')
   AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
   AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
   AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute
         WHERE attrelid = c.oid AND attname IN ('version', 'statements', 'name') AND NOT attisdropped) = 3
"""

#: Parts of the one statement that writes an event (see events.py).
INSERT = """, theirs AS (
INSERT INTO supabase_migrations.schema_migrations AS t (version, statements, name)
VALUES (%(their_version)s, %(their_statements)s::text[], %(their_name)s)
ON CONFLICT (version) DO UPDATE SET statements = excluded.statements, name = excluded.name
)"""
DELETE = """, theirs AS (
DELETE FROM supabase_migrations.schema_migrations WHERE version = %(their_version)s
)"""


def is_kept(executor: SupabaseExecutor) -> bool:
    """Whether the table is there, and may be written. Raises DatabaseError."""
    return bool(executor.query(_WRITABLE))


def values(migration: Migration) -> dict[str, object]:
    """Return the parameters of INSERT and DELETE."""
    return {
        "their_version": version_of(migration.version),
        "their_statements": [migration.text(statement.span) for statement in migration.up.statements],
        "their_name": migration.slug,
    }


def version_of(version: str) -> str:
    """Return the version as Supabase writes it: a timestamp without an underscore."""
    found = _OURS.fullmatch(version)
    return found[1] + found[2] if found else version
