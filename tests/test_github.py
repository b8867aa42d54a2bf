"""`elf-sqlcheck github`, run against a GitHub on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.github.comment import LIMIT, cut
from elf_sqlcheck.github.job import Job
from tests.forks import run
from tests.github_api import BOT, READ_ONLY, TOKEN, FakeGitHub, github, pull_request_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MERGE = "c" * 40
MARK = "<!-- elf-sqlcheck:lint -->"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with github() as fake:
        yield fake


class Work:
    """A job's folder and its variables."""

    def __init__(self, folder: Path, hub: FakeGitHub) -> None:
        self.folder = folder
        self.summary = folder / "summary.md"
        (folder / "event.json").write_text(json.dumps(pull_request_event()))
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GH_"))},
            **hub.variables(),
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_SHA": MERGE,
            "GITHUB_REF": "refs/pull/7/merge",
        }

    def event(self, **choices: bool | str) -> None:
        (self.folder / "event.json").write_text(json.dumps(pull_request_event(**choices)))  # type: ignore[arg-type]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `elf-sqlcheck github`; no token may show anywhere."""
        done = run("elf-sqlcheck", "github", *arguments, folder=self.folder, variables=self.variables)
        said = done.stdout + done.stderr + (self.summary.read_text() if self.summary.exists() else "")
        assert TOKEN not in said
        assert READ_ONLY not in said
        assert "Traceback" not in said
        return done

    def comment(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "report.md").write_text(text, "utf-8")
        return self.run("comment", "report.md", *options)

    def upload(self, *options: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "report.sarif").write_text('{"version": "2.1.0", "runs": []}')
        return self.run("upload", "report.sarif", *options)


@pytest.fixture
def work(tmp_path: Path, hub: FakeGitHub) -> Work:
    return Work(tmp_path, hub)


def test_one_comment_is_made_and_then_kept_up_to_date(work: Work, hub: FakeGitHub) -> None:
    said = [work.comment(text).stdout for text in ("2 errors\n", "2 errors\n", "1 error\n")]
    assert [line.rpartition(": ")[2] for line in said] == ["made\n", "unchanged\n", "updated\n"]
    assert hub.texts() == ["1 error\n"]
    assert hub.comments[0]["body"].startswith(f"{MARK}\n")


def test_comments_of_several_names_stand_beside_each_other(work: Work, hub: FakeGitHub) -> None:
    work.comment("linted")
    work.comment("proven", "--name", "verify")
    work.comment("linted again")
    assert hub.texts() == ["linted again\n", "proven\n"]
    assert work.comment("x", "--name", "a-->b").returncode == 2


def test_no_comment_is_begun_only_to_say_that_all_is_well(work: Work, hub: FakeGitHub) -> None:
    assert work.comment("nothing found", "--only-update").returncode == 0
    assert hub.comments == []
    work.comment("1 error")
    work.comment("nothing found", "--only-update")
    assert hub.texts() == ["nothing found\n"]


def test_an_empty_file_takes_the_comment_away(work: Work, hub: FakeGitHub) -> None:
    hub.say("ada", "please review")
    work.comment("1 error")
    assert "deleted" in work.comment("\n").stdout
    assert [comment["body"] for comment in hub.comments] == ["please review"]
    assert "not needed" in work.comment("").stdout


def test_a_comment_of_anybody_else_is_never_touched(work: Work, hub: FakeGitHub) -> None:
    hub.say("mallory", f"{MARK}\nall is well")
    hub.say(BOT, f"I quote: {MARK}")
    hub.say(BOT, "<!-- elf-sqlcheck:lint2 -->\nanother")
    before = [comment["body"] for comment in hub.comments]
    work.comment("1 error")
    assert [comment["body"] for comment in hub.comments] == [*before, f"{MARK}\n1 error\n"]


def test_a_comment_is_found_behind_many_others(work: Work, hub: FakeGitHub) -> None:
    for number in range(120):
        hub.say("ada", f"remark {number}")
    hub.say(BOT, f"{MARK}\r\nold")
    hub.say("ada", "last")
    work.comment("new")
    assert hub.texts() == ["new\n"]
    assert len(hub.comments) == 122


