"""A team's migrations stay in that team's schema."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    CreateExtension,
    DefaultPrivileges,
    Drop,
    Example,
    Grant,
    GrantRole,
    Migration,
    Rename,
    Role,
    Rule,
    SetOwner,
    Severity,
    Team,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.rule import Change, Context, Finding, Schema

_LOOKED_UP = frozenset({"relation", "type", "function"})


def _outside_team_schema(context: Context[Migration]) -> Iterator[Finding]:
    own = context.team_schemas()
    if not own:
        return
    said: set[str] = set()
    changes = [*context.changes, *context.undoing]
    for number, change in enumerate(changes):
        message = _complaint(context, change, own, context.now.at(number))
        undoing = number >= len(context.changes)
        if message and not (undoing and message in said):
            said.add(message)
            yield context.finding(message, change.span, instead=_instead(context, own))


def _complaint(context: Context[Migration], change: Change, own: tuple[str, ...], now: Schema) -> str:
    """What a change does outside of the schemas of its team, "" for nothing; `now` is the schema just before it."""
    team = context.migration.team
    for kind, name in context.targets(change):
        if kind in _LOOKED_UP:
            schema = name.schema or now.resolve(name, kind).schema or ""
            if schema not in own and schema != "pg_temp":
                return f"team {team} touches {name} in schema {quoted(schema)}, which is not its own"
        elif kind == "schema":
            if name.name not in own:
                return f"team {team} touches schema {name}, which is not its own"
        elif kind == "extension" and isinstance(change, CreateExtension):
            return f"extension {name} is installed for the whole database, not for team {team}"
        elif isinstance(change, (Role, Drop, Rename)) and kind == "role":
            if not context.is_role_of_team(name.name):
                return f"role {name} belongs to the whole server, not to team {team}"
        elif kind == "server":
            return f"{name.name} acts on the whole server, not on what team {team} has"
        else:
            return f"team {team} touches {kind} {name}, which is no team's own"
    return _about_roles(context, change)


def _about_roles(context: Context[Migration], change: Change) -> str:
    """What a change does with roles of other teams, or for all schemas at once."""
    team = context.migration.team
    if isinstance(change, DefaultPrivileges) and not change.schemas and not change.revoke:
        return f"ALTER DEFAULT PRIVILEGES without IN SCHEMA holds for all schemas, not only for those of team {team}"
    if isinstance(change, (Grant, DefaultPrivileges)):
        others = [] if change.revoke else _foreign(context, change.grantees)
        return f"team {team} grants access to {_named(others)}, of another team" if others else ""
    if isinstance(change, GrantRole):
        others = _foreign(context, (*change.roles, *change.grantees))
        return f"team {team} changes who is a member of {_named(others)}, of another team" if others else ""
    if isinstance(change, SetOwner) and context.is_foreign_role(change.owner):
        return f"team {team} gives {change.kind} {change.name} to role {quoted(change.owner)}, of another team"
    return ""


def _foreign(context: Context[Migration], roles: Sequence[str]) -> list[str]:
    return [role for role in roles if context.is_foreign_role(role)]


def _named(roles: Sequence[str]) -> str:
    return ("role " if len(roles) == 1 else "roles ") + ", ".join(map(quoted, roles))


def _instead(context: Context[Migration], own: tuple[str, ...]) -> str:
    team = context.migration.team
    return f"use schema {' or '.join(map(quoted, own))}; or leave out `-- Team: {team}`, so that the change is reviewed as everybody's"


_PATH = "migrations/20250121_100000_campaigns.sql"


def _file(up: str, down: str = "SELECT 1;", team: str = "marketing") -> str:
    head = "-- Migration: Campaigns\n-- Version: 20250121_100000\n-- Description: What the campaigns of a team cost\n"
    return f"{head}-- Team: {team}\n\n-- ============= UP MIGRATION =============\n{up}\n\n-- ============= DOWN MIGRATION ============\n{down}\n"


def _example(up: str, *, before: str = "", team: str = "marketing", runs: str = "", **settings: object) -> Example:
    return Example(_file(up, team=team), path=_PATH, before=before, runs=runs, settings=tuple(settings.items()))


_SALES = (
    "CREATE SCHEMA sales;\nCREATE TABLE sales.orders (id uuid PRIMARY KEY);\nCREATE TABLE teams (id uuid PRIMARY KEY);"
)
_ROLES = "CREATE SCHEMA marketing;\nCREATE ROLE sales_reader;\nCREATE ROLE marketing_team_role;"

# fmt: off
RULES = (
    Rule(
        name="outside-team-schema", family="teams", severity=Severity.ERROR, on=(Migration,), check=_outside_team_schema, layouts=("elf",),
        summary="a team's migration that changes what is not in its schema",
        why="A file with `-- Team: x` is reviewed by team x alone. What it changes elsewhere breaks another team, or gives its data away, and that team learns of it in production. Reading, and foreign keys to tables of others, are fine.",
        instead="use the team's own schema; or leave out the Team header, so that the change is reviewed as everybody's",
        bad=(
            _example("CREATE TABLE sales.campaigns (id uuid PRIMARY KEY); -- finding\nALTER TABLE sales.orders ADD COLUMN campaign_id uuid; -- finding\nINSERT INTO sales.orders VALUES (gen_random_uuid()); -- finding", before=_SALES),
            _example("CREATE TABLE campaigns (id uuid PRIMARY KEY); -- finding\nCREATE INDEX idx_campaigns_id ON campaigns (id); -- finding"),
            _example("CREATE SCHEMA marketing;\nGRANT USAGE ON SCHEMA marketing TO marketing_team_role;\nGRANT USAGE ON SCHEMA marketing TO sales_reader; -- finding", before="CREATE ROLE sales_reader;\nCREATE ROLE marketing_team_role;", teams={"sales": Team(("sales",))}),
            _example("CREATE TABLE marketing.campaigns (id uuid);\nALTER TABLE marketing.campaigns SET SCHEMA public; -- finding\nCREATE EXTENSION IF NOT EXISTS citext; -- finding\nCREATE ROLE reporting; -- finding", before="CREATE SCHEMA marketing;"),
            _example("CREATE FUNCTION public.spent() RETURNS int LANGUAGE sql AS 'SELECT 1'; -- finding\nCREATE TYPE mood AS ENUM ('ok'); -- finding\nALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO marketing_team_role; -- finding", before=_ROLES),
            Example(_file("CREATE TABLE marketing.a (id uuid);\nCREATE TABLE sales.a (id uuid); -- finding", "DROP TABLE marketing.a;\nDROP TABLE sales.a;\nDROP TABLE sales.orders; -- finding"), path=_PATH, before=f"CREATE SCHEMA marketing;\n{_SALES}"),
        ),
        good=(
            _example("CREATE SCHEMA IF NOT EXISTS marketing;\nCREATE TABLE IF NOT EXISTS marketing.campaign_metrics (id uuid PRIMARY KEY, team_id uuid REFERENCES teams);\nCREATE VIEW marketing.seen AS SELECT o.id FROM sales.orders o;\nGRANT ALL ON SCHEMA marketing TO marketing_team_role;\nGRANT ALL ON ALL TABLES IN SCHEMA marketing TO marketing_team_role;", before=f"{_SALES}\nCREATE ROLE marketing_team_role;"),
            _example("SET LOCAL search_path = marketing, public;\nCREATE TABLE campaigns (id uuid PRIMARY KEY);\nCREATE INDEX idx_campaigns_id ON campaigns (id);\nCREATE TEMPORARY TABLE work (id uuid);\nINSERT INTO work SELECT id FROM teams;\nALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;", before=f"CREATE SCHEMA marketing;\n{_SALES}", runs="SET LOCAL needs the transaction that elf-migrate opens"),
            _example("CREATE TABLE campaigns.seen (id uuid);\nGRANT SELECT ON campaigns.seen TO crm_reader, authenticated;", team="Marketing", before="CREATE SCHEMA campaigns;\nCREATE ROLE crm_reader;\nCREATE ROLE authenticated;", teams={"marketing": Team(("marketing", "campaigns"))}),
            _example("CREATE TABLE customer_success.tickets (id uuid);\nCREATE ROLE customer_success_reader;\nREVOKE ALL ON customer_success.tickets FROM customer_success_reader;", team="Customer Success", before="CREATE SCHEMA customer_success;"),
            Example("CREATE TABLE anything (id uuid PRIMARY KEY);"),
        ),
    ),
)
