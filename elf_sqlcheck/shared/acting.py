"""As whom a section runs: as ourselves, or as the role of a team, so that Postgres keeps it to what is the team's."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.shared.session import error_in, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from elf_sqlcheck.errors import MigrationFailed

#: How a section fails that did not end as the role that it began as: in a class that Postgres leaves to others.
_ESCAPED = "ELF01"
_NOT_ALLOWED = "42501"


class Ourselves:
    """A section runs as whoever is connected."""

    def entering(self, connection: Connection[dict[str, Any]]) -> list[bytes]:  # noqa: ARG002 - others need it
        """What goes before the section in its transaction."""
        return []

    def leaving(self, connection: Connection[dict[str, Any]]) -> list[bytes]:  # noqa: ARG002 - others need it
        """What goes after it in its transaction."""
        return []

    @contextlib.contextmanager
    def outside(self, connection: Connection[dict[str, Any]]) -> Iterator[None]:  # noqa: ARG002 - others need it
        """Act as the role while a statement runs outside a transaction. Raises psycopg.Error."""
        yield

    def explained(self, failed: MigrationFailed) -> MigrationFailed:
        """The error in the words of whom it is about."""
        return failed


OURSELVES = Ourselves()


@dataclass(frozen=True)
class TeamRole(Ourselves):
    """A section of `team` runs as the role `name`, which may change what is in `schemas`."""

    team: str
    name: str
    schemas: tuple[str, ...]

    def entering(self, connection: Connection[dict[str, Any]]) -> list[bytes]:
        """SET LOCAL ROLE: the transaction's end takes it back."""
        return [self._set(connection, local=True)]

    def leaving(self, connection: Connection[dict[str, Any]]) -> list[bytes]:
        """Run deferred triggers, which at COMMIT would run as ourselves, and fail if the role is another one by now."""
        return [b"SET CONSTRAINTS ALL IMMEDIATE", self._check(connection)]

    @contextlib.contextmanager
    def outside(self, connection: Connection[dict[str, Any]]) -> Iterator[None]:
        """SET ROLE, and RESET ROLE afterwards."""
        _must(connection, self._set(connection, local=False))
        try:
            yield
            _must(connection, self._check(connection))
        finally:
            if not connection.broken and not connection.closed:
                send(connection, b"RESET SESSION AUTHORIZATION; RESET ROLE")

    def explained(self, failed: MigrationFailed) -> MigrationFailed:
        """Say whose rights did not suffice, and what to do about it."""
        schemas = " and ".join(self.schemas)
        if failed.sqlstate == _ESCAPED:
            failed.remedy = (
                f"It runs as {self.name} to its end: leave out what changes the role (SET ROLE, RESET ROLE, "
                "SET SESSION AUTHORIZATION, also in texts that EXECUTE runs)."
            )
        elif failed.sqlstate == _NOT_ALLOWED and "permission denied to set role" in failed.detail:
            failed.remedy = f"Whoever deploys must be a member of it: GRANT {self.name} TO CURRENT_USER;"
        elif failed.sqlstate == _NOT_ALLOWED:
            failed.remedy = (
                f"It is a migration of team {self.team}, so it ran as {self.name}, which may change schema {schemas} "
                f"and what else it was granted. Let a migration of the team that owns the rest change it; or grant it "
                f"to {self.name} (GRANT USAGE ON SCHEMA … TO {self.name}) in a migration without a Team header."
            )
        return failed

    def _set(self, connection: Connection[dict[str, Any]], *, local: bool) -> bytes:
        from psycopg import sql

        form = sql.SQL("SET LOCAL ROLE {}" if local else "SET ROLE {}")
        return form.format(sql.Identifier(self.name)).as_bytes(connection)

    def _check(self, connection: Connection[dict[str, Any]]) -> bytes:
        from psycopg import sql

        body = sql.SQL(
            "BEGIN IF current_user <> {name} THEN RAISE EXCEPTION USING ERRCODE = {code}, MESSAGE = {text}; END IF; END"
        ).format(
            name=sql.Literal(self.name),
            code=sql.Literal(_ESCAPED),
            text=sql.Literal(f"it did not end as the role {self.name}, which migrations of team {self.team} run as"),
        )
        return sql.SQL("DO {}").format(sql.Literal(body.as_string(connection))).as_bytes(connection)


def _must(connection: Connection[dict[str, Any]], command: bytes) -> None:
    refused = error_in(send(connection, command))
    if refused is not None:
        raise refused
