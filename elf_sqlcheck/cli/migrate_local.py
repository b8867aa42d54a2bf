"""The commands `elf-migrate local …`: the project's own database, a Postgres that is only there for this folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options
from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.cli.migrate_session import Session


@click.group()
def local() -> None:
    """The project's own database: an embedded Postgres, kept outside of the folder, on a private socket only.

    \b
    Every command works on it that is told of no other database, or --env local. It is started when it is needed, and
    stops with the last command that uses it; `start` lets it stay for your program and your tools.

    \b
    Examples:
      elf-migrate local start
      export DATABASE_URL="$(elf-migrate local url)"
      elf-migrate local psql -c "SELECT * FROM schema_migrations"
      elf-migrate local reset && elf-migrate up --env local
      elf-migrate local stop
    """


@local.command()
@command_options(database=False, folder=False)
def start(session: Session) -> None:
    """Start it, and let it run until `elf-migrate local stop`; nothing happens when it runs already.

    \b
    Example:
      elf-migrate local start
    """
    from elf_sqlcheck.migrate.target import project_folder, wanted_locally
    from elf_sqlcheck.postgres import resident

    folder = project_folder(session.config)
    is_new = resident.start(folder, wanted_locally(session.config))
    standing = resident.look(folder)
    session.output.data.update(url=standing.url, started=is_new)
    session.output.say(f"Postgres {standing.version} {'runs now' if is_new else 'was running'}: {standing.url}", "good")
    session.output.say("`elf-migrate local stop` stops it; its data stays.")


@local.command()
@command_options(database=False, folder=False)
def stop(session: Session) -> None:
    """Stop it; its data stays.

    \b
    Example:
      elf-migrate local stop
    """
    from elf_sqlcheck.migrate.target import project_folder
    from elf_sqlcheck.postgres import resident

    is_stopped = resident.stop(project_folder(session.config))
    session.output.data["stopped"] = is_stopped
    session.output.say("Stopped." if is_stopped else "It stops when the commands end that use it now.", "good")


@local.command()
@command_options(database=False, folder=False)
def url(session: Session) -> None:
    """Print its URL, and nothing else.

    \b
    Example:
      export DATABASE_URL="$(elf-migrate local url)"
    """
    from elf_sqlcheck.migrate.target import project_folder
    from elf_sqlcheck.postgres import resident

    standing = resident.look(project_folder(session.config))
    if not (standing.stays and standing.url):
        raise UsageError("The local database is not running.", "`elf-migrate local start` starts it.")
    session.output.data["url"] = standing.url
    if not session.output.as_json:
        session.output.raw(f"{standing.url}\n")


@local.command()
@command_options(database=False, folder=False)
def status(session: Session) -> None:
    """Say whether it runs, and where its data is.

    \b
    Example:
      elf-migrate local status --output json
    """
    from elf_sqlcheck.migrate.target import project_folder
    from elf_sqlcheck.postgres import resident

    found = resident.look(project_folder(session.config))
    session.output.data.update(
        running=found.is_running,
        stays=found.stays,
        url=found.url,
        data=found.folder,
        exists=found.exists,
        postgres=found.version,
        profile=found.profile,
    )
    if not found.exists:
        session.output.say("There is none yet: the first command that works on it makes it.")
        return
    how = "runs until `elf-migrate local stop`" if found.stays else "runs while a command uses it"
    session.output.say(f"Postgres {found.version} {how if found.is_running else 'is not running'}", "head")
    if found.profile:
        session.output.say(f"Profile: {found.profile}")
    if found.url:
        session.output.say(f"URL: {found.url}")
    session.output.say(f"Data: {found.folder}")


@local.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL ARGUMENT]...")
@command_options(database=False, folder=False)
def psql(session: Session, arguments: Sequence[str]) -> None:
    """Open psql on it; further arguments are psql's.

    \b
    Examples:
      elf-migrate local psql
      elf-migrate local psql -c "SELECT * FROM schema_migrations"
      elf-migrate local psql -f seed.sql
    """
    import shutil
    import signal
    import subprocess

    from elf_sqlcheck.migrate.target import project_folder, wanted_locally
    from elf_sqlcheck.postgres.local_data import DATABASE
    from elf_sqlcheck.postgres.server import local as local_server

    with local_server(project_folder(session.config), wanted_locally(session.config)) as server:
        own = server.provider.program("psql")
        program = shutil.which("psql") or (own if os.access(own, os.X_OK) else None)
        if program is None:
            raise UsageError(
                "There is no psql on this machine.",
                "Install it (Debian and Ubuntu: apt install postgresql-client; macOS: brew install libpq), or open the "
                "URL that `elf-migrate local url` prints with another client.",
            )
        # Ctrl-C ends what psql is doing, and neither psql nor this command.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            done = subprocess.run(  # noqa: S603 - psql, with what the user gave it
                [program, server.url_of(DATABASE), *arguments],
                check=False,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        finally:
            signal.signal(signal.SIGINT, before)
    if done.returncode:
        click.get_current_context().exit(1)


@local.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command_options(database=False, folder=False)
def reset(session: Session, *, yes: bool) -> None:
    """Throw all of its data away, and make it anew, empty.

    \b
    Example:
      elf-migrate local reset --yes && elf-migrate up --env local
    """
    from elf_sqlcheck.migrate.target import project_folder, wanted_locally
    from elf_sqlcheck.postgres import resident

    folder = project_folder(session.config)
    if not yes and not session.output.confirm(f"Throw away all data of the local database of {folder}?"):
        raise UsageError("Nothing was changed.", "Answer y, or give --yes where nobody can be asked.")
    resident.reset(folder, wanted_locally(session.config))
    session.output.say("The local database is empty. `elf-migrate up --env local` applies all migrations.", "good")
