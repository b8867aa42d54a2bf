"""The actions and the reusable workflows, executed: with `act`, a GitHub on loopback, and real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.act import ROOT, Project
from tests.github_api import READ_ONLY, FakeGitHub, github

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
OLD = """\
-- Migration: Customers
-- Version: 20250101_090000
-- Description: Those who buy

-- ============= UP MIGRATION =============
CREATE TABLE customers (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMP DEFAULT NOW()
);

-- ============= DOWN MIGRATION ============
DROP TABLE customers;
"""
GOOD = """\
-- Migration: Orders
-- Version: 20250102_090000
-- Description: What they buy

-- ============= UP MIGRATION =============
CREATE TABLE IF NOT EXISTS orders (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    customer_id UUID NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
);

-- ============= DOWN MIGRATION ============
DROP TABLE IF EXISTS orders;
"""
BAD = GOOD.replace("NOT NULL,", "NOT NULL REFERENCES customers(id),")
PATH = "migrations/20250102_090000_orders.sql"
CONFIGURATION = "[tool.elf-sqlcheck]\nlock-timeout = '5s'\nlayout = 'elf'\n"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with github() as fake:
        yield fake


@pytest.fixture
def project(tmp_path: Path, hub: FakeGitHub) -> Project:
    made = Project(tmp_path)
    made.variables = {"GITHUB_API_URL": hub.url, "GITHUB_GRAPHQL_URL": f"{hub.url}/graphql"}
    made.write("migrations/20250101_090000_customers.sql", OLD)
    made.write("pyproject.toml", CONFIGURATION)
    made.commit("Begin")
    return made


def lint_workflow(*inputs: str, depth: int = 1) -> str:
    lines = "".join(f"          {line}\n" for line in ("version: none", *inputs))
    return f"""\
name: Lint
on: pull_request
jobs:
  lint:
    runs-on: ubuntu-24.04
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: {depth}
      - id: lint
        uses: $/.github/actions/elf-sqlcheck
        with:
{lines}      - if: ${{{{ !cancelled() }}}}
        env:
          FINDINGS: ${{{{ steps.lint.outputs.findings }}}}
          ERRORS: ${{{{ steps.lint.outputs.errors }}}}
        run: echo "outputs $FINDINGS $ERRORS"
