"""What DO blocks and functions do: their bodies read into changes, with spans in the file.

Read are plpgsql, SQL functions written as strings, and SQL-standard bodies (`BEGIN ATOMIC`, `RETURN`). The text between
dollar quotes is the file's own, so what it holds has exact places. Where a string is not the file's own text (doubled
quotes, or an EXECUTE that puts it together), every span covers the whole of it and `Statement.exact` is False.

A body that is no plpgsql or SQL gives a `BrokenBody`, as Postgres refuses it when the function is created
(https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-CHECK-FUNCTION-BODIES); one in another language,
or one that the parser cannot follow for another reason, gives `Opaque`.
"""

from __future__ import annotations

import re
from itertools import islice
from json import dumps

from elf_sqlcheck.catalog import changes, plpgsql
from elf_sqlcheck.catalog.moving import moved
from elf_sqlcheck.catalog.read import read
from elf_sqlcheck.catalog.read_calls import holds_any, read_calls
from elf_sqlcheck.catalog.texts import Room, known
from elf_sqlcheck.later import later
from elf_sqlcheck.model import Broken, Span, Statement
from elf_sqlcheck.sql import cut, parse, parse_plpgsql, parse_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change, CreateFunction, Do
    from elf_sqlcheck.catalog.plpgsql import Embedded

#: How plpgsql's own syntax errors begin; other complaints of the parser may be due to what it does not know.
_SYNTAX = ("syntax error", "missing ", "unterminated ", "mismatched parentheses", "unexpected end of function",
           "too many parameters specified for RAISE", "too few parameters specified for RAISE", "CONTINUE cannot ",
           "EXIT cannot ", "RETURN cannot have a parameter")  # fmt: skip
#: Statements that only read and write rows: of no interest in a function that is not called, but for these words.
_ROWS = ("delete", "insert", "merge", "select", "update", "values", "with")
_TELLING = (b"pg_", b"set_config")
_NEAR = later(r'at or near "(.*)"\Z', re.DOTALL)
#: It makes the parser print the tree to standard output.
_DUMP = later(r"#option\s+dump\b", re.IGNORECASE)
_QUOTE = later(rb"\$\w*\$|'")
#: Words before a parenthesis that call nothing of anybody's.
_CALL = later(r"([\w\"]+)\s*\(")
_BUILT_IN = frozenset(
    ["all", "and", "any", "array_agg", "array_length", "coalesce", "concat", "count", "exists", "format", "in",
     "length", "lower", "max", "min", "not", "now", "nullif", "or", "quote_ident", "quote_literal", "select", "some",
     "string_agg", "sum", "to_regclass", "to_regtype", "upper", "values", "where"]
)  # fmt: skip
_INTO = later(rb" {6,}")


#: Places of a word that are tried as that of an error.
_MOST_PLACES = 20


def do_block(change: Do, data: bytes, room: Room | None = None) -> Iterator[Change]:
    """What a DO block does; `room` is that of the section that it stands in."""
    return _Body(change, data, "do", room or Room(len(change.body))).read()


def called_body(change: CreateFunction, data: bytes) -> tuple[Change, ...]:
    """All that a function does when it is called; `data` is the file that it stands in."""
    if not change.statement.exact:
        return change.statement.body or ()
    return tuple(_Body(change, data, "function", None, whole=True).read())


def function_body(change: CreateFunction, data: bytes, room: Room | None = None) -> tuple[Change, ...]:
    """What is of interest in a function even when nothing calls it; `data` is the file that it stands in.

    Most of what only reads and writes rows is left out, which saves most of the time that reading a body takes.
    """
    if change.statement.body is None:
        body = _Body(change, data, "function", room)
        try:
            change.statement.body = tuple(body.read())
        except RecursionError:
            what = "a body that is nested too deeply to be read"
            change.statement.body = (changes.Opaque(change.statement, body.span, what),)
    return change.statement.body


