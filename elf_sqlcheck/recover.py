"""Reading a text that does not parse as a whole: statement by statement, losing only what is broken.

Used for syntax errors, psql meta-commands, `COPY … FROM stdin` data and dumps of other databases. The scanner, not a
regular expression, says where a statement ends; where it cannot (SQL-standard function bodies), pieces are joined
until they parse.
"""

from __future__ import annotations

from bisect import bisect_left

from elf_sqlcheck.model import Broken, Span
from elf_sqlcheck.sql import Script, cut, parse_text, split, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Statement

_STARTERS = frozenset(
    ["ALTER", "BEGIN_P", "COMMENT", "COMMIT", "COPY", "CREATE", "DELETE_P", "DO", "DROP", "GRANT", "INSERT", "REVOKE",
     "SELECT", "SET", "TRUNCATE", "UPDATE"]
)  # fmt: skip
_LONGEST_BODY = 200
#: Bytes that are read at once, at first and after an error, and at most: an error costs one more reading of so much.
_CHUNK = 1_000
_LARGEST_CHUNK = 100_000
#: Bytes behind an error that are scanned for the word that it is about.
_AROUND = 200
#: What no body in SQL holds: https://www.postgresql.org/docs/current/sql-createfunction.html
_NOT_IN_BODIES = (b"create", b"alter", b"drop", b"grant", b"comment")


def recover(text: str, offset: int) -> Script:
    """Read `text`, which begins at byte `offset` of its file; see the module docstring."""
    encoded = _without_copy_data(text.encode())
    recovery = _Recovery(encoded, offset)
    pieces, end = split(encoded)
    first = end
    if end < len(encoded) and pieces and b";" not in encoded[pieces[-1][1] : end]:
        first, _ = pieces.pop()  # it goes on in what is never closed
    recovery.read(pieces)
    if end < len(encoded):
        message = "a quoted string or comment begins here and never ends"
        recovery.add("unterminated", message, end, end + 1, (first, len(encoded)))
    statements = sorted(recovery.statements, key=lambda statement: statement.span.start)
    return Script(tuple(statements), tuple(sorted(recovery.broken, key=lambda piece: piece.span.start)))


def _without_copy_data(encoded: bytes) -> bytes:
    r"""Blank out the rows between `COPY … FROM stdin;` and the line `\.`, as pg_dump writes them."""
    if b"\n\\." not in encoded:
        return encoded
    result: list[bytes] = []
    inside = False
    for line in encoded.splitlines(keepends=True):
        ending = line[len(line.rstrip(b"\r\n")) :]
        bare = line.strip()
        if inside:
            inside = bare != b"\\."
            line = b" " * (len(line) - len(ending)) + ending  # noqa: PLW2901 - the same line, emptied
        else:
            lowered = bare.lower()
            inside = lowered.startswith(b"copy ") and lowered.endswith(b"from stdin;")
        result.append(line)
    return b"".join(result)


