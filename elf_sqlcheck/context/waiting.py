"""Who has to wait for a migration: the part of `Context` that knows locks, how long they last and what limits them."""

from __future__ import annotations

from elf_sqlcheck.catalog import locks
from elf_sqlcheck.catalog.changes import AddColumn, AddConstraint
from elf_sqlcheck.catalog.effect import BLOCKS, Effect
from elf_sqlcheck.catalog.locks import effects
from elf_sqlcheck.catalog.types import is_ever_free, narrows, rewrites
from elf_sqlcheck.catalog.work import has_check, has_own_using, is_not_null, nullable_keys, redone, rewriting
from elf_sqlcheck.model import Applicability, Edit, Fix, Span
from elf_sqlcheck.sizes import Measured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Constraint, Name
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration

_WORK = {
    "scan": "while Postgres reads all rows of {name}",
    "build": "while Postgres reads all rows of {name} and builds the index",
    "rewrite": "while Postgres writes all rows of {name} and its indexes anew",
}
NO_TRANSACTION = "-- Transaction: none"
_NEVER = frozenset({"", "0", "0ms", "0s", "0min"})


class Waiting(Measured):
    """The part of `Context` that knows which statements make others wait."""

    __slots__ = ("_locked",)

    if TYPE_CHECKING:
        change: Any
        changes: Sequence[Change]
        migration: Migration
        before: Schema
        after: Schema
        _locked: tuple[Sequence[Change], list[tuple[Change, tuple[Effect, ...]]]]

        def is_busy(self, name: Name) -> bool:
            """See `Context`."""

        def transaction(self, change: Change | None = None) -> int | None:
            """See `Context`."""

        def place_of(self, change: Change) -> int:
            """See `Context`."""

    def locked(self) -> list[tuple[Change, tuple[Effect, ...]]]:
        """The changes of the section that keep others from reading or writing busy tables, each with its effects."""
        known = getattr(self, "_locked", None)
        if known is None or known[0] is not self.changes:
            found = []
            for number, change in enumerate(self.changes):
                kind = type(change)
                if kind in locks.EFFECTS and kind not in locks.HARMLESS:
                    now = self.before.at(self.before.position + number)
                    if kind in locks.OWN_TABLE and now.rows(change.table) != "many":  # type: ignore[attr-defined]
                        continue
                    made = [e for e in effects(change, now) if e.mode in BLOCKS and now.rows(e.table) == "many"]
                    felt = tuple([effect for effect in made if not self.is_small(effect.table)])
                    if felt:
                        found.append((change, felt))
            known = self._locked = (self.changes, found)
        return known[1]

    def meanwhile(self, name: Name, work: str) -> str:
        """How long a lock is held for "scan", "build" or "rewrite", as the end of a sentence; with a time if known."""
        time = self.scan_time(name)
        if time:
            time = f" (to read it once takes {time})" if work == "rewrite" else f" ({time})"
        return _WORK[work].format(name=name) + time

    def has_lock_timeout(self, change: Change | None = None) -> bool:
        """Whether a lock_timeout limits how long a change (by default the present one) waits, and others behind it."""
        now = self.now
        if change is not None:
            now = self.before.at(self.before.position + self.place_of(change))
        asked = self.migration.timeouts.get("lock_timeout", "") or self.settings.get("lock-timeout", "")
        return asked not in _NEVER or now.setting("lock_timeout") not in _NEVER

    def prepend(self, sql: str) -> tuple[Edit, ...]:
        """Edits that add the statement `sql` (semicolon included) at the start of the UP section."""
        from elf_sqlcheck import edits

        return edits.prepend(self.migration, self.migration.up, sql)

    def adding(self, kind: str) -> Iterator[Constraint]:
        """The constraints of a kind that the present change puts on a busy table and has checked for all of its rows.

        Those of a new column that rewrites the table are left out: that is what the change is to be found for.
        """
        change = self.change
        constraints = (change.constraint,) if isinstance(change, AddConstraint) else change.constraints
        found = [c for c in constraints if c.kind == kind and not c.not_valid and c.enforced and not c.using_index]
        if not found or not self.is_busy(change.table):
            return
        if isinstance(change, AddColumn):
            table = self.now.table(change.table)
            there = change.if_not_exists and table is not None and table.column(change.column.name)
            if there or rewriting(change.column, self.now):
                return
        yield from found

    def name_of(self, constraint: Constraint) -> str:
        """The name of a constraint that the present change adds, the one that Postgres chooses where it has none."""
        table = self.after.table(self.change.table)
        known = table.constraints.values() if table else ()
        chosen = (c.name for c in known if c and c.span == constraint.span)
        return constraint.name or next(chosen, None) or "_".join((self.change.table.name, *constraint.columns))

    def with_words(self, after: Sequence[str], words: str) -> tuple[str, Edit | None]:
        """The present statement on one line with `words` put in behind the words `after`, and the edit that does it."""
        from elf_sqlcheck import edits

        statement = self.change.statement.span
        found = edits.find(self.migration, after, statement)
        text = self.migration.text(statement)
        if found is None:
            return " ".join(text.split()) + ";", None
        edit = Edit(Span(found.end, found.end), f" {words}")
        place = found.end - statement.start
        whole = self.migration.data[statement.start : statement.end]
        changed = (whole[:place] + edit.text.encode() + whole[place:]).decode("utf-8", "replace")
        return _on_one_line(changed), edit

    def concurrently(self, after: Sequence[str]) -> tuple[str, Fix | None]:
        """The present statement with CONCURRENTLY behind the words `after`, and the fix where nothing is against it.

        CONCURRENTLY cannot run in a transaction. Where the file has no other statement, the header that says so is
        added; else there is no fix, as the statement has to move to another file.
        """
        start = self.change.statement.span.start
        first = self.migration.data[start : start + 1]
        text, edit = self.with_words(after, "concurrently" if first.islower() else "CONCURRENTLY")
        if edit is None:
            return text, None
        if self.transaction(self.change) is None:
            return text, Fix("make it CONCURRENTLY", (edit,))
        headers, up = self.migration.headers, self.migration.up
        if self.migration.layout != "elf" or not headers or len(up.statements) != 1 or not self.migration.transactional:
            return text, None
        end = headers[-1].span.end
        title = f"make it CONCURRENTLY, outside a transaction (`{NO_TRANSACTION}`)"
        return text, Fix(title, (Edit(Span(end, end), f"\n{NO_TRANSACTION}"), edit), Applicability.UNSAFE)


def _on_one_line(sql: str) -> str:
    return " ".join(" ".join(line.partition("--")[0] for line in sql.splitlines()).split()) + ";"


__all__ = [
    "BLOCKS", "Effect", "effects", "has_check", "has_own_using", "is_ever_free", "is_not_null", "narrows",
    "nullable_keys", "redone", "rewrites", "rewriting",
]  # fmt: skip