class _Body:
    """One body, and where in the file it stands."""

    __slots__ = (
        "change",
        "cursor",
        "data",
        "end",
        "exact",
        "inside",
        "lines",
        "reaching",
        "room",
        "span",
        "start",
        "whole",
    )

    def __init__(
        self, change: Do | CreateFunction, data: bytes, inside: str, room: Room | None, *, whole: bool = False
    ) -> None:
        self.change = change
        self.data = data
        self.inside = inside
        self.whole = whole or inside == "do"
        begin, end = (change.body_span or change.statement.span).start, change.statement.span.end
        self.reaching: bool | None = None
        found = _QUOTE.search(data, begin, end) if change.body_span else None
        self.start = self.cursor = found.end() if found else begin
        encoded = change.body.encode()
        self.exact = found is not None and data.startswith(encoded, self.start)
        self.end = self.start + len(encoded) if self.exact else end
        self.span = Span(begin, self.end) if found else change.statement.span
        self.lines: list[int] = []
        self.room = room or Room.of_function(len(encoded))

    def read(self) -> Iterator[Change]:
        """The changes of the body."""
        language = self.change.language
        if "sql_body" in self.change.statement.node:
            yield from self._standard(self.change.statement.node["sql_body"])
        elif language == "sql":
            yield from self._sql()
        elif language == "plpgsql":
            yield from self._plpgsql()
        elif self.inside == "do":
            yield changes.Opaque(self.change.statement, self.span, f"a DO block in {language}")

    def _standard(self, node: Any) -> Iterator[Change]:
        """The statements of a SQL-standard body, which are nodes of CREATE FUNCTION's own."""
        if isinstance(node, list):
            for item in node:
                yield from self._standard(item)
            return
        if not node:  # nothing between two semicolons
            return
        ((kind, inner),) = node.items()
        if kind == "List":
            yield from self._standard(inner.get("items", []))
            return
        if kind == "ReturnStmt":
            kind, inner = "SelectStmt", {"targetList": [{"ResTarget": {"val": inner["returnval"]}}]}
        own = self.change.statement
        yield from self._changes(
            [Statement(kind, own.span, dumps(inner, separators=(",", ":")), own.offset)], self.data
        )

    def _sql(self) -> Iterator[Change]:
        """The body of a SQL function."""
        script = parse(self.data, self.start, self.end) if self.exact else parse(self.change.body.encode())
        for broken in script.broken:
            place = broken if self.exact else broken.replace(span=self.span, piece=self.span)
            yield self._broken(place)
        if self.exact:
            yield from self._changes(script.statements, self.data)
        else:
            yield from self._elsewhere(script.statements, self.change.body.encode(), self.span)

    def _broken(self, broken: Broken) -> Change:
        statement = Statement("", broken.span, "", inside=self.inside)
        return changes.BrokenBody(statement, broken.span, broken)

    def _plpgsql(self) -> Iterator[Change]:
        own = self.change.statement.span
        text = self.data[own.start : own.end].decode("utf-8", "replace")
        functions, message = parse_plpgsql(_DUMP.sub(lambda found: " " * len(found[0]), text))
        if message.startswith(_SYNTAX):
            place = self._place_of_error(message) if self.exact else self.span
            yield self._broken(Broken("syntax", message, place, self.span))
        elif not functions:
            yield changes.Opaque(self.change.statement, self.span, f"a body that cannot be followed ({message})")
        for function in functions:
            for embedded in plpgsql.walk(function["PLpgSQL_function"], executes="execute" in text.lower()):
                yield from self._embedded(embedded)

    def _place_of_error(self, message: str) -> Span:
        """Where the word stands that the parser stumbles over: it tells the word, not the place.

        Of several such words it is the first up to whose statement the body is refused for the same reason.
        """
        near = _NEAR.search(message)
        if near is None or not near[1]:
            return Span(self.start, min(self.start + 1, self.end))
        own = self.change.statement.span
        word = re.compile(
            rb"(?<![\w$])" + re.escape(near[1].encode()) if near[1][0].isalnum() else re.escape(near[1].encode())
        )
        first: Span | None = None
        for match in islice(word.finditer(self.data, self.start, self.end), _MOST_PLACES):
            first = first or Span(match.start(), match.end())
            semicolon = self.data.find(b";", match.end(), self.end)
            stop = self.end if semicolon < 0 else semicolon + 1
            cut_off = self.data[own.start : stop] + self.data[self.end : own.end]
            if parse_plpgsql(cut_off.decode("utf-8", "replace"))[1] == message:
                return Span(match.start(), match.end())
        return first or Span(self.start, min(self.start + 1, self.end))

    def _embedded(self, embedded: Embedded) -> Iterator[Change]:
        if embedded.kind != "execute" and not self._is_of_interest(embedded):
            return
        place = self._find(embedded)
        text = embedded.text
        size = len(text.encode())
        span = self.span if place is None else Span(place, place + size)
        if embedded.kind == "execute":
            whole = known(embedded.parts)
            if whole is None:
                yield changes.Execute(self._flagged(Statement("", span, ""), embedded), span, embedded.parts)
                return
            text = whole
            if not self.room.takes(len(whole)):
                what = "an EXECUTE, after others of more text than can be followed"
                yield changes.Opaque(self._flagged(Statement("", span, ""), embedded), span, what)
                return
            inner = -1 if place is None or not whole else self.data.find(whole.encode(), span.start, span.end)
            place = inner if inner >= 0 else None
        elif embedded.kind == "expression":
            text, place = f"SELECT {text}", None if place is None else place - len("SELECT ")
        json, message, _ = parse_text(text)
        if not json:
            if embedded.kind == "execute" and text.strip() and "{{" not in text:
                yield self._broken(Broken("syntax", f"{message} in the text that EXECUTE runs", span, span))
            return
        if place is None:
            yield from self._elsewhere(cut(json, text, 0).statements, text.encode(), span, embedded)
            return
        statements = cut(json, text, place).statements
        for statement in statements:
            if embedded.kind == "expression":
                statement.span = span
            elif statement.span.start == place and self.data[place - 1 : place + 6].lower() == b"perform":
                statement.span = Span(place - 1, statement.span.end)
        for change in self._changes(statements, self.data, embedded):
            if embedded.kind != "expression" or not isinstance(change, changes.ReadRows) or change.functions:
                yield change

    def _is_of_interest(self, embedded: Embedded) -> bool:
        """Whether it may do more than read and write rows, or stands where even that is of interest."""
        if embedded.kind == "expression":
            return self._reaches_out(embedded) or (self.whole and _calls(embedded.text))
        return self.whole or not embedded.text[:7].lower().startswith(_ROWS) or self._reaches_out(embedded)

    def _reaches_out(self, embedded: Embedded) -> bool:
        if self.reaching is None:
            lowered = self.change.body.lower().encode()
            self.reaching = holds_any(lowered) or any(word in lowered for word in _TELLING)
        if not self.reaching:
            return False
        text = embedded.text.lower().encode()
        return holds_any(text) or any(word in text for word in _TELLING)

    def _flagged(self, statement: Statement, embedded: Embedded | None) -> Statement:
        statement.inside = self.inside
        if embedded is not None:
            statement.conditional, statement.guarded = embedded.conditional, embedded.guarded
        return statement

    def _changes(
        self, statements: Iterable[Statement], data: bytes, embedded: Embedded | None = None
    ) -> Iterator[Change]:
        """The changes of statements whose text is that of `data`."""
        for statement in statements:
            self._flagged(statement, embedded)
            found = [*read(statement, data, self.room)]
            if holds_any(data[statement.span.start : statement.span.end].lower()):
                found += read_calls(statement, data)
            for change in found:
                inner = change.statement
                if inner is not statement:  # of a DO block in a text that EXECUTE runs
                    inner.inside = self.inside
                    inner.conditional, inner.guarded = (
                        inner.conditional or statement.conditional,
                        inner.guarded or statement.guarded,
                    )
                yield change

    def _elsewhere(
        self, statements: Iterable[Statement], text: bytes, span: Span, embedded: Embedded | None = None
    ) -> Iterator[Change]:
        """The changes of statements whose text does not stand in the file as it is: all their spans become `span`."""
        for change in self._changes(statements, text, embedded):
            if isinstance(change, changes.CreateFunction):
                function_body(change, text, self.room)
            yield moved(change, span)

    def _find(self, embedded: Embedded) -> int | None:
        """Where the text of an embedded piece begins in the file, None where it does not stand there as it is.

        plpgsql writes SELECT for PERFORM, and blanks for an INTO; COMMIT and ROLLBACK are words of its own.
        """
        if not self.lines:
            self.lines = [self.start]
            while (position := self.data.find(b"\n", self.lines[-1], self.end)) >= 0:
                self.lines.append(position + 1)
        line = self.lines[min(embedded.line, len(self.lines)) - 1]
        floor = line if embedded.again else max(self.cursor, line)
        text = embedded.text.encode()
        place = self._search(text, floor)
        if place < 0 and floor > line:
            place = self._search(text, line)
        if place < 0:
            return None
        if not embedded.again:
            self.cursor = place + len(text)
        return place

    def _search(self, text: bytes, floor: int) -> int:
        place = self.data.find(text, floor, self.end)
        if place >= 0:
            return place
        if text in {b"COMMIT", b"ROLLBACK"}:
            return self.data.lower().find(text.lower(), floor, self.end)
        if text.startswith(b"SELECT"):
            rest = self.data.find(text[6:], floor, self.end)
            if rest >= 0 and self.data[rest - 7 : rest].lower() == b"perform":
                return rest - 6
        head = _INTO.split(text)[0]
        place = self.data.find(head, floor, self.end) if head != text else -1
        while place >= 0:
            there = self.data[place : place + len(text)]
            if all(ours in (theirs, 32) for ours, theirs in zip(text, there, strict=False)):
                return place
            place = self.data.find(head, place + 1, self.end)
        return -1


def _calls(expression: str) -> bool:
    """Whether an expression may call a function that a migration made."""
    return any(name.lower() not in _BUILT_IN for name in _CALL.findall(expression))
