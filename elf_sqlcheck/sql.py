"""Bytes to statements: the only module that loads the parser.

`parse` cuts the parser's JSON into one text per statement and leaves each undecoded until it is asked for: decoding
costs more than parsing. Positions are byte offsets, as libpg_query counts them. What does not parse becomes `Broken`,
and everything around it is still read.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from json import loads

from elf_sqlcheck.model import Broken, Comment, Span, Statement
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def _load_parser() -> ModuleType:
    """Load pglast's extension module without its package's `__init__`, which costs 45 ms of enum definitions.

    The stand-in packages become the real ones when somebody else asks them for anything, so a plug-in may use pglast
    as usual. Whatever is unexpected about the installation falls back to the ordinary import.
    """
    spec = None if "pglast" in sys.modules else PathFinder.find_spec("pglast")
    if spec is None or spec.loader is None or not spec.submodule_search_locations:
        import pglast.parser

        return pglast.parser
    package = type(sys)("pglast")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    loader = spec.loader

    def complete(name: str) -> Any:
        if name.startswith("__") or "__getattr__" not in package.__dict__:
            raise AttributeError(name)
        del package.__dict__["__getattr__"]
        for child in ("pglast.enums", "pglast.ast"):
            sys.modules.pop(child, None)
        loader.exec_module(package)
        import pglast.ast
        import pglast.enums

        vars(parser).update(ast=pglast.ast, enums=pglast.enums)
        return getattr(package, name)

    try:
        sys.modules["pglast"] = package
        from pglast.error import Error

        package.__dict__["Error"] = Error
        for child in ("enums", "ast"):
            sys.modules[f"pglast.{child}"] = package.__dict__[child] = type(sys)(f"pglast.{child}")
        from pglast import parser

        for child in ("enums", "ast"):  # taken away again: whoever wants them gets the real ones
            del sys.modules[f"pglast.{child}"], package.__dict__[child]
        package.__dict__["__getattr__"] = complete
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name == "pglast" or name.startswith("pglast.")]:
            del sys.modules[name]
        from pglast import parser
    return parser


_parser = _load_parser()


def grammar() -> str:
    """The version of Postgres whose grammar the parser has: `18.6`."""
    return ".".join(map(str, _parser.get_postgresql_version()))


def parser_file() -> tuple[str, int, int]:
    """The name, the size and the time of the parser's file: what tells it from that of another version."""
    path = str(_parser.__file__)
    about = os.stat(path)
    return os.path.basename(path), about.st_size, about.st_mtime_ns


#: How deep the decoder and the reader may go: Python's own limit ends at a few hundred terms of one expression. On 3.12
#: the decoder has a limit of its own, at about seven hundred.
_DEEPEST = 6_000
sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEPEST))
#: From this length of JSON on, a statement is decoded at once, to see whether it is nested too deeply for that.
_SUSPICIOUS = 50_000
#: The heads of these are read without decoding their rows.
ROWS = "InsertStmt"


class Script(Record):
    """What a text holds: statements in their order, and the pieces that are no SQL."""

    statements: tuple[Statement, ...]
    broken: tuple[Broken, ...] = ()


def text_of(data: bytes) -> str:
    """Decode `data` so that every byte offset stays true: a BOM and bytes that are no UTF-8 become blanks or `?`."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = b"   " + data[3:]
    if b"\0" in data:
        data = data.replace(b"\0", b" ")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
        return "".join("?" if "\udc80" <= character <= "\udcff" else character for character in text)


def parse(data: bytes, start: int = 0, end: int | None = None) -> Script:
    """Parse the bytes of `data` between `start` and `end`; spans count from the beginning of `data`.

    Never raises for bad SQL: what does not parse is in `Script.broken`, the statements around it in `statements`.
    """
    text = text_of(data[start:end] if start or end is not None else data)
    try:
        return cut(_parser.parse_sql_json(text), text, start)
    except _parser.ParseError:
        from elf_sqlcheck import recover

        return recover.recover(text, start)


def parse_text(text: str) -> tuple[str, str, int]:
    """Parse `text` whole: its JSON and "", or "" with the parser's message and the byte it stumbled over."""
    try:
        return _parser.parse_sql_json(text), "", 0
    except _parser.ParseError as error:
        message, index = error.args
        return "", message, len((text if index is None else text[:index]).encode())


def parse_plpgsql(text: str) -> tuple[list[Any], str]:
    """The trees of the plpgsql functions (or the DO block) in `text` and "", or none with the parser's message."""
    try:
        return loads(_parser.parse_plpgsql_json(text)), ""
    except _parser.ParseError as error:
        return [], error.args[0]


