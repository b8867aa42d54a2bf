"""How files make a migration: one module a layout."""

from __future__ import annotations

import os
from operator import attrgetter

from elf_sqlcheck import confined
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.later import module_named
from elf_sqlcheck.layouts import elf, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elf_sqlcheck.model import Migration

#: Where the readers of the layouts are that are not loaded before they are needed.
_READERS = {
    "supabase": "supabase.read_all",
    "dbmate": "dbmate.read_all",
    "goose": "goose.read_all",
    "golang-migrate": "pairs.read_golang_migrate",
    "sqlx": "pairs.read_sqlx",
    "flyway": "flyway.read_all",
    "diesel": "diesel.read_all",
    "prisma": "diesel.read_prisma",
    "sqitch": "sqitch.read_all",
    "graphile-migrate": "graphile.read_all",
    "plain": "plain.read_all",
}


def read(path: str, data: bytes, layout: str = "") -> Migration:
    """Read one file in the layout named, or in the one its name and contents tell."""
    if layout == elf.NAME or (not layout and elf.recognizes(path, data)):
        return elf.read(path, data)
    found = _read_other({path: data}, layout or recognize({path: data}))
    return found[0] if found else plain.read(path, data)


def read_all(files: Mapping[str, bytes], layout: str = "") -> list[Migration]:
    """Read the files of one folder, by path, in the order in which they are applied.

    Without a `layout`, the files themselves tell: where one of them is named as the elf layout names them, all are of
    that layout, and a file with another name is a mistake. It is alike for the layouts of other tools.
    """
    layout = layout or recognize(files)
    if layout == elf.NAME:
        return elf.read_all(files)
    if not layout:
        return in_order([read(path, data) for path, data in files.items()])
    return in_order(_read_other(files, layout))


def _read_other(files: Mapping[str, bytes], layout: str) -> list[Migration]:
    module, _, name = _READERS[layout or plain.NAME].partition(".")
    reader: Callable[[Mapping[str, bytes]], list[Migration]]
    reader = getattr(module_named(f"elf_sqlcheck.layouts.{module}"), name)
    return reader(files)


def recognize(files: Mapping[str, bytes]) -> str:
    """The layout of a folder's files, by their names or else by what they say; "" when they are of none."""
    if any(elf.FILE_NAME.match(os.path.basename(path)) for path in files):
        return elf.NAME
    from elf_sqlcheck.layouts.recognition import recognize as other

    return other(files)


def read_bytes(path: str) -> bytes:
    """What a file holds, unread; raises UsageError when it cannot be read."""
    confined.check(path)
    try:
        # Unbuffered: of a long history it takes half the time.
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path and its permissions") from error


def read_file(path: str) -> Migration:
    """Read one file from disk; raises UsageError when that cannot be done."""
    return read(path, read_bytes(path))


def in_order(migrations: list[Migration]) -> list[Migration]:
    """Sort by version, then by name; what runs whenever it changes comes last."""
    return sorted(migrations, key=attrgetter("order"))


def list_files(directory: str) -> list[str]:
    """The paths of the SQL files directly in `directory`, sorted by name; raises UsageError when it cannot be read."""
    from elf_sqlcheck.layouts.folders import Disk

    names = Disk().entries(directory)[0]
    return [os.path.join(directory, name) for name in names if name.endswith(".sql")]


def read_directory(directory: str, layout: str = "") -> list[Migration]:
    """Read all migrations of a folder, in the order of their versions; raises UsageError."""
    from elf_sqlcheck.layouts.folders import Disk, members

    return read_all({path: read_bytes(path) for path in members(directory, Disk(), layout)}, layout)
