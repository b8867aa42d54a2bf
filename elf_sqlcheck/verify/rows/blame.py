"""Why a migration failed on rows: whether any row would do, and which row it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.verify.ours import ask, relations
from elf_sqlcheck.verify.result import BrokenRow
from elf_sqlcheck.verify.rows.values import identifier, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.errors import MigrationFailed
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: What was asked of the values, by SQLSTATE; foreign keys are not among it, for other tables decide them.
_KINDS = {
    "23502": frozenset({"not null", "primary key"}),
    "23505": frozenset({"unique", "primary key"}),
    "23514": frozenset({"check"}),
    "23P01": frozenset({"exclude"}),
}
_CONFLICTS = frozenset({"23505", "23P01"})


def failing(error: MigrationFailed, changes: Sequence[Change]) -> list[Change]:
    """The changes of the statement that failed."""
    span = error.span
    if span is None:
        return []
    return [c for c in changes if c.statement.span.start <= span.start and span.end <= c.statement.span.end]


def fails_on_any_row(error: MigrationFailed, changes: Sequence[Change]) -> bool:
    """Whether the migration fails on every table that is not empty, whatever its rows hold.

    That is so when the values that are refused are the migration's own: those of columns that it adds and does not
    fill. All else depends on what the rows hold, and nobody but production knows that.
    """
    kinds = _KINDS.get(error.sqlstate)
    blamed = {id(change) for change in failing(error, changes)}
    asked = [number for number, change in enumerate(changes) if id(change) in blamed and _asks(change, kinds, error)]
    return bool(asked) and all(_asks_new_columns(changes[: number + 1]) for number in asked)


def _asks_new_columns(changes: Sequence[Change]) -> bool:
    """Whether the last of `changes` asks something only of columns that they add and do not fill."""
    change = changes[-1]
    columns = set(_columns(change))
    added = {other.column.name for other in changes if _adds(other, _table(change))}
    return bool(columns) and columns <= added and not any(map(_writes, changes))


def _asks(change: Change, kinds: frozenset[str] | None, error: MigrationFailed) -> bool:
    """Whether a change asks of values what they refused: a constraint of one of these kinds."""
    if kinds is None:
        return False
    if isinstance(change, ch.AddColumn):
        there = {constraint.kind for constraint in change.constraints}
        if "not null" in kinds and error.column:
            return change.column.name == error.column
        return bool(kinds & there) or ("not null" in kinds and change.column.not_null)
    if isinstance(change, ch.AddConstraint):
        return change.constraint.kind in kinds
    return (isinstance(change, ch.SetNotNull) and "not null" in kinds) or (
        isinstance(change, ch.CreateIndex) and change.unique and "unique" in kinds
    )


def is_a_conflict_of_keys(error: MigrationFailed, changes: Sequence[Change]) -> bool:
    """Whether rows that the migration itself inserts met rows of the same key.

    Nothing can be learnt from that where we made up the rows: of a table with few possible keys they hold them all.
    """
    return error.sqlstate in _CONFLICTS and any(
        isinstance(change, ch.WriteRows) and change.kind == "insert" and not change.from_query
        for change in failing(error, changes)
    )


def is_careful(error: MigrationFailed, changes: Sequence[Change]) -> bool:
    """Whether the statement does nothing but look whether the rows will do, in the way that keeps nobody waiting.

    Who writes VALIDATE CONSTRAINT or CREATE UNIQUE INDEX CONCURRENTLY knows that rows may be found wanting.
    """
    return any(
        isinstance(change, ch.ValidateConstraint)
        or (isinstance(change, ch.CreateIndex) and change.concurrently and change.unique)
        for change in failing(error, changes)
    )


def said(error: MigrationFailed, *, private: bool) -> str:
    """What Postgres said, without the detail that shows values where those are `private`."""
    text = error.detail or error.message
    return text.partition("; detail:")[0] if private else text


def broken_row(
    executor: SupabaseExecutor, error: MigrationFailed, changes: Sequence[Change], *, private: bool
) -> BrokenRow | None:
    """A row on which the statement fails, asked of the tables as they were before UP; None when that is not known.

    What the statement asks of comes first in it. Of `private` rows only the primary key is told.
    """
    for change in failing(error, changes):
        table, where = _table(change), _refused(change)
        if table is None or not where:
            continue
        try:
            rows = executor.query(
                "SELECT part.key, part.value FROM "
                f"(SELECT candidate.* FROM {written(table)} AS candidate WHERE {where} LIMIT 1) AS found, "
                "json_each_text(row_to_json(found)) AS part"
            )
            keys = {row["name"] for row in _primary(executor, table)} if rows and private else set()
        except DatabaseError:  # what it asks of is made by UP itself
            continue
        if rows:
            asked = set(_columns(change))
            values = [(row["key"], row["value"]) for row in rows if not private or row["key"] in keys]
            values.sort(key=lambda value: value[0] not in asked)
            return BrokenRow(str(table), tuple(values), error.span, said(error, private=private))
    return None


_PRIMARY = """
SELECT a.attname AS name FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = ANY(%s::oid[]) AND i.indisprimary
"""


def _primary(executor: SupabaseExecutor, table: Name) -> list[dict[str, Any]]:
    name = written(table)
    return ask(executor, _PRIMARY, ([*relations(executor, [name]).values()],))


def _adds(change: Change, table: Name | None) -> TypeGuard[ch.AddColumn]:
    """Whether it adds a column to the table whose values the migration alone decides."""
    if not isinstance(change, ch.AddColumn) or table is None or change.column.generated is not None:
        return False
    return change.table.name == table.name


def _table(change: Change) -> Name | None:
    if isinstance(change, (ch.TableChange, ch.CreateIndex, ch.WriteRows)):
        return change.table
    return None


def _writes(change: Change) -> bool:
    """Whether it may put values into a column that is there."""
    if isinstance(change, ch.WriteRows):
        return change.kind != "delete"
    return isinstance(change, (ch.Execute, ch.Opaque)) or (isinstance(change, ch.ReadRows) and bool(change.functions))


def _columns(change: Change) -> tuple[str, ...]:
    """The columns that a change asks something of."""
    if isinstance(change, ch.AddColumn):
        return (change.column.name,)
    if isinstance(change, ch.SetNotNull):
        return (change.column,)
    if isinstance(change, ch.AddConstraint):
        expression = change.constraint.expression
        return expression.columns if expression else change.constraint.columns
    if isinstance(change, ch.CreateIndex):
        return tuple(key.name for key in change.columns if key.name)
    return ()


def _refused(change: Change) -> str:
    """A condition on the rows (`candidate`) that the change cannot stand; "" when it has none that can be written."""
    if isinstance(change, ch.SetNotNull):
        return f"candidate.{identifier(change.column)} IS NULL"
    if isinstance(change, ch.CreateIndex) and change.unique and not change.where:
        return _repeated(change.table, _columns(change))
    if not isinstance(change, ch.AddConstraint):
        return ""
    constraint = change.constraint
    if constraint.kind == "check" and constraint.expression:
        return f"NOT ({constraint.expression.text})"
    if constraint.kind in {"unique", "primary key"}:
        empty = [f"candidate.{identifier(name)} IS NULL" for name in constraint.columns]
        repeated = _repeated(change.table, constraint.columns)
        return f"({' OR '.join([repeated, *empty])})" if constraint.kind == "primary key" and repeated else repeated
    if constraint.kind == "foreign key" and constraint.references and constraint.ref_columns:
        pairs = list(zip(constraint.columns, constraint.ref_columns, strict=False))
        same = " AND ".join(f"parent.{identifier(theirs)} = candidate.{identifier(own)}" for own, theirs in pairs)
        there = " AND ".join(f"candidate.{identifier(own)} IS NOT NULL" for own, _ in pairs)
        return f"{there} AND NOT EXISTS (SELECT FROM {written(constraint.references)} AS parent WHERE {same})"
    return ""


def _repeated(table: Name, columns: Sequence[str]) -> str:
    if not columns:
        return ""
    same = " AND ".join(f"other.{identifier(name)} = candidate.{identifier(name)}" for name in columns)
    others = "(other.tableoid, other.ctid) <> (candidate.tableoid, candidate.ctid)"
    return f"EXISTS (SELECT FROM {written(table)} AS other WHERE {same} AND {others})"
