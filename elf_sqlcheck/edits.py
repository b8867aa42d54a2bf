"""Places and edits for fixes: where words stand in a file, and how to add a column or a statement to it.

Used only once something is found, so it may ask the scanner. All positions are byte offsets into the file.
"""

from __future__ import annotations

from functools import lru_cache

from elf_sqlcheck.model import Edit, Span
from elf_sqlcheck.sql import text_of
from elf_sqlcheck.sql import tokens as scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.model import Migration, Section

    #: A word or sign of SQL, and its place.
    Token = tuple[str, Span]

_TRANSACTION = "TransactionStmt"
#: Bytes of most statements, and of the longest whose tokens are remembered: those of more would fill the memory.
_SHORT, _LONG = 4_000, 200_000


def tokens(migration: Migration, span: Span, *, comments: bool = False) -> Sequence[Token]:
    """The tokens within `span`, each with its place; comments only when asked for."""
    size = span.end - span.start
    asked = _remembered if size < _SHORT else _last_long if size < _LONG else _scanned
    return asked(migration, span.start, span.end, comments)


def _scanned(migration: Migration, start: int, end: int, comments: bool) -> list[Token]:
    data = migration.data[start:end]
    if data.isascii() and b"\0" not in data:  # then no byte has to be put right, and each is a character
        text = data.decode("ascii")
        return [
            (text[first : last + 1], Span(start + first, start + last + 1))
            for first, last, name, _ in scan(data)
            if comments or not name.endswith("_COMMENT")
        ]
    data = text_of(data).encode()
    return [
        (data[token.start : token.end + 1].decode("utf-8", "replace"), Span(start + token.start, start + token.end + 1))
        for token in scan(data)
        if comments or not token.name.endswith("_COMMENT")
    ]


#: A statement and its opposite in DOWN are asked about several times, one time after the other.
_remembered = lru_cache(maxsize=8)(_scanned)
#: A text that EXECUTE puts together may hold many statements, all of which stand where it does.
_last_long = lru_cache(maxsize=1)(_scanned)


def following(migration: Migration, start: int, end: int) -> Token | None:
    """The first token between `start` and `end`, None when only comments and blanks stand there.

    What comes after it, which may be most of a large file, is not scanned.
    """
    size = 200
    while True:
        stop = min(start + size, end)
        found = next(iter(tokens(migration, Span(start, stop))), None)
        if stop == end or (found is not None and found[1].end < stop):
            return found
        size *= 20


def identifier(text: str) -> str:
    """The name that a token stands for: what is unquoted is folded to lower case."""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def find(migration: Migration, words: Sequence[str], span: Span) -> Span | None:
    """Where `words` stand one after the other within `span`; each is a keyword in lower case or a name as folded."""
    wanted = list(words)
    if span.end - span.start < _SHORT:
        return _found(tokens(migration, span), wanted)
    texts, places, numbers = _folded(migration, span.start, span.end)
    # Words like ADD stand before each part of a long statement, a name mostly before one.
    rarest = min(range(len(wanted)), key=lambda number: len(numbers.get(wanted[number], ())))
    for number in numbers.get(wanted[rarest], ()):
        first = number - rarest
        if first >= 0 and texts[first : first + len(wanted)] == wanted:
            return Span(places[first].start, places[first + len(wanted) - 1].end)
    return None


def _found(there: Sequence[Token], wanted: list[str]) -> Span | None:
    """As `find`, where it takes longer to note the places of all words than to look at each."""
    texts = [identifier(text) for text, _ in there]
    first = -1
    try:
        while True:
            first = texts.index(wanted[0], first + 1)
            if texts[first : first + len(wanted)] == wanted:
                return Span(there[first][1].start, there[first + len(wanted) - 1][1].end)
    except ValueError:  # it is not there again
        return None


@lru_cache(maxsize=2)  # a statement of many parts is searched for each of them
def _folded(migration: Migration, start: int, end: int) -> tuple[list[str], list[Span], dict[str, list[int]]]:
    found = tokens(migration, Span(start, end))
    texts = [identifier(text) for text, _ in found]
    numbers: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        numbers.setdefault(text, []).append(number)
    return texts, [place for _, place in found], numbers


