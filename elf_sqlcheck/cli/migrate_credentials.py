"""The commands `elf-migrate credentials …`: what is in the vault, who may read it, and who has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.cli import credentials_input as given_by
from elf_sqlcheck.cli.credentials_access import audit, grant, revoke
from elf_sqlcheck.cli.credentials_vault import import_, keyring, passwd
from elf_sqlcheck.cli.migrate_session import command_options, yes_option
from elf_sqlcheck.errors import CredentialError, UsageError

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.shared.credentials.contents import Scope

_MASKED = "********"


@click.group()
def credentials() -> None:
    """Keep passwords and keys in an encrypted vault, and say who may read them.

    The vault is one file: ELF_CREDENTIALS, else elf-sqlcheck/credentials.vault in XDG_CONFIG_HOME or ~/.config. It is
    opened by ELF_MASTER_PASSWORD, by the keyring of the system, or by whoever answers the prompt of these commands.
    Its audit log is beside it, or where ELF_CREDENTIALS_AUDIT says.

    What elf-migrate needs (SUPABASE_URL, SUPABASE_PASSWORD, DATABASE_URL, the url-env of an environment) it takes from
    the vault when that is open and has the name, else from the variable of that name. A variable that is set besides
    is passed over, with a warning: --database-url, or a vault that stays closed, lets others go first.

    \b
    Examples:
      elf-migrate credentials set SUPABASE_PASSWORD --env production --expires 90d
      elf-migrate credentials grant marketing CRM_API_KEY
      elf-migrate credentials audit --verify
    """


@credentials.command(name="set")
@click.argument("name")
@given_by.no_values
@given_by.environment_option
@given_by.team_option
@given_by.expires_option
@click.option("--purpose", default="", metavar="TEXT", help="What it is for; shown by `list`.")
@click.option("--replace", "replacing", is_flag=True, help="Give it a new value if it is there already.")
@command_options(database=False, folder=False)
def set_(
    session: Session, *, name: str, given: tuple[str, ...], environment: str, team: str, expires: str | None,
    purpose: str, replacing: bool,
) -> None:  # fmt: skip
    """Add a credential; its value is asked for, or comes from standard input.

    The vault is made when there is none yet.

    \b
    Examples:
      elf-migrate credentials set SUPABASE_PASSWORD --env production
      printf %s "$KEY" | elf-migrate credentials set CRM_API_KEY --team marketing --expires 90d
    """
    from elf_sqlcheck.shared.credentials import edits
    from elf_sqlcheck.shared.credentials.audit import Deed

    given_by.refuse_values(given)
    where = edits.scope(name, environment, team)
    now = time.time()
    ends = edits.end(expires, now) if expires else None
    vault = given_by.open_vault(create=True)
    value = given_by.secret("Value")
    with vault.change([Deed("set", *where, purpose)]) as contents:
        edits.put(contents, where, value, now, purpose=purpose, expires=ends, replacing=replacing)
    _tell(session, where, f"Set {where} in {vault.path}.")


@credentials.command()
@click.argument("name")
@given_by.no_values
@given_by.environment_option
@given_by.team_option
@given_by.expires_option
@click.option("--undo", is_flag=True, help="Take the former value again; the present one is kept in its place.")
@command_options(database=False, folder=False)
def rotate(
    session: Session, *, name: str, given: tuple[str, ...], environment: str, team: str, expires: str | None, undo: bool
) -> None:
    """Give a credential a new value; the former one is kept until the next time.

    One that had an end gets as much time again, unless --expires says otherwise.

    \b
    Examples:
      elf-migrate credentials rotate SUPABASE_PASSWORD --env production
      elf-migrate credentials rotate SUPABASE_PASSWORD --env production --undo
    """
    from elf_sqlcheck.shared.credentials import edits
    from elf_sqlcheck.shared.credentials.audit import Deed
    from elf_sqlcheck.shared.credentials.contents import day

    given_by.refuse_values(given)
    where = edits.scope(name, environment, team)
    now = time.time()
    ends = edits.end(expires, now) if expires else None
    vault = given_by.open_vault()
    if undo:
        with vault.change([Deed("undo rotation", *where)]) as contents:
            edits.undo(contents, where, now)
        _tell(session, where, f"{where} has its former value again.")
        return
    value = given_by.secret("New value")
    with vault.change([Deed("rotate", *where)]) as contents:
        made = edits.rotate(contents, where, value, now, ends, lasts=expires is None)
    until = f" until {day(made.expires)}" if made.expires else ""
    _tell(session, where, f"{where} has a new value{until}; `rotate --undo` brings the former one back.")


@credentials.command()
@click.argument("name")
@given_by.environment_option
@given_by.team_option
@yes_option
@command_options(database=False, folder=False)
def remove(session: Session, *, name: str, environment: str, team: str, yes: bool) -> None:
    """Remove a credential, and its former value.

    \b
    Example:
      elf-migrate credentials remove CRM_API_KEY --team marketing
    """
    from elf_sqlcheck.shared.credentials import edits
    from elf_sqlcheck.shared.credentials.audit import Deed

    where = edits.scope(name, environment, team)
    vault = given_by.open_vault()
    if not yes and not session.output.confirm(f"Remove {where} from {vault.path}?"):
        raise UsageError("Nothing was changed.", "Answer y, or give --yes where nobody can be asked.")
    with vault.change([Deed("remove", *where)]) as contents:
        del contents.entries[edits.find(contents, where).scope]
    _tell(session, where, f"Removed {where}. It still opens what it opened: withdraw it where it came from, too.")


@credentials.command()
@click.argument("name")
@given_by.environment_option
@click.option("--team", metavar="TEAM", default="system", help="On whose behalf (default: the tool's own).")
@click.option("--purpose", default="", metavar="TEXT", help="What it is needed for; goes to the audit log.")
@click.option("--reveal", is_flag=True, help="Print the value itself, and nothing else.")
@click.option("--previous", is_flag=True, help="The value before the last rotation.")
@command_options(database=False, folder=False)
def get(
    session: Session, *, name: str, environment: str, team: str, purpose: str, reveal: bool, previous: bool
) -> None:
    """Look a credential up as elf-migrate would: in the vault, then in the process environment.

    The value is masked unless --reveal is given.

    \b
    Examples:
      elf-migrate credentials get SUPABASE_URL --env production
      elf-migrate credentials get CRM_API_KEY --team marketing --reveal --purpose "nightly report"
    """
    import os

    from elf_sqlcheck.shared.credentials import CredentialManager, edits, files

    where = edits.scope(name, environment)
    vault = given_by.open_vault() if os.path.exists(files.vault_path()) else None
    why = purpose or ("credentials get --reveal" if reveal else "credentials get, masked")
    found = CredentialManager(environment=environment, vault=vault).find(name, team, why)
    value = found.entry.previous if found and found.entry and previous else "" if previous or not found else found.value
    if not found or not value:
        raise CredentialError(
            f"{where} {'has no former value' if found else 'is set nowhere'}.",
            "`elf-migrate credentials list` shows what is in the vault.",
        )
    session.output.data.update(
        name=found.name, environment=environment, team=team, place=found.place, value=value if reveal else None
    )
    if not reveal:
        session.output.say(f"{found.name}: {_MASKED} (from the {found.place})")
    elif not session.output.as_json:
        session.output.raw(f"{value}\n")


@credentials.command(name="list")
@command_options(database=False, folder=False)
def list_(session: Session) -> None:
    """List what is in the vault, and which team may read what; never a value.

    \b
    Example:
      elf-migrate credentials list --output json
    """
    import os

    from elf_sqlcheck.shared.credentials import files

    output, path = session.output, files.vault_path()
    contents = given_by.open_vault().read() if os.path.exists(path) else None
    entries = sorted(contents.entries.values(), key=lambda entry: entry.scope) if contents else []
    output.data.update(path=path, credentials=[_row(entry) for entry in entries], grants=[])
    if contents is None:
        output.say(f"There is no vault yet: `elf-migrate credentials set NAME` makes {path}.")
        return
    output.data["grants"] = [grant._asdict() for grant in sorted(contents.grants)]
    rows = output.data["credentials"]
    heads = ("NAME", "ENVIRONMENT", "TEAM", "SET", "EXPIRES", "PURPOSE")
    cells = [
        (row["name"], row["environment"] or "all", row["team"] or "-", row["rotated"] or row["created"],
         row["expires"] + ("" if row["state"] == "valid" else f" ({row['state']})"), row["purpose"])
        for row in rows
    ]  # fmt: skip
    output.table(heads, cells)
    for allowed in sorted(contents.grants):
        place = f" of {allowed.environment}" if allowed.environment else ""
        output.say(f"Team {allowed.team} may read {allowed.name}{place}.")


def _row(entry: Any) -> dict[str, Any]:
    from elf_sqlcheck.shared.credentials.contents import day

    moments = {"created": entry.created, "rotated": entry.rotated, "expires": entry.expires}
    return {
        **entry.scope._asdict(),
        "purpose": entry.purpose,
        **{name: day(moment) if moment else "" for name, moment in moments.items()},
        "state": entry.state(time.time()),
        "has_previous": bool(entry.previous),
    }


def _tell(session: Session, where: Scope, text: str) -> None:
    session.output.data.update(where._asdict())
    session.output.say(text, "good")


for _command in (import_, grant, revoke, audit, passwd, keyring):
    credentials.add_command(_command)
