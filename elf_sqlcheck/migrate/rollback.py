"""Which applied migrations are rolled back, newest first, by which text; and doing it under the deploy lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed, PlanError, UsageError
from elf_sqlcheck.migrate import plan
from elf_sqlcheck.migrate.deploy import Attendant, Options, Step, carry_out
from elf_sqlcheck.migrate.history import History, by_hand
from elf_sqlcheck.migrate.known import Known
from elf_sqlcheck.migrate.lock import deploy_lock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from elf_sqlcheck.errors import ElfError
    from elf_sqlcheck.migrate.deploy import Listener
    from elf_sqlcheck.migrate.history import State
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import SupabaseExecutor


@dataclass(frozen=True)
class Choice:
    """What to roll back, by one of: `name`, a version or full name ("" and nothing else: the newest); `target`, what
    stays while all after it goes; `count`, so many of the newest; `everything`.

    `as_applied` takes the DOWN that was kept when the migration was applied, not the file's.
    """

    name: str = ""
    target: str = ""
    count: int | None = None
    everything: bool = False
    as_applied: bool = False


@dataclass(frozen=True)
class Rollback:
    """What is rolled back: `steps`, newest first, of all that is `applied`, in its order.

    `remarks` are sentences by version: why another text is used than the one of when it was applied.
    """

    steps: tuple[Step, ...]
    applied: tuple[Migration, ...]
    remarks: Mapping[str, str]
    known: Known

    @property
    def versions(self) -> list[str]:
        """The versions that are rolled back, newest first."""
        return [step.migration.version for step in self.steps]

    def has_other_text(self, version: str) -> bool:
        """Whether the file is used, although another text was kept when the migration was applied."""
        return version in self.remarks and version in self.known.files and self.known.kept(version) is not None


class _Course(Attendant):
    """Knows how many steps were carried out."""

    done = 0

    def ended(self, executor: SupabaseExecutor, done: Sequence[Step], error: ElfError | None) -> None:  # noqa: ARG002
        self.done = len(done)


def chosen(history: History, migrations: Sequence[Migration], choice: Choice) -> Rollback:
    """Return what `choice` means now; changes nothing.

    Raises:
        UsageError: There is no such migration, it is not applied, or one has no way back.
        PlanError: An applied migration that stays depends on one, or one is applied in part.
        DatabaseError: The server refused.
    """
    known = Known(history, migrations)
    versions = _versions(known, choice)
    _refuse_parts(known, versions)
    standing = [one for version in known.in_order(known.standing) if (one := known.migration(version))]
    going = set(versions)
    staying = [one for one in standing if one.version not in going]
    steps: list[Step] = []
    remarks: dict[str, str] = {}
    for version in versions:
        _refuse_needed(version, known, staying)
        migration, section, remark = _text(known.states[version], known, as_applied=choice.as_applied)
        steps.append(Step(migration, section))
        if remark:
            remarks[version] = remark
    applied = [one for one in standing if known.states[one.version].status == "completed"]
    return Rollback(tuple(steps), tuple(applied), remarks, known)


def down(
    executor: SupabaseExecutor,
    migrations: Sequence[Migration],
    choice: Choice,
    listener: Listener,
    options: Options | None = None,
    *,
    shown: Collection[str] | None = None,
    and_up: bool = False,
) -> list[Migration]:
    """Roll back what is chosen, newest first, and return it; stops at the first that fails.

    `shown` are the versions that somebody has agreed to: when others are due by the time the lock is held, nothing is
    rolled back. With `and_up` all of it is applied again, oldest first, and returned, too.

    Raises:
        UsageError: There is no such migration, it is not applied, or one has no way back.
        PlanError: An applied migration that stays depends on one, or what is applied has changed meanwhile.
        MigrationFailed: A statement failed; the history says so.
        LockNotObtained: Another deployer is at work, or the lock was lost.
        DatabaseError: The server refused.
    """
    options = options or Options()
    history = History(executor, supabase=options.supabase_history)
    with deploy_lock(executor, options.lock_wait, listener.note) as lock:
        # Read under the lock: another deployer may just have changed what is the newest.
        found = chosen(history, migrations, choice)
        if shown is not None and not set(found.versions) <= set(shown):
            raise PlanError(
                f"What is applied changed while the lock was waited for: now it would be {_names(found.steps)}. "
                "Nothing was rolled back.",
                "Run it again to see what would be done now.",
            )
        history.prepare()
        steps = [*found.steps, *(again(found) if and_up else ())]
        course = _Course()
        options = replace(options, attendants=(*options.attendants, course))
        try:
            return carry_out(executor, history, steps, found.known.states, lock, listener, options)
        except MigrationFailed as error:
            failed = steps[course.done]
            if failed.section.name == "down" and found.has_other_text(failed.migration.version):
                error.remedy = f"{error.remedy} --as-applied takes the DOWN that was kept when it was applied.".strip()
            raise


def again(rollback: Rollback) -> list[Step]:
    """The steps that apply again what is rolled back: by its file, else as it was applied."""
    return [Step(one) for version in reversed(rollback.versions) if (one := rollback.known.migration(version))]


def _names(steps: Iterable[Step]) -> str:
    return ", ".join(step.migration.name for step in steps)


def _versions(known: Known, choice: Choice) -> list[str]:
    """The versions to roll back, newest first."""
    applied = known.in_order(version for version, state in known.states.items() if state.status == "completed")
    applied.reverse()
    if choice.everything:
        return applied
    if choice.target:
        state = known.find(choice.target)
        if state.status not in plan.APPLIED:
            raise UsageError(
                f"{state.name} is not applied ({_status(state)}), so the database cannot be taken back to it.",
                "Name the newest migration that is to stay applied; `elf-migrate list` shows them.",
            )
        return [version for version in applied if known.order(version) > known.order(state.version)]
    if choice.name:
        state = known.find(choice.name)
        if state.status != "completed":
            raise UsageError(f"{state.name} is not applied: {_status(state)}.", "`elf-migrate status` shows what is.")
        return [state.version]
    return applied[: 1 if choice.count is None else choice.count]


def _status(state: State) -> str:
    return f"its status is {state.status}" if state.executed_at or state.event else "the database has never seen it"


def _refuse_parts(known: Known, versions: Sequence[str]) -> None:
    """Raise PlanError for a migration later than one of `versions` of which only some statements were carried out."""
    for version in known.in_order(known.standing):
        state = known.states[version]
        if versions and state.status != "completed" and known.order(version) > known.order(versions[-1]):
            raise PlanError(
                f"{state.name} is {state.status}, and a part of it is in the database, so what came before it cannot "
                "be rolled back.",
                "Finish it with `elf-migrate up`; or undo that part by hand, and then: "
                f"elf-migrate repair {version} --mark rolled-back",
            )


def _refuse_needed(version: str, known: Known, staying: Iterable[Migration]) -> None:
    """Raise PlanError when one of `staying` names the migration in its dependencies."""
    state = known.states[version]
    needing = [other for other in staying if {version, state.name} & set(other.dependencies)]
    if needing:
        names = ", ".join(other.name for other in needing)
        raise PlanError(
            f"{state.name} cannot be rolled back: {names} {'depend' if len(needing) > 1 else 'depends'} on it "
            "and is still applied.",
            f"Roll that back first: elf-migrate down {needing[-1].version}",
        )


def _text(state: State, known: Known, *, as_applied: bool) -> tuple[Migration, Section, str]:
    """The migration as it is rolled back, its DOWN section, and what people should know about that."""
    file = known.files.get(state.version)
    is_same = file is not None and not state.changed(file) and not state.down_changed(file)
    kept = None if is_same and not as_applied else known.kept(state.version)
    migration = kept if as_applied else file or kept
    if migration is None:
        gone = "" if as_applied else "its file is gone, and "
        raise UsageError(
            f"{state.name} can't be rolled back: {gone}what it was when it was applied has not been kept.",
            "Bring its file back (git log --diff-filter=D finds it); or fix the schema by hand and then run: "
            f"{by_hand(state.version, 'rolled_back')}",
        )
    section = migration.down
    if section is None or not (section.statements or migration.broken):
        reason = f" ({migration.irreversible})" if migration.irreversible else ""
        has_kept = kept and kept is not migration and kept.down and kept.down.statements
        other = " or take the one that was kept when it was applied with --as-applied;" if has_kept else ""
        raise UsageError(
            f"{migration.name} can't be rolled back{reason}: {migration.path} has no DOWN migration SQL.",
            f"Write a DOWN section;{other} or fix the schema by hand and then run: "
            f"{by_hand(migration.version, 'rolled_back')}",
        )
    return migration, section, "" if as_applied else _remark(state, file, kept)


def _remark(state: State, file: Migration | None, kept: Migration | None) -> str:
    other = "; --as-applied takes the one that was kept" if kept else ""
    if file is None:
        return f"{state.name}: its file is gone, so it is rolled back as it was applied"
    if state.changed(file):
        return (
            f"{state.name}: its UP section was changed after it was executed, so the DOWN section of the file, which "
            f"is used, may not fit{other}"
        )
    if state.down_changed(file):
        return f"{state.name}: its DOWN section is not the one of when it was applied; the file's is used{other}"
    return ""
