"""The workflows, the hook manifests and the scripts of CI, judged by the tools that know their formats."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.loopback import Web, http, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
WORKFLOWS = sorted(
    os.path.join(".github", "workflows", name) for name in os.listdir(os.path.join(ROOT, ".github", "workflows"))
)
ACTIONS = sorted(
    os.path.join(".github", "actions", name, "action.yml")
    for name in os.listdir(os.path.join(ROOT, ".github", "actions"))
    if "." not in name
)
SCRIPTS = sorted(
    os.path.join(".github", "actions", name)
    for name in os.listdir(os.path.join(ROOT, ".github", "actions"))
    if name.endswith(".sh")
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


def test_actions_fit_the_schema() -> None:
    assert len(ACTIONS) == 3
    judge("check-jsonschema", "--builtin-schema", "vendor.github-actions", *ACTIONS)


@pytest.mark.parametrize(("schema", "path"), [("gitlab-ci", "ci/gitlab.yml"), ("circle-ci", "ci/circleci.yml")])
def test_recipes_for_other_systems_fit_their_schema(schema: str, path: str) -> None:
    judge("check-jsonschema", "--builtin-schema", f"vendor.{schema}", path)


def test_expressions_and_shell_lines_of_the_workflows_are_sound() -> None:
    judge("actionlint", *WORKFLOWS)


def test_workflows_are_safe() -> None:
    judge("zizmor", "--offline", "--no-progress", "--persona=pedantic", ".github")


@pytest.mark.parametrize("path", WORKFLOWS + ACTIONS)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path: str) -> None:
    uses = re.findall(r"^\s*(?:- )?uses: (.+)$", read(path), re.MULTILINE)
    assert uses
    for action in uses:
        if action.startswith("$/"):  # of this repository, at the commit that the workflow is of
            assert os.path.exists(os.path.join(ROOT, action.removeprefix("$/"), "action.yml")), action
        else:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_one_action_is_pinned_to_one_commit_everywhere() -> None:
    pins = {pin for path in WORKFLOWS + ACTIONS for pin in re.findall(r"uses: (\S+@[0-9a-f]{40})", read(path))}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins}), pins


def test_the_shell_sees_inputs_and_secrets_in_its_environment_only() -> None:
    from pre_commit import clientlib

    scripts = [script for path in WORKFLOWS + ACTIONS for script in _scripts(clientlib.yaml_load(read(path)))]
    assert len(scripts) > 10
    for script in scripts:
        assert "${{" not in script, script
    assert not any("pull_request_target" in read(path) for path in WORKFLOWS)


def _scripts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("run"), str):
            yield node["run"]
        for value in node.values():
            yield from _scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _scripts(value)


def test_the_workflows_that_the_documentation_shows_are_sound(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", read("docs/github.md"), re.MULTILINE | re.DOTALL)
    shown = [block for block in blocks if "jobs:" in block]
    assert len(shown) == 4
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    paths = []
    for number, block in enumerate(shown):
        (workflows / f"{number}.yml").write_text(block, "utf-8")
        paths.append(str(workflows / f"{number}.yml"))
    judge("actionlint", *paths)
    judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *paths)
    # What they name is here, and takes what they give it.
    for block in shown:
        for path, given in re.findall(
            r"uses: OWNER/elf-sqlcheck/(\S+)@COMMIT\n(?: +with:\n((?: {6,}\S.*\n)+))?", block
        ):
            action = read(path if path.endswith(".yml") else f"{path}/action.yml")
            for name in re.findall(r"^ +([\w-]+):", given, re.MULTILINE):
                assert re.search(rf"^ +{name}:$", action, re.MULTILINE), f"{path} takes no {name}"


@pytest.mark.parametrize("action", ["elf-sqlcheck", "elf-sqlcheck-verify"])
def test_the_documentation_names_every_input(action: str) -> None:
    text = read(f".github/actions/{action}/action.yml")
    inputs = re.findall(r"^  ([\w-]+):$", text.partition("\noutputs:")[0].partition("inputs:")[2], re.MULTILINE)
    page = read("docs/github.md")
    assert [name for name in inputs if f"`{name}`" not in page and name != "token"] == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_of_the_actions_are_ones_that_bash_can_read(path: str) -> None:
    subprocess.run(["bash", "-n", os.path.join(ROOT, path)], check=True)
    runs = read(path).startswith("#!")
    assert os.access(os.path.join(ROOT, path), os.X_OK) == runs
    called = [name for name in ACTIONS if f"../{os.path.basename(path)}" in read(name)]
    assert bool(called) == runs


def install(folder: Path, root: str | Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script that installs for the actions."""
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin", "HOME": os.environ["HOME"], "RUNNER_TEMP": str(folder), "EXTRA": "db",
        "GITHUB_PATH": str(folder / "path"), "PYTHON": sys.executable, **variables,
    }  # fmt: skip
    script = os.path.join(root, ".github", "actions", "install.sh")
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def test_a_version_is_a_release_or_what_is_there(tmp_path: Path) -> None:
    assert "no elf-sqlcheck is on PATH" in install(tmp_path, VERSION="none").stdout
    assert "neither empty, nor none, nor a release" in install(tmp_path, VERSION="1.0; rm -rf /").stdout
    assert "nor a release" in install(tmp_path, VERSION="git+https://example.org/x").stdout
    (tmp_path / "elf-sqlcheck").symlink_to(os.path.join(BIN, "elf-sqlcheck"))
    assert install(tmp_path, VERSION="none").returncode == 0
    assert os.listdir(tmp_path) == ["elf-sqlcheck"]


