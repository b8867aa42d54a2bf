"""Prove migrations on a throw-away server: apply, roll back, compare, apply again, compare.

Every section runs through the executor that deploys it. What two snapshots of the schema do not have in common becomes
a finding, at the statement that made the difference where that can be told.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.culprit import culprit
from elf_sqlcheck.errors import ElfError, MigrationFailed
from elf_sqlcheck.model import Finding
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.roles import create_roles
from elf_sqlcheck.postgres.snapshot import Snapshot, snapshot
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.roles import named_roles

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from elf_sqlcheck.model import Migration, Section, Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.rule import Rule

#: More differences than these are counted, not listed: one DROP SCHEMA forgotten should not bury the rest.
_MOST_DIFFERENCES = 20


class Report(Protocol):
    """Who is told what is done, while it is done."""

    def __call__(self, migration: Migration, doing: str, number: int, total: int) -> object:
        """`doing` is "applying", "rolling back" or "applying again"; `number` counts migrations from 1."""


@dataclass
class Step:
    """What became of one migration; None where something was not tried. `ms` counts the time of its SQL."""

    migration: Migration
    judged: bool
    applied: bool | None = None
    rolled_back: bool | None = None
    reapplied: bool | None = None
    ms: float = 0.0


@dataclass
class Verification:
    """What a run showed: findings in the order of the files, a step for each migration, and what else to say."""

    findings: list[Finding] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Where the database is, when it was kept.
    url: str = ""


def verify(
    migrations: Iterable[Migration],
    server: Server | str,
    *,
    rules: Iterable[Rule] | None = None,
    only: Container[str] | None = None,
    report: Report | None = None,
    keep: bool = False,
) -> Verification:
    """Apply, roll back and re-apply each migration in a database of its own on `server`.

    Args:
        migrations: All that make the schema; run by version.
        server: A server of ours, or the libpq URL of one on which databases may be created. The database that the URL
            names is not touched.
        rules: What may be found, under which severity: those of the family verify among them count. None is all of
            them, as they come.
        only: Paths of the migrations to judge; the others are only applied. None judges all.
        report: Told what is done.
        keep: Leave the database there.

    Raises:
        ConnectionFailed: No connection could be made.
        DatabaseError: The server lets nobody create a database or a role.
    """
    ordered = layouts.in_order(list(migrations))
    run = _Run(server, ordered, registry.builtin() if rules is None else rules, report)
    try:
        for number, migration in enumerate(ordered, start=1):
            judged = only is None or any(path in only for path in migration.paths)
            if not run.take(number, migration, judged=judged):
                run.give_up(ordered[number:])
                break
    finally:
        run.close(keep=keep)
    return run.result


class _Run:
    """One verification: its database, and the snapshot of the schema as it stands, when it is known."""

    def __init__(
        self, server: Server | str, ordered: Sequence[Migration], rules: Iterable[Rule], report: Report | None
    ) -> None:
        self.result = Verification()
        self._rules = {rule.name: rule for rule in rules}
        self._server = server
        self._ordered = ordered
        self._report = report
        url = server if isinstance(server, str) else server.url
        self._administration = SupabaseExecutor(url, application_name="elf-sqlcheck")
        self._database = ""
        self._executor = self._administration
        self._standing: Snapshot | None = None
        self._make_database()
        made = create_roles(self._administration.connection, named_roles(ordered))
        if made:
            self.result.notes.append(f"Made the roles that the migrations name but do not make: {', '.join(made)}.")

    def take(self, number: int, migration: Migration, *, judged: bool) -> bool:
        """Prove one migration; False when it does not apply, so that nothing after it can be judged."""
        step = Step(migration, judged)
        self.result.steps.append(step)
        down = migration.down if judged and not migration.irreversible else None
        before = (self._standing or self._snapshot()) if down else None
        self._tell(migration, "applying", number)
        error = self._run(step, migration.up)
        step.applied = error is None
        if error is not None:
            self._find("does-not-apply", migration, f"UP fails: {_said(error)}", error.span, error.remedy)
            return False
        self._standing = None
        if down is None or before is None:
            if judged:
                reason = (
                    f"is irreversible ({migration.irreversible})" if migration.irreversible else "has no DOWN section"
                )
                self.result.notes.append(f"{migration.path} {reason}: it was applied, not rolled back.")
            return True
        self._prove_rollback(number, step, down, before)
        return True

    def _prove_rollback(self, number: int, step: Step, down: Section, before: Snapshot) -> None:
        migration = step.migration
        applied = self._snapshot()
        self._tell(migration, "rolling back", number)
        error = self._run(step, down)
        step.rolled_back = error is None
        if error is not None:
            self._find("does-not-roll-back", migration, f"DOWN fails: {_said(error)}", error.span, error.remedy)
            self._restore(number, migration, applied)
            return
        left = [difference for difference in compare(before, self._snapshot()) if difference.matters]
        self._find_differences(migration, left)
        self._tell(migration, "applying again", number)
        error = self._run(step, migration.up)
        step.reapplied = error is None
        if error is not None:
            message = f"after its own rollback UP fails: {_said(error)}"
            # Not Postgres' remedy: IF NOT EXISTS would hide what the rollback left, and UP was right the first time.
            self._find("does-not-apply-again", migration, message, error.span)
            self._restore(number, migration, applied)
            return
        again = self._snapshot()
        other = [difference for difference in compare(applied, again) if difference.matters]
        # What the rollback left is told already; it is no news that it is still there.
        if other and not left:
            for difference in other[:_MOST_DIFFERENCES]:
                message = f"after rolling back and applying again: {difference.describe()}"
                self._find("does-not-apply-again", migration, message, culprit(migration, difference))
        if other:
            self._restore(number, migration, applied)
        else:
            self._standing = again

    def _find_differences(self, migration: Migration, left: list[Difference]) -> None:
        named = [
            ("rollback-leaves-behind" if difference.change == "added" else "rollback-does-not-restore", difference)
            for difference in left
        ]
        wanted = [(rule, difference) for rule, difference in named if rule in self._rules]
        for rule, difference in wanted[:_MOST_DIFFERENCES]:
            self._find(rule, migration, f"after the rollback: {difference.describe()}", culprit(migration, difference))
        if len(wanted) > _MOST_DIFFERENCES:
            more = len(wanted) - _MOST_DIFFERENCES
            self.result.notes.append(f"{migration.path}: {more} more differences after its rollback are not listed.")

    def give_up(self, rest: Sequence[Migration]) -> None:
        """Say which migrations nothing is known about."""
        self.result.steps += [Step(migration, judged=False) for migration in rest]
        if rest:
            names = ", ".join(migration.path for migration in rest)
            self.result.notes.append(f"Not judged, because a migration before them does not apply: {names}.")

    def close(self, *, keep: bool) -> None:
        """Drop the database, or say where it is."""
        if keep and self._database:
            self.result.url = self._shown(self._database)
            self._executor.close()
        else:
            self._drop_database()
        self._administration.close()

    def _run(self, step: Step, section: Section) -> MigrationFailed | None:
        started = time.perf_counter()
        try:
            self._executor.run(step.migration, section)
        except MigrationFailed as error:
            if error.sqlstate.startswith(("08", "57P")):
                raise
            return error
        finally:
            step.ms += (time.perf_counter() - started) * 1000
        return None

    def _restore(self, number: int, migration: Migration, applied: Snapshot) -> None:
        """Bring the database to where it was after UP, so that the next migration is judged on its own merits."""
        self._standing = self._snapshot()
        if not compare(applied, self._standing):
            return
        self._drop_database()
        self._make_database()
        for earlier in self._ordered[:number]:
            try:
                self._executor.run(earlier, earlier.up)
            except MigrationFailed as error:
                raise ElfError(
                    f"{migration.path}: the schema could not be made anew after its rollback failed: {error.message}",
                    "Make the migrations repeatable: something in them outlives their database, such as a role.",
                ) from error
        self._standing = applied

    def _snapshot(self) -> Snapshot:
        return snapshot(self._executor.connection)

    def _tell(self, migration: Migration, doing: str, number: int) -> None:
        if self._report:
            self._report(migration, doing, number, len(self._ordered))

    def _find(self, name: str, migration: Migration, message: str, span: Span | None, remedy: str = "") -> None:
        """Note a finding of a rule, unless the rule is not asked for."""
        rule = self._rules.get(name)
        if rule is None:
            return
        instead = remedy or rule.instead
        self.result.findings.append(
            Finding(rule.name, rule.family, rule.severity, message, migration.path, span, rule.why, instead)
        )

    def _make_database(self) -> None:
        from psycopg import sql

        self._database = f"elf_verify_{uuid.uuid4().hex[:12]}"
        if isinstance(self._server, str):
            name = sql.Identifier(self._database)
            command = sql.SQL("CREATE DATABASE {}").format(name).as_string(self._administration.connection)
            self._administration.query(command)
        else:
            self._server.create_database(self._database)
        self._executor = SupabaseExecutor(self._url(self._database), application_name="elf-sqlcheck")

    def _drop_database(self) -> None:
        from psycopg import sql

        if not self._database:
            return
        self._executor.close()
        name = sql.Identifier(self._database)
        # WITH (FORCE): https://www.postgresql.org/docs/current/sql-dropdatabase.html
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
        self._administration.query(command.as_string(self._administration.connection))
        self._database = ""

    def _shown(self, database: str) -> str:
        """The URL without its password: it is printed."""
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        if not isinstance(self._server, str):
            return self._url(database)
        values: dict[str, Any] = conninfo_to_dict(self._server, dbname=database)
        return make_conninfo(**{key: value for key, value in values.items() if key != "password"})

    def _url(self, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        if isinstance(self._server, str):
            return make_conninfo(self._server, dbname=database)
        return self._server.url_of(database)


def _said(error: MigrationFailed) -> str:
    """Postgres' own words; where it was not asked, ours."""
    return error.detail or error.message
