"""What a rule may ask about the other files of the run."""

from __future__ import annotations

from elf_sqlcheck.catalog.read import read_section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Finding, Migration

#: Kinds of statements that hold others, which may be made up of pieces that nobody can read beforehand.
HOLDING = frozenset({"DoStmt", "CreateFunctionStmt"})


class Siblings:
    """The part of a `Context` that looks beyond the migration judged; `siblings` are all of the run, in order."""

    __slots__ = ()

    if TYPE_CHECKING:
        doubts: list[tuple[Finding, Callable[[Schema], bool]]]
        held: dict[tuple[str, frozenset[str]], bool]
        number: int
        siblings: Sequence[Migration]

    @property
    def history(self) -> Sequence[Migration]:
        """The migrations of the run before this one."""
        return self.siblings[: self.number]

    def provided(self, finding: Finding, holds: Callable[[Schema], bool]) -> Finding:
        """A finding that counts only if `holds` is true of the schema after the last file of the run: a later file may
        bring what this one lacks. It is asked when all rules are through, so nothing of the context may be used in it.
        """
        self.doubts.append((finding, holds))
        return finding

    def changes_of(self, migration: Migration) -> Sequence[Change]:
        """What the UP section of another migration changes."""
        return read_section(migration.up, migration.data)

    def hold_words(self, words: str, kinds: frozenset[str] = HOLDING) -> bool:
        """Whether a DO block or a function of the run that has an EXECUTE holds `words` (lower case, single blanks): it
        may do what they say to objects whose names nobody can tell. Other `kinds` of statements need no EXECUTE.
        """
        found = self.held.get((words, kinds))
        if found is None:
            found = self.held[words, kinds] = any(
                words in text and (kinds is not HOLDING or "execute" in text)
                for migration in self.siblings
                for statement in migration.up.statements
                if statement.kind in kinds
                for text in (" ".join(migration.text(statement.span).lower().split()),)
            )
        return found


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
