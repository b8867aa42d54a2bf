"""The queries that read a schema from the system catalogs.

Each yields rows of nine columns: kind, identity, the object's address (catalog, oid, column), its parent's address
(catalog, oid, column; or nulls) and its attributes as jsonb. Names of attributes are in plain words, since they are
shown. They run with an empty search_path, so that every name comes out qualified, on Postgres 14 to 18. Which objects
are read is said by parameters: `%(pg_class)s` is an array of the oids to look at in that catalog.

Catalogs: https://www.postgresql.org/docs/current/catalogs.html
"""

# ruff: noqa: S608 - put together from constants of this module only

from __future__ import annotations

#: Objects below this oid were made by initdb (FirstNormalObjectId); the schema `public` is one of them.
FIRST = 16384
PUBLIC = 2200


def _these(alias: str, catalog: str) -> str:
    """The condition that an object is among those asked for."""
    return f"{alias}.oid = ANY (%({catalog})s::oid[])"


def _own(alias: str, catalog: str, namespace: str) -> str:
    """The condition that an object is the user's: neither the system's, nor temporary, nor an extension's."""
    schema = f"{alias}.{namespace}" if namespace else ""
    visible = (
        f"{schema} IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname !~ '^pg_' "
        f"AND n.nspname <> 'information_schema') AND "
        if schema
        else ""
    )
    return (
        f"{visible}NOT EXISTS (SELECT FROM pg_depend e "
        f"WHERE e.classid = '{catalog}'::regclass AND e.objid = {alias}.oid AND e.deptype = 'e')"
    )


def _name(alias: str, column: str, namespace: str) -> str:
    return (
        f"(SELECT quote_ident(n.nspname) FROM pg_namespace n WHERE n.oid = {alias}.{namespace}) "
        f"|| '.' || quote_ident({alias}.{column})"
    )


_RELATION = _name("c", "relname", "relnamespace")
_OWN_RELATION = _own("c", "pg_class", "relnamespace")
_THESE_RELATIONS = f"{_these('c', 'pg_class')} AND {_OWN_RELATION}"
_NO_PARENT = "NULL::oid, NULL::oid, 0"


def _schema(column: str) -> str:
    """The address of the schema that an object without another parent hangs on."""
    return f"'pg_namespace'::regclass::oid, {column}, 0"


SCHEMAS = f"""
SELECT 'schema', quote_ident(n.nspname), 'pg_namespace'::regclass::oid, n.oid, 0, {_NO_PARENT}, '{{}}'::jsonb
FROM pg_namespace n
WHERE {_these("n", "pg_namespace")} AND (n.oid = {PUBLIC} OR n.nspname !~ '^pg_' AND {_own("n", "pg_namespace", "")})
"""