def cut(found: str, text: str, offset: int) -> Script:
    """Cut the parser's JSON for `text`, which begins at byte `offset` of its file, into statements.

    A quote inside a JSON string is always escaped, so the separator below is found between statements only.
    """
    opening = found.find('{"stmt":{"')
    if opening < 0:
        return Script(())
    encoded = text.encode()
    statements: list[Statement] = []
    broken: list[Broken] = []
    for piece in found[opening + 10 : -3].split('},{"stmt":{"'):
        kind, _, rest = piece.partition('":')
        body, _, tail = rest.rpartition("}")
        first = length = 0
        for part in tail.split(","):  # ,"stmt_location":8,"stmt_len":20 where a zero is left out
            if part.startswith('"stmt_loc'):
                first = int(part[16:])
            elif part:
                length = int(part[11:])
        last = first + length if length else _end_of_last(encoded, first)
        span = Span(offset + first, offset + first + len(encoded[first:last].rstrip()))
        statement = Statement(kind, span, body, offset)
        if len(body) > _SUSPICIOUS and kind != ROWS and _too_deep(statement):
            reason = f"an expression is nested too deeply to be judged ({kind.removesuffix('Stmt')})"
            broken.append(Broken("too-deep", reason, span, span))
            continue
        statements.append(statement)
    return Script(tuple(statements), tuple(broken))


def _too_deep(statement: Statement) -> bool:
    """Whether the node cannot be decoded; one that can be is kept, so it is decoded once."""
    try:
        _ = statement.node
    except RecursionError:
        return True
    return False


def _end_of_last(encoded: bytes, first: int) -> int:
    """The end of a statement that no semicolon ends: comments after it are not part of it."""
    rest = encoded[first:]
    if b"--" not in rest and b"/*" not in rest:
        return len(encoded)
    last = 0
    for token in tokens(rest):
        if not token.name.endswith("_COMMENT"):
            last = token.end + 1
    return first + last


def tokens(data: bytes) -> list[Any]:
    """The scanner's tokens (start, end (inclusive), name, kind); positions are bytes of `data`.

    The scanner is quadratic on text that is not ASCII, so it is given a masked copy of the same length. Where it stops
    at something unterminated, the tokens before that are returned.
    """
    text = _masked(data)
    try:
        return list(_parser.scan(text))
    except _parser.ParseError:
        return list(_parser.scan(text[: _scannable(text)]))


def _scannable(text: str) -> int:
    """How far the scanner comes: the length of `text`, or the place of a quote or comment that is never closed."""
    end = len(text)
    while end > 0:
        try:
            _parser.split(text[:end], with_parser=False, only_slices=True)
        except _parser.ParseError as error:
            index = error.args[1]
            end = min(end - 1, index) if index is not None else 0
        else:
            break
    return end


def _masked(data: bytes) -> str:
    """Text of the same length in which every byte that is not ASCII is an x."""
    return data.decode("ascii") if data.isascii() else data.translate(_TO_ASCII).decode("ascii")


_TO_ASCII = bytes(byte if byte < 128 else 120 for byte in range(256))


def split(data: bytes) -> tuple[list[tuple[int, int]], int]:
    """Where the statements of a text stand that does not parse, by its semicolons, and how far the scanner came.

    It stops short of the end where a quote or a comment is never closed. The bodies of SQL-standard functions come in
    pieces.
    """
    text = _masked(data)
    end = _scannable(text)
    slices = _parser.split(text[:end], with_parser=False, only_slices=True) if end else ()
    pieces: list[tuple[int, int]] = []
    position = 0
    for start, stop in [*((piece.start, piece.stop) for piece in slices), (end, end)]:
        if data[position:start].strip(b"; \t\r\n"):
            pieces += _without_keyword(data, position, start)
        if start < stop:
            pieces.append((start, stop))
        position = stop
    return pieces, end


def _without_keyword(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The pieces between two statements that hold no word of SQL: the scanner takes them for nothing."""
    pieces: list[tuple[int, int]] = []
    first = last = -1
    for token in tokens(data[start:end]):
        if token.name == "ASCII_59":
            if first >= 0:
                pieces.append((start + first, start + last + 1))
            first = -1
        elif not token.name.endswith("_COMMENT"):
            first = token.start if first < 0 else first
            last = token.end
    return [*pieces, (start + first, start + last + 1)] if first >= 0 else pieces


def comments(data: bytes) -> list[Comment]:
    """All comments of `data`, those inside statements included, in their order."""
    clean = text_of(data).encode()
    return [
        Comment(clean[token.start : token.end + 1].decode("utf-8", "replace"), Span(token.start, token.end + 1))
        for token in tokens(clean)
        if token.name.endswith("_COMMENT")
    ]


def is_reserved(word: str) -> bool:
    """Whether `word` must always be quoted to serve as the name of a table or column.

    That holds for words like `left`, too, which Postgres calls "reserved (can be function or type)".
    See https://www.postgresql.org/docs/current/sql-keywords-appendix.html.
    """
    from pglast.keywords import RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS

    return word in RESERVED_KEYWORDS or word in TYPE_FUNC_NAME_KEYWORDS
