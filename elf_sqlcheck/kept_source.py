"""A module whose source is not what is on disk now."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class KeptSource(SourceFileLoader):
    """Loads a module from bytes as if they were in its file; compiled code beside that is neither used nor written."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_data(self, path: str) -> bytes:  # noqa: ARG002 - there is no other
        """The source."""
        return self._source

    def path_stats(self, path: str) -> NoReturn:
        """Raise OSError: what is known of the file on disk says nothing of the source."""
        raise OSError(path)
