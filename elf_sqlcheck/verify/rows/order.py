"""In which order tables are filled: those that foreign keys point at come first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elf_sqlcheck.verify.rows.tables import Table

#: So many partitions of a table get rows, the first ones and the last ones.
_PARTITIONS = 12


def parents_first(tables: Mapping[int, Table], oids: Iterable[int]) -> list[Table]:
    """The tables `oids` and what they point at, parents first, partitions before the table that they are of.

    A key that may be empty is where a circle is broken: its parent may come later.
    """
    found: dict[int, Table] = {}
    begun: set[int] = set()
    later = list(oids)

    def add(oid: int) -> None:
        table = tables.get(oid)
        if table is None or oid in begun:
            return
        begun.add(oid)
        for key in sorted(table.keys, key=lambda key: _is_optional(table, key.columns)):
            if _is_optional(table, key.columns) and oid in _needed(tables, key.parent):
                later.append(key.parent)
            else:
                add(key.parent)
        for partition in _some_partitions(table):
            add(partition)
        found[oid] = table

    for oid in later:
        add(oid)
    return list(found.values())


def _some_partitions(table: Table) -> tuple[int, ...]:
    half = _PARTITIONS // 2
    all_ = table.partitions
    return all_ if len(all_) <= _PARTITIONS else (*all_[:half], *all_[-half:])


def _is_optional(table: Table, names: Iterable[str]) -> bool:
    return any(column is not None and not column.not_null for column in map(table.column, names))


def _needed(tables: Mapping[int, Table], oid: int) -> set[int]:
    """The tables that must have rows before that one can have any."""
    found: set[int] = set()
    asked = [oid]
    while asked:
        table = tables.get(asked.pop())
        keys = table.keys if table else ()
        more = {key.parent for key in keys if table and not _is_optional(table, key.columns)} - found
        found |= more
        asked += more
    return found
