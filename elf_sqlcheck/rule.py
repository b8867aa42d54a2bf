"""All that the author of a rule imports.

A rule is a value: what it is called, why it matters, examples, and one pure function from a `Context` to findings.
It names the changes that it wants to see (`on`), and the engine calls `check` once for each of them:

    def check(context: Context[AddColumn]) -> Iterator[Finding]:
        column = context.change.column
        if column.type.name == "money":
            yield context.finding(f"column {column.name} is of type money", span=column.type.span)

A rule that judges a file as a whole names `Migration` in `on`; then `context.change` is the migration. Rules keep no
state, print nothing and never look at parser nodes.
"""

from __future__ import annotations

from elf_sqlcheck.assertions import more_than_a_look
from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.changes import *  # noqa: F403 - the vocabulary is part of what an author imports
from elf_sqlcheck.catalog.changes import Change
from elf_sqlcheck.catalog.objects import (
    Column,
    Constraint,
    Expression,
    Index,
    IndexColumn,
    Name,
    Parameter,
    Policy,
    Trigger,
    Type,
    quoted,
)
from elf_sqlcheck.catalog.parts import alike
from elf_sqlcheck.catalog.schema import Schema, Table, View
from elf_sqlcheck.context import waiting
from elf_sqlcheck.context.owners import Belonging
from elf_sqlcheck.context.running import Running
from elf_sqlcheck.context.siblings import Siblings, code_of
from elf_sqlcheck.context.waiting import *  # noqa: F403 - what can be asked of locks, types and rows
from elf_sqlcheck.identifiers import is_reserved, is_snake, nearest, snake
from elf_sqlcheck.model import Applicability, Broken, Edit, Finding, Fix, Idiom, Migration, Section, Severity, Span
from elf_sqlcheck.record import Record
from elf_sqlcheck.secrecy import mixed_words, secrets_in
from elf_sqlcheck.sizes import TableSize
from elf_sqlcheck.teams import Team

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Generic, TypeVar

    from elf_sqlcheck.catalog.differences import SchemaDifference as SchemaDifference  # noqa: PLC0414 - re-exported

    C_co = TypeVar("C_co", covariant=True)

    class _Generic(Generic[C_co]):
        pass

else:
    C_co = None

    class _Generic:
        __slots__ = ()

        def __class_getitem__(cls, _: object) -> type:
            return cls


#: A broken piece of more bytes is not searched for idioms: it is data, or a dump that one finding is enough for.
_LONGEST_PIECE = 200_000


class Example(Record):
    """A piece of SQL that shows a rule at work; it is documentation and test at once.

    `sql` is the UP section, or a whole file when it holds a marker or a header. In bad examples each line that must be
    found ends with `-- finding`. `before` and `after` are an earlier and a later migration (their UP sections). `fixed`
    is what `--fix` (with `unsafe`: `--unsafe-fixes`) makes of `sql`. `path` is the file name when that matters. `runs`
    says why the example cannot run on Postgres, "" when it can (that is tested). `settings` is the configuration.
    """

    sql: str
    before: str = ""
    fixed: str | None = None
    unsafe: bool = False
    path: str = ""
    runs: str = ""
    settings: tuple[tuple[str, object], ...] = ()
    after: str = ""

    @staticmethod
    def reversible(up: str, down: str, before: str = "") -> Example:
        """An example of a migration with both sections."""
        head = "-- Version: 20250102_000000\n\n-- ============= UP MIGRATION =============\n"
        return Example(f"{head}{up}\n\n-- ============= DOWN MIGRATION ============\n{down}\n", before=before)