def test_what_two_runs_at_once_made_becomes_one_again(work: Work, hub: FakeGitHub) -> None:
    hub.say(BOT, f"{MARK}\nfirst")
    hub.say(BOT, f"{MARK}\nsecond")
    work.comment("third")
    assert hub.texts() == ["third\n"]


@pytest.mark.parametrize("filling", ["a line of a report\n", "💥 boom\n", "x" * 500 + "\n", "ä\n"])
def test_a_long_comment_is_cut_and_says_so(work: Work, hub: FakeGitHub, filling: str) -> None:
    text = f"<details><summary>all</summary>\n\n```sql\n{filling * 40_000}```\n</details>\n"
    assert "made" in work.comment(text).stdout
    [kept] = hub.texts()
    assert kept.endswith("all of it.\n")
    assert "\n```\n</details>\n\n… and more" in kept
    assert len(kept) > 30_000


def test_a_text_that_fits_is_not_cut() -> None:
    text = "x" * LIMIT
    assert cut(text) == text
    assert len(cut(text + "\ny")) <= LIMIT
    assert cut("a\n" * 200_000).startswith("a\na\n")


@pytest.mark.parametrize("token", [READ_ONLY, "", "ghs_0ther"])
def test_without_the_right_to_write_the_summary_has_the_report(work: Work, hub: FakeGitHub, token: str) -> None:
    work.variables["GITHUB_TOKEN"] = token
    done = work.comment("### 2 errors in `a.sql`\n")
    assert done.returncode == 0
    assert done.stderr.count("note: ") == 1
    assert work.summary.read_text().startswith("> [!NOTE]\n> elf-sqlcheck: ")
    assert work.summary.read_text().endswith("### 2 errors in `a.sql`\n\n")
    assert hub.comments == []
    assert work.comment("text", "--strict").returncode == 2


def test_the_sentence_names_the_missing_permission_or_the_fork(work: Work) -> None:
    work.variables["GITHUB_TOKEN"] = READ_ONLY
    assert "pull-requests: write" in work.comment("text").stderr
    work.event(fork=True)
    said = work.comment("text", "--no-summary").stderr
    assert "does not let GITHUB_TOKEN comment on pull request #7 (Resource not accessible by integration)." in said
    assert "comes from a fork, whose token may only read" in said


def test_a_run_of_no_pull_request_says_so(work: Work, hub: FakeGitHub) -> None:
    (work.folder / "event.json").write_text('{"ref": "refs/heads/main"}')
    done = work.comment("text")
    assert (done.returncode, "This run belongs to no pull request" in done.stderr) == (0, True)
    assert hub.requests == []
    assert "made" in work.comment("text", "--pull-request", "9").stdout
    (work.folder / "event.json").write_text('{"issue": {"number": 9, "pull_request": {"url": "x"}}}')
    assert "#9: unchanged" in work.comment("text").stdout


def test_too_often_is_waited_for_and_a_comment_is_not_made_twice(work: Work, hub: FakeGitHub) -> None:
    hub.instead = [(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "1"})]
    assert "made" in work.comment("text").stdout
    hub.instead = [(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0",
                                                                 "X-RateLimit-Reset": "4000000000"})]  # fmt: skip
    done = work.comment("other")
    assert (done.returncode, "asked too often" in done.stderr) == (0, True)
    hub.comments.clear()
    hub.instead = [(200, [], {}), (502, {"message": "Bad gateway"}, {})]
    assert "answered with status 502 (Bad gateway)" in work.comment("text").stderr
    assert [line for line in hub.requests if line.startswith("POST /repos")][1:] == [
        "POST /repos/elf/shop/issues/7/comments"
    ]


def test_an_answer_that_is_none_of_githubs_is_told(work: Work, hub: FakeGitHub) -> None:
    hub.instead = [(200, {"login": "page"}, {})]
    done = work.comment("text")
    assert (done.returncode, "did not answer as the reference" in done.stderr) == (2, True)
    hub.instead = [(301, None, {"Location": "https://elsewhere.example/"})]
    assert "the token is not carried there" in work.comment("text").stderr
    work.variables["GITHUB_API_URL"] = "http://github.example"
    assert "GITHUB_API_URL is no address to which a token may be sent" in work.comment("text").stderr
    work.variables["GITHUB_API_URL"] = "http://127.0.0.1:1"
    done = work.comment("text")
    assert (done.returncode, "cannot be reached" in done.stderr) == (0, True)


