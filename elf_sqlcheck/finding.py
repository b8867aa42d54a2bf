"""What is found, where, and how it is mended: spans, findings, fixes.

A position is a byte offset into the file; it becomes a line and a column only when it is printed.
"""

from __future__ import annotations

from enum import Enum, IntEnum

from elf_sqlcheck.record import Record

#: The family of what sqlfluff finds.
STYLE = "style"


def is_style(name: str) -> bool:
    """Whether a rule or family is one of `elf-sqlcheck style`: sqlfluff's names have a dot, ours never.

    So nobody has to load sqlfluff to know that `layout.indent` in a configuration or a comment is none of its business.
    """
    return name == STYLE or "." in name


class Span(Record):
    """A half-open range of bytes, `start` ≤ position < `end`."""

    start: int
    end: int


class Severity(IntEnum):
    """How bad a finding is; comparable. `OFF` is the default of rules that run only when selected."""

    OFF = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case word that reports show."""
        return self.name.lower()

    def __reduce_ex__(self, _protocol: object) -> tuple[type[Severity], tuple[int]]:
        """For pickles: Python 3.11 up to 3.11.3 asks for `getattr`, which is code."""
        return Severity, (self.value,)


class Applicability(Enum):
    """Whether a fix keeps the meaning (SAFE), may change it (UNSAFE), or is only an idea (SHOWN)."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    SHOWN = "shown"

    def __reduce_ex__(self, _protocol: object) -> tuple[type[Applicability], tuple[str]]:
        """For pickles, as that of `Severity`."""
        return Applicability, (self.value,)


class Edit(Record):
    """Replaces the bytes of `span` by `text`.

    `path` is the file that `span` counts from, "" for the finding's own; rules leave it alone.
    """

    span: Span
    text: str
    path: str = ""


class Fix(Record):
    """Edits that make a finding go away; `title` says what they do, as an order."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability = Applicability.SAFE


class Finding(Record):
    """One thing that is wrong, with its place, its reason and its remedy.

    `message` names the object and says what goes wrong; `why` says for whom; `instead` says what to write.
    `span` is None when the finding is about the file as a whole.
    """

    rule: str
    family: str
    severity: Severity
    message: str
    path: str
    span: Span | None = None
    why: str = ""
    instead: str = ""
    fix: Fix | None = None


def order(finding: Finding) -> tuple[str, int, int, str]:
    """By what findings are sorted: their places, and the worst first where they have the same."""
    span = finding.span
    return finding.path, span.start if span else -1, -int(finding.severity), finding.rule
