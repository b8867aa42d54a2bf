"""What a configuration file may say: each reader takes the file, the key and the value, and raises ConfigError."""

from __future__ import annotations

from elf_sqlcheck.errors import ConfigError
from elf_sqlcheck.model import INTERVAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def wrong(path: str, key: str, value: object, expected: str) -> ConfigError:
    """The error for a key that does not say what it must."""
    kinds = {str: "text", bool: "true or false", int: "a number", list: "a list", dict: "a table"}
    shown = repr(value) if isinstance(value, (int, float, str)) else kinds.get(type(value), type(value).__name__)
    return ConfigError(f"{path}: {key} is {shown}", f"expected {expected}")


def text(path: str, key: str, value: object) -> str:
    """A text."""
    if not isinstance(value, str) or "\0" in value:
        raise wrong(path, key, value, 'text in quotes, such as "migrations"')
    return value


def url(path: str, key: str, value: object) -> str:
    """The URL of a database."""
    if not isinstance(value, str) or "\0" in value:  # never shown: a URL may hold a password
        raise ConfigError(f"{path}: {key} is no text", 'expected "postgresql://user@host/database"')
    return value


def texts(path: str, key: str, value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise wrong(path, key, value, 'a list of texts, such as ["one", "two"]')
    return tuple(value)


def interval(path: str, key: str, value: object) -> str:
    """An interval, as the text that Postgres reads."""
    if not isinstance(value, str) or not INTERVAL.match(value):
        raise wrong(path, key, value, 'an interval as Postgres reads it, such as "5s" or "300ms"')
    return value


def version(path: str, key: str, value: object) -> int:
    """The major version of a server."""
    if type(value) is not int or not 10 <= value <= 99:
        raise wrong(path, key, value, "the major version of the server, a number such as 17")
    return value


def flag(path: str, key: str, value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(path, key, value, "true or false")
    return value


def number(path: str, key: str, value: object) -> int:
    """A number that is not negative."""
    if type(value) is not int or value < 0:
        raise wrong(path, key, value, "a number such as 10000")
    return value


def one_of(words: tuple[str, ...]) -> Callable[[str, str, object], str]:
    """A reader for one of `words`."""

    def read(path: str, key: str, value: object) -> str:
        if value not in words or not isinstance(value, str):
            raise wrong(path, key, value, "one of " + ", ".join(f'"{word}"' for word in words))
        return value

    return read


def items(path: str, key: str, value: object) -> list[tuple[str, Any]]:
    """The keys and values of a table."""
    if not isinstance(value, dict):
        raise wrong(path, key, value, "a table")
    return list(value.items())
