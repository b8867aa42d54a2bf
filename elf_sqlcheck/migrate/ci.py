"""The CI systems that are known by the variables of their jobs."""

from __future__ import annotations

import os
from typing import NamedTuple


class System(NamedTuple):
    """A CI system.

    `sign` is the variable that tells its jobs; `actor`, `run` and `commit` are texts in which "{X}" is a variable;
    `branch` are the variables that name the branch: HEAD is often on none there.
    """

    name: str
    sign: str
    actor: str
    run: str
    commit: str
    branch: tuple[str, ...]

    def filled(self, form: str) -> str:
        """The text with its variables, "" when one of them is not set."""
        names = [part.partition("}")[0] for part in form.split("{")[1:]]
        values = {name: os.environ.get(name, "") for name in names}
        return form.format_map(values) if all(values.values()) else ""


_SYSTEMS = (
    System("GitHub Actions", "GITHUB_ACTIONS", "{GITHUB_ACTOR}",
           "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}", "{GITHUB_SHA}", ("GITHUB_REF",)),
    System("GitLab CI", "GITLAB_CI", "{GITLAB_USER_LOGIN}", "{CI_JOB_URL}", "{CI_COMMIT_SHA}", ("CI_COMMIT_BRANCH",)),
    System("CircleCI", "CIRCLECI", "{CIRCLE_USERNAME}", "{CIRCLE_BUILD_URL}", "{CIRCLE_SHA1}", ("CIRCLE_BRANCH",)),
    System("Buildkite", "BUILDKITE", "{BUILDKITE_BUILD_CREATOR}", "{BUILDKITE_BUILD_URL}", "{BUILDKITE_COMMIT}",
           ("BUILDKITE_BRANCH",)),
    System("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "{BITBUCKET_STEP_TRIGGERER_UUID}",
           "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}", "{BITBUCKET_COMMIT}",
           ("BITBUCKET_BRANCH",)),
    System("Azure Pipelines", "TF_BUILD", "{BUILD_REQUESTEDFOR}",
           "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
           "{BUILD_SOURCEVERSION}", ("BUILD_SOURCEBRANCH",)),
    System("Jenkins", "JENKINS_URL", "{BUILD_USER_ID}", "{BUILD_URL}", "{GIT_COMMIT}", ("BRANCH_NAME", "GIT_BRANCH")),
)  # fmt: skip


def present() -> System | None:
    """The system whose job this process is, None for none."""
    return next((system for system in _SYSTEMS if os.environ.get(system.sign)), None)
