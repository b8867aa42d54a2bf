"""`elf-sqlcheck verify --pushed`: the command once more, for each commit that is pushed, and where its files are."""

from __future__ import annotations

import os
import sys

import click

from elf_sqlcheck import pushed, sources
from elf_sqlcheck.cli import meaning
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: click.Context) -> int:
    """Run the command of `context` for each commit that is pushed; returns the worst exit code.

    Where nobody says what is pushed (`pre-commit run --hook-stage manual`), the working tree is judged as a whole.
    """
    given = {**context.params, "pushed": False}
    for name in ("paths", "since", "unsafe_fixes"):
        if given[name]:
            what = {"paths": "PATHS"}.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(
                f"--pushed judges what a push brings, so {what} cannot go with it", "leave one of them out"
            )
    repository = here("--pushed needs")
    lines = [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin
    pushes = pushed.read(os.environ, lines)
    if not pushes:
        return _invoke(context, given)
    return max(_prove(context, given, repository, push) for push in pushes)


def _prove(context: click.Context, given: dict[str, Any], repository: Repository, push: pushed.Push) -> int:
    config = meaning.settings(given["config_file"], given["isolated"])
    folder = sources.default_folder(config, given["directory"])
    paths = [os.path.relpath(path, repository.root) for path in (folder, config.path) if path]
    here = os.getcwd()
    inside = os.path.relpath(here, repository.root)
    outputs = [
        f"{name}:{file}" if file in {"", "-"} else f"{name}:{os.path.abspath(file)}" for name, _, file in _split(given)
    ]
    written = given["output_file"] and os.path.abspath(given["output_file"])
    since = pushed.since(push, repository)
    with pushed.tree(push, repository, paths) as tree:
        os.chdir(os.path.join(tree, inside))
        try:
            return _invoke(context, {**given, "since": since, "outputs": tuple(outputs), "output_file": written})
        finally:
            os.chdir(here)


def _split(given: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [output.partition(":") for output in given["outputs"]]


def _invoke(context: click.Context, given: dict[str, Any]) -> int:
    try:
        context.invoke(context.command, **given)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0
