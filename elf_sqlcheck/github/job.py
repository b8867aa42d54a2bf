"""The job of GitHub Actions that this process belongs to, as its variables tell it.

See https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC_API = "https://api.github.com"


@dataclass(frozen=True)
class Job:
    """A job, or what a person has set in its place.

    `repository` is `owner/name`, `ref` a full one (`refs/pull/7/merge`), `event` what GitHub tells about the event that
    started it, `summary` the file whose Markdown is shown with the run, "" for none.
    """

    token: str = field(repr=False)
    repository: str
    api: str = PUBLIC_API
    graphql: str = f"{PUBLIC_API}/graphql"
    sha: str = ""
    ref: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """The job of these variables. Raises UsageError when they name no repository."""
        repository = environment.get("GITHUB_REPOSITORY", "").strip()
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
            raise UsageError(
                "GITHUB_REPOSITORY does not name a repository as owner/name",
                "GitHub Actions sets it; elsewhere set it, GITHUB_TOKEN, GITHUB_SHA and GITHUB_REF by hand",
            )
        api = (environment.get("GITHUB_API_URL", "").strip() or PUBLIC_API).rstrip("/")
        # An Enterprise server has /api/v3 and /api/graphql.
        graphql = environment.get("GITHUB_GRAPHQL_URL", "").strip() or f"{api.removesuffix('/v3')}/graphql"
        return cls(
            environment.get("GITHUB_TOKEN", "").strip() or environment.get("GH_TOKEN", "").strip(),
            repository,
            api,
            graphql,
            environment.get("GITHUB_SHA", "").strip(),
            environment.get("GITHUB_REF", "").strip(),
            _event(environment.get("GITHUB_EVENT_PATH", "")),
            environment.get("GITHUB_STEP_SUMMARY", ""),
        )

    @property
    def pull_request(self) -> int:
        """The number of the pull request that the event is about, 0 for none."""
        pull = self._pull
        issue = self.event.get("issue")
        if not pull and isinstance(issue, dict) and issue.get("pull_request"):
            pull = issue  # somebody has commented on a pull request
        number = pull.get("number")
        return number if type(number) is int and number > 0 else 0

    @property
    def head(self) -> str:
        """The newest commit of the pull request's own branch, "" for none."""
        head = self._pull.get("head")
        return str(head.get("sha") or "") if isinstance(head, dict) else ""

    @property
    def is_of_fork(self) -> bool:
        """Whether the pull request comes from another repository, so that its token may only read."""
        names = []
        for side in ("head", "base"):
            end = self._pull.get(side)
            repository = end.get("repo") if isinstance(end, dict) else None
            # The repository of a fork that was deleted since is null.
            names.append(repository.get("full_name") if isinstance(repository, dict) else None)
        return bool(self._pull) and names[0] != names[1]

    @property
    def _pull(self) -> Mapping[str, Any]:
        found = self.event.get("pull_request")
        return found if isinstance(found, dict) else {}


def _event(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"GITHUB_EVENT_PATH names {path}, which is no event of GitHub", "unset it, or name the event's JSON file"
        )
    return found
