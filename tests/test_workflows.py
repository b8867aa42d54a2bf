"""The workflows, the hook manifests and the scripts of CI, judged by the tools that know their formats."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
WORKFLOWS = sorted(
    os.path.join(".github", "workflows", name) for name in os.listdir(os.path.join(ROOT, ".github", "workflows"))
)


def judge(tool: str, *arguments: str) -> None:
    result = subprocess.run(
        [os.path.join(BIN, tool), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_fit_the_schema(schema: str) -> None:
    judge("check-jsonschema", "--builtin-schema", schema, *WORKFLOWS)


def test_dependabot_fits_the_schema() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


def test_expressions_and_shell_lines_of_the_workflows_are_sound() -> None:
    judge("actionlint", *WORKFLOWS)


def test_workflows_are_safe() -> None:
    judge("zizmor", "--offline", "--no-progress", "--persona=pedantic", ".github")


@pytest.mark.parametrize("path", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path: str) -> None:
    uses = re.findall(r"^\s*(?:- )?uses: (.+)$", read(path), re.MULTILINE)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_tests_run_on_every_python_that_the_package_promises() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", read("pyproject.toml"))
    [matrix] = re.findall(r"python-version: \[(.+)\]", read(".github/workflows/ci.yml"))
    assert re.findall(r'"(3\.\d+)"', matrix) == promised


def test_every_goal_that_ci_calls_is_in_the_makefile() -> None:
    goals = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    called = {goal for path in WORKFLOWS for goal in re.findall(r"run: make (\w+)", read(path))}
    assert called == {"lint", "types", "test", "check"}
    assert called <= goals
    [looped] = re.findall(r"for goal in (.+); do", read(".ci/run"))
    assert set(looped.split()) == called


def test_ci_run_is_a_script_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", os.path.join(ROOT, ".ci", "run")], check=True)
    assert os.access(os.path.join(ROOT, ".ci", "run"), os.X_OK)


def test_pre_commit_accepts_our_manifest_and_our_configuration() -> None:
    judge("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    judge("pre-commit", "validate-config", ".pre-commit-config.yaml")
