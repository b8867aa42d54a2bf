"""Migrations that are read when more is asked of them than their name: of a long history most never are."""

from __future__ import annotations

from elf_sqlcheck.model import Migration, full_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Later(Migration):
    """A migration of which nothing is known yet but its bytes, and what the names of its files tell.

    `read` returns all of it, and must agree with what is given here. It is called when anything else is first asked
    for, once at most. What it returns may depend on nothing but these bytes, names and `settings`.
    """

    __slots__ = ("_read",)

    def __init__(
        self,
        read: Callable[[], Migration],
        path: str,
        data: bytes,
        *,
        layout: str,
        version: str,
        slug: str,
        files: tuple[tuple[str, int], ...] = (),
        repeatable: bool = False,
        sealed: bool = False,
        settings: bytes = b"",
    ) -> None:
        self._read = read
        self.path = path
        self.data = data
        self.layout = layout
        self.version = version
        self.slug = slug
        self.name = full_name(version, slug)
        self.files = files
        self.repeatable = repeatable
        self.sealed = sealed
        self.settings = settings

    def __getattr__(self, name: str) -> Any:
        """Read it: Python asks here for what is not set."""
        if name not in Migration.__slots__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        whole = self._read()
        for field in _READ:
            setattr(self, field, getattr(whole, field))
        return getattr(self, name)


#: What is known only when it has been read.
_READ = (
    "broken", "dependencies", "description", "down", "headers", "irreversible", "problems", "team", "title",
    "transactional", "up",
)  # fmt: skip
