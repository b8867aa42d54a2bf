"""Regular expressions that are compiled, and modules that are loaded, when they are first used.

Most runs use few of them, and to compile all takes as long as to judge ten small migrations.
"""

from __future__ import annotations

import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import compile as later
    from types import ModuleType
else:

    class later:  # noqa: N801 - stands in for re.compile, for type checkers, too
        """`re.compile(pattern, flags)`, once something is asked of it."""

        __slots__ = ("_arguments", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")

        def __init__(self, *arguments: object) -> None:
            self._arguments = arguments

        def __getattr__(self, name: str) -> object:
            compiled = re.compile(*self._arguments)
            for method in self.__slots__[1:]:
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)


def module_named(name: str) -> ModuleType:
    """The module of that name, as `importlib` gives it, which takes half a millisecond to load itself."""
    __import__(name)
    return sys.modules[name]


__all__ = ["later", "module_named"]
