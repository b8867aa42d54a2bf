"""`elf-sqlcheck rules new`, and rules of one's own in general: written, tested, run, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.test_cli import call

if TYPE_CHECKING:
    from pathlib import Path

SQL = "CREATE TABLE tmp_orders (id UUID PRIMARY KEY);\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").write_text(SQL)
    return tmp_path


def run_tests(folder: Path, *paths: str) -> None:
    """Run pytest on files of the project, as its author does."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *paths]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_new_rule_passes_its_own_test_and_runs(project: Path) -> None:
    done = call("rules", "new", "temporary-table", cwd=project)
    assert done.returncode == 0, done.stderr
    assert 'rules-dir = "own_rules"' in done.stdout
    assert not (project / "elf-sqlcheck.toml").exists()
    run_tests(project, "tests/test_temporary_table.py")
    assert "temporary-table" not in call("rules", cwd=project).stdout, "nothing runs before it is configured"
    (project / "elf-sqlcheck.toml").write_text('rules-dir = "own_rules"\n')
    lint = call("lint", "--select", "temporary-table", "--output-format", "concise", cwd=project)
    assert "warning: table tmp_orders is called temporary" in lint.stdout
    assert call("explain", "temporary-table", cwd=project).returncode == 0


def test_what_it_writes_is_clean(project: Path) -> None:
    call("rules", "new", "temporary-table", cwd=project)
    ruff = os.path.join(os.path.dirname(sys.executable), "ruff")
    for arguments in (["check", "--select", "E,F,I,UP,B,ANN"], ["format", "--check"]):
        command = [ruff, *arguments, "--isolated", "--line-length", "120", "own_rules", "tests"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_written_when_that_is_asked_for(project: Path) -> None:
    done = call("rules", "new", "temporary-table", "--dir", "db/rules", "--write-config", cwd=project)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads((project / "elf-sqlcheck.toml").read_text()) == {"rules-dir": "db/rules"}
    run_tests(project, "tests/test_temporary_table.py")
    done = call("rules", "new", "other-thing", "--family", "house", "--test-dir", "db/tests", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "db" / "rules" / "other_thing.py").exists()
    assert "rules-dir" not in done.stdout
    run_tests(project, "db/tests/test_other_thing.py")
    assert "other-thing" in call("rules", cwd=project).stdout


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "pyproject.toml",
            '[tool.elf-sqlcheck]  # ours\ndir = "sql"\n\n[tool.elf-sqlcheck.severity]\n',
            '[tool.elf-sqlcheck]  # ours\nrules-dir = "own_rules"\ndir = "sql"\n\n[tool.elf-sqlcheck.severity]\n',
        ),
        (
            "pyproject.toml",
            '[tool.elf-sqlcheck.severity]\nchar-type = "note"',
            '[tool.elf-sqlcheck.severity]\nchar-type = "note"\n\n[tool.elf-sqlcheck]\nrules-dir = "own_rules"\n',
        ),
        (
            "elf-sqlcheck.toml",
            'dir = "migrations"\r\n[severity]\r\nchar-type = "note"\r\n',
            'rules-dir = "own_rules"\r\ndir = "migrations"\r\n[severity]\r\nchar-type = "note"\r\n',
        ),
    ],
)  # fmt: skip
def test_the_rest_of_the_configuration_stays(project: Path, name: str, before: str, after: str) -> None:
    (project / name).write_bytes(before.encode())
    done = call("rules", "new", "temporary-table", "--write-config", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / name).read_bytes().decode() == after
    assert "temporary-table" in call("rules", cwd=project).stdout


def test_a_configuration_that_no_line_can_be_added_to_stays(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool]\nelf-sqlcheck = { dir = "migrations" }\n')
    done = call("rules", "new", "temporary-table", "--write-config", cwd=project)
    assert done.returncode == 2
    assert 'add rules-dir = "own_rules"' in done.stderr
    assert not (project / "own_rules").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["TemporaryTable"], "such as temporary-table"),
        (["temporary_table"], "such as temporary-table"),
        (["table"], "is no name for a rule"),
        (["../x-y"], "is no name for a rule"),
        (["char-type"], "called char-type already"),
        (["foreign-keys"], "called foreign-keys already"),
        (["a-b", "--family", "A B"], "is no name for a family"),
        (["a-b", "--family", "char-type"], "is no name for a family"),
    ],
)
def test_names_that_cannot_be_are_refused(project: Path, arguments: list[str], said: str) -> None:
    done = call("rules", "new", *arguments, cwd=project)
    assert done.returncode == 2
    assert said in done.stderr
    assert sorted(os.listdir(project)) == [".git", "migrations"]


def test_nothing_is_overwritten_and_no_second_folder_is_made(project: Path) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "test_temporary_table.py").write_text("mine")
    done = call("rules", "new", "temporary-table", cwd=project)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert not (project / "own_rules").exists()
    (project / "elf-sqlcheck.toml").write_text('rules-dir = "db/rules"\n')
    done = call("rules", "new", "other-thing", "--dir", "elsewhere", cwd=project)
    assert done.returncode == 2
    assert "there is only one such folder" in done.stderr


@pytest.mark.slow
def test_a_package_brings_its_rules_along(project: Path, tmp_path: Path) -> None:
    """A package with an entry point, installed by pip into a virtual environment that has elf-sqlcheck."""
    call("rules", "new", "temporary-table", cwd=project)
    package = project / "package"
    package.mkdir()
    (project / "own_rules" / "temporary_table.py").rename(package / "their_rules.py")
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "their-rules"\nversion = "1"\n'
        '[project.entry-points."elf_sqlcheck.rules"]\ntheirs = "their_rules"\n'
        '[tool.setuptools]\npy-modules = ["their_rules"]\n'
    )
    target = project / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    done = subprocess.run([*install, str(target), str(package)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lint = call(
        "lint", "--select", "temporary-table", "--output-format", "concise", cwd=project, PYTHONPATH=str(target)
    )
    assert "table tmp_orders is called temporary" in lint.stdout
    assert lint.returncode == 0
    assert call("lint", "--select", "temporary-table", cwd=project).returncode == 2, "it is not installed here"
