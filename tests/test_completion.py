"""What a shell completes: asked as the scripts of the shells ask, and by typing into a real bash."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import reports
from tests.forks import run

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = os.path.dirname(sys.executable)
MIGRATION = "-- ======= UP MIGRATION =======\nSELECT 1;\n-- ======= DOWN MIGRATION =======\nSELECT 1;\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "elf-sqlcheck.toml").write_text('[env.staging]\nurl-env = "STAGING"\n')
    (tmp_path / "migrations").mkdir()
    for name in ("20250101_093000_teams", "20250102_093000_orders"):
        (tmp_path / "migrations" / f"{name}.sql").write_text(MIGRATION)
    return tmp_path


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "ELF", "PG"))}


def ask(folder: Path, shell: str, words: str) -> list[str]:
    """The lines that the program answers a shell when the last of the `words` is to be completed."""
    program, *before = words.split(" ")
    variables = {f"_{program}_COMPLETE".replace("-", "_").upper(): f"{shell}_complete", "COMP_WORDS": words}
    variables["COMP_CWORD"] = before[-1] if shell == "fish" else str(len(before))
    done = run(program, folder=folder, variables=environment() | variables)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def offered(folder: Path, words: str) -> list[str]:
    return [line.partition(",")[2] for line in ask(folder, "bash", words) if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("elf-sqlcheck comp", ["completion"]),
        ("elf-sqlcheck completion ", ["bash", "zsh", "fish"]),
        ("elf-sqlcheck explain money-t", ["money-type"]),
        ("elf-sqlcheck lint --select money", ["money-type"]),
        ("elf-sqlcheck lint --select secr", ["secrets"]),
        ("elf-sqlcheck verify --ignore secrets,char-type,char", []),
        ("elf-sqlcheck lint --extend-select secrets,money", ["secrets,money-type"]),
        ("elf-sqlcheck lint --output-format js", ["json", "jsonl"]),
        ("elf-sqlcheck verify --output sa", ["sarif:-"]),
        ("elf-sqlcheck lint --fail-on ", ["error", "warning", "note"]),
        ("elf-sqlcheck lint --layout el", ["elf"]),
        ("elf-migrate up --target ", ["20250101_093000", "20250102_093000"]),
        ("elf-migrate down 20250102", ["20250102_093000"]),
        ("elf-migrate repair --accept 20250101", ["20250101_093000"]),
        ("elf-migrate up --dir nowhere --target ", []),
        ("elf-migrate status --env ", ["local", "staging"]),
        ("elf-migrate comp", ["completion"]),
    ],
)
def test_names_are_offered_where_they_belong(project: Path, words: str, expected: list[str]) -> None:
    assert offered(project, words) == expected


def test_every_format_is_offered(project: Path) -> None:
    assert offered(project, "elf-sqlcheck lint --output-format ") == list(reports.FORMATS)
    assert offered(project, "elf-sqlcheck lint --output ") == [f"{name}:-" for name in reports.FORMATS]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("elf-sqlcheck lint mig", "file"),
        ("elf-sqlcheck lint --config el", "file"),
        ("elf-sqlcheck verify --dir mig", "dir"),
        ("elf-migrate validate mig", "file"),
        ("elf-migrate up --dir mig", "dir"),
    ],
)
def test_files_are_left_to_the_shell(project: Path, words: str, kind: str) -> None:
    assert ask(project, "bash", words) == [f"{kind},{words.rpartition(' ')[2]}"]


def test_the_other_shells_are_told_what_a_rule_finds(project: Path) -> None:
    kind, name, text = ask(project, "zsh", "elf-sqlcheck explain money-t")
    assert (kind, name) == ("plain", "money-type")
    assert "money" in text.lower()
    assert any("money-type" in line for line in ask(project, "fish", "elf-sqlcheck explain money-t"))


def test_a_broken_configuration_offers_nothing_and_says_nothing(project: Path) -> None:
    (project / "elf-sqlcheck.toml").write_text("nonsense = [")
    assert offered(project, "elf-migrate up --target 2025") == []


@pytest.mark.parametrize("program", ["elf-sqlcheck", "elf-migrate"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_with_a_word_about_where_it_goes(program: str, shell: str) -> None:
    done = run(program, "completion", shell, variables=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_{program.upper().replace('-', '_')}_COMPLETE={shell}_complete" in done.stdout
    told = run(program, "completion", "--help", variables=environment()).stdout
    assert f"{program} completion {shell}" in told
    assert run(program, "completion", "basch", variables=environment()).stderr.count("Did you mean 'bash'?") == 1


def typed(folder: Path, keys: str, expected: str) -> str:
    """What a bash on a terminal shows when the script is loaded and `keys` are typed, up to `expected`."""
    ours, theirs = pty.openpty()
    variables = {**environment(), "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "PS1": "> ", "TERM": "xterm",
                 "HISTFILE": "", "INPUTRC": os.devnull}  # fmt: skip
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-i"], cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown, sent, deadline = "", False, time.monotonic() + 60
    os.write(ours, b'eval "$(elf-sqlcheck completion bash)"; echo lo""aded\n')
    try:
        while expected not in shown and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.5)[0]:
                shown += os.read(ours, 4096).decode("utf-8", "replace")
            if not sent and "loaded\r\n" in shown:
                os.write(ours, keys.encode())
                sent = True
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
    return re.sub(r"\x1b\[\??[0-9;]*[a-zA-Z]", "", shown)


def test_a_real_bash_completes_what_is_typed(project: Path) -> None:
    assert "elf-sqlcheck explain money-type " in typed(project, "elf-sqlcheck explain money-t\t", "money-type ")
    shown = typed(project, "elf-sqlcheck lint migrations/20250102\t", "orders.sql")
    assert "elf-sqlcheck lint migrations/20250102_093000_orders.sql" in shown
