"""What a team needs before its first migration: its schema, its role, and what that role may do there.

The file that makes them has no Team header: it is everybody's, and it does not run as the role that it makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.objects import quoted
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.migrate import create
from elf_sqlcheck.teams import role_of, schemas_of, team_slug

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.teams import Team

# On Postgres 16 and newer, who makes a role may give it to others, but not take it on:
# https://www.postgresql.org/docs/current/role-attributes.html (role creation)
_UP = """\
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = {literal}) THEN
        CREATE ROLE {role} NOLOGIN;
        GRANT {role} TO CURRENT_USER;
    END IF;
END $$;

CREATE SCHEMA IF NOT EXISTS {schema};

GRANT ALL ON SCHEMA {schema} TO {role};
GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT ALL ON TABLES TO {role};
"""
_DOWN = """\
-- The role stays: it belongs to the whole server.
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {role};
DROP SCHEMA IF EXISTS {schema};
"""


def is_made(team: str, teams: Mapping[str, Team], migrations: Sequence[Migration]) -> bool:
    """Whether one of the migrations makes the schema of the team."""
    schema = schemas_of(team, teams)[0]
    return any(
        statement.kind == "CreateSchemaStmt" and statement.node.get("schemaname") == schema
        for migration in migrations
        for statement in migration.up.statements
    )


def write(directory: str, version: str, team: str, teams: Mapping[str, Team]) -> str:
    """Write the migration that makes what the team needs, and return its path; raises UsageError."""
    if not team_slug(team):
        raise UsageError(f"{team!r} is no name of a team.", "Use letters and digits: --team marketing")
    role, schema = role_of(team, teams), schemas_of(team, teams)[0]
    literal = "'" + role.replace("'", "''") + "'"
    names = {"role": quoted(role), "schema": quoted(schema), "literal": literal}
    slug = create.slug_of(f"add_team_{team_slug(team)}")
    content = create.text(
        version,
        slug,
        description=f"Makes the schema of team {team} and the role that may use it",
        up=_UP.format(**names),
        down=_DOWN.format(**names),
    )
    return create.write(directory, version, slug, content)


def opening(team: str, teams: Mapping[str, Team]) -> str:
    """What the UP section of a team's new migration begins with."""
    schemas = [quoted(schema) for schema in schemas_of(team, teams)]
    return f"-- Of team {team}, so in schema {' or '.join(schemas)} only: CREATE TABLE {schemas[0]}.…"