class Rule(Record):
    """One rule. `name` is kebab-case, names the pattern it flags and is the only id; `family` is its module's name.

    `severity` is its default. `why` says in plain words what goes wrong and for whom; `instead` what to write.
    `on` are the change classes (or `Migration`) that `check` is called with, none for what only a server can show:
    `verify` finds that, lint does not. `sections` are those it judges. What functions do is judged where a migration
    calls them; with `bodies` it is judged where they are written, and there only.
    `layouts` empty: all. `profile` is the configuration profile without which it is off ("" for none).
    `words`, in lower case: the rule is asked only about files that hold one of them, in any case, from their first
    statement on. What it flags must be impossible to write without; none: it is asked about every file.
    """

    name: str
    family: str
    severity: Severity
    summary: str
    why: str
    instead: str
    on: tuple[type, ...]
    check: Callable[[Context[Any]], Iterable[Finding]]
    bad: tuple[Example, ...] = ()
    good: tuple[Example, ...] = ()
    sections: tuple[str, ...] = ("up",)
    bodies: bool = False
    layouts: tuple[str, ...] = ()
    profile: str = ""
    words: tuple[str, ...] = ()

    def finding(
        self,
        message: str,
        path: str,
        span: Span | None,
        *,
        instead: str = "",
        why: str = "",
        severity: Severity | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule in the file `path`."""
        return Finding(
            self.name,
            self.family,
            self.severity if severity is None else severity,
            message,
            path,
            span,
            why or self.why,
            instead or self.instead,
            fix,
        )


def are_ours(rules: Iterable[Rule]) -> bool:
    """Whether it is known of all rules what they look at: they come with this package."""
    package = f"{__package__}."
    return all(getattr(rule.check, "__module__", "").startswith(package) for rule in rules)


def found_elsewhere(_context: Context[Any]) -> Iterator[Finding]:
    """The check of a rule that has no need to be asked: a server shows what it finds, or the engine itself."""
    return iter(())


class Context(Belonging, Running, Siblings, _Generic[C_co]):
    """What a rule may ask while it judges one change.

    `change` is the change itself; `changes` are all of its section, in order. `before` is the schema before the
    section (in UP: before the migration), `now` just before this change, `after` after the whole section. For a rule
    on `Migration`, `before` is the schema before it, `now` after UP, `after` after DOWN, and `changes` are those of UP.
    `doing` are always the changes of UP and `undoing` those of DOWN. `history` are the migrations of the run before
    this one, `siblings` all of them in order.
    `first` marks the first migration that is judged: what concerns none of the files is reported with it. `settings`
    is the configuration.
    """

    __slots__ = (
        "_dropped",
        "after",
        "asked",
        "before",
        "change",
        "changes",
        "doing",
        "doubts",
        "first",
        "fork",
        "migration",
        "now",
        "number",
        "rule",
        "run",
        "section",
        "settings",
        "survey",
        "undoing",
    )

    if TYPE_CHECKING:
        rule: Rule
        change: C_co
        changes: Sequence[Change]
        doing: Sequence[Change]
        undoing: Sequence[Change]
        migration: Migration
        section: Section
        before: Schema
        now: Schema
        after: Schema
        first: bool
        settings: Mapping[str, Any]
        _dropped: tuple[Sequence[Change], dict[tuple[str, str, str | None], int]]

    def is_older(self, name: Name) -> bool:
        """Whether the table or view was there before this migration, or must be assumed to have been."""
        return self.now.is_older(name)

    def is_busy(self, name: Name) -> bool:
        """Whether a lock on the table, or a scan of it, keeps somebody waiting.

        It does when the table is older than this migration, or was made by it and filled from a query or a file;
        `table-sizes` of the configuration say which older tables are too small for that.
        """
        return self.now.rows(name) == "many" and not self.is_small(name)

    def may_have_rows(self, name: Name) -> bool:
        """Whether the table may hold rows: it is older than this migration, or the migration put some into it."""
        return self.now.rows(name) != "none"

    def is_dropped_before(self, kind: str, name: str, part: str | None = None) -> bool:
        """Whether an earlier statement of the section drops the object, so that creating it succeeds each time."""
        known = getattr(self, "_dropped", None)
        if known is None or known[0] is not self.changes:
            places: dict[tuple[str, str, str | None], int] = {}
            for change in self.changes:
                if isinstance(change, changes.Drop):
                    places.setdefault((change.kind, change.name.name, change.part), change.statement.span.start)
            known = self._dropped = (self.changes, places)
        first = known[1].get((kind, name, part))
        statement = getattr(self.change, "statement", None)
        return first is not None and statement is not None and first < statement.span.start

    def body(self) -> Sequence[Change]:
        """For CreateFunction: what the function does, but for statements that only read and write rows of tables."""
        from elf_sqlcheck.catalog.bodies import function_body

        return function_body(self.change, self.migration.data)  # type: ignore[arg-type]

    def parses(self, text: str) -> bool:
        """Whether `text` is SQL."""
        from elf_sqlcheck.sql import parse_text

        return not parse_text(text)[1]

    def tokens(self, span: Span) -> Sequence[tuple[str, Span]]:
        """The words and signs of SQL within `span`, comments left out, each with its place."""
        from elf_sqlcheck import edits

        return edits.tokens(self.migration, span)

    def finding(
        self,
        message: str,
        span: Span | None = None,
        *,
        instead: str = "",
        why: str = "",
        severity: Severity | None = None,
        fix: Fix | None = None,
        whole_file: bool = False,
    ) -> Finding:
        """A finding of the present rule at `span` (the change's own place by default; none with `whole_file`)."""
        if span is None and not whole_file:
            span = getattr(self.change, "span", None)
        return self.rule.finding(
            message, self.migration.path, span, instead=instead, why=why, severity=severity, fix=fix
        )

    def text(self, span: Span) -> str:
        """The text of the file at `span`."""
        return self.migration.text(span)

    def idioms(self, broken: Broken) -> list[Idiom]:
        """The idioms of other databases that explain why a piece does not parse; empty when none does."""
        if broken.kind not in {"syntax", "unterminated"} or broken.piece.end - broken.piece.start > _LONGEST_PIECE:
            return []
        from elf_sqlcheck.catalog import dialects

        return dialects.idioms(self.tokens(broken.piece), broken)

    def find_words(self, words: Sequence[str], span: Span) -> Span | None:
        """Where `words` stand one after the other within `span`: keywords in lower case, names as folded."""
        from elf_sqlcheck import edits

        return edits.find(self.migration, words, span)

    def keywords(self, text: str) -> str:
        """Keywords for an edit of the change's statement: in lower case where the statement begins in lower case."""
        change: Any = self.change
        start = change.statement.span.start
        first = self.migration.data[start : start + 1]
        return text.lower() if first.islower() else text

    def insert_column(self, definition: str) -> tuple[Edit, ...]:
        """Edits that add `definition` to the present CREATE TABLE; () where that has no list, or does nothing."""
        from elf_sqlcheck import edits

        change: Any = self.change
        if change.if_not_exists and self.now.knows("relation", change.name):
            return ()
        return edits.insert_column(self.migration, change.statement.span, change.span, definition)

    def append(self, sql: str) -> tuple[Edit, ...]:
        """Edits that add the statement `sql` (semicolon included) at the end of the UP section."""
        from elf_sqlcheck import edits

        return edits.append(self.migration, self.migration.up, sql)

    def prepend_down(self, sql: str) -> tuple[Edit, ...]:
        """Edits that add the statement `sql` (semicolon included) at the start of DOWN; () when there is no DOWN."""
        from elf_sqlcheck import edits

        return edits.prepend(self.migration, self.migration.down, sql)

    def add_header(self, line: str) -> tuple[Edit, ...]:
        """Edits that add the comment `line` below the last header; () where the file has none."""
        from elf_sqlcheck import edits

        return edits.add_header(self.migration, line)

    def remove_statement(self, change: Change) -> tuple[Edit, ...]:
        """Edits that take the statement of a change of the present section out of the file."""
        from elf_sqlcheck import edits

        return edits.remove_statement(self.migration, change.statement.span, self.section)

    def append_down(self, sql: str) -> tuple[Edit, ...]:
        """Edits that add the statement `sql` (semicolon included) at the end of DOWN; () when there is no DOWN."""
        from elf_sqlcheck import edits

        down = self.migration.down
        return edits.append(self.migration, down, sql) or self.prepend_down(sql) if down else ()


__all__ = [
    "Applicability", "Broken", "Column", "Constraint", "Context", "Edit", "Example", "Expression", "Finding", "Fix",
    "Idiom", "Index", "IndexColumn", "Migration", "Name", "Parameter", "Policy", "Rule", "Schema", "Section",
    "Severity", "Span", "Table", "TableSize", "Team", "Trigger", "Type", "View", "alike", "code_of", "found_elsewhere",
    "is_reserved", "is_snake", "mixed_words", "more_than_a_look", "nearest", "quoted", "secrets_in", "snake",
]  # fmt: skip
__all__ += changes.__all__ + waiting.__all__
