"""Runs the workflows of this repository with `act`, on this machine, in a project's repository of the test's own.

What act cannot do is put in its place: `actions/checkout` is a real fetch from a bare repository, as shallow as it was
asked for; `actions/upload-artifact` copies into a folder; `$/` names this repository under an address.
See https://nektosact.com
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.github_api import REPOSITORY, TOKEN, pull_request_event

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
BIN = os.path.dirname(sys.executable)
_SHA = "1" * 40
_CHECKOUT = """
      git init --quiet .
      git remote add origin "$ELF_ORIGIN"
      depth=()
      if [ "$DEPTH" != 0 ]; then depth=(--depth="$DEPTH"); fi
      git fetch --quiet --no-tags "${depth[@]}" origin "${REF:-$GITHUB_SHA}"
      git -c advice.detachedHead=false checkout --quiet FETCH_HEAD
      if [ "$DEPTH" = 0 ]; then git fetch --quiet origin '+refs/heads/*:refs/remotes/origin/*'; fi
"""
_UPLOAD = """
      mkdir -p "$ELF_ARTIFACTS/$NAME"
      cp -r "$WHAT" "$ELF_ARTIFACTS/$NAME/"
"""
_STUBS = {
    "checkout": ({"DEPTH": "fetch-depth", "REF": "ref"}, ("persist-credentials",), _CHECKOUT),
    "setup-python": ({}, ("python-version", "cache", "update-environment"), "true"),
    "upload-artifact": ({"NAME": "name", "WHAT": "path"}, ("if-no-files-found", "retention-days"), _UPLOAD),
}
[_SETUP_PYTHON] = set(re.findall(r"actions/setup-python@\w+", (ROOT / ".github/actions/setup/action.yml").read_text()))
_DEFAULTS = {"fetch-depth": "1"}


class Ran(NamedTuple):
    """How a run ended: act's exit code, and what it and the steps said, colours and all taken away."""

    code: int
    said: str

    def annotations(self, kind: str) -> list[str]:
        """The annotations of a kind: `error`, `warning` or `notice`, in their order."""
        return re.findall(rf"::{kind} (file=.*)", self.said)


class Project:
    """A repository with workflows, at GitHub as `elf/shop`, whose branch `main` is checked out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.artifacts = folder / "artifacts"
        self._origin = folder / "origin.git"
        self._base = folder
        self.variables: dict[str, str] = {}
        self.token = TOKEN
        self.event = pull_request_event()
        (self.folder / ".github" / "workflows").mkdir(parents=True)
        self.artifacts.mkdir()
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("remote", "add", "origin", f"https://github.com/{REPOSITORY}")
        subprocess.run(["git", "init", "--quiet", "--bare", str(self._origin)], check=True)
        allow = ["config", "uploadpack.allowAnySHA1InWant", "true"]  # as GitHub does
        subprocess.run(["git", "-C", str(self._origin), *allow], check=True)
        for name, (variables, others, script) in _STUBS.items():
            self._stub(name, variables, others, script)
        # act copies all of it before each step.
        shutil.copytree(ROOT / ".github" / "actions", folder / "tool" / ".github" / "actions")
        # Workflows are put there for act alone.
        (self.folder / ".git" / "info" / "exclude").write_text(".github/\n")

    def git(self, *arguments: str) -> str:
        """Run Git in the project."""
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def commit(self, message: str = "Work") -> str:
        """Commit everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def pull_request(self, files: Mapping[str, str], *, fork: bool = False) -> None:
        """Let `main` with these files in a branch be the merge that GitHub tries for pull request 7."""
        base = self.git("rev-parse", "main")
        self.git("checkout", "--quiet", "-B", "feature", "main")
        for path, text in files.items():
            self.write(path, text)
        head = self.commit()
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message=Merge", "feature")
        self.event = pull_request_event(fork=fork, head=head)
        self.event["pull_request"]["base"]["sha"] = base

    def workflow(self, name: str, text: str) -> None:
        """Put a workflow of this repository, or one that calls its actions, into the project's folder, not in Git."""
        text = text.replace("actions/checkout@", "stub/checkout@").replace(
            "actions/upload-artifact@", "stub/upload-artifact@"
        )
        text = re.sub(r"\$/(\.github/actions/[\w-]+)", rf"elf/elf-sqlcheck/\1@{_SHA}", text)
        text = re.sub(r"^ *queue: max\n", "", text, flags=re.MULTILINE)
        self.write(f".github/workflows/{name}", text)

    def run(self, event: str, workflow: str, *options: str) -> Ran:
        """Run a workflow for an event of GitHub."""
        self.git("push", "--quiet", "--force", str(self._origin), "HEAD:refs/pull/7/merge", "main")
        event_file = self._base / "event.json"
        event_file.write_text(json.dumps(self.event))
        text = "".join(path.read_text() for path in (self.folder / ".github/workflows").iterdir())
        local = {f"stub/{pin}": self._base / pin.partition("@")[0] for pin in re.findall(r"stub/([\w-]+@\w+)", text)}
        local[_SETUP_PYTHON] = self._base / "setup-python"
        command = [
            os.path.join(BIN, "act"), event, "--workflows", f".github/workflows/{workflow}", "--eventpath",
            str(event_file), "--platform", "ubuntu-24.04=-self-hosted", "--container-daemon-socket", "-",
            "--action-offline-mode", f"--local-repository=elf/elf-sqlcheck@{_SHA}={self._base / 'tool'}",
            *(f"--local-repository={name}={folder}" for name, folder in local.items()),
            *(f"--env={name}={value}" for name, value in self.variables.items()),
            *((f"--secret=GITHUB_TOKEN={self.token}",) if self.token else ()),
            *options,
        ]  # fmt: skip
        environment = {
            "PATH": os.pathsep.join([BIN, os.environ["PATH"]]),
            "HOME": str(self._base),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(self._base / "cache")),
            "XDG_DATA_HOME": str(self._base / "data"),
            "ELF_ORIGIN": str(self._origin),
            "ELF_ARTIFACTS": str(self.artifacts),
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, check=False, text=True, timeout=180,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout)

    def _stub(self, name: str, variables: Mapping[str, str], others: tuple[str, ...], script: str) -> None:
        inputs = {
            key: {"description": "-", "default": _DEFAULTS.get(key, "")} for key in (*variables.values(), *others)
        }
        step = {
            "shell": "bash",
            "env": {variable: f"${{{{ inputs.{key} }}}}" for variable, key in variables.items()},
            "run": script,
        }
        action = {"name": name, "description": "-", "inputs": inputs,
                  "outputs": {"python-path": {"description": "-", "value": sys.executable}},
                  "runs": {"using": "composite", "steps": [step]}}  # fmt: skip
        (self._base / name).mkdir()
        (self._base / name / "action.yml").write_text(json.dumps(action))  # JSON is YAML
