"""The command `elf-sqlcheck`: judges migrations, and proves them on a throw-away server."""

from __future__ import annotations

import click

from elf_sqlcheck.cli import completion, ending, show, versions
from elf_sqlcheck.cli.baseline import baseline
from elf_sqlcheck.cli.github import github
from elf_sqlcheck.cli.hook import hook
from elf_sqlcheck.cli.lint import lint
from elf_sqlcheck.cli.new_rule import new
from elf_sqlcheck.cli.style import style
from elf_sqlcheck.cli.verify import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
    Exit codes: 0 all is well, 1 findings, 2 the command or the configuration is wrong, 3 a bug, 130 interrupted.
    """


cli.add_command(lint)
cli.add_command(style)
cli.add_command(verify)
cli.add_command(baseline)
cli.add_command(hook)
cli.add_command(show.explain)
cli.add_command(show.rules)
show.rules.add_command(new)
cli.add_command(show.config)
cli.add_command(github)
cli.add_command(completion.command("elf-sqlcheck"))


def main() -> NoReturn:
    """Entry point of the installed command."""
    ending.run(cli, "elf-sqlcheck")
