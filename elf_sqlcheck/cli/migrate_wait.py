"""The command `elf-migrate wait`: until the database accepts connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli.migrate_session import command_options

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


@click.command()
@click.option("--timeout", type=click.FloatRange(0), default=60.0, show_default=True, metavar="SECONDS",
              help="How long to wait at most.")  # fmt: skip
@command_options()
def wait(session: Session, *, timeout: float) -> None:
    """Wait until the database accepts connections and changes, such as before `up` in a pipeline.

    A wrong password, a host that has another certificate and the like end it at once: no waiting mends them.

    \b
    Examples:
      elf-migrate wait --database-url postgresql://postgres@localhost:5432/app
      elf-migrate wait --env staging --timeout 120
    """
    from elf_sqlcheck.migrate.waiting import wait as until_it_answers

    with session.target() as target:
        waited = until_it_answers(target.executor, timeout, session.output.note)
        session.output.data["waited"] = round(waited, 1)
        session.output.say(f"The database answers, after {waited:.1f} s.", "good")
