"""Queries that make Postgres write down a schema itself: rows of (rank, class, oid, name, up, down).

`rank` orders what does not depend on each other; `class` and `oid` name the object as pg_depend does; `up` and `down`
are statements without their semicolons, `down` NULL when dropping something else takes the object along.
All names are qualified, which needs an empty search_path.
See https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CATALOG
"""

# ruff: noqa: E501, S608 - SQL in the lines that read best; only constants of this module are put together

from __future__ import annotations

#: Schemas that Supabase manages: users may not make them, so no migration can.
MANAGED = (
    "auth", "storage", "realtime", "extensions", "vault", "graphql", "graphql_public", "pgbouncer", "etl", "cron", "net",
    "supabase_functions", "supabase_migrations", "pgmq", "pgsodium", "_realtime", "_analytics", "_supavisor",
)  # fmt: skip
TRACKING = ("schema_migrations", "migration_history", "migration_texts")

_OURS = """n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> ALL (%(managed)s)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = {class}::pg_catalog.regclass
                       AND e.objid = {oid} AND e.deptype = 'e')"""
_NOT_TRACKING = "NOT (n.nspname = 'public' AND {name} = ANY (%(tracking)s))"


def _ours(catalog: str, oid: str) -> str:
    return _OURS.replace("{class}", f"'pg_catalog.{catalog}'").replace("{oid}", oid)


def _tables(alias: str = "c") -> str:
    return f"{_ours('pg_class', f'{alias}.oid')} AND {_NOT_TRACKING.replace('{name}', f'{alias}.relname')}"


_HEAD = (
    "SELECT {rank} AS rank, 'pg_catalog.{catalog}'::pg_catalog.regclass::oid::bigint AS class, {oid}::bigint AS oid,"
)


def _query(rank: int, catalog: str, oid: str, name: str, up: str, down: str, rest: str) -> str:
    head = _HEAD.replace("{rank}", str(rank)).replace("{catalog}", catalog).replace("{oid}", oid)
    return f"{head} {name} AS name, {up} AS up, {down} AS down {rest}"


_RELATION = "format('%%I.%%I', n.nspname, c.relname)"
_TYPE = "format('%%I.%%I', n.nspname, t.typname)"

SCHEMAS = _query(
    10, "pg_namespace", "n.oid", "n.nspname", "format('CREATE SCHEMA IF NOT EXISTS %%I', n.nspname)",
    "format('DROP SCHEMA IF EXISTS %%I', n.nspname)",
    f"FROM pg_namespace n WHERE n.nspname <> 'public' AND {_ours('pg_namespace', 'n.oid')}",
)  # fmt: skip

EXTENSIONS = _query(
    20, "pg_extension", "x.oid", "x.extname",
    "format('CREATE EXTENSION IF NOT EXISTS %%I WITH SCHEMA %%I', x.extname, n.nspname)", "NULL",
    "FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace "
    "WHERE x.extname <> 'plpgsql' AND (n.nspname <> ALL (%(managed)s) OR n.nspname = 'extensions')",
)  # fmt: skip

ENUMS = _query(
    30, "pg_type", "t.oid", _TYPE,
    f"format('CREATE TYPE %%s AS ENUM (%%s)', {_TYPE}, (SELECT string_agg(quote_literal(enumlabel), ', ' "
    "ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))",
    f"format('DROP TYPE IF EXISTS %%s', {_TYPE})",
    f"FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND {_ours('pg_type', 't.oid')}",
)  # fmt: skip

COMPOSITES = _query(
    31, "pg_type", "t.oid", _TYPE,
    f"format(E'CREATE TYPE %%s AS (\\n%%s\\n)', {_TYPE}, (SELECT string_agg(format('    %%I %%s', attname, "
    "format_type(atttypid, atttypmod)), E',\\n' ORDER BY attnum) FROM pg_attribute "
    "WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped))",
    f"format('DROP TYPE IF EXISTS %%s', {_TYPE})",
    "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_class c ON c.oid = t.typrelid "
    f"WHERE c.relkind = 'c' AND {_ours('pg_type', 't.oid')}",
)  # fmt: skip

