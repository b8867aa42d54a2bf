"""What a push brings, as Git tells a pre-push hook and pre-commit tells its own.

A pushed commit need not be what the working tree holds: then it is checked out elsewhere, and looked at there.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts.folders import is_source
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from elf_sqlcheck.git import Repository


class Push(Record):
    """A commit that is pushed, and the one that the other side has in its place, "" when it has none."""

    commit: str
    base: str


def read(variables: Mapping[str, str], lines: Iterable[str]) -> list[Push]:
    """What is pushed: as `variables` of pre-commit say, else `lines` of Git (local ref, commit, remote ref, commit).

    https://git-scm.com/docs/githooks#_pre_push has their format. Deletions of branches bring nothing.

    Raises:
        UsageError: A line is none of Git's.
    """
    if "PRE_COMMIT_TO_REF" in variables:
        return [Push(variables["PRE_COMMIT_TO_REF"], variables.get("PRE_COMMIT_FROM_REF", ""))]
    found: list[Push] = []
    for line in filter(str.strip, lines):
        words = line.split()
        if len(words) != 4:
            raise UsageError(
                f"standard input is no list of what is pushed: {line.strip()[:80]!r}",
                "--pushed is for the pre-push hook of Git; --since REF judges what changed",
            )
        if words[1].strip("0") and words[1] not in {push.commit for push in found}:
            found.append(Push(words[1], words[3].strip("0") and words[3]))
    return found


def since(push: Push, repository: Repository) -> str | None:
    """The commit since which files changed that are to be judged; None when all are.

    That is so when nothing is known of the other side, and when a file is gone: what came after it may need it.
    """
    base = _base(push, repository)
    if not base:
        return None
    try:
        differences = repository.between(base, push.commit)
    except UsageError:  # a shallow clone, or a history of its own
        return None
    sources = [entry for entry in differences if is_source(entry.path)]
    whole = any(entry.deleted or entry.path.endswith("sqitch.plan") for entry in sources)
    return None if whole else base


def _base(push: Push, repository: Repository) -> str:
    """What the other side has, as far as it is known here: of the branch itself, else of the main branch."""
    if push.base:
        with suppress(UsageError):  # somebody else has pushed since we fetched
            return repository.commit(push.base)
    main = repository.main_commit()
    return "" if main == repository.commit(push.commit) else main


@contextmanager
def tree(push: Push, repository: Repository, paths: Iterable[str]) -> Iterator[str]:
    """A working tree of what is pushed: the one there is when it has the same `paths`, else another for a while."""
    if repository.holds(push.commit, paths):
        yield repository.root
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="elf-sqlcheck-") as folder:
        path = os.path.join(folder, "tree")
        repository.add_worktree(push.commit, path)
        try:
            yield path
        finally:
            repository.remove_worktree(path)
