"""Our rules in the real `sqlfluff lint`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "migrations/20250101_000000_first.sql"
SECOND = "migrations/20250102_000000_second.sql"
MODEL = "models/customers.sql"
CONFIGURATION = "[sqlfluff]\ndialect = postgres\nrules = elf\n"
TABLE = "CREATE TABLE b (id UUID DEFAULT gen_random_uuid() PRIMARY KEY);\n"
TEXTS = {
    FIRST: f"\ufeff-- naïve\r\n{TABLE.replace('b (', 'a (')}",
    SECOND: "-- naïve\r\nALTER TABLE a ADD COLUMN ä money;\r\nALTER TABLE a ADD COLUMN z money; -- noqa: EL01,EL02\r\n",
    MODEL: "CREATE TABLE tmp (m money);\n",
    ".sqlfluff": CONFIGURATION,
}


def lint(folder: Path, *arguments: str, code: int, **texts: str) -> list[tuple[str, int, int, str, str]]:
    """What `sqlfluff lint` says: (path, line, column, name, message)."""
    for path, text in {**TEXTS, **texts}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(text.encode())
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "sqlfluff"), "lint", "--format", "json", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    files: list[dict[str, Any]] = json.loads(done.stdout)
    return [
        (file["filepath"], found["start_line_no"], found["start_line_pos"], found["name"], found["description"])
        for file in files
        for found in file["violations"]
    ]


def test_migrations_are_judged_with_those_before_them_and_other_files_are_left_alone(tmp_path: Path) -> None:
    found = lint(tmp_path, ".", code=1)
    assert {path for path, *_ in found} == {FIRST, SECOND}
    money = [(line, column, name) for _, line, column, name, message in found if "[money-type]" in message]
    assert money == [(2, 28, "elf.error")]
    assert any("[missing-created-at]" in message for path, *_, message in found if path == FIRST)


def test_warnings_pass_and_our_own_configuration_counts(tmp_path: Path) -> None:
    ours = {"elf-sqlcheck.toml": 'select = ["money-type"]\n[severity]\nmoney-type = "warning"\n'}
    assert [name for *_, name, _ in lint(tmp_path, ".", code=0, **ours)] == ["elf.warning"]
    ours["elf-sqlcheck.toml"] = ours["elf-sqlcheck.toml"].replace('"warning"', '"error"')
    assert [name for *_, name, _ in lint(tmp_path, SECOND, code=1, **ours)] == ["elf.error"]
