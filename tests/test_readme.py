"""What the README and CONTRIBUTING show is true: files are written as shown, commands run, and output compared.

A fenced block after `<!-- file: PATH -->` is that file. In a `console` block, lines that begin with `$ ` are run, and
what follows is their output; `...` stands for what differs from run to run or is too long (see `like`).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks(path: str) -> list[tuple[str, str, str]]:
    """The fenced blocks of a page: the file that it is ("" for none), its language, its text."""
    return [(name or "", language, text) for name, language, text in BLOCK.findall(read(path))]


def run(command: str, folder: Path) -> tuple[int, str]:
    """The exit code and the output of a command of ours, in an environment that knows no database and no colour."""
    environment = {
        "PATH": os.pathsep.join([BIN, os.environ["PATH"]]),
        "HOME": str(folder.parent),
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"],
    }
    result = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


def like(shown: str) -> re.Pattern[str]:
    """What output must look like: `...` is any text within a line, and any lines where it stands alone."""
    lines = (
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\n"
        for line in shown.strip("\n").split("\n")
    )
    return re.compile("".join(lines))


def trimmed(output: str) -> str:
    """The output without blanks at the ends of lines."""
    return "".join(f"{line.rstrip()}\n" for line in output.strip("\n").split("\n"))


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_examples_of_a_page_do_what_it_shows(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    commands = 0
    for name, language, text in blocks(page):
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        elif language == "console":
            for example in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = example.partition("\n")
                _, output = run(command, folder)
                assert like(shown).fullmatch(trimmed(output)), f"{command}\nsays\n{output}\nand {page} shows\n{shown}"
                commands += 1
    assert commands


def test_the_first_commands_of_the_readme_are_goals_of_the_makefile() -> None:
    [(_, _, first), *_] = blocks("README.md")
    goals = re.findall(r"^make (\w+)", first, re.MULTILINE)
    assert goals == ["check", "test"]
    for goal in goals:
        assert re.search(rf"^{goal}:", read("Makefile"), re.MULTILINE)


def test_the_snippet_for_pre_commit_names_hooks_that_there_are() -> None:
    from pre_commit import clientlib

    [snippet] = (text for _, language, text in blocks("README.md") if language == "yaml")
    offered = {hook["id"] for hook in clientlib.yaml_load(read(".pre-commit-hooks.yaml"))}
    [repository] = clientlib.yaml_load(snippet)["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= offered


def test_every_file_that_the_pages_link_to_is_there() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
            assert os.path.exists(os.path.join(ROOT, target)), f"{page} links to {target}"


def test_the_rule_of_contributing_finds_what_its_examples_mark(tmp_path: Path) -> None:
    from elf_sqlcheck import registry
    from elf_sqlcheck.testing import assert_rule

    [text] = (text for name, _, text in blocks("CONTRIBUTING.md") if name.startswith("own_rules/"))
    (tmp_path / "naming.py").write_text(text, "utf-8")
    [rule] = (rule for rule in registry.load(str(tmp_path)) if rule.name == "one-letter-table")
    assert_rule(rule)
