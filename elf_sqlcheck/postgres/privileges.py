"""The queries that read what hangs on objects: privileges and comments.

The address of an object is its catalog, its oid there, and a column's number or 0.
"""

from __future__ import annotations

# A whole ACL is compared with the default one (a null ACL means the default), so that a privilege revoked from PUBLIC
# counts as much as one granted. https://www.postgresql.org/docs/current/ddl-priv.html
_PRIVILEGES = """
SELECT {key}, COALESCE(quote_ident(r.rolname), 'PUBLIC'),
       COALESCE(string_agg(x.privilege, ', ' ORDER BY x.privilege) FILTER (WHERE x.actual), 'none'),
       COALESCE(string_agg(x.privilege, ', ' ORDER BY x.privilege) FILTER (WHERE NOT x.actual), 'none')
FROM ({acls}) o CROSS JOIN LATERAL (
         SELECT true AS actual, grantee, privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
                AS privilege FROM aclexplode(o.acl)
         UNION ALL
         SELECT false, grantee, privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
         FROM aclexplode({default})) x
     LEFT JOIN pg_roles r ON r.oid = x.grantee
GROUP BY {key}, r.rolname
HAVING string_agg(x.privilege, ', ' ORDER BY x.privilege) FILTER (WHERE x.actual)
       IS DISTINCT FROM string_agg(x.privilege, ', ' ORDER BY x.privilege) FILTER (WHERE NOT x.actual)
"""

#: Rows: address (catalog, oid, column), grantee, privileges, what they are by default.
PRIVILEGES = _PRIVILEGES.format(
    key="o.catalog, o.oid, o.sub",
    default="acldefault(o.kind, o.owner)",
    acls="""
SELECT 'pg_class'::regclass::oid AS catalog, oid, 0 AS sub, relacl AS acl, relowner AS owner,
       (CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char" AS kind
FROM pg_class WHERE relacl IS NOT NULL AND oid = ANY (%(pg_class)s::oid[])
UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, attacl, c.relowner, 'c'
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attacl IS NOT NULL AND attrelid = ANY (%(pg_class)s::oid[])
UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proacl, proowner, 'f'
FROM pg_proc WHERE proacl IS NOT NULL AND oid = ANY (%(pg_proc)s::oid[])
UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspacl, nspowner, 'n'
FROM pg_namespace WHERE nspacl IS NOT NULL AND oid = ANY (%(pg_namespace)s::oid[])
UNION ALL SELECT 'pg_type'::regclass, oid, 0, typacl, typowner, 'T'
FROM pg_type WHERE typacl IS NOT NULL AND oid = ANY (%(pg_type)s::oid[])
""",
)

#: Rows: role, schema (or null), kind of object, grantee, privileges, what they are without the entry.
DEFAULT_PRIVILEGES = _PRIVILEGES.format(
    key="o.role, o.schema, o.kind",
    # An entry for all schemas replaces the built-in default; one for a schema adds to it.
    default="CASE WHEN o.schema IS NULL THEN acldefault((CASE o.kind WHEN 'S' THEN 's' ELSE o.kind END)::\"char\", "
    "o.owner) END",
    acls="""
SELECT quote_ident(a.rolname) AS role, quote_ident(n.nspname) AS schema, d.defaclobjtype AS kind, d.defaclacl AS acl,
       d.defaclrole AS owner
FROM pg_default_acl d JOIN pg_roles a ON a.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
""",
)

#: Rows: address (catalog, oid, column), comment. Asks for `objects`, which may be in any catalog.
COMMENTS = """
SELECT classoid, objoid, objsubid, description FROM pg_description WHERE objoid = ANY (%(objects)s::oid[])
"""
