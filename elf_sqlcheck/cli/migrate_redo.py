"""The command `elf-migrate redo`: take a migration back and apply it again, as while it is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_down import announce, as_applied_option, described
from elf_sqlcheck.cli.migrate_session import command_options, running_options

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


@click.command()
@click.argument("version", required=False)
@as_applied_option
@click.option("--skip-validation", is_flag=True, help="Run without checking the file first (not recommended).")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@running_options
@command_options()
def redo(
    session: Session,
    *,
    version: str | None,
    as_applied: bool,
    skip_validation: bool,
    dry_run: bool,
    lock_wait: float,
    lock_retries: int,
    yes: bool,
) -> None:
    """Roll back the newest migration, or VERSION, and apply it again, each in its own transaction.

    DOWN is the file's, UP too; after a change of both, --as-applied rolls back what the database really has.

    \b
    Examples:
      elf-migrate redo
      elf-migrate redo 20250121_094532 --as-applied
    """
    from elf_sqlcheck.cli import migrate_attending, migrate_check, migrate_plan
    from elf_sqlcheck.migrate import rollback
    from elf_sqlcheck.migrate.history import History

    migrations = session.migrations()
    choice = rollback.Choice(version or "", as_applied=as_applied)
    with session.target() as database:
        found = rollback.chosen(History(database.executor), migrations, choice)
        if not skip_validation:
            migrate_check.check(session, [one for one in migrations if one.version in found.versions], cached=False)
        announce(session, found)
        if dry_run:
            migrate_plan.show(session, found.applied, [*found.steps, *rollback.again(found)])
            return
        if not found.steps:
            session.output.say("Nothing to do: nothing is applied.", "good")
            return
        session.allow(database, f"Roll back and apply again {described(found)}", yes=yes)
        attending = migrate_attending.attendants(session, database, migrations, lock_wait)
        options = database.options(lock_wait=lock_wait, lock_retries=lock_retries, attendants=attending)
        rollback.down(database.executor, migrations, choice, session.output, options, shown=found.versions, and_up=True)
        session.output.newest_event(database.executor)
