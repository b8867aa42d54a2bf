"""From a URL or a set of credentials to an open connection, with errors that name the remedy and never the password."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.credentials import CredentialManager, closed_vault

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 10
TRANSACTION_POOLER_PORT = "6543"
_STRICT_TLS = ("require", "verify-ca", "verify-full")
_ENCODE = (
    "A password in a URL must have its special characters percent-encoded (@ is %40, / is %2F, : is %3A, # is %23, "
    "? is %3F, % is %25)."
)
_POOLER = (
    "Supabase's direct host has IPv6 only: from an IPv4 network use the session pooler's URL (port 5432, Supabase: "
    "Connect > Session pooler)."
)
#: Credentials that say where the database is, in the order in which they count; the first ones say it all.
_URLS = ("SUPABASE_DB_URL", "DATABASE_URL")
_ADDRESSES = (*_URLS, "SUPABASE_URL")
_WANTED = (
    "Give --database-url, or set SUPABASE_DB_URL or DATABASE_URL, or SUPABASE_URL together with SUPABASE_PASSWORD "
    "(the database password, not an API key)."
)


@dataclass(frozen=True)
class Parameters:
    """What libpq needs to connect, with the transport already made safe.

    `origin` says where it came from ("--database-url", "SUPABASE_DB_URL", …); `raw` is kept out of the representation
    because it may hold a password.
    """

    origin: str
    values: dict[str, Any] = field(repr=False)
    raw: str = field(default="", repr=False)

    @property
    def where(self) -> str:
        """The server as `user@host:port/database`, without the password."""
        host = str(self.values.get("host") or self.values.get("hostaddr") or "the default socket")
        port = f":{self.values['port']}" if self.values.get("port") and not host.startswith("/") else ""
        user = f"{self.values['user']}@" if self.values.get("user") else ""
        return f"{user}{host}{port}/{self.values.get('dbname') or self.values.get('user') or ''}"

    @property
    def is_local(self) -> bool:
        """Whether all hosts are a unix socket or this very machine."""
        named = self.values.get("hostaddr") or self.values.get("host") or os.environ.get("PGHOST")
        hosts = str(named or "").split(",")
        return all(_is_loopback(host.strip()) for host in hosts)


def parameters(url: str | None = None, credentials: CredentialManager | None = None) -> Parameters:
    """Return how to connect: by `url`, else by SUPABASE_DB_URL, DATABASE_URL, or SUPABASE_URL with its password.

    Raises:
        ConnectionFailed: Nothing is configured, the URL cannot be read, it leads to the transaction pooler, or the
            database driver is not installed.
    """
    require_driver()
    if url:
        return _from_url(url, "the given URL")
    asked = credentials if credentials is not None else CredentialManager()
    name = asked.first_of(*_ADDRESSES)
    value = asked.get_credential(name, "system", "connect to the database") if name in _URLS else None
    if value:
        return _from_url(value, name)
    project = asked.get_credential("SUPABASE_URL", "system", "find the database host")
    password = asked.get_credential("SUPABASE_PASSWORD", "system", "connect to the database")
    if project and password:
        return _from_project(project, password)
    if project:
        raise ConnectionFailed(
            "SUPABASE_URL is set, but no password for its database: SUPABASE_PASSWORD is missing.",
            "Set SUPABASE_PASSWORD to the database password (Supabase: Project Settings > Database); "
            "an API key does not open the database.",
        )
    raise ConnectionFailed("No database is configured.", _WANTED + _closed_vault(credentials))


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

    Raises:
        ConnectionFailed: With the reason in plain words, the place, and what to do.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        return psycopg.connect(
            **{"connect_timeout": CONNECT_TIMEOUT, **target.values},
            application_name=application_name,
            client_encoding="UTF8",
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    except (psycopg.Error, UnicodeError) as error:
        raise connection_failed(error, target) from None


def redact(text: str, target: Parameters) -> str:
    """Return `text` with the target's password replaced, wherever it is quoted."""
    password = str(target.values.get("password") or "")
    return text.replace(password, "***") if password else text