def test_sarif_is_uploaded_for_the_merge_and_waited_for(work: Work, hub: FakeGitHub) -> None:
    done = work.upload()
    assert done.stdout == f"code scanning has the findings for refs/pull/7/merge at {MERGE[:12]}\n"
    [sarif] = hub.sarifs
    assert (sarif["commit_sha"], sarif["ref"]) == (MERGE, "refs/pull/7/merge")
    assert sarif["sarif"] == {"version": "2.1.0", "runs": []}
    assert sarif["asked"] == 2


def test_sarif_of_a_checked_out_head_is_uploaded_for_the_head(work: Work, hub: FakeGitHub) -> None:
    git = ["git", "-C", str(work.folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    work.event(head=head)
    work.upload("--wait", "0")
    assert (hub.sarifs[0]["commit_sha"], hub.sarifs[0]["ref"]) == (head, "refs/pull/7/head")
    work.upload("--wait", "0", "--sha", "d" * 40, "--ref", "refs/heads/main")
    assert (hub.sarifs[1]["commit_sha"], hub.sarifs[1]["ref"]) == ("d" * 40, "refs/heads/main")


def test_a_refused_sarif_file_is_told(work: Work, hub: FakeGitHub) -> None:
    hub.pending, hub.errors = 0, ["rule has no name", f"and {TOKEN}"]
    done = work.upload()
    assert (done.returncode, "refuses the SARIF file: rule has no name; and ***" in done.stderr) == (2, True)
    hub.instead = [(403, {"message": "Code scanning is not enabled for this repository."}, {})]
    done = work.upload()
    assert done.returncode == 0
    assert "does not let GITHUB_TOKEN write to code scanning (Code scanning is not enabled" in done.stderr
    assert "write to code scanning" in work.summary.read_text()
    hub.instead = [(202, {"id": "abc"}, {}), (200, {"processing_status": "failed", "errors": 1}, {})]
    done = work.upload()
    assert (done.returncode, "did not answer as the reference" in done.stderr) == (2, True)
    hub.instead = []
    hub.pending, hub.errors = 9, []
    assert "was not done with it after 1 seconds" in work.upload("--wait", "1").stderr
    work.variables["GITHUB_REF"] = "main"
    assert "do not tell which commit" in work.upload().stderr
    assert "is no SARIF file" in work.run("upload", "event.json").stderr
    assert "cannot read none.sarif" in work.run("upload", "none.sarif").stderr


def test_numbers_become_outputs(work: Work) -> None:
    summary = {"errors": 2, "warnings": 1, "notes": 0, "files": 9}
    (work.folder / "report.json").write_text(json.dumps({"version": 1, "findings": [], "summary": summary}))
    said = "findings=3\nerrors=2\nwarnings=1\nnotes=0\n"
    assert work.run("outputs", "report.json").stdout == said
    work.variables["GITHUB_OUTPUT"] = str(work.folder / "outputs")
    assert work.run("outputs", "report.json").stdout == ""
    assert (work.folder / "outputs").read_text() == said
    assert "is no JSON report" in work.run("outputs", "event.json").stderr


def test_a_job_of_an_enterprise_server_is_understood() -> None:
    job = Job.read({"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "https://git.example.com/api/v3", "GH_TOKEN": "t0k"})
    assert (job.api, job.graphql) == ("https://git.example.com/api/v3", "https://git.example.com/api/graphql")
    assert Job.read({"GITHUB_REPOSITORY": "a/b"}).graphql == "https://api.github.com/graphql"
    assert "t0k" not in repr(job)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"GITHUB_REPOSITORY": "../../user"}, "does not name a repository"),
        ({"GITHUB_REPOSITORY": ""}, "does not name a repository"),
        ({"GITHUB_EVENT_PATH": "report.md"}, "which is no event of GitHub"),
        ({"GITHUB_EVENT_PATH": "none.json"}, "which is no event of GitHub"),
        ({"GITHUB_TOKEN": "two words"}, "GITHUB_TOKEN is not a token"),
    ],
)
def test_variables_that_make_no_sense_are_named(work: Work, changed: dict[str, str], said: str) -> None:
    work.variables |= changed
    done = work.comment("text")
    assert (done.returncode, said in done.stderr) == (2, True)
