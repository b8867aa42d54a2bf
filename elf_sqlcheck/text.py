"""The text of a file as sqlfluff has it, and the way back from its characters to the bytes of the file.

sqlfluff is not shown what is no SQL to Postgres (rows for COPY, commands of psql, what does not parse): there, comments
of the same length stand in its text.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from elf_sqlcheck import layouts, sql
from elf_sqlcheck.later import later
from elf_sqlcheck.model import Span
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elf_sqlcheck.model import Migration

_BOM = b"\xef\xbb\xbf"


class Text(Record):
    """`text` with line feeds only, and `offsets`: at which byte of `data` each of its characters begins, and the end.

    `hidden` are the pieces of `data` that sqlfluff does not see, in their order.
    """

    data: bytes
    text: str
    offsets: Sequence[int]
    hidden: tuple[Span, ...]

    def span(self, start: int, end: int) -> Span:
        """The bytes of the characters from `start` to `end`."""
        last = len(self.offsets) - 1
        first = self.offsets[min(start, last)]
        return Span(first, max(first, self.offsets[min(end, last)]))

    def is_hidden(self, span: Span) -> bool:
        """Whether sqlfluff has not seen a part of these bytes."""
        return any(piece.start < max(span.end, span.start + 1) and span.start < piece.end for piece in self.hidden)

    def is_true(self, start: int, end: int) -> bool:
        """Whether the characters are the file's own: not so where its bytes are no UTF-8, or hidden."""
        span = self.span(start, end)
        raw = self.data[span.start : span.end].replace(b"\r\n", b"\n")
        return raw == self.text[start:end].encode() and not self.is_hidden(span)

    def place(self, offset: int) -> int:
        """The character at, or before, a byte."""
        return max(0, bisect_right(self.offsets, offset) - 1)


def read(data: bytes, hidden: Iterable[Span]) -> Text:
    """The text of a file, without a BOM, with comments in the place of the `hidden` pieces."""
    skipped = len(_BOM) if data.startswith(_BOM) else 0
    whole = sql.text_of(data)[skipped:]
    pieces = _whole_lines(data, hidden)
    if data.isascii() and "\r" not in whole:
        offsets: Sequence[int] = range(len(whole) + 1)
        return Text(data, _with_comments(whole, offsets, pieces), offsets, pieces)
    characters: list[str] = []
    places: list[int] = []
    position = skipped
    for number, character in enumerate(whole):
        if character == "\n" and number and whole[number - 1] == "\r":
            position += 1
            continue
        characters.append("\n" if character == "\r" else character)
        places.append(position)
        position += len(character.encode())
    places.append(position)
    return Text(data, _with_comments("".join(characters), places, pieces), places, pieces)


def _whole_lines(data: bytes, hidden: Iterable[Span]) -> tuple[Span, ...]:
    """The pieces, each to the end of its last line, because a comment ends there; what overlaps is one."""
    found: list[Span] = []
    for piece in sorted(hidden, key=lambda piece: piece.start):
        end = data.find(b"\n", max(piece.start, piece.end - 1))
        span = Span(piece.start, len(data) if end < 0 else end)
        if found and span.start <= found[-1].end:
            span = Span(found[-1].start, max(found.pop().end, span.end))
        found.append(span)
    return tuple(found)


def _with_comments(text: str, offsets: Sequence[int], pieces: Iterable[Span]) -> str:
    for piece in pieces:
        start, end = (bisect_right(offsets, offset) - 1 for offset in (piece.start, piece.end))
        text = text[:start] + _LINE.sub(_commented, text[start:end]) + text[end:]
    return text


_LINE = later(r"[^\n]+")


def _commented(line: re.Match[str]) -> str:
    length = len(line[0])
    return "--" + "x" * (length - 2) if length > 1 else " "


def pieces(path: str, data: bytes) -> tuple[Migration, list[Span], list[Span]]:
    """The file as plain SQL; what psql and COPY read in it, which has no style; and what does not parse."""
    plain = layouts.read(path, data, "plain")
    nothing = [broken.piece for broken in plain.broken if broken.kind == "meta-command"]
    unread = [broken.piece for broken in plain.broken if broken.kind != "meta-command"]
    return plain, [*nothing, *_rows(plain)], unread


def _rows(plain: Migration) -> Iterator[Span]:
    """The rows that follow each COPY … FROM stdin, with the line that ends them."""
    statements = plain.up.statements
    for number, statement in enumerate(statements):
        if statement.kind == "CopyStmt":
            start = plain.data.find(b"\n", statement.span.end)
            following = statements[number + 1].span.start if number + 1 < len(statements) else len(plain.data)
            end = plain.data.find(b"\n\\.", start, following) if start >= 0 else -1
            if end >= 0:
                yield Span(start + 1, end + 3)
