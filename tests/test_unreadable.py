"""Files that are there and cannot be read: an error with its reason and exit code 2, never silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = os.path.dirname(sys.executable)
#: Root reads everything, unless it gives that right away.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def call(cwd: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*WITHOUT_RIGHTS, os.path.join(FOLDER, program), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.skipif(bool(WITHOUT_RIGHTS) and shutil.which("setpriv") is None, reason="root without setpriv reads all")
@pytest.mark.parametrize("arguments", [("lint",), ("lint", "migrations/20250101_000000_a.sql"), ("verify",)])
def test_a_file_that_may_not_be_read(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / "migrations" / "20250101_000000_a.sql"
    path.parent.mkdir()
    path.write_text("SELECT 1;")
    path.chmod(0)
    done = call(tmp_path, "elf-sqlcheck", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot read migrations/20250101_000000_a.sql: Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_link_to_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").symlink_to("nowhere.sql")
    done = call(tmp_path, "elf-sqlcheck", "lint")
    assert done.returncode == 2
    assert "20250101_000000_a.sql: No such file" in done.stderr


def test_a_folder_called_like_a_file_is_no_migration(tmp_path: Path) -> None:
    (tmp_path / "migrations" / "old.sql").mkdir(parents=True)
    (tmp_path / "migrations" / "plain.sql").write_text("SELECT 1;")
    done = call(tmp_path, "elf-sqlcheck", "lint", "migrations")
    assert done.returncode == 0, done.stderr
    assert "1 file checked" in done.stdout
