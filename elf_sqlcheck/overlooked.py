"""Migrations that a stranger's change keeps from being judged.

How a folder is read is told by its files, where it is not configured: a sqitch.plan that is put beside migrations of
another kind makes them read as sqitch's, which names none of them. So what would have been read without the rest of the
change must have been read.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts.folders import members
from elf_sqlcheck.sources import FileNames, default_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.config import Config


def refuse(read: Iterable[str], config: Config, named: str = "") -> None:
    """Raise UsageError for a migration that the change brings, and that is not among those that were `read`."""
    base, folder = config.base, default_folder(config, named)
    if base is None or not folder:
        return
    inside = base.inside(folder)
    known = set(map(base.inside, read))
    before = "" if inside in {None, "."} else str(inside)
    start = f"{before}/" if before else ""
    unread = sorted(path for path in base.changed - known if path.endswith(".sql") and path.startswith(start))
    there = base.repository.paths_at(base.commit, before, below=True) if unread else ()
    names = [f"{start}{name}" for name in there]
    for path in unread:
        shown = os.path.relpath(os.path.join(base.repository.root, path))
        if path in members(before, FileNames([*names, path]), config.layout) and not config.excludes(shown):
            raise UsageError(
                f"{shown} is not read: as this change leaves the folder, it is none of its migrations",
                "say how the folder is read (`layout`) in the configuration of the base branch, or with --layout",
            )