"""


def test_a_pull_request_is_annotated_and_its_comment_kept_up_to_date(project: Project, hub: FakeGitHub) -> None:
    project.workflow("lint.yml", lint_workflow('upload: "true"'))
    project.pull_request({PATH: BAD})
    ran = project.run("pull_request", "lint.yml")
    assert ran.code == 1
    assert "outputs 1 1" in ran.said
    [annotation] = ran.annotations("error")
    assert annotation.startswith(f"file={PATH},line=8,")
    assert ran.annotations("warning") == []
    [comment] = hub.texts()
    assert "unindexed-foreign-key" in comment
    [sarif] = hub.sarifs
    assert (sarif["ref"], sarif["commit_sha"]) == ("refs/pull/7/merge", project.git("rev-parse", "HEAD"))
    [result] = sarif["sarif"]["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == PATH

    project.pull_request({PATH: BAD, "migrations/later.txt": ""})
    assert project.run("pull_request", "lint.yml").code == 1
    assert hub.texts() == [comment]

    project.pull_request({PATH: GOOD})
    assert project.run("pull_request", "lint.yml").code == 0
    [mended] = hub.texts()
    assert "nothing found" in mended


def test_the_pull_request_of_a_fork_has_the_summary_and_nothing_else(project: Project, hub: FakeGitHub) -> None:
    project.workflow("lint.yml", lint_workflow('upload: "true"'))
    project.pull_request({PATH: GOOD.replace("    created_at TIMESTAMP DEFAULT NOW()\n", "    paid BOOL\n")}, fork=True)
    project.token = READ_ONLY
    ran = project.run("pull_request", "lint.yml")
    assert ran.said.count("comes from a fork, whose token may only read") >= 2
    assert "| error | " in ran.said  # the job summary
    assert (hub.texts(), hub.sarifs) == ([], [])
    assert READ_ONLY not in ran.said


EVIL = "$(touch pwned)`touch pwned`; touch pwned #\"' && touch pwned"


def test_inputs_with_shell_characters_are_text(project: Project, hub: FakeGitHub, tmp_path: Path) -> None:
    evil = EVIL.replace("pwned", str(tmp_path / "pwned"))
    quoted = evil.replace("'", "''")
    for number, name in enumerate(("since", "dir", "fail-on", "arguments", "paths", "name", "version")):
        inputs = [f"{name}: '{quoted}'"]
        workflow = lint_workflow(*inputs)
        if name == "version":
            workflow = workflow.replace("          version: none\n", "")
        project.workflow(f"evil{number}.yml", workflow)
        project.pull_request({PATH: BAD})
        project.event["pull_request"]["title"] = evil
        ran = project.run("pull_request", f"evil{number}.yml")
        assert ran.code == 1
        assert not (tmp_path / "pwned").exists(), f"{name}: {ran.said}"
    assert hub.sarifs == []


@pytest.mark.parametrize(
    ("case", "depth", "since"),
    [("merge", 0, ""), ("merge", 2, ""), ("head", 1, ""), ("push", 1, ""), ("all", 1, "since: all"),
     ("lost", 1, "since: no-such-branch")],
)  # fmt: skip
def test_only_what_changed_is_reported_where_that_is_known(
    project: Project, case: str, depth: int, since: str
) -> None:
    old = OLD.replace("DROP TABLE customers", "DROP TABLE IF EXISTS customer")  # DOWN does not undo UP
    project.write("migrations/20250101_090000_customers.sql", old)
    project.commit("An old mistake")
    for number in range(3):
        project.commit(f"More {number}")
    workflow = lint_workflow(*([since] if since else []), depth=depth)
    project.pull_request({PATH: BAD})
    if case == "head":  # a workflow that asks for the branch itself
        head = project.event["pull_request"]["head"]["sha"]
        workflow = workflow.replace(f"fetch-depth: {depth}", f"fetch-depth: {depth}\n          ref: {head}")
    event = "pull_request"
    if case == "push":
        event, project.event = "push", {"ref": "refs/heads/main"}
        workflow = workflow.replace("on: pull_request", "on: push")
    project.workflow("lint.yml", workflow)
    ran = project.run(event, "lint.yml")
    files = {annotation.partition(",")[0] for annotation in ran.annotations("error")}
    both = {"file=migrations/20250101_090000_customers.sql", f"file={PATH}"}
    assert files == (both if case in {"push", "all", "lost"} else {f"file={PATH}"}), ran.said
    assert ("is not known here, so everything is judged" in ran.said) == (case == "lost")


def test_a_pull_request_is_checked_whole(project: Project, hub: FakeGitHub) -> None:
    project.workflow("check.yml", _installed("check.yml"))
    secret = "INSERT INTO customers (id) VALUES ('sk_live_4eC39HqLyjWDarjtT1zdp7dc');\n"
    project.pull_request({PATH: GOOD.replace("DROP TABLE IF EXISTS orders;\n", "")})
    ran = project.run("pull_request", "check.yml", "--input", "version=none")
    assert ran.code == 1
    assert secret not in ran.said
    lint, verify = hub.texts()
    assert "orders" in lint
    assert "applied" in verify
    [page] = (project.artifacts / "elf-sqlcheck-verify").iterdir()
    assert page.read_text().startswith("<!doctype html>")
    project.pull_request({PATH: GOOD})
    assert project.run("pull_request", "check.yml").code == 0
    assert all("nothing found" in text for text in hub.texts())


def _installed(name: str) -> str:
    """A workflow of this repository that takes the elf-sqlcheck that is installed."""
    text = (ROOT / ".github" / "workflows" / name).read_text("utf-8")
    assert "version: ${{ inputs.version }}" in text
    return text.replace("version: ${{ inputs.version }}", "version: none")
