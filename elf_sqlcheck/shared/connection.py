"""From a URL or a set of credentials to an open connection, with errors that name the remedy and never the password."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared import supabase
from elf_sqlcheck.shared.addresses import is_loopback
from elf_sqlcheck.shared.credentials import CredentialManager, closed_vault
from elf_sqlcheck.shared.refusals import ENCODE, connection_failed

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 10
DIRECT_TIMEOUT = 5
_STRICT_TLS = ("require", "verify-ca", "verify-full")
#: So that a firewall forgets no connection that waits for a long statement, and a dead server is noticed.
#: See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
#: What other drivers read from a URL, and libpq refuses.
_FOREIGN = frozenset(
    {"pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size", "supa"}
)
#: Credentials that say where the database is, in the order in which they count; the first ones say it all.
_URLS = ("SUPABASE_DB_URL", "DATABASE_URL")
_ADDRESSES = (*_URLS, "SUPABASE_URL", "SUPABASE_PROJECT_ID")
_WANTED = (
    "Give --database-url, or set SUPABASE_DB_URL or DATABASE_URL, or SUPABASE_URL (or SUPABASE_PROJECT_ID) together "
    "with SUPABASE_PASSWORD (the database password, not an API key)."
)


@dataclass(frozen=True)
class Parameters:
    """What libpq needs to connect, with the transport already made safe.

    `origin` says where it came from ("--database-url", "SUPABASE_DB_URL", …); `raw` is kept out of the representation
    because it may hold a password. `notes` are what people should know about it; `credentials` is who is asked when
    another way has to be found.
    """

    origin: str
    values: dict[str, Any] = field(repr=False)
    raw: str = field(default="", repr=False)
    notes: tuple[str, ...] = ()
    credentials: CredentialManager | None = field(default=None, repr=False, compare=False)

    @property
    def where(self) -> str:
        """The server as `user@host:port/database`, without the password."""
        host = str(self.values.get("host") or self.values.get("hostaddr") or "the default socket")
        port = f":{self.values['port']}" if self.values.get("port") and not host.startswith("/") else ""
        user = f"{self.values['user']}@" if self.values.get("user") else ""
        return f"{user}{host}{port}/{self.values.get('dbname') or self.values.get('user') or ''}"

    @property
    def is_local(self) -> bool:
        """Whether all hosts are a unix socket or this very machine; not so for a service, which libpq looks up."""
        if self.values.get("service") or os.environ.get("PGSERVICE"):
            return False
        given = (self.values.get("hostaddr"), self.values.get("host"))
        named = next(filter(None, (*given, os.environ.get("PGHOSTADDR"), os.environ.get("PGHOST"))), "")
        return all(_is_here(host.strip()) for host in str(named).split(","))

    def access_token(self) -> str | None:
        """The token for Supabase's Management API, None when nobody has set it."""
        asked = self.credentials if self.credentials is not None else CredentialManager()
        return asked.get_credential("SUPABASE_ACCESS_TOKEN", "system", "ask Supabase for the way to the database")


def parameters(url: str | None = None, credentials: CredentialManager | None = None) -> Parameters:
    """Return how to connect: by `url`, else by SUPABASE_DB_URL, DATABASE_URL, or the project with its password.

    Raises:
        ConnectionFailed: Nothing is configured, the URL cannot be read, it leads to a transaction pooler that is not
            Supabase's, or the database driver is not installed.
    """
    require_driver()
    asked = credentials if credentials is not None else CredentialManager()
    if url:
        return _made_safe(_from_url(url, "the given URL"), asked)
    name = asked.first_of(*_ADDRESSES)
    value = asked.get_credential(name, "system", "connect to the database") if name else None
    if not value:
        raise ConnectionFailed("No database is configured.", _WANTED + _closed_vault(credentials))
    if name in _URLS:
        return _made_safe(_from_url(value, name), asked)
    address = f"https://{value}.supabase.co" if name == "SUPABASE_PROJECT_ID" else value
    password = asked.get_credential("SUPABASE_PASSWORD", "system", "connect to the database")
    if not password:
        raise ConnectionFailed(
            f"{name} is set, but no password for its database: SUPABASE_PASSWORD is missing.",
            "Set SUPABASE_PASSWORD to the database password (Supabase: Project Settings > Database); "
            "an API key does not open the database.",
        )
    return _made_safe(_from_project(address, password, name), asked)


def _closed_vault(given: CredentialManager | None) -> str:
    path = closed_vault() if given is None else ""
    return f" Or set ELF_MASTER_PASSWORD: nobody has opened the vault {path}." if path else ""


