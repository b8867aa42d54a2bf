"""What UP followed by DOWN leaves different, as far as it is certain.

`differences` compares schemas; here falls out what may have another reason: statements that the catalog cannot see
into, guards such as IF EXISTS, and what is told by another difference anyway.
"""

from __future__ import annotations

import re

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.differences import differences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.differences import SchemaDifference
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Migration

_ATTENDANTS = frozenset(["comment", "grant"])
#: Their names do not say which table they belong to, so the name itself is looked for.
_PARTS = frozenset(["index", "constraint", "policy", "trigger", "label"])
_DROPS = (ch.Drop, ch.DropColumn, ch.DropConstraint)


class Rollback:
    """One migration with the changes of its UP and DOWN, and the schema before, in between and after."""

    __slots__ = ("before", "down", "migration", "now", "undone", "up")

    def __init__(
        self, migration: Migration, up: Sequence[Change], down: Sequence[Change], schemas: tuple[Schema, Schema, Schema]
    ) -> None:
        self.migration = migration
        self.up = up
        self.down = down
        self.before, self.now, self.undone = schemas

    def differences(self) -> list[SchemaDifference]:
        """What is certainly not as it was before UP once DOWN has run."""
        found = differences(self.before, self.now, self.undone)
        hidden = self.hidden() if found else ""
        if hidden is None:
            return []
        # What a renamed type is called in the columns that have it is not followed.
        retyped = any(isinstance(c, ch.Rename) and c.kind in {"type", "domain"} for c in (*self.up, *self.down))
        return [
            difference
            for difference in _without_attendants(found)
            if not difference.name.startswith("pg_temp.")
            and difference.kind not in {"fact", "renamed"}
            and not (difference.kind == "sequence" and self._goes_with_table(difference.name))
            and not (difference.kind == "index" and self._goes_with_parent(difference))
            and (difference.known or not self._guarded(difference))
            and not mentions(hidden, difference.kind, difference.name)
            and not ("type was" in difference.detail and retyped)
        ]

    def hidden(self) -> str | None:
        """The text of all that the catalog cannot see into; None when it may do anything to any object."""
        texts = [self.migration.text(broken.piece) for broken in self.migration.broken]
        for number, change in enumerate((*self.up, *self.down)):
            if not isinstance(change, (ch.BrokenBody, ch.Execute, ch.Opaque, ch.ReadRows)):
                continue
            if number >= len(self.up) and self._may_do_anything(change):
                return None
            texts.append(self.migration.text(change.statement.span))
        return "\n".join(texts)

    def _may_do_anything(self, change: Change) -> bool:
        if isinstance(change, ch.ReadRows):
            return change.statement.kind == "CallStmt" and not all(self._is_own(name) for name in change.functions)
        return isinstance(change, (ch.BrokenBody, ch.Execute))

    def _is_own(self, function: str) -> bool:
        """Whether a migration made the function, so that what it does is among the changes."""
        bare = function.rpartition(".")[2]
        return bool(self.now.routines(bare))

    def _goes_with_table(self, sequence: str) -> bool:
        """Whether DOWN drops the table to which a sequence belongs by its name."""
        return any(isinstance(c, ch.Drop) and sequence.startswith(str(c.name)) for c in self.down)

    def _goes_with_parent(self, difference: SchemaDifference) -> bool:
        """Whether an index of what may be a partition is dropped with the one of the partitioned table.

        An index that is there already becomes part of that of the partitioned table, if they are alike.
        """
        change = self.up[difference.position] if difference.position >= 0 else None
        if not isinstance(change, ch.CreateIndex):
            return False
        dropped = {c.name.name for c in self.down if isinstance(c, ch.Drop) and c.kind == "index"}
        for other in self.up:
            if isinstance(other, ch.CreateIndex) and other.name in dropped and other.columns == change.columns:
                table, parent = self.now.table(change.table), self.now.table(other.table)
                if table and not table.known and parent and parent.partition_by:
                    return True
        return False

    def _guarded(self, difference: SchemaDifference) -> bool:
        """Whether what UP takes away may never have been there, or was made by UP itself under another name."""
        change = self.up[difference.position] if difference.position >= 0 else None
        if not isinstance(change, _DROPS) or change.if_exists or change.statement.guarded:
            return True
        made = [other.name.name for other in self.up if isinstance(other, (ch.CreateTable, ch.CreateView))]
        return isinstance(change, ch.Drop) and change.name.name in made


def mentions(text: str, kind: str, name: str) -> bool:
    """Whether `text` names the object of that kind, which is called `name` in a difference."""
    if not text:
        return False
    words = re.findall(r'"(?:[^"]|"")+"|[\w$]+', name.partition("(")[0])
    words = words[:1] if kind in _PARTS else words[-1:]
    bare = [re.escape(word.strip('"')) for word in words]
    return any(re.search(rf"(?<!\w){word}(?!\w)", text, re.IGNORECASE) for word in bare)


def _without_attendants(found: list[SchemaDifference]) -> list[SchemaDifference]:
    """Leave out comments and grants on what is told anyway."""
    told = {difference.name.partition("(")[0] for difference in found if difference.kind not in _ATTENDANTS}
    return [
        difference
        for difference in found
        if difference.kind not in _ATTENDANTS or told.isdisjoint(_named(difference.name))
    ]


def _named(text: str) -> set[str]:
    """All that may be a name in a text: from the start of a word (with its dots) to the end of one."""
    starts = [match.start() for match in re.finditer(r"(?<![\w.])\S", text)]
    ends = [match.end() for match in re.finditer(r".(?!\w)", text)]
    return {text[start:end] for start in starts for end in ends if start < end}
