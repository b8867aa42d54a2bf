"""The tracking tables themselves: making them, and completing those of an older elf-migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: What the tables say of themselves once they are complete; another number when they have to be completed anew.
_MARK = "elf-migrate tracks migrations here (format 2)"

#: Keys have no name here, so that Postgres finds one: a table of another tool that was renamed still has its old ones.
_CREATE = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    version text PRIMARY KEY,
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
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE TABLE IF NOT EXISTS public.migration_history (
    id uuid DEFAULT pg_catalog.gen_random_uuid() PRIMARY KEY,
    version text NOT NULL CONSTRAINT migration_history_version_fkey REFERENCES public.schema_migrations (version),
    action text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    completed_at timestamptz,
    success boolean,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS public.migration_texts (
    version text NOT NULL,
    digest text NOT NULL,
    sql text NOT NULL,
    facts jsonb NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (version, digest)
);
"""

#: What an older elf-migrate lacks, or has narrower. Its times are without a zone, and meant as UTC.
_COMPLETE = """
ALTER TABLE public.schema_migrations ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS checksum text, ADD COLUMN IF NOT EXISTS executed_at timestamptz,
    ADD COLUMN IF NOT EXISTS execution_time_ms integer, ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS metadata jsonb DEFAULT '{}';
ALTER TABLE public.migration_history ADD COLUMN IF NOT EXISTS completed_at timestamptz,
    ADD COLUMN IF NOT EXISTS success boolean, ADD COLUMN IF NOT EXISTS details jsonb DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS position bigint, ADD COLUMN IF NOT EXISTS previous_hash text,
    ADD COLUMN IF NOT EXISTS hash text;
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT a.attrelid::regclass AS place, a.attname AS name,
               CASE WHEN a.atttypid = 'timestamp'::regtype THEN 'timestamptz' ELSE 'text' END AS type,
               CASE WHEN a.atttypid = 'timestamp'::regtype THEN format('USING %I AT TIME ZONE ''UTC''', a.attname)
                    ELSE '' END AS how
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid IN ('public.schema_migrations'::regclass, 'public.migration_history'::regclass)
           AND a.attnum > 0 AND NOT a.attisdropped
           AND (a.atttypid = 'varchar'::regtype AND a.attname IN ('version', 'name', 'action', 'checksum', 'status')
             OR a.atttypid = 'timestamp'::regtype)
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s %s', old.place, old.name, old.type, old.how);
    END LOOP;
END $$;
CREATE INDEX IF NOT EXISTS idx_migration_history_version ON public.migration_history (version);
CREATE UNIQUE INDEX IF NOT EXISTS idx_migration_history_position ON public.migration_history (position);
ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.migration_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.migration_texts ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    who text;
BEGIN
    REVOKE ALL ON public.schema_migrations, public.migration_history, public.migration_texts FROM PUBLIC;
    FOR who IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format(
            'REVOKE ALL ON public.schema_migrations, public.migration_history, public.migration_texts FROM %I', who);
    END LOOP;
END $$;
COMMENT ON TABLE public.schema_migrations IS '{mark}';
""".replace("{mark}", _MARK)

_TABLES = """(pg_catalog.to_regclass('public.schema_migrations'), pg_catalog.to_regclass('public.migration_history'),
                 pg_catalog.to_regclass('public.migration_texts'))"""
#: Asked first, so that an `up` without work takes no lock on the tables.
_IS_COMPLETE = f"""
SELECT pg_catalog.count(*) = 3 AND pg_catalog.bool_and(c.relrowsecurity)
       AND coalesce(pg_catalog.max(pg_catalog.obj_description(c.oid, 'pg_class'))
                    FILTER (WHERE c.relname = 'schema_migrations'), '') = %s AS complete
  FROM pg_catalog.pg_class c WHERE c.oid IN {_TABLES}
"""  # noqa: S608 - only constants


