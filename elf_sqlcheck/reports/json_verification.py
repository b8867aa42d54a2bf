"""What `verify` saw, for programs: the member `verification` of the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from elf_sqlcheck.reports.verification import changes, locate, outcome, ran

if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.reports import Places, Report
    from elf_sqlcheck.reports.verification import Located, Ran
    from elf_sqlcheck.verify.result import Step


def verification(report: Report, places: Places) -> dict[str, Any]:
    """Everything that was observed; durations in milliseconds, sizes in bytes."""
    result = report.verification
    assert result is not None  # noqa: S101 - whoever calls has looked
    return {
        "server": result.server,
        "url": result.url,
        "seconds": round(report.seconds, 3),
        "notes": result.notes,
        "steps": [_step(step, places) for step in result.steps],
    }


def _step(step: Step, places: Places) -> dict[str, Any]:
    migration = step.migration
    return {
        "path": migration.path,
        "paths": list(migration.paths),
        "version": migration.version,
        "name": migration.name,
        "judged": step.judged,
        "outcome": outcome(step),
        "applied": step.applied,
        "rolled_back": step.rolled_back,
        "applied_again": step.reapplied,
        "ms": round(step.ms, 3),
        "statements": [_statement(one) for one in ran(step, places)],
        "filled": [asdict(filled) for filled in step.filled],
        "broken_rows": [
            {
                "table": row.table,
                "values": [{"column": column, "value": value} for column, value in row.values],
                "message": row.message,
                "statement": _located(step, row.span, places),
            }
            for row in step.broken_rows
        ],
        "blocked": [
            {
                "query": blocked.query,
                "table": blocked.table,
                "ms": round(blocked.ms, 3),
                "gave_up": blocked.gave_up,
                "statement": _located(step, blocked.span, places),
            }
            for blocked in step.blocked
        ],
        "changes": [_difference(difference) for difference in changes(step)],
        "differences": [_difference(difference) for difference in step.differences],
        "proposal": step.proposal,
        "more": step.more,
    }


def _statement(one: Ran) -> dict[str, Any]:
    observed = one.observed
    return {
        **_place(one.located),
        "ms": round(observed.ms, 3),
        "held_ms": round(one.held_ms, 3),
        "wal_bytes": observed.wal,
        "in_transaction": observed.in_transaction,
        "grows": observed.grows,
        "rewritten": list(observed.rewritten),
        "scanned": list(observed.scanned),
        "locks": [asdict(held) for held in observed.locks],
    }


def _located(step: Step, span: Span | None, places: Places) -> dict[str, Any] | None:
    return None if span is None else _place(locate(step.migration, span, places))


def _place(located: Located) -> dict[str, Any]:
    place = located.place
    return {
        "path": located.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "sql": located.text,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    names = ("kind", "identity", "change", "attribute", "before", "after", "matters", "remark")
    return {**{name: getattr(difference, name) for name in names}, "message": difference.describe()}
