"""On whose behalf a change is made: the person of Git, the job of the CI system, and the commit."""

from __future__ import annotations

import functools
import getpass
import os
import socket
from importlib.metadata import PackageNotFoundError, version

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root

#: For each CI system: a variable that tells it, and those of its actor, its run and its commit. "{X}" is a variable.
_SYSTEMS = {
    "GitHub Actions": ("GITHUB_ACTIONS", "{GITHUB_ACTOR}",
                       "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}", "{GITHUB_SHA}"),
    "GitLab CI": ("GITLAB_CI", "{GITLAB_USER_LOGIN}", "{CI_JOB_URL}", "{CI_COMMIT_SHA}"),
    "CircleCI": ("CIRCLECI", "{CIRCLE_USERNAME}", "{CIRCLE_BUILD_URL}", "{CIRCLE_SHA1}"),
    "Buildkite": ("BUILDKITE", "{BUILDKITE_BUILD_CREATOR}", "{BUILDKITE_BUILD_URL}", "{BUILDKITE_COMMIT}"),
    "Bitbucket Pipelines": ("BITBUCKET_BUILD_NUMBER", "{BITBUCKET_STEP_TRIGGERER_UUID}",
                            "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
                            "{BITBUCKET_COMMIT}"),
    "Azure Pipelines": ("TF_BUILD", "{BUILD_REQUESTEDFOR}",
                        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
                        "{BUILD_SOURCEVERSION}"),
    "Jenkins": ("JENKINS_URL", "{BUILD_USER_ID}", "{BUILD_URL}", "{GIT_COMMIT}"),
}  # fmt: skip


@functools.cache
def identity() -> dict[str, str]:
    """Return what is known of who runs this: any of `user`, `host`, `git`, `commit`, `ci`, `actor`, `run`, `tool`."""
    found = {"tool": _tool(), "user": _user(), "host": socket.gethostname(), **_git(), **_ci()}
    return {key: value for key, value in found.items() if value}


def _tool() -> str:
    try:
        return f"elf-migrate {version('elf-sqlcheck')}"
    except PackageNotFoundError:
        return "elf-migrate"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in many containers
        return ""


def _git() -> dict[str, str]:
    root = find_root(os.getcwd())
    if root is None:
        return {}
    try:
        return dict(zip(("git", "commit"), Repository(root).author_and_head(), strict=True))
    except UsageError:
        return {}


def _ci() -> dict[str, str]:
    for name, (sign, actor, run, commit) in _SYSTEMS.items():
        if os.environ.get(sign):
            values = {"ci": name, "actor": _filled(actor), "run": _filled(run)}
            return values | ({"commit": _filled(commit)} if _filled(commit) else {})
    return {}


def _filled(form: str) -> str:
    """The form with its variables, "" when one of them is not set."""
    names = [part.partition("}")[0] for part in form.split("{")[1:]]
    values = {name: os.environ.get(name, "") for name in names}
    return form.format_map(values) if all(values.values()) else ""