RELATIONS = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
           ELSE 'table' END,
       {_RELATION}, 'pg_class'::regclass::oid, c.oid, 0,
       CASE WHEN c.relispartition THEN 'pg_class'::regclass ELSE 'pg_namespace'::regclass END::oid,
       CASE WHEN c.relispartition THEN (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid)
           ELSE c.relnamespace END, 0,
       jsonb_strip_nulls(CASE WHEN c.relkind IN ('v', 'm') THEN
           jsonb_build_object('definition', pg_get_viewdef(c.oid),
               'populated', CASE WHEN c.relkind = 'm' THEN c.relispopulated END)
       ELSE jsonb_build_object(
           'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
           'row level security', c.relrowsecurity,
           'forced row level security', c.relforcerowsecurity,
           'partitioned by', pg_get_partkeydef(c.oid),
           'partition', pg_get_expr(c.relpartbound, c.oid),
           'inherits from', (SELECT jsonb_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
                             FROM pg_inherits i WHERE i.inhrelid = c.oid),
           'of type', NULLIF(c.reloftype, 0)::regtype::text,
           'server', (SELECT jsonb_build_object('name', s.srvname, 'options', to_jsonb(f.ftoptions))
                      FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid),
           'access method', (SELECT NULLIF(a.amname, 'heap') FROM pg_am a WHERE a.oid = c.relam),
           'replica identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN
               (SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) END)
       END || jsonb_build_object('options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(c.reloptions) o)))
FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {_THESE_RELATIONS}
"""

# A column that owns the sequence of its default has "its own": that sequence's name is generated, as a rule.
_EXPRESSION = "pg_get_expr(d.adbin, d.adrelid)"
_DEFAULT = f"""CASE WHEN a.attgenerated <> '' THEN NULL WHEN strpos({_EXPRESSION}, 'nextval(') = 0 THEN {_EXPRESSION}
    ELSE COALESCE((SELECT replace({_EXPRESSION}, o.name, 'its own sequence') FROM (
        SELECT quote_literal(x.objid::regclass::text) || '::regclass' FROM pg_depend x JOIN pg_sequence s
            ON s.seqrelid = x.objid WHERE x.classid = 'pg_class'::regclass AND x.refclassid = 'pg_class'::regclass
            AND x.refobjid = c.oid AND x.refobjsubid = a.attnum AND x.deptype IN ('a', 'i')) o (name)
    WHERE strpos({_EXPRESSION}, o.name) > 0 LIMIT 1), {_EXPRESSION}) END"""

# Inherited columns belong to the table that they come from. The type's own collation and storage go without saying.
COLUMNS = f"""
SELECT 'column', {_RELATION} || '.' || quote_ident(a.attname), 'pg_class'::regclass::oid, c.oid, a.attnum::int,
       'pg_class'::regclass::oid, c.oid, 0,
       jsonb_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'not null', a.attnotnull,
           'default', {_DEFAULT})
       || jsonb_strip_nulls(jsonb_build_object(
           'generated', CASE WHEN a.attgenerated <> '' THEN {_EXPRESSION}
               || CASE a.attgenerated WHEN 's' THEN ' stored' ELSE ' virtual' END END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
           'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
           'compression', NULLIF(a.attcompression, ''),
           'statistics target', NULLIF(a.attstattarget, -1),
           'options', to_jsonb(a.attoptions)))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f') AND (a.attislocal OR a.attinhcount = 0) AND {_THESE_RELATIONS}
"""

# Since 18 every NOT NULL is a constraint as well, with a generated name. That a column is NOT NULL is recorded with the
# column, on every version alike; the constraint itself only when it adds something: a chosen name, NOT VALID.
# https://www.postgresql.org/docs/18/release-18.html
CONSTRAINTS = f"""
SELECT 'constraint', quote_ident(k.conname) || ' on ' || {_RELATION}, 'pg_constraint'::regclass::oid, k.oid, 0,
       'pg_class'::regclass::oid, c.oid, 0,
       jsonb_build_object('definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
                          'validated', k.convalidated)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE {_these("k", "pg_constraint")} AND k.contype IN ('c', 'f', 'p', 'u', 'x', 'n') AND k.conislocal
      AND k.conparentid = 0
      AND (k.contype <> 'n' OR NOT k.convalidated OR k.conname !~ '_not_null[0-9]*$') AND {_OWN_RELATION}
UNION ALL
SELECT 'constraint', quote_ident(k.conname) || ' on ' || {_name("t", "typname", "typnamespace")},
       'pg_constraint'::regclass::oid, k.oid, 0, 'pg_type'::regclass::oid, t.oid, 0,
       jsonb_build_object('definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
                          'validated', k.convalidated)
FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid
WHERE {_these("k", "pg_constraint")} AND k.contype = 'c' AND {_own("t", "pg_type", "typnamespace")}
"""

# The index of a constraint is told by the constraint, and that of a partition by the partitioned table.
INDEXES = f"""
SELECT 'index', {_RELATION}, 'pg_class'::regclass::oid, c.oid, 0, 'pg_class'::regclass::oid, i.indrelid, 0,
       jsonb_strip_nulls(jsonb_build_object(
           'definition', replace(pg_get_indexdef(c.oid), ' INDEX ' || quote_ident(c.relname) || ' ON ', ' INDEX ON '),
           'valid', i.indisvalid, 'ready', i.indisready, 'clustered', NULLIF(i.indisclustered, false)))
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT c.relispartition AND {_THESE_RELATIONS} AND NOT EXISTS (
      SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))
"""

SEQUENCES = f"""
SELECT 'sequence', {_RELATION}, 'pg_class'::regclass::oid, c.oid, 0,
       COALESCE(o.refclassid, 'pg_namespace'::regclass), COALESCE(o.refobjid, c.relnamespace),
       COALESCE(o.refobjsubid, 0),
       jsonb_strip_nulls(jsonb_build_object('type', format_type(s.seqtypid, NULL), 'start', s.seqstart,
           'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
           'cycle', s.seqcycle, 'owned by', o.refobjid::regclass::text || '.' || quote_ident(a.attname)))
FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
     LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a', 'i')
          AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0
     LEFT JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
