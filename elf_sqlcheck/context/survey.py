"""What the migrations of a run hold all together: each question is answered once for all files that ask it.

Answers are kept as the number of the first migration that gives them, so that a later run, in which the migrations
before some number are the same, has to look at the others only.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.model import Migration

#: Kinds of statements that hold others, which may be made up of pieces that nobody can read beforehand.
HOLDING = frozenset({"DoStmt", "CreateFunctionStmt"})
#: The question whose migrations there are.
TEAMS = ("teams",)
#: What has no answer but the migrations themselves, those to come too.
AHEAD = ("ahead",)


class Survey:
    """The answers about `migrations`; `earlier` are those of another run with the same first `same` migrations.

    `found` maps each question that was asked to what a later run can begin with.
    """

    __slots__ = ("_earlier", "_is_all", "_migrations", "_places", "_same", "found")

    def __init__(
        self,
        migrations: Sequence[Migration],
        earlier: Mapping[tuple[str, ...], Any] | None = None,
        same: int = 0,
        *,
        is_all: bool = False,
    ) -> None:
        self._migrations = migrations
        self._earlier = earlier or {}
        self._same = same
        #: Nothing has come after what the earlier run has seen, and nothing of it has gone.
        self._is_all = is_all
        self._places: dict[str, int] | None = None
        self.found: dict[tuple[str, ...], Any] = {}

    def carried(self) -> dict[tuple[str, ...], Any]:
        """The answers of the earlier run that are still true: nobody has asked for them in this one."""
        return {
            question: before
            for question, before in self._earlier.items()
            if question not in self.found and (self._is_all or (question != TEAMS and 0 <= before < self._same))
        }

    def answer(self, question: tuple[str, ...]) -> object:
        """The answer to a question that has been asked in an earlier run."""
        if question == TEAMS:
            return self.teams()
        return self.holds(question[0], frozenset(question[1:]))

    def holds(self, words: str, kinds: frozenset[str]) -> bool:
        """See `Siblings.hold_words`."""
        question = (words, *sorted(kinds))
        first = self.found.get(question)
        if first is None:
            before = self._earlier.get(question)
            if before is not None and 0 <= before < self._same:
                first = before
            else:
                first = self._first(words, kinds, 0 if before is None else self._same)
            self.found[question] = first
        return bool(first >= 0)

    def _first(self, words: str, kinds: frozenset[str], start: int) -> int:
        needed = [*words.split(), *(["execute"] if kinds == HOLDING else [])]
        for number in range(start, len(self._migrations)):
            migration = self._migrations[number]
            whole = migration.data.decode("utf-8", "replace").lower()
            if not all(word in whole for word in needed):
                continue  # most files have not to be parsed for it
            for statement in migration.up.statements:
                if statement.kind in kinds:
                    text = " ".join(migration.text(statement.span).lower().split())
                    if words in text and (kinds != HOLDING or "execute" in text):
                        return number
        return -1

    def teams(self) -> frozenset[str]:
        """The teams whose migrations these are."""
        found = self.found.get(TEAMS)
        if found is None:
            before = self._earlier.get(TEAMS)
            found = {team: number for team, number in (before or {}).items() if number < self._same}
            for number in range(0 if before is None else self._same, len(self._migrations)):
                team = self._migrations[number].team
                if team:
                    found.setdefault(team, number)
            self.found[TEAMS] = found
        return frozenset(found)

    def number_of(self, name: str) -> int:
        """The number of the first migration with that name or version, -1 when there is none."""
        # Most are sorted by their names, which begin with versions of one length.
        place = bisect_left(self._migrations, name, key=attrgetter("name"))
        if place < len(self._migrations) and name in {self._migrations[place].name, self._migrations[place].version}:
            return place
        if self._places is None:
            self._places = {}
            for number, migration in enumerate(self._migrations):
                self._places.setdefault(migration.name, number)
                self._places.setdefault(migration.version, number)
        return self._places.get(name, -1)
