"""Colours and widths on a real terminal, in pipes, and as the environment asks for them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from tests.forks import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
MIGRATE = os.path.join(os.path.dirname(sys.executable), "elf-migrate")
NAME = "20250102_000000_orders.sql"
TEXT = "-- ======= UP MIGRATION =======\nCREATE TABLE orders (price money);\n-- ======= DOWN MIGRATION =======\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / NAME).write_text(TEXT)
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    odd = ("GIT", "ELF", "NO_C", "FORCE", "CLICOLOR", "PY_COLORS")
    return {key: value for key, value in os.environ.items() if not key.startswith(odd)} | {
        "TERM": "xterm-256color", **variables
    }  # fmt: skip


def on_terminal(
    folder: Path, *command: str, columns: int = 80, variables: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """What a command shows on a terminal of so many columns, and what it writes to standard error, a pipe."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    running = subprocess.Popen(
        command, cwd=folder, env=environment(**(variables or {})), stdout=theirs, stderr=subprocess.PIPE, stdin=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # EIO: Linux says so when nobody writes any more
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return shown.decode(), running.communicate()[1].decode()


def piped(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return run(program, *arguments, folder=folder, variables=environment(**variables))


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"CLICOLOR": "0"}, False),
        ({"CLICOLOR": "1"}, True),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_a_terminal_has_colours_unless_the_environment_says_otherwise(
    project: Path, variables: dict[str, str], coloured: bool
) -> None:
    shown, errors = on_terminal(project, COMMAND, "lint", variables=variables)
    assert ("\x1b[" in shown) is coloured
    assert "money-type" in shown
    assert errors == ""


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"CLICOLOR": "1"}, False),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
    ids=str,
)
def test_a_pipe_has_none_unless_it_is_forced(project: Path, variables: dict[str, str], coloured: bool) -> None:
    done = piped(project, "elf-sqlcheck", "lint", **variables)
    assert ("\x1b[" in done.stdout) is coloured
    assert done.stderr == ""


def test_all_commands_hold_to_it(project: Path) -> None:
    for command in (("rules",), ("lint", "--diff"), ("validate", f"migrations/{NAME}")):
        program = "elf-migrate" if command[0] == "validate" else "elf-sqlcheck"
        assert "\x1b[" in piped(project, program, *command, CLICOLOR_FORCE="1").stdout, command
        assert "\x1b[" not in piped(project, program, *command, NO_COLOR="1", CLICOLOR_FORCE="1").stdout, command
    assert "\x1b[" in on_terminal(project, MIGRATE, "validate", f"migrations/{NAME}")[0]


@pytest.mark.parametrize("columns", [50, 100])
def test_prose_fits_the_terminal(project: Path, columns: int) -> None:
    shown = on_terminal(project, COMMAND, "lint", "--select", "money-type", columns=columns)[0]
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
    prose = [line for line in lines if line.startswith("  ") and not re.match(r"  +(\d+)? \|", line)]
    assert any(len(line) > columns - 20 for line in prose)
    assert all(len(line) <= columns or "://" in line for line in prose)


def test_results_go_to_standard_output_and_errors_to_standard_error(project: Path) -> None:
    shown, errors = on_terminal(project, COMMAND, "lint", "no/such.sql")
    assert shown == ""
    assert errors.startswith("error: ")
    for name in ("json", "sarif", "gitlab", "junit", "rdjson", "checkstyle"):
        done = piped(project, "elf-sqlcheck", "lint", "--output-format", name, CLICOLOR_FORCE="1")
        assert (done.returncode, done.stderr) == (1, "")
        assert "\x1b" not in done.stdout


def test_only_github_gets_annotations_without_being_asked(project: Path) -> None:
    plain = piped(project, "elf-sqlcheck", "lint").stdout
    for variable in ("CI", "GITLAB_CI", "CIRCLECI"):
        assert piped(project, "elf-sqlcheck", "lint", **{variable: "true"}).stdout == plain
    assert piped(project, "elf-sqlcheck", "lint", GITHUB_ACTIONS="true").stdout.startswith("::error file=")


def test_a_reader_that_has_seen_enough_ends_it_quietly(project: Path) -> None:
    for command in ("rules", "lint --output-format sarif", "completion bash"):
        script = f"{COMMAND} {command} | true"
        done = subprocess.run(["bash", "-c", script], cwd=project, env=environment(), capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), command