def insert_column(migration: Migration, statement: Span, name: Span, definition: str) -> tuple[Edit, ...]:
    """Add `definition` as the last element of a CREATE TABLE whose name stands at `name`; () where there is no list."""
    found = tokens(migration, Span(name.end, statement.end), comments=True)
    opening = next((number for number, token in enumerate(found) if token[0] == "("), None)
    if opening is None or any(token[0].lower() in {"as", "of"} for token in found[:opening]):
        return ()
    depth = 0
    for closing in range(opening, len(found)):
        depth += {"(": 1, ")": -1}.get(found[closing][0], 0)
        if depth == 0:
            break
    inside = found[opening + 1 : closing]
    elements = [token for token in inside if not token[0].startswith(("--", "/*"))]
    if not elements:
        return (Edit(Span(found[opening][1].end, found[opening][1].end), definition),)
    last, first = elements[-1][1].end, elements[0][1].start
    line_start = migration.data.rfind(b"\n", 0, first) + 1
    if line_start <= found[opening][1].start:
        return (Edit(Span(last, last), f", {definition}"),)
    line = migration.data[line_start:first].decode("utf-8", "replace")
    indent = line[: len(line) - len(line.lstrip())]
    end = inside[-1][1].end
    if end == last:
        return (Edit(Span(last, last), f",\n{indent}{definition}"),)
    return Edit(Span(last, last), ","), Edit(Span(end, end), f"\n{indent}{definition}")


def append(migration: Migration, section: Section, sql: str) -> tuple[Edit, ...]:
    """Add the statement `sql` (with its semicolon) after the last one of `section`, but before a final COMMIT."""
    last = next((statement for statement in reversed(section.statements) if statement.kind != _TRANSACTION), None)
    if last is None:
        return ()
    end = last.span.end
    semicolon = following(migration, end, section.span.end)
    if semicolon is None or semicolon[0] != ";":
        return Edit(Span(end, end), ";"), Edit(_line_end(migration, end, section), f"\n\n{sql}")
    return (Edit(_line_end(migration, semicolon[1].end, section), f"\n\n{sql}"),)


def _line_end(migration: Migration, position: int, section: Section) -> Span:
    """The end of the line at `position` when only a comment follows on it, else `position` itself."""
    end = migration.data.find(b"\n", position, section.span.end)
    end = section.span.end if end < 0 else end
    rest = migration.data[position:end]
    if rest.strip().startswith(b"--"):
        position += len(rest.rstrip())
    return Span(position, position)


def prepend(migration: Migration, section: Section | None, sql: str) -> tuple[Edit, ...]:
    """Add the statement `sql` (with its semicolon) before the first one of `section`, but after its BEGIN."""
    if section is None:
        return ()
    first = section.statements[0] if section.statements else None
    if first is not None and first.kind == _TRANSACTION:
        semicolon = following(migration, first.span.end, section.span.end)
        if semicolon is None or semicolon[0] != ";":
            return ()
        return (Edit(_line_end(migration, semicolon[1].end, section), f"\n{sql}"),)
    start = section.span.start
    if migration.data[start - 1 : start] in {b"", b"\n"}:
        return (Edit(Span(start, start), f"{sql}\n"),)
    return (Edit(Span(start, start), f"\n\n{sql}"),)


def add_header(migration: Migration, line: str) -> tuple[Edit, ...]:
    """Add the comment `line` below the last header; () where there is none."""
    if not migration.headers:
        return ()
    end = migration.headers[-1].span.end
    return (Edit(Span(end, end), f"\n{line}"),)


def remove_statement(migration: Migration, statement: Span, section: Section) -> tuple[Edit, ...]:
    """Take out a statement with its semicolon, and its line when nothing else stands on it."""
    after = following(migration, statement.end, section.span.end)
    end = after[1].end if after and after[0] == ";" else statement.end
    return (Edit(_whole_lines(migration, Span(statement.start, end)), ""),)


def _whole_lines(migration: Migration, span: Span) -> Span:
    """`span`, grown to whole lines when nothing else stands on them."""
    data = migration.data
    start = data.rfind(b"\n", 0, span.start) + 1
    end = data.find(b"\n", span.end)
    end = len(data) if end < 0 else end + 1
    alone = not data[start : span.start].strip() and not data[span.end : end].strip()
    return Span(start, end) if alone else span
