"""What a rollback left, lost or could not do, told with the statement that is to blame and a DOWN that would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.model import Span
from elf_sqlcheck.verify.culprit import culprit, is_of_up
from elf_sqlcheck.verify.proposal import Answer, Proposals

if TYPE_CHECKING:
    from elf_sqlcheck.errors import MigrationFailed
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

#: More differences than these are counted, not listed: one DROP SCHEMA forgotten should not bury the rest.
MOST_DIFFERENCES = 20


class Rollbacks:
    """Reports on the stage, whose schema must be as DOWN has left it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._proposals = Proposals(stage)

    def fails(
        self, number: int, step: Step, down: Section, error: MigrationFailed, around: tuple[Snapshot, Snapshot]
    ) -> None:
        """DOWN failed; `around` are the snapshots before and after UP."""
        remedy = error.remedy
        if step.migration.is_transactional(down) and "does-not-roll-back" in self._stage.rules:
            step.proposal = self._proposals.anew(number, step, *around)
            if step.proposal:
                remedy = f"a DOWN that was tried and restores the schema: {step.proposal}"
        self._stage.find("does-not-roll-back", step.migration, f"DOWN fails: {said(error)}", error.span, remedy)

    def leaves(self, number: int, step: Step, around: tuple[Snapshot, Snapshot]) -> None:
        """DOWN ran, and `step.differences` is how the schema then differs from the one before UP."""
        if not step.differences:
            return
        left = [(_rule(one), one) for one in step.differences if one.matters]
        wanted = [(rule, difference) for rule, difference in left if rule in self._stage.rules]
        if wanted:
            self._find(number, step, wanted, [difference for _, difference in left], around)
        self._find_harmless(step, around)

    def _find(
        self,
        number: int,
        step: Step,
        wanted: list[tuple[str, Difference]],
        left: list[Difference],
        around: tuple[Snapshot, Snapshot],
    ) -> None:
        stage, migration = self._stage, step.migration
        answer = self._proposals.completing(number, step, left, around[0])
        step.proposal = f"{_present(migration)}{answer.whole}" if answer.proven else ""
        # What a proven answer does not take back by itself goes away with the rest.
        main = [(rule, one) for rule, one in wanted if not answer.proven or one.aspect in answer.texts]
        along = [one for rule, one in wanted if (rule, one) not in main]
        groups = _grouped(step, main, answer, around)
        for (rule, place, _), group in groups[:MOST_DIFFERENCES]:
            instead = answer.instead(group[0]) or _hopeless(group[0])
            if not is_of_up(group[0], *around):
                instead = "Leave this out of DOWN, which has to undo what UP does and no more."
            message = f"after the rollback: {' '.join(difference.describe() for difference in group)}"
            if along:
                message += f" With it differ: {', '.join(f'{one.kind} {one.identity}' for one in along)}."
                along = []
            stage.find(rule, migration, message, place, instead, answer.fix)
        if len(groups) > MOST_DIFFERENCES:
            more = len(groups) - MOST_DIFFERENCES
            stage.note(f"{migration.path}: {more} more differences after its rollback are not listed.")

    def _find_harmless(self, step: Step, around: tuple[Snapshot, Snapshot]) -> None:
        """One finding for all that does not matter; an extension that stays is not even that."""
        found = [one for one in step.differences if not one.matters and one.kind != "extension"]
        if found:
            message = f"after the rollback: {found[0].describe()}"
            message += f" ({len(found) - 1} more of this kind.)" if len(found) > 1 else ""
            place = culprit(step.migration, found[0], *around)
            self._stage.find("rollback-differs-harmlessly", step.migration, message, place)


def _grouped(
    step: Step, wanted: list[tuple[str, Difference]], answer: Answer, around: tuple[Snapshot, Snapshot]
) -> list[tuple[tuple[str, Span | None, str], list[Difference]]]:
    """The differences by what one finding tells: those that one statement made, and one statement takes back."""
    groups: dict[tuple[str, Span | None, str], list[Difference]] = {}
    by_text: dict[tuple[Span | None, str], tuple[str, Span | None, str]] = {}
    for rule, difference in wanted:
        place = culprit(step.migration, difference, *around)
        text = answer.texts.get(difference.aspect) or f"{difference.kind} {difference.identity}"
        key = by_text.setdefault((place, text), (rule, place, text))
        groups.setdefault(key, []).append(difference)
    return list(groups.items())


def _present(migration: Migration) -> str:
    """The statements of DOWN as they stand."""
    down = migration.down
    if down is None or not down.statements:
        return ""
    return migration.text(Span(down.statements[0].span.start, down.statements[-1].span.end)) + ";\n"


def _hopeless(difference: Difference) -> str:
    if difference.kind == "enum" and difference.attribute == "labels":
        return (
            "Postgres cannot take a label out of an enum: write a header line `-- Irreversible: <reason>` instead of a "
            "DOWN section, or let DOWN make the type anew and convert the columns that have it."
        )
    return ""


def said(error: MigrationFailed) -> str:
    """Postgres' own words; where it was not asked, ours."""
    return error.detail or error.message


def _rule(difference: Difference) -> str:
    return "rollback-leaves-behind" if difference.change == "added" else "rollback-does-not-restore"
