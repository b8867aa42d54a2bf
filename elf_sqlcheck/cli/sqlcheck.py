"""The command `elf-sqlcheck`: judges migrations, and proves them on a throw-away server."""

from __future__ import annotations

from importlib import import_module

import click

from elf_sqlcheck.cli import completion, ending, versions
from elf_sqlcheck.cli.start import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: The modules with the commands: each is loaded when its command is asked for, or all of them to list them.
_MODULES = {
    "lint": "lint", "style": "style", "verify": "verify", "baseline": "baseline", "hook": "hook", "explain": "show",
    "rules": "show", "config": "show", "github": "github",
}  # fmt: skip


class _Commands(click.Group):
    """Commands that are loaded when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of the alphabet."""
        return sorted({*_MODULES, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None when there is none."""
        if cmd_name in _MODULES and cmd_name not in self.commands:
            module = import_module(f"elf_sqlcheck.cli.{_MODULES[cmd_name]}")
            self.add_command(getattr(module, cmd_name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@versions.option
def cli() -> None:
    """Check PostgreSQL and Supabase migrations before they reach production.

    \b
    Examples:
      elf-sqlcheck lint                              judge the migrations folder
      elf-sqlcheck lint --staged                     judge what is about to be committed
      elf-sqlcheck style --fix                       write them as the project writes SQL (sqlfluff)
      elf-sqlcheck baseline                          take what is found now for known
      elf-sqlcheck verify                            apply, roll back and re-apply on a throw-away Postgres
      elf-sqlcheck explain unindexed-foreign-key     say why a rule is there

    \b
    Exit codes: 0 all is well, 1 findings, 2 the command or configuration is wrong, 3 a bug, 128 + n ended by signal n.
    """


cli.add_command(completion.command(PROGRAM))


def main() -> NoReturn:
    """Entry point of the installed command."""
    ending.run(lambda: cli, PROGRAM)
