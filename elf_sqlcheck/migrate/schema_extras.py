"""Queries for what hangs on objects, and for how objects hang together; see `schema_queries`."""

# ruff: noqa: E501 - SQL in the lines that read best

from __future__ import annotations

#: Privileges of others than the owner, on what has any of its own: (class, oid, up).
GRANTS = """
WITH objects AS (
    SELECT 'pg_class'::regclass AS class, c.oid, 0 AS part, c.relowner AS owner, c.relacl AS acl, c.oid::regclass::text AS name,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
      FROM pg_class c WHERE c.relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, c.relowner, a.attacl, c.oid::regclass::text, 'TABLE'
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, p.proowner, p.proacl, p.oid::regprocedure::text,
           CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END
      FROM pg_proc p WHERE p.proacl IS NOT NULL
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspowner, n.nspacl, quote_ident(n.nspname), 'SCHEMA'
      FROM pg_namespace n WHERE n.nspacl IS NOT NULL
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, t.typowner, t.typacl, format_type(t.oid, NULL), 'TYPE'
      FROM pg_type t WHERE t.typacl IS NOT NULL
)
SELECT o.class::oid::bigint AS class, o.oid::bigint AS oid,
       format('GRANT %%s ON %%s %%s TO %%s%%s',
              string_agg(x.privilege_type || coalesce(' (' || quote_ident(a.attname) || ')', ''), ', ' ORDER BY x.privilege_type),
              o.kind, o.name, coalesce(quote_ident(r.rolname), 'PUBLIC'),
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS up
  FROM objects o CROSS JOIN LATERAL aclexplode(o.acl) x
  LEFT JOIN pg_roles r ON r.oid = x.grantee
  LEFT JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = o.part AND o.part > 0
 WHERE x.grantee <> o.owner
 GROUP BY o.class, o.oid, o.part, o.kind, o.name, r.rolname, x.is_grantable
UNION ALL
-- Functions and types are open to PUBLIC by default; an ACL without it was closed on purpose.
SELECT o.class::oid::bigint, o.oid::bigint, format('REVOKE ALL ON %%s %%s FROM PUBLIC', o.kind, o.name)
  FROM objects o
 WHERE o.kind IN ('FUNCTION', 'PROCEDURE', 'TYPE')
   AND NOT EXISTS (SELECT FROM aclexplode(o.acl) x WHERE x.grantee = 0)
 ORDER BY 1, 2, 3 DESC
"""

#: Comments: (class, oid, up).
COMMENTS = """
SELECT d.classoid::bigint AS class, d.objoid::bigint AS oid,
       format('COMMENT ON %%s %%s IS %%L',
              CASE WHEN i.type LIKE '%% column' THEN 'COLUMN' WHEN i.type LIKE '%% constraint' THEN 'CONSTRAINT'
                   WHEN i.type LIKE '%% type' THEN 'TYPE' ELSE upper(i.type) END,
              CASE WHEN i.type = 'domain constraint' THEN replace(i.identity, ' on ', ' on domain ') ELSE i.identity END,
              d.description) AS up
  FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
 WHERE d.classoid <> 'pg_extension'::regclass AND i.schema IS DISTINCT FROM 'pg_catalog' AND i.schema IS DISTINCT FROM 'information_schema'
 ORDER BY d.classoid, d.objoid, d.objsubid
"""

#: What is part of another object: (class, oid, whole_class, whole_oid).
PARTS = """
SELECT 'pg_attrdef'::regclass::oid::bigint AS class, oid::bigint AS oid, 'pg_class'::regclass::oid::bigint AS whole_class,
       adrelid::bigint AS whole_oid FROM pg_attrdef
UNION ALL SELECT 'pg_rewrite'::regclass::oid::bigint, oid::bigint, 'pg_class'::regclass::oid::bigint, ev_class::bigint
  FROM pg_rewrite WHERE rulename = '_RETURN'
UNION ALL SELECT 'pg_type'::regclass::oid::bigint, t.oid::bigint, 'pg_class'::regclass::oid::bigint, c.oid::bigint
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE c.relkind <> 'c'
UNION ALL SELECT 'pg_class'::regclass::oid::bigint, c.oid::bigint, 'pg_type'::regclass::oid::bigint, c.reltype::bigint
  FROM pg_class c WHERE c.relkind = 'c'
UNION ALL SELECT 'pg_type'::regclass::oid::bigint, typarray::bigint, 'pg_type'::regclass::oid::bigint, oid::bigint
  FROM pg_type WHERE typarray <> 0
UNION ALL SELECT 'pg_constraint'::regclass::oid::bigint, oid::bigint, 'pg_class'::regclass::oid::bigint, conrelid::bigint
  FROM pg_constraint WHERE conrelid <> 0 AND contype IN ('p', 'u', 'c', 'x') AND convalidated
UNION ALL SELECT 'pg_constraint'::regclass::oid::bigint, oid::bigint, 'pg_type'::regclass::oid::bigint, contypid::bigint
  FROM pg_constraint WHERE contypid <> 0
UNION ALL SELECT 'pg_class'::regclass::oid::bigint, conindid::bigint, 'pg_class'::regclass::oid::bigint, conrelid::bigint
  FROM pg_constraint WHERE conindid <> 0 AND contype IN ('p', 'u', 'x')
UNION ALL SELECT classid::bigint, objid::bigint, refclassid::bigint, refobjid::bigint FROM pg_depend WHERE deptype = 'e'
"""

#: What needs what: (class, oid, needed_class, needed_oid). A sequence does not need the column that owns it.
NEEDS = """
SELECT DISTINCT d.classid::bigint AS class, d.objid::bigint AS oid, d.refclassid::bigint AS needed_class,
       d.refobjid::bigint AS needed_oid
  FROM pg_depend d LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.deptype IN ('n', 'a') AND NOT (d.deptype = 'a' AND coalesce(c.relkind = 'S', false))
UNION ALL SELECT 'pg_class'::regclass::oid::bigint, c.oid::bigint, 'pg_namespace'::regclass::oid::bigint, c.relnamespace::bigint
  FROM pg_class c
"""

#: What is not written down: (type, identity).
LEFT_OUT = """
SELECT i.type, i.identity
  FROM (SELECT 'pg_proc'::regclass AS class, p.oid, n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.prokind = 'a'
        UNION ALL SELECT 'pg_class'::regclass, c.oid, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'f'
        UNION ALL SELECT 'pg_operator'::regclass, o.oid, n.nspname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
        UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid, n.nspname FROM pg_statistic_ext s
          JOIN pg_namespace n ON n.oid = s.stxnamespace
        UNION ALL SELECT 'pg_event_trigger'::regclass, e.oid, 'event' FROM pg_event_trigger e
        UNION ALL SELECT 'pg_publication'::regclass, u.oid, 'publication' FROM pg_publication u) x
 CROSS JOIN LATERAL pg_identify_object(x.class, x.oid, 0) i
 WHERE x.nspname !~ '^pg_' AND x.nspname <> 'information_schema' AND x.nspname <> ALL (%(managed)s)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = x.class AND d.objid = x.oid AND d.deptype = 'e')
 ORDER BY 1, 2
"""