def require_driver() -> None:
    """Make sure that psycopg can be loaded: linting does without it, so it is not always installed.

    Raises:
        ConnectionFailed: It cannot.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConnectionFailed(
            f"The database driver psycopg cannot be loaded: {error}", "`pip install 'elf-sqlcheck[db]'` brings it."
        ) from None


def has_credentials(credentials: CredentialManager | None = None) -> bool:
    """Whether any credential points at a database, complete or not."""
    asked = credentials if credentials is not None else CredentialManager()
    return bool(asked.first_of(*_ADDRESSES))


def connect(target: Parameters, application_name: str) -> Connection[dict[str, Any]]:
    """Open a connection in autocommit mode; rows come as dictionaries, nothing is prepared on the server.

    This is one attempt, by the way given: `shared.reach` tries again and finds other ways.

    Raises:
        ConnectionFailed: With the reason in plain words, the place, and what to do.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        return psycopg.connect(
            **target.values,
            application_name=application_name,
            client_encoding="UTF8",
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    except (psycopg.Error, UnicodeError) as error:
        raise connection_failed(error, target) from None


def _from_url(url: str, origin: str) -> Parameters:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        read = conninfo_to_dict(_without_foreign(url))
    except (psycopg.Error, UnicodeError):
        # libpq quotes the piece that it stumbled over, which may be part of the password.
        remedy = ENCODE if "@" in url else "It must look like postgresql://user:password@host:5432/database."
        raise ConnectionFailed(f"The database URL from {origin} cannot be read.", remedy) from None
    return Parameters(origin, {key: value for key, value in read.items() if value is not None}, url)


def _without_foreign(url: str) -> str:
    """Leave out of a URL what only other drivers know, such as Prisma's `pgbouncer=true`."""
    address, mark, query = url.rpartition("?")
    if "://" not in url or not mark or "@" in query:
        return url
    kept = [part for part in query.split("&") if part.partition("=")[0] not in _FOREIGN]
    return f"{address}?{'&'.join(kept)}" if kept else address


def _from_project(address: str, password: str, origin: str) -> Parameters:
    found = supabase.of_address(address)
    if found is None:
        raise ConnectionFailed(
            f"{origin} is not the {'address' if origin == 'SUPABASE_URL' else 'reference'} of a Supabase project.",
            "It must look like https://<project-ref>.supabase.co; for any other server set DATABASE_URL."
            if origin == "SUPABASE_URL"
            else "It is the <project-ref> in https://<project-ref>.supabase.co; for any other server set DATABASE_URL.",
        )
    reference, domain = found
    values = {
        "host": f"db.{reference}.{domain}",
        "port": supabase.SESSION_PORT,
        "user": "postgres",
        "dbname": "postgres",
        "password": password,
    }
    return Parameters(origin, values)


def _made_safe(found: Parameters, credentials: CredentialManager) -> Parameters:
    """Return the parameters with TLS, time-outs and a session of one's own made sure of."""
    target = replace(_in_session_mode(found), credentials=credentials)
    values = target.values
    for name, value in _KEEPALIVES.items():
        values.setdefault(name, value)
    if not os.environ.get("PGCONNECT_TIMEOUT"):
        there = supabase.project(values)
        values.setdefault("connect_timeout", DIRECT_TIMEOUT if there and there.is_direct else CONNECT_TIMEOUT)
    if "," in str(values.get("host") or values.get("hostaddr") or ""):
        values.setdefault("target_session_attrs", "read-write")
    if not target.is_local:
        certificate = credentials.get_credential("SUPABASE_SSL_CERT", "system", "check the server's certificate")
        if certificate:
            values.setdefault("sslrootcert", certificate)
        mode = str(values.get("sslmode") or os.environ.get("PGSSLMODE", ""))
        can_check = values.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
        if mode not in _STRICT_TLS or (mode == "require" and can_check):
            mode = "verify-full" if can_check else "require"
        values["sslmode"] = mode
    return target


def _in_session_mode(target: Parameters) -> Parameters:
    """Return the parameters with Supabase's transaction pooler exchanged for its session pooler; others are refused."""
    ports = str(target.values.get("port", "")).split(",")
    if supabase.TRANSACTION_PORT not in ports:
        return target
    why = "it hands each transaction to another connection, so neither locks nor settings of a session hold there"
    host = str(target.values.get("host", ""))
    if not all(supabase.is_supabase(one) for one in host.split(",")):
        raise ConnectionFailed(
            f"{target.origin} leads to port 6543, the port of a transaction pooler: {why}.",
            "Use port 5432 of the same host (the session pooler), or the direct connection.",
        )
    values = {**target.values, "port": ",".join(supabase.SESSION_PORT for _ in ports)}
    note = (
        f"{target.origin} leads to port 6543, Supabase's transaction pooler: {why}. "
        f"Port {supabase.SESSION_PORT} of the same host is used instead."
    )
    return replace(target, values=values, notes=(*target.notes, note))


def _is_here(host: str) -> bool:
    return not host or host.startswith(("/", "@")) or is_loopback(host)
