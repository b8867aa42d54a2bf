"""Which transaction each change of a section runs in, as the executor cuts a section (`shared.pieces`), and which
changes can run in none.
"""

from __future__ import annotations

from json import dumps

from elf_sqlcheck.catalog.change import Opaque
from elf_sqlcheck.catalog.change_objects import Drop
from elf_sqlcheck.catalog.change_rows import AlterSystem, Maintenance, Transaction
from elf_sqlcheck.catalog.change_tables import CreateIndex, DetachPartition, Reindex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Statement

_ENDS = frozenset({"commit", "rollback", "prepare"})


def numbered(changes: Iterable[Change], *, transactional: bool) -> dict[int, int | None]:
    """The number of the transaction by `id` of the change's statement; None for what runs in one of its own.

    BEGIN and COMMIT count to the transaction that they open and close. `transactional` is what the file asks for:
    without it, statements outside BEGIN … COMMIT run alone. What a DO block or a function does is one transaction with
    it, numbered below zero where that is its own.
    """
    found: dict[int, int | None] = {}
    number = outer = 0
    inside = False
    for change in changes:
        if not change.statement.inside:
            outer += 1
        kind = change.kind if isinstance(change, Transaction) and not change.statement.inside else ""
        if kind == "begin" and not inside:
            number += 1
            inside = True
        alone = -outer if change.statement.inside else None
        found[id(change.statement)] = number if inside or transactional else alone
        if kind in _ENDS and inside:
            number += 1
            inside = False
    return found


#: Commands that neither open nor end a transaction.
WITHIN = frozenset({"savepoint", "release", "rollback to"})


def openings(changes: Iterable[Change]) -> dict[int, Change | None]:
    """By `id` of each statement, the BEGIN of the section itself between which and its COMMIT it stands."""
    found: dict[int, Change | None] = {}
    opening: Change | None = None
    for change in changes:
        found.setdefault(id(change.statement), opening)
        if isinstance(change, Transaction) and not change.statement.inside and change.kind not in WITHIN:
            opening = change if change.kind == "begin" else None
    return found


def outside(change: Change, schema: Schema) -> str:
    """What Postgres refuses to run within a transaction block, in its words; "" for everything else.

    Not told: REINDEX and CLUSTER of a partitioned table that no migration made. Every line of this is tried on a
    server by the tests. See https://www.postgresql.org/docs/current/sql-begin.html and each command's own page.
    """
    refuses = _OUTSIDE.get(type(change))
    return refuses(change, schema) if refuses else ""


def _is_partitioned(name: Name | None, schema: Schema) -> bool:
    found = schema.table(name) if name else None
    return bool(found and found.partition_by)


def _reindex(change: Reindex, schema: Schema) -> str:
    if change.concurrently:
        return "REINDEX CONCURRENTLY"
    index = schema.index(change.name) if change.name and change.kind == "index" else None
    several = change.kind in {"schema", "system", "database"}
    if several or _is_partitioned(index.table if index else change.name, schema):
        return f"REINDEX {change.kind.upper()}" + ("" if several else " of a partitioned table")
    return ""


def _maintenance(change: Maintenance, schema: Schema) -> str:
    if change.kind.startswith("vacuum"):
        return "VACUUM"
    if change.kind == "cluster" and (change.name is None or _is_partitioned(change.name, schema)):
        return "CLUSTER of a partitioned table" if change.name else "CLUSTER of all tables"
    return ""


def _options(statement: Statement) -> dict[str, str]:
    elements = [item["DefElem"] for item in statement.node.get("options", ())]
    return {element["defname"]: dumps(element.get("arg", "true")).lower() for element in elements}


def _is_off(options: dict[str, str], name: str) -> bool:
    return any(word in options.get(name, "") for word in ("false", '"off"', '"none"', '"ival": 0', "{}"))


def _opaque(change: Opaque, _schema: Schema) -> str:
    statement = change.statement
    if statement.kind == "DiscardStmt":
        return "DISCARD ALL" if statement.node.get("target", "DISCARD_ALL") == "DISCARD_ALL" else ""
    if statement.kind == "CreateSubscriptionStmt":
        options = _options(statement)
        silent = any(_is_off(options, name) for name in ("connect", "create_slot", "slot_name"))
        return "" if silent else "CREATE SUBSCRIPTION, which makes a replication slot,"
    if statement.kind == "AlterSubscriptionStmt" and statement.node.get("kind") in _REFRESHING:
        return "" if _is_off(_options(statement), "refresh") else "ALTER SUBSCRIPTION with a refresh"
    return ""


_REFRESHING = frozenset(
    f"ALTER_SUBSCRIPTION_{what}" for what in ("REFRESH", "SET_PUBLICATION", "ADD_PUBLICATION", "DROP_PUBLICATION")
)
_SERVER = frozenset(
    ["ALTER SYSTEM", "ALTER DATABASE SET TABLESPACE", "CREATE DATABASE", "CREATE TABLESPACE", "DROP DATABASE",
     "DROP TABLESPACE"]
)  # fmt: skip
_OUTSIDE: dict[type, Callable[[Any, Schema], str]] = {
    AlterSystem: lambda change, _: change.what if change.what in _SERVER else "",
    CreateIndex: lambda change, _: "CREATE INDEX CONCURRENTLY" if change.concurrently else "",
    DetachPartition: lambda change, _: "DETACH PARTITION CONCURRENTLY" if change.concurrently else "",
    Drop: lambda change, _: "DROP INDEX CONCURRENTLY" if change.concurrently else "",
    Maintenance: _maintenance,
    Opaque: _opaque,
    Reindex: _reindex,
}