class _Recovery:
    """Reads a text chunk by chunk; what fails is read piece by piece, and only broken pieces are left out."""

    def __init__(self, encoded: bytes, offset: int) -> None:
        self.encoded = encoded
        self.offset = offset
        self.statements: list[Statement] = []
        self.broken: list[Broken] = []
        self.ends: list[int] = []

    def read(self, pieces: list[tuple[int, int]]) -> None:
        """Read the pieces of the text, each from one semicolon to the next."""
        self.ends = [end for _, end in pieces]
        position, chunk = 0, _CHUNK
        while position < len(pieces):
            last = max(bisect_left(self.ends, pieces[position][0] + chunk) - 1, position)
            position, whole = self._chunk(pieces, position, last)
            chunk = min(chunk * 2, _LARGEST_CHUNK) if whole else _CHUNK

    def _chunk(self, pieces: list[tuple[int, int]], first: int, last: int) -> tuple[int, bool]:
        """Read the pieces from `first` to `last` up to the first that is broken.

        Returns the number of the next, and whether none was broken.
        """
        start, end = pieces[first][0], pieces[last][1]
        at = self._parse(start, end)
        if at is None:
            return last + 1, True
        culprit = min(bisect_left(self.ends, at, first), last)
        if culprit > first and self._parse(start, pieces[culprit - 1][1]) is not None:
            culprit = first  # the error shows only later than where it is: go one by one
        return self._piece(pieces, culprit), False

    def _parse(self, start: int, end: int) -> int | None:
        """Take the statements between two places, or return the place of the error."""
        text = self.encoded[start:end].decode("utf-8", "replace")
        json, self.message, at = parse_text(text)
        if not json:
            return min(start + at, max(end - 1, start))
        script = cut(json, text, self.offset + start)
        self.statements += script.statements
        self.broken += script.broken
        return None

    def _piece(self, pieces: list[tuple[int, int]], number: int) -> int:
        """Read one piece, joined with those after it where a body goes on, and return the number of the next."""
        start, end = pieces[number]
        head = start + len(self.encoded[start:end]) - len(self.encoded[start:end].lstrip())
        if self.encoded.startswith(b"\\", head):
            return self._meta_command(pieces, number, head)
        place = self._parse(start, end)
        if place is None:
            return number + 1
        message = self.message
        found = self._tokens(start, place, end)
        if not found:
            return number + 1
        if found[0].name == "ASCII_92":  # a backslash: psql's own command, up to the end of the line
            return self._meta_command(pieces, number, start + found[0].start)
        if any(token.name == "ATOMIC" for token in found):
            for later in range(number + 1, min(number + _LONGEST_BODY, len(pieces))):
                piece = self.encoded[slice(*pieces[later])].lower()
                if piece.lstrip().startswith(_NOT_IN_BODIES):
                    break
                if b"end" in piece and self._parse(start, pieces[later][1]) is None:
                    return later + 1
        split = self._missing_semicolon(found, start, place)
        if split and self._parse(start, split) is None:
            self.add("syntax", "a semicolon is missing before this statement", split, split + 1, (split, split + 1))
            pieces[number] = (split, end)
            return number
        if message.startswith(("stack depth limit exceeded", "memory exhausted")):
            whole = (start + found[0].start, end)
            self.add("too-deep", "this statement is nested too deeply to be judged", *whole, whole)
            return number + 1
        token = next((token for token in found if start + token.start <= place <= start + token.end), None)
        place_end = start + token.end + 1 if token else place + 1
        self.add("syntax", message, place, max(place_end, place + 1), (start + found[0].start, end))
        return number + 1

    def _tokens(self, start: int, place: int, end: int) -> list[Any]:
        """The words of a piece up to the one at `place`, comments left out: what follows may be most of a file."""
        around = _AROUND
        while True:
            stop = min(place + around, end)
            found = [t for t in tokens(self.encoded[start:stop]) if not t.name.endswith("_COMMENT")]
            if stop == end or (found and start + found[-1].start > place):
                return found
            around *= 20

    def _meta_command(self, pieces: list[tuple[int, int]], number: int, start: int) -> int:
        line_end = self.encoded.find(b"\n", start)
        line_end = len(self.encoded) if line_end < 0 else line_end
        line = self.encoded[start:line_end].rstrip()
        command = line.split()[0].decode("utf-8", "replace")
        span = (start, start + len(line))
        self.add("meta-command", f"{command} is a command of psql, not SQL", *span, span)
        if line_end < pieces[number][1]:
            pieces[number] = (line_end, pieces[number][1])
            return number
        while number < len(pieces) and pieces[number][1] <= line_end:
            number += 1
        if number < len(pieces) and pieces[number][0] < line_end:
            pieces[number] = (line_end, pieces[number][1])
        return number

    def _missing_semicolon(self, found: list[Any], start: int, place: int) -> int:
        """Where the next statement begins when the error stands at the first word of a line, else 0."""
        token = next((token for token in found if start + token.start == place), None)
        if token is None or token is found[0] or token.name not in _STARTERS:
            return 0
        line_start = self.encoded.rfind(b"\n", 0, place) + 1
        return place if not self.encoded[line_start:place].strip() else 0

    def add(self, kind: str, message: str, start: int, end: int, piece: tuple[int, int]) -> None:
        """Note a piece that is no SQL; all places count from the beginning of the text."""
        span = Span(self.offset + start, self.offset + end)
        self.broken.append(Broken(kind, message, span, Span(self.offset + piece[0], self.offset + piece[1])))
