"""INVALID indexes that our migrations have left behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.changes import CreateIndex
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.shared.concurrently import InvalidIndex, invalid_indexes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: REINDEX CONCURRENTLY: https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY
_COPY = re.compile(r"_cc(?:new|old)\d*\Z")


@dataclass(frozen=True)
class Leftover:
    """An INVALID index, and the version of the migration that makes it, "" when none does."""

    index: InvalidIndex
    version: str

    @property
    def is_copy(self) -> bool:
        """Whether REINDEX made it beside the real one."""
        return bool(_COPY.search(self.index.name))

    @property
    def definition(self) -> str:
        """The statement that makes it anew."""
        return self.index.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1) + ";"


def leftovers(executor: SupabaseExecutor, migrations: Iterable[Migration]) -> list[Leftover]:
    """Return the INVALID indexes that nobody is building now, each with the migration that makes it.

    Raises:
        DatabaseError: The server refused.
    """
    found = invalid_indexes(executor)
    makers = _makers(migrations) if found else {}
    return [Leftover(index, makers.get((_COPY.sub("", index.name), index.table_name), "")) for index in found]


def _makers(migrations: Iterable[Migration]) -> dict[tuple[str, str], str]:
    """The version that makes an index last, by the names of the index and its table."""
    return {
        (change.name, change.table.name): migration.version
        for migration in migrations
        for change in read_section(migration.up, migration.data)
        if isinstance(change, CreateIndex) and change.name
    }
