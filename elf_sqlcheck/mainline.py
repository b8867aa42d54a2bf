"""What the main branch holds, for the rules that compare a file with it.

These facts are a gift: where there is no repository, no main branch or no common ancestor (a shallow clone), the
settings are empty and those rules stay silent.
"""

from __future__ import annotations

import os

from elf_sqlcheck import layouts
from elf_sqlcheck.aside import aside
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root
from elf_sqlcheck.layouts.elf import FILE_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from elf_sqlcheck.git import Difference
    from elf_sqlcheck.sources import Folder


def compare(folder: Folder, branch: str = "") -> dict[str, Any]:
    """How a folder differs from the main branch (`branch`, else origin/HEAD, main or master).

    `main-files` maps the paths of files that were changed or deleted since HEAD left the main branch to the bytes
    there, `main-deleted` are those of them that are gone, `main-added` the paths of files that it lacks, and
    `main-newest` is the newest version on it. Nothing is compared for a file that is no migration: it may change.
    """
    return ask(folder, branch)()


def ask(folder: Folder, branch: str = "") -> Callable[[], dict[str, Any]]:
    """Ask Git what `compare` tells, which it answers while the caller does something else."""
    root = find_root(folder.path or ".") if folder.series and "<stdin>" not in folder.judged else None
    if root is None:
        return dict
    repository = Repository(root)
    inside = os.path.relpath(os.path.realpath(folder.path or "."), os.path.realpath(root)).replace(os.sep, "/")
    inside = "" if inside == "." else inside
    below = not all(path.rpartition(os.sep)[0] == folder.path for path in folder.files)
    answer = aside(lambda: _differences(repository, branch, inside, staged=folder.staged, below=below))

    def compared() -> dict[str, Any]:
        try:
            different, there = answer()
            return _settings(folder, repository, inside, different, there) if there is not None else {}
        except UsageError:
            return {}

    return compared


def _differences(
    repository: Repository, branch: str, inside: str, *, staged: bool, below: bool
) -> tuple[list[Difference], tuple[str, ...] | None]:
    """What differs from the main branch in a folder, and what that has there; None without a main branch."""
    commit = repository.main_commit(branch)
    if not commit:
        return [], None
    there = aside(lambda: repository.paths_at(commit, inside, below=below))
    return repository.differences(commit, inside, staged=staged, below=below), there()


def _settings(
    folder: Folder, repository: Repository, inside: str, differences: Sequence[Difference], names: Sequence[str]
) -> dict[str, Any]:
    start = os.path.join(folder.path, "")
    shown = {entry.path: _shown(folder, inside, entry.path) for entry in differences if entry.before}
    different = [entry for entry in differences if entry.before and _is_migration(folder, shown[entry.path])]
    before = repository.read(entry.before for entry in different)
    there = frozenset([start + name for name in names])
    deleted = tuple(shown[entry.path] for entry in different if entry.deleted)
    files = {shown[entry.path]: before[entry.before] for entry in different}
    return {
        "main-files": {path: data for path, data in files.items() if folder.files.get(path) != data},
        "main-deleted": deleted,
        "main-added": frozenset(folder.files) - there,
        "main-newest": _newest(folder, there),
    }


def _shown(folder: Folder, inside: str, path: str) -> str:
    return os.path.join(folder.path, path.removeprefix(f"{inside}/" if inside else "").replace("/", os.sep))


def _is_migration(folder: Folder, path: str) -> bool:
    """Whether a file that is not there any more, or was changed, is or was of the series."""
    if path in folder.files or os.path.dirname(path) == folder.path:
        return path.endswith(".sql")
    beside = {os.path.dirname(other) for other in folder.files}
    return path.endswith(".sql") and os.path.dirname(path) in beside


def _newest(folder: Folder, there: Iterable[str]) -> str:
    """The newest version among the files that the main branch has, as their names tell it."""
    # Their versions are of one length, so that of the last name in order is the newest.
    last_first = sorted([path.rpartition(os.sep)[2] for path in there], reverse=True)
    own = next((match[1] for match in map(FILE_NAME.match, last_first) if match), "")
    if own or not last_first:
        return own
    layout = folder.layout or layouts.recognize(folder.files)
    named = layouts.read_all({path: b"" for path in there if path.endswith(".sql")}, layout)
    return named[-1].version if named else ""
