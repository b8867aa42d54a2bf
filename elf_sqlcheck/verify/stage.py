"""The stage: the database that a verification plays in, how to copy it, and where checks report what they see."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import DatabaseError, ElfError, MigrationFailed
from elf_sqlcheck.postgres.roles import create_roles
from elf_sqlcheck.postgres.saved import State
from elf_sqlcheck.postgres.snapshot import TRACKING_TABLES, snapshot
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.team_roles import TeamRoles
from elf_sqlcheck.verify import profile, tracking
from elf_sqlcheck.verify.ours import ask
from elf_sqlcheck.verify.outlines import Outlines
from elf_sqlcheck.verify.restore import Restorer
from elf_sqlcheck.verify.result import Verification
from elf_sqlcheck.verify.schema import SchemaReader

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    import psycopg

    from elf_sqlcheck.model import Fix, Migration, Span
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.postgres.reader import Reading
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify.options import Options

_NOT_THE_SCHEMA = tracking.NAMES.union(TRACKING_TABLES)


@dataclass(frozen=True)
class Base:
    """A copy of the database with the first `applied` migrations in it, and the `roles` that there were then."""

    database: str
    applied: int
    roles: frozenset[str]


class Stage:
    """A database of its own on `server`, made at once and dropped by `close`.

    `executor` runs migrations in it; `ordered` are all of them, `rules` those that may be found, by name.
    """

    def __init__(
        self, server: Server | str, ordered: Sequence[Migration], rules: Iterable[Rule], options: Options
    ) -> None:
        self.result = Verification(server="" if isinstance(server, str) else server.describe())
        self.ordered = ordered
        self.options = options
        self.rules = {rule.name: rule for rule in rules}
        #: What brings the database back to where it was after some of the migrations.
        self.restorer = Restorer(self)
        self.server = server
        url = server if isinstance(server, str) else server.url
        self.administration = SupabaseExecutor(url, application_name="elf-sqlcheck")
        self.database = ""
        #: All that were made and not dropped yet, copies included.
        self.databases: set[str] = set()
        #: Whether sessions had to be ended because they wrote too much.
        self.overflowed = False
        self.executor = self.administration
        self._profile = profile.of(options, server, self.administration)
        self._schema = self._reading()
        self.result.notes += self._profile.notes(ordered)
        if options.teams is not None and any(migration.team for migration in ordered):
            self.note("Migrations of teams ran as the roles of those teams, where they are there.")
        self.restored = None if isinstance(server, str) else server.restored
        self.outlines = Outlines(ordered, self.restored.told if self.restored else ())
        if self.restored is None:
            self._roles = self._all_roles()
            self.make()
            self._made = self._make_roles()
        else:
            self._roles, self._made = set(self.restored.roles), list(self.restored.made)
            self.databases.add(self.restored.database)
            self._play_in(self.restored.database, self.restored.known)
            self._schema.begin()
        if self._made:
            self.note(f"Made the roles that the migrations name but do not make: {', '.join(self._made)}.")

    def snapshot(self, since: Snapshot | None = None) -> Snapshot:
        """Return the schema as it stands; it is read fastest when `since` is a snapshot that it resembles."""
        return self._schema.snapshot(since)

    @staticmethod
    def seen_by(connection: psycopg.Connection[Any]) -> Snapshot:
        """Return the schema as another connection sees it: on a copy, or with what its transaction has done."""
        return snapshot(connection, _NOT_THE_SCHEMA)

    def note(self, text: str) -> None:
        """Say something that is no finding."""
        self.result.notes.append(text)

    def find(
        self,
        name: str,
        migration: Migration,
        message: str,
        span: Span | None,
        instead: str = "",
        fix: Fix | None = None,
    ) -> None:
        """Note a finding of a rule, unless the rule is not asked for; `instead` goes before what the rule says."""
        rule = self.rules.get(name)
        if rule is None:
            return
        self.result.findings.append(rule.finding(message, migration.path, span, instead=instead, fix=fix))

    def make(self, template: str = "") -> None:
        """Make a new database, empty or a copy of `template`, and connect the executor to it."""
        made = self._create(template)
        if not template:
            self._profile.furnish(made)
        self._play_in(made)
        for statement in () if template else tracking.statements(self.ordered):
            self.executor.query(statement)

    def _play_in(self, database: str, known: Reading | None = None) -> None:
        self.database = database
        self.executor = self.connect(database)
        self._schema.close()
        self._schema = self._reading(known)

    def save(self, number: int) -> None:
        """Keep the state of the server for a later run, if it can be kept; the first `number` migrations are in it."""
        unlogged = "SELECT 1 AS found FROM pg_catalog.pg_class WHERE relpersistence = 'u' LIMIT 1"
        if not isinstance(self.server, str) and not ask(self.executor, unlogged):
            self.executor.close()
            known = self._schema.dump()
            self._schema.close()
            roles, named = tuple(sorted(self._roles)), tuple(self.outlines.named_roles())
            state = State(number, self.database, roles, named, tuple(self._made), self.outlines.tell(number), known)
            self.server.save(state, self.administration.connection)

    def drop(self) -> None:
        """Drop the database with whoever uses it."""
        if self.database:
            self.executor.close()
            self._schema.close()
            self._drop(self.database)
            self.database = ""

    def remake(self, number: int, base: Base | None = None) -> None:
        """Make the database anew, without the roles that migrations made, and carry out the first `number` migrations.

        With a `base` it begins there.

        Raises:
            ElfError: One of them fails, though it did not before.
        """
        self.drop()
        self._drop_roles(base.roles if base else self._roles)
        self.make(base.database if base else "")
        self._make_roles()
        for migration in self.ordered[base.applied if base else 0 : number]:
            try:
                self.executor.run(migration, migration.up)
            except MigrationFailed as error:
                raise ElfError(
                    f"{migration.path}: the schema could not be made anew after a failure: {error.message}",
                    "Make the migrations repeatable: something in them outlives their database, such as a role.",
                ) from error

    @contextlib.contextmanager
    def copy(self) -> Iterator[SupabaseExecutor]:
        """Yield an executor on a copy of the database as it stands, which is dropped afterwards.

        Nobody may be connected to a database that is copied
        (https://www.postgresql.org/docs/current/manage-ag-templatedbs.html): our own connection is closed for it, and
        opened again when it is next asked for.
        """
        name = self._copy()
        executor = self.connect(name)
        try:
            yield executor
        finally:
            executor.close()
            self._drop(name)

    def keep(self, number: int) -> Base:
        """Copy the database, in which the first `number` migrations are; `forget` drops the copy."""
        return Base(self._copy(), number, frozenset(self._all_roles()))

    def forget(self, base: Base) -> None:
        """Drop a copy."""
        self._drop(base.database)

    def _copy(self) -> str:
        self.executor.close()
        self._schema.close()
        return self._create(self.database)

    def _reading(self, known: Reading | None = None) -> SchemaReader:
        return SchemaReader(self._profile.url_of(self.database or "postgres"), _NOT_THE_SCHEMA, known)

    def connect(self, database: str) -> SupabaseExecutor:
        """Return an executor for one of the server's databases, not connected yet."""
        timeout = f"{round(self.options.statement_timeout * 1000)}ms"
        executor = self._profile.executor(database, settings={"statement_timeout": timeout}, as_its_tool=True)
        if self.options.teams is not None:
            executor.acting = TeamRoles(executor, self.options.teams)
        return executor

    def another(self, application_name: str = "elf-sqlcheck watcher") -> SupabaseExecutor:
        """Return an executor with a session of its own in the same database."""
        return self.executor.another(application_name)

    def close(self, *, keep: bool) -> None:
        """Drop the database, or say where it is; on a server that ends with the run it is let be."""
        if self.database and (keep or (not isinstance(self.server, str) and self.server.ends_with_run)):
            if keep:
                self.result.url = self._shown(self.database)
            self.executor.close()
            self._schema.close()
        else:
            self.drop()
            self._drop_roles(self._roles)
        self.administration.close()

    def _all_roles(self) -> set[str]:
        return {str(row["rolname"]) for row in self.administration.query("SELECT rolname FROM pg_catalog.pg_roles")}

    def _make_roles(self) -> list[str]:
        made = create_roles(self.administration.connection, self.outlines.named_roles())
        if made:
            self._profile.hand_over(made)
        return made

    def _drop_roles(self, kept: Container[str]) -> None:
        """Drop all roles but those `kept`: on a server that is not ours, only those that the migrations name.

        A role that another database needs stays.
        """
        from psycopg import sql

        for role in sorted(role for role in self._all_roles() if role not in kept):
            named = any(role.encode() in migration.data for migration in self.ordered)
            if named or not isinstance(self.server, str):
                command = sql.SQL("DROP ROLE {}").format(sql.Identifier(role))
                with contextlib.suppress(DatabaseError):
                    self.administration.query(command.as_string(self.administration.connection))

    def _create(self, template: str = "") -> str:
        from psycopg import sql

        made = f"elf_verify_{uuid.uuid4().hex[:12]}"
        self.databases.add(made)
        if isinstance(self.server, str):
            command = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made))
            if template:
                command += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            self.administration.query(command.as_string(self.administration.connection))
        else:
            self.server.create_database(made, template or None)
        return made

    def _drop(self, database: str) -> None:
        from psycopg import sql

        # WITH (FORCE): https://www.postgresql.org/docs/current/sql-dropdatabase.html
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        self.administration.query(command.as_string(self.administration.connection))
        self.databases.discard(database)

    def _shown(self, database: str) -> str:
        """The URL without its password: it is printed."""
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        if not isinstance(self.server, str):
            return self.server.url_of(database)
        values: dict[str, Any] = conninfo_to_dict(self.server, dbname=database)
        return make_conninfo(**{key: value for key, value in values.items() if key != "password"})
