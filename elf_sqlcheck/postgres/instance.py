"""A running Postgres of ours: what it is, how to reach it, and with which settings it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres.account import without_libpq_variables
from elf_sqlcheck.postgres.template import superuser_of

if TYPE_CHECKING:
    import psycopg

    from elf_sqlcheck.postgres.find import Provider
    from elf_sqlcheck.postgres.saved import State
    from elf_sqlcheck.postgres.stand_ins import StandIns

#: The port names the socket only: nothing listens on the network.
PORT = 5432

#: For a server whose data nobody will miss: no waiting for disks, no background work, small and quick to stop. It logs
#: as much as one that has a replica or a backup, so that the WAL of a rewrite is what production would write.
THROW_AWAY = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=replica",
    "max_wal_size=64MB",
    "max_wal_senders=0",
    "autovacuum=off",
    "restart_after_crash=off",
)
#: For a server whose migrations nobody has looked at: it can fill neither the memory nor the disk, nor start many
#: processes. Whoever is no superuser cannot change these.
RESTRICTED = (
    "temp_file_limit=1GB",
    "max_connections=30",
    "superuser_reserved_connections=10",
    # None: each parallel worker of a query would have as much memory as the query itself.
    "max_worker_processes=0",
    "max_logical_replication_workers=0",
    "max_prepared_transactions=0",
)
_ALWAYS = (
    "listen_addresses=",
    f"port={PORT}",
    "shared_buffers=16MB",
    "jit=off",
    "dynamic_shared_memory_type=mmap",
    "timezone=UTC",
    "log_timezone=UTC",
    "unix_socket_permissions=0700",
    "logging_collector=off",
)


def command(provider: Provider, folder: str, sockets: str, served: StandIns, settings: tuple[str, ...]) -> list[str]:
    """Return the command line that starts a server on the data in `folder`, listening in the folder `sockets`."""
    settings = (*_ALWAYS, f"unix_socket_directories={sockets}", *settings)
    if provider.major >= 18:
        # Its default starts I/O workers: three more processes for a server that has its data in memory.
        settings = (*settings, "io_method=sync", *served.settings)
    options = [option for setting in settings for option in ("-c", setting)]
    return [served.postgres or provider.program("postgres"), "-D", f"{folder}/data", *options]


def address(sockets: str, database: str, user: str = "postgres", password: str = "") -> str:
    """Return the libpq URI of a database whose server listens in the folder `sockets`."""
    user = f"{user}:{quote(password, safe='')}" if password else user
    where = f"{quote(database, safe='')}?host={quote(sockets, safe='/')}&port={PORT}"
    return f"postgresql://{user}@/{where}"


def import_driver() -> None:
    """Import psycopg, which takes longer than a server needs to start: done while it starts. Raises ServerError."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ServerError(
            f"The database driver psycopg cannot be loaded: {error}",
            "`pip install 'elf-sqlcheck[db]'` brings it.",
        ) from None


class Server:
    """A running Postgres of ours, reachable over a private unix socket only.

    `folder` holds its data and its log, `sockets` its socket; `stand_ins` names the extensions that are not the real
    ones here, `warning` says why this server is not quite the project's (or is empty). `superuser` may do everything,
    `user` is who migrations run as: with the profile "supabase" that is another role, who owns the databases, and on a
    server for strangers, where the superuser has a `password`.
    """

    def __init__(
        self,
        provider: Provider,
        folder: str,
        sockets: str,
        served: StandIns,
        profile: str = "",
        *,
        password: str = "",
    ) -> None:
        self.provider = provider
        self.folder = folder
        self.sockets = sockets
        self.stand_ins = served.names
        self.warning = provider.warning
        #: What of a history was there already when the server was started.
        self.restored: State | None = None
        #: Nothing that a run leaves in it needs to be tidied up.
        self.ends_with_run = False
        self.profile = profile
        self.superuser = superuser_of(profile, restricted=bool(password))
        self._password = password
        self.user = "postgres"

    def describe(self) -> str:
        """Return what is running, as a human says it: `PostgreSQL 18.6 (embedded wheel)`."""
        return str(self.provider)

    def save(self, state: State, connection: psycopg.Connection[Any]) -> bool:  # noqa: ARG002 - for those that can
        """Keep what the server holds for a later run; `connection` is the only one. Returns whether it is kept."""
        return False

    @property
    def version(self) -> str:
        """The version as the server prints it, such as `18.6`."""
        return self.provider.version

    @property
    def notes(self) -> list[str]:
        """What a report should say about this server, one sentence each: never empty."""
        notes = [f"Server: {self.describe()}."]
        if self.warning:
            notes.append(self.warning)
        return notes

    @property
    def url(self) -> str:
        """The libpq URI of the database `postgres`, for the superuser."""
        return self.url_of("postgres", self.superuser)

    def url_of(self, database: str, user: str = "") -> str:
        """Return the libpq URI of one of the server's databases, for `user` or else for whom migrations run as."""
        whose = user or self.user
        return address(self.sockets, database, whose, self._password if whose == self.superuser else "")

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection:
        """Open a connection in autocommit mode as the superuser, whatever PG* variables are set."""
        import psycopg

        with without_libpq_variables():
            return psycopg.connect(self.url_of(database, self.superuser), autocommit=True, **options)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create the database `name`, empty or a copy of `template` (to which nobody is connected); returns its URI."""
        from psycopg import sql

        # Copying files beats writing every page to the log: https://www.postgresql.org/docs/current/sql-createdatabase.html
        strategy = sql.SQL(" STRATEGY file_copy" if self.provider.major >= 15 else "")
        source = sql.Identifier(template or "template1")
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}{}").format(
                    sql.Identifier(name), sql.Identifier(self.user), source, strategy
                )
            )
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop the database `name`, disconnecting whoever uses it; nothing happens when it does not exist."""
        from psycopg import sql

        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
