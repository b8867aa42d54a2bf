"""The command `elf-migrate up`: everything that is due, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options, running_options
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


@click.command()
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value="plan",
    type=click.Choice(["plan", "server"]),
    metavar="[=server]",
    help="Show what would be done, and change nothing. With =server ask the server whether it applies: it is run in a "
    "transaction that is rolled back, and waits at most 2 s for a lock.",
)
@click.option("--target", "last", metavar="VERSION", help="The last migration to run: a version or a full name.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Run N migrations at most.")
@click.option("--skip-validation", is_flag=True, help="Run without checking the files first (not recommended).")
@click.option("--allow-out-of-order", is_flag=True, help="Run new files that are older than what is applied.")
@running_options
@command_options()
def up(
    session: Session,
    *,
    dry_run: str | None,
    last: str | None,
    count: int | None,
    skip_validation: bool,
    allow_out_of_order: bool,
    lock_wait: float,
    lock_retries: int,
    yes: bool,
) -> None:
    """Run all pending migrations, in order; safe to run twice, at once, and after a crash.

    \b
    Examples:
      elf-migrate up
      elf-migrate up --dry-run
      elf-migrate up --dry-run=server
      elf-migrate up --target 20250121_094532
      elf-migrate up --backup backups
    """
    from dataclasses import replace

    from elf_sqlcheck.cli import migrate_attending, migrate_check, migrate_plan
    from elf_sqlcheck.migrate import deploy, plan

    if last is not None and count is not None:
        raise UsageError("--target and --count both say how far to go.", "Give one of them.")
    migrations = plan.check(session.migrations())
    with session.target() as target:
        options = target.options(
            target=last,
            count=count,
            allow_out_of_order=allow_out_of_order,
            lock_wait=lock_wait,
            lock_retries=lock_retries,
        )
        found = deploy.due(target.executor, migrations, options)
        if not skip_validation:
            migrate_check.refuse_changed(session.output, target.executor, migrations, found.states)
            migrate_check.check(session, found.migrations, cached=bool(dry_run))
        if dry_run:
            migrate_plan.show(session, found.applied(migrations), found.steps)
            if dry_run == "server" and found.migrations:
                migrate_plan.rehearse(session, target, found.migrations, lock_wait)
            return
        if found.migrations:
            session.allow(target, f"Run {len(found.migrations)} migration(s)", yes=yes)
            made = target.complete_roles(migrations)
            if made:
                session.output.note(f"made the roles that the migrations name but do not make: {', '.join(made)}")
            attending = migrate_attending.attendants(session, target, migrations, lock_wait)
            options = replace(options, attendants=attending)
        done = deploy.up(target.executor, migrations, session.output, options)
        session.output.newest_event(target.executor)
    session.output.data.setdefault("applied", [])
    number = f"{len(done)} migration{'' if len(done) == 1 else 's'} applied"
    session.output.say(f"{number}. `elf-migrate status` shows how things stand." if done else "Nothing to do.", "good")
