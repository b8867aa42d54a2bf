"""The command `elf-migrate repair`: correct the history by decision of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options, lock_wait_option, yes_option
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.known import Known
    from elf_sqlcheck.migrate.repair import Repair
    from elf_sqlcheck.shared.database import SupabaseExecutor


@click.command()
@click.argument("version", required=False)
@click.option(
    "--mark",
    type=click.Choice(["applied", "pending", "rolled-back", "skipped"]),
    help="How VERSION is to count from now on; nothing is run.",
)
@click.option("--accept", multiple=True, metavar="VERSION", help="Take a changed file for what was executed; "
              "repeatable.")  # fmt: skip
@click.option("--forget", multiple=True, metavar="VERSION", help="Know a migration no longer whose file was deleted; "
              "repeatable.")  # fmt: skip
@click.option("--drop-invalid", is_flag=True, help="Drop the INVALID indexes that our migrations left behind.")
@click.option("--reason", default="", metavar="TEXT", help="Why; goes into the history.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@lock_wait_option
@yes_option
@command_options()
def repair(
    session: Session,
    *,
    version: str | None,
    mark: str | None,
    accept: tuple[str, ...],
    forget: tuple[str, ...],
    drop_invalid: bool,
    reason: str,
    dry_run: bool,
    lock_wait: float,
    yes: bool,
) -> None:
    """Correct what the database says about migrations; never runs one.

    Without options it looks for what is odd, proposes what to do, and asks about each. What is done becomes an event
    of the history, with the reason.

    \b
    Examples:
      elf-migrate repair
      elf-migrate repair 20250121_094532 --mark applied --reason "run by hand on call"
      elf-migrate repair --accept 20250121_094532 --dry-run
      elf-migrate repair --forget 20250121_094532
      elf-migrate repair --drop-invalid
    """
    from elf_sqlcheck.migrate import oddities
    from elf_sqlcheck.migrate import repair as repairing
    from elf_sqlcheck.migrate.history import History
    from elf_sqlcheck.migrate.known import Known

    if (version is None) != (mark is None):
        raise UsageError(
            "--mark and VERSION belong together.",
            "elf-migrate repair VERSION --mark applied|pending|rolled-back|skipped",
        )
    output, migrations = session.output, session.migrations()
    is_asked_for = bool(mark or accept or forget or drop_invalid)
    output.data["repaired"] = []
    with session.target() as target:
        executor = target.executor
        history = History(executor)
        known = Known(history, migrations)
        advice: list[str] = []
        if is_asked_for:
            wanted = _asked_for(executor, known, version or "", mark or "", accept, forget, drop_invalid)
        else:
            wanted, advice = oddities.proposals(executor, history, known)
        output.data.update(dry_run=dry_run, repairs=[_data(one) for one in wanted], advice=advice)
        chosen: list[Repair] = []
        for one in wanted:
            _show(output, known, one)
            if is_asked_for or dry_run or yes or output.confirm("  Do that?"):
                chosen.append(one)
        for sentence in advice:
            output.say(sentence, "warn")
        if not wanted:
            output.say("There is nothing to repair." if not advice else "Nothing here is for repair to do.", "good")
            return
        if dry_run:
            output.say("Nothing was changed.")
            return
        if not chosen:
            raise UsageError("Nothing was changed.", "Answer y, or give --yes where nobody can be asked.")
        session.allow(target, f"Repair {_counted(chosen)}", yes=yes, always=is_asked_for)
        options = target.options(lock_wait=lock_wait)
        repairing.carry_out(executor, migrations, chosen, reason, options=options, note=output.note)
        output.data["repaired"] = [_data(one) for one in chosen]
        output.say(f"Done: {_counted(chosen)}.", "good")
        output.newest_event(executor)


def _asked_for(
    executor: SupabaseExecutor,
    known: Known,
    version: str,
    mark: str,
    accept: tuple[str, ...],
    forget: tuple[str, ...],
    drop_invalid: bool,
) -> list[Repair]:
    from elf_sqlcheck.migrate import oddities
    from elf_sqlcheck.migrate import repair as repairing

    found = [repairing.marking(known, version, repairing.STATUSES[mark])] if mark else []
    found += [one for name in dict.fromkeys(accept) if (one := repairing.accepting(known, name))]
    found += [repairing.forgetting(known, name) for name in dict.fromkeys(forget)]
    if drop_invalid:
        found += oddities.invalid(executor, known)[0]
    return found


def _show(output: Output, known: Known, repair: Repair) -> None:
    """Say what is odd and what is done about it, with the diff of a changed file."""
    from elf_sqlcheck.cli import migrate_diff

    output.say(f"{repair.state.name}: {repair.because}.", "head")
    if repair.action == "accept":
        kept = known.kept(repair.state.version)
        file = known.files[repair.state.version]
        if kept is None:
            output.say("    What was executed has not been kept, so it cannot be compared.", "faint")
        else:
            migrate_diff.show(output, migrate_diff.difference(kept, file))
    output.say(f"  It will be {repair.effect}.", "warn")


def _counted(repairs: list[Repair]) -> str:
    return ", ".join(f"{repair.action} {repair.state.name}" for repair in repairs)


def _data(repair: Repair) -> dict[str, str]:
    """A correction as JSON can hold it."""
    found = {
        "action": repair.action,
        "version": repair.state.version,
        "name": repair.state.name,
        "because": repair.because,
        "effect": repair.effect,
    }
    if repair.status:
        found["status"] = repair.status
    if repair.leftover:
        found["index"] = f"{repair.leftover.index.schema}.{repair.leftover.index.name}"
    return found
