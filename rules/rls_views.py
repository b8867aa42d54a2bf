"""Views and foreign tables that show through Supabase's Data API what row level security would hide."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    Applicability,
    CreateTable,
    CreateView,
    Edit,
    Example,
    Fix,
    Grant,
    Name,
    Rule,
    Severity,
    Span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Context, Finding, Schema

_USERS = Name("auth", "users")
_ON = frozenset({"true", "on", "1", "yes"})
_CATALOGS = frozenset({"pg_catalog", "information_schema"})
#: The first major version whose views can apply the rights of whoever asks.
_INVOKER = 15


def _applies_rights_of_caller(options: tuple[tuple[str, str], ...]) -> bool:
    return dict(options).get("security_invoker", "").lower() in _ON


def _is_shown(context: Context[CreateView | CreateTable]) -> bool:
    """Whether clients can reach it through the Data API, as far as this migration says."""
    name = context.change.name
    if not context.is_exposed(name):
        return False
    full = context.now.resolve(name)
    taken: set[str] = set()
    for change in context.of(Grant):
        if change.revoke and full in [context.now.resolve(o) for o in change.objects]:
            taken |= set(change.grantees)
    return not taken >= {"anon", "authenticated"}


def _is_table(name: Name) -> bool:
    return name.schema not in _CATALOGS and not (name.schema is None and name.name.startswith("pg_"))


def _view_bypasses_rls(context: Context[CreateView | CreateTable]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, CreateTable):
        if change.foreign and _is_shown(context):
            message = f"row level security does not hold for foreign tables: every client may read {change.name} through the Data API"
            yield context.finding(message, instead=_elsewhere(change.name, "FOREIGN TABLE"))
        return
    if change.temporary or not any(_is_table(name) for name in change.reads) or not _is_shown(context):
        return
    if _USERS in change.reads:
        return  # auth-users-exposed says it
    if change.materialized:
        message = f"row level security does not hold for materialized views: every client may read all rows of {change.name} through the Data API"
        yield context.finding(message, instead=_elsewhere(change.name, "MATERIALIZED VIEW"))
        return
    if context.settings["postgres-version"] < _INVOKER or _applies_rights_of_caller(change.options):
        return
    full = context.now.resolve(change.name)
    earlier = context.now.view(full)
    message = f"view {change.name} reads with the rights of its owner: row level security of {', '.join(map(str, change.reads[:3]))} does not hold for it, and every client sees all rows"
    if earlier is not None and _applies_rights_of_caller(earlier.options):
        message += "; it has had security_invoker, which CREATE OR REPLACE VIEW forgets unless it is said again"
    instead = f"ALTER VIEW {change.name} SET (security_invoker = true);"
    finding = context.finding(message, instead=instead, fix=_with_invoker(context, change))
    yield context.provided(finding, _stays_so, full)


def _stays_so(final: Schema, view: Name) -> bool:
    """Whether the view is there after all files, and still reads with the rights of its owner."""
    last = final.view(view)
    return last is not None and not _applies_rights_of_caller(last.options)


def _elsewhere(name: Name, kind: str) -> str:
    return f"CREATE {kind} private.{name.name} …, in a schema that is not exposed; or REVOKE ALL ON {name} FROM anon, authenticated;"


def _with_invoker(context: Context[CreateView | CreateTable], change: CreateView) -> Fix | None:
    """The option written before AS; None where there are other options already."""
    if change.options:
        return None
    for text, span in context.tokens(Span(change.span.end, change.statement.span.end)):
        if text.lower() == "as":
            words = context.keywords("WITH (security_invoker = true) ")
            return Fix(
                "read with the rights of whoever asks",
                (Edit(Span(span.start, span.start), words),),
                Applicability.UNSAFE,
            )
    return None


def _auth_users_exposed(context: Context[CreateView]) -> Iterator[Finding]:
    change = context.change
    if _USERS not in change.reads or change.temporary or not _is_shown(context):
        return
    may_change = not change.materialized and context.settings["postgres-version"] >= _INVOKER
    if may_change and _applies_rights_of_caller(change.options):
        return
    kind = "materialized view" if change.materialized else "view"
    message = f"{kind} {change.name} reads auth.users with the rights of its owner: every client can list the users of the project through the Data API"
    finding = context.finding(message)
    full = context.now.resolve(change.name)
    yield context.provided(finding, _stays_so, full) if may_change else finding


_NOTES = "CREATE TABLE notes (id uuid PRIMARY KEY, user_id uuid);\nALTER TABLE notes ENABLE ROW LEVEL SECURITY;"

# fmt: off
RULES = (
    Rule(
        name="view-bypasses-rls", family="rls", severity=Severity.ERROR, on=(CreateView, CreateTable), check=_view_bypasses_rls, profile="supabase",
        summary="a view of an exposed schema that row level security does not hold for",
        why="A view reads with the rights of its owner, who is not subject to the policies of its tables; materialized views and foreign tables have no row level security at all. The Data API shows them to everybody with the public key.",
        instead="CREATE VIEW recent_notes WITH (security_invoker = true) AS …",
        bad=(
            Example("CREATE VIEW recent_notes AS SELECT id FROM notes; -- finding", before=_NOTES, fixed="CREATE VIEW recent_notes WITH (security_invoker = true) AS SELECT id FROM notes;", unsafe=True),
            Example("create or replace view public.recent_notes (note_id) -- finding\nas select id from notes;", before=f"{_NOTES}\nCREATE VIEW recent_notes WITH (security_invoker) AS SELECT id AS note_id FROM notes;", fixed="create or replace view public.recent_notes (note_id)\nwith (security_invoker = true) as select id from notes;", unsafe=True),
            Example("CREATE MATERIALIZED VIEW note_counts AS SELECT user_id, count(*) FROM notes GROUP BY user_id; -- finding", before=_NOTES),
            Example("CREATE FOREIGN TABLE orders (id uuid) SERVER shop; -- finding", before="CREATE FOREIGN DATA WRAPPER wares;\nCREATE SERVER shop FOREIGN DATA WRAPPER wares;"),
            Example("CREATE VIEW mine WITH (security_barrier) AS SELECT id FROM notes; -- finding", before=_NOTES),
        ),
        good=(
            Example("CREATE VIEW recent_notes WITH (security_invoker = on) AS SELECT id FROM notes;\nCREATE VIEW others WITH (security_barrier, security_invoker) AS SELECT id FROM notes;", before=_NOTES),
            Example("CREATE VIEW recent_notes AS SELECT id FROM notes;\nALTER VIEW recent_notes SET (security_invoker = true);", before=_NOTES),
            Example("CREATE VIEW recent_notes AS SELECT id FROM notes;", before=_NOTES, after="ALTER VIEW recent_notes SET (security_invoker = true);"),
            Example("CREATE SCHEMA private;\nCREATE VIEW private.all_notes AS SELECT id FROM notes;\nCREATE MATERIALIZED VIEW private.note_counts AS SELECT count(*) FROM notes;", before=_NOTES),
            Example("CREATE MATERIALIZED VIEW note_counts AS SELECT count(*) FROM notes;\nREVOKE ALL ON note_counts FROM anon, authenticated;", before=_NOTES),
            Example("CREATE VIEW constants AS SELECT 1 AS one;\nCREATE VIEW settings AS SELECT name FROM pg_settings;\nCREATE TEMPORARY VIEW work AS SELECT id FROM notes;", before=_NOTES),
            Example("CREATE VIEW recent_notes AS SELECT id FROM notes;", before=_NOTES, settings=(("postgres-version", 14),)),
        ),
    ),
    Rule(
        name="auth-users-exposed", family="rls", severity=Severity.ERROR, on=(CreateView,), check=_auth_users_exposed, profile="supabase",
        summary="a view over auth.users in an exposed schema",
        why="It reads with the rights of its owner, who may read auth.users: addresses, telephone numbers and sign-in times of all users are there for everybody with the public key.",
        instead="keep what clients may see in a table of its own, such as public.profiles, filled by a trigger on auth.users",
        bad=(
            Example("CREATE VIEW people AS SELECT id, email FROM auth.users; -- finding"),
            Example("CREATE MATERIALIZED VIEW public.signups AS SELECT count(u.id) FROM notes n JOIN auth.users u ON u.id = n.user_id; -- finding", before=_NOTES),
        ),
        good=(
            Example("CREATE VIEW me WITH (security_invoker = true) AS SELECT id FROM auth.users WHERE id = (SELECT auth.uid());"),
            Example("CREATE SCHEMA private;\nCREATE VIEW private.people AS SELECT id, email FROM auth.users;"),
            Example("CREATE VIEW people AS SELECT id FROM auth.users;\nREVOKE ALL ON people FROM anon, authenticated, PUBLIC;"),
            Example("CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users);\nCREATE VIEW people WITH (security_invoker = true) AS SELECT id FROM profiles;"),
        ),
    ),
)