@pytest.mark.slow
def test_the_actions_install_the_commit_that_they_came_with(tmp_path: Path) -> None:
    # A copy, since building leaves things behind.
    root = tmp_path / "checkout"
    for folder in ("elf_sqlcheck", "rules", ".ci", ".github/actions"):
        shutil.copytree(os.path.join(ROOT, folder), root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(os.path.join(ROOT, name), root)
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}
    done = install(tmp_path, root, VERSION="", EXTRA="db", PIP_NO_COMPILE="1", **kept)
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "path").read_text().strip()
    assert sorted(os.listdir(commands)) == ["elf-migrate", "elf-sqlcheck"]
    python = os.path.join(os.path.dirname(os.path.realpath(os.path.join(commands, "elf-migrate"))), "python")
    code = "import importlib.metadata as m, elf_sqlcheck; print(m.version('elf-sqlcheck'), elf_sqlcheck.__file__)"
    shown = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert str(tmp_path / "elf-sqlcheck") in shown
    command = [os.path.join(commands, "elf-migrate"), "--version"]
    subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("majors", "code", "said"),
    [("18", 0, ""), ("14, 18", 0, "postgresql-14 cannot be installed here"), ("16;x", 2, "does not name majors")],
)
def test_servers_are_installed_only_where_they_lack(tmp_path: Path, majors: str, code: int, said: str) -> None:
    if os.path.exists("/usr/lib/postgresql/14"):
        pytest.skip("there is a Postgres 14 here")
    script = os.path.join(ROOT, ".github", "actions", "servers.sh")
    environment = {"PATH": str(tmp_path), "PG": majors}
    done = subprocess.run(["/bin/bash", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stdout) == (code, True), done.stderr


def test_a_shallow_clone_is_deepened_with_the_token_only_when_it_must(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main", "origin")
    for number in range(3):
        git("-C", "origin", "commit", "--quiet", "--allow-empty", f"--message={number}")
    git("clone", "--quiet", "--depth=1", f"file://{tmp_path}/origin", "clone")
    base = git("-C", "origin", "rev-parse", "main~2")
    web = Web([http(401, b"", "WWW-Authenticate: Basic"), http(403)])
    with listening(web) as port:
        server = f"http://127.0.0.1:{port}"
        git("-C", "clone", "remote", "set-url", "origin", f"{server}/elf/shop")
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", "GIT_TOKEN": "ghs_c4n4ry",
            "GITHUB_SERVER_URL": server, "BASE_SHA": base,
        }  # fmt: skip
        script = f"set -euo pipefail; source {ROOT}/.github/actions/since.sh; changed_since"
        command = ["bash", "-c", script]
        clone = tmp_path / "clone"
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert f"what changed since {base} is not known here" in done.stderr
        login = base64.b64encode(b"x-access-token:ghs_c4n4ry").decode()
        assert [f"basic {login}" in request for request in web.requests] == [False, True]
        git("-C", "clone", "remote", "set-url", "origin", f"file://{tmp_path}/origin")
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == f"{base}\n", done.stderr


def test_tests_run_on_every_python_that_the_package_promises() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", read("pyproject.toml"))
    [matrix] = re.findall(r"python-version: \[(.+)\]", read(".github/workflows/ci.yml"))
    assert re.findall(r'"(3\.\d+)"', matrix) == promised


def test_every_goal_that_ci_calls_is_in_the_makefile() -> None:
    goals = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    called = {goal for path in WORKFLOWS for goal in re.findall(r"run: make (\w+)", read(path))}
    assert called == {"lint", "types", "test", "check", "audit"}
    assert called <= goals
    [looped] = re.findall(r"for goal in (.+); do", read(".ci/run"))
    assert set(looped.split()) == called - {"audit"}


def test_ci_run_is_a_script_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", os.path.join(ROOT, ".ci", "run")], check=True)
    assert os.access(os.path.join(ROOT, ".ci", "run"), os.X_OK)


def test_pre_commit_accepts_our_manifest_and_our_configuration() -> None:
    judge("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    judge("pre-commit", "validate-config", ".pre-commit-config.yaml")
