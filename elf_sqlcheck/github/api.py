"""The part of GitHub's REST API that reports need: comments of a pull request, and code scanning.

See https://docs.github.com/en/rest/issues/comments and https://docs.github.com/en/rest/code-scanning/code-scanning
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ApiFailed, UsageError
from elf_sqlcheck.shared.https import Https, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.github.job import Job
    from elf_sqlcheck.shared.https import Answer

_VERSION = "2022-11-28"
_PAGE = 50
#: Fifty comments of 65,536 characters, each perhaps written as six bytes.
_LARGEST = _PAGE * 65_536 * 6
#: A job can wait for a busy server longer than somebody at a terminal can.
_UNHURRIED = 6.0


class NotReported(ApiFailed):
    """GitHub does not take the report, and nothing in the project is wrong: the token may only read, or it is down."""


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request."""

    number: int
    author: str
    text: str


class GitHub:
    """Requests about one repository; each is answered, or raises ApiFailed, which never shows the token."""

    def __init__(self, job: Job) -> None:
        if not job.token:
            raise NotReported(
                "There is no GITHUB_TOKEN, so GitHub cannot be told.",
                "Give it to the step: `env: GITHUB_TOKEN: ${{ github.token }}`",
            )
        # Said here, because http.client would quote the value of a header that it refuses.
        if not re.fullmatch(r"[!-~]+", job.token):
            raise UsageError("GITHUB_TOKEN is not a token", "it is one word of letters and digits, without a line end")
        self._token = job.token
        self._repository = f"/repos/{job.repository}"
        headers = {
            "Authorization": f"Bearer {job.token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "elf-sqlcheck",
            "X-GitHub-Api-Version": _VERSION,
        }
        self._https, self._graphql = (
            _connected(name, url, headers)
            for name, url in (("GITHUB_API_URL", job.api), ("GITHUB_GRAPHQL_URL", job.graphql))
        )

    def login(self) -> str:
        """Who the token belongs to, `github-actions[bot]` for that of a job."""
        # REST has no answer to this for the token of a job: GET /user is forbidden to it.
        found = self._ask(self._graphql, "POST", "", {"query": "query { viewer { login } }"}, "be asked who it is")
        try:
            login = found["data"]["viewer"]["login"]
        except (LookupError, TypeError):
            raise self._strange() from None
        return str(login)

    def comments(self, pull_request: int) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""
        page = 0
        while True:
            page += 1
            path = f"{self._repository}/issues/{pull_request}/comments?per_page={_PAGE}&page={page}"
            found = self._ask(self._https, "GET", path, None, f"read the comments of pull request #{pull_request}")
            if not isinstance(found, list):
                raise self._strange()
            for entry in found:
                yield self._comment(entry)
            if len(found) < _PAGE:
                return

    def comment(self, pull_request: int, text: str) -> None:
        """Write a new comment."""
        path = f"{self._repository}/issues/{pull_request}/comments"
        self._ask(self._https, "POST", path, {"body": text}, f"comment on pull request #{pull_request}", once=True)

    def change_comment(self, number: int, text: str) -> None:
        """Write another text into a comment."""
        path = f"{self._repository}/issues/comments/{number}"
        self._ask(self._https, "PATCH", path, {"body": text}, "change its comment")

    def delete_comment(self, number: int) -> None:
        """Take a comment away."""
        path = f"{self._repository}/issues/comments/{number}"
        self._ask(self._https, "DELETE", path, None, "delete its comment")

    def send_sarif(self, upload: dict[str, str]) -> str:
        """Hand over a SARIF file; returns the identifier under which it is processed."""
        path = f"{self._repository}/code-scanning/sarifs"
        found = self._ask(self._https, "POST", path, upload, "write to code scanning", once=True)
        identifier = found.get("id") if isinstance(found, dict) else None
        if not isinstance(identifier, str) or not re.fullmatch(r"[\w-]+", identifier, re.ASCII):
            raise self._strange()
        return identifier

    def sarif_state(self, identifier: str) -> tuple[str, tuple[str, ...]]:
        """How far a file is: `pending`, `complete` or `failed`, and what is wrong with it."""
        path = f"{self._repository}/code-scanning/sarifs/{identifier}"
        found = self._ask(self._https, "GET", path, None, "read from code scanning")
        errors = (found.get("errors") or []) if isinstance(found, dict) else None
        if not isinstance(errors, list):
            raise self._strange()
        return str(found.get("processing_status")), tuple(self._quoted(error) for error in errors)

    def _ask(
        self, server: Https, method: str, path: str, given: dict[str, str] | None, what: str, *, once: bool = False
    ) -> Any:
        body = None if given is None else json.dumps(given).encode()
        try:
            answer = server.fetch(method, path, body, once=once)
        except NoAnswer as failure:
            remedy = failure.remedy or "Check the network (a proxy is taken from HTTPS_PROXY), and githubstatus.com."
            raise NotReported(f"{server.host} {failure}.", remedy) from None
        if answer.status >= 300:
            raise self._refused(answer, what)
        if not answer.body:
            return None
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._strange() from None

    def _comment(self, entry: object) -> Comment:
        if not isinstance(entry, dict) or type(entry.get("id")) is not int:
            raise self._strange()
        user = entry.get("user")  # null for an account that was deleted
        author = str(user.get("login")) if isinstance(user, dict) else ""
        return Comment(entry["id"], author, str(entry.get("body") or ""))

    def _strange(self) -> ApiFailed:
        return ApiFailed(
            f"{self._https.host} did not answer as the reference of GitHub's API says.",
            "Perhaps a proxy answers in its place, or GITHUB_API_URL names another server.",
        )

    def _refused(self, answer: Answer, what: str) -> ApiFailed:
        host, status, said = self._https.host, answer.status, self._said(answer.body)
        if status == 401:
            return NotReported(f"{host} does not accept GITHUB_TOKEN.", "A job's token ends with the job.")
        if status == 429 or answer.asked_wait:
            wait = f", and asks to wait {answer.asked_wait:.0f} seconds" if answer.asked_wait else ""
            return NotReported(f"{host} has been asked too often{wait}.", "Run the job again later.")
        if status == 403:
            return NotReported(
                f"{host} does not let GITHUB_TOKEN {what}{said}.",
                "Give the job the permission: `pull-requests: write` for comments, `security-events: write` for code "
                "scanning. A pull request from a fork, or of Dependabot, has a token that may only read.",
            )
        if status == 404:
            return NotReported(
                f"{host} knows nothing by which GITHUB_TOKEN could {what}{said}.",
                "Check the number of the pull request, whether code scanning is enabled, and the job's permissions.",
            )
        if 300 <= status < 400:
            return ApiFailed(
                f"{host} redirects to another address, and the token is not carried there.",
                "Check GITHUB_REPOSITORY: it may have been renamed.",
            )
        if status >= 500:
            return NotReported(f"{host} answered with status {status}{said}.", "See githubstatus.com; try again later.")
        return ApiFailed(f"{host} does not {what}: status {status}{said}.", "See what GitHub's own words say is wrong.")

    def _said(self, body: bytes) -> str:
        """GitHub's own words about a refusal, `message` of a JSON object; no other text is repeated."""
        try:
            words = self._quoted(json.loads(body)["message"])
        except (ValueError, RecursionError, LookupError, TypeError):
            return ""
        return f" ({words.rstrip('.')})" if words else ""

    def _quoted(self, text: object) -> str:
        return "".join(c for c in str(text).replace(self._token, "***")[:300] if c.isprintable())


def _connected(name: str, url: str, headers: dict[str, str]) -> Https:
    try:
        return Https(url, headers, unhurried=_UNHURRIED, largest=_LARGEST)
    except ValueError:
        raise UsageError(
            f"{name} is no address to which a token may be sent",
            "it must begin with https://, like https://api.github.com; http:// is for this machine only",
        ) from None