DOMAINS = _query(
    32, "pg_type", "t.oid", _TYPE,
    f"format('CREATE DOMAIN %%s AS %%s', {_TYPE}, format_type(t.typbasetype, t.typtypmod)) "
    "|| coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END "
    "|| coalesce((SELECT string_agg(format(E'\\n    CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid)), '' "
    "ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid AND contype = 'c'), '')",
    f"format('DROP DOMAIN IF EXISTS %%s', {_TYPE})",
    f"FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'd' AND {_ours('pg_type', 't.oid')}",
)  # fmt: skip

RANGES = _query(
    33, "pg_type", "t.oid", _TYPE,
    f"format('CREATE TYPE %%s AS RANGE (SUBTYPE = %%s)', {_TYPE}, format_type(r.rngsubtype, NULL))",
    f"format('DROP TYPE IF EXISTS %%s', {_TYPE})",
    "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_range r ON r.rngtypid = t.oid "
    f"WHERE {_ours('pg_type', 't.oid')}",
)  # fmt: skip

SEQUENCES = _query(
    40, "pg_class", "c.oid", _RELATION,
    f"format('CREATE SEQUENCE IF NOT EXISTS %%s AS %%s INCREMENT BY %%s MINVALUE %%s MAXVALUE %%s START WITH %%s CACHE "
    f"%%s', {_RELATION}, format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache) "
    "|| CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END",
    f"format('DROP SEQUENCE IF EXISTS %%s', {_RELATION})",
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid "
    "WHERE NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid "
    f"AND i.deptype = 'i') AND {_tables()}",
)  # fmt: skip

_COLUMNS = """(SELECT string_agg(format('    %%I %%s', a.attname, format_type(a.atttypid, a.atttypmod))
    || CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END
    || CASE WHEN a.attgenerated = 's' THEN format(' GENERATED ALWAYS AS (%%s) STORED', pg_get_expr(d.adbin, d.adrelid))
            WHEN a.attgenerated = 'v' THEN format(' GENERATED ALWAYS AS (%%s)', pg_get_expr(d.adbin, d.adrelid))
            WHEN a.attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY'
            WHEN a.attidentity = 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY'
            WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, E',\\n' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal)"""
_INLINE = """(SELECT string_agg(format('    CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid)), E',\\n'
    ORDER BY contype <> 'p', conname) FROM pg_constraint
    WHERE conrelid = c.oid AND contype IN ('p', 'u', 'c', 'x') AND coninhcount = 0 AND convalidated)"""

TABLES = _query(
    50, "pg_class", "c.oid", _RELATION,
    f"format('CREATE %%sTABLE IF NOT EXISTS %%s', CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED ' ELSE '' END, {_RELATION}) "
    "|| CASE WHEN c.relispartition THEN format(' PARTITION OF %%s %%s', parents.names, pg_get_expr(c.relpartbound, c.oid)) "
    f"ELSE coalesce(E' (\\n' || nullif(concat_ws(E',\\n', {_COLUMNS}, {_INLINE}), '') || E'\\n)', ' ()') "
    "|| coalesce(' INHERITS (' || parents.names || ')', '') END "
    "|| CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END "
    "|| coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') "
    f"|| CASE WHEN c.relrowsecurity THEN format(E';\\nALTER TABLE %%s ENABLE ROW LEVEL SECURITY', {_RELATION}) ELSE '' END "
    f"|| CASE WHEN c.relforcerowsecurity THEN format(E';\\nALTER TABLE %%s FORCE ROW LEVEL SECURITY', {_RELATION}) ELSE '' END",
    f"format('DROP TABLE IF EXISTS %%s', {_RELATION})",
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN LATERAL (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) AS names FROM pg_inherits "
    f"WHERE inhrelid = c.oid) parents ON true WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {_tables()}",
)  # fmt: skip

OWNED_SEQUENCES = _query(
    55, "pg_sequence", "c.oid", _RELATION,
    f"format('ALTER SEQUENCE %%s OWNED BY %%s.%%I', {_RELATION}, o.refobjid::regclass, a.attname)", "NULL",
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_depend o ON o.classid = 'pg_class'::regclass "
    "AND o.objid = c.oid AND o.deptype = 'a' AND o.refclassid = 'pg_class'::regclass "
    f"JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid WHERE c.relkind = 'S' AND {_tables()}",
)  # fmt: skip

