"""The plain part of TOML, which most configurations are written in: tables, strings, numbers, flags, lists of these.

`tomllib` reads all of it. To load that, with the modules that it needs for dates and the like, takes a tenth of the
time of a commit hook, so it is asked only about what is not plain.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_FLAGS = {"true": True, "false": False}
#: More digits are left to `tomllib`, which has an opinion of numbers that are too large.
_DIGITS = 18


class _NotPlainError(Exception):
    """There is more to a text than is known here, or it is wrong."""


def read_plain(text: str) -> dict[str, Any] | None:
    """What `tomllib.loads` makes of a text, None when that has to be asked. What is returned is never a guess."""
    whole: dict[str, Any] = {}
    table = whole
    try:
        lines = _lines(text)
        for line in lines:
            if line[0] == "[":
                table = _opened(whole, line)
                continue
            key, equals, value = line.partition("=")
            name, value = _key(key), value.strip()
            if not equals or name in table:
                raise _NotPlainError
            table[name] = _list(value, lines) if value[:1] == "[" else _scalar(value)
    except _NotPlainError:
        return None
    return whole


def _lines(text: str) -> Iterator[str]:
    """The lines that say something, without comments and the blanks around them."""
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.replace("\t", "").isprintable():
            raise _NotPlainError
        end = line.find("#")
        while end >= 0 and line.count('"', 0, end) % 2:
            end = line.find("#", end + 1)
        said = (line if end < 0 else line[:end]).strip(" \t")
        if "\\" in said or "'" in said or said.count('"') % 2:
            raise _NotPlainError
        if said:
            yield said


def _opened(whole: dict[str, Any], line: str) -> dict[str, Any]:
    """The table that a header begins; it must be a new one."""
    if line[-1] != "]":
        raise _NotPlainError
    *above, last = (_key(part) for part in line[1:-1].split("."))
    table = whole
    for name in above:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise _NotPlainError
    if last in table:
        raise _NotPlainError
    table[last] = {}
    opened: dict[str, Any] = table[last]
    return opened


def _key(text: str) -> str:
    text = text.strip(" \t")
    if text[:1] == '"':
        return _string(text)
    if not text.isascii() or not text.replace("-", "a").replace("_", "a").isalnum():
        raise _NotPlainError
    return text


def _list(text: str, rest: Iterator[str]) -> list[str | int | bool]:
    """The list that begins with `text` and may go on in the lines after it."""
    while text[-1] != "]":
        line = next(rest, "")
        if not line:
            raise _NotPlainError
        text += f" {line}"
    items = [item.strip(" \t") for item in text[1:-1].split(",")]
    if not items[-1]:
        items.pop()
    return [_scalar(item) for item in items]


def _scalar(text: str) -> str | int | bool:
    if text[:1] == '"':
        return _string(text)
    if text in _FLAGS:
        return _FLAGS[text]
    groups = text.split("_")
    if not text.isascii() or len(text) > _DIGITS or not all(map(str.isdecimal, groups)) or text[0] == "0" != text:
        raise _NotPlainError
    return int("".join(groups))


def _string(text: str) -> str:
    """What stands between two quotes, with none in between."""
    inner = text[1:-1]
    if len(text) < 2 or text[-1] != '"' or '"' in inner:
        raise _NotPlainError
    return inner
