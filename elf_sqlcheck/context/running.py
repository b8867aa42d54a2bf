"""What becomes of a statement when it runs: in which transaction, whether it fails, and whether DOWN undoes it."""

from __future__ import annotations

from elf_sqlcheck.context.waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.differences import SchemaDifference
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.proposal import Proposal
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration, Section


class Running(Waiting):
    """The part of `Context` that foresees what statements do."""

    __slots__ = ("_differences", "_transactions")

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
        _transactions: tuple[Sequence[Change], dict[int, int | None]]

    def transaction(self, change: Change | None = None) -> int | None:
        """The number of the section's transaction that a change (by default the present one) runs in.

        None when its statement runs in a transaction of its own.
        """
        known = getattr(self, "_transactions", None)
        if known is None or known[0] is not self.changes:
            from elf_sqlcheck.catalog import transactions

            numbers = transactions.numbered(self.changes, transactional=self.migration.is_transactional(self.section))
            known = self._transactions = (self.changes, numbers)
        return known[1].get(id((change or self.change).statement))

    @property
    def place(self) -> int:
        """The number of the present change among all of the section; equal changes are not mistaken for each other."""
        return next(number for number, change in enumerate(self.changes) if change is self.change)

    def opening(self) -> Change | None:
        """The BEGIN of the file itself between which and its COMMIT the present change stands, if there is one."""
        from elf_sqlcheck.catalog import transactions

        return transactions.opening(self.changes, self.change)

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
        place = self.place
        first = self.now.position - place
        earlier = enumerate(self.changes[:place])
        stops = any(self._fails(change, self.now.at(first + number)) for number, change in earlier)
        return "" if stops else reason

    def _fails(self, change: Change, schema: Schema) -> str:
        from elf_sqlcheck.catalog import failing

        if change.statement.conditional or change.statement.guarded:
            return ""
        together = [other for other in self.changes if other.statement is change.statement]
        return failing.why(change, schema, together)

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