#: Which tables they are, and what answers in their place.
_PLACE = f"""(
SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', c.oid, c.relkind,
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('.', t.oid, t.tgfoid, t.tgenabled), ',' ORDER BY t.oid)
              FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('.', r.oid, r.ev_enabled), ',' ORDER BY r.oid)
              FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid)), ' ' ORDER BY c.oid)
  FROM pg_catalog.pg_class c WHERE c.oid IN {_TABLES})"""  # noqa: S608 - only constants
#: In which files their rows are: TRUNCATE begins others, and so does whoever else writes a table anew.
_FILES = f"""(
SELECT pg_catalog.array_agg(pg_catalog.pg_relation_filenode(c.oid))
  FROM pg_catalog.pg_class c WHERE c.oid IN {_TABLES})"""  # noqa: S608 - only constants
_UNTOUCHED = f"""
BEGIN
    IF {_PLACE} IS DISTINCT FROM {{place}} OR EXISTS (
        SELECT FROM pg_catalog.pg_locks l
         WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.relation IN {_TABLES}
           AND (l.mode = 'RowExclusiveLock' OR l.mode = 'AccessExclusiveLock'
                AND pg_catalog.pg_relation_filenode(l.relation) <> ALL ({{files}}::pg_catalog.oid[]))
           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                              WHERE d.datname = pg_catalog.current_database())) THEN
        RAISE EXCEPTION USING ERRCODE = 'ELF02', MESSAGE = {{message}}, HINT = {{hint}};
    END IF;
END"""  # noqa: S608 - only constants
_CHANGED = (
    "it changed the history itself (schema_migrations, migration_history or migration_texts in public), or put a "
    "trigger or a rule on it"
)
_HINT = "Leave that out: what is to count as applied is said with `elf-migrate repair VERSION --mark STATUS`."


def prepare(executor: SupabaseExecutor) -> None:
    """Make the tables, or complete those of an older elf-migrate; safe to repeat.

    Raises:
        UsageError: The tables belong to another tool.
        DatabaseError: The server refused.
    """
    are_there(executor)
    if not executor.query(_IS_COMPLETE, (_MARK,))[0]["complete"]:
        executor.query(_CREATE + _COMPLETE)


def are_there(executor: SupabaseExecutor) -> bool:
    """Whether schema_migrations is there and ours; many tools use that name.

    Raises:
        UsageError: It belongs to another tool.
    """
    columns = {
        row["attname"]
        for row in executor.query(
            "SELECT attname FROM pg_catalog.pg_attribute "
            "WHERE attrelid = pg_catalog.to_regclass('public.schema_migrations') AND attnum > 0 AND NOT attisdropped"
        )
    }
    if columns and not {"version", "name", "status"} <= columns:
        raise UsageError(
            f"The table public.schema_migrations is another tool's: it has only {', '.join(sorted(columns))}.",
            "Use another database, or take this one over: ALTER TABLE public.schema_migrations RENAME TO "
            "former_schema_migrations; and then `elf-migrate baseline VERSION`.",
        )
    return bool(columns)


def untouched(executor: SupabaseExecutor) -> str:
    """Return a statement that fails, in the transaction of a migration, when that one has changed the tables.

    What has written to a table holds a lock on it until its transaction ends, however it was done. Other changes of
    its form are let pass (scripts enable row level security on whatever they find), but none that answers in its place.

    Raises:
        DatabaseError: The server refused.
    """
    from psycopg import sql

    now = executor.query(f"SELECT {_PLACE} AS place, {_FILES}::text AS files")[0]
    body = sql.SQL(_UNTOUCHED).format(
        place=sql.Literal(now["place"]),
        files=sql.Literal(now["files"]),
        message=sql.Literal(_CHANGED),
        hint=sql.Literal(_HINT),
    )
    return sql.SQL("DO {}").format(sql.Literal(body.as_string(executor.connection))).as_string(executor.connection)
