"""What the main branch holds, for the rules that compare a file with it.

These facts are a gift: where there is no repository, no main branch or no common ancestor (a shallow clone), the
settings are empty and those rules stay silent.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root
from elf_sqlcheck.layouts.elf import FILE_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.sources import Folder


def compare(folder: Folder, branch: str = "") -> dict[str, Any]:
    """How a folder differs from the main branch (`branch`, else origin/HEAD, main or master).

    `main-files` maps the paths of files that were changed or deleted since HEAD left the main branch to the bytes
    there, `main-deleted` are those of them that are gone, `main-added` the paths of files that it lacks, and
    `main-newest` is the newest version on it.
    """
    root = find_root(folder.path or ".")
    if root is None or "<stdin>" in folder.judged:
        return {}
    repository = Repository(root)
    inside = os.path.relpath(os.path.realpath(folder.path or "."), os.path.realpath(root)).replace(os.sep, "/")
    inside = "" if inside == "." else inside
    try:
        commit = repository.main_commit(branch)
        if not commit:
            return {}
        different = [entry for entry in repository.differences(commit, inside, staged=folder.staged) if entry.before]
        different = [entry for entry in different if entry.path.endswith(".sql")]
        before = repository.read(entry.before for entry in different)
        names = repository.names_at(commit, inside)
    except UsageError:
        return {}
    shown = {entry.path: os.path.join(folder.path, os.path.basename(entry.path)) for entry in different}
    deleted = tuple(shown[entry.path] for entry in different if entry.deleted)
    files = {shown[entry.path]: before[entry.before] for entry in different}
    there = frozenset(names)
    versions = (match[1] for match in map(FILE_NAME.match, names) if match)
    return {
        "main-files": {path: data for path, data in files.items() if folder.files.get(path) != data},
        "main-deleted": deleted,
        "main-added": frozenset(path for path in folder.files if os.path.basename(path) not in there),
        "main-newest": max(versions, default=""),
    }
