"""What is linted: the files asked for, each with the folder that it lives in as its history.

A file is never judged alone when it is one of a series. Its folder is read whole, and only the files that were asked
for are judged. Files come from the working tree, from the index (`--staged`) or from standard input.
"""

from __future__ import annotations

import os

from elf_sqlcheck import layouts, reading
from elf_sqlcheck.config import USUAL_FOLDERS
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import here
from elf_sqlcheck.layouts.elf import FILE_NAME
from elf_sqlcheck.layouts.folders import Disk, is_source, members, root_of, roots, script_of
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.git import Repository
    from elf_sqlcheck.layouts.folders import Tree
    from elf_sqlcheck.reading import Reader, Stamp

STDIN = "-"
#: Folders that are never searched for migrations.
_FOREIGN = frozenset({"node_modules", "venv", "__pycache__"})


class Folder(Record):
    """A folder of migrations, or a file that stands alone.

    `path` is the folder as it is shown. `files` maps the shown paths to their bytes: all of the series, of which those
    in `judged` were asked for. When these are none, the only question is what is gone from the series. `staged` says
    that they come from the index. `layout` is how they are to be read, "" when they tell themselves. `series` is False
    for a file that is no migration by its place nor by its name.
    """

    path: str
    files: Mapping[str, bytes]
    judged: frozenset[str]
    staged: bool = False
    layout: str = ""
    series: bool = True


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


def from_disk(paths: Sequence[str], config: Config, named: str = "", *, cached: bool = False) -> list[Folder]:
    """Read the files and folders asked for; without any, the migrations folder.

    Files that a run before has seen as they are now are read when they are asked for, when that is `cached`.

    Raises:
        UsageError: A path cannot be read, a folder that was named holds no SQL, or there is no folder to be found.
    """
    default = default_folder(config, named)
    if not paths and not default:
        raise UsageError(
            "there is no migrations folder here (" + ", ".join(f"{folder}/" for folder in USUAL_FOLDERS) + ")",
            "name it with --dir or in the configuration, or make one with `elf-migrate init`",
        )
    wanted = _Wanted(Disk(), default, config)
    for path in paths or [default]:
        if os.path.isdir(path) or not paths:
            wanted.add_folder(path, may_be_empty=not paths and not named)
        else:
            if not os.path.exists(path):
                layouts.read_bytes(path)  # which says so, before it is said of its folder
            wanted.add(path)
    return wanted.folders(reading.OnDisk(layouts.read_bytes), cached=cached)


def whole(directory: str, layout: str = "") -> Folder:
    """All of a migrations folder, judged; raises UsageError when it cannot be read."""
    files = {path: layouts.read_bytes(path) for path in members(directory, Disk(), layout)}
    judged = frozenset(path for path in files if path.endswith((".sql", "sqitch.plan")))
    return Folder(directory, files, judged, layout=layout)


def from_index(paths: Sequence[str], config: Config, named: str = "", *, cached: bool = False) -> list[Folder]:
    """Read what is staged: all SQL files of the migrations folder, or those among or below `paths`.

    Without a migrations folder and without paths, all staged SQL files count. Nothing staged is an empty list. A folder
    of which files are only deleted comes with none to judge. Files that a run before has seen as they are now are read
    when they are asked for, when that is `cached`.

    Raises:
        UsageError: This is no Git repository, or Git cannot be asked.
    """
    repository = here("--staged needs")
    root = repository.root
    staged = repository.staged()
    inside = {os.path.relpath(os.path.join(root, path)): path for path in staged}
    default = default_folder(config, named)
    asked = [os.path.relpath(path) for path in paths] or ([os.path.relpath(default)] if default else [])
    chosen = [path for path in inside if _is_asked(path, asked, explicit=bool(paths))]
    if not chosen:
        return []
    above = {folder for path in chosen for folder in roots(script_of(inside[path]))}
    trees = {os.path.join(folder, name) for folder in above for name in ("deploy", "revert")} | (above - {""})
    if default and any(_is_below(path, default) for path in chosen):
        trees.add(os.path.relpath(os.path.realpath(default), os.path.realpath(root)).replace(os.sep, "/"))
    entries = repository.index({inside[path].rpartition("/")[0] for path in chosen} | above, trees - {"."})
    blobs = {os.path.relpath(os.path.join(root, path)): blob for path, blob in entries.items()}
    tree = FileNames(blobs)
    wanted = _Wanted(tree, default, config)
    for path in chosen:
        (wanted.add if staged[inside[path]] else wanted.add_deleted)(path)
    reader = _InIndex(repository, blobs)
    return [folder.replace(staged=True) for folder in wanted.folders(reader, cached=cached)]


