"""The tracking tables: `schema_migrations` says how each migration stands, `migration_history` what was ever done.

Both live in `public`, because people query them by their bare names, with row level security on and nothing granted
to the roles of the API. Tables that an older elf-migrate made are adopted as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.migrate.checksum import KIND, checksum

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from elf_sqlcheck.errors import DatabaseError
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import SupabaseExecutor

_CREATE = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    version text CONSTRAINT schema_migrations_pkey PRIMARY KEY,
    name text NOT NULL,
    description text,
    checksum text,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT schema_migrations_status_known
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'rolled_back', 'skipped')),
    executed_at timestamptz,
    execution_time_ms integer,
    error text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS public.migration_history (
    id uuid DEFAULT gen_random_uuid() CONSTRAINT migration_history_pkey PRIMARY KEY,
    version text NOT NULL CONSTRAINT migration_history_version_fkey REFERENCES public.schema_migrations (version),
    action text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    success boolean,
    details jsonb NOT NULL DEFAULT '{}'
);
ALTER TABLE public.schema_migrations ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS checksum text, ADD COLUMN IF NOT EXISTS executed_at timestamptz,
    ADD COLUMN IF NOT EXISTS execution_time_ms integer, ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS metadata jsonb DEFAULT '{}';
ALTER TABLE public.migration_history ADD COLUMN IF NOT EXISTS completed_at timestamptz,
    ADD COLUMN IF NOT EXISTS success boolean, ADD COLUMN IF NOT EXISTS details jsonb DEFAULT '{}';
CREATE INDEX IF NOT EXISTS idx_migration_history_version ON public.migration_history (version);
ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.migration_history ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    who text;
BEGIN
    REVOKE ALL ON public.schema_migrations, public.migration_history FROM PUBLIC;
    FOR who IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON public.schema_migrations, public.migration_history FROM %I', who);
    END LOOP;
END $$;
"""

#: Asked first, so that an `up` without work takes no lock on the tables.
_IS_COMPLETE = """
SELECT count(*) = 2 AND coalesce(bool_and(c.relrowsecurity), false) AND coalesce(sum(a.columns), 0) >= 17 AS complete
  FROM pg_class c
  JOIN LATERAL (SELECT count(*) AS columns FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                   AND attname IN ('version', 'name', 'description', 'checksum', 'status', 'executed_at',
                                   'execution_time_ms', 'error', 'metadata', 'created_at', 'id', 'action',
                                   'started_at', 'completed_at', 'success', 'details')) a ON true
 WHERE c.oid IN (to_regclass('public.schema_migrations'), to_regclass('public.migration_history'))
"""

_UPSERT = """
INSERT INTO public.schema_migrations AS m
       (version, name, description, checksum, status, executed_at, execution_time_ms, error, metadata)
VALUES (%(version)s, %(name)s, %(description)s, %(checksum)s, %(status)s, clock_timestamp(), %(ms)s, %(error)s,
        %(metadata)s::jsonb)
ON CONFLICT (version) DO UPDATE
   SET name = excluded.name, description = excluded.description, checksum = excluded.checksum,
       status = excluded.status, executed_at = excluded.executed_at, execution_time_ms = excluded.execution_time_ms,
       error = excluded.error, metadata = coalesce(m.metadata, '{}') - 'progress' || excluded.metadata
"""

_LOG = """
INSERT INTO public.migration_history (version, action, started_at, completed_at, success, details)
VALUES (%(version)s, %(action)s, clock_timestamp() - make_interval(secs => %(ms)s / 1000.0), clock_timestamp(),
        %(success)s, %(details)s::jsonb || jsonb_build_object('user', session_user))
"""


def by_hand(version: str, status: str) -> str:
    """Return the statement with which people set a status themselves."""
    return f"UPDATE schema_migrations SET status = '{status}' WHERE version = '{version}';"  # noqa: S608 - only shown


@dataclass(frozen=True)
class Progress:
    """How far a section got that runs in more than one piece: its first `statements`, whose hash is `mark`."""

    section: str
    statements: int
    mark: str


@dataclass(frozen=True)
class State:
    """How the database says that a migration stands; one row of schema_migrations."""

    version: str
    name: str
    status: str
    checksum: str
    down_checksum: str
    executed_at: datetime | None
    ms: int | None
    error: str
    is_ours: bool
    progress: Progress | None

    def changed(self, migration: Migration) -> bool:
        """Whether the UP section is another one than the one that was executed."""
        return self.is_ours and bool(self.checksum) and self.checksum != checksum(migration, migration.up)

    def down_changed(self, migration: Migration) -> bool:
        """Whether the DOWN section is another one than when UP was executed; that is allowed."""
        return self.is_ours and self.down_checksum != checksum(migration, migration.down)


