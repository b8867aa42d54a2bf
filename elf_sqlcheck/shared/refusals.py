"""Why no connection came about: libpq's, Postgres' and the poolers' words as a kind, a sentence and a remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ConnectionFailed

if TYPE_CHECKING:
    from elf_sqlcheck.shared.connection import Parameters

ENCODE = (
    "A password in a URL must have its special characters percent-encoded (@ is %40, / is %2F, : is %3A, # is %23, "
    "? is %3F, % is %25)."
)

#: Kinds that pass by themselves, and that come before any password was sent: trying again harms nobody.
PASSING = frozenset({"refused", "closed", "starting", "full", "resolving"})

_CHECK_IT = "Check the password (Supabase: Project Settings > Database; it is no API key)."
_POOLER_USER = (
    "Copy the URL from Supabase (Connect > Session pooler): the user is postgres.<project-ref>, and the host is that "
    "of the project (aws-0-… and aws-1-… are different poolers). A project that is paused is unknown there, too."
)
_CERTIFICATE = (
    "Set SUPABASE_SSL_CERT (or sslrootcert in the URL) to the certificate of the authority that signed it "
    "(Supabase: Project Settings > Database > SSL Configuration)."
)

#: (kind, what is said, what it means, what to do), the most specific first. Supavisor's words and codes:
#: https://github.com/supabase/supavisor/tree/main/lib/supavisor/errors; it said "Tenant or user not found" and
#: "MaxClientsInSessionMode" before it had codes.
_REASONS = (
    (
        "blocked",
        "too many authentication (failures|errors)",
        "the pooler has seen too many wrong passwords and lets nobody in for two minutes",
        f"{_CHECK_IT} Wait two minutes before the next attempt: each one may make it longer.",
    ),
    (
        "broken",
        "ECIRCUITBREAKER|temporarily blocked",
        "the pooler cannot reach the project's database and takes no connections for half a minute",
        "Look at the project in the dashboard: its database may be paused, restarting or out of connections.",
    ),
    ("banned", "EBANNED|tenant is banned", "the pooler lets nobody in to this project", "Ask Supabase's support."),
    (
        "address",
        "[Aa]ddress not in tenant allow_list|EADDRNOTALLOWED",
        "the project's network restrictions let no such address in",
        "Add this machine's address in Supabase: Project Settings > Database > Network Restrictions.",
    ),
    (
        "tenant",
        "Tenant or user not found|ENOTFOUND|ENOIDENTIFIER|EINVALIDUSERINFO|Invalid format for user or db_name",
        "the pooler knows no project of that name",
        _POOLER_USER,
    ),
    (
        "full",
        ("MaxClientsInSessionMode|EMAXCONN|EMAXPOOLS|ECHECKOUTTIMEOUT|[Mm]ax client connections reached|"
        "[Mm]ax clients reached|no more connections allowed|query_wait_timeout"),
        "the pooler has no free connection",
        ("A deploy needs two. Close other clients of the session pooler, or give it more in Supabase: Project Settings "
        "> Database > Connection pooling."),
    ),
    (
        "full",
        "too many clients|remaining connection slots|too many connections for",
        "the server has no free connection",
        "A deploy needs two. Close other clients first.",
    ),
    (
        "starting",
        "starting up|shutting down|recovery mode|not yet accepting connections|terminating connection due to",
        "the server is starting or stopping",
        "Try again in a moment.",
    ),
    (
        "password",
        ("password authentication failed|no password supplied|SASL|SCRAM|[Ww]rong password|[Ii]nvalid password|"
        "EAUTHQUERY.*user not found"),
        "the server does not accept the user or the password",
        f"{_CHECK_IT} Repeated failures get your address banned, so it was not tried again.",
    ),
    (
        "address",
        "no pg_hba.conf entry",
        "the server's pg_hba.conf lets no such user in from here",
        "Ask whoever runs the server to allow this user and address.",
    ),
    (
        "tls",
        "server does not support SSL|ESSLREQUIRED|SSL connection is required",
        "there is no TLS, and without it password and data would cross the network in the clear",
        "Turn TLS on at the server, or reach it through a tunnel that ends on this machine (ssh -L).",
    ),
    (
        "tls",
        "does not match host name",
        "the server's certificate is for another host name, so it may not be the one you mean",
        "Give the host by the name in its certificate.",
    ),
    (
        "tls",
        "root certificate file .* does not exist|could not read root certificate",
        "the certificate to check the server by cannot be read",
        "Check the path in SUPABASE_SSL_CERT, PGSSLROOTCERT or sslrootcert.",
    ),
    ("tls", "certificate verify failed|root certificate", "the server's certificate is not trusted", _CERTIFICATE),
    (
        "standby",
        "session is read-only|in hot standby",
        "the server is a standby, which takes no changes",
        "Connect to the primary server.",
    ),
    (
        "parameter",
        "unsupported startup parameter",
        "the pooler there refuses a parameter of the connection",
        "Leave `options` out of the URL, or connect to the server itself.",
    ),
    (
        "resolving",
        "Temporary failure in name resolution",
        "the name service does not answer",
        "Check this machine's network.",
    ),
    (
        "unresolved",
        ("could not translate host name|Name or service not known|nodename nor servname|failed to resolve host|"
        "No address associated"),
        "no server has that host name",
        "Check the host in the URL.",
    ),
    ("timeout", "timeout expired|timed out", "the server did not answer in time", "Check the network."),
    (
        "unreachable",
        "Network is unreachable|No route to host|Address family not supported|Cannot assign requested address",
        "there is no way to that address from here",
        "Check the network, and whether the host has only IPv6 addresses.",
    ),
    ("database", r'database ".*" does not exist', "there is no such database on that server",
     "Check the last part of the URL."),
    ("role", r'role ".*" does not exist', "there is no such user on that server", "Check the user in the URL."),
    (
        "refused",
        "[Cc]onnection refused|No such file or directory",
        "nothing listens there",
        "Start the server, or check host and port.",
    ),
    (
        "closed",
        ("closed the connection unexpectedly|[Cc]onnection reset|SSL SYSCALL error|unexpected eof|Broken pipe|"
        "EDBHANDLEREXITED|ESUBSCRIBERETRIES|EPROXY"),
        "the server, or something on the way, closed the connection before it was open",
        "Check that a Postgres listens there, and that no firewall or proxy stands between.",
    ),
)  # fmt: skip


def connection_failed(error: Exception, target: Parameters) -> ConnectionFailed:
    """Turn libpq's words into ours; an address that may hold part of a mistyped password is never repeated."""
    if _is_ambiguous(target.raw):
        return ConnectionFailed(f"The database URL from {target.origin} cannot be read.", ENCODE)
    said = redact(str(error).strip(), target)
    for kind, pattern, meaning, remedy in _REASONS:
        if re.search(pattern, said):
            return ConnectionFailed(f"Cannot connect to {redact(target.where, target)}: {meaning}.", remedy, kind=kind)
    last = said.splitlines()[-1] if said else "no reason given"
    return ConnectionFailed(
        f"Cannot connect to {redact(target.where, target)}: {last}", "Check the URL, the network and the server."
    )


def redact(text: str, target: Parameters) -> str:
    """Return `text` with the target's password replaced, wherever it is quoted."""
    password = str(target.values.get("password") or "")
    return text.replace(password, "***") if password else text


def _is_ambiguous(raw: str) -> bool:
    """Whether a URL has, before its last @, a character that ends the password early, so that libpq misread it."""
    credentials, at, _ = raw.partition("://")[2].rpartition("@")
    return bool(at) and re.search(r"[/#@?]", credentials) is not None
