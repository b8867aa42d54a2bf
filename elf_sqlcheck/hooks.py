"""The `[hooks]` table of the configuration: commands of the project that run before and after a deploy."""

from __future__ import annotations

from types import MappingProxyType

from elf_sqlcheck.errors import ConfigError, nearest
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MOMENTS = ("before-up", "after-up", "before-down", "after-down")
_TIMEOUT = "timeout"


class Hooks(Record):
    """The commands, by moment, each as its list of arguments; and how many seconds one may take."""

    commands: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    timeout: int = 600


def read_hooks(path: str, key: str, value: object) -> Hooks:
    """Read the table `key` of the configuration file `path`; raises ConfigError."""
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {key} is no table", f'expected [tool.elf-sqlcheck.{key}] with before-up = "…"')
    commands: dict[str, tuple[str, ...]] = {}
    timeout = 600
    for word, entry in value.items():
        if word == _TIMEOUT:
            if type(entry) is not int or entry < 1:
                raise ConfigError(f"{path}: {key}.{word} is no number of seconds", "expected a number such as 600")
            timeout = entry
        elif word in MOMENTS:
            commands[word] = _arguments(f"{path}: {key}.{word}", entry)
        else:
            raise ConfigError(f"{path}: there is no key {word!r} in [{key}]", nearest(word, (*MOMENTS, _TIMEOUT)))
    return Hooks(commands, timeout)


def _arguments(where: str, entry: object) -> tuple[str, ...]:
    from shlex import split

    expected = 'expected a command such as "./notify.sh --quiet", or a list of its arguments; no shell reads it'
    try:
        found = split(entry) if isinstance(entry, str) else entry
    except ValueError as error:
        raise ConfigError(f"{where} cannot be read: {error}", expected) from None
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and "\0" not in one for one in found):
        raise ConfigError(f"{where} is no command", expected)
    return tuple(found)
