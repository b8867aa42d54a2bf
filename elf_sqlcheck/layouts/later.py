"""Migrations that are read when more is asked of them than their name: of a long history most never are."""

from __future__ import annotations

from elf_sqlcheck.model import Migration, full_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.reading import Content


class Later(Migration):
    """A migration of which nothing is known yet but its bytes, and what the names of its files tell.

    `data` are these bytes, or what reads them. `read` is given the path and the bytes and returns all of it, and must
    agree with what is given here. What it returns may depend on nothing but these bytes, names and `settings`. It is
    called when anything else is first asked for; from then on this is a `Migration` like any other: an attribute of a
    class with `__getattr__` takes several times as long to get, set or not. `needs`, where it is given, tells the
    dependencies alone from the bytes: of a long history these are asked of every migration.
    """

    __slots__ = ()

    def __init__(
        self,
        read: Callable[[str, bytes], Migration],
        path: str,
        data: Content,
        *,
        layout: str,
        version: str,
        slug: str,
        files: tuple[tuple[str, int], ...] = (),
        repeatable: bool = False,
        sealed: bool = False,
        settings: bytes = b"",
        needs: Callable[[bytes], tuple[str, ...]] | None = None,
    ) -> None:
        self._read = read, data, needs
        self.path = path
        if isinstance(data, bytes):
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
        if name == "data":
            self.data = self._read[1]()  # type: ignore[operator] # where it is bytes, they are set
            return self.data
        if name == "dependencies" and self._read[2] is not None:
            self.dependencies = self._read[2](self.data)
            return self.dependencies
        if name not in _READ:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        whole = self.read_once()
        for field in _READ:
            try:
                object.__getattribute__(self, field)
            except AttributeError:  # what somebody has set meanwhile stays
                setattr(self, field, getattr(whole, field))
        del self._read
        self.__class__ = Migration  # type: ignore[assignment] # they have the same slots
        return getattr(self, name)

    def read_once(self) -> Migration:
        """See `Migration`."""
        whole: Migration = self._read[0](self.path, self.data)
        return whole

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Read it, so that what is copied or sent elsewhere is a `Migration`."""
        _ = self.up
        return object.__reduce_ex__(self, protocol)


_TOLD = frozenset({
    "_read", "data", "files", "layout", "name", "path", "repeatable", "sealed", "settings", "slug", "version",
})  # fmt: skip
#: What is known only when it has been read.
_READ = frozenset(Migration.__slots__) - _TOLD
