"""The actions and the reusable workflows, executed: with `act`, a GitHub on loopback, and real servers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.act import ROOT, Project, Ran
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
    hub.pending = 0
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
    names = ("since", "dir", "fail-on", "arguments", "paths", "name", "version")
    steps = ""
    for name in names:
        inputs = {"version": "none", name: evil}
        lines = "".join("          {}: '{}'\n".format(key, value.replace("'", "''")) for key, value in inputs.items())
        steps += (
            f"      - uses: $/.github/actions/elf-sqlcheck\n        continue-on-error: true\n        with:\n{lines}"
        )
    workflow = lint_workflow()
    project.workflow("evil.yml", workflow.partition("      - id: lint")[0] + steps)
    project.pull_request({PATH: BAD})
    project.event["pull_request"]["title"] = evil
    ran = project.run("pull_request", "evil.yml")
    assert ran.said.count("Failure - Main elf/elf-sqlcheck") == len(names), ran.said
    assert not (tmp_path / "pwned").exists()
    assert len(hub.texts()) == 1  # where only `since` was strange, all was judged


@pytest.mark.parametrize(
    ("case", "depth", "since"),
    [("merge", 0, ""), ("merge", 2, ""), ("head", 1, ""), ("push", 1, ""), ("all", 1, "since: all"),
     ("lost", 1, "since: no-such-branch")],
)  # fmt: skip
def test_only_what_changed_is_reported_where_that_is_known(project: Project, case: str, depth: int, since: str) -> None:
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
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    leak = OLD.replace("\n-- ============= DOWN", f"COMMENT ON TABLE customers IS '{secret}';\n\n-- ============= DOWN")
    old = "migrations/20250101_090000_customers.sql"
    project.write(old, leak)
    project.commit("A leak, long ago")
    project.pull_request({PATH: GOOD.replace("DROP TABLE IF EXISTS orders;\n", "")})
    ran = project.run("pull_request", "check.yml")
    assert ran.code == 1
    assert secret not in ran.said
    [leaked] = [annotation for annotation in ran.annotations("error") if old in annotation]
    assert "line=10" in leaked
    lint, verify = sorted(hub.texts(), key=lambda text: "1 migration" in text)
    assert "orders" in lint
    assert "orders" in verify
    [page] = (project.artifacts / "elf-sqlcheck-verify").iterdir()
    assert "orders" in page.read_text("utf-8")

    project.git("checkout", "--quiet", "--force", "main")
    project.write(old, OLD)
    project.commit("No leak")
    project.pull_request({PATH: GOOD})
    assert project.run("pull_request", "check.yml").code == 0
    assert all("nothing found" in text for text in hub.texts())


def _installed(name: str) -> str:
    """A workflow of this repository that takes the elf-sqlcheck that is installed."""
    text = (ROOT / ".github" / "workflows" / name).read_text("utf-8")
    assert "version: ${{ inputs.version }}" in text
    return text.replace("version: ${{ inputs.version }}", "version: none")


DEPLOY = """\
name: Release
on: push
jobs:
  deploy:
    uses: ./.github/workflows/deploy.yml
    with:
      environment: production
      history-head: "{head}"
      dry-run: {dry}
      rehearse: {rehearse}
      plan-environment: "{plan}"
    secrets:
      DATABASE_URL: ${{{{ secrets.DATABASE_URL }}}}
  after:
    needs: deploy
    runs-on: ubuntu-24.04
    steps:
      - env:
          HEAD: ${{{{ needs.deploy.outputs.history-head }}}}
        run: echo "newest $HEAD"
"""


def deploy(project: Project, database: str, head: str = "", plan: str = "", **options: bool) -> Ran:
    """Run the reusable workflow of a deploy, called as a project calls it."""
    project.event = {"ref": "refs/heads/main"}
    project.workflow("deploy.yml", _installed("deploy.yml"))
    dry, rehearse = (str(options.get(name, False)).lower() for name in ("dry", "rehearse"))
    project.workflow("release.yml", DEPLOY.format(head=head, plan=plan, dry=dry, rehearse=rehearse))
    ran = project.run("push", "release.yml", f"--secret=DATABASE_URL={database}")
    assert database not in ran.said
    return ran


def record(project: Project, name: str) -> str:
    """A file of the record that the newest deploy kept."""
    return (project.artifacts / "elf-migrate-production-1" / "audit" / name).read_text("utf-8")


def test_a_deploy_shows_its_plan_runs_and_leaves_a_record(project: Project, database: str) -> None:
    project.write(PATH, GOOD)
    project.commit("Orders")
    planned = deploy(project, database, dry=True, plan="production-plan")
    assert planned.code == 0
    assert "### Plan for production" in planned.said
    assert "    Would apply 20250102_090000_orders" in planned.said
    assert not list(project.artifacts.iterdir())

    first = deploy(project, database, rehearse=True)
    assert first.code == 0, first.said
    assert "all of it was rolled back" in first.said
    lines = [json.loads(line) for line in record(project, "up.jsonl").splitlines()]
    assert [line["version"] for line in lines if line.get("event") == "applied"] == [
        "20250101_090000", "20250102_090000",
    ]  # fmt: skip
    assert json.loads(record(project, "status.json"))["history"]["problems"] == []
    [head] = re.findall(r"^history-head=([0-9a-f]{64})$", record(project, "history-head.txt"), re.MULTILINE)
    assert f"newest {head}" in first.said

    second = deploy(project, database, head, plan="production-plan")
    assert second.code == 0, second.said
    assert "Nothing to do." in second.said
    assert json.loads(record(project, "up.jsonl").splitlines()[-1])["applied"] == []


def test_a_deploy_that_fails_says_how_things_stand(project: Project, database: str) -> None:
    wrong = GOOD.replace("customer_id UUID NOT NULL", "customer_id no_such_type")
    project.write(PATH, wrong)
    project.commit("Orders")
    ran = deploy(project, database)
    assert ran.code == 1
    assert "### production after the run" in ran.said
    assert "failed: 20250102_090000_orders" in record(project, "status.txt")
    assert "no_such_type" in record(project, "up.jsonl")
    project.write(PATH, GOOD)
    project.commit("Mend")
    ran = deploy(project, database, "0" * 64)
    assert ran.code == 1
    assert "1 migration applied" in ran.said or '"applied"' in ran.said
    assert "tampered" in ran.said