WHERE {_THESE_RELATIONS}
"""

FUNCTIONS = f"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       {_name("p", "proname", "pronamespace")} || '('
           || (SELECT COALESCE(string_agg(format_type(t, NULL), ', ' ORDER BY i), '')
               FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, i)) || ')',
       'pg_proc'::regclass::oid, p.oid, 0, {_schema("p.pronamespace")},
       jsonb_strip_nulls(jsonb_build_object(
           'arguments', pg_get_function_arguments(p.oid),
           'result', pg_get_function_result(p.oid),
           'language', l.lanname,
           'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           'security', CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
           'strict', p.proisstrict, 'leakproof', p.proleakproof,
           'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
           'window', NULLIF(p.prokind = 'w', false), 'cost', p.procost, 'rows', NULLIF(p.prorows, 0),
           'settings', to_jsonb(p.proconfig),
           'body', COALESCE(pg_get_function_sqlbody(p.oid), p.prosrc), 'library', p.probin,
           'aggregate', (SELECT jsonb_build_object('state function', g.aggtransfn::regprocedure::text,
                 'state type', format_type(g.aggtranstype, NULL), 'initial value', g.agginitval,
                 'final function', NULLIF(g.aggfinalfn, 0)::regprocedure::text,
                 'combine function', NULLIF(g.aggcombinefn, 0)::regprocedure::text)
             FROM pg_aggregate g WHERE g.aggfnoid = p.oid)))
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE {_these("p", "pg_proc")} AND {_own("p", "pg_proc", "pronamespace")}
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid
                      AND i.deptype = 'i')
"""

TRIGGERS = f"""
SELECT 'trigger', quote_ident(t.tgname) || ' on ' || {_RELATION}, 'pg_trigger'::regclass::oid, t.oid, 0,
       'pg_class'::regclass::oid, c.oid, 0,
       jsonb_build_object('definition', pg_get_triggerdef(t.oid), 'enabled', CASE t.tgenabled
           WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' ELSE 'always' END)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE {_these("t", "pg_trigger")} AND NOT t.tgisinternal AND t.tgparentid = 0 AND {_OWN_RELATION}
"""

POLICIES = f"""
SELECT 'policy', quote_ident(p.polname) || ' on ' || {_RELATION}, 'pg_policy'::regclass::oid, p.oid, 0,
       'pg_class'::regclass::oid, c.oid, 0,
       jsonb_build_object(
           'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
               WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'permissive', p.polpermissive,
           'roles', (SELECT jsonb_agg(COALESCE(quote_ident(a.rolname), 'PUBLIC') ORDER BY a.rolname)
                     FROM unnest(p.polroles) r LEFT JOIN pg_roles a ON a.oid = r),
           'using', pg_get_expr(p.polqual, p.polrelid), 'with check', pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE {_these("p", "pg_policy")} AND {_OWN_RELATION}
"""

RULES = f"""
SELECT 'rule', quote_ident(r.rulename) || ' on ' || {_RELATION}, 'pg_rewrite'::regclass::oid, r.oid, 0,
       'pg_class'::regclass::oid, c.oid, 0,
       jsonb_build_object('definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled <> 'D')
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE {_these("r", "pg_rewrite")} AND r.rulename <> '_RETURN' AND {_OWN_RELATION}
"""

TYPES = f"""
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' ELSE 'type' END,
       {_name("t", "typname", "typnamespace")}, 'pg_type'::regclass::oid, t.oid, 0, {_schema("t.typnamespace")},
       jsonb_strip_nulls(CASE t.typtype
       WHEN 'e' THEN jsonb_build_object('labels',
           (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
       WHEN 'd' THEN jsonb_build_object('base type', format_type(t.typbasetype, t.typtypmod),
           'default', t.typdefault, 'not null', t.typnotnull,
           'collation', (SELECT t.typcollation::regcollation::text FROM pg_type b
                         WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation))
       WHEN 'r' THEN (SELECT jsonb_build_object('subtype', format_type(r.rngsubtype, NULL),
           'collation', NULLIF(r.rngcollation, 0)::regcollation::text,
           'canonical', NULLIF(r.rngcanonical, 0)::regproc::text, 'difference', NULLIF(r.rngsubdiff, 0)::regproc::text)
           FROM pg_range r WHERE r.rngtypid = t.oid)
       WHEN 'c' THEN jsonb_build_object('attributes',
           (SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
       ELSE jsonb_build_object('input', t.typinput::text, 'output', t.typoutput::text, 'length', t.typlen) END)
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c') OR (t.typtype = 'b' AND t.typelem = 0))
      AND {_these("t", "pg_type")} AND {_own("t", "pg_type", "typnamespace")}
"""

EXTENSIONS = f"""
SELECT 'extension', quote_ident(x.extname), 'pg_extension'::regclass::oid, x.oid, 0, {_NO_PARENT},
       jsonb_build_object('schema', n.nspname)
FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
WHERE {_these("x", "pg_extension")}
"""

