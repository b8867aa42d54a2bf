"""The relations that a Data API shows: their columns, grants and policies, as far as probing them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.verify.ours import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.postgres.snapshot import Key, Snapshot
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: The roles of the API: whoever has the project's public key, and whoever has signed in.
ROLES = ("anon", "authenticated")
_KINDS = ("table", "view", "materialized view")
_OPENING = (*_KINDS, "policy", "privileges")

# Rows: see Relation. What a role may do counts whichever way it may: by itself, PUBLIC, a group, or for some columns.
# The owner of a row is in a column that a policy looks at together with auth.uid(), unless the column leads elsewhere
# than to a user. Which columns an expression looks at: https://www.postgresql.org/docs/current/catalog-pg-depend.html
_RELATIONS = """
SELECT c.oid::bigint AS oid, format('%%I.%%I', n.nspname, c.relname) AS name, c.relrowsecurity AS row_security,
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
    (SELECT coalesce(jsonb_object_agg(role, may), '{}') FROM (
        SELECT role, jsonb_agg(privilege) AS may
        FROM unnest(%(roles)s::text[]) AS role, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
        WHERE has_schema_privilege(role, n.oid, 'USAGE') AND (has_table_privilege(role, c.oid, privilege)
            OR privilege <> 'DELETE' AND has_any_column_privilege(role, c.oid, privilege))
        GROUP BY role) AS granted) AS granted,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.polname, 'permissive', p.polpermissive,
        'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'roles', (SELECT jsonb_agg(coalesce(r.rolname, 'public')) FROM unnest(p.polroles) AS one
            LEFT JOIN pg_roles r ON r.oid = one),
        'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'columns', (SELECT jsonb_agg(DISTINCT a.attname)
            FROM pg_depend d JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = c.oid AND d.refobjsubid > 0),
        'owner', (SELECT jsonb_agg(DISTINCT a.attname)
            FROM pg_depend f JOIN pg_depend d ON d.classid = f.classid AND d.objid = f.objid
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND a.atttypid = 'uuid'::regtype
            WHERE f.classid = 'pg_policy'::regclass AND f.objid = p.oid AND f.refclassid = 'pg_proc'::regclass
                AND f.refobjid = to_regprocedure('auth.uid()') AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = c.oid AND NOT EXISTS (
                    SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
                    AND a.attnum = ANY (k.conkey) AND k.confrelid <> to_regclass('auth.users') AND NOT EXISTS (
                        SELECT FROM pg_constraint u WHERE u.conrelid = k.confrelid AND u.contype = 'f'
                        AND u.confrelid = to_regclass('auth.users') AND u.conkey = k.confkey))))
        ORDER BY p.polname), '[]') FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(b.oid, a.atttypmod),
        'kind', b.typtype, 'category', b.typcategory, 'needed', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
        'written', a.attgenerated = '' AND a.attidentity = '',
        'label', (SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder LIMIT 1))
        ORDER BY a.attnum), '[]')
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (WITH RECURSIVE below (oid) AS (
        SELECT c.oid WHERE c.relkind IN ('v', 'm')
        UNION SELECT d.refobjid FROM below b JOIN pg_rewrite r ON r.ev_class = b.oid
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> b.oid)
        SELECT coalesce(jsonb_agg(DISTINCT b.oid::bigint), '[]') FROM below b JOIN pg_class t ON t.oid = b.oid
        WHERE t.relkind IN ('r', 'p')) AS below
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {where} AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY c.relkind IN ('v', 'm'), 2
"""


@dataclass(frozen=True)
class Policy:
    """A policy as it is in the catalog; it looks at `columns`, and compares `owner` of them with the user who asks."""

    name: str
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str
    check: str
    columns: tuple[str, ...]
    owner: tuple[str, ...]

    @property
    def looks_further(self) -> bool:
        """Whether it depends on more of a row than on whose it is: then one row says nothing about the others."""
        return not set(self.columns) <= set(self.owner)

    def concerns(self, role: str, command: str) -> bool:
        """Whether it is asked when `role` does `command`."""
        return self.command in {command, "ALL"} and not {role, "public"}.isdisjoint(self.roles)


@dataclass(frozen=True)
class Relation:
    """A table or view. `granted` maps roles to what they may do if policies let them; `below` are a view's tables."""

    oid: int
    name: str
    kind: str
    row_security: bool
    granted: dict[str, frozenset[str]]
    policies: tuple[Policy, ...]
    columns: tuple[dict[str, Any], ...]
    below: tuple[int, ...]

    @property
    def owners(self) -> tuple[str, ...]:
        """The columns that hold whose a row is, by its own policies."""
        return tuple(dict.fromkeys(column for policy in self.policies for column in policy.owner))

    def may(self, role: str, command: str) -> bool:
        """Whether `role` has the privilege, whatever policies say."""
        return command in self.granted.get(role, ())

    def lets(self, role: str, command: str) -> list[Policy]:
        """The policies of which one has to agree before `role` does `command`."""
        return [policy for policy in self.policies if policy.permissive and policy.concerns(role, command)]


def read(executor: SupabaseExecutor, names: Iterable[str]) -> list[Relation]:
    """Return the relations with these names (qualified, as SQL writes them): tables first."""
    where = "c.oid = ANY (SELECT to_regclass(name) FROM unnest(%(names)s::text[]) AS name)"
    rows = ask(executor, _RELATIONS.replace("{where}", where), {"roles": list(ROLES), "names": list(names)})
    return [_relation(row) for row in rows]


def read_oids(executor: SupabaseExecutor, oids: Iterable[int]) -> list[Relation]:
    """Return the relations with these object identifiers."""
    where = "c.oid = ANY (%(oids)s::oid[])"
    rows = ask(executor, _RELATIONS.replace("{where}", where), {"roles": list(ROLES), "oids": list(oids)})
    return [_relation(row) for row in rows]


def _relation(row: dict[str, Any]) -> Relation:
    policies = tuple(
        Policy(
            one["name"],
            one["permissive"],
            one["command"],
            tuple(one["roles"]),
            one["using"] or "",
            one["check"] or "",
            tuple(one["columns"] or ()),
            tuple(one["owner"] or ()),
        )
        for one in row["policies"]
    )
    granted = {role: frozenset(may) for role, may in row["granted"].items()}
    return Relation(
        row["oid"],
        row["name"],
        row["kind"],
        row["row_security"],
        granted,
        policies,
        tuple(row["columns"]),
        tuple(row["below"]),
    )


def changed(before: Snapshot, after: Snapshot, schemas: Iterable[str]) -> list[str]:
    """Return the relations of these schemas that are new or other ones, or whose policies or privileges are."""
    prefixes = tuple(f"{schema}." for schema in schemas)
    found: dict[str, None] = {}
    touched: list[Key] = [key for key, old in before.objects.items() if after.objects.get(key) != old]
    touched += [key for key in after.objects if key not in before.objects]
    for key in touched:
        if key[0] not in _OPENING:
            continue
        for snapshot in (after, before):
            for one in (key, *snapshot.ancestors(key)):
                if one[0] in _KINDS and one in after.objects and one[1].startswith(prefixes):
                    found[one[1]] = None
    return list(found)
