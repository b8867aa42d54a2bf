r"""Texts that match a regular expression: what a CHECK like `code ~ '^[A-Z]{3}-\d{4}$'` asks for."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters for what matches nearly everything: none that another part of a pattern is likely to stumble over.
_PLAIN = "abcdefghijkmnopqrstuvwxyz0123456789"
_MOST_REPEATED = 4


def matching(pattern: str, count: int, seed: int) -> list[str]:
    """Up to `count` different texts that `pattern` matches, always the same for a `seed`; [] when it is too special.

    Postgres' patterns are read as Python's: what differs between the two is rare in a CHECK, and whoever uses the texts
    asks the server whether they will do.
    """
    from re import _parser  # type: ignore[attr-defined]

    try:
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return []
    chosen = random.Random(seed)  # noqa: S311 - the same rows for the same seed
    found: dict[str, None] = {}
    for _ in range(count * 2):
        try:
            found[_text(parsed, chosen)] = None
        except (KeyError, RecursionError):
            return []
        if len(found) >= count:
            break
    return list(found)


def _text(parsed: Iterable[tuple[Any, Any]], chosen: random.Random) -> str:
    """A text for a parsed pattern; raises KeyError on what cannot be made up (look-around, back references)."""
    return "".join(_PARTS[str(op)](value, chosen) for op, value in parsed)


def _set(items: list[tuple[Any, Any]], chosen: random.Random) -> str:
    if str(items[0][0]) == "NEGATE":
        excluded = {letter for item in items[1:] for letter in _letters(item)}
        return chosen.choice([letter for letter in _PLAIN if letter not in excluded])
    return chosen.choice(_letters(chosen.choice(items)))


def _letters(item: tuple[Any, Any]) -> str:
    op, value = item
    if str(op) == "LITERAL":
        return chr(value)
    if str(op) == "RANGE":
        return "".join(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
    return _CATEGORIES[str(value)]


def _repeated(value: tuple[int, int, Any], chosen: random.Random) -> str:
    least, most, inner = value
    times = chosen.randint(least, min(most, least + _MOST_REPEATED))
    return "".join(_text(inner, chosen) for _ in range(times))


_CATEGORIES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_WORD": _PLAIN,
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": "abcxyz",
    "CATEGORY_NOT_SPACE": _PLAIN,
    "CATEGORY_NOT_WORD": "-",
}
_PARTS: dict[str, Any] = {
    "LITERAL": lambda value, _: chr(value),
    "NOT_LITERAL": lambda value, chosen: chosen.choice([letter for letter in _PLAIN if ord(letter) != value]),
    "ANY": lambda _, chosen: chosen.choice(_PLAIN),
    "IN": _set,
    "AT": lambda _value, _chosen: "",
    "BRANCH": lambda value, chosen: _text(chosen.choice(value[1]), chosen),
    "SUBPATTERN": lambda value, chosen: _text(value[3], chosen),
    "MAX_REPEAT": _repeated,
    "MIN_REPEAT": _repeated,
}
