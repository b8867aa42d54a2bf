"""UP on top of itself: it must change nothing, or fail and leave everything as it is.

What runs in one transaction is run in place, looked at from within the transaction and rolled back; the rest on a copy.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.postgres import identity
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.pinned import pinned
from elf_sqlcheck.postgres.snapshot import Snapshot
from elf_sqlcheck.shared.calls import CutShortError
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.culprit import culprit
from elf_sqlcheck.verify.cuts import only_transaction
from elf_sqlcheck.verify.lasting import Lasting
from elf_sqlcheck.verify.rollback import said
from elf_sqlcheck.verify.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Span
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.result import Step

_ADVICE = "Let the second run do nothing, or fail: "
_ROWS = f"{_ADVICE}INSERT … ON CONFLICT DO NOTHING with a unique key, or INSERT … SELECT … WHERE NOT EXISTS (…)."


class Twice(Check):
    """Runs each UP a second time, when it has just been applied."""

    def applied(self, stage: Stage, step: Step) -> None:
        """Run it again, and report what changed."""
        if step.after is None:
            return
        if only_transaction(step.migration) is not None:
            outside = Lasting(stage.executor, sequences=True)
            result = _in_place(stage.executor, step.migration, step.after)
            outside.put_back()
        else:
            with stage.copy() as executor:
                result = _on_copy(executor, step.migration, step.after)
        step.more["twice"] = result.told
        self._report(stage, step, result)

    @staticmethod
    def _report(stage: Stage, step: Step, result: _Result) -> None:
        migration = step.migration
        ending = f" before it fails ({result.error})" if result.error else ""
        for difference in compare(step.after or Snapshot(), result.end):
            if difference.matters:
                message = f"a second run of UP changes the schema again{ending}: {difference.describe()}"
                place = culprit(migration, difference)
                stage.find("second-run-changes-schema", migration, message, place)
        for table, more in result.rows.items():
            change = "adds {} to" if more > 0 else "takes {} from"
            amount = f"{abs(more)} row{'s' * (abs(more) != 1)}"
            message = f"a second run of UP {change.format(amount)} {table}{ending}"
            stage.find("second-run-changes-schema", migration, message, _writing(migration, table), _ROWS)


class _Result:
    """What a second run came to: the schema at its `end`, how many rows each table has more, and the error if any."""

    def __init__(self, end: Snapshot, rows: dict[str, int], error: str = "") -> None:
        self.end = end
        self.rows = rows
        self.error = error
        self.told = f"fails cleanly: {error}" if error else "no change"

    def against(self, after: Snapshot) -> _Result:
        """The same, told as what it is when there is a difference to the schema `after` the first run."""
        if self.rows or any(one.matters for one in compare(after, self.end)):
            self.told = "changes more" + (f", then fails: {self.error}" if self.error else "")
        return self


def _in_place(executor: SupabaseExecutor, migration: Migration, after: Snapshot) -> _Result:
    counted = _counts(executor.connection, after)
    found: list[_Result] = []

    def look(connection: Connection[dict[str, Any]]) -> None:
        end = Stage.seen_by(connection)
        found.append(_Result(end, _more(counted, _counts(connection, after, end))))
        raise CutShortError

    try:
        with contextlib.suppress(CutShortError):
            executor.run(migration, migration.up, record=look)
    except MigrationFailed as error:
        return _Result(after, {}, said(error))
    return found[0].against(after)


def _on_copy(executor: SupabaseExecutor, migration: Migration, after: Snapshot) -> _Result:
    counted = _counts(executor.connection, after)
    failure = ""
    try:
        executor.run(migration, migration.up)
    except MigrationFailed as error:
        failure = said(error)
    end = Stage.seen_by(executor.connection)
    return _Result(end, _more(counted, _counts(executor.connection, after, end)), failure).against(after)


def _counts(connection: Connection[dict[str, Any]], *schemas: Snapshot) -> Mapping[str, int]:
    """How many rows the tables have that are in all of the snapshots."""
    tables = {key for key in schemas[0].objects if key[0] == "table"}.intersection(*(one.objects for one in schemas))
    if not tables:
        return {}
    # Names from the catalog, quoted as it quotes them.
    texts = [f"SELECT '{quoted}' AS name, count(*) AS count FROM {name}" for name, quoted in _quoted(tables)]  # noqa: S608
    with pinned(connection):
        rows = connection.execute(" UNION ALL ".join(texts).encode()).fetchall()
    return {row["name"]: row["count"] for row in rows}


def _quoted(tables: set[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, name.replace("'", "''")) for _, name in sorted(tables)]


def _more(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - count for name, count in before.items() if name in after and after[name] != count}


def _writing(migration: Migration, table: str) -> Span | None:
    """The statement of UP that writes rows of the table, else the first that may."""
    name = identity.names(table)[-1]
    writes = [
        one for one in read_section(migration.up, migration.data) if isinstance(one, (ch.WriteRows, ch.Do, ch.ReadRows))
    ]
    named = [one for one in writes if isinstance(one, ch.WriteRows) and one.table.name == name]
    best = next(iter(named or writes), None)
    return best.statement.span if best else None
