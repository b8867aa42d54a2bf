"""What README, CONTRIBUTING and docs/ show is true: files are written as shown, commands run, and output compared.

tests/pages.py says how they are written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.config import load
from tests.pages import PAGES, SHELLS, blocks, carry_out, examples, read

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN)
def test_the_examples_of_a_page_do_what_it_shows(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    assert carry_out(page, folder)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_shell_is_run_or_says_why_not(page: str) -> None:
    for block in blocks(page):
        if block.language in SHELLS and not block.file and not block.reason:
            assert block.language == "console", f"{page}: write it as a console block, or say `not run`:\n{block.text}"
            assert list(examples(block)), f"{page}: a console block without a line that begins with `$ `"


@pytest.mark.parametrize("page", PAGES)
def test_every_configuration_that_a_page_shows_is_one(page: str, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "toml" and not block.file.endswith(("pyproject.toml", ".squawk.toml")):
            (tmp_path / "elf-sqlcheck.toml").write_text(block.text, "utf-8")
            load(explicit=str(tmp_path / "elf-sqlcheck.toml"))


def test_the_pages_are_there() -> None:
    assert {"README.md", "docs/adopting.md", "docs/zero-downtime.md"} <= set(SHOWN)


def test_the_first_commands_of_the_readme_are_goals_of_the_makefile() -> None:
    first = blocks("README.md")[0].text
    goals = re.findall(r"^make (\w+)", first, re.MULTILINE)
    assert goals == ["check", "test"]
    for goal in goals:
        assert re.search(rf"^{goal}:", read("Makefile"), re.MULTILINE)
    run = re.search(
        r"^for goal in (.+); do\n.*\n\s+make --no-print-directory \"\$goal\"", read(".ci/run"), re.MULTILINE
    )
    assert run
    assert set(goals) <= set(run[1].split())
    shown = [page for page in PAGES if page != "CONTRIBUTING.md"]
    not_run = [(page, block.text) for page in shown for block in blocks(page) if block.reason]
    assert not_run == [("README.md", first)], "all other blocks are run"


def test_snippets_for_pre_commit_name_hooks_that_there_are() -> None:
    from pre_commit import clientlib

    offered = {hook["id"] for hook in clientlib.yaml_load(read(".pre-commit-hooks.yaml"))}
    snippets = [block.text for page in PAGES for block in blocks(page) if block.language == "yaml"]
    shown = [found for found in map(clientlib.yaml_load, snippets) if isinstance(found, dict) and "repos" in found]
    assert len(shown) >= 2
    for found in shown:
        ours = [each for each in found["repos"] if "cloned" in each["repo"]]
        assert {hook["id"] for each in ours for hook in each["hooks"]} <= offered


def test_workflows_that_the_readme_calls_are_there_and_take_what_it_gives() -> None:
    from pre_commit import clientlib

    called = re.findall(r"uses: <owner>/elf-sqlcheck/(\S+)@", read("README.md"))
    assert sorted(called) == [".github/workflows/check.yml", ".github/workflows/deploy.yml"]
    for block in blocks("README.md"):
        if block.language == "yaml" and "jobs:" in block.text:
            [job] = clientlib.yaml_load(block.text)["jobs"].values()
            workflow = clientlib.yaml_load(read(job["uses"].split("elf-sqlcheck/", 1)[1].split("@")[0]))
            takes = (workflow.get("on") or workflow[True])["workflow_call"]
            assert job.get("with", {}).keys() <= takes.get("inputs", {}).keys()
            assert job.get("secrets", {}).keys() <= takes.get("secrets", {}).keys()
            required = {name for name, about in takes.get("inputs", {}).items() if about.get("required")}
            assert required <= job.get("with", {}).keys()


def test_the_rule_of_contributing_finds_what_its_examples_mark(tmp_path: Path) -> None:
    from elf_sqlcheck import registry
    from elf_sqlcheck.testing import assert_rule

    [text] = (block.text for block in blocks("CONTRIBUTING.md") if block.file.startswith("own_rules/"))
    (tmp_path / "naming.py").write_text(text, "utf-8")
    [rule] = (rule for rule in registry.load(str(tmp_path)) if rule.name == "one-letter-table")
    assert_rule(rule)


def test_the_picture_of_the_readme_shows_what_is_printed() -> None:
    from tests import screenshot

    with open(screenshot.PICTURE, encoding="utf-8") as file:
        shown = file.read()
    assert screenshot.words(shown) == screenshot.words(screenshot.picture(screenshot.printed())), (
        "run `python -m tests.screenshot`"
    )
    assert "unindexed-foreign-key" in screenshot.words(shown)
    assert not re.search(r"url\((?!#)", shown), "it loads something"
