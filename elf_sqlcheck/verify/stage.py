"""The stage: the database that a verification plays in, how to copy it, and where checks report what they see."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.model import Finding
from elf_sqlcheck.postgres.reader import SETTINGS, Reader
from elf_sqlcheck.postgres.roles import create_roles
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.roles import named_roles
from elf_sqlcheck.verify.result import Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elf_sqlcheck.model import Migration, Span
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify.options import Options


#: The session that reads snapshots, as it shows in pg_stat_activity.
READER = "elf-sqlcheck reader"


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
        self.server = server
        url = server if isinstance(server, str) else server.url
        self.administration = SupabaseExecutor(url, application_name="elf-sqlcheck")
        self.database = ""
        self.executor = self._watcher = self.administration
        self._reader: Reader | None = None
        self.make()
        made = create_roles(self.administration.connection, named_roles(ordered))
        if made:
            self.note(f"Made the roles that the migrations name but do not make: {', '.join(made)}.")

    def snapshot(self, since: Snapshot | None = None) -> Snapshot:
        """Return the schema as it stands; it is read fastest when `since` is a snapshot that it resembles.

        It is read in a session of its own, so that the migrations' sessions are none the wiser.
        """
        import psycopg

        try:
            return self._read(since)
        except psycopg.OperationalError:
            # A migration may end the sessions of all others.
            self._watcher.close()
            return self._read(since)

    def _read(self, since: Snapshot | None) -> Snapshot:
        connection = self._watcher.connection
        if self._reader is None:
            self._reader = Reader(connection, prepare=True)
        self._reader.connection = connection
        return self._reader.read(since)

    def note(self, text: str) -> None:
        """Say something that is no finding."""
        self.result.notes.append(text)

    def find(self, name: str, migration: Migration, message: str, span: Span | None, instead: str = "") -> None:
        """Note a finding of a rule, unless the rule is not asked for; `instead` goes before what the rule says."""
        rule = self.rules.get(name)
        if rule is None:
            return
        self.result.findings.append(
            Finding(
                rule.name, rule.family, rule.severity, message, migration.path, span, rule.why, instead or rule.instead
            )
        )

    def make(self, template: str = "") -> None:
        """Make a new database, empty or a copy of `template`, and connect the executor to it."""
        self.database = self._create(template)
        self.executor = self.connect(self.database)
        self._watcher = SupabaseExecutor(self._url(self.database), application_name=READER, settings=SETTINGS)
        self._reader = None

    def drop(self) -> None:
        """Drop the database with whoever uses it."""
        if self.database:
            self.executor.close()
            self._watcher.close()
            self._drop(self.database)
            self.database = ""

    @contextlib.contextmanager
    def copy(self) -> Iterator[SupabaseExecutor]:
        """Yield an executor on a copy of the database as it stands, which is dropped afterwards.

        Nobody may be connected to a database that is copied
        (https://www.postgresql.org/docs/current/manage-ag-templatedbs.html): our own connection is closed for it, and
        opened again when it is next asked for.
        """
        self.executor.close()
        self._watcher.close()
        name = self._create(self.database)
        executor = self.connect(name)
        try:
            yield executor
        finally:
            executor.close()
            self._drop(name)

    def connect(self, database: str) -> SupabaseExecutor:
        """Return an executor for one of the server's databases, not connected yet."""
        return SupabaseExecutor(self._url(database), application_name="elf-sqlcheck")

    def another(self, application_name: str = "elf-sqlcheck watcher") -> SupabaseExecutor:
        """Return an executor with a session of its own in the same database."""
        return self.executor.another(application_name)

    def close(self, *, keep: bool) -> None:
        """Drop the database, or say where it is."""
        if keep and self.database:
            self.result.url = self._shown(self.database)
            self.executor.close()
            self._watcher.close()
        else:
            self.drop()
        self.administration.close()

    def _create(self, template: str = "") -> str:
        from psycopg import sql

        made = f"elf_verify_{uuid.uuid4().hex[:12]}"
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

    def _shown(self, database: str) -> str:
        """The URL without its password: it is printed."""
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        if not isinstance(self.server, str):
            return self._url(database)
        values: dict[str, Any] = conninfo_to_dict(self.server, dbname=database)
        return make_conninfo(**{key: value for key, value in values.items() if key != "password"})

    def _url(self, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        if isinstance(self.server, str):
            return make_conninfo(self.server, dbname=database)
        return self.server.url_of(database)
