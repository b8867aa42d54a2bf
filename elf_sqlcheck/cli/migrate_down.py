"""The command `elf-migrate down`: take back what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options, running_options
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.rollback import Rollback

as_applied_option = click.option(
    "--as-applied",
    is_flag=True,
    help="Take the DOWN section that was kept when the migration was applied, not the file's.",
)


@click.command()
@click.argument("version", required=False)
@click.option("--target", metavar="VERSION", help="Roll back all that came after VERSION, which stays applied.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Roll back the newest N.")
@click.option("--all", "everything", is_flag=True, help="Roll back everything; asks first, wherever it is.")
@as_applied_option
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@running_options
@command_options()
def down(
    session: Session,
    *,
    version: str | None,
    target: str | None,
    count: int | None,
    everything: bool,
    as_applied: bool,
    dry_run: bool,
    lock_wait: float,
    lock_retries: int,
    yes: bool,
) -> None:
    """Roll back what was applied, newest first: VERSION is a version or a full name.

    Several are rolled back one after the other, each in its own transaction, and the first that fails ends the run. A
    migration whose file is gone is rolled back as it was applied.

    \b
    Examples:
      elf-migrate down 20250121_094532 --dry-run
      elf-migrate down 20250121_094532
      elf-migrate down --count 1 --backup backups
      elf-migrate down --target 20250121_093000
    """
    from elf_sqlcheck.cli import migrate_attending, migrate_plan
    from elf_sqlcheck.migrate import rollback
    from elf_sqlcheck.migrate.history import History

    if sum((version is not None, target is not None, count is not None, everything)) != 1:
        raise UsageError(
            "Say what to roll back: a VERSION, --target VERSION, --count N or --all; one of them.",
            "`elf-migrate down --count 1 --dry-run` shows what rolling back the newest would do.",
        )
    migrations = session.migrations()
    choice = rollback.Choice(version or "", target or "", count, everything, as_applied)
    with session.target() as database:
        found = rollback.chosen(History(database.executor), migrations, choice)
        announce(session, found)
        if dry_run:
            migrate_plan.show(session, found.applied, found.steps)
            return
        if not found.steps:
            session.output.say("Nothing to do.", "good")
            return
        session.allow(database, f"Roll back {described(found)}", yes=yes, always=everything)
        attending = migrate_attending.attendants(session, database, migrations, lock_wait)
        options = database.options(lock_wait=lock_wait, lock_retries=lock_retries, attendants=attending)
        done = rollback.down(database.executor, migrations, choice, session.output, options, shown=found.versions)
        session.output.newest_event(database.executor)
    session.output.say("`elf-migrate up` applies it again." if done else "Nothing to do.")


def announce(session: Session, found: Rollback) -> None:
    """Say what people should know before anything is rolled back, and what later migrations may lose."""
    from elf_sqlcheck.migrate.uses import losses

    output = session.output
    output.data["rolled_back"] = []
    for remark in found.remarks.values():
        output.note(f"{remark}.")
    output.data["warnings"] = [str(loss) for loss in losses(found.applied, found.steps)]
    for warning in output.data["warnings"]:
        output.say(f"  warning: {warning}", "warn")


def described(found: Rollback) -> str:
    """The migrations that are rolled back, for a question."""
    names = [step.migration.name for step in found.steps]
    return names[0] if len(names) == 1 else f"{len(names)} migrations ({', '.join(names)})"
