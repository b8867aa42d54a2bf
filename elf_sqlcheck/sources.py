"""What is linted: the files asked for, each with the folder that it lives in as its history.

A file is never judged alone when it is one of a series. Its folder is read whole, and only the files that were asked
for are judged. Files come from the working tree, from the index (`--staged`) or from standard input.
"""

from __future__ import annotations

import os

from elf_sqlcheck import layouts
from elf_sqlcheck.config import USUAL_FOLDERS
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root
from elf_sqlcheck.layouts.elf import FILE_NAME
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from elf_sqlcheck.config import Config

STDIN = "-"
#: Folders that are never searched for migrations.
_FOREIGN = frozenset({"node_modules", "venv", "__pycache__"})


class Folder(Record):
    """A folder of migrations, or a file that stands alone.

    `path` is the folder as it is shown. `files` maps the shown paths to their bytes: all of the series, of which those
    in `judged` were asked for. `staged` says that they come from the index.
    """

    path: str
    files: Mapping[str, bytes]
    judged: frozenset[str]
    staged: bool = False


def default_folder(config: Config, named: str = "") -> str:
    """The migrations folder as it is shown: named, else configured, else found; "" when there is none."""
    if named:
        return named
    if config.dir:
        return os.path.relpath(config.absolute(config.dir))
    for base in dict.fromkeys((os.getcwd(), config.root or os.getcwd())):
        for usual in USUAL_FOLDERS:
            path = os.path.join(base, usual)
            if os.path.isdir(path):
                return os.path.relpath(path)
    return ""


def from_disk(paths: Sequence[str], config: Config, named: str = "") -> list[Folder]:
    """Read the files and folders asked for; without any, the migrations folder.

    Raises:
        UsageError: A path cannot be read, a folder that was named holds no SQL, or there is no folder to be found.
    """
    default = default_folder(config, named)
    if not paths and not default:
        raise UsageError(
            "there is no migrations folder here (" + ", ".join(f"{folder}/" for folder in USUAL_FOLDERS) + ")",
            "name it with --dir or in the configuration, or make one with `elf-migrate init`",
        )
    wanted = _Wanted()
    for path in paths or [default]:
        if os.path.isdir(path) or not paths:
            for file in _files_of(path, may_be_empty=not paths and not named):
                wanted.add(file, series=True)
        else:
            wanted.add(path)
    return wanted.folders(default, config, _listed, layouts.read_bytes)


def from_index(paths: Sequence[str], config: Config, named: str = "") -> list[Folder]:
    """Read what is staged: all SQL files of the migrations folder, or those among or below `paths`.

    Without a migrations folder and without paths, all staged SQL files count. Nothing staged is an empty list.

    Raises:
        UsageError: This is no Git repository, or Git cannot be asked.
    """
    root = find_root(".")
    if root is None:
        raise UsageError("--staged needs a Git repository, and this is none", "run it inside of one")
    repository = Repository(root)
    inside = {os.path.relpath(os.path.join(root, path)): path for path in repository.staged()}
    default = default_folder(config, named)
    asked = [os.path.relpath(path) for path in paths] or ([os.path.relpath(default)] if default else [])
    chosen = [path for path in inside if _is_asked(path, asked, explicit=bool(paths))]
    if not chosen:
        return []
    wanted = _Wanted()
    for path in chosen:
        wanted.add(path)
    entries = repository.index({inside[path].rpartition("/")[0] for path in chosen})
    blobs = {os.path.relpath(os.path.join(root, path)): blob for path, blob in entries.items()}
    contents = repository.read(blob for path, blob in blobs.items() if path.endswith(".sql") or path in chosen)

    def listed(folder: str) -> list[str]:
        return sorted(path for path in blobs if os.path.dirname(path) == folder and path.endswith(".sql"))

    found = wanted.folders(default, config, listed, lambda path: contents[blobs[path]])
    return [folder.replace(staged=True) for folder in found]


def from_text(data: bytes, filename: str, config: Config, named: str = "") -> list[Folder]:
    """Read a text as if it were the contents of `filename`; with no name it stands alone."""
    if not filename:
        return [Folder("", {"<stdin>": data}, frozenset({"<stdin>"}))]
    path = os.path.normpath(filename)
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        return [Folder(directory, {path: data}, frozenset({path}))]
    wanted = _Wanted()
    wanted.add(path)
    default = default_folder(config, named)
    return wanted.folders(default, config, _listed, lambda other: data if other == path else layouts.read_bytes(other))


def changed_only(folders: Iterable[Folder], changed: frozenset[str], root: str) -> list[Folder]:
    """The folders with only those files judged that are among `changed`, which are relative to `root`."""
    real = os.path.realpath(root)
    kept: list[Folder] = []
    for folder in folders:
        names = {path: os.path.relpath(os.path.realpath(path), real).replace(os.sep, "/") for path in folder.judged}
        judged = frozenset(path for path, name in names.items() if name in changed)
        if judged:
            kept.append(folder.replace(judged=judged))
    return kept


class _Wanted:
    """The files that were asked for, each once, by their folders; and the folders that were named themselves."""

    __slots__ = ("by_folder", "series")

    def __init__(self) -> None:
        self.by_folder: dict[str, list[str]] = {}
        self.series: set[str] = set()

    def add(self, path: str, *, series: bool = False) -> None:
        """Note a file; `series` says that its folder was named, and so is one."""
        path = os.path.normpath(path)
        folder = os.path.dirname(path)
        files = self.by_folder.setdefault(folder, [])
        if path not in files:
            files.append(path)
        if series:
            self.series.add(folder)

    def folders(
        self, default: str, config: Config, listed: Callable[[str], list[str]], read: Callable[[str], bytes]
    ) -> list[Folder]:
        """Read everything. Files outside of a series, as seeds and snippets, stand alone."""
        found: list[Folder] = []
        for folder, asked in self.by_folder.items():
            judged = [path for path in asked if not config.excludes(path)]
            if not judged:
                continue
            names = listed(folder)
            if folder in self.series or _same(default, folder) or _is_series(names, asked):
                files = {path: read(path) for path in dict.fromkeys([*names, *judged])}
                found.append(Folder(folder, files, frozenset(judged)))
            else:
                found += [Folder(folder, {path: read(path)}, frozenset({path})) for path in judged]
        return found


def _same(default: str, folder: str) -> bool:
    return bool(default) and os.path.realpath(default) == os.path.realpath(folder or ".")


def _is_series(names: list[str], asked: list[str]) -> bool:
    """Whether a folder holds a migration of the elf layout besides the one file that was asked for."""
    return any(FILE_NAME.match(os.path.basename(path)) for path in names if [path] != asked)


def _listed(folder: str) -> list[str]:
    place = folder or "."
    return [path.removeprefix("./") for path in layouts.list_files(place)] if os.path.isdir(place) else []


def _files_of(folder: str, *, may_be_empty: bool) -> list[str]:
    """The SQL files of a folder; where it has none of its own, those of the folders below."""
    found = layouts.list_files(folder)
    if found:
        return found
    below: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOREIGN)
        below += [os.path.join(place, name) for name in sorted(names) if name.endswith(".sql")]
    if not below and not may_be_empty:
        raise UsageError(f"there are no SQL files in {folder}", "name the folder that holds the migrations")
    return below


def _is_asked(path: str, asked: list[str], *, explicit: bool) -> bool:
    if not asked:
        return path.endswith(".sql")
    if explicit and path in asked:
        return True
    return path.endswith(".sql") and any(
        folder in {".", os.path.dirname(path)} or path.startswith(folder + os.sep) for folder in asked
    )
