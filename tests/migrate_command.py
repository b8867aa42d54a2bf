"""Runs the installed `elf-migrate`, as people do."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.cli.migrate_session import STREAMING
from tests.forks import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

#: What would lead a command to another database than the test's.
_FOREIGN = (
    "DATABASE_URL",
    "SUPABASE",
    "PG",
    "GITHUB_",
    "CI",
    "ELF_ENV",
    "ELF_MASTER_PASSWORD",
    "JENKINS",
    "TF_BUILD",
    "BUILDKITE",
    "BITBUCKET",
)


def environment(**more: str) -> dict[str, str]:
    """The environment of the test run without anything that names a database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    path = os.path.dirname(sys.executable) + os.pathsep + kept.get("PATH", "")
    return {**kept, "PATH": path, **more}


def elf_migrate(
    folder: Path, *arguments: str, exit_code: int = 0, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`; fails the test when it ends with another code, or with a traceback."""
    done = run("elf-migrate", *arguments, folder=folder, variables=environment(**more), stdin=stdin)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def as_json(folder: Path, *arguments: str, exit_code: int = 0, **more: str) -> Any:
    """Run the command with `--output json` and return what it printed; the last line of commands that print many."""
    shown = elf_migrate(folder, *arguments, "--output", "json", exit_code=exit_code, **more).stdout
    lines = shown.splitlines()
    return json.loads(lines[-1] if arguments[0] in STREAMING else shown)


def events(folder: Path, *arguments: str, exit_code: int = 0, **more: str) -> list[dict[str, Any]]:
    """Run the command with `--output json` and return its lines."""
    done = elf_migrate(folder, *arguments, "--output", "json", exit_code=exit_code, **more)
    return [json.loads(line) for line in done.stdout.splitlines()]
