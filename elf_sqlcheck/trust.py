"""Whom a run trusts: what a stranger's pull request brings is judged, and does not decide how.

In a run that is untrusted, the configuration, the rules and the baseline of the repository are those of a commit that
its own people have merged, the `Base`. What the pull request says of them counts for nothing.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def stranger(environ: Mapping[str, str]) -> str:
    """Who brings the change that this run is about, when that is somebody's fork, such as "the fork mallory/shop".

    "" when it is the repository's own, or no pull request. What cannot be told is a stranger's. The variables are those
    of GitHub Actions, GitLab, CircleCI, Azure Pipelines, Buildkite and Travis CI.
    """
    event = _event(environ)
    if event is None:
        return "a pull request that cannot be told"
    asked = event.get("pull_request") or event.get("workflow_run")
    if isinstance(asked, dict):
        head, base = _sides(asked, event)
        return "" if head and head == base else f"the fork {head or 'that is gone'}"
    issue = event.get("issue")
    if isinstance(issue, dict) and issue.get("pull_request"):
        return "a pull request that somebody commented on"
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    if source and source != environ.get("CI_MERGE_REQUEST_PROJECT_ID"):
        return f"the fork {environ.get('CI_MERGE_REQUEST_SOURCE_PROJECT_PATH') or source}"
    fork = environ.get("CIRCLE_PR_REPONAME") or environ.get("CIRCLE_PR_USERNAME")
    if fork:
        return f"the fork {environ.get('CIRCLE_PR_USERNAME', '')}/{environ.get('CIRCLE_PR_REPONAME', '')}"
    if environ.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true":
        return "a fork"
    for theirs, ours in (
        ("BUILDKITE_PULL_REQUEST_REPO", "BUILDKITE_REPO"),
        ("TRAVIS_PULL_REQUEST_SLUG", "TRAVIS_REPO_SLUG"),
    ):
        name = environ.get(theirs)
        if name and _bare(name) != _bare(environ.get(ours, "")):
            return f"the fork {name}"
    return ""


def _event(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What GitHub says has happened; empty elsewhere, None when it cannot be read."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    import json

    try:
        with open(path, "rb") as file:
            event = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        # A runner without its file is none that runs pull requests: `act`, and actions that are tried by hand.
        return None if environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request") else {}
    return event if isinstance(event, dict) else None


def _sides(asked: dict[str, Any], event: dict[str, Any]) -> tuple[str, str]:
    """The full names of the repositories that a change comes from, and that it is for; "" where there is none."""
    if "head_repository" in asked:  # workflow_run
        return _name(asked.get("head_repository")), _name(event.get("repository"))
    head, base = asked.get("head"), asked.get("base")
    return (
        _name(head.get("repo") if isinstance(head, dict) else None),
        _name(base.get("repo") if isinstance(base, dict) else None),
    )


def _name(repository: object) -> str:
    name = repository.get("full_name") if isinstance(repository, dict) else ""
    return name if isinstance(name, str) else ""


def _bare(address: str) -> str:
    """A repository's address without what differs from one way to write it to another."""
    path = address.removesuffix("/").removesuffix(".git").lower()
    return path.rpartition("://")[2].rpartition("@")[2].replace(":", "/")


class Base:
    """A commit that is trusted. `name` is what it was asked for by, such as "origin/main"."""

    __slots__ = ("_changed", "_real", "commit", "name", "repository")

    def __init__(self, repository: Repository, commit: str, name: str) -> None:
        self.repository = repository
        self.commit = commit
        self.name = name
        self._real = os.path.realpath(repository.root)
        self._changed: frozenset[str] | None = None

    def inside(self, path: str) -> str | None:
        """A path as Git names it, None when it is outside of the repository. Its own folder may be a link."""
        folder, name = os.path.split(os.path.abspath(path))
        found = os.path.relpath(os.path.join(os.path.realpath(folder), name), self._real).replace(os.sep, "/")
        return None if found == ".." or found.startswith("../") else found

    def read(self, path: str) -> bytes | None:
        """What a file of the repository held, None when there was none, or it was no file."""
        inside = self.inside(path)
        return None if inside is None else self.repository.at(self.commit, inside)

    def names(self, folder: str) -> tuple[str, ...]:
        """The names directly in a folder of the repository."""
        inside = self.inside(folder)
        return () if inside is None else self.repository.paths_at(self.commit, "" if inside == "." else inside)

    @property
    def changed(self) -> frozenset[str]:
        """The files that are not as they were where HEAD left the commit, as Git names them. Raises UsageError."""
        if self._changed is None:
            self._changed = self.repository.changed_since(self.commit)
        return self._changed

    def has_changed(self, path: str) -> bool:
        """Whether a file, named from the working folder, is one of them."""
        inside = self.inside(path)
        return inside is None or inside in self.changed


def base(environ: Mapping[str, str], named: str = "", start: str = ".") -> Base:
    """The commit to be trusted: `named`, else the base of the pull request, else the newest of the main branch.

    Raises UsageError when there is none here.
    """
    root = find_root(start)
    if root is None:
        raise UsageError(
            "the files are not trusted, so the configuration is that of the base branch, and this is no Git repository",
            "run it inside of one; or use no configuration at all: --isolated",
        )
    repository = Repository(root)
    name = named or _told(environ)
    if name:
        try:
            return Base(repository, repository.commit(name), name)
        except UsageError:
            raise _missing(f"{name} is no commit that is here") from None
    commit = repository.main_commit()
    if not commit:
        raise _missing("there is no main branch here")
    return Base(repository, commit, "the main branch")


def _missing(why: str) -> UsageError:
    return UsageError(
        f"the files are not trusted, so the configuration is that of the base branch, but {why}",
        "fetch it (fetch-depth: 0 of actions/checkout, `git fetch --unshallow`), name it with --base, or use no "
        "configuration at all: --isolated",
    )


def _told(environ: Mapping[str, str]) -> str:
    """The base of the pull request as the CI system names it; a hash where there is one, which no fork can move."""
    event = _event(environ) or {}
    asked = event.get("pull_request")
    side = asked.get("base") if isinstance(asked, dict) else None
    sha = side.get("sha") if isinstance(side, dict) else None
    if isinstance(sha, str) and sha:
        return sha
    sha = environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA") or environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    if sha:
        return sha
    for variable in ("GITHUB_BASE_REF", "BUILDKITE_PULL_REQUEST_BASE_BRANCH", "SYSTEM_PULLREQUEST_TARGETBRANCHNAME"):
        if environ.get(variable):
            return f"refs/remotes/origin/{environ[variable]}"
    return ""
