"""Teams: which schemas and roles are whose, as `[teams]` of the configuration and the names of schemas and roles say.

    [teams]
    marketing = ["marketing", "campaigns"]
    sales = { schemas = ["sales"], role = "sales_owner", roles = ["crm_reader"] }

Without an entry the schema of a team is called as the team is, in lower_snake_case, and the role that its migrations
may run as is `<team>_team_role`. Roles whose names begin with a team's name are that team's.
"""

from __future__ import annotations

from elf_sqlcheck.errors import UsageError, nearest
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_KEYS = ("schemas", "roles", "role")


class Team(Record):
    """The schemas that a team may change, and roles that are its own besides those named after it.

    `role` is the one that its migrations may run as, "" for the one that is named after it.
    """

    schemas: tuple[str, ...]
    roles: tuple[str, ...] = ()
    role: str = ""


def team_slug(team: str) -> str:
    """The name of a team as its schema and its roles have it: "Customer Success" → customer_success."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in team.lower()).split())


def read_teams(where: str, entries: Mapping[str, object]) -> dict[str, Team]:
    """The teams of a `[teams]` table by their slugs; raises UsageError naming the entry that is no good."""
    found: dict[str, Team] = {}
    expected = 'write ["schema", …], or { schemas = ["schema", …], roles = ["role", …] }'
    for name, value in entries.items():
        table: dict[str, Any] = value if isinstance(value, dict) else {"schemas": value}
        for key in table:
            if key not in _KEYS:
                raise UsageError(f"{where}.{name}: there is no key {key!r}", nearest(key, _KEYS))
        schemas, roles, role = table.get("schemas", []), table.get("roles", []), table.get("role", "")
        for names in (schemas, roles):
            if not isinstance(names, list) or not all(isinstance(item, str) and item for item in names):
                raise UsageError(f"{where}.{name} is no list of schemas", expected)
        if not isinstance(role, str):
            raise UsageError(f"{where}.{name}.role is no name of a role", expected)
        if not schemas:
            raise UsageError(f"{where}.{name} names no schema", expected)
        slug = team_slug(name)
        if not slug or slug in found:
            raise UsageError(f"{where}: {name!r} is no name of a team, or is there twice", expected)
        found[slug] = Team(tuple(schemas), tuple(roles), role)
    return found


def schemas_of(team: str, teams: Mapping[str, Team]) -> tuple[str, ...]:
    """The schemas that a team may change, its first one for what is new."""
    found = teams.get(team_slug(team))
    return found.schemas if found else (team_slug(team),)


def role_of(team: str, teams: Mapping[str, Team]) -> str:
    """The role that the migrations of a team may run as."""
    found = teams.get(team_slug(team))
    return (found.role if found else "") or f"{team_slug(team)}_team_role"


def owner_of_role(role: str, teams: Mapping[str, Team], names: Iterable[str]) -> str:
    """The slug of the team that a role belongs to, "" for none; `names` are teams that may be in no configuration."""
    for name, team in teams.items():
        if role == team.role or role in team.roles:
            return name
    owners = [slug for slug in {*teams, *map(team_slug, names)} if role == slug or role.startswith(f"{slug}_")]
    return max(owners, key=len, default="")
