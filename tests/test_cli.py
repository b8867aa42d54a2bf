"""The command line as a whole: help, versions, the commands that only tell, and how things end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from typing import TYPE_CHECKING

import click
import pytest

from elf_sqlcheck import registry, reports
from elf_sqlcheck.cli import linting, sqlcheck, start
from tests.forks import run

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
SHARED = ["--config", "--isolated"]
REPORT = ["--output-format", "--output-file", "--output", "--fail-on", "--no-color", "--quiet", "-q"]
BASELINE = ["--baseline", "--no-baseline"]
LINT = [
    "--add-suppressions",
    "--reason",
    "--select",
    "--extend-select",
    "--ignore",
    "--fix",
    "--unsafe-fixes",
    "--diff",
    "--staged",
    "--since",
]
OPTIONS = {
    "lint": [*LINT, "--stdin-filename", "--stats", "--dir", *BASELINE, *REPORT, *SHARED],
    "verify": ["--dir", "--since", "--pg-bin", "--database-url", "--keep", *BASELINE, *REPORT, *SHARED],
    "baseline": ["--prune", "--verify", "--include-secrets", "--baseline", "--select", "--dir", "--layout", *SHARED],
    "explain": SHARED,
    "rules": ["--output-format", "--squawk", *SHARED],
    "rules new": ["--family", "--dir", "--test-dir", "--write-config", *SHARED],
    "config import": ["--write"],
    "config": ["--output-format", "--dir", *SHARED],
}


def call(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "FORCE", "NO_C"))}
    return run("elf-sqlcheck", *arguments, folder=cwd, variables=environment | variables)


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_has_help_with_examples_and_all_options(command: str) -> None:
    done = call(*command.split(), "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout
    assert f"\n    elf-sqlcheck {command}" in done.stdout.partition("Example")[2]
    assert "\\b" not in done.stdout
    for option in OPTIONS[command]:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", done.stdout), option
    if "--output-format" in OPTIONS[command] and command in {"lint", "verify"}:
        assert f"shown: {', '.join(reports.FORMATS)} (default" in " ".join(done.stdout.split())


def test_the_group_says_what_there_is() -> None:
    done = call("--help")
    assert done.returncode == 0
    for command in {name.partition(" ")[0] for name in OPTIONS}:
        assert f"\n  {command} " in done.stdout
    assert "Exit codes: 0" in done.stdout
    assert call().returncode == 2
    assert call("-h").stdout == done.stdout


def test_the_version() -> None:
    done = call("--version")
    assert done.returncode == 0
    package, parser, python, server = done.stdout.splitlines()
    assert re.fullmatch(r"elf-sqlcheck \d+\.\d+\.\d+", package)
    assert re.fullmatch(r"pglast \d+\.\d+, with the grammar of Postgres \d+\.\d+", parser)
    assert python == "Python " + ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(r"Postgres for verify: (\d+|embedded wheel) in /.*", server)


@pytest.mark.parametrize("arguments", [["lint", "--fxi"], ["lnt"], ["lint", "--output-format", "yaml"], ["explain"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Usage: elf-sqlcheck" in done.stderr
    assert "Traceback" not in done.stderr


def test_rules_are_listed_with_their_severities(tmp_path: Path) -> None:
    names = {rule.name for rule in registry.load()}
    done = call("rules", cwd=tmp_path)
    assert done.returncode == 0
    for name in names:
        assert re.search(rf"(?m)^  {name} +(error|warning|note|off) ", done.stdout), name
    (tmp_path / "elf-sqlcheck.toml").write_text('ignore = ["char-type"]\nseverity = { json-type = "note" }\n')
    entries = json.loads(call("rules", "--output-format", "json", cwd=tmp_path).stdout)["rules"]
    levels = {entry["name"]: entry["severity"] for entry in entries}
    assert set(levels) == names
    assert (levels["char-type"], levels["json-type"], levels["money-type"]) == ("off", "note", "error")
    assert "\x1b[" in call("rules", cwd=tmp_path, FORCE_COLOR="1").stdout
    assert "\x1b[" not in call("rules", "--no-color", cwd=tmp_path, FORCE_COLOR="1").stdout


def test_a_rule_is_explained() -> None:
    done = call("explain", "char-type")
    assert done.returncode == 0
    rule = next(rule for rule in registry.load() if rule.name == "char-type")
    shown = " ".join(done.stdout.split())
    assert " ".join(rule.why.split()) in shown
    assert " ".join(rule.instead.split()) in shown
    done = call("explain", "chr-type")
    assert done.returncode == 2
    assert "char-type" in done.stderr


def test_the_configuration_is_shown_without_secrets(tmp_path: Path) -> None:
    text = """
