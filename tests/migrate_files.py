"""Migration files for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The tracking tables that an older elf-migrate made.
OLD_TABLES = """
CREATE TABLE schema_migrations (version varchar(20) PRIMARY KEY, name varchar(255) NOT NULL,
    description text, checksum varchar(64) UNIQUE, status varchar(20) NOT NULL, executed_at timestamp,
    execution_time_ms integer, error text, metadata jsonb DEFAULT '{}', created_at timestamp DEFAULT now());
CREATE TABLE migration_history (id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    version varchar(20) REFERENCES schema_migrations (version), action varchar(20) NOT NULL,
    started_at timestamp DEFAULT now(), completed_at timestamp, success boolean, details jsonb);
"""

#: A migration in which nothing is to be found, and where it is.
MIGRATION = "migrations/20250121_093000_add_teams.sql"
GOOD = """\
-- Migration: Add teams
-- Version: 20250121_093000
-- Description: Teams

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS teams (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS teams;
"""


def text(name: str, up: str, down: str | None = "SELECT 1;", *, needs: Sequence[str] = (), header: str = "") -> str:
    """The text of a migration; `down` None leaves the section out, `header` is further header lines."""
    head = (
        f"-- Migration: {name}\n-- Version: {name[:15]}\n-- Description: {name}\n"
        f"-- Dependencies: {json.dumps(list(needs))}\n{header}"
    )
    made = f"{head}\n-- ============= UP MIGRATION =============\n\n{up}\n"
    return made if down is None else f"{made}\n-- ============= DOWN MIGRATION ============\n\n{down}\n"


def write(folder: Path, name: str, up: str, down: str | None = "SELECT 1;", *, needs: Sequence[str] = (),
          header: str = "") -> Path:  # fmt: skip
    """Write a migration into `folder`, which is made when it is not there."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(text(name, up, down, needs=needs, header=header), encoding="utf-8")
    return path
