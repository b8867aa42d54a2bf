"""Suppressions: comments that allow what a rule finds, with a reason.

`-- elf: allow RULE[, RULE] -- reason` above a statement covers all of it; at the end of a line it covers that line, and
the whole statement when the statement ends there; on a line of its own within a statement it covers the next line.
`-- elf: allow-file RULE -- reason` covers the file. `-- squawk-ignore NAME` is understood where the name is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from elf_sqlcheck import sql
from elf_sqlcheck.errors import closest
from elf_sqlcheck.finding import is_style
from elf_sqlcheck.model import Applicability, Edit, Finding, Fix, Span
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from elf_sqlcheck.model import Comment, Migration
    from elf_sqlcheck.rule import Rule


class Suppression(Record):
    """One comment. `rules` are (name, where it stands); `scope` is what it covers, None for the whole migration;
    `whole_file` says that it is all of a file; `squawk` comments are never judged themselves.
    """

    rules: tuple[tuple[str, Span], ...]
    reason: str
    span: Span
    scope: Span | None
    squawk: bool = False
    whole_file: bool = False


def read(migration: Migration) -> list[Suppression]:
    """The suppressions of a file; costs nothing when it holds none."""
    data = migration.data
    if b"elf:" not in data and b"squawk-ignore" not in data:
        return []
    pieces = Pieces(migration)
    if not migration.files:
        return [found for comment in sql.comments(data) for found in _parse(comment, pieces, None)]
    found: list[Suppression] = []
    for part in migration.parts():
        file = Span(part.start, part.start + len(part.data))
        for comment in sql.comments(part.data):
            span = Span(comment.span.start + part.start, comment.span.end + part.start)
            found += _parse(comment.replace(span=span), pieces, file)
    return found


def _parse(comment: Comment, pieces: Pieces, file: Span | None) -> Iterator[Suppression]:
    """The suppression that a comment is; `file` is the place of its file in the migration, None when that is all."""
    body = comment.text[2:].removesuffix("*/") if comment.text.startswith("/*") else comment.text[2:]
    words = body.strip()
    start = comment.span.start + comment.text.encode().find(words.encode()) if words else 0
    whole_file = False
    squawk = False
    if words.startswith("elf:"):
        command, _, rest = words[4:].strip().partition(" ")
        if command not in {"allow", "allow-file"}:
            return
        whole_file = command == "allow-file"
    elif words.startswith("squawk-ignore"):
        command, _, rest = words.partition(" ")
        whole_file, squawk = command == "squawk-ignore-file", True
        if command not in {"squawk-ignore", "squawk-ignore-file"}:
            return
    else:
        return
    names, _, reason = rest.partition("--")
    position = start + len(words.encode()) - len(rest.encode())
    rules: list[tuple[str, Span]] = []
    for part in names.split(","):
        name = part.strip()
        at = position + len(part.encode()) - len(part.lstrip().encode())
        if name:
            place = Span(at, at + len(name.encode()))
            rules += [(meant, place) for meant in (_ours(name) if squawk else (name,))]
        position += len(part.encode()) + 1
    scope = file if whole_file else pieces.scope(comment.span)
    yield Suppression(tuple(rules), reason.strip(), comment.span, scope, squawk, whole_file)


def _ours(name: str) -> tuple[str, ...]:
    from elf_sqlcheck.squawk import ours

    return ours(name)


class Pieces:
    """Where the statements of a migration stand, and the pieces that are none because they do not parse."""

    __slots__ = ("_after_comments", "_data", "_ends", "_starts", "all", "statements")

    def __init__(self, migration: Migration) -> None:
        self._data = migration.data
        self.statements = [s.span for section in migration.sections for s in section.statements]
        self.all = self.statements + [broken.piece for broken in migration.broken]
        # None lies over another within one of the two groups.
        groups = self.statements, self.all[len(self.statements) :]
        self._starts = [sorted(group, key=_start) for group in groups]
        self._ends = sorted(self.all, key=_end)
        self._after_comments: dict[int, int] = {}

    def at(self, offset: int) -> Span | None:
        """The piece that holds a byte; a statement rather than what is broken."""
        for group in self._starts:
            number = bisect_right(group, offset, key=_start)
            if number and offset < group[number - 1].end:
                return group[number - 1]
        return None

    def _after(self, offset: int) -> Span | None:
        """The first piece that begins at or behind a byte."""
        found = [(group, bisect_left(group, offset, key=_start)) for group in self._starts]
        return min((group[number] for group, number in found if number < len(group)), key=_start, default=None)

    def _ending(self, first: int, last: int) -> list[Span]:
        """The pieces that end from byte `first` to byte `last`."""
        start, end = bisect_left(self._ends, first, key=_end), bisect_right(self._ends, last, key=_end)
        return self._ends[start:end]

    def scope(self, place: Span) -> Span:
        """What a comment at `place` covers."""
        data = self._data
        line_start = data.rfind(b"\n", 0, place.start) + 1
        line_end = _line_end(data, place.end)
        if data[line_start : place.start].removeprefix(b"\xef\xbb\xbf").strip():
            ending = self._ending(line_start, place.start)
            return Span(min([line_start, *(piece.start for piece in ending)]), line_end)
        holding = self.at(place.start)
        if holding is not None and holding.start < place.start:
            position = self._code(line_end + 1)
            if position < len(data):
                return Span(position, _line_end(data, position))
        following = self._after(place.end)
        return Span(place.start, following.end) if following else place

    def _code(self, position: int) -> int:
        """The start of the first line at or below one that is neither empty nor a comment; each is looked at once."""
        passed: list[int] = []
        while position < len(self._data):
            known = self._after_comments.get(position)
            if known is not None:
                position = known
                break
            end = _line_end(self._data, position)
            line = self._data[position:end].strip()
            if line and not line.startswith(b"--"):
                break
            passed.append(position)
            position = end + 1
        self._after_comments.update(dict.fromkeys(passed, position))
        return position


def _start(span: Span) -> int:
    return span.start


def _end(span: Span) -> int:
    return span.end


def _line_end(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end


def apply(
    migration: Migration,
    findings: Iterable[Finding],
    suppressions: list[Suppression],
    rules: Mapping[str, Rule],
    known: Iterable[str],
    *,
    style: bool = False,
) -> tuple[list[Finding], list[Finding]]:
    """Split `findings` into those that stay and those that are allowed, and judge the suppressions themselves.

    `rules` are those that ran, by name; `known` all rule names that exist. With `style` only the names of style rules
    are judged in suppressions, without it only the others.
    """
    kept: list[Finding] = []
    allowed: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for finding, by in _covering(list(findings), suppressions):
        if by is None:
            kept.append(finding)
        else:
            allowed.append(finding)
            used.add((by.span.start, finding.rule))
    near = _Near(frozenset(known))
    for suppression in suppressions:
        if not suppression.squawk:
            kept += _judge(migration, suppression, used, rules, near, style=style)
    return kept, allowed


def _covering(findings: list[Finding], suppressions: Iterable[Suppression]) -> list[tuple[Finding, Suppression | None]]:
    """Each finding with the first suppression that covers it.

    Going through the findings by their places, those of each rule that may cover the next one are in a heap, the first
    in the file on top; what ends before a finding ends before all that follow it.
    """
    from heapq import heappop, heappush

    by_rule: dict[str, list[tuple[int, int, int, Suppression]]] = {}
    for number, suppression in enumerate(suppressions):
        scope = suppression.scope
        first, last = (-1, _EVERYWHERE) if scope is None else (scope.start, max(scope.end, scope.start + 1))
        if suppression.whole_file and first == 0:
            first = -1  # what is about the file as a whole has no place
        for name in {name for name, _ in suppression.rules}:
            by_rule.setdefault(name, []).append((first, number, last, suppression))
    for waiting in by_rule.values():
        waiting.sort(key=lambda entry: entry[:2], reverse=True)
    open_: dict[str, list[tuple[int, int, Suppression]]] = {name: [] for name in by_rule}
    found: dict[int, Suppression] = {}
    places = [finding.span.start if finding.span else -1 for finding in findings]
    for number in sorted(range(len(findings)), key=places.__getitem__):
        name, place = findings[number].rule, places[number]
        waiting, heap = by_rule.get(name, []), open_.get(name, [])
        while waiting and waiting[-1][0] <= place:
            _, order, last, suppression = waiting.pop()
            heappush(heap, (order, last, suppression))
        while heap and heap[0][1] <= place:
            heappop(heap)
        if heap:
            found[number] = heap[0][2]
    return [(finding, found.get(number)) for number, finding in enumerate(findings)]


_EVERYWHERE = 1 << 62


class _Near:
    """Which of the `known` rules is meant by a name that none of them has.

    Only told for the first names of a file that are different ones: to tell it takes longer than to read the file.
    """

    __slots__ = ("_told", "known")

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self._told: dict[str, str | None] = {}

    def to(self, name: str) -> str | None:
        if name not in self._told and len(self._told) < _GUESSED:
            self._told[name] = closest(name, self.known)
        return self._told.get(name)


_GUESSED = 30


def _judge(
    migration: Migration,
    suppression: Suppression,
    used: set[tuple[int, str]],
    rules: Mapping[str, Rule],
    near: _Near,
    *,
    style: bool,
) -> Iterator[Finding]:
    def finding(name: str, message: str, span: Span, instead: str = "", fix: Fix | None = None) -> Iterator[Finding]:
        rule = rules.get(name)
        if rule:
            yield rule.finding(message, migration.path, span, instead=instead, fix=fix)

    if not suppression.reason and not style:
        yield from finding("suppression-without-reason", "this suppression gives no reason", suppression.span)
    for name, span in suppression.rules:
        if is_style(name) is not style:
            continue
        if name not in near.known:
            meant = near.to(name)
            instead = f"did you mean {meant}?" if meant else ""
            fix = Fix(f"write {meant}", (Edit(span, meant),), Applicability.UNSAFE) if meant else None
            yield from finding("unknown-suppression", f"there is no rule called {name}", span, instead, fix)
        # What only a server can show is never found here: whether it is there is not known.
        elif name in rules and rules[name].on and (suppression.span.start, name) not in used:
            fix = Fix("remove it", (Edit(_removal(migration.data, suppression, span), ""),))
            yield from finding(
                "unused-suppression", f"nothing here is found by {name}, so nothing has to be allowed", span, "", fix
            )


def _removal(data: bytes, suppression: Suppression, span: Span) -> Span:
    """The bytes to take away: one name of several, else the whole comment, with its line when it stands alone."""
    if len(suppression.rules) > 1:
        number = [place for _, place in suppression.rules].index(span)
        if number:
            return Span(suppression.rules[number - 1][1].end, span.end)
        return Span(span.start, suppression.rules[1][1].start)
    start, end = suppression.span.start, suppression.span.end
    line_start = data.rfind(b"\n", 0, start) + 1
    if not data[line_start:start].strip() and data[end : end + 1] in {b"\n", b""}:
        return Span(line_start, min(end + 1, len(data)))
    return Span(start - len(data[line_start:start]) + len(data[line_start:start].rstrip()), end)
