"""How the database says that a migration stands: one row of schema_migrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.migrate.checksum import KIND, checksum
from elf_sqlcheck.migrate.history import tables

if TYPE_CHECKING:
    from datetime import datetime

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor


def by_hand(version: str, status: str) -> str:
    """Return the statement with which people set a status themselves."""
    return f"UPDATE schema_migrations SET status = '{status}' WHERE version = '{version}';"  # noqa: S608 - only shown


@dataclass(frozen=True)
class Progress:
    """How far a section got that runs in more than one piece: its first `statements`, whose hash is `mark`.

    `begun` says that the next one was about to run outside a transaction, and nothing since.
    """

    section: str
    statements: int
    mark: str
    begun: bool = False


@dataclass(frozen=True)
class State:
    """How the database says that a migration stands.

    `text` is the digest under which migration_texts keeps what was applied, `event` the hash of the event that brought
    the migration here; both are "" for what an older elf-migrate wrote.
    """

    version: str
    name: str
    status: str
    checksum: str
    down_checksum: str
    executed_at: datetime | None
    ms: int | None
    error: str
    is_ours: bool
    progress: Progress | None
    text: str = ""
    event: str = ""

    def changed(self, migration: Migration) -> bool:
        """Whether the UP section is another one than the one that was executed."""
        return self.is_ours and bool(self.checksum) and self.checksum != checksum(migration, migration.up)

    def down_changed(self, migration: Migration) -> bool:
        """Whether the DOWN section is another one than when UP was executed; that is allowed."""
        return self.is_ours and self.down_checksum != checksum(migration, migration.down)


def read(executor: SupabaseExecutor) -> dict[str, State]:
    """Return the state of each version that the database knows; changes nothing, and {} when there are no tables.

    Raises:
        UsageError: The tables belong to another tool, or this user does not see all of their rows.
        DatabaseError: The server refused.
    """
    if not tables.are_there(executor):
        return {}
    # Where row level security applies, a SELECT is not refused but empty: everything would run again.
    seen = executor.query(
        "SELECT pg_catalog.row_security_active('public.schema_migrations') AS hidden, current_user AS who, "
        "pg_catalog.current_schemas(true)::text[] AS path"
    )
    _refuse_other_words(seen[0]["path"])
    if seen[0]["hidden"]:
        raise UsageError(
            f"Row level security hides the rows of schema_migrations from the user {seen[0]['who']}, so what has "
            "been run cannot be known.",
            "Connect as the user that owns the table.",
        )
    # As one JSON value, so that columns which an older table lacks are simply absent.
    rows = executor.query("SELECT pg_catalog.to_jsonb(m) AS row, m.executed_at FROM public.schema_migrations m")
    states = (_state(row["row"], row["executed_at"]) for row in rows if not _is_forgotten(row["row"]))
    return {state.version: state for state in states}


def _refuse_other_words(path: list[str]) -> None:
    """What is looked up before pg_catalog gives another meaning to the very operators that the history is read with."""
    before = [name for name in path[: path.index("pg_catalog")] if not name.startswith("pg_temp")]
    if before:
        raise UsageError(
            f"The search_path of this user or database puts {before[0]} before pg_catalog, so what is in it could "
            "stand in for = and every function, also where the history is read.",
            "Take pg_catalog out of it, which is looked up first then: ALTER DATABASE … SET search_path (or ALTER "
            "ROLE), as `SELECT * FROM pg_db_role_setting` shows it.",
        )


def _is_forgotten(row: dict[str, Any]) -> bool:
    return bool((row.get("metadata") or {}).get("forgotten"))


def _state(row: dict[str, Any], executed_at: datetime | None) -> State:
    metadata = row.get("metadata") or {}
    progress = metadata.get("progress")
    return State(
        version=row["version"],
        name=row["name"],
        status=row["status"],
        checksum=row.get("checksum") or "",
        down_checksum=metadata.get("down_checksum") or "",
        executed_at=executed_at,
        ms=row.get("execution_time_ms"),
        error=row.get("error") or "",
        is_ours=metadata.get("checksum") == KIND,
        progress=Progress(**progress) if progress else None,
        text=metadata.get("text") or "",
        event=metadata.get("event") or "",
    )
