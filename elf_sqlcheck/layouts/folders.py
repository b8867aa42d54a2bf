"""Where the files of a series are: which folder it begins in, and which files below it belong to it.

A `Tree` is asked for names only, so it may be the disk or the index of Git.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Tree(Protocol):
        """Folders and their files."""

        def entries(self, folder: str) -> tuple[list[str], list[str]]:
            """The names of the files and of the folders directly in a folder, both sorted; empty where there is none.

            Raises UsageError when it cannot be read.
            """


class Disk:
    """The folders of the working tree, each read once. Folders that are not there raise UsageError.

    A folder is reached by one link only: links to each other would lead on for ever.
    """

    __slots__ = ("_known", "_linked")

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[str], list[str]]] = {}
        self._linked: set[str] = set()

    def entries(self, folder: str) -> tuple[list[str], list[str]]:
        """See `Tree`."""
        if folder not in self._known:
            files: list[str] = []
            folders: list[str] = []
            try:
                with os.scandir(folder or ".") as found:
                    for entry in found:
                        if not entry.is_dir():
                            files.append(entry.name)
                        elif not entry.is_symlink() or self._is_new(entry.path):
                            folders.append(entry.name)
            except OSError as error:
                raise UsageError(
                    f"cannot read the migrations folder {folder}: {error.strerror}",
                    "name it with --dir, or make it with `elf-migrate init`",
                ) from error
            self._known[folder] = sorted(files), sorted(folders)
        return self._known[folder]

    def _is_new(self, link: str) -> bool:
        """Whether a link leads to where no other has led, and not to a folder that it is in."""
        real, place = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
        if real in self._linked or os.path.join(place, "").startswith(os.path.join(real, "")):
            return False
        self._linked.add(real)
        return True


#: The files of a migration that has a folder of its own.
_PARTS = frozenset({"up.sql", "down.sql", "migration.sql", "metadata.toml"})


def root_of(path: str, tree: Tree, layout: str = "", default: str = "") -> str:
    """The folder in which the series of a file begins: mostly its own, one above it for layouts with folders.

    `default` is the migrations folder, when the file may be somewhere below it. Raises UsageError when a folder cannot
    be read.
    """
    folder = os.path.dirname(path)
    if layout in {"", elf.NAME} and elf.FILE_NAME.match(os.path.basename(path)):
        return folder
    candidates = roots(path)
    if default and default != folder and path.startswith(os.path.join(default, "")):
        candidates.append(default)
    return next((root for root in candidates if path in members(root, tree, layout)), folder)


def is_source(path: str) -> bool:
    """Whether a file is one that makes migrations, or says how one is run, by its name alone."""
    return path.endswith((".sql", "sqitch.plan")) or script_of(path) != path


def script_of(path: str) -> str:
    """The script that a file of settings is about (metadata.toml of diesel, NAME.sql.conf of Flyway), else the file."""
    folder, name = os.path.split(path)
    if name == "metadata.toml":
        return os.path.join(folder, "up.sql")
    return path.removesuffix(".conf") if name.endswith(".sql.conf") else path


def roots(path: str) -> list[str]:
    """The folders above its own in which the series of a file may begin, by the names on its way alone."""
    folder, name = os.path.split(path)
    above, place = os.path.split(folder)
    if name in {"up.sql", "down.sql", "migration.sql"} or place in {"committed", "current"}:
        return [above]
    from elf_sqlcheck.layouts.flyway import FILE_NAME

    found = [above] if FILE_NAME.match(name) else []
    while place:
        if place in {"deploy", "revert"}:
            found.append(above)
        above, place = os.path.split(above)
    return found


def members(root: str, tree: Tree, layout: str = "") -> list[str]:
    """The paths of all files of the series that begins in `root`, in the order of their names.

    Raises UsageError when a folder cannot be read.
    """
    files, folders = tree.entries(root)
    own = [name for name in files if name.endswith(".sql")]
    if layout == elf.NAME or (not layout and any(map(elf.FILE_NAME.match, own))):
        return _in(root, own)
    if layout == "sqitch" or (not layout and "sqitch.plan" in files):
        scripts = [path for place in ("deploy", "revert") if place in folders for path in _below(root, place, tree)]
        return _in(root, [name for name in files if name == "sqitch.plan"]) + scripts
    if layout == "graphile-migrate" or (not layout and "committed" in folders):
        below = [path for place in ("committed", "current") if place in folders for path in _below(root, place, tree)]
        return below + _in(root, [name for name in own if name == "current.sql" or "committed" not in folders])
    from elf_sqlcheck.layouts.flyway import FILE_NAME
    from elf_sqlcheck.layouts.recognition import is_own_folder

    numbered = any(name[0].isdigit() for name in own)
    if layout in {"diesel", "prisma"} or (not layout and any(map(is_own_folder, folders)) and not numbered):
        inside = [path for folder in folders if not folder.startswith(".") for path in _flat(root, folder, tree)]
        return _in(root, own) + inside
    if layout == "flyway" or (not layout and any(map(FILE_NAME.match, files))):
        return _below(root, "", tree, also=".sql.conf")
    return _in(root, own)


def _in(root: str, names: list[str]) -> list[str]:
    start = os.path.join(root, "")
    return [start + name for name in names]


def _flat(root: str, folder: str, tree: Tree) -> list[str]:
    path = os.path.join(root, folder)
    return _in(path, [name for name in tree.entries(path)[0] if name in _PARTS])


def _below(root: str, place: str, tree: Tree, also: str = ".sql") -> list[str]:
    path = os.path.join(root, place) if place else root
    files, folders = tree.entries(path)
    found = _in(path, [name for name in files if name.endswith((".sql", also))])
    return found + [inner for folder in folders if folder[0] != "." for inner in _below(path, folder, tree, also)]
