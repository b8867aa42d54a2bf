"""The words that everything else is written in: spans, statements, migrations, findings.

A position is a byte offset into the file (`Migration.data`); it becomes a line and a column only when it is printed.
"""

from __future__ import annotations

from json import loads

from elf_sqlcheck.finding import Applicability, Edit, Finding, Fix, Severity, Span
from elf_sqlcheck.later import later
from elf_sqlcheck.record import Record
from elf_sqlcheck.tools import LAYOUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


__all__ = [
    "INTERVAL",
    "TIMEOUTS",
    "Applicability",
    "Broken",
    "Comment",
    "Edit",
    "Finding",
    "Fix",
    "Header",
    "Idiom",
    "Migration",
    "Part",
    "Problem",
    "Section",
    "Severity",
    "Span",
    "Statement",
    "full_name",
    "numbers_of",
    "position_in",
]
_NUMBER = later(r"[0-9]+")
#: A time as Postgres reads it in a setting: https://www.postgresql.org/docs/current/config-setting.html
INTERVAL = later(r"\d+(\.\d+)?\s*(us|ms|s|min|h|d)?\Z")
#: The headers that say how long a migration may wait or run, and the settings that they stand for.
TIMEOUTS = {"lock-timeout": "lock_timeout", "statement-timeout": "statement_timeout"}


class Statement:
    """One SQL statement: the parser's node kind, where it stands, and its node, decoded when first asked for.

    `span` leaves out comments before it and the semicolon after it. `node` is the inside of the parser's JSON object
    for `kind` (libpg_query's names); a location in it plus `offset` is a byte position in the file.
    `inside` is "do" or "function" for a statement in the body of one, "" for one that stands by itself. There,
    `conditional` says that it may or may not run, `guarded` that something around it decides whether it has to (an IF,
    a handler for the error that it would meet on a second run), and `exact` that spans point at its own text: not so
    in a text that EXECUTE puts together, where they cover the whole EXECUTE, and nothing can be edited. `body` keeps
    what the body of CREATE FUNCTION does, once it has been read.
    Only `elf_sqlcheck.catalog` looks at nodes.
    """

    __slots__ = ("_node", "body", "conditional", "exact", "guarded", "inside", "json", "kind", "offset", "span")

    def __init__(
        self,
        kind: str,
        span: Span,
        json: str,
        offset: int = 0,
        *,
        inside: str = "",
        conditional: bool = False,
        guarded: bool = False,
        exact: bool = True,
    ) -> None:
        self.kind = kind
        self.span = span
        self.json = json
        self.offset = offset
        self.inside = inside
        self.conditional = conditional
        self.guarded = guarded
        self.exact = exact
        self.body: tuple[Any, ...] | None = None
        self._node: dict[str, Any] | None = None

    @property
    def node(self) -> dict[str, Any]:
        """The decoded node."""
        if self._node is None:
            self._node = loads(self.json)
        return self._node

    def __repr__(self) -> str:
        return f"Statement({self.kind}, {self.span.start}:{self.span.end})"


class Comment(Record):
    """A comment with its marker; `text` is all of it, `--` or `/*` included."""

    text: str
    span: Span


class Broken(Record):
    """A piece of the text that is no SQL: `kind` is "syntax", "meta-command", "unterminated" or "too-deep".

    `span` is the place of the error, `piece` the whole stretch of text that was left out because of it.
    """

    kind: str
    message: str
    span: Span
    piece: Span


class Idiom(Record):
    """A piece of another database's SQL: where it stands, whose it is and what Postgres has instead.

    `what` calls it by a name, "" where its own text does. `edits` put that in its place where it can be told: (span,
    text) each.
    """

    span: Span
    what: str
    dialect: str
    instead: str
    edits: tuple[tuple[Span, str], ...] = ()


class Header(Record):
    """One `-- Key: value` line at the top of a migration; `span` covers the line, without its end."""

    key: str
    value: str
    span: Span


class Problem(Record):
    """What a layout found wrong with a file's outside; the `files` rules turn it into findings.

    `rule` is the rule that reports it.
    """

    rule: str
    message: str
    span: Span | None = None
    instead: str = ""


class Section(Record):
    """The UP, the DOWN or the VERIFY part of a migration.

    `span` covers the text after its marker up to the next marker. `name` is "up", "down" or "verify". `transactional`
    is None where the section runs as its migration does.
    """

    name: str
    span: Span
    statements: tuple[Statement, ...] = ()
    transactional: bool | None = None


class Part(Record):
    """One file of a migration; `start` is where its bytes begin in `Migration.data`."""

    path: str
    start: int
    data: bytes


