"""Reading a text that does not parse as a whole: statement by statement, losing only what is broken.

Used for syntax errors, psql meta-commands, `COPY … FROM stdin` data and dumps of other databases. The scanner, not a
regular expression, says where a statement ends; where it cannot (SQL-standard function bodies), pieces are joined
until they parse.
"""

from __future__ import annotations

from elf_sqlcheck.model import Broken, Span
from elf_sqlcheck.sql import Script, cut, parse_text, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Statement

_STARTERS = frozenset(
    ["ALTER", "BEGIN_P", "COMMENT", "COMMIT", "COPY", "CREATE", "DELETE_P", "DO", "DROP", "GRANT", "INSERT", "REVOKE",
     "SELECT", "SET", "TRUNCATE", "UPDATE"]
)  # fmt: skip
_LONGEST_BODY = 200


def recover(text: str, offset: int) -> Script:
    """Read `text`, which begins at byte `offset` of its file; see the module docstring."""
    encoded = _without_copy_data(text.encode())
    statements: list[Statement] = []
    broken: list[Broken] = []
    pieces, problems = _pieces(encoded)
    broken += [_moved(problem, offset) for problem in problems]
    position = 0
    while position < len(pieces):
        position = _read(encoded, pieces, position, offset, statements, broken)
    statements.sort(key=lambda statement: statement.span.start)
    broken.sort(key=lambda piece: piece.span.start)
    return Script(tuple(statements), tuple(broken))


def _moved(problem: Broken, offset: int) -> Broken:
    return problem.replace(
        span=Span(problem.span.start + offset, problem.span.end + offset),
        piece=Span(problem.piece.start + offset, problem.piece.end + offset),
    )


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


def _pieces(encoded: bytes) -> tuple[list[tuple[int, int, list[Any]]], list[Broken]]:
    """Cut at semicolons outside parentheses: (start, end, tokens) each, and what is no statement at all."""
    pieces: list[tuple[int, int, list[Any]]] = []
    problems: list[Broken] = []
    current: list[Any] = []
    depth = 0
    skip_to = 0
    found = tokens(encoded)
    for token in found:
        if token.start < skip_to or token.name.endswith("_COMMENT"):
            continue
        if not current and token.name == "ASCII_92":  # a backslash: psql's own command, up to the end of the line
            skip_to = encoded.find(b"\n", token.start)
            skip_to = len(encoded) if skip_to < 0 else skip_to
            span = Span(token.start, token.start + len(encoded[token.start : skip_to].rstrip()))
            command = encoded[token.start : skip_to].split()[0].decode("utf-8", "replace")
            problems.append(Broken("meta-command", f"{command} is a command of psql, not SQL", span, span))
            continue
        if token.name == "ASCII_59" and depth <= 0:
            if current:
                pieces.append((current[0].start, token.start, current))
            current, depth = [], 0
            continue
        depth += {"ASCII_40": 1, "ASCII_41": -1}.get(token.name, 0)
        current.append(token)
    last = found[-1].end + 1 if found else 0
    tail = encoded[last:].strip()
    if tail:  # the scanner stopped at a quote or a comment that nothing ends
        start = encoded.index(tail, last)
        first = current[0].start if current else start
        message = "a quoted string or comment begins here and never ends"
        problems.append(Broken("unterminated", message, Span(start, start + 1), Span(first, len(encoded))))
    elif current:
        pieces.append((current[0].start, current[-1].end + 1, current))
    return pieces, problems


def _read(
    encoded: bytes,
    pieces: list[tuple[int, int, list[Any]]],
    position: int,
    offset: int,
    statements: list[Statement],
    broken: list[Broken],
) -> int:
    """Read the piece at `position` and return the position of the next one."""
    start, end, found = pieces[position]
    text = encoded[start:end].decode("utf-8", "replace")
    json, message, at = parse_text(text)
    if json:
        script = cut(json, text, offset + start)
        statements += script.statements
        broken += script.broken
        return position + 1
    if any(token.name == "ATOMIC" for token in found):
        for later in range(position + 1, min(position + _LONGEST_BODY, len(pieces))):
            text = encoded[start : pieces[later][1]].decode("utf-8", "replace")
            json, _, _ = parse_text(text)
            if json:
                statements += cut(json, text, offset + start).statements
                return later + 1
    place = min(start + at, max(end - 1, start))
    split = _missing_semicolon(encoded, found, place)
    if split:
        before = [token for token in found if token.start < split]
        text = encoded[start : before[-1].end + 1].decode("utf-8", "replace")
        json, _, _ = parse_text(text)
        if json:
            statements += cut(json, text, offset + start).statements
            message = "a semicolon is missing before this statement"
            span = Span(offset + split, offset + split + 1)
            broken.append(Broken("syntax", message, span, span))
            pieces[position] = (split, end, [token for token in found if token.start >= split])
            return position
    token = next((token for token in found if token.start <= place <= token.end), None)
    place_end = token.end + 1 if token else place + 1
    piece = Span(offset + start, offset + end)
    broken.append(Broken("syntax", message, Span(offset + place, offset + max(place_end, place + 1)), piece))
    return position + 1


def _missing_semicolon(encoded: bytes, found: list[Any], place: int) -> int:
    """Where the next statement begins when the error stands at the first word of a line, else 0."""
    token = next((token for token in found if token.start == place), None)
    if token is None or token is found[0] or token.name not in _STARTERS:
        return 0
    line_start = encoded.rfind(b"\n", 0, place) + 1
    return place if not encoded[line_start:place].strip() else 0
