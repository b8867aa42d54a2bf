"""A GitHub on loopback: the part of its API that reports use, with its limits, its paging and its refusals."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "elf/shop"
TOKEN = "ghs_c4n4ryc4n4ryc4n4ryc4n4ry"
READ_ONLY = "ghs_r34d0nlyr34d0nlyr34d0nly"
BOT = "github-actions[bot]"
Answer = tuple[int, Any, dict[str, str]]


@dataclass
class FakeGitHub:
    """What it knows of one repository; `owners` are its tokens, of which those in `readers` may only read."""

    url: str = ""
    owners: dict[str, str] = field(default_factory=lambda: {TOKEN: BOT, READ_ONLY: BOT})
    readers: set[str] = field(default_factory=lambda: {READ_ONLY})
    comments: list[dict[str, Any]] = field(default_factory=list)
    sarifs: list[dict[str, Any]] = field(default_factory=list)
    #: What the next requests are answered with, whatever they are.
    instead: list[Answer] = field(default_factory=list)
    #: How often a SARIF file is pending before it is taken, and what is found wrong with it.
    pending: int = 1
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def say(self, author: str, text: str, pull_request: int = 7) -> int:
        """Let somebody comment; returns the comment's number."""
        number = 1000 + len(self.comments)
        self.comments.append({"id": number, "user": {"login": author}, "body": text, "pull_request": pull_request})
        return number

    def texts(self, author: str = BOT) -> list[str]:
        """What somebody's comments say, without their marks."""
        mine = [comment["body"] for comment in self.comments if comment["user"]["login"] == author]
        return [re.sub(r"\A<!-- elf-sqlcheck:\S+ -->\n", "", text) for text in mine]

    def answer(self, method: str, path: str, token: str, given: Any) -> Answer:
        """Answer one request as GitHub does."""
        self.requests.append(f"{method} {path}")
        if self.instead:
            return self.instead.pop(0)
        if token not in self.owners:
            return 401, {"message": "Bad credentials"}, {}
        place = urllib.parse.urlsplit(path)
        if place.path == "/graphql":
            return 200, {"data": {"viewer": {"login": self.owners[token]}}}, {}
        if method != "GET" and token in self.readers:
            return 403, {"message": "Resource not accessible by integration"}, {}
        rest = place.path.removeprefix(f"/repos/{REPOSITORY}")
        if found := re.fullmatch(r"/issues/(\d+)/comments", rest):
            return self._comments(method, int(found[1]), urllib.parse.parse_qs(place.query), token, given)
        if found := re.fullmatch(r"/issues/comments/(\d+)", rest):
            return self._comment(method, int(found[1]), given)
        if rest == "/code-scanning/sarifs" and method == "POST":
            return self._sarif(given)
        if (found := re.fullmatch(r"/code-scanning/sarifs/sarif-(\d+)", rest)) and method == "GET":
            return self._state(int(found[1]))
        return 404, {"message": "Not Found"}, {}

    def _comments(self, method: str, number: int, query: dict[str, list[str]], token: str, given: Any) -> Answer:
        if method == "GET":
            size, page = int(query["per_page"][0]), int(query["page"][0])
            mine = [comment for comment in self.comments if comment["pull_request"] == number]
            return 200, mine[(page - 1) * size : page * size], {}
        if _too_long(given["body"]):
            return 422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"}, {}
        self.say(self.owners[token], given["body"], number)
        return 201, self.comments[-1], {}

    def _comment(self, method: str, number: int, given: Any) -> Answer:
        comment = next((comment for comment in self.comments if comment["id"] == number), None)
        if comment is None:
            return 404, {"message": "Not Found"}, {}
        if method == "DELETE":
            self.comments.remove(comment)
            return 204, None, {}
        if _too_long(given["body"]):
            return 422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"}, {}
        comment["body"] = given["body"]
        return 200, comment, {}

    def _sarif(self, given: Any) -> Answer:
        if not re.fullmatch(r"[0-9a-f]{40}", given["commit_sha"]) or not re.fullmatch(
            r"refs/(heads|tags)/.+|refs/pull/\d+/(head|merge)", given["ref"]
        ):
            return 422, {"message": "commit_sha or ref is invalid"}, {}
        document = json.loads(gzip.decompress(base64.b64decode(given["sarif"], validate=True)))
        self.sarifs.append({**given, "sarif": document, "asked": 0})
        return 202, {"id": f"sarif-{len(self.sarifs) - 1}", "url": self.url}, {}

    def _state(self, number: int) -> Answer:
        sarif = self.sarifs[number]
        sarif["asked"] += 1
        if sarif["asked"] <= self.pending:
            return 200, {"processing_status": "pending"}, {}
        return 200, {"processing_status": "failed" if self.errors else "complete", "errors": self.errors or None}, {}

    def variables(self, token: str = TOKEN) -> dict[str, str]:
        """What a job of its repository is given."""
        return {
            "GITHUB_TOKEN": token,
            "GITHUB_API_URL": self.url,
            "GITHUB_GRAPHQL_URL": f"{self.url}/graphql",
            "GITHUB_REPOSITORY": REPOSITORY,
        }


def _too_long(text: str) -> bool:
    return len(text.encode("utf-16-le")) // 2 > 65_536


@contextlib.contextmanager
def github() -> Iterator[FakeGitHub]:
    """A GitHub that answers while the body runs."""
    fake = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, said, headers = fake.answer(self.command, self.path, token, json.loads(body) if body else None)
            data = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield fake
        finally:
            server.shutdown()


def pull_request_event(*, fork: bool = False, head: str = "a" * 40, number: int = 7) -> dict[str, Any]:
    """The event of a pull request, as far as anybody reads it."""
    return {
        "action": "synchronize",
        "number": number,
        "pull_request": {
            "number": number,
            "head": {"ref": "feature", "sha": head, "repo": {"full_name": "stranger/shop" if fork else REPOSITORY}},
            "base": {"ref": "main", "sha": "b" * 40, "repo": {"full_name": REPOSITORY}},
        },
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
    }
