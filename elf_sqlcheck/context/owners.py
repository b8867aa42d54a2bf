"""What a rule may ask about whose an object is: its schema, and the team and the API that the schema belongs to."""

from __future__ import annotations

from elf_sqlcheck.teams import owner_of_role, schemas_of, team_slug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.catalog.targets import Target
    from elf_sqlcheck.model import Migration

#: What Supabase's Data API serves when nothing else is configured.
EXPOSED = ("public", "graphql_public")


class Belonging:
    """The part of a `Context` that knows whose objects are."""

    __slots__ = ()

    if TYPE_CHECKING:
        migration: Migration
        now: Schema
        settings: Mapping[str, Any]
        teams: Callable[[], frozenset[str]]

    def is_exposed(self, name: Name) -> bool:
        """Whether the relation is in a schema that Supabase's Data API serves (`exposed-schemas`)."""
        return self.now.resolve(name).schema in self.settings.get("exposed-schemas", EXPOSED)

    def targets(self, change: Change) -> list[Target]:
        """What `change` makes, alters, fills or drops, as (kind of name, name); see `catalog.targets`."""
        from elf_sqlcheck.catalog.targets import targets

        return targets(change)

    def team_schemas(self) -> tuple[str, ...]:
        """The schemas that the team of this migration may change; () when it is no team's."""
        team = self.migration.team
        return schemas_of(team, self.settings.get("teams", {})) if team else ()

    def is_role_of_team(self, role: str) -> bool:
        """Whether a role belongs to the team of this migration."""
        return self._team_of(role) == team_slug(self.migration.team)

    def is_foreign_role(self, role: str) -> bool:
        """Whether a role belongs to another team than this migration does."""
        return self._team_of(role) not in {"", team_slug(self.migration.team)}

    def _team_of(self, role: str) -> str:
        return owner_of_role(role, self.settings.get("teams", {}), self.teams())
