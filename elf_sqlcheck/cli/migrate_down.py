"""The command `elf-migrate down`: take back what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options, lock_retries_option, lock_wait_option, yes_option

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


@click.command()
@click.argument("version")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@lock_wait_option
@lock_retries_option
@yes_option
@command_options()
def down(session: Session, version: str, *, dry_run: bool, lock_wait: float, lock_retries: int, yes: bool) -> None:
    """Roll back one applied migration: VERSION is its version or full name.

    \b
    Examples:
      elf-migrate down 20250121_094532 --dry-run
      elf-migrate down 20250121_094532
    """
    from elf_sqlcheck.cli import migrate_plan
    from elf_sqlcheck.migrate import deploy
    from elf_sqlcheck.migrate.history import History

    migrations = session.migrations()
    with session.target() as target:
        states = History(target.executor).read()
        migration, section = deploy.removable(migrations, version, states)
        if dry_run:
            applied = deploy.Due((), states).applied(migrations)
            migrate_plan.show(session, applied, [deploy.Step(migration, section)])
            return
        session.allow(target, f"Roll back {migration.name}", yes=yes)
        options = deploy.Options(lock_wait=lock_wait, lock_retries=lock_retries)
        deploy.down(target.executor, migrations, version, session.output, options)
        session.output.newest_event(target.executor)
    session.output.say("`elf-migrate up` applies it again.")
