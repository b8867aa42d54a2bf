"""What becomes of a statement when it runs: in which transaction, whether it fails, and whether DOWN undoes it."""

from __future__ import annotations

from bisect import bisect_right

from elf_sqlcheck.catalog.together import Together, by_statement
from elf_sqlcheck.context.waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.differences import SchemaDifference
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.proposal import Proposal
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration, Section

    T = TypeVar("T")


def _places(context: Running) -> dict[int, int]:
    return {id(change): number for number, change in enumerate(context.changes)}


def _by_statement(context: Running) -> dict[int, Together]:
    return by_statement(context.changes)


def _made(context: Running) -> dict[str | None, bool]:
    found: dict[str | None, bool] = {}
    for table in context.before.tables():
        found[table.name.schema] = found.get(table.name.schema, True) and table.known
    return found


def _ends(context: Running) -> list[int]:
    return sorted(s.span.end for section in context.migration.sections for s in section.statements)


def _transactions(context: Running) -> dict[int, int | None]:
    from elf_sqlcheck.catalog import transactions

    is_one = context.migration.is_transactional(context.section)
    return transactions.numbered(context.changes, transactional=is_one)


def _openings(context: Running) -> dict[int, Change | None]:
    from elf_sqlcheck.catalog import transactions

    return transactions.openings(context.changes)


def _first_failure(context: Running) -> int:
    """The place of the first change of the section that fails; asked by one that does."""
    first = context.now.position - context.place
    numbered = enumerate(context.changes)
    return next(number for number, change in numbered if context._fails(change, context.now.at(first + number)))  # noqa: SLF001


class Running(Waiting):
    """The part of `Context` that foresees what statements do."""

    __slots__ = ("_differences", "_noted")

    if TYPE_CHECKING:
        change: Any
        fork: Callable[[], Catalog]
        changes: Sequence[Change]
        doing: Sequence[Change]
        undoing: Sequence[Change]
        migration: Migration
        section: Section
        before: Schema
        now: Schema
        after: Schema
        _differences: list[SchemaDifference]
        _noted: tuple[Sequence[Change], dict[Any, Any]]

    def once(self, make: Callable[[Any], T]) -> T:
        """What `make` tells of the changes of the section, given this context: asked once for all of them.

        A rule that looks for other changes at each change would else take the square of their number.
        """
        notes = self._notes()
        if make not in notes:
            notes[make] = make(self)
        found: T = notes[make]
        return found

    def of(self, *kinds: Any) -> Sequence[Any]:
        """The changes of the section that are of one of these classes, in order."""
        notes = self._notes()
        found: Sequence[Any] | None = notes.get(kinds)
        if found is None:
            found = notes[kinds] = [change for change in self.changes if isinstance(change, kinds)]
        return found

    def _notes(self) -> dict[Any, Any]:
        """What has been asked about the present section."""
        known = getattr(self, "_noted", None)
        if known is None or known[0] is not self.changes:
            known = self._noted = (self.changes, {})
        return known[1]

    def transaction(self, change: Change | None = None) -> int | None:
        """The number of the section's transaction that a change (by default the present one) runs in.

        None when its statement runs in a transaction of its own.
        """
        return self.once(_transactions).get(id((change or self.change).statement))

    @property
    def place(self) -> int:
        """The number of the present change among all of the section; equal changes are not mistaken for each other."""
        return self.place_of(self.change)

    def place_of(self, change: Change) -> int:
        """The number of a change of the section among all of them."""
        return self.once(_places)[id(change)]

    def end_before(self, position: int) -> int:
        """Where the last statement ends that does so before `position`; `position` itself when there is none."""
        ends = self.once(_ends)
        number = bisect_right(ends, position)
        return ends[number - 1] if number else position

    def opening(self) -> Change | None:
        """The BEGIN of the file itself between which and its COMMIT the present change stands, if there is one."""
        return self.once(_openings).get(id(self.change.statement))

    def refuses_transaction(self, change: Change | None = None) -> str:
        """What of a change (by default the present one) Postgres refuses within a transaction; "" when it does not."""
        from elf_sqlcheck.catalog import transactions

        return transactions.outside(change or self.change, self.now)

    def fails(self) -> str:
        """Why the present change is known to fail where it stands, as a clause; "" when nothing says so.

        Also "" when the section stops earlier already: whatever follows is never reached.
        """
        reason = self._fails(self.change, self.now)
        if not reason:
            return ""
        return "" if self.once(_first_failure) < self.place else reason

    def _fails(self, change: Change, schema: Schema) -> str:
        from elf_sqlcheck.catalog import failing

        if change.statement.conditional or change.statement.guarded:
            return ""
        return failing.why(change, schema, self.together(change))

    def together(self, change: Change) -> Together:
        """All changes of the statement of a change, in order."""
        return self.once(_by_statement).get(id(change.statement)) or Together()

    def made_tables(self, schema: str | None) -> bool:
        """Whether tables of the schema are known before the section, each of them made by a migration."""
        return self.once(_made).get(schema, False)

    def misnamed(self) -> str:
        """What the name in the present DROP really is, when it is not of the kind that is to be dropped."""
        from elf_sqlcheck.catalog import failing

        return failing.misnamed(self.change, self.now)

    def inverse(self, change: Change, before: Schema) -> str:
        """The statement of DOWN that undoes `change`; `before` is the schema just before it; "" where none is known."""
        from elf_sqlcheck.catalog import inverse

        return inverse.inverse(change, before)

    def differences(self) -> list[SchemaDifference]:
        """For a rule on `Migration`: what is certainly not as it was before it once UP and DOWN have run."""
        known = getattr(self, "_differences", None)
        if known is None:
            from elf_sqlcheck.catalog.undone import Rollback

            schemas = (self.before, self.now, self.after)
            known = self._differences = Rollback(self.migration, self.changes, self.undoing, schemas).differences()
        return known

    def propose_down(self) -> Proposal:
        """For a rule on `Migration`: a DOWN derived from UP."""
        from elf_sqlcheck.catalog import proposal

        return proposal.propose(self.migration, self.doing, self.fork())

    def prove_down(self, text: str) -> bool:
        """For a rule on `Migration`: whether `text`, run as its DOWN, restores the schema as far as that is known."""
        from elf_sqlcheck.catalog import proposal

        return proposal.prove(self.migration, self.doing, self.fork(), text) == []

    def asserting(self) -> list[Change]:
        """For a rule on `Migration`: the changes of its VERIFY section, most of which are no change at all."""
        from elf_sqlcheck.catalog.read import read_section

        return read_section(self.migration.verify, self.migration.data)

    def names(self, change: Change, difference: SchemaDifference) -> bool:
        """Whether the statement of a change names the object of a difference."""
        from elf_sqlcheck.catalog.undone import mentions

        return mentions(self.migration.text(change.statement.span), difference.kind, difference.name)

    def hides(self, kind: str, name: str) -> bool:
        """Whether a statement that the catalog cannot see into (DO, EXECUTE, a call) may make or drop the object."""
        from elf_sqlcheck.catalog.undone import Rollback, mentions

        hidden = Rollback(self.migration, self.doing, self.undoing, (self.before, self.now, self.after)).hidden()
        return hidden is None or mentions(hidden, kind, name)
