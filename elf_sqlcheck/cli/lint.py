"""The command `elf-sqlcheck lint`."""

from __future__ import annotations

import click

from elf_sqlcheck.cli import linting, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command()
@options.files
@click.option("--stats", metavar="FILE", help="How large tables are, as `elf-migrate status --stats` writes it.")
@click.option("--fix", "fixing", is_flag=True, help="Fix in the files what can be fixed without changing a meaning.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply also fixes that may change a meaning; implies --fix.")
@click.option("--diff", "diffing", is_flag=True, help="Show what --fix would change; exit code 1 if anything.")
@click.option("--add-suppressions", "adding", is_flag=True, help="Allow what is found by comments in the files.")
@click.option("--reason", metavar="TEXT", help="Why --add-suppressions allows it; goes into each comment.")
@click.option("--no-cache", is_flag=True, help="Read and judge all files anew, and keep nothing for the next run.")
@options.baselined
@options.choice_of_rules
@options.report
@options.folder
@options.layout
@options.trusted
@options.configured
@click.pass_context
def lint(context: click.Context, /, **given: Any) -> None:
    """Judge migrations without running them.

    Every file is judged against the schema that the files before it in its folder make. Without PATHS the migrations
    folder is judged; - reads standard input.

    \b
    Examples:
      elf-sqlcheck lint
      elf-sqlcheck lint migrations/20250121_093200_add_user_profiles.sql
      elf-sqlcheck lint --staged
      elf-sqlcheck lint --since origin/main --output-format json
      elf-sqlcheck lint --fix --ignore cascade-delete
      elf-sqlcheck lint --add-suppressions --reason "as agreed with the data team" --select naming
      elf-sqlcheck lint - --stdin-filename migrations/20250121_093200_add_user_profiles.sql < draft.sql
    """
    context.exit(linting.lint(**given))
