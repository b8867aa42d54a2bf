"""The command `elf-migrate baseline`: take over a database that has its schema already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options, lock_wait_option, yes_option
from elf_sqlcheck.errors import ElfError

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session

#: More than so many are counted, not listed.
_MANY = 20


@click.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="Do it although the database lacks what the migrations make.")
@click.option("--reason", default="", metavar="TEXT", help="Why; goes into the history.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@lock_wait_option
@yes_option
@command_options()
def baseline(
    session: Session, *, version: str, force: bool, reason: str, dry_run: bool, lock_wait: float, yes: bool
) -> None:
    """Let every migration up to and including VERSION count as applied, without running any.

    For a database whose schema was made in another way. What the history knows already stays as it is. Tables, columns,
    views, types and functions that the migrations make must be there, by their names.

    \b
    Examples:
      elf-migrate baseline 20250121_094532 --dry-run
      elf-migrate baseline 20250121_094532 --env production --reason "made by hand in 2023"
    """
    from elf_sqlcheck.migrate import takeover

    output, migrations = session.output, session.migrations()
    with session.target() as target:
        found = takeover.takeover(target.executor, migrations, version)
        output.data.update(
            dry_run=dry_run,
            adopted=[],
            adopting=[{"version": one.version, "name": one.name} for one in found.migrations],
            known=len(found.known),
            missing=list(found.missing),
        )
        if found.known:
            output.say(f"In the history already, and left as they are: {len(found.known)}.", "faint")
        if not found.migrations:
            output.say("Nothing to do.", "good")
            return
        number = f"{len(found.migrations)} migration{'' if len(found.migrations) == 1 else 's'}"
        output.say(f"Would count as applied, without being run ({number}):", "head")
        for one in found.migrations[:_MANY]:
            output.say(f"  {one.name}")
        if len(found.migrations) > _MANY:
            output.say(f"  … and {len(found.migrations) - _MANY} more, up to {found.migrations[-1].name}")
        _compare(session, found.missing, force=force)
        if dry_run:
            output.say("Nothing was changed.")
            return
        session.allow(target, f"Let {number} count as applied", yes=yes, always=True)
        why = reason or f"taken over at {version}"
        options = target.options(lock_wait=lock_wait)
        takeover.adopt(target.executor, migrations, version, found, why, options=options, note=output.note)
        output.data["adopted"] = output.data["adopting"]
        output.say(f"{number} recorded as applied. `elf-migrate up` runs what comes after.", "good")
        output.newest_event(target.executor)


def _compare(session: Session, missing: tuple[str, ...], *, force: bool) -> None:
    """Say what the database lacks; raises ElfError (exit code 1) unless that is forced."""
    if not missing:
        session.output.say("The database has all that they make, by its names.", "good")
        return
    listed = ", ".join(missing[:_MANY]) + (f" and {len(missing) - _MANY} more" if len(missing) > _MANY else "")
    if not force:
        raise ElfError(
            f"The database lacks what these migrations make: {listed}. Nothing was changed.",
            "Name an earlier version, and `elf-migrate up` runs the rest; or, when that is known and wanted, --force.",
        )
    session.output.say(f"  warning: the database lacks what they make: {listed}", "warn")
