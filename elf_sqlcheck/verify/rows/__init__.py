"""Rows in the tables that a migration meets: synthetic ones, or the user's own sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.verify.ours import relations
from elf_sqlcheck.verify.rows.fill import Filling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.result import Filled

__all__ = ["Filling", "fill"]


def fill(executor: SupabaseExecutor, tables: Iterable[str], rows: int, seed: int = 1) -> list[Filled]:
    """Bring tables to `rows` rows, where they have fewer, with all that their foreign keys point at.

    Args:
        executor: On the database to fill: that of the stage, or one on a copy.
        tables: Their names as SQL writes them; those that are not there are passed over.
        rows: How many rows each is to have.
        seed: The same seed gives the same rows.

    Returns what became of each table that had fewer. Raises DatabaseError when the server cannot be asked.
    """
    return Filling(seed).fill(executor, relations(executor, tables).values(), rows)
