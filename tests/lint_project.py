"""A repository with rules of its own, in which the installed `elf-sqlcheck lint` is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.forks import run

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
OWN_RULES = """
from elf_sqlcheck.rule import *


def money(context):
    for column in context.change.columns:
        if column.type.name == "money":
            fix = Fix("write numeric", (Edit(column.type.span, "numeric"),))
            yield context.finding(f"column {column.name} is money", column.type.span, fix=fix)


def numeric(context):
    for column in context.change.columns:
        if column.type.name == "numeric" and not column.type.modifiers:
            fix = Fix("say how many digits", (Edit(column.type.span, "numeric(12, 2)"),), Applicability.UNSAFE)
            yield context.finding(f"column {column.name} has no scale", column.type.span, fix=fix)


def again(context):
    if context.now.table(context.change.name):
        yield context.finding("there is such a table already", fix=Fix("break it", (Edit(context.change.span, "(("),)))


def main_branch(context):
    main = context.settings
    if context.migration.path in main.get("main-files", {}):
        yield context.finding(f"changed since {main['main-newest']}, gone: {main['main-deleted']}", whole_file=True)


def rule(name, severity, on, check):
    return Rule(name, "own", severity, name, "Sums drift.", "another type", (on,), check)


RULES = (
    rule("no-money", Severity.ERROR, CreateTable, money),
    rule("no-bare-numeric", Severity.WARNING, CreateTable, numeric),
    rule("made-twice", Severity.ERROR, CreateTable, again),
    rule("changed-on-main", Severity.NOTE, Migration, main_branch),
)
"""
FIRST, SECOND = "migrations/20250101_000000_first.sql", "migrations/20250102_000000_second.sql"


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        return target

    def git(self, *arguments: str) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")

    def run(self, *arguments: str, cwd: str = "", text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "FORCE", "NO_C"))}
        return run("elf-sqlcheck", *arguments, folder=self.root / cwd, variables=environment | variables, stdin=text)

    def lint(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return self.run("lint", *arguments, **more)

    def lint_baseline(self) -> None:
        done = self.run("baseline")
        assert done.returncode == 0, done.stderr

    def found(self, *arguments: str, **more: Any) -> set[tuple[str, str]]:
        """The (path, rule) of all findings."""
        done = self.lint("--output-format", "json", *arguments, **more)
        assert done.returncode in {0, 1}, done.stderr
        return {(finding["path"], finding["rule"]) for finding in json.loads(done.stdout)["findings"]}


def make(root: Path) -> Project:
    """A new repository without a commit, whose configuration runs its own rules only."""
    made = Project(root)
    made.put("own_rules/own.py", OWN_RULES)
    made.put("elf-sqlcheck.toml", 'rules-dir = "own_rules"\nselect = ["own"]\n')
    made.git("init", "-q", "-b", "main")
    return made