dir = "sql"
exclude = ["a b/*.sql"]
fail-on = "warning"
[severity]
char-type = "off"
[per-file-ignores]
"seeds/*.sql" = ["types"]
[env.live]
url = "postgresql://u:canary@h/d"
lock-timeout = "2s"
"""
    (tmp_path / "elf-sqlcheck.toml").write_text(text)
    done = call("config", cwd=tmp_path)
    assert done.returncode == 0
    assert f"# from {tmp_path / 'elf-sqlcheck.toml'}" in done.stdout
    shown = tomllib.loads(done.stdout)
    assert shown["dir"] == "sql"
    assert shown["exclude"] == ["a b/*.sql"]
    assert shown["severity"] == {"char-type": "off"}
    assert shown["per-file-ignores"] == {"seeds/*.sql": ["types"]}
    assert shown["env"]["live"]["lock-timeout"] == "2s"
    assert "canary" not in done.stdout
    assert json.loads(call("config", "--output-format", "json", cwd=tmp_path).stdout)["fail-on"] == "warning"
    assert "defaults" in call("config", "--isolated", cwd=tmp_path).stdout


def test_a_broken_configuration_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('exlude = ["x"]\n')
    for command in (["lint"], ["verify"], ["rules"], ["config"], ["explain", "char-type"]):
        done = call(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert "'exlude'" in done.stderr
        assert "'exclude'" in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("RULES = (", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("RULES = ['x']", "not a tuple of Rule"),
        ("x = 1", "RULES"),
    ],
)
def test_a_rule_that_cannot_be_loaded_ends_with_2(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('rules-dir = "own"\n')
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.py").write_text(source)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").write_text("select 1;")
    done = call("lint", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_of_ours_ends_with_3_and_one_sentence(tmp_path: Path) -> None:
    # The interpreter starts this before anything else, so the installed command meets a broken standard library.
    (tmp_path / "sitecustomize.py").write_text(
        "import elf_sqlcheck.config as c\ndef load(*_): raise ZeroDivisionError('by nothing')\nc.load = load\n"
    )
    done = call("lint", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 3
    assert "elf-sqlcheck has a bug: ZeroDivisionError: by nothing" in done.stderr
    assert "Traceback" not in done.stderr
    done = call("lint", cwd=tmp_path, PYTHONPATH=str(tmp_path), ELF_SQLCHECK_DEBUG="1")
    assert "Traceback" in done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_an_interruption_ends_with_130(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [COMMAND, "lint", "-"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        asleep = 0
        while asleep < 5 and running.poll() is None:  # for a while now: it waits for standard input
            time.sleep(0.1)
            with open(f"/proc/{running.pid}/stat", encoding="utf-8") as state:
                asleep = asleep + 1 if state.read().rpartition(") ")[2].startswith("S") else 0
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert said.strip() == "interrupted"


def test_linting_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("create table a (id int);")
    code = (
        "import sys\nfrom elf_sqlcheck.cli import sqlcheck\nsys.argv = ['elf-sqlcheck', 'lint', 'a.sql']\n"
        "try:\n    sqlcheck.main()\nexcept SystemExit:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "elf_sqlcheck.lint" in loaded
    heavy = {
        "psycopg",
        "rich",
        "sqlfluff",
        "cryptography",
        "pglast.ast",
        "dataclasses",
        "pathlib",
        "tomllib",
        "subprocess",
    }
    assert not loaded & heavy - _loaded_by_an_empty_program()


def _loaded_by_an_empty_program() -> set[str]:
    """What the interpreter, its site and click load by themselves."""
    code = "import sys, click; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.sql"],
        ["a.sql", "migrations"],
        ["--staged"],
        ["-q", "a.sql", "--no-color"],
        ["--quiet", "--isolated", "--staged"],
    ],
    ids=" ".join,
)
def test_what_is_read_without_click_is_what_click_reads(words: list[str]) -> None:
    given = start.plain(["lint", *words])
    assert given is not None
    command = sqlcheck.cli.get_command(click.Context(sqlcheck.cli), "lint")
    assert command is not None
    assert {**linting.DEFAULTS, **given} == command.make_context("lint", list(words)).params
    assert set(start.FLAGS.values()) < linting.DEFAULTS.keys()


@pytest.mark.parametrize(
    "words",
    [
        ["lint", "--fix"],
        ["lint", "-"],
        ["lint", "--", "a.sql"],
        ["lint", "--since=main"],
        ["lint", "-h"],
        ["verify"],
        [],
    ],
    ids=" ".join,
)
def test_what_needs_a_parser_of_options_goes_to_click(words: list[str]) -> None:
    assert start.plain(words) is None