class Migration:
    """One migration as its layout read it.

    `path` as the user named it; `data` the bytes of the file (for `--staged`, of the index); `version` sorts
    migrations, by its numbers ("" when the layout has none); `name` is the full name, version included, which
    dependencies use; `dependencies` are versions or full names. `transactional` is how the layout's own runner runs it:
    within one transaction, or each statement by itself; `timeouts` are the settings that it asks to run with, such as
    {"lock_timeout": "2s"}. `repeatable` ones run again whenever they change, after all others; `sealed` ones must not
    be edited, because their tool holds a hash of them. `settings` are the bytes of files beside it that say how it is
    run. `up` is always there; `down` is None when the file has no such section.

    A migration of two files is one text, too: `data` is one file after the other with a line end between them, and
    every span counts from its beginning. `files` holds their paths and where each begins; () stands for the one file
    `path`. `path_at`, `position` and `located` turn places in `data` into places in a file.
    """

    __slots__ = (
        "_read", "broken", "data", "dependencies", "description", "down", "files", "headers", "irreversible", "layout",
        "name", "path", "problems", "repeatable", "sealed", "settings", "slug", "team", "timeouts", "title",
        "transactional", "up", "verify", "version",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        data: bytes,
        *,
        layout: str,
        version: str,
        slug: str,
        up: Section,
        down: Section | None = None,
        verify: Section | None = None,
        title: str = "",
        description: str = "",
        dependencies: tuple[str, ...] = (),
        team: str = "",
        transactional: bool = True,
        timeouts: dict[str, str] | None = None,
        irreversible: str = "",
        headers: tuple[Header, ...] = (),
        broken: tuple[Broken, ...] = (),
        problems: tuple[Problem, ...] = (),
        files: tuple[tuple[str, int], ...] = (),
        repeatable: bool = False,
        sealed: bool = False,
        settings: bytes = b"",
    ) -> None:
        self.path = path
        self.data = data
        self.layout = layout
        self.version = version
        self.slug = slug
        self.name = full_name(version, slug)
        self.up = up
        self.down = down
        self.verify = verify
        self.title = title
        self.description = description
        self.dependencies = dependencies
        self.team = team
        self.transactional = transactional
        self.timeouts = timeouts or {}
        self.irreversible = irreversible
        self.headers = headers
        self.broken = broken
        self.problems = problems
        self.files = files
        self.repeatable = repeatable
        self.sealed = sealed
        self.settings = settings

    @property
    def order(self) -> tuple[bool, tuple[int, ...], str, str]:
        """What migrations are sorted by."""
        # Prisma goes by the names of the folders, however many digits their timestamps have:
        # https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/migration-histories
        numbers = () if self.layout == "prisma" else numbers_of(self.version)
        return self.repeatable, numbers, self.version, self.name

    def read_once(self) -> Migration:
        """All of it, for one who looks at it once: what is only then read is forgotten with what is returned."""
        return self

    @property
    def sections(self) -> tuple[Section, ...]:
        """Its sections, as far as they are there."""
        return tuple([section for section in (self.up, self.down, self.verify) if section is not None])

    def is_before(self, version: str) -> bool:
        """Whether the version is lower than another."""
        return numbers_of(self.version) < numbers_of(version)

    @property
    def outside(self) -> str:
        """What its layout needs for a statement that is not to run within a transaction."""
        return LAYOUTS[self.layout]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it is made of."""
        return tuple([path for path, _ in self.files]) if self.files else (self.path,)

    def parts(self) -> list[Part]:
        """The files that it is made of, with their bytes."""
        if not self.files:
            return [Part(self.path, 0, self.data)]
        ends = [*(start - 1 for _, start in self.files[1:]), len(self.data)]
        return [Part(path, start, self.data[start:end]) for (path, start), end in zip(self.files, ends, strict=True)]

    def part_at(self, offset: int) -> Part:
        """The file that holds the byte `offset` of `data`."""
        parts = self.parts()
        return next((part for part in reversed(parts) if part.start <= offset), parts[0])

    def is_transactional(self, section: Section) -> bool:
        """Whether the section runs within one transaction."""
        return self.transactional if section.transactional is None else section.transactional

    def located(self, finding: Finding) -> Finding:
        """A finding in `data` as a finding in the file that it is about, its edits each in their own file."""
        if not self.files:
            return finding
        fix = finding.fix
        if fix is not None:
            edits = [(self.part_at(edit.span.start), edit) for edit in fix.edits]
            fix = fix.replace(edits=tuple(Edit(_within(part, e.span), e.text, part.path) for part, e in edits))
        if finding.span is None:
            return finding.replace(fix=fix)
        part = self.part_at(finding.span.start)
        return finding.replace(path=part.path, span=_within(part, finding.span), fix=fix)

    def text(self, span: Span) -> str:
        """The text of `span`; bytes that are no UTF-8 become U+FFFD."""
        return self.data[span.start : span.end].decode("utf-8", "replace")

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column, in characters, of a byte offset, in the file that holds it."""
        if not self.files:
            return position_in(self.data, offset)
        part = self.part_at(offset)
        return position_in(part.data, offset - part.start)

    def path_at(self, offset: int) -> str:
        """The file that holds a byte offset."""
        return self.part_at(offset).path if self.files else self.path

    def __repr__(self) -> str:
        return f"Migration({self.path})"


def _within(part: Part, span: Span) -> Span:
    """A span of a migration as one of a file of it, cut where it would leave that file."""
    end = min(span.end - part.start, len(part.data))
    return Span(span.start - part.start, max(end, span.start - part.start))


def full_name(version: str, slug: str) -> str:
    """What dependencies call a migration."""
    return f"{version}_{slug}" if version and slug else version or slug


def numbers_of(version: str) -> tuple[int, ...]:
    """The numbers in a version, by which versions are compared: 9 comes before 10, 1.2 before 1.10."""
    return tuple(map(int, _NUMBER.findall(version)))


def position_in(data: bytes, offset: int) -> tuple[int, int]:
    """The 1-based line and column, in characters, of a byte offset of `data`."""
    line_start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[line_start:offset].decode("utf-8", "replace")) + 1
