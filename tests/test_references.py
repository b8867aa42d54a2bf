"""The references in docs/ are fresh, and the schema of the configuration says what `config.load` accepts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import jsonschema
import pytest

from elf_sqlcheck import config, environments, hooks
from elf_sqlcheck.cli import reference
from elf_sqlcheck.errors import ConfigError
from elf_sqlcheck.reports import configuration
from tests.forks import run

if TYPE_CHECKING:
    from pathlib import Path

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs")
SCHEMA = configuration.schema()
KEYS = SCHEMA["properties"]
DEFINITIONS = SCHEMA["definitions"]
COMMANDS = {
    name: (context, command)
    for program, group in reference.PROGRAMS.items()
    for name, context, command in reference.walk(program, group)
}
#: What somebody might write after the `=`, right or wrong.
VALUES: tuple[Any, ...] = (
    "", " ", "migrations", "5s", "1.5 min", "s", "5 parsecs", "a\0b", "12M", "1_000", "-3", "error", "off", "supabase",
    "elf", "Main", "'", 0, -1, 1, 5, 17, 100, 10**15, 10**16, 1.5, -0.5, True, False, [], [""], ["a"], ["a", "b"], [1],
    ["a\0"], {}, {"a": "error"}, {"a": "off"}, {"a": []}, {"a": ["b"]}, {"a": 1}, {"a": -1}, {"a": "12M"},
    {"a": {"rows": 3}}, {"a": {"rows": 3, "bytes": 4, "writes-per-second": 0.5}}, {"a": {"rows": -3}},
    {"a": {"bytes": 3}}, {"a": {"rows": 3, "x": 1}}, {"a b": 3}, {"a.b": 3}, {'"a b".c': 3}, {"--": ["b"]},
    {"a": {"schemas": ["b"]}}, {"a": {"schemas": []}}, {"a": {"roles": ["b"]}}, {"a": {"schemas": ["b"], "role": 1}},
    {"a": {"schemas": ["b"], "role": "c", "roles": ["d"]}}, {"a": {}}, {"a": {"url": "postgresql://h/d"}},
    {"a": {"url": "x", "project": "y"}}, {"a": {"urls": "x"}}, {"timeout": 0}, {"timeout": 5}, {"timeout": True},
    {"before-up": "./x y"}, {"before-up": ""}, {"before-up": []}, {"after-up": ["x"]}, {"after-down": [1]}, {"up": "x"},
)  # fmt: skip


def toml(value: Any) -> str:
    """A value as TOML, in one line; a text of JSON is one of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def load(folder: Path, table: dict[str, Any]) -> config.Config:
    """The configuration of a file that says this."""
    path = folder / "elf-sqlcheck.toml"
    path.write_text("".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items()), "utf-8")
    return config.load(explicit=str(path))


def accepted(folder: Path, table: dict[str, Any]) -> bool:
    """Whether `load` takes a file that says this."""
    with contextlib.suppress(ConfigError):
        load(folder, table)
        return True
    return False


def test_the_references_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "elf_sqlcheck.cli.reference", str(tmp_path)], check=True)
    for name in ("commands.md", "configuration.md"):
        with open(os.path.join(DOCS, name), encoding="utf-8") as file:
            written = file.read()
        fresh = (tmp_path / name).read_text("utf-8")
        assert written == fresh, "run `python -m elf_sqlcheck.cli.reference docs`"


def test_every_command_and_option_is_on_the_page() -> None:
    page = reference.commands()
    parts = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    assert parts.keys() == COMMANDS.keys()
    for name, (_, command) in COMMANDS.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[0] in parts[name], f"{name} {parameter.opts[0]}"


def programs(line: str) -> list[list[str]]:
    """The commands of ours in a line for a shell, in words."""
    inside = re.search(r"\$\((.*?)\)", line)
    lexer = shlex.shlex(inside[1] if inside else line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = []
    for word in lexer:
        if word in reference.PROGRAMS:
            found.append([])
        if set(word) & set("();<>|&"):
            found.append([])
        elif found:
            found[-1].append(word)
    return [each for each in found if each and each[0] in reference.PROGRAMS]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_the_help_are_understood(name: str) -> None:
    for line in reference.examples(COMMANDS[name][1]):
        assert programs(line), line
        for program, *arguments in programs(line):
            whole = program
            while arguments and f"{whole} {arguments[0]}" in COMMANDS:
                whole += f" {arguments.pop(0)}"
            context, command = COMMANDS[whole]
            command.make_context(whole, arguments, parent=context.parent)


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_schema_has_the_keys_that_are_read() -> None:
    assert KEYS.keys() == config._KEYS.keys()
    assert DEFINITIONS["environment"]["properties"].keys() == environments._KEYS.keys()
    assert DEFINITIONS["hooks"]["properties"].keys() == {*hooks.MOMENTS, "timeout"}


@pytest.mark.parametrize("key", KEYS)
def test_the_schema_takes_what_load_takes(key: str, tmp_path: Path) -> None:
    validator = jsonschema.Draft7Validator(SCHEMA)
    for value in (*VALUES, *KEYS[key].get("examples", ()), KEYS[key].get("default", "")):
        if isinstance(value, str) and key == "hooks":
            continue
        table = {key: value}
        assert validator.is_valid(table) == accepted(tmp_path, table), table


@pytest.mark.parametrize("key", DEFINITIONS["environment"]["properties"])
def test_the_schema_takes_what_load_takes_in_an_environment(key: str, tmp_path: Path) -> None:
    entry = DEFINITIONS["environment"]["properties"][key]
    validator = jsonschema.Draft7Validator(SCHEMA)
    for value in (*VALUES, *entry.get("examples", ())):
        table = {"env": {"x": {key: value}}}
        assert validator.is_valid(table) == accepted(tmp_path, table), table


def test_the_defaults_of_the_schema_are_those_of_the_configuration(tmp_path: Path) -> None:
    for key, entry in KEYS.items():
        if "default" in entry:
            assert load(tmp_path, {key: entry["default"]}).replace(path="", root="") == config.Config(), key
    for key, entry in DEFINITIONS["environment"]["properties"].items():
        if "default" in entry:
            read = load(tmp_path, {"env": {"x": {key: entry["default"]}}}).env
            assert read == {"x": environments.Environment("x")}, key
    assert DEFINITIONS["hooks"]["properties"]["timeout"]["default"] == hooks.Hooks().timeout


def test_what_the_page_shows_is_accepted(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", configuration.page(), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        path = tmp_path / "elf-sqlcheck.toml"
        path.write_text(block, "utf-8")
        config.load(explicit=str(path))


def test_what_config_shows_can_be_read_again(tmp_path: Path) -> None:
    """Every key is shown as it was read, and what is not set stays so."""
    table = {key: entry["examples"][0] for key, entry in KEYS.items() if entry.get("examples")}
    table["env"] = {"live": {"url-env": "LIVE_URL", "branch": ["main"], "backup": "b"}, "x": {}}
    table["hooks"] = {"before-up": "./a b", "timeout": 5}
    for said in ({}, table):
        before = load(tmp_path, said)
        shown = run("elf-sqlcheck", "config", folder=tmp_path)
        assert shown.returncode == 0, shown.stderr
        (tmp_path / "elf-sqlcheck.toml").write_text(shown.stdout, "utf-8")
        after = config.load(explicit=str(tmp_path / "elf-sqlcheck.toml"))
        assert after.replace(dir=before.dir) == before
