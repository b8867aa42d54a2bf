"""Runs migrations in the stand-in for a Supabase project as a `postgres` that is no superuser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.shared.database import SupabaseExecutor

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import Outcome


class SupautilsExecutor(SupabaseExecutor):
    """An executor for whom `administration` makes what only a superuser may, where Supabase lets its `postgres` do it.

    That is event triggers; everything else that Supabase lets it do is in postgres/supabase/privileged.sql. Commands
    about event triggers fire none themselves. https://github.com/supabase/supautils#non-superuser-event-triggers
    """

    def __init__(self, url: str, administration: SupabaseExecutor, **more: Any) -> None:
        super().__init__(url, **more)
        self._administration = administration

    def run(self, migration: Migration, section: Section, **more: Any) -> Outcome:
        """Run one section as `SupabaseExecutor.run` does."""
        if not any(statement.kind == "CreateEventTrigStmt" for statement in section.statements):
            return super().run(migration, section, **more)
        self._administration.query("ALTER ROLE postgres SUPERUSER")
        try:
            return super().run(migration, section, **more)
        finally:
            self._administration.query("ALTER ROLE postgres NOSUPERUSER")