FUNCTIONS = _query(
    45, "pg_proc", "p.oid", "p.oid::regprocedure::text", "rtrim(pg_get_functiondef(p.oid), E' \\n')",
    "format('DROP %%s IF EXISTS %%s', CASE WHEN p.prokind = 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure)",
    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    f"WHERE p.prokind IN ('f', 'p', 'w') AND {_ours('pg_proc', 'p.oid')}"
    # The constructors of a range type are functions that the type brings along.
    " AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid "
    "AND i.deptype = 'i')",
)  # fmt: skip

CONSTRAINTS = _query(
    60, "pg_constraint", "k.oid", "format('%%I on %%s', k.conname, k.conrelid::regclass)",
    "format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))",
    "format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', k.conrelid::regclass, k.conname)",
    "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE (k.contype = 'f' OR k.contype = 'c' AND NOT k.convalidated) AND k.coninhcount = 0 AND k.conparentid = 0 "
    f"AND {_tables()}",
)  # fmt: skip

INDEXES = _query(
    65, "pg_class", "c.oid", _RELATION,
    "regexp_replace(replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON '), '^CREATE (UNIQUE )?INDEX', "
    "'CREATE \\1INDEX IF NOT EXISTS')",
    f"format('DROP INDEX IF EXISTS %%s', {_RELATION})",
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
    "JOIN pg_namespace n ON n.oid = t.relnamespace WHERE NOT EXISTS (SELECT FROM pg_constraint k "
    "WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')) AND NOT c.relispartition AND i.indisvalid "
    f"AND {_tables('t')}",
)  # fmt: skip

VIEWS = _query(
    70, "pg_class", "c.oid", _RELATION,
    f"format(E'CREATE %%s %%s%%s AS\\n%%s', CASE c.relkind WHEN 'v' THEN 'OR REPLACE VIEW' ELSE 'MATERIALIZED VIEW IF NOT "
    f"EXISTS' END, {_RELATION}, coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''), "
    "rtrim(pg_get_viewdef(c.oid), '; '))",
    f"format('DROP %%s IF EXISTS %%s', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, {_RELATION})",
    f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {_tables()}",
)  # fmt: skip

TRIGGERS = _query(
    75, "pg_trigger", "g.oid", "format('%%I on %%s', g.tgname, g.tgrelid::regclass)",
    "regexp_replace(pg_get_triggerdef(g.oid), '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER') || CASE g.tgenabled WHEN 'O' THEN '' ELSE format(E';\\nALTER TABLE %%s %%s TRIGGER %%I', "
    "g.tgrelid::regclass, CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' "
    "END, g.tgname) END",
    "format('DROP TRIGGER IF EXISTS %%I ON %%s', g.tgname, g.tgrelid::regclass)",
    "FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND {_tables()}",
)  # fmt: skip

RULES = _query(
    76, "pg_rewrite", "w.oid", "format('%%I on %%s', w.rulename, w.ev_class::regclass)", "regexp_replace(rtrim(pg_get_ruledef(w.oid), ';'), '^CREATE RULE', 'CREATE OR REPLACE RULE')",
    "format('DROP RULE IF EXISTS %%I ON %%s', w.rulename, w.ev_class::regclass)",
    "FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE w.rulename <> '_RETURN' AND {_tables()}",
)  # fmt: skip

POLICIES = _query(
    77, "pg_policy", "o.oid", "format('%%I on %%s', o.polname, o.polrelid::regclass)",
    "format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s', o.polname, o.polrelid::regclass, "
    "CASE WHEN o.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, CASE o.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN "
    "'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END, (SELECT string_agg(coalesce("
    "quote_ident(r.rolname), 'PUBLIC'), ', ' ORDER BY r.rolname) FROM unnest(o.polroles) u LEFT JOIN pg_roles r ON r.oid = u)) "
    "|| coalesce(E'\\n    USING (' || pg_get_expr(o.polqual, o.polrelid) || ')', '') "
    "|| coalesce(E'\\n    WITH CHECK (' || pg_get_expr(o.polwithcheck, o.polrelid) || ')', '')",
    "format('DROP POLICY IF EXISTS %%I ON %%s', o.polname, o.polrelid::regclass)",
    "FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE {_tables()}",
)  # fmt: skip

OBJECTS = (
    SCHEMAS, EXTENSIONS, ENUMS, COMPOSITES, DOMAINS, RANGES, SEQUENCES, TABLES, OWNED_SEQUENCES, FUNCTIONS, CONSTRAINTS,
    INDEXES, VIEWS, TRIGGERS, RULES, POLICIES,
)  # fmt: skip
