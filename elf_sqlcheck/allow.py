"""Writing suppressions into a file: `elf-sqlcheck lint --add-suppressions`.

What is found in a statement is allowed above it, in one comment for all of its rules; what is about the file as a
whole, or stands between statements, is allowed by `allow-file`. Nothing else of the file changes.
"""

from __future__ import annotations

from elf_sqlcheck import layouts, suppress
from elf_sqlcheck.model import Edit, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.suppress import Suppression

#: Comments that other tools want just above the statement: ours goes above them.
_NEIGHBOURS = (b"squawk-", b"noqa", b"atlas:", b"eugene", b"pgfence", b"pgrubic", b"sqlfluff")
#: First lines that other tools want to be first.
_FIRST = (b"--!", b"-- no-transaction", b"-- migrate:", b"-- +goose", b"-- Deploy ", b"-- Revert ", b"-- Verify ")
_COPY = "CopyStmt"
_BOM = b"\xef\xbb\xbf"


def suppressions(path: str, data: bytes, findings: Iterable[Finding], reason: str, *, above: bool) -> list[Edit]:
    """The edits that allow `findings`, which are all in the file `path` with the bytes `data`.

    Without `above` they are allowed for the whole file, wherever they are.
    """
    text = layouts.read(path, data, "plain")
    existing = suppress.read(text)
    pieces = suppress.Pieces(text) if above else None
    wanted: dict[Span | None, set[str]] = {}
    for finding in findings:
        piece = pieces.at(finding.span.start) if pieces and finding.span else None
        place = None if piece is None or _is_data(text, piece) else piece
        wanted.setdefault(place, set()).add(finding.rule)
    edits: list[Edit] = []
    for place, names in wanted.items():
        known = _existing(text, existing, place)
        if known is not None:
            edits += _merged(known, text, names, reason)
        elif place is None:
            edits.append(_inserted(data, _top(path, data), f"-- elf: allow-file {_list(names)} -- {reason}"))
        else:
            edits.append(_above(data, place, f"-- elf: allow {_list(names)} -- {reason}"))
    return edits


def same_statements(path: str, before: bytes, after: bytes) -> bool:
    """Whether both texts hold the same statements and the same pieces that do not parse."""
    old, new = layouts.read(path, before, "plain"), layouts.read(path, after, "plain")
    return [old.text(piece) for piece in suppress.Pieces(old).all] == [
        new.text(piece) for piece in suppress.Pieces(new).all
    ]


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _is_data(text: Migration, piece: Span) -> bool:
    """Whether a piece that does not parse is made of rows for a COPY, among which there must be no comment."""
    if all(piece != broken.piece for broken in text.broken):
        return False
    before = [statement for statement in text.up.statements if statement.span.end <= piece.start]
    return bool(before) and max(before, key=lambda statement: statement.span.end).kind == _COPY


def _existing(text: Migration, existing: Iterable[Suppression], place: Span | None) -> Suppression | None:
    """A suppression that covers just this place, to which rules can be added."""
    for known in existing:
        if known.squawk or not known.rules:
            continue
        if known.scope is None:
            if place is None:
                return known
        elif place is not None and known.span.end <= place.start and known.scope.end == place.end:
            start = text.data.rfind(b"\n", 0, known.span.start) + 1
            if not text.data[start : known.span.start].strip():
                return known
    return None


def _merged(known: Suppression, text: Migration, names: Iterable[str], reason: str) -> list[Edit]:
    """Edits that add rules, and a reason that it has not given so far, to a suppression."""
    there = {name for name, _ in known.rules}
    last = known.rules[-1][1].end
    edits = [Edit(Span(last, last), "".join(f", {name}" for name in sorted(names) if name not in there))]
    comment = text.data[known.span.start : known.span.end]
    end = known.span.start + len(comment.removesuffix(b"*/").rstrip())
    if not known.reason:
        edits.append(Edit(Span(end, end), f" -- {reason}"))
    elif reason not in known.reason:
        edits.append(Edit(Span(end, end), f"; {reason}"))
    return edits


def _above(data: bytes, piece: Span, comment: str) -> Edit:
    """A line of its own above a statement; where something stands before it on its line, that line is broken."""
    start = data.rfind(b"\n", 0, piece.start) + 1
    indent = data[start : piece.start].removeprefix(_BOM)
    if indent.strip():
        return Edit(Span(piece.start, piece.start), f"\n{comment}\n")
    while start > 0:
        previous = data.rfind(b"\n", 0, start - 1) + 1
        line = data[previous:start].strip()
        if not line.startswith(b"--") or not line.lstrip(b"- ").lower().startswith(_NEIGHBOURS):
            break
        start = previous
    return _inserted(data, start, indent.decode("utf-8", "replace") + comment)


def _inserted(data: bytes, start: int, line: str) -> Edit:
    """A new line before the one that begins at `start`."""
    if start == 0 and data.startswith(_BOM):
        start = len(_BOM)
    ending = "\n" if start == 0 or data[:start] == _BOM or data[start - 1 : start] == b"\n" else ""
    return Edit(Span(start, start), f"{line}\n" if ending else f"\n{line}")


def _top(path: str, data: bytes) -> int:
    """Where a line for the whole file goes: below its headers, and below what other tools want to be first."""
    headers = layouts.read(path, data).headers
    start = _next_line(data, headers[-1].span.end) if headers else 0
    while data[start:].removeprefix(_BOM).startswith(_FIRST):
        start = _next_line(data, start)
    return start


def _next_line(data: bytes, offset: int) -> int:
    end = data.find(b"\n", offset)
    return len(data) if end < 0 else end + 1
