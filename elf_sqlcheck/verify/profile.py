"""What the profile of a project adds to the stage: a bare Postgres, or one that is like a Supabase project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.postgres import supabase
from elf_sqlcheck.postgres.roles import hand_over
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.supautils import SupautilsExecutor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.verify.options import Options


class Profile:
    """A bare Postgres: new databases are empty, and migrations run as whoever the server's URL names.

    When they are `untrusted` that is the owner of the database, and no superuser.
    """

    def __init__(self, server: Server | str, administration: SupabaseExecutor, *, untrusted: bool = False) -> None:
        self._server = server
        self._administration = administration
        self._untrusted = untrusted

    def notes(self, migrations: Iterable[Migration]) -> Iterator[str]:
        """Yield what a report should say about the stage, one sentence each."""
        served = () if isinstance(self._server, str) else self._server.stand_ins
        used = sorted({name for name in _extensions(migrations) if name in served})
        if used:
            yield f"Extensions of which this server has only a stand-in: {', '.join(used)}."
        if self._untrusted:
            yield (
                "The change is not trusted, so no statement ran with a superuser's rights: what needs them, as event "
                "triggers and some extensions do, fails here."
            )

    def furnish(self, database: str) -> None:
        """Make what a new database of the profile has of its own."""

    def hand_over(self, roles: Iterable[str]) -> None:
        """Let whoever runs migrations deal with these roles, which were made for them."""
        if self._untrusted:
            hand_over(self._administration.connection, roles)

    def executor(self, database: str, **more: Any) -> SupabaseExecutor:
        """Return an executor for one of the server's databases, as whom migrations run; not connected yet."""
        return SupabaseExecutor(self.url_of(database), application_name="elf-sqlcheck", **more)

    def url_of(self, database: str) -> str:
        """Return the URL of one of the server's databases for whoever runs migrations."""
        if not isinstance(self._server, str):
            return self._server.url_of(database)
        return _changed(self._server, dbname=database)


class SupabaseProfile(Profile):
    """A Supabase project, on a server of ours that was made for it, or furnished on one that is not ours."""

    def __init__(
        self, server: Server | str, administration: SupabaseExecutor, *, auto_expose: bool, untrusted: bool = False
    ) -> None:
        super().__init__(server, administration, untrusted=untrusted)
        self._database_script = supabase.database(auto_expose=auto_expose)
        self._is_furnished = not isinstance(server, str) and server.profile == "supabase"
        #: Whether the server lets migrations run as a `postgres` that is no superuser.
        self._is_plain = self._is_furnished
        if not self._is_furnished:
            self._require_superuser()
            administration.connection.execute(supabase.roles().encode())
            # They are not dropped again: another database of the server may need them by now.
            row = administration.query("SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'")[0]
            self._is_plain = not row["rolsuper"]

    def notes(self, migrations: Iterable[Migration]) -> Iterator[str]:
        """Yield what a report should say about the stage, one sentence each."""
        yield from super().notes(migrations)
        if isinstance(self._server, str):
            yield "The roles of a Supabase project (anon, authenticated, service_role, …) were made on this server."
        if not self._is_plain:
            yield (
                "On this server postgres is a superuser, which it is not on Supabase: "
                "that migrations have the privileges that they need is not proven here."
            )

    def furnish(self, database: str) -> None:
        """Make a Supabase project of a new database."""
        from psycopg import sql

        url = _changed(self._server if isinstance(self._server, str) else self._server.url, dbname=database)
        with SupabaseExecutor(url, application_name="elf-sqlcheck") as administration:
            script = self._database_script
            if not administration.query("SELECT nspname FROM pg_namespace WHERE nspname = 'auth'"):
                available = administration.query("SELECT name FROM pg_available_extensions")
                script = supabase.project(vault="supabase_vault" not in {row["name"] for row in available}) + script
            if self._is_plain and not self._is_furnished:
                command = sql.SQL("ALTER DATABASE {} OWNER TO postgres").format(sql.Identifier(database))
                administration.query(command.as_string(administration.connection))
            administration.connection.execute(script.encode())

    def hand_over(self, roles: Iterable[str]) -> None:
        """Let whoever runs migrations deal with these roles, which were made for them."""
        if self._is_plain:
            hand_over(self._administration.connection, roles)

    def executor(self, database: str, **more: Any) -> SupabaseExecutor:
        """Return an executor for one of the server's databases, as whom migrations run; not connected yet."""
        if not self._is_plain or self._untrusted:
            return super().executor(database, **more)
        return SupautilsExecutor(self.url_of(database), self._administration, application_name="elf-sqlcheck", **more)

    def url_of(self, database: str) -> str:
        """Return the URL of one of the server's databases for whoever runs migrations."""
        if self._is_furnished or not self._is_plain:
            return super().url_of(database)
        # A role of the connection stays through RESET ROLE: https://www.postgresql.org/docs/current/sql-set-role.html
        path = '"$user", public, extensions'.replace(" ", "\\ ")
        server = self._server if isinstance(self._server, str) else self._server.url
        return _changed(server, dbname=database, options=f"-c role=postgres -c search_path={path}")

    def _require_superuser(self) -> None:
        row = self._administration.query("SELECT current_user::text AS who, current_setting('is_superuser') AS is_it")
        if row[0]["is_it"] != "on":
            self._administration.close()
            raise DatabaseError(
                f"The stand-in for a Supabase project needs a superuser, and {row[0]['who']} is none on this server.",
                "Name a superuser in --database-url, or leave it out for a server of our own.",
            )


def of(options: Options, server: Server | str, administration: SupabaseExecutor) -> Profile:
    """Return the profile that `options` ask for; raises DatabaseError when the server does not allow it."""
    if options.profile == "supabase":
        return SupabaseProfile(server, administration, auto_expose=options.auto_expose, untrusted=options.untrusted)
    return Profile(server, administration, untrusted=options.untrusted)


def _extensions(migrations: Iterable[Migration]) -> Iterator[str]:
    """The extensions that migrations ask for; none is read that does not say the word."""
    for migration in migrations:
        for statement in migration.up.statements if b"extension" in migration.data.lower() else ():
            if statement.kind == "CreateExtensionStmt":
                yield statement.node["extname"]


def _changed(url: str, **values: Any) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo(url, **values)
