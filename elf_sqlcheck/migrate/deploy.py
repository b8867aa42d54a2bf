"""Carry out what is due, or take back what was applied: under one lock, with every step in the history."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from elf_sqlcheck.errors import DatabaseError, ElfError, MigrationFailed, PlanError
from elf_sqlcheck.migrate import plan
from elf_sqlcheck.migrate.history import History, by_hand
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.pieces import cumulative_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from elf_sqlcheck.migrate.history import Progress, State
    from elf_sqlcheck.migrate.lock import DeployLock
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.calls import Prepared
    from elf_sqlcheck.shared.database import Outcome, SupabaseExecutor


@dataclass(frozen=True)
class Options:
    """How a run goes about it.

    `target` is the last migration to run, as a version or a full name; `count` how many to run at most;
    `allow_out_of_order` runs new migrations even when later ones are applied; `lock_wait` is how many seconds to wait
    for another deployer; `supabase_history` keeps Supabase's own table of migrations in step, where it is there;
    `attendants` are told of the run while it holds the lock; `lock_retries` is how often a transaction is tried again
    that waited for a lock in vain.
    """

    target: str | None = None
    count: int | None = None
    allow_out_of_order: bool = False
    lock_wait: float = 60.0
    supabase_history: bool = True
    attendants: tuple[Attendant, ...] = ()
    lock_retries: int = 5


class Attendant:
    """Something that has its part in a run of `up` or `down`, such as a backup; does nothing by itself."""

    def begins(self, executor: SupabaseExecutor, steps: Sequence[Step]) -> None:
        """The steps are about to run, and the lock is held. What is raised here ends the run before anything runs."""

    def inside(self, connection: Connection[dict[str, Any]], step: Step) -> None:
        """The step was carried out, and its last transaction is still open. What is raised here rolls that back."""

    @property
    def looks_inside(self) -> bool:
        """Whether it has anything to do in `inside`; if not, a migration is sent at once with its COMMIT."""
        return type(self).inside is not Attendant.inside

    def ended(self, executor: SupabaseExecutor, done: Sequence[Step], error: ElfError | None) -> None:
        """These steps were carried out; `error` is what ended the run early. Called once for each `begins`."""


@dataclass(frozen=True)
class Step:
    """A section of a migration that a run carries out: its UP, unless another is `named`.

    So nothing is read of a file for being due: there is time for that while the server is at the one before it.
    """

    migration: Migration
    named: Section | None = None

    @property
    def section(self) -> Section:
        """The section."""
        return self.named or self.migration.up


class Listener(Protocol):
    """Who is told what happens while it happens."""

    def note(self, text: str, kind: str = "notice") -> None:
        """Something worth knowing, in a sentence; `kind` is "notice", "waiting" or "retry"."""

    def begins(self, migration: Migration, section: Section, number: int, total: int) -> None:
        """The section starts to run, as the `number`th of `total` (from 1)."""

    def ended(self, migration: Migration, section: Section, outcome: Outcome) -> None:
        """The section was carried out and written to the history."""


@dataclass(frozen=True)
class Due:
    """What `up` would run, in order, and how the database says that everything stands."""

    migrations: tuple[Migration, ...]
    states: Mapping[str, State]

    @property
    def steps(self) -> list[Step]:
        """The sections that would run."""
        return [Step(migration) for migration in self.migrations]

    def applied(self, migrations: Sequence[Migration]) -> list[Migration]:
        """Those of `migrations` that are applied."""
        done = {version for version, state in self.states.items() if state.status in plan.APPLIED}
        return [migration for migration in migrations if migration.version in done]


def due(
    executor: SupabaseExecutor,
    migrations: Sequence[Migration],
    options: Options | None = None,
) -> Due:
    """Return what `up` would run now; changes nothing.

    Raises:
        PlanError: There is no order, or a new file is older than what is applied.
        UsageError: The target is not among the migrations.
        DatabaseError: The server refused.
    """
    options = options or Options()
    states = History(executor).read()
    ordered = plan.order(migrations, _gone(migrations, states))
    statuses = {version: state.status for version, state in states.items()}
    waiting = plan.due(
        ordered,
        statuses,
        target=options.target,
        count=options.count,
        allow_out_of_order=options.allow_out_of_order,
    )
    return Due(tuple(waiting), states)


def up(
    executor: SupabaseExecutor, migrations: Sequence[Migration], listener: Listener, options: Options | None = None
) -> list[Migration]:
    """Run all migrations that are due, in order, and return them; stops at the first that fails.

    Raises:
        MigrationFailed: A statement failed; the history says so.
        PlanError: There is no order, or a new file is older than what is applied.
        LockNotObtained: Another deployer is at work, or the lock was lost.
        DatabaseError: The server refused.
    """
    options = options or Options()
    history = History(executor, supabase=options.supabase_history)
    with deploy_lock(executor, options.lock_wait, listener.note) as lock:
        history.prepare()
        # Read under the lock: the deployer before us may just have run the same files.
        found = due(executor, migrations, options)
        for migration in migrations:
            state = found.states.get(migration.version)
            if state and state.status in plan.APPLIED and not state.is_ours:
                history.accept(migration)
        return carry_out(executor, history, found.steps, found.states, lock, listener, options)


def carry_out(
    executor: SupabaseExecutor,
    history: History,
    steps: Sequence[Step],
    states: Mapping[str, State],
    lock: DeployLock,
    listener: Listener,
    options: Options,
) -> list[Migration]:
    """Run the steps in their order under the lock that is held, with the attendants, and return what was run.

    That it is held still is made sure of on the server, with each piece of a step (see `migrate.lock`).

    Raises:
        MigrationFailed: A statement failed; the history says so.
        LockNotObtained: The lock was lost.
        DatabaseError: The server refused.
    """
    done: list[Step] = []
    failure: ElfError | None = None
    if not steps:
        return []
    try:
        lock.check()
        for attendant in options.attendants:
            attendant.begins(executor, steps)
        if executor.guard:
            executor.guard = replace(executor.guard, untouched=history.untouched().encode())
        for number, step in enumerate(steps, start=1):
            listener.begins(step.migration, step.section, number, len(steps))
            outcome = _run(
                executor, history, step, states.get(step.migration.version), options, steps[number : number + 1]
            )
            done.append(step)
            listener.ended(step.migration, step.section, outcome)
    except BaseException as error:
        failure = error if isinstance(error, ElfError) else ElfError(f"The run was broken off: {error!r}.")
        raise
    finally:
        if done:
            _reload_api(executor)
        for attendant in options.attendants:
            attendant.ended(executor, done, failure)
    return [step.migration for step in done]


def _run(
    executor: SupabaseExecutor,
    history: History,
    step: Step,
    state: State | None,
    options: Options,
    following: Sequence[Step],
) -> Outcome:
    migration, section = step.migration, step.section
    progress = _progress(migration, section, state)
    started = time.perf_counter()

    def elapsed() -> float:
        return (time.perf_counter() - started) * 1000

    def record(connection: Connection[dict[str, Any]]) -> bytes:
        for attendant in options.attendants:
            attendant.inside(connection, step)
        return history.closing(connection, migration, section, elapsed())

    def closing(connection: Connection[dict[str, Any]]) -> Prepared:
        return history.prepared(connection, migration, section, elapsed())

    def meanwhile(connection: Connection[dict[str, Any]]) -> None:
        # What goes wrong here goes wrong again when it is that migration's turn, and is told of it then.
        with contextlib.suppress(Exception):
            for later in following:
                history.foresee(connection, later.migration, later.section)

    def reached(statements: int, mark: str) -> None:
        history.reached(migration, section, statements, mark)

    def beginning(statements: int, mark: str) -> None:
        history.reached(migration, section, statements, mark, begun=True)

    try:
        return executor.run(
            migration,
            section,
            record=record,
            closing=None if any(attendant.looks_inside for attendant in options.attendants) else closing,
            meanwhile=meanwhile,
            resume_from=progress.statements if progress else 0,
            begun=progress is not None and progress.begun,
            progress=reached,
            beginning=beginning,
            lock_retries=options.lock_retries,
        )
    except MigrationFailed as error:
        if error.unknown:
            # The COMMIT may have gone through, and the history with it: to write that it failed would be a lie, and
            # the next run would do everything twice.
            raise
        try:
            history.failed(migration, section, elapsed(), error)
        except DatabaseError as second:
            error.message += f"\n  The failure could not be written to the history: {second.message}"
        raise


def _progress(migration: Migration, section: Section, state: State | None) -> Progress | None:
    """What is not to be run again. After a reset to `pending` it is nothing: everything runs again."""
    progress = state.progress if state else None
    if (
        state is None
        or progress is None
        or progress.section != section.name
        or state.status in ("pending", "rolled_back")
    ):
        return None
    if progress.mark == cumulative_hash(migration, section, progress.statements):
        return progress
    is_up = section.name == "up"
    again = "up" if is_up else f"down {migration.version}"
    anew = by_hand(migration.version, "pending") if is_up else f"elf-migrate repair {migration.version} --mark applied"
    raise PlanError(
        f"{migration.path}: its first {progress.statements} statements were carried out already, and they have been "
        "changed since, so it is not known where to go on.",
        f"Restore them and run `elf-migrate {again}` again; or make the whole section safe to run again "
        f"({'IF NOT EXISTS' if is_up else 'IF EXISTS'}) and run: {anew}",
    )


def _gone(migrations: Sequence[Migration], states: Mapping[str, State]) -> set[str]:
    """Versions and names of applied migrations whose files are no longer there: a dependency may still name them."""
    here = {migration.version for migration in migrations}
    return {
        name
        for state in states.values()
        if state.version not in here and state.status in plan.APPLIED
        for name in (state.version, state.name)
    }


def _reload_api(executor: SupabaseExecutor) -> None:
    """Tell PostgREST, if one listens, to read the schema again.

    See https://docs.postgrest.org/en/stable/references/schema_cache.html
    """
    with contextlib.suppress(DatabaseError):
        executor.query("NOTIFY pgrst, 'reload schema'")