class History:
    """Reads and writes the tracking tables over an executor's connection."""

    def __init__(self, executor: SupabaseExecutor) -> None:
        self._executor = executor

    def prepare(self) -> None:
        """Make the tables, or complete those of an older elf-migrate; safe to repeat.

        Raises:
            UsageError: The tables belong to another tool.
            DatabaseError: The server refused.
        """
        self._check_owner()
        if not self._executor.query(_IS_COMPLETE)[0]["complete"]:
            self._executor.query(_CREATE)

    def read(self) -> dict[str, State]:
        """Return the state of each version that the database knows; changes nothing, and {} when there are no tables.

        Raises:
            UsageError: The tables belong to another tool, or this user does not see all of their rows.
            DatabaseError: The server refused.
        """
        if not self._check_owner():
            return {}
        # Where row level security applies, a SELECT is not refused but empty: everything would run again.
        seen = self._executor.query(
            "SELECT row_security_active('public.schema_migrations') AS hidden, current_user AS who"
        )
        if seen[0]["hidden"]:
            raise UsageError(
                f"Row level security hides the rows of schema_migrations from the user {seen[0]['who']}, so what has "
                "been run cannot be known.",
                "Connect as the user that owns the table.",
            )
        # As one JSON value, so that columns which an older table lacks are simply absent.
        rows = self._executor.query("SELECT to_jsonb(m) AS row, m.executed_at FROM public.schema_migrations m")
        return {row["row"]["version"]: _state(row["row"], row["executed_at"]) for row in rows}

    def done(self, connection: Connection[dict[str, Any]], migration: Migration, section: Section, ms: float) -> None:
        """Write that a section was carried out; part of the transaction that the connection is in."""
        status = "completed" if section.name == "up" else "rolled_back"
        connection.execute(_UPSERT, _row(migration, status, ms))
        connection.execute(_LOG, _entry(migration, section, ms, success=True))

    def failed(self, migration: Migration, section: Section, ms: float, error: DatabaseError) -> None:
        """Write that a section failed. A DOWN that fails leaves the migration as applied as it was."""
        entry = _entry(migration, section, ms, success=False, error=error.message)
        if section.name == "up":
            row = _row(migration, "failed", ms, error.message)
            self._executor.query(_UPSERT.replace(" - 'progress'", ""), row)
        self._executor.query(_LOG, entry)

    def reached(self, migration: Migration, section: Section, statements: int, mark: str) -> None:
        """Write how far a section got that runs in more than one piece."""
        if section.name == "up" and statements == 0:
            self._executor.query(_UPSERT, _row(migration, "running", 0))
        progress = json.dumps({"progress": {"section": section.name, "statements": statements, "mark": mark}})
        self._executor.query(
            "UPDATE public.schema_migrations SET metadata = coalesce(metadata, '{}') || %s::jsonb WHERE version = %s",
            (progress, migration.version),
        )

    def adopt(self, migration: Migration) -> None:
        """Write that a migration counts as applied without having been run: what it makes was there before."""
        self._executor.query(_UPSERT, _row(migration, "completed", 0))
        entry = _entry(migration, migration.up, 0, success=True)
        self._executor.query(_LOG, {**entry, "action": "adopt"})

    def accept(self, migration: Migration) -> None:
        """Replace a checksum that an older elf-migrate made by ours."""
        self._executor.query(
            "UPDATE public.schema_migrations SET checksum = %s, metadata = coalesce(metadata, '{}') || %s::jsonb "
            "WHERE version = %s",
            (checksum(migration, migration.up), _metadata(migration), migration.version),
        )

    def _check_owner(self) -> bool:
        """Whether schema_migrations is there and ours; many tools use that name."""
        columns = {
            row["attname"]
            for row in self._executor.query(
                "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('public.schema_migrations') "
                "AND attnum > 0 AND NOT attisdropped"
            )
        }
        if columns and not {"version", "name", "status"} <= columns:
            raise UsageError(
                f"The table public.schema_migrations is another tool's: it has only {', '.join(sorted(columns))}.",
                "Rename that table, or use another database for elf-migrate.",
            )
        return bool(columns)


def _state(row: dict[str, Any], executed_at: datetime | None) -> State:
    metadata = row.get("metadata") or {}
    progress = metadata.get("progress")
    return State(
        version=row["version"],
        name=row["name"],
        status=row["status"],
        checksum=row.get("checksum") or "",
        down_checksum=metadata.get("down_checksum") or "",
        executed_at=executed_at,
        ms=row.get("execution_time_ms"),
        error=row.get("error") or "",
        is_ours=metadata.get("checksum") == KIND,
        progress=Progress(progress["section"], progress["statements"], progress["mark"]) if progress else None,
    )


def _metadata(migration: Migration) -> str:
    return json.dumps({"checksum": KIND, "down_checksum": checksum(migration, migration.down), "tool": "elf-migrate"})


def _row(migration: Migration, status: str, ms: float, error: str | None = None) -> dict[str, Any]:
    return {
        "version": migration.version,
        "name": migration.name,
        "description": migration.description or migration.title,
        "checksum": checksum(migration, migration.up),
        "status": status,
        "ms": round(ms),
        "error": error,
        "metadata": _metadata(migration),
    }


def _entry(
    migration: Migration, section: Section, ms: float, *, success: bool, error: str | None = None
) -> dict[str, Any]:
    details = {"name": migration.name, "checksum": checksum(migration, section), "execution_time_ms": round(ms)}
    if error:
        details["error"] = error
    return {
        "version": migration.version,
        "action": section.name,
        "ms": ms,
        "success": success,
        "details": json.dumps(details),
    }
