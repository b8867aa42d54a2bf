"""Files of queries as applications keep them: written for sqlc, for pgtyped, or plain, separated by semicolons."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck import confined, sql
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.model import position_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

#: `-- name: GetUser :one` (sqlc), `/* @name GetUser */` (pgtyped), `-- :name get-user :?` (HugSQL).
_NAME = re.compile(r"(?:@name|:name|\bname:)\s*([\w.-]+)")
#: `@param users -> ((name, age)...)`, what a parameter of pgtyped stands for.
_EXPANSION = re.compile(r"@param\s+(\w+)\s*->\s*(\([^@*]*\))")
_WORD = re.compile(r"\w+")
#: sqlc's functions for parameters: https://docs.sqlc.dev/en/latest/reference/macros.html
_ARGUMENTS = frozenset({b"arg", b"narg", b"slice"})
_QUERIES = frozenset({"DeleteStmt", "InsertStmt", "MergeStmt", "SelectStmt", "UpdateStmt"})


@dataclass(frozen=True)
class Query:
    """A query by its name ("" where it has none) and place; `text` has `$1`, `$2`, … for its parameters."""

    name: str
    path: str
    line: int
    text: bytes

    @property
    def where(self) -> str:
        """How a message calls it: `GetUser (db/users.sql:3)`."""
        place = f"{self.path}:{self.line}"
        return f"{self.name} ({place})" if self.name else f"at {place}"


def read(paths: Iterable[str]) -> list[Query]:
    """Return the queries of files and of the .sql files in folders.

    Raises:
        UsageError: One cannot be read, is cut off in the middle of a quote, or holds no query.
    """
    found: list[Query] = []
    for path in paths:
        queries = [query for file in _files(path) for query in parse(file, _bytes(file))]
        if not queries:
            raise UsageError(
                f"there is no query in {path}", "name files of SELECT, INSERT, UPDATE or DELETE statements"
            )
        found += queries
    return found


def parse(path: str, data: bytes) -> list[Query]:
    """Return the queries in the bytes of a file; other statements are left out. Raises UsageError."""
    clean = sql.text_of(data).encode()
    pieces, end = sql.split(clean)
    if end < len(clean):
        line = position_in(clean, end)[0]
        raise UsageError(f"{path}: line {line} begins a quote or comment that never ends", "close it")
    found: list[Query] = []
    for start, stop in pieces:
        piece = clean[start:stop]
        tokens = sql.tokens(piece)
        remarks = [piece[token.start : token.end + 1].decode() for token in tokens if _is_comment(token)]
        words = [token for token in tokens if not _is_comment(token)]
        text = _with_numbers(piece, words, dict(_EXPANSION.findall(" ".join(remarks))))
        statements = sql.parse(text).statements
        # What the parser refuses is kept: the server may be newer, and else says what is wrong with it.
        if words and (not statements or statements[0].kind in _QUERIES):
            names = [name for remark in remarks for name in _NAME.findall(remark)]
            line = position_in(clean, start + words[0].start)[0]
            found.append(Query(names[-1] if names else "", path, line, text))
    return found


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".sql"))


def _bytes(path: str) -> bytes:
    confined.check(path)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"cannot read the queries in {path}: {error.strerror}", "check the path") from None


def _is_comment(token: Any) -> bool:
    return bool(token.name.endswith("_COMMENT"))


def _with_numbers(piece: bytes, tokens: Sequence[Any], expansions: dict[str, str]) -> bytes:
    """The text with a number for each named parameter, its lines where they were."""
    numbers = _Numbers([int(piece[token.start + 1 : token.end + 1]) for token in tokens if token.name == "PARAM"])
    made: list[bytes] = []
    end = position = depth = 0
    while position < len(tokens):
        token = tokens[position]
        # In brackets a colon is a slice, a[1:n].
        depth += {"ASCII_91": 1, "ASCII_93": -1}.get(token.name, 0)
        count, name = (
            (0, "") if depth and token.name == "ASCII_58" else _parameter(piece, tokens[position : position + 6])
        )
        if not count:
            position += 1
            continue
        last = tokens[position + count - 1]
        before = tokens[position - 1].name if position else ""
        new = f"{name[:-2]}.*" if name.endswith(".*") else numbers.expanded(name, expansions.get(name, ""), before)
        gap = piece[token.start : last.end + 1].count(b"\n")
        made += [piece[end : token.start], new.encode(), b"\n" * gap]
        end = last.end + 1
        position += count
    return b"".join([*made, piece[end:]])


def _parameter(piece: bytes, tokens: Sequence[Any]) -> tuple[int, str]:
    """How many tokens from the first on make a named parameter, and its name; `table.*` for sqlc.embed(table)."""
    texts = [piece[token.start : token.end + 1] for token in tokens]
    if texts[0] in {b":", b"@"}:
        if len(tokens) < 2 or tokens[1].start != tokens[0].end + 1 or not texts[1].decode().isidentifier():
            return 0, ""
        count, name = 2, texts[1].decode()
        if len(tokens) > 3 and texts[2] == b"." and tokens[3].start == tokens[1].end + 2:
            count, name = 4, f"{name}.{texts[3].decode()}"
        # pgtyped writes :name! for one that must not be NULL.
        exclaims = len(tokens) > count and texts[count] == b"!" and tokens[count].start == tokens[count - 1].end + 1
        return count + exclaims, name
    if texts[0].lower() == b"sqlc" and len(tokens) == 6 and (texts[1], texts[3], texts[5]) == (b".", b"(", b")"):
        name = texts[4].decode().strip("'")
        if texts[2].lower() in _ARGUMENTS:
            return 6, name
        if texts[2].lower() == b"embed":
            return 6, f"{name}.*"
    return 0, ""


class _Numbers:
    """The numbers of named parameters, above all that are `used` already."""

    def __init__(self, used: list[int]) -> None:
        self._next = max(used, default=0) + 1
        self._by_name: dict[str, int] = {}

    def expanded(self, name: str, shape: str, before: str) -> str:
        """What is written for the parameter; `shape` is its expansion, `before` the name of the token before it."""
        if not shape:
            number = self._of(name)
            return f"({number})" if before == "IN_P" else number
        keys = _WORD.findall(shape)
        return f"({', '.join(self._of(f'{name}.{key}') for key in keys) if keys else self._of(name)})"

    def _of(self, name: str) -> str:
        if name not in self._by_name:
            self._by_name[name] = self._next
            self._next += 1
        return f"${self._by_name[name]}"
