"""How files make a migration: one module a layout."""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import elf, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Migration


def read(path: str, data: bytes, layout: str = "") -> Migration:
    """Read one file in the layout named, or in the one its name and contents tell."""
    if layout == elf.NAME or (not layout and elf.recognizes(path, data)):
        return elf.read(path, data)
    return plain.read(path, data)


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of one folder, by path, in the order of their versions.

    Where one of them is named as the elf layout names them, all are of that layout: a file with another name is then
    a mistake, and not a file of another layout.
    """
    layout = elf.NAME if any(elf.FILE_NAME.match(os.path.basename(path)) for path in files) else ""
    return in_order([read(path, data, layout) for path, data in files.items()])


def read_file(path: str) -> Migration:
    """Read one file from disk; raises UsageError when that cannot be done."""
    return read(path, read_bytes(path))


def read_bytes(path: str) -> bytes:
    """What a file holds, unread; raises UsageError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path and its permissions") from error


def list_files(directory: str) -> list[str]:
    """The paths of the SQL files directly in `directory`, sorted by name; raises UsageError when it cannot be read."""
    try:
        entries = [entry for entry in os.scandir(directory) if entry.name.endswith(".sql") and not entry.is_dir()]
    except OSError as error:
        raise UsageError(
            f"cannot read the migrations folder {directory}: {error.strerror}",
            "name it with --dir, or make it with `elf-migrate init`",
        ) from error
    return [os.path.join(directory, name) for name in sorted(entry.name for entry in entries)]


def in_order(migrations: list[Migration]) -> list[Migration]:
    """Sort by version, then by name."""
    return sorted(migrations, key=lambda migration: (migration.version, migration.name))


def read_directory(directory: str) -> list[Migration]:
    """Read all migrations of a folder, in the order of their versions; raises UsageError."""
    return read_all({path: read_bytes(path) for path in list_files(directory)})
