"""Writes the references in docs/: of the commands, from click, and of the configuration, from its schema.

python -m elf_sqlcheck.cli.reference docs
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli import migrate, sqlcheck
from elf_sqlcheck.reports import configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {"elf-sqlcheck": sqlcheck.cli, "elf-migrate": migrate.cli}
_EXAMPLES = re.compile(r"(Examples?|Exit codes):")
_INTRODUCTION = """\
# Commands

Made from the commands themselves by `python -m elf_sqlcheck.cli.reference docs`; do not edit it by hand. Each says \
the same with `--help`."""


def commands(programs: dict[str, click.Group] | None = None) -> str:
    """The page about all commands, in Markdown: a list of them, then each with its examples and its options."""
    found = [each for name, group in (programs or PROGRAMS).items() for each in walk(name, group)]
    contents = [f"- [{name}](#{name.replace(' ', '-')}): {_first(command)}" for name, _, command in found]
    lines = [_INTRODUCTION, "", *contents]
    for name, context, command in found:
        lines += ["", f"## {name}", "", *_about(name, context, command)]
    return "\n".join(lines) + "\n"


def walk(
    name: str, command: click.Command, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context, click.Command]]:
    """A command and all below it, each with its whole name and a context to ask it in."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name, context, command
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None and not below.hidden:
                yield from walk(f"{name} {each}", below, context)


def examples(command: click.Command) -> list[str]:
    """The command lines that the help of a command shows as examples, without what they are for."""
    lines = [line for kind, text in _paragraphs(command) if kind.startswith("Example") for line in text.split("\n")]
    return [line.partition("  # ")[0] for line in lines]


def _first(command: click.Command) -> str:
    """The first sentence of the help of a command."""
    return _paragraphs(command)[0][1].partition(". ")[0].rstrip(".")


def _about(name: str, context: click.Context, command: click.Command) -> Iterator[str]:
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f"`{' '.join([name, *pieces])}`"
    for kind, text in _paragraphs(command):
        yield ""
        if kind.startswith("Example"):
            yield f"```text\n{text}\n```"
        else:
            yield text
    records = [
        parameter.get_help_record(context) for parameter in command.params if isinstance(parameter, click.Option)
    ]
    rows = [record for record in records if record is not None]
    if rows:
        yield "\n| option | |\n|---|---|"
        for option, text in rows:
            yield f"| {_cell(f'`{option}`')} | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(command: click.Command) -> list[tuple[str, str]]:
    """The paragraphs of the help of a command, each after what it begins with ("Examples"), "" for plain text."""
    found: list[tuple[str, str]] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        verbatim = paragraph.startswith("\b")
        text = paragraph.removeprefix("\b\n")
        heading = _EXAMPLES.match(text) if verbatim else None
        if heading and heading[1].startswith("Example"):
            lines = inspect.cleandoc(text[heading.end() :].lstrip("\n"))
            found.append((heading[1], re.sub(r"(?<=\S) {3,}", "  # ", lines)))
        else:
            found.append(("", " ".join(text.split())))
    return found


if __name__ == "__main__":
    [_, _folder] = sys.argv
    for _name, _text in (("commands.md", commands()), ("configuration.md", configuration.page())):
        with open(os.path.join(_folder, _name), "w", encoding="utf-8", newline="\n") as _file:
            _file.write(_text)
