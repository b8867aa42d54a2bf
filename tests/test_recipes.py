"""The recipes for GitLab, CircleCI and a plain shell: their scripts, run as those systems run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from junitparser import JUnitXml

from tests.act import ROOT, Project
from tests.test_actions import BAD, CONFIGURATION, GOOD, OLD, PATH

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("pyproject.toml", CONFIGURATION)
    made.write("ci/check.sh", (ROOT / "ci" / "check.sh").read_text("utf-8"))
    # An old finding, which a merge request does not have to hear of.
    made.write("migrations/20250101_090000_customers.sql", OLD.replace("DROP TABLE customers;", ""))
    made.commit("Begin")
    made.git("checkout", "--quiet", "-b", "feature")
    return made


def shell(folder: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with a POSIX shell, as the runners of these systems do, with elf-sqlcheck on PATH."""
    environment = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "HOME": str(folder.parent),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(folder.parent / "cache")),
        **variables,
    }
    command = ["sh", "-eu", "-c", script, "sh", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def recipe(name: str) -> Any:
    from pre_commit import clientlib

    return clientlib.yaml_load((ROOT / "ci" / name).read_text("utf-8"))


def test_gitlab_has_a_report_of_what_the_merge_request_changed(project: Project) -> None:
    base = project.git("rev-parse", "main")
    project.write(PATH, BAD)
    project.commit()
    jobs = recipe("gitlab.yml")
    variables = {name: variable["value"] for name, variable in jobs["variables"].items()}
    variables["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = base
    for name, code in (("lint", 1), ("verify", 0)):
        job = {**jobs[".elf-sqlcheck"], **jobs[f"elf-sqlcheck-{name}"]}
        done = shell(project.folder, "\n".join([*job["before_script"], *job["script"]]), **variables)
        assert done.returncode == code, done.stdout + done.stderr
        reports = job["artifacts"]["reports"]
        quality = json.loads((project.folder / reports["codequality"]).read_text("utf-8"))
        assert {entry["location"]["path"] for entry in quality} == ({PATH} if code else set())
        assert JUnitXml.fromfile(str(project.folder / reports["junit"])).failures == code
        assert all((project.folder / path).exists() for path in job["artifacts"].get("paths", ()))
    del variables["CI_MERGE_REQUEST_DIFF_BASE_SHA"]
    variables["ELF_ARGUMENTS"] = "--select rollback"
    script = "\n".join(jobs["elf-sqlcheck-lint"]["script"])
    assert "20250101_090000_customers.sql" in shell(project.folder, script, **variables).stdout


def test_circleci_runs_the_script_against_the_main_branch(project: Project) -> None:
    [_, install, check, results, _] = recipe("circleci.yml")["jobs"]["migrations"]["steps"]
    assert shell(project.folder, install["run"]["command"]).returncode == 0
    project.write(PATH, GOOD)
    project.commit()
    variables = {"ELF_BASE": "main", "ELF_REPORTS": results["store_test_results"]["path"]}
    done = shell(project.folder, check["run"]["command"], **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(os.listdir(project.folder / "reports")) == [
        "lint.codequality.json", "lint.html", "lint.junit.xml",
        "verify.codequality.json", "verify.html", "verify.junit.xml",
    ]  # fmt: skip


def test_the_script_tells_findings_from_what_could_not_be_judged(project: Project) -> None:
    script = (ROOT / "ci" / "check.sh").read_text("utf-8")
    project.write(PATH, BAD)
    project.commit()
    done = shell(project.folder, script, "main", ELF_VERIFY="0")
    assert done.returncode == 1
    assert "customers.sql" not in done.stdout
    done = shell(project.folder, script, "origin/nowhere", ELF_VERIFY="0")
    assert "is not known here, so everything is judged" in done.stderr
    assert "20250101_090000_customers.sql" in done.stdout
    project.write("pyproject.toml", "[tool.elf-sqlcheck]\nno-such-key = 1\n")
    assert shell(project.folder, script).returncode == 2
