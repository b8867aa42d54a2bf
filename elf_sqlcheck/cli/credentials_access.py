"""The commands `elf-migrate credentials grant`, `revoke` and `audit`: who may read what, and who has."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.cli import credentials_input as given_by
from elf_sqlcheck.cli.migrate_session import command_options
from elf_sqlcheck.errors import ElfError, closest

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session

_where = click.option("--env", "environment", metavar="NAME", default="", help="For that environment only.")


@click.command()
@click.argument("team")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_where
@command_options(database=False, folder=False)
def grant(session: Session, *, team: str, names: tuple[str, ...], environment: str) -> None:
    """Let a team read credentials that belong to no team; a final * stands for any end of a name.

    What was set with --team needs no grant. The tool itself (team "system") reads all that belongs to no team.

    \b
    Examples:
      elf-migrate credentials grant marketing CRM_API_KEY
      elf-migrate credentials grant marketing 'MARKETING_*' --env production
    """
    from elf_sqlcheck.shared.credentials import edits
    from elf_sqlcheck.shared.credentials.audit import Deed

    known = session.config.teams
    made = edits.grants(team, names, environment)
    deeds = [Deed("grant", one.name, environment, one.team) for one in made]
    with given_by.open_vault(create=True).change(deeds) as contents:
        contents.grants.update(made)
        unused = [
            one.name for one in made if not any(one.covers(where.name, where.environment) for where in contents.entries)
        ]
    slug = made[0].team
    session.output.data.update(team=slug, names=list(names), environment=environment)
    session.output.say(f"Team {slug} may read {', '.join(names)}{f' of {environment}' if environment else ''}.", "good")
    for name in unused:
        session.output.note(f"nothing in the vault is called {name} yet")
    if known and slug not in known:
        near = closest(slug, known)
        session.output.note(f"[teams] of the configuration has no team {slug}{f'; it has {near}' if near else ''}")


@click.command()
@click.argument("team")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_where
@command_options(database=False, folder=False)
def revoke(session: Session, *, team: str, names: tuple[str, ...], environment: str) -> None:
    """Take back what `grant` gave, word for word.

    \b
    Example:
      elf-migrate credentials revoke marketing CRM_API_KEY
    """
    from elf_sqlcheck.shared.credentials import edits
    from elf_sqlcheck.shared.credentials.audit import Deed

    taken = edits.grants(team, names, environment)
    deeds = [Deed("revoke", one.name, environment, one.team) for one in taken]
    with given_by.open_vault().change(deeds) as contents:
        edits.revoke(contents, taken)
    slug = taken[0].team
    session.output.data.update(team=slug, names=list(names), environment=environment)
    session.output.say(
        f"Team {slug} may no longer read {', '.join(names)}. What it has read already it knows: rotate that.", "good"
    )


@click.command()
@click.option("--verify", is_flag=True, help="Check that nobody has changed the log; exit code 1 if somebody has.")
@click.option(
    "--last", type=click.IntRange(0), default=50, show_default=True, metavar="N", help="How many lines; 0: all."
)
@click.option("--name", default="", metavar="NAME", help="Only what was done to that credential.")
@click.option("--archive", is_flag=True, help="Put the log aside, and begin a new one.")
@command_options(database=False, folder=False)
def audit(session: Session, *, verify: bool, last: int, name: str, archive: bool) -> None:
    """Show who asked for which credential, on whose behalf, why, and what came of it.

    --verify checks the hashes that chain the lines, and, with the master password, that all of them were written by
    somebody who could open the vault, and that the end was not cut off.

    \b
    Examples:
      elf-migrate credentials audit --name SUPABASE_PASSWORD
      elf-migrate credentials audit --verify
      elf-migrate credentials audit --archive
    """
    from elf_sqlcheck.shared.credentials import files
    from elf_sqlcheck.shared.credentials.audit import Audit, audit_path

    output = session.output
    if archive:
        _archive(session)
        return
    log = Audit(audit_path(files.vault_path()))
    lines = [line for _, line in log.lines() if line is not None and name in ("", line.get("name"))]
    # Whoever verifies wants to see what is wrong, not what happened.
    shown = [] if verify else lines[-last:] if last else lines
    output.data.update(path=log.path, lines=shown)
    if shown:
        heads = ("TIME", "ACTION", "CREDENTIAL", "ENVIRONMENT", "TEAM", "BY", "PURPOSE", "OUTCOME")
        ended = {_deed(line) for line in shown if line.get("outcome") != "begun"}
        output.table(
            heads, [_cells(line) for line in shown if line.get("outcome") != "begun" or _deed(line) not in ended]
        )
    elif not verify:
        output.say(f"Nothing is in the log {log.path}{f' about {name}' if name else ''}.")
    if verify:
        _verify(session, log)


def _archive(session: Session) -> None:
    from elf_sqlcheck.shared.credentials.audit import Deed

    vault = given_by.open_vault()
    deeds: list[Deed] = []
    with vault.change(deeds) as contents:
        aside = vault.audit.archive()
        contents.audited = (0, "")
        deeds.append(Deed("begin a new log", purpose=f"the former one is {os.path.basename(aside) or 'missing'}"))
    session.output.data.update(path=vault.audit.path, archived=aside)
    session.output.say(
        f"The log is now {aside}; a new one begins." if aside else "There was no log; one begins.", "good"
    )


def _verify(session: Session, log: Any) -> None:
    from elf_sqlcheck.shared.credentials import files, master

    path = files.vault_path()
    can_open = os.path.exists(path) and bool(sys.stdin.isatty() or master.password_for(path))
    contents = given_by.open_vault().read() if can_open else None
    faults = log.faults(contents.audit_key, contents.audited) if contents else log.faults(None)
    session.output.data.update(faults=faults, verified_with_password=contents is not None)
    if faults:
        raise ElfError(
            f"The audit log {log.path} was changed: {'; '.join(faults[:5])}{'; …' if len(faults) > 5 else ''}.",
            "Find out who did it, and rotate what they may have read. Then begin a new log, which keeps this one: "
            "elf-migrate credentials audit --archive",
        )
    count = sum(1 for _ in log.lines())
    session.output.say(f"{count} line{'' if count == 1 else 's'}: the log is as it was written.", "good")
    if contents is None:
        session.output.note(
            f"without the master password only the chain was checked: set {master.VARIABLE} to check who wrote it"
        )


def _deed(line: dict[str, Any]) -> tuple[object, ...]:
    return tuple(line.get(part) for part in ("generation", "pid", "action", "name", "environment", "team"))


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    who = f"{line.get('user', '')} {line.get('program', '')} {line.get('pid', '')}"
    said = (str(line.get(part, "")) for part in ("purpose", "outcome"))
    named = (str(line.get(part, "")) for part in ("action", "name", "environment", "team"))
    return (str(line.get("time", ""))[:19].replace("T", " "), *named, who, *said)
