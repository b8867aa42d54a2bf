"""Corrections of the history by decision of a person; neither UP nor DOWN is ever run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import PlanError, UsageError
from elf_sqlcheck.migrate import plan
from elf_sqlcheck.migrate.deploy import Options
from elf_sqlcheck.migrate.history import History, State
from elf_sqlcheck.migrate.known import Known, is_partial
from elf_sqlcheck.migrate.leftovers import Leftover
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.concurrently import drop_index
from elf_sqlcheck.shared.session import unheard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.session import Note

#: What people say, and what the history says.
STATUSES = {"applied": "completed", "pending": "pending", "rolled-back": "rolled_back", "skipped": "skipped"}
_MEANS = {
    "completed": "the database has what it makes, and `up` does not run it",
    "pending": "nothing of it is in the database, and `up` runs all of it",
    "rolled_back": "nothing of it is in the database any more, and `up` runs all of it again",
    "skipped": "it is not wanted here, and `up` does not run it",
}


@dataclass(frozen=True)
class Repair:
    """One correction: `action` is "mark", "accept", "forget" or "drop-invalid", `state` how the migration stands now.

    `because` says what is odd, `effect` what is done and what that means; `status` is the one that "mark" sets,
    `leftover` the index that is dropped.
    """

    action: str
    state: State
    because: str
    effect: str
    status: str = ""
    leftover: Leftover | None = None


def marking(known: Known, name: str, status: str) -> Repair:
    """Return the correction that sets a status; `status` is one of the values of STATUSES.

    Raises:
        UsageError: There is no such migration, or it has that status.
    """
    state = known.find(name)
    if state.status == status and state.progress is None:
        raise UsageError(
            f"{state.name} is {word(status)} already.",
            f"When its file was changed since, use: elf-migrate repair --accept {state.version}"
            if status == "completed"
            else "`elf-migrate status` shows how things stand.",
        )
    if status == "rolled_back" and state.version not in known.states:
        raise UsageError(
            f"{state.name} was never applied here, so it cannot be rolled back.",
            f"So that it is not run here: elf-migrate repair {state.version} --mark skipped",
        )
    because = f"it is {word(state.status)}"
    if state.progress and (state.progress.section == "down" or is_partial(state)):
        section = f"{state.progress.section.upper()} statements"
        because += f", and the first {state.progress.statements} of its {section} were carried out"
    return Repair("mark", state, because, f"marked {word(status)}: {_MEANS[status]}", status)


def accepting(known: Known, name: str) -> Repair | None:
    """Return the correction that takes a changed file for what was executed; None when it was not changed.

    Raises:
        UsageError: There is no such migration or no file, or it was not executed.
    """
    state = known.find(name)
    file = known.files.get(state.version)
    if file is None:
        raise UsageError(
            f"{state.name} has no file that could be accepted.",
            f"When it was deleted on purpose: elf-migrate repair --forget {state.version}",
        )
    if state.status != "completed":
        raise UsageError(
            f"{state.name} is {word(state.status)}, so there is nothing that its file could differ from.",
            "`elf-migrate up` runs the file as it is.",
        )
    if state.is_ours and not state.changed(file) and not state.down_changed(file):
        return None
    return Repair(
        "accept",
        state,
        f"{file.path} was changed after it was executed",
        "accepted: the file as it is now counts as executed, and is not run",
    )


def forgetting(known: Known, name: str) -> Repair:
    """Return the correction after which the database does not know a migration any more.

    Raises:
        UsageError: There is no such migration, or its file is there.
        PlanError: Others depend on it.
    """
    state = known.find(name)
    file = known.files.get(state.version)
    if file is not None:
        raise UsageError(
            f"{state.name} cannot be forgotten: its file {file.path} is there, so `up` would run it again.",
            f"Delete the file first; or, to run it again, use: elf-migrate repair {state.version} --mark pending",
        )
    needing = [one.name for one in known.files.values() if {state.version, state.name} & set(one.dependencies)]
    if needing:
        raise PlanError(
            f"{state.name} cannot be forgotten: {', '.join(needing)} depend{'s' if len(needing) == 1 else ''} on it.",
            "Take it out of their Dependencies, or bring its file back.",
        )
    stays = ", and what it made stays in the database" if state.status == "completed" else ""
    return Repair(
        "forget",
        state,
        f"its file is gone, and it is {word(state.status)}",
        f"forgotten: elf-migrate does not know it any more{stays}",
    )


def dropping(leftover: Leftover, state: State) -> Repair:
    """Return the correction that drops an INVALID index which a migration has left behind."""
    builds = (
        "`up` builds it anew"
        if state.status not in plan.APPLIED or leftover.is_copy
        else f"nothing builds it anew, so put this into a new migration: {leftover.definition}"
    )
    what = "a copy that REINDEX CONCURRENTLY left" if leftover.is_copy else "what a CREATE INDEX CONCURRENTLY left"
    return Repair(
        "drop-invalid",
        state,
        f"the index {leftover.index} is INVALID, {what}: no query uses it, and every write pays for it",
        f"dropped with DROP INDEX CONCURRENTLY; {'the index itself stays' if leftover.is_copy else builds}",
        leftover=leftover,
    )


def carry_out(
    executor: SupabaseExecutor,
    migrations: Sequence[Migration],
    repairs: Sequence[Repair],
    reason: str,
    *,
    options: Options | None = None,
    note: Note = unheard,
) -> None:
    """Carry out the corrections under the deploy lock: those of the history all or none, then the indexes.

    Raises:
        PlanError: How one of the migrations stands has changed since the correction was made; nothing is written.
        LockNotObtained: A deployer is at work.
        DatabaseError: The server refused.
    """
    options = options or Options()
    history = History(executor, supabase=options.supabase_history)
    with deploy_lock(executor, options.lock_wait, note) as lock:
        history.prepare()
        known = Known(history, migrations)
        for repair in repairs:
            state = repair.state
            if known.states.get(state.version, state) != state:
                raise PlanError(
                    f"{state.name} does not stand as it did any more: another deployer was at work. Nothing was "
                    "changed.",
                    "Run it again to see how things stand now.",
                )
        lock.check()
        with executor.transaction():
            for repair in repairs:
                _write(history, known, repair, reason)
        for repair in repairs:
            if repair.leftover is not None:
                index = repair.leftover.index
                drop_index(executor, index.schema, index.name)
                about = {"index": f"{index.schema}.{index.name}", "table": index.table}
                history.note(repair.state, repair.action, reason or repair.because, about)


def _write(history: History, known: Known, repair: Repair, reason: str) -> None:
    state, why = repair.state, reason or repair.because
    if repair.action == "accept":
        history.accept(known.files[state.version], why)
    elif repair.action == "forget":
        history.forget(state.version, why)
    elif repair.action == "mark":
        migration = known.migration(state.version)
        if migration is not None and repair.status in plan.APPLIED and repair.status != state.status:
            history.settle(migration, repair.status, why)
        else:
            history.mark(state.version, repair.status, why)


def word(status: str) -> str:
    """A status as people say it."""
    return {"completed": "applied"}.get(status, status.replace("_", " "))
