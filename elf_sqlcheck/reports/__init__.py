"""What was found, in the form that somebody wants: one module a format, each with a function `render`."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from elf_sqlcheck import secrecy
from elf_sqlcheck.later import module_named
from elf_sqlcheck.model import Applicability, Severity
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Finding, Span
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify.result import Verification

#: The modules of this package that write findings.
FORMATS = (
    "text", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "rdjson", "checkstyle",
    "markdown", "html",
)  # fmt: skip
#: Those that show whole files, not only the lines on which something was found.
_WITH_SOURCES = frozenset({"html"})


_BOM = b"\xef\xbb\xbf"
#: Bytes of a line whose characters are counted anew for each place.
_STEP = 2_000


class Report(Record):
    """What a command has found.

    `findings` are in the order of their files and places; `sources` holds the bytes that were judged, by path; `files`
    says how many were judged, `suppressed` how many findings were allowed by a comment, `fixed` how many findings were
    fixed before, `known` are those that a baseline keeps from being shown. `secret` are further findings of credentials
    that are not shown: what they are about is not shown either. `verification` is what `verify` saw besides, in
    `seconds`; None when nothing was run.

    For formats that name what was fine, too: `judged` are the paths of the files that were judged, `rules` those that
    were asked. Findings from `fail_on` on make the command fail.
    """

    findings: tuple[Finding, ...]
    sources: Mapping[str, bytes]
    files: int
    suppressed: int = 0
    fixed: int = 0
    known: tuple[Finding, ...] = ()
    secret: tuple[Finding, ...] = ()
    verification: Verification | None = None
    seconds: float = 0.0
    judged: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    fail_on: Severity = Severity.ERROR


class Style(Record):
    """How text is shown: with ANSI colours or not, and in how many columns (0: as many as it takes)."""

    colour: bool = False
    width: int = 0
    quiet: bool = False


class Place(Record):
    """Where a finding stands: 1-based lines and columns, in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Places:
    """Turns byte offsets into lines and columns, reading each file once."""

    __slots__ = ("_marks", "_read", "_shown", "sources")

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.sources = sources
        #: Columns of some bytes of long lines, by path and line: a line may be all of a large file.
        self._marks: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._shown: tuple[str, int, str] = "", 0, ""
        self._read: dict[str, tuple[bytes, list[int]]] = {}

    def of(self, finding: Finding) -> Place:
        """The place of a finding; the file's very beginning when it is about the file as a whole."""
        span, data = finding.span, self.sources.get(finding.path)
        if span is None or data is None:
            return Place(1, 1, 1, 1)
        return self.between(finding.path, span)

    def between(self, path: str, span: Span) -> Place:
        """The place of a span of one of the sources."""
        return Place(*self.position(path, span.start), *self.position(path, max(span.start, span.end)))

    def position(self, path: str, offset: int) -> tuple[int, int]:
        """The line and the column of a byte offset."""
        line, start, data = self._line(path, offset)
        first = start + len(_BOM) if line == 1 and data.startswith(_BOM) else start
        if offset - first <= _STEP:
            return line, len(data[first:offset].decode("utf-8", "replace")) + 1
        marks = self._marks.setdefault((path, line), [(first, 1)])
        while marks[-1][0] + _STEP < offset:
            at, column = marks[-1]
            end = at + _STEP
            while end < offset and data[end] & 0xC0 == 0x80:
                end += 1
            marks.append((end, column + len(data[at:end].decode("utf-8", "replace"))))
        at, column = marks[max(bisect_right(marks, (offset, 0)) - 1, 0)]
        return line, column + len(data[at:offset].decode("utf-8", "replace"))

    def byte_position(self, path: str, offset: int) -> tuple[int, int]:
        """The line of a byte offset, and the byte of the line that it is: 1-based like a column."""
        line, start, _ = self._line(path, offset)
        return line, offset - start + 1

    def _line(self, path: str, offset: int) -> tuple[int, int, bytes]:
        """The number of the line that holds a byte offset, the offset at which it starts, and the whole text."""
        known = self._read.get(path)
        if known is None:
            data = self.sources[path]
            lengths = [len(line) + 1 for line in data.split(b"\n")]
            known = self._read[path] = data, [*accumulate(lengths[:-1], initial=0)]
        data, starts = known
        line = bisect_right(starts, offset)
        return line, starts[line - 1], data

    def line(self, path: str, number: int) -> str:
        """The text of a line, without its end; bytes that are no UTF-8 become U+FFFD."""
        if self._shown[:2] == (path, number):
            return self._shown[2]
        self._line(path, 0)
        data, starts = self._read[path]
        end = starts[number] if number < len(starts) else len(data)
        text = data[starts[number - 1] : end].decode("utf-8", "replace").rstrip("\r\n")
        self._shown = path, number, text.removeprefix("\ufeff") if number == 1 else text
        return self._shown[2]


