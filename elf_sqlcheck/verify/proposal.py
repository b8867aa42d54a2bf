"""A DOWN for a migration whose own one fails or is not enough, tried out on the server before it is proposed.

What lint's fold knows goes first, in the words of the migration; what only the snapshots know fills in. The statements
are run in a transaction that is rolled back, and count as proven when the schema is then what it was before UP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elf_sqlcheck import edits
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.inverse import inverse
from elf_sqlcheck.catalog.proposal import propose
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.model import Applicability, Fix
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.verify.culprit import blamed
from elf_sqlcheck.verify.undo import in_order, loses_rows, undo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

    Aspect = tuple[str, str, str]

_ROWS_ARE_GONE = "What the rows held does not come back; if that matters, keep it until nobody needs it."


@dataclass(frozen=True)
class Answer:
    """What DOWN lacks: `texts` by the aspect of the difference that each takes back, `whole` all of it, in order.

    A difference without a text goes away with the others. `proven`: run after DOWN it left the schema as it was before
    UP. `fix` adds it to the file, where it is proven.
    """

    texts: dict[Aspect, str] = field(default_factory=dict)
    whole: str = ""
    proven: bool = False
    fix: Fix | None = None

    def instead(self, difference: Difference) -> str:
        """What to write against one difference, as a sentence; "" when nothing is known."""
        text = self.texts.get(difference.aspect, "")
        if not text:
            return ""
        return f"in DOWN: {text}" + (f" {_ROWS_ARE_GONE}" if loses_rows(text) else "")


class Proposals:
    """Makes them; folds the migrations before the one asked about when it is first asked."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._catalog = Catalog()
        self._folded = 0

    def completing(self, number: int, step: Step, differences: Sequence[Difference], before: Snapshot) -> Answer:
        """What the DOWN that has just been run lacks, given what it left different from `before`."""
        ordered = in_order(list(differences))
        found = {difference.aspect: undo(difference, before) for difference in ordered}
        folded = self._by_fold(number, step.migration, ordered)
        for texts in (folded, {**folded, **{one: text for one, text in found.items() if one not in folded}}, found):
            whole = "\n".join(dict.fromkeys(texts.values()))
            if whole and "" not in texts.values() and self._restores(whole, before):
                return Answer(texts, whole, proven=True, fix=_fix(step.migration, whole))
        return Answer(found, "\n".join(text for text in found.values() if text))

    def anew(self, number: int, step: Step, before: Snapshot, applied: Snapshot) -> str:
        """A whole DOWN, proven on the schema as it stands after UP; "" when there is none."""
        catalog = self._standing(number)
        changes = read_section(step.migration.up, step.migration.data)
        folded = propose(step.migration, changes, catalog)
        read = [undo(difference, before) for difference in in_order(compare(before, applied)) if difference.matters]
        for texts in (folded.statements if not folded.missing else (), read):
            whole = "\n".join(dict.fromkeys(texts))
            if whole and "" not in texts and self._restores(whole, before):
                return whole
        return ""

    def _by_fold(self, number: int, migration: Migration, differences: Iterable[Difference]) -> dict[Aspect, str]:
        """The statements that lint would propose, the last change of UP first, where it knows any."""
        catalog = self._standing(number)
        first = catalog.position - len(read_section(migration.up, migration.data))
        placed: list[tuple[int, Aspect, str]] = []
        for difference in differences:
            blame = blamed(migration, difference)
            if blame and (text := inverse(blame[1], catalog.view(first + blame[0]))):
                placed.append((-blame[0], difference.aspect, text))
        return {aspect: text for _, aspect, text in sorted(placed, key=lambda one: one[0])}

    def _standing(self, number: int) -> Catalog:
        """The catalog after the UP of the migration of that number, which only ever grows."""
        for migration in self._stage.ordered[self._folded : number]:
            self._catalog.begin()
            self._catalog.apply_all(read_section(migration.up, migration.data))
        self._folded = number
        return self._catalog

    def _restores(self, text: str, before: Snapshot) -> bool:
        import psycopg

        connection = self._stage.executor.connection
        try:
            connection.execute("BEGIN")
            connection.execute(text.encode())
            return not any(difference.matters for difference in compare(before, self._stage.seen_by(connection)))
        except psycopg.Error:
            return False
        finally:
            if not connection.broken:
                connection.execute("ROLLBACK")


def _fix(migration: Migration, text: str) -> Fix | None:
    down = migration.down
    if down is None:
        return None
    found = edits.append(migration, down, text) or edits.prepend(migration, down, text)
    return Fix(f"add to DOWN: {' '.join(text.split())}", found, Applicability.UNSAFE) if found else None
