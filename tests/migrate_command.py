"""Runs the installed `elf-migrate`, as people do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: What would lead a command to another database than the test's.
_FOREIGN = ("DATABASE_URL", "SUPABASE", "PG", "ELF_ENV", "ELF_MASTER_PASSWORD", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY")


def environment(**more: str) -> dict[str, str]:
    """The environment of the test run without anything that names a database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    path = os.path.dirname(sys.executable) + os.pathsep + kept.get("PATH", "")
    return {**kept, "PATH": path, **more}


def elf_migrate(
    folder: Path, *arguments: str, exit_code: int = 0, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`; fails the test when it ends with another code, or with a traceback."""
    done = subprocess.run(
        ["elf-migrate", *arguments],
        cwd=folder,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def as_json(folder: Path, *arguments: str, exit_code: int = 0, **more: str) -> Any:
    """Run the command with `--output json` and return what it printed."""
    return json.loads(elf_migrate(folder, *arguments, "--output", "json", exit_code=exit_code, **more).stdout)
