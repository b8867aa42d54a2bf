"""Our own questions, in a database where anybody may have put something into the way of a name.

A migration can leave a function, an operator or a view that is found before Postgres' own, or fits better
(https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058), and settings that make the catalogs look different. What is
asked within `pinned` sees only what Postgres itself brings, and answers the same whatever was set.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

#: Temporary objects come first where they are not named.
PATH = "pg_catalog, pg_temp"

#: What decides which objects names lead to, and how the server shows values and definitions.
SETTINGS = {
    "search_path": PATH,
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "xmlbinary": "base64",
}

#: The same for a session in which nothing but our questions is asked, whatever ALTER ROLE and ALTER DATABASE have set
#: for new ones.
OF_SESSION = {
    **SETTINGS,
    # Nothing temporary is in it, and a SET of one text is of one name.
    "search_path": "pg_catalog",
    "role": "none",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

_CALLS = (f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in SETTINGS.items())
_SET = f"SELECT {', '.join(_CALLS)}"


@contextlib.contextmanager
def pinned(connection: Connection[Any], begin: str = "BEGIN") -> Iterator[None]:
    """Let the body read, and nothing else, with `SETTINGS`; the session is afterwards as it was.

    Outside of a transaction the body has one of its own, begun with `begin`. Raises psycopg.Error.
    """
    from psycopg.pq import TransactionStatus

    idle = connection.info.transaction_status == TransactionStatus.IDLE
    connection.execute(f"{begin if idle else 'SAVEPOINT elf_pinned'}; {_SET}".encode())
    try:
        yield
    finally:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            ending = "ROLLBACK" if idle else "ROLLBACK TO SAVEPOINT elf_pinned; RELEASE SAVEPOINT elf_pinned"
            connection.execute(ending.encode())
