"""Suppressions: comments that allow what a rule finds, with a reason.

`-- elf: allow RULE[, RULE] -- reason` above a statement covers all of it; at the end of a line it covers that line, and
the whole statement when the statement ends there; on a line of its own within a statement it covers the next line.
`-- elf: allow-file RULE -- reason` covers the file. `-- squawk-ignore NAME` is understood where the name is known.
"""

from __future__ import annotations

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
    if not migration.files:
        return [found for comment in sql.comments(data) for found in _parse(comment, migration, None)]
    found: list[Suppression] = []
    for part in migration.parts():
        file = Span(part.start, part.start + len(part.data))
        for comment in sql.comments(part.data):
            span = Span(comment.span.start + part.start, comment.span.end + part.start)
            found += _parse(comment.replace(span=span), migration, file)
    return found


def _parse(comment: Comment, migration: Migration, file: Span | None) -> Iterator[Suppression]:
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
    scope = file if whole_file else _scope(comment.span, migration)
    yield Suppression(tuple(rules), reason.strip(), comment.span, scope, squawk, whole_file)


def _ours(name: str) -> tuple[str, ...]:
    from elf_sqlcheck.squawk import ours

    return ours(name)


def pieces(migration: Migration) -> list[Span]:
    """Where the statements of a migration stand, and the pieces that are none because they do not parse."""
    statements = [s.span for section in migration.sections for s in section.statements]
    return statements + [broken.piece for broken in migration.broken]


def _scope(place: Span, migration: Migration) -> Span:
    """What a comment at `place` covers."""
    data = migration.data
    line_start = data.rfind(b"\n", 0, place.start) + 1
    line_end = data.find(b"\n", place.end)
    line_end = len(data) if line_end < 0 else line_end
    spans = pieces(migration)
    if data[line_start : place.start].removeprefix(b"\xef\xbb\xbf").strip():
        ending = [piece for piece in spans if line_start <= piece.end <= place.start]
        return Span(min([line_start, *(piece.start for piece in ending)]), line_end)
    inside = any(piece.start < place.start < piece.end for piece in spans)
    if inside:
        position = line_end + 1
        while position < len(data):
            end = data.find(b"\n", position)
            end = len(data) if end < 0 else end
            line = data[position:end].strip()
            if line and not line.startswith(b"--"):
                return Span(position, end)
            position = end + 1
    following = min((piece for piece in spans if piece.start >= place.end), key=lambda piece: piece.start, default=None)
    return Span(place.start, following.end) if following else place


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
    for finding in findings:
        by = next((s for s in suppressions if _covers(s, finding)), None)
        if by is None:
            kept.append(finding)
        else:
            allowed.append(finding)
            used.add((by.span.start, finding.rule))
    names = frozenset(known)
    for suppression in suppressions:
        if not suppression.squawk:
            kept += _judge(migration, suppression, used, rules, names, style=style)
    return kept, allowed


def _covers(suppression: Suppression, finding: Finding) -> bool:
    if finding.rule not in {name for name, _ in suppression.rules}:
        return False
    scope = suppression.scope
    if scope is None or finding.span is None:
        return scope is None or (suppression.whole_file and scope.start == 0)
    return scope.start <= finding.span.start < max(scope.end, scope.start + 1)


def _judge(
    migration: Migration,
    suppression: Suppression,
    used: set[tuple[int, str]],
    rules: Mapping[str, Rule],
    known: frozenset[str],
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
        if name not in known:
            near = closest(name, known)
            instead = f"did you mean {near}?" if near else ""
            fix = Fix(f"write {near}", (Edit(span, near),), Applicability.UNSAFE) if near else None
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
