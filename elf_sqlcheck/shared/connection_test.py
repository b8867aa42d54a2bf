"""The connection test: one printable answer to "does it work from here, and is it the right server?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ConnectionFailed

if TYPE_CHECKING:
    from elf_sqlcheck.shared.database import SupabaseExecutor

_WHO = """
SELECT pg_catalog.current_setting('server_version') AS version, CURRENT_USER::text AS user,
       pg_catalog.current_database()::text AS database, pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('transaction_read_only') = 'on' AS read_only
"""
_READ_ONLY = {True: "it is a standby, which takes no changes", False: "its sessions are read-only"}


@dataclass(frozen=True)
class ConnectionTest:
    """What came of it: true when it worked, and a sentence either way. `read_only`: nothing can be deployed there."""

    ok: bool
    text: str
    server_version: str = ""
    user: str = ""
    database: str = ""
    tls: bool = False
    read_only: bool = False
    standby: bool = False

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.text


def test(executor: SupabaseExecutor) -> ConnectionTest:
    """Connect and ask who is there. Raises DatabaseError."""
    row = executor.query(_WHO)[0]
    # Asked of this end: behind a pooler, pg_stat_ssl tells of the pooler's own connection.
    tls = bool(executor.connection.pgconn.ssl_in_use)
    transport = "over TLS" if tls else "without TLS"
    text = f"connected to PostgreSQL {row['version']} at {executor.target.where} as {row['user']}, {transport}"
    if row["read_only"]:
        text = f"{text}; nothing can be deployed there: {_READ_ONLY[row['standby']]}"
    known = row["version"], row["user"], row["database"]
    return ConnectionTest(True, text, *known, tls, row["read_only"], row["standby"])


def refuse_read_only(executor: SupabaseExecutor) -> None:
    """Raise ConnectionFailed for a standby, and for a session that may not write: a deploy would fail halfway in."""
    found = test(executor)
    if found.read_only:
        raise ConnectionFailed(
            f"Nothing can be deployed to {executor.target.where}: {_READ_ONLY[found.standby]}.",
            "Connect to the primary server, not to a replica."
            if found.standby
            else "Switch default_transaction_read_only off for this user and database; Supabase switches it on when "
            "the disk is nearly full, so make room first.",
            kind="standby" if found.standby else "read-only",
        )
