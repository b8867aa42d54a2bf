"""What a shell is offered for a parameter: names of rules, formats, migrations, environments and files.

A shell asks while somebody types. So nothing of a repository is run here, no database is asked, and what cannot be
known is no error: nothing is offered then.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from elf_sqlcheck import config, layouts, registry, reports, sources
from elf_sqlcheck.environments import LOCAL
from elf_sqlcheck.errors import ElfError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from elf_sqlcheck.config import Config

    #: From the context and what has been typed, to values with a word about each.
    Offer = Callable[[click.Context, str], Iterable[tuple[str, str]]]


class Offered(StringParamType):
    """A text for which a shell is offered values."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The values that begin with what has been typed; those that the command line has already are left out."""
        given = ctx.params.get(param.name or "")
        there = given if isinstance(given, tuple) else ()
        try:
            found = list(self._offer(ctx, incomplete))
        except (ElfError, OSError):
            return []
        return [
            CompletionItem(value, help=text)
            for value, text in found
            if value.startswith(incomplete) and value not in there
        ]


class Path(StringParamType):
    """A text that names a file ("file") or a folder ("dir"), which shells know how to complete."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's
        """What makes the shell look for files."""
        return [CompletionItem(incomplete, type=self._kind)]


def teach(command: click.Command) -> None:
    """Make all parameters of a command and of those below it offer what there is, by their metavars or options."""
    for param in command.params:
        names = (*param.opts, (param.metavar or param.human_readable_name).strip("[].").upper())
        offered = next((_TYPES[name] for name in names if name in _TYPES), None)
        if offered is not None and isinstance(param.type, StringParamType):
            param.type = offered
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                teach(inner)


def _rule(_context: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    return ((rule.name, rule.summary) for rule in registry.load())


def _names(_context: click.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Rules and families; of several with commas between them, the last is completed."""
    rules = registry.load()
    before, comma, _ = incomplete.rpartition(",")
    known = dict.fromkeys(sorted({rule.family for rule in rules}), "all rules of this family")
    known |= {rule.name: rule.summary for rule in rules}
    return ((f"{before}{comma}{name}", text) for name, text in known.items() if name not in before.split(","))


def _output(_context: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    return ((f"{name}:-", "to standard output; or a file instead of -") for name in reports.FORMATS)


def _migration(context: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    settings = _settings(context)
    folder = sources.default_folder(settings, context.params.get("dir") or "")
    migrations = layouts.read_directory(folder, context.params.get("layout") or settings.layout) if folder else []
    return ((one.version or one.name, os.path.basename(one.path)) for one in migrations)


def _environment(context: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    names = _settings(context).env
    return ((name, "configured") if name in names else (name, "the project's own") for name in {LOCAL: None, **names})


def _settings(context: click.Context) -> Config:
    return config.load(".", context.params.get("config"), context.params.get("isolated") or False)


_FILE, _FOLDER, _MIGRATION = Path("file"), Path("dir"), Offered(_migration)
#: By option, or by metavar in capitals.
_TYPES: dict[str, StringParamType] = {
    "--depends-on": _MIGRATION,
    "--env": Offered(_environment),
    "DIR": _FOLDER,
    "FILE": _FILE,
    "FILE|-": _FILE,
    "FOLDER": _FOLDER,
    "FORMAT:FILE": Offered(_output),
    "NAMES": Offered(_names),
    "PATH": _FILE,
    "PATHS": _FILE,
    "PATHS|-": _FILE,
    "RULE": Offered(_rule),
    "VERSION": _MIGRATION,
}