EVENT_TRIGGERS = f"""
SELECT 'event trigger', quote_ident(t.evtname), 'pg_event_trigger'::regclass::oid, t.oid, 0, {_NO_PARENT},
       jsonb_build_object('event', t.evtevent, 'function', t.evtfoid::regprocedure::text,
           'enabled', t.evtenabled <> 'D', 'tags', to_jsonb(t.evttags))
FROM pg_event_trigger t
WHERE {_these("t", "pg_event_trigger")} AND {_own("t", "pg_event_trigger", "")}
"""

# The rest is named as Postgres itself names it.
_OTHERS = {
    "pg_statistic_ext": "jsonb_build_object('definition', pg_get_statisticsobjdef(x.oid))",
    "pg_collation": "jsonb_build_object('provider', x.collprovider, 'deterministic', x.collisdeterministic)",
    "pg_operator": "jsonb_build_object('function', x.oprcode::regprocedure::text)",
    "pg_cast": "jsonb_build_object('function', NULLIF(x.castfunc, 0)::regprocedure::text, 'context', x.castcontext)",
    "pg_opclass": "'{}'::jsonb",
    "pg_ts_config": "'{}'::jsonb",
    "pg_ts_dict": "jsonb_build_object('options', x.dictinitoption)",
    "pg_language": "jsonb_build_object('trusted', x.lanpltrusted)",
    "pg_foreign_data_wrapper": "jsonb_build_object('options', to_jsonb(x.fdwoptions))",
    "pg_foreign_server": "jsonb_build_object('options', to_jsonb(x.srvoptions))",
}
_PARENTS = {
    "pg_statistic_ext": "'pg_class'::regclass::oid, x.stxrelid, 0",
    "pg_cast": "'pg_type'::regclass::oid, x.castsource, 0",
    "pg_collation": _schema("x.collnamespace"),
    "pg_operator": _schema("x.oprnamespace"),
    "pg_opclass": _schema("x.opcnamespace"),
    "pg_ts_config": _schema("x.cfgnamespace"),
    "pg_ts_dict": _schema("x.dictnamespace"),
    "pg_foreign_server": "'pg_foreign_data_wrapper'::regclass::oid, x.srvfdw, 0",
}

OTHERS = {
    catalog: f"""
SELECT i.type, i.identity, '{catalog}'::regclass::oid, x.oid, 0, {_PARENTS.get(catalog, _NO_PARENT)}, {attributes}
FROM {catalog} x CROSS JOIN LATERAL pg_identify_object('{catalog}'::regclass, x.oid, 0) i
WHERE {_these("x", catalog)} AND {_own("x", catalog, "")}
"""
    for catalog, attributes in _OTHERS.items()
}


def publications(major: int) -> str:
    """Return the query of publications; schemas, column lists and row filters came with 15."""
    columns = "NULL"
    where = "NULL"
    schemas = "NULL"
    if major >= 15:
        columns = (
            "(SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) || ')' FROM pg_attribute a "
            "WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))"
        )
        where = "' WHERE ' || pg_get_expr(r.prqual, r.prrelid)"
        schemas = (
            "(SELECT jsonb_agg(n.nspname ORDER BY n.nspname) FROM pg_publication_namespace s "
            "JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid)"
        )
    return f"""
SELECT 'publication', quote_ident(p.pubname), 'pg_publication'::regclass::oid, p.oid, 0, {_NO_PARENT},
       jsonb_strip_nulls(jsonb_build_object('all tables', p.puballtables, 'schemas', {schemas},
           'tables', (SELECT jsonb_agg(r.prrelid::regclass::text || COALESCE({columns}, '') || COALESCE({where}, '')
                                       ORDER BY r.prrelid::regclass::text)
                      FROM pg_publication_rel r WHERE r.prpubid = p.oid),
           'publishes', concat_ws(', ',
               CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
               CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
           'via root', NULLIF(p.pubviaroot, false)))
FROM pg_publication p
WHERE {_these("p", "pg_publication")} AND {_own("p", "pg_publication", "")}
"""


def objects(major: int) -> tuple[tuple[str, str], ...]:
    """Return the queries of all objects, each with the catalog whose oids it asks for; parents come first."""
    return (
        ("pg_namespace", SCHEMAS),
        ("pg_class", RELATIONS),
        ("pg_type", TYPES),
        ("pg_class", COLUMNS),
        ("pg_constraint", CONSTRAINTS),
        ("pg_class", INDEXES),
        ("pg_class", SEQUENCES),
        ("pg_proc", FUNCTIONS),
        ("pg_trigger", TRIGGERS),
        ("pg_policy", POLICIES),
        ("pg_rewrite", RULES),
        ("pg_extension", EXTENSIONS),
        ("pg_event_trigger", EVENT_TRIGGERS),
        *OTHERS.items(),
        ("pg_publication", publications(major)),
    )
