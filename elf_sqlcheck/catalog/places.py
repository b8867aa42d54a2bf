"""Where things end: the parser tells only where they begin.

Each function continues from a position that the parser gave, so it never has to find structure by itself.
"""

from __future__ import annotations

import re

from elf_sqlcheck.later import later
from elf_sqlcheck.model import Span

_IDENTIFIER = later(rb'"(?:[^"]|"")*"|[^\s"(),;.\[\]:=+\-*/<>\']+')
_BLANK = rb"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)"
_SPACE = _BLANK + rb"+"
_GAP = _BLANK + rb"*"
_SKIP = later(_GAP)
_TYPE = later(
    rb"(?:double" + _SPACE + rb"precision"
    rb"|(?:national" + _SPACE + rb")?(?:char|character|nchar|bit)(?:" + _SPACE + rb"varying)?(?![\w$])"
    rb"|time(?:stamp)?(?:"
    + _GAP
    + rb"\("
    + _GAP
    + rb"\d+"
    + _GAP
    + rb"\))?"
    + _GAP
    + rb"with(?:out)?"
    + _SPACE
    + rb"time"
    + _SPACE
    + rb"zone"
    rb'|(?:"(?:[^"]|"")*"|[\w$\x80-\xff]+)(?:' + _GAP + rb"\." + _GAP + rb'(?:"(?:[^"]|"")*"|[\w$\x80-\xff]+))*)'
    rb"(?:" + _GAP + rb"\([^()]*\))?(?:" + _GAP + rb"\[\s*\d*\s*\])*",
    re.IGNORECASE,
)
#: A type of one word, with its modifiers: most are, and `_TYPE` takes long to compile.
_SHORT = later(rb"([a-zA-Z_][\w$]*+)(?![\x80-\xff])(?:\([\d, ]*\)|(?!\s*\())(?=\s*+[^\s(\[./-])")
#: Words with which a longer one may begin.
_LONGER = frozenset({b"bit", b"char", b"character", b"double", b"national", b"nchar", b"time", b"timestamp"})
_BREAK = later(rb"[(),;]|'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)


#: The ways to write a string: quoted, with escapes (E), in code points (U&), as bits, between dollars.
_LITERAL = later(rb"(?:[eE]'(?:[^'\\]|''|\\.)*'|(?:[uU]&|[nNbBxX])?'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$)", re.DOTALL)
#: Between two pieces of one literal stands a line end.
_CONTINUED = later(rb"\s*\n\s*(?=')")


def identifier(data: bytes, start: int) -> Span:
    """The identifier that begins at `start`."""
    match = _IDENTIFIER.match(data, start)
    return Span(start, match.end() if match else start + 1)


def qualified(data: bytes, start: int, parts: int) -> Span:
    """The name of `parts` identifiers that begins at `start`."""
    span = identifier(data, start)
    for _ in range(parts - 1):
        dot = _after_gap(data, span.end)
        if data[dot : dot + 1] != b".":
            break
        span = Span(start, identifier(data, _after_gap(data, dot + 1)).end)
    return span


def _after_gap(data: bytes, position: int) -> int:
    match = _SKIP.match(data, position)
    return match.end() if match else position


def type_name(data: bytes, start: int) -> Span:
    """The words of the type that begins at `start`, modifiers and brackets included."""
    match = _SHORT.match(data, start)
    if match is None or match[1].lower() in _LONGER:
        match = _TYPE.match(data, start)
    return Span(start, match.end() if match else start + 1)


def literal(data: bytes, start: int, limit: int) -> Span:
    """The string literal that begins at `start`, with what continues it on the next lines; at most to `limit`."""
    end = start
    while match := _LITERAL.match(data, end, limit):
        end = match.end()
        gap = _CONTINUED.match(data, end, limit)
        if gap is None:
            break
        end = gap.end()
    return Span(start, end if end > start else limit)


def element(data: bytes, start: int, limit: int) -> Span:
    """What begins at `start` and goes on to the comma or closing parenthesis around it, at most to `limit`."""
    return _trimmed(data, start, _end(data, start, limit))


def elements(data: bytes, start: int, limit: int) -> list[Span]:
    """The elements of the list that begins at `start`, divided by commas, at most to `limit`."""
    found: list[Span] = []
    while True:
        start = _after_gap(data, start)
        end = _end(data, start, limit)
        found.append(_trimmed(data, start, end))
        if data[end : end + 1] != b",":
            return found
        start = end + 1


def _end(data: bytes, start: int, limit: int) -> int:
    """Where the comma or the closing parenthesis is that ends what begins at `start`; `limit` when there is none."""
    depth = 0
    position = start
    while True:
        match = _BREAK.search(data, position, limit)
        if match is None:
            return limit
        text = match[0]
        if text == b"(":
            depth += 1
        elif text == b")":
            depth -= 1
        if depth < 0 or (depth == 0 and text in {b",", b";"}):
            return match.start()
        position = match.end()


def _trimmed(data: bytes, start: int, end: int) -> Span:
    return Span(start, start + len(_without_trailing_comment(data[start:end])))


def _without_trailing_comment(text: bytes) -> bytes:
    text = text.rstrip()
    last_line = text.rfind(b"\n") + 1
    if text[last_line:].lstrip().startswith(b"--"):
        return _without_trailing_comment(text[:last_line])
    return text
