"""The schemas of a Supabase project that are Supabase's own, and the one that is not for extensions."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AlterPolicy,
    Applicability,
    Comment,
    CreateExtension,
    CreatePolicy,
    CreateSchema,
    CreateTrigger,
    Drop,
    Edit,
    Example,
    Fix,
    Grant,
    Migration,
    Rule,
    SetSchema,
    Severity,
    Span,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Change, Context, Finding

#: Where Supabase refuses everything but what is listed below since 21 April 2025.
_CLOSED = frozenset({"auth", "storage", "realtime"})
_MANAGED = _CLOSED | {
    "_analytics", "_realtime", "_supavisor", "cron", "etl", "extensions", "graphql", "graphql_public", "net", "pgbouncer",
    "pgmq", "pgsodium", "supabase_functions", "supabase_migrations", "vault",
}  # fmt: skip
#: Tables that take policies and triggers of the project.
_POLICED = frozenset({("storage", "objects"), ("storage", "buckets"), ("realtime", "messages")})
_TRIGGERED = frozenset({("auth", "users"), ("auth", "identities"), ("storage", "objects"), ("storage", "buckets")})
#: What every project has in the schema `extensions`, or has where it belongs: IF NOT EXISTS does nothing.
_THERE = frozenset({"uuid-ossp", "pgcrypto", "pg_stat_statements", "pgjwt", "plpgsql", "supabase_vault", "pg_graphql"})
#: Extensions that choose their schema themselves.
_FIXED = frozenset({"pg_cron", "pg_net", "pgmq", "pgsodium", "pg_tle", "supabase_vault", "pg_graphql", "plpgsql", "timescaledb",
                    "postgis_tiger_geocoder", "postgis_topology", "pg_partman", "pg_repack", "hypopg", "plv8"})  # fmt: skip


def _is_allowed(change: Change) -> bool:
    """Whether Supabase lets a project do this in its schemas, or it changes no definition there."""
    if isinstance(change, (Grant, WriteRows)):
        return True
    if isinstance(change, (CreatePolicy, AlterPolicy)):
        return (change.table.schema, change.table.name) in _POLICED
    if isinstance(change, CreateTrigger):
        return (change.table.schema, change.table.name) in _TRIGGERED
    if isinstance(change, (Drop, Comment)) and change.kind in {"policy", "trigger"}:
        place = (change.name.schema, change.name.name)
        return place in (_POLICED if change.kind == "policy" else _TRIGGERED)
    return isinstance(change, CreateSchema) and change.if_not_exists


def _managed_schema_change(context: Context[Migration]) -> Iterator[Finding]:
    for change in context.changes:
        for kind, name in context.targets(change):
            schema = name.name if kind == "schema" else name.schema
            if schema not in _MANAGED or _is_allowed(change):
                continue
            if isinstance(change, SetSchema) and kind == "schema" and change.kind == "extension":
                continue
            thing = f"schema {name}" if kind == "schema" else f"{name} in schema {schema}"
            outcome = (
                "the deployment stops with permission denied"
                if schema in _CLOSED
                else "the next update of the project may overwrite the change, or fail on it"
            )
            yield context.finding(f"it changes {thing}, which is Supabase's own: {outcome}", change.span)
            break


def _extension_in_public(context: Context[CreateExtension]) -> Iterator[Finding]:
    change = context.change
    name = change.name
    if change.schema not in {None, "public"} or (change.if_not_exists and name in _THERE) or name in _FIXED:
        return
    if change.schema is None and context.now.search_path[0] != "public":
        return
    if any(other.kind == "extension" and other.name.name == name for other in context.of(SetSchema)):
        return
    message = f"extension {name} goes into schema public: its functions become part of the Data API, and may be called by everybody"
    yield context.finding(
        message, instead=f"CREATE EXTENSION {quoted(name)} WITH SCHEMA extensions;", fix=_into_extensions(context)
    )


def _into_extensions(context: Context[CreateExtension]) -> Fix | None:
    tokens = context.tokens(context.change.statement.span)
    title = "put it into schema extensions"
    for number, (word, _) in enumerate(tokens):
        if word.lower() == "schema":
            name, span = tokens[number + 1]
            edit = Edit(span, "extensions") if name.strip('"') == "public" else None
            return Fix(title, (edit,), Applicability.UNSAFE) if edit else None
    named = [span for text, span in tokens if text.strip('"') == context.change.name]
    if not named or any(text.lower() in {"with", "version", "cascade"} for text, _ in tokens):
        return None
    end = named[-1].end
    return Fix(title, (Edit(Span(end, end), context.keywords(" WITH SCHEMA ") + "extensions"),), Applicability.UNSAFE)


# fmt: off
RULES = (
    Rule(
        name="managed-schema-change", family="rls", severity=Severity.ERROR, on=(Migration,), check=_managed_schema_change, profile="supabase",
        words=tuple(sorted(_MANAGED)),
        summary="a change of what is Supabase's own",
        why="auth, storage, realtime and their like are kept up to date by Supabase. Since 21 April 2025 tables, functions and indexes cannot be made or dropped in the first three, and what is changed in the others is lost or in the way at the next update. Foreign keys to them, policies, triggers on listed tables and rows of storage.buckets are allowed.",
        instead="keep your own tables, functions and views in a schema of your own, and refer to theirs",
        bad=(
            Example("ALTER TABLE auth.users ADD COLUMN nickname text; -- finding"),
            Example("CREATE FUNCTION auth.team_id() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'; -- finding\nCREATE INDEX idx_objects_owner ON storage.objects (owner); -- finding"),
            Example("CREATE TABLE vault.keys (id uuid); -- finding"),
            Example("ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY; -- finding\nDROP SCHEMA graphql_public CASCADE; -- finding"),
        ),
        good=(
            Example("CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE);"),
            Example("CREATE POLICY avatars ON storage.objects FOR SELECT USING (bucket_id = 'avatars');\nDROP POLICY IF EXISTS avatars ON storage.objects;\nCREATE POLICY topics ON realtime.messages FOR SELECT TO authenticated USING (true);"),
            Example("CREATE FUNCTION on_signup() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\nDROP TRIGGER IF EXISTS on_signup ON auth.users;\nCREATE TRIGGER on_signup AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION on_signup();"),
            Example("INSERT INTO storage.buckets (id, name) VALUES ('avatars', 'avatars') ON CONFLICT DO NOTHING;"),
            Example("CREATE SCHEMA IF NOT EXISTS extensions;\nCREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA extensions;\nGRANT USAGE ON SCHEMA extensions TO authenticated;"),
            Example("CREATE SCHEMA authoring;\nCREATE TABLE authoring.users (id uuid);\nCREATE TABLE public.vault (id uuid);"),
        ),
    ),
    Rule(
        name="extension-in-public", family="rls", severity=Severity.WARNING, on=(CreateExtension,), check=_extension_in_public, profile="supabase",
        summary="an extension in schema public",
        why="The Data API serves schema public: the functions of the extension can then be called by everybody, and they mix with the tables and functions of the project. Supabase has the schema extensions in everybody's search_path.",
        instead="CREATE EXTENSION pg_trgm WITH SCHEMA extensions;",
        bad=(
            Example("CREATE EXTENSION IF NOT EXISTS citext; -- finding", fixed="CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA extensions;", unsafe=True),
            Example('create extension "btree_gist" with schema public; -- finding', fixed='create extension "btree_gist" with schema extensions;', unsafe=True),
        ),
        good=(
            Example("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA extensions;"),
            Example('CREATE EXTENSION IF NOT EXISTS "uuid-ossp";\nCREATE EXTENSION IF NOT EXISTS pgcrypto;'),
            Example("CREATE EXTENSION citext;\nALTER EXTENSION citext SET SCHEMA extensions;"),
            Example("CREATE EXTENSION pg_cron;\nCREATE EXTENSION pg_net;", runs="they are Supabase's own"),
        ),
    ),
)