def render(name: str, report: Report, style: Style) -> str:
    """The report in the format `name`, one of FORMATS."""
    module = module_named(f"elf_sqlcheck.reports.{name}")
    text: str = module.render(_without_secrets(report, name), style)
    return text


def _without_secrets(report: Report, name: str) -> Report:
    """The report for the format `name` with stars over each credential, so that no text carries it into a log.

    That goes for findings of any rule, and for credentials that no rule that ran has found. Lines and columns stay
    what they were.
    """
    shown = report.sources if name in _WITH_SOURCES or report.verification is not None else ()
    places = {path: {(start, end) for _, start, end in secrecy.secrets_in(report.sources[path])} for path in shown}
    for finding in (*report.findings, *report.known, *report.secret):
        data = report.sources.get(finding.path)
        if data is None:
            continue
        if finding.path not in places:
            places[finding.path] = {(start, end) for _, start, end in secrecy.secrets_in(data)}
        if finding.family == "secrets" and finding.span is not None:
            places[finding.path].add((finding.span.start, finding.span.end))
    if report.verification is None and not any(places.values()):
        return report
    sources, texts = dict(report.sources), dict[str, set[str]]()
    for path, found in places.items():
        starred = bytearray(sources[path])
        for start, end in found:
            starred[start:end] = secrecy.starred(bytes(starred[start:end]))
        texts[path] = {secrecy.bare(sources[path][start:end]) for start, end in found}
        sources[path] = bytes(starred)
    hiders = {path: secrecy.Hider(found) for path, found in texts.items() if found}
    findings, known = (
        tuple(_without(finding, hiders.get(finding.path)) for finding in listed)
        for listed in (report.findings, report.known)
    )
    verification = report.verification
    if verification is not None:
        from elf_sqlcheck.reports.verification import without_secrets

        verification = without_secrets(verification, frozenset().union(*texts.values()))
    return report.replace(sources=sources, findings=findings, known=known, verification=verification)


def _without(finding: Finding, hide: secrecy.Hider | None) -> Finding:
    """The finding with stars over secrets in all that it says."""
    if hide is None:
        return finding
    fix = finding.fix
    if fix is not None:
        edits = tuple(edit.replace(text=hide(edit.text)) for edit in fix.edits)
        fix = fix.replace(title=hide(fix.title), edits=edits)
    message, why, instead = (hide(text) for text in (finding.message, finding.why, finding.instead))
    return finding.replace(message=message, why=why, instead=instead, fix=fix)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def numbers(report: Report) -> dict[Severity, int]:
    """How many findings there are of each severity, the worst first; only those that occur."""
    levels = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    found = {level: sum(finding.severity == level for finding in report.findings) for level in levels}
    return {level: number for level, number in found.items() if number}


def fixable(report: Report, *allowed: Applicability) -> int:
    """How many findings have a fix of one of the kinds."""
    return sum(finding.fix is not None and finding.fix.applicability in allowed for finding in report.findings)


def summary(report: Report) -> str:
    """One sentence that says what came out."""
    files = len({finding.path for finding in report.findings})
    before = f"{counted(report.fixed, 'finding')} fixed; " if report.fixed else ""
    if not report.findings:
        return f"{before}{counted(report.files, 'file')} checked, nothing found"
    sentence = before + ", ".join(counted(number, level.label) for level, number in numbers(report).items())
    sentence += f" in {counted(files, 'file')}"
    safe, unsafe = fixable(report, Applicability.SAFE), fixable(report, Applicability.UNSAFE)
    if safe:
        sentence += f"; {safe} can be fixed with --fix"
    if unsafe:
        sentence += f"; {unsafe}{' more' if safe else ' can be fixed'} with --unsafe-fixes"
    return sentence
