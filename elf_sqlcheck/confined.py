"""Which files this process may read: all, or in a run that trusts nobody those of the repository.

A link in a stranger's branch may name any file of the machine, and what is found in a file is shown with its lines.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError

_root = ""


def to(root: str) -> None:
    """Read nothing outside of this folder from now on, nor what Git keeps in it; "" for everything."""
    global _root  # noqa: PLW0603 - it is the process that is confined, whoever reads
    _root = os.path.realpath(root) if root else ""


def check(path: str) -> None:
    """Raise UsageError when a file may not be read."""
    if not _root:
        return
    real = os.path.realpath(path)
    inside = os.path.relpath(real, _root)
    first = inside.partition(os.sep)[0]
    if first == os.pardir or first.lower() == ".git":
        where = "what Git keeps" if first.lower() == ".git" else "a place outside of the repository"
        raise UsageError(
            f"{path} is a link to {where}, which is not read for a change that is not trusted",
            "replace the link by the file",
        )
    if not os.path.isfile(real) and os.path.exists(real) and not os.path.isdir(real):
        raise UsageError(f"{path} is no regular file", "replace it by one")
