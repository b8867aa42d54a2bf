"""Tables that Supabase's Data API shows: row level security is on, has policies, and there are grants."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    Applicability,
    CreatePolicy,
    CreateTable,
    DefaultPrivileges,
    Example,
    Fix,
    Grant,
    Rule,
    SetRowSecurity,
    Severity,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Context, Finding, Name, Schema

    _About = Context[CreateTable | SetRowSecurity] | Context[SetRowSecurity] | Context[CreatePolicy | SetRowSecurity]

_GRANT = frozenset({"GrantStmt"})
_DEFAULTS = frozenset({"AlterDefaultPrivilegesStmt"})
_API_ROLES = frozenset({"anon", "authenticated"})
_GRANTED = ("anon", "authenticated", "service_role", "public")


def _is_open(final: Schema, name: Name) -> bool:
    """Whether the table is there after all files and still has no row level security."""
    table = final.table(name)
    return table is not None and not table.row_security


def _is_shut(final: Schema, name: Name) -> bool:
    """Whether all files together make the table, with row level security and no policy."""
    table = final.table(name)
    return table is not None and table.known and bool(table.row_security) and not any(table.policies.values())


def _is_ignored(final: Schema, name: Name, policies: tuple[str, ...]) -> bool:
    """Whether all files together make the table without row level security, and with one of the policies."""
    table = final.table(name)
    return table is not None and table.known and not table.row_security and any(map(table.policies.get, policies))


def _revoked(context: _About, name: Name) -> bool:
    """Whether the migration takes the table away from both roles of the Data API."""
    full = context.now.resolve(name)
    taken = {
        role
        for change in context.of(Grant)
        if change.revoke and any(context.now.resolve(o) == full for o in change.objects)
        for role in change.grantees
    }
    return taken >= _API_ROLES


def _table_without_rls(context: Context[CreateTable | SetRowSecurity]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, SetRowSecurity):
        if change.on or change.what != "enabled" or not context.is_exposed(change.table):
            return
        name = change.table
        done = f"the row level security of {name} is switched off"
    else:
        name = change.name
        if change.persistence == "temporary" or change.foreign or not context.is_exposed(name):
            return
        done = f"table {name} has no row level security"
    now = context.after.table(name)
    if now is None or now.row_security or _revoked(context, name):
        return
    if isinstance(change, SetRowSecurity) and any(now.policies.values()):
        return  # policy-without-rls says it
    if context.hold_words("row level security"):
        return
    statement = f"{context.keywords('ALTER TABLE')} {name} {context.keywords('ENABLE ROW LEVEL SECURITY')};"
    message = f"{done}: whoever has the public key of the project, which is in every client, may read and write all of its rows through the Data API"
    edits = context.append(statement) if isinstance(change, CreateTable) else ()
    fix = Fix("enable row level security", edits, Applicability.UNSAFE) if edits else None
    instead = f"{statement} and a policy for each of those who may see its rows"
    finding = context.finding(message, instead=instead, fix=fix)
    yield context.provided(finding, _is_open, now.name)


def _rls_without_policy(context: Context[SetRowSecurity]) -> Iterator[Finding]:
    change = context.change
    if not change.on or change.what != "enabled" or not context.is_exposed(change.table):
        return
    now = context.after.table(change.table)
    if now is None or not now.known or any(now.policies.values()):
        return
    if context.hold_words("policy") or _revoked(context, change.table):
        return
    message = f"table {change.table} has row level security and no policy: anon and authenticated see no row of it and cannot write one"
    instead = (
        f"CREATE POLICY {now.name.name}_own ON {change.table} FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id); "
        f"or, where only service_role is meant to use it: REVOKE ALL ON {change.table} FROM anon, authenticated;"
    )
    finding = context.finding(message, instead=instead)
    yield context.provided(finding, _is_shut, now.name)


def _policy_without_rls(context: Context[CreatePolicy | SetRowSecurity]) -> Iterator[Finding]:
    change = context.change
    now = context.after.table(change.table)
    if now is None or not now.known or now.row_security:
        return
    names = [name for name, policy in now.policies.items() if policy]
    if isinstance(change, CreatePolicy):
        names = [name for name in names if name == change.policy.name and not _is_switched_off(context)]
    elif change.on or change.what != "enabled":
        return
    if not names:
        return
    if context.hold_words("row level security"):
        return
    statement = f"{context.keywords('ALTER TABLE')} {change.table} {context.keywords('ENABLE ROW LEVEL SECURITY')};"
    edits = context.append(statement) if isinstance(change, CreatePolicy) else ()
    fix = Fix("enable row level security", edits, Applicability.UNSAFE) if edits else None
    which = (
        f"the policy {quoted(names[0])} has"
        if len(names) == 1
        else f"the policies {', '.join(map(quoted, names))} have"
    )
    message = f"{which} no effect: row level security of {change.table} is off, so everybody with a grant sees and writes all rows"
    finding = context.finding(message, instead=statement, fix=fix)
    yield context.provided(finding, _is_ignored, now.name, tuple(names))


def _is_switched_off(context: Context[CreatePolicy | SetRowSecurity]) -> bool:
    """Whether a later statement of the migration switches it off, which is then what is found."""
    table = context.now.resolve(context.change.table)
    start = context.change.statement.span.start
    return any(
        not c.on and c.statement.span.start > start and context.now.resolve(c.table) == table
        for c in context.of(SetRowSecurity)
    )


def _missing_api_grant(context: Context[CreateTable]) -> Iterator[Finding]:
    change = context.change
    if (
        change.persistence == "temporary"
        or change.foreign
        or change.partition_of
        or not context.is_exposed(change.name)
    ):
        return
    full = context.now.resolve(change.name)
    if any(_grants(context, other, full) for other in context.of(DefaultPrivileges, Grant)):
        return
    if context.hold_words("grant ") or context.hold_words("all tables in", _GRANT) or context.hold_words("", _DEFAULTS):
        return
    statement = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {change.name} TO authenticated, service_role;"
    message = f"nobody is granted table {change.name}: in a project made since 30 May 2026, and in all from 30 October 2026 on, the Data API answers that permission is denied"
    fix = Fix("grant it to authenticated and service_role", context.append(statement), Applicability.SHOWN)
    yield context.provided(context.finding(message, instead=statement, fix=fix), _is_granted_to_nobody, full)


def _is_granted_to_nobody(schema: Schema, table: Name) -> bool:
    there = schema.table(table) is not None
    return there and not any(schema.get(("grant", table.schema or "", table.name, "table", role)) for role in _GRANTED)


def _grants(context: Context[CreateTable], change: object, table: Name) -> bool:
    """Whether a change says who may use the table, one way or the other."""
    if isinstance(change, DefaultPrivileges):
        return change.kind == "table"
    if not isinstance(change, Grant) or change.kind not in {"table", "schema"}:
        return False
    return change.all_in_schema or any(context.now.resolve(name) == table for name in change.objects)


_ON = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
_NOTES = "CREATE TABLE notes (id uuid PRIMARY KEY, user_id uuid);"
_POLICY = "CREATE POLICY notes_own ON notes FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id);"
_KEY = "Supabase's Data API lets everybody with the project's public key reach the tables of the schemas that it serves; what row level security does not forbid, they may do."

# fmt: off
RULES = (
    Rule(
        name="table-without-rls", family="rls", severity=Severity.ERROR, on=(CreateTable, SetRowSecurity), check=_table_without_rls, profile="supabase",
        summary="a table of an exposed schema without row level security",
        why=_KEY,
        instead="ALTER TABLE notes ENABLE ROW LEVEL SECURITY;",
        bad=(
            Example(f"{_NOTES} -- finding", fixed=f"{_NOTES}\n\n{_ON}", unsafe=True),
            Example("create table public.notes (id uuid primary key); -- finding", fixed="create table public.notes (id uuid primary key);\n\nalter table public.notes enable row level security;", unsafe=True),
            Example("ALTER TABLE notes DISABLE ROW LEVEL SECURITY; -- finding", before=f"{_NOTES}\n{_ON}"),
            Example("CREATE TABLE events (at timestamptz) PARTITION BY RANGE (at);\nALTER TABLE events ENABLE ROW LEVEL SECURITY;\nCREATE TABLE events_rest PARTITION OF events DEFAULT; -- finding"),
            Example("CREATE SCHEMA api;\nCREATE TABLE api.notes (id uuid); -- finding", settings=(("exposed-schemas", ("public", "api")),)),
        ),
        good=(
            Example(f"{_NOTES}\n{_ON}"),
            Example(_NOTES, after=_ON),
            Example("CREATE SCHEMA private;\nCREATE TABLE private.notes (id uuid PRIMARY KEY);\nCREATE TEMPORARY TABLE work (id uuid);"),
            Example(f"{_NOTES}\nREVOKE ALL ON notes FROM anon, authenticated;"),
            Example(f"{_NOTES}\nDO $$\nDECLARE t text;\nBEGIN\n    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP\n        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', t);\n    END LOOP;\nEND $$;"),
            Example("ALTER TABLE notes DISABLE ROW LEVEL SECURITY;\nALTER TABLE notes ADD COLUMN body text;\nALTER TABLE notes ENABLE ROW LEVEL SECURITY;", before=f"{_NOTES}\n{_ON}"),
        ),
    ),
    Rule(
        name="rls-without-policy", family="rls", severity=Severity.WARNING, on=(SetRowSecurity,), check=_rls_without_policy, profile="supabase",
        summary="row level security without any policy",
        why="Without a policy nobody but the owner and service_role sees a row: queries of clients come back empty, without an error that says why.",
        instead="CREATE POLICY notes_own ON notes FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id);",
        bad=(
            Example(f"{_NOTES}\n{_ON} -- finding"),
            Example(f"{_POLICY}\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY; -- finding\nDROP POLICY notes_own ON notes;", before=_NOTES),
        ),
        good=(
            Example(f"{_NOTES}\n{_ON}\n{_POLICY}"),
            Example(f"{_NOTES}\n{_ON}", after=_POLICY),
            Example(f"{_NOTES}\n{_ON}\nREVOKE ALL ON notes FROM anon, authenticated;"),
            Example("ALTER TABLE legacy ENABLE ROW LEVEL SECURITY;", runs="legacy is older than all migrations, and so may its policies be"),
            Example("CREATE SCHEMA private;\nCREATE TABLE private.notes (id uuid PRIMARY KEY);\nALTER TABLE private.notes ENABLE ROW LEVEL SECURITY;"),
        ),
    ),
    Rule(
        name="policy-without-rls", family="rls", severity=Severity.ERROR, on=(CreatePolicy, SetRowSecurity), check=_policy_without_rls, profile="supabase",
        summary="a policy on a table whose row level security is off",
        why="Postgres accepts the policy and never asks it. The table looks protected, and everybody with a grant reads and writes all of it.",
        instead="ALTER TABLE notes ENABLE ROW LEVEL SECURITY;",
        bad=(
            Example(f"{_NOTES}\n{_POLICY} -- finding", fixed=f"{_NOTES}\n{_POLICY}\n\n{_ON}", unsafe=True),
            Example(f"{_POLICY}\nALTER TABLE notes DISABLE ROW LEVEL SECURITY; -- finding", before=f"{_NOTES}\n{_ON}"),
        ),
        good=(
            Example(f"{_NOTES}\n{_POLICY}\n{_ON}"),
            Example(f"{_NOTES}\n{_POLICY}", after=_ON),
            Example("CREATE POLICY own ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'avatars');"),
            Example(f"{_NOTES}\n{_POLICY}\nDROP POLICY notes_own ON notes;"),
        ),
    ),
    Rule(
        name="missing-api-grant", family="rls", severity=Severity.WARNING, on=(CreateTable,), check=_missing_api_grant, profile="supabase",
        summary="a table of an exposed schema that nobody is granted",
        why="Supabase no longer grants new tables to anon, authenticated and service_role by itself. Without a GRANT the Data API refuses them all, service_role too, and only in projects where that is so already.",
        instead="GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO authenticated, service_role;",
        bad=(
            Example(f"{_NOTES} -- finding"),
            Example("CREATE TABLE public.notes (id uuid PRIMARY KEY); -- finding\nCREATE TABLE tags (id uuid PRIMARY KEY);\nGRANT SELECT ON tags TO anon;"),
        ),
        good=(
            Example(f"{_NOTES}\nGRANT SELECT ON public.notes TO authenticated;"),
            Example(_NOTES, after="GRANT ALL ON notes TO service_role;"),
            Example(f"{_NOTES}\nREVOKE ALL ON notes FROM anon, authenticated;"),
            Example(_NOTES, before="ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO service_role;"),
            Example(f"{_NOTES}\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO authenticated;"),
            Example(f"{_NOTES}\nDO $$ BEGIN GRANT SELECT ON notes TO authenticated; END $$;"),
        ),
    ),
)
