"""From which Git branch an environment may be changed."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root
from elf_sqlcheck.migrate import ci

if TYPE_CHECKING:
    from elf_sqlcheck.environments import Environment


def refuse_other_branch(environment: Environment, folder: str) -> None:
    """Raise UsageError when the branch of `folder`, or of the CI job, is none from which it may be changed."""
    if not environment.branch:
        return
    branch, kind = _present(folder)
    if branch and any(fnmatchcase(branch, pattern) for pattern in environment.branch):
        return
    allowed = " or ".join(environment.branch)
    here = f"this is the branch {branch}" if branch else kind
    raise UsageError(
        f"{environment.name} is changed from the Git branch {allowed} only, and {here}. Nothing was changed.",
        f"Merge it there and run it again, or give --any-branch to do it from here (branch in [env.{environment.name}] "
        "says which are allowed).",
    )


def _present(folder: str) -> tuple[str, str]:
    """The branch, or "" and in words what there is instead."""
    system = ci.present()
    if system is not None:
        reference = next((value for name in system.branch if (value := os.environ.get(name))), "")
        # A tag may be called as a branch is, and so may the merge of a pull request.
        if reference.startswith("refs/") and not reference.startswith("refs/heads/"):
            return "", f"this job runs for {reference}, which is no branch"
        branch = reference.removeprefix("refs/heads/").removeprefix("origin/")
        return branch, f"this job runs for no branch ({' and '.join(system.branch)} not set)"
    root = find_root(folder)
    if root is None:
        return "", "this folder is in no Git repository"
    return Repository(root).branch(), "HEAD is detached here, on no branch"
