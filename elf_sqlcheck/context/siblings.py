"""What a rule may ask about the other files of the run."""

from __future__ import annotations

from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.context.survey import AHEAD, HOLDING, TEAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.context.survey import Survey
    from elf_sqlcheck.model import Finding, Migration


class Siblings:
    """The part of a `Context` that looks beyond the migration judged.

    What is found of a file is kept for the next run, in which other files may have been added. So it is noted what has
    been asked about later ones: the answers to the questions in `asked` have to be the same then, and where AHEAD is
    one of them, all migrations have to be. Those before this one, and the next one, may always be asked about.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        asked: set[tuple[str, ...]]
        doubts: list[tuple[Finding, Callable[..., bool], tuple[Any, ...]]]
        number: int
        run: Sequence[Migration]
        survey: Survey

    @property
    def siblings(self) -> Sequence[Migration]:
        """All migrations of the run, in order."""
        self.asked.add(AHEAD)
        return self.run

    @property
    def history(self) -> Sequence[Migration]:
        """The migrations of the run before this one."""
        return self.run[: self.number]

    def beside(self) -> tuple[Migration | None, Migration | None]:
        """The migration just before this one, and the one just after it."""
        number, run = self.number, self.run
        return run[number - 1] if number else None, run[number + 1] if number + 1 < len(run) else None

    def number_of(self, name: str) -> int:
        """The number of the first migration with that full name or version, -1 when there is none."""
        number = self.survey.number_of(name)
        if not 0 <= number < self.number:
            self.asked.add(AHEAD)
        return number

    def provided(self, finding: Finding, holds: Callable[..., bool], *facts: Any) -> Finding:
        """A finding that counts only if `holds(schema, *facts)` is true of the schema after the last file of the run: a
        later file may bring what this one lacks. It is asked when all rules are through, so nothing of the context may
        be used in it. What is a function of the rule's module, and facts that are made of values and objects of the
        catalog, can be kept for the next run.
        """
        self.doubts.append((finding, holds, facts))
        return finding

    def changes_of(self, migration: Migration) -> Sequence[Change]:
        """What the UP section of another migration changes."""
        return read_section(migration.up, migration.data)

    def hold_words(self, words: str, kinds: frozenset[str] = HOLDING) -> bool:
        """Whether a DO block or a function of the run that has an EXECUTE holds `words` (lower case, single blanks): it
        may do what they say to objects whose names nobody can tell. Other `kinds` of statements need no EXECUTE.
        """
        self.asked.add((words, *sorted(kinds)))
        return self.survey.holds(words, kinds)

    def teams(self) -> frozenset[str]:
        """The teams whose migrations there are in the run."""
        self.asked.add(TEAMS)
        return self.survey.teams()


def code_of(data: bytes) -> list[tuple[str, int]]:
    """The tokens of a whole file, comments included, each with its place: for files that are not the present one.

    Those of a VERIFY section are left out: it may be changed whenever there is more to ask.
    """
    from elf_sqlcheck import sql
    from elf_sqlcheck.layouts import elf

    text = sql.text_of(data).encode()
    found: list[tuple[str, int]] = []
    section = ""
    for token in sql.tokens(text):
        word = text[token.start : token.end + 1].decode("utf-8", "replace")
        if token.name == "SQL_COMMENT":
            section = elf.section_of(word) or section
        if section != "verify":
            found.append((word, token.start))
    return found
