"""The commands `elf-sqlcheck hook install` and `elf-sqlcheck hook uninstall`."""

from __future__ import annotations

import os
import sys

import click

from elf_sqlcheck import git_hook
from elf_sqlcheck.cli.lint import lint
from elf_sqlcheck.cli.verify import verify
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@click.group()
def hook() -> None:
    """Plain Git hooks, for those without pre-commit, lefthook or husky.

    The hook asks Git first: a commit without SQL costs next to nothing.
    """


def _kinds(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--type", "kinds", type=click.Choice(list(git_hook.KINDS)), multiple=True, help=text)


_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@hook.command()
@_kinds("Which hook; several may be named (default: pre-commit). pre-push proves what a push brings.")
@click.option("--shared", is_flag=True, help="Write into a folder of hooks that other repositories use, too.")
@_dry_run
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS]")
def install(*, kinds: tuple[str, ...], shared: bool, dry_run: bool, arguments: tuple[str, ...]) -> None:
    """Write a hook that blocks a commit whose migrations have errors.

    It judges what is staged, not what lies in the working tree. A hook that is there already is kept and runs first.
    OPTIONS, after --, are those of `lint`, or with --type pre-push of `verify`.

    \b
    Examples:
      elf-sqlcheck hook install
      elf-sqlcheck hook install --type pre-push
      elf-sqlcheck hook install -- --fail-on warning
      elf-sqlcheck hook install --dry-run
    """
    place = git_hook.place(here("hooks need"))
    if place.shared and not shared:
        raise UsageError(
            f"{place.folder} holds the hooks of all your repositories: core.hooksPath is not set for this one alone",
            "add --shared if it is to run in all of them, or see `git config --show-origin core.hooksPath`",
        )
    program = _program()
    for kind in kinds or ("pre-commit",):
        _check(kind, arguments)
        text = git_hook.script(kind, program, arguments)
        done = git_hook.install(place.folder, kind, text, dry_run=dry_run)
        for line in done:
            click.echo(line)
        if not done:
            click.echo(f"{os.path.relpath(os.path.join(place.folder, kind))} is installed already")


@hook.command()
@_kinds("Which hook; several may be named (default: all that `hook install` wrote).")
@_dry_run
def uninstall(*, kinds: tuple[str, ...], dry_run: bool) -> None:
    """Remove what `hook install` wrote, and put back the hook that was there before.

    \b
    Examples:
      elf-sqlcheck hook uninstall
      elf-sqlcheck hook uninstall --type pre-push
    """
    folder = git_hook.place(here("hooks need")).folder
    for kind in kinds or git_hook.installed(folder) or ("pre-commit",):
        for line in git_hook.uninstall(folder, kind, dry_run=dry_run):
            click.echo(line)


def _program() -> str:
    """This very program, as an absolute path: a hook that is started from a window has hardly any PATH."""
    from shutil import which

    beside = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
    found = next(filter(None, map(which, (beside, sys.argv[0], "elf-sqlcheck"))), None)
    if found is None:
        raise UsageError("the program elf-sqlcheck is not found", "install it, and start it by its name")
    return os.path.abspath(found)


def _check(kind: str, arguments: tuple[str, ...]) -> None:
    """Let click object now to what would be objected to at every commit."""
    command, first = (verify, "--pushed") if kind == "pre-push" else (lint, "--staged")
    command.make_context(command.name, [first, *arguments])
