"""What is odd about the history of a database, and what could be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.migrate import repair
from elf_sqlcheck.migrate.known import Known, is_partial
from elf_sqlcheck.migrate.leftovers import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.migrate.history import History, State
    from elf_sqlcheck.migrate.repair import Repair
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor


def proposals(executor: SupabaseExecutor, history: History, known: Known) -> tuple[list[Repair], list[str]]:
    """Return what could be corrected, and sentences about what is odd but is mended in another way.

    Raises:
        DatabaseError: The server refused.
    """
    found: list[Repair] = []
    advice: list[str] = []
    by_hand = history.set_by_hand()
    for version in known.in_order(known.states):
        state = known.states[version]
        if version in by_hand:
            found.append(_by_hand(state, by_hand[version]))
        if version not in known.files:
            _without_file(known, state, found, advice)
        elif state.status == "completed" and state.changed(known.files[version]):
            accepted = repair.accepting(known, version)
            found += [accepted] if accepted else []
        elif state.status in ("failed", "running"):
            advice.append(_unfinished(state))
        if state.status == "completed" and state.progress and state.progress.section == "down":
            advice.append(
                f"{state.name} is rolled back in part: the first {state.progress.statements} statements of its DOWN "
                f"section were carried out. `elf-migrate down {version}` goes on after them; or mend what they did, "
                f"and then: elf-migrate repair {version} --mark applied"
            )
    dropped, told = invalid(executor, known)
    return [*found, *dropped], [*advice, *told]


def invalid(executor: SupabaseExecutor, known: Known) -> tuple[list[Repair], list[str]]:
    """Return what drops the INVALID indexes of our migrations, and sentences about those of others."""
    found: list[Repair] = []
    advice: list[str] = []
    for leftover in leftovers(executor, _all(known)):
        if leftover.version:
            state = known.states.get(leftover.version) or known.find(leftover.version)
            found.append(repair.dropping(leftover, state))
        else:
            advice.append(
                f"The index {leftover.index} is INVALID, and no migration here makes it, so it is left alone: "
                f"DROP INDEX CONCURRENTLY {leftover.index.schema}.{leftover.index.name}; takes it away."
            )
    return found, advice


def _all(known: Known) -> Iterator[Migration]:
    for version in [*known.files, *(version for version in known.states if version not in known.files)]:
        migration = known.migration(version)
        if migration is not None:
            yield migration


def _by_hand(state: State, left: str) -> Repair:
    word, was = repair.word(state.status), repair.word(left)
    return repair.Repair(
        "mark",
        state,
        f"somebody marked it {word} without elf-migrate, after it was {was}",
        f"stays {word}, and the history says so",
        state.status,
    )


def _without_file(known: Known, state: State, found: list[Repair], advice: list[str]) -> None:
    from elf_sqlcheck.errors import PlanError

    try:
        found.append(repair.forgetting(known, state.version))
    except PlanError as error:
        advice.append(f"The file of {state.name} is gone. {error.message} {error.remedy}")


def _unfinished(state: State) -> str:
    said = state.error.partition("\n")[0]
    why = f": {said}" if said else ""
    if is_partial(state) and state.progress:
        return (
            f"{state.name} is {state.status}, and the first {state.progress.statements} of its statements were carried "
            f"out{why}. `elf-migrate up` goes on after them, unless a deployer is still at work; `elf-migrate repair "
            f"{state.version} --mark pending` lets it run from the beginning, `--mark applied` leaves the rest out."
        )
    if state.status == "running":
        return (
            f"{state.name} is marked as running, and how far it came is not known. Unless a deployer is still at work, "
            f"look at what is there, and then: elf-migrate repair {state.version} --mark applied, or --mark pending"
        )
    return (
        f"{state.name} is failed, and nothing of it is in the database{why}. Correct its file, and `elf-migrate up` "
        "runs it again."
    )