def from_text(data: bytes, filename: str, config: Config, named: str = "") -> list[Folder]:
    """Read a text as if it were the contents of `filename`; with no name it stands alone."""
    if not filename:
        return [Folder("", {"<stdin>": data}, frozenset({"<stdin>"}), layout=config.layout)]
    path = os.path.normpath(filename)
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        return [Folder(directory, {path: data}, frozenset({path}))]
    wanted = _Wanted(Disk(), default_folder(config, named), config)
    wanted.add(path)
    return wanted.folders(reading.OnDisk(lambda other: data if other == path else layouts.read_bytes(other)))


def changed_only(folders: Iterable[Folder], changed: frozenset[str], root: str) -> list[Folder]:
    """The folders with only those files judged that are among `changed`, which are relative to `root`.

    A series of which none is among them is kept, for what may be gone from it.
    """
    real = os.path.realpath(root)
    changed = frozenset(map(script_of, changed))
    kept: list[Folder] = []
    for folder in folders:
        names = {path: os.path.relpath(os.path.realpath(path), real).replace(os.sep, "/") for path in folder.judged}
        judged = frozenset(path for path, name in names.items() if name in changed)
        if judged or folder.series:
            kept.append(folder.replace(judged=judged))
    return kept


class _InIndex:
    """A `Reader` of Git's index; `blobs` are those of its files."""

    kind = "staged"
    batch = 256

    def __init__(self, repository: Repository, blobs: Mapping[str, str]) -> None:
        self._repository = repository
        self._blobs = blobs

    def stamps(self, paths: Iterable[str]) -> dict[str, Stamp]:
        """See `Reader`."""
        return {path: (self._blobs[path],) for path in paths}

    def is_old(self, _stamp: Stamp, _begun: int) -> bool:
        """See `Reader`."""
        return True

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Reader`."""
        wanted = list(paths)
        contents = self._repository.read(self._blobs[path] for path in wanted)
        return {path: contents[self._blobs[path]] for path in wanted}


class FileNames:
    """The folders that files are in, by the paths of the files."""

    __slots__ = ("_files", "_folders")

    def __init__(self, paths: Iterable[str]) -> None:
        self._files: dict[str, list[str]] = {}
        self._folders: dict[str, set[str]] = {}
        for path in sorted(paths):
            folder, name = os.path.split(path)
            self._files.setdefault(folder, []).append(name)
            while folder:
                folder, name = os.path.split(folder)
                self._folders.setdefault(folder, set()).add(name)

    def entries(self, folder: str) -> tuple[list[str], list[str]]:
        """See `Tree`."""
        return self._files.get(folder, []), sorted(self._folders.get(folder, ()))


class _Wanted:
    """The files that were asked for, each once, by the folders of their series; and those that were named as a whole.

    `tree` is where they are, `default` the migrations folder, "" when there is none.
    """

    __slots__ = ("by_folder", "config", "default", "series", "tree")

    def __init__(self, tree: Tree, default: str, config: Config) -> None:
        self.tree = tree
        self.default = os.path.normpath(default) if default else ""
        self.config = config
        #: The files of each folder, in order: the values of the inner dict say nothing.
        self.by_folder: dict[str, dict[str, None]] = {}
        self.series: set[str] = set()

    def add(self, path: str) -> None:
        """Note a file; one of settings stands for its script, and counts for nothing without it."""
        named = os.path.normpath(path)
        path = script_of(named)
        if path != named and os.path.basename(path) not in self.tree.entries(os.path.dirname(path))[0]:
            return
        files = self.by_folder.setdefault(root_of(path, self.tree, self.config.layout, self.default), {})
        files.setdefault(path)

    def add_deleted(self, path: str) -> None:
        """Note a file that is not there any more, when there are others of its series."""
        path = script_of(os.path.normpath(path))
        candidates = [*roots(path), os.path.dirname(path)]
        if self.default and _is_below(path, self.default):
            candidates.append(self.default)
        root = next((root for root in candidates if members(root, self.tree, self.config.layout)), None)
        if root is not None:
            self.by_folder.setdefault(root, {})

    def add_folder(self, folder: str, *, may_be_empty: bool) -> None:
        """Note all of a folder's migrations; where it has none of its own, the SQL files of the folders below.

        Raises UsageError when it holds nothing, unless it `may_be_empty`, or when it cannot be read.
        """
        folder = os.path.normpath(folder)
        place = "" if folder == "." else folder
        own = members(place, self.tree, self.config.layout)
        if own:
            asked = [path for path in own if path.endswith((".sql", "sqitch.plan"))]
            self.by_folder.setdefault(place, {}).update(dict.fromkeys(asked))
            self.series.add(place)
            return
        below = _below(folder)
        if not below and not may_be_empty:
            raise UsageError(f"there are no SQL files in {folder}", "name the folder that holds the migrations")
        for path in below:
            self.add(path)
        self.series.update(root for root, files in self.by_folder.items() if not set(files).isdisjoint(below))

    def folders(self, reader: Reader, *, cached: bool = False) -> list[Folder]:
        """Read everything. Files outside of a series, as seeds and snippets, stand alone."""
        found: list[Folder] = []
        for folder, asked in self.by_folder.items():
            judged = [path for path in asked if not self.config.excludes(path)]
            if asked and not judged:
                continue
            certain = folder in self.series or _same(self.default, folder)
            alone = {} if certain else reader.read(judged)
            names = members(folder, self.tree, self.config.layout)
            if certain or _is_series(names, alone):
                files = _read(folder, dict.fromkeys((*names, *judged)), reader, alone, cached=cached)
                found.append(Folder(folder, files, frozenset(judged), layout=self.config.layout))
            else:
                found += [_alone(folder, path, alone[path]) for path in judged]
        return found


def _read(
    folder: str, paths: Iterable[str], reader: Reader, known: Mapping[str, bytes], *, cached: bool
) -> Mapping[str, bytes]:
    """The files of a series, in order, of which some are `known`."""
    paths = list(paths)
    if cached and len(paths) > reading.FEW:
        from elf_sqlcheck.stamps import Files

        return Files(folder, paths, reader)
    more = reader.read(path for path in paths if path not in known)
    return {path: known[path] if path in known else more[path] for path in paths}


def _alone(folder: str, path: str, data: bytes) -> Folder:
    return Folder(folder, {path: data}, frozenset({path}), series=layouts.recognize({path: data}) != "")


def _same(default: str, folder: str) -> bool:
    return bool(default) and os.path.realpath(default) == os.path.realpath(folder or ".")


def _is_series(names: list[str], contents: Mapping[str, bytes]) -> bool:
    """Whether a folder holds migrations besides the one file that was asked for, in a layout that can be told."""
    others = [path for path in names if [path] != list(contents)]
    if not others or any(FILE_NAME.match(os.path.basename(path)) for path in others):
        return bool(others)
    return layouts.recognize({**dict.fromkeys(others, b""), **contents}) != ""


def _below(folder: str) -> list[str]:
    """The SQL files of all folders below one."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        scripts = {"verify"} if "sqitch.plan" in names else set()
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _FOREIGN | scripts)
        found += [os.path.normpath(os.path.join(place, name)) for name in sorted(names) if name.endswith(".sql")]
    return found


def _is_below(path: str, folder: str) -> bool:
    return os.path.normpath(path).startswith(os.path.join(os.path.normpath(folder), ""))


def _is_asked(path: str, asked: list[str], *, explicit: bool) -> bool:
    if not asked:
        return is_source(path)
    if explicit and path in asked:
        return True
    return is_source(path) and any(
        folder in {".", os.path.dirname(path)} or path.startswith(folder + os.sep) for folder in asked
    )