def connection_failed(error: Exception, target: Parameters) -> ConnectionFailed:
    """Turn libpq's words into ours; an address that may hold part of a mistyped password is never repeated."""
    if _is_ambiguous(target.raw):
        return ConnectionFailed(f"The database URL from {target.origin} cannot be read.", _ENCODE)
    said = redact(str(error).strip(), target)
    for pattern, meaning, remedy in _REASONS:
        if re.search(pattern, said):
            return ConnectionFailed(f"Cannot connect to {redact(target.where, target)}: {meaning}.", remedy)
    last = said.splitlines()[-1] if said else "no reason given"
    return ConnectionFailed(
        f"Cannot connect to {redact(target.where, target)}: {last}", "Check the URL, the network and the server."
    )


_REASONS = (
    (
        "password authentication failed|no password supplied|SASL|[Ii]nvalid password",
        "the server does not accept the user or the password",
        "Check the password (Supabase: Project Settings > Database). Repeated failures get your address banned.",
    ),
    (
        "no pg_hba.conf entry",
        "the server's pg_hba.conf lets no such user in from here",
        "Ask whoever runs the server to allow this user and address.",
    ),
    (
        "could not translate host name|Name or service not known|nodename nor servname|failed to resolve host",
        "no server has that host name",
        "Check the host in the URL. A Supabase project that is paused has no host name either.",
    ),
    ("timeout expired|timed out", "the server did not answer in time", f"Check the network. {_POOLER}"),
    ("Network is unreachable|No route to host", "there is no way to that address from here", _POOLER),
    (
        "server does not support SSL",
        "the server offers no TLS, and without it password and data would cross the network in the clear",
        "Turn TLS on at the server, or reach it through a tunnel that ends on this machine (ssh -L).",
    ),
    ("certificate verify failed|root certificate", "the server's certificate is not trusted", "Check sslrootcert."),
    (r'database ".*" does not exist', "there is no such database on that server", "Check the last part of the URL."),
    (r'role ".*" does not exist', "there is no such user on that server", "Check the user in the URL."),
    (
        "[Cc]onnection refused|No such file or directory",
        "nothing listens there",
        "Start the server, or check host and port.",
    ),
    ("starting up|shutting down|recovery mode", "the server is starting or stopping", "Try again in a moment."),
    ("too many clients|remaining connection slots", "the server has no free connection", "Close other clients first."),
)


def _from_url(url: str, origin: str) -> Parameters:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        values = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        # libpq quotes the piece that it stumbled over, which may be part of the password.
        remedy = _ENCODE if "@" in url else "It must look like postgresql://user:password@host:5432/database."
        raise ConnectionFailed(f"The database URL from {origin} cannot be read.", remedy) from None
    return _made_safe(Parameters(origin, values, url))


def _from_project(project: str, password: str) -> Parameters:
    match = re.fullmatch(r"(?:https?://)?([a-z0-9]+)\.supabase\.(co|in|net)/?", project.strip())
    if match is None:
        raise ConnectionFailed(
            "SUPABASE_URL is not the address of a Supabase project.",
            "It must look like https://<project-ref>.supabase.co; for any other server set DATABASE_URL.",
        )
    reference, domain = match.groups()
    values = {
        "host": f"db.{reference}.supabase.{domain}",
        "port": "5432",
        "user": "postgres",
        "dbname": "postgres",
        "password": password,
        "connect_timeout": 5,
    }
    return _made_safe(Parameters("SUPABASE_URL", values))


def _made_safe(target: Parameters) -> Parameters:
    if TRANSACTION_POOLER_PORT in str(target.values.get("port", "")).split(","):
        raise ConnectionFailed(
            f"{target.origin} leads to port 6543, Supabase's transaction pooler: it hands each transaction to another "
            "connection, so neither locks nor settings of a session hold there.",
            "Use port 5432 of the same host (the session pooler), or the direct connection.",
        )
    if not target.is_local and target.values.get("sslmode") not in _STRICT_TLS:
        target.values["sslmode"] = "require"
    return target


def _is_loopback(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ambiguous(raw: str) -> bool:
    """Whether a URL has, before its last @, a character that ends the password early, so that libpq misread it."""
    credentials, at, _ = raw.partition("://")[2].rpartition("@")
    return bool(at) and re.search(r"[/#@?]", credentials) is not None
