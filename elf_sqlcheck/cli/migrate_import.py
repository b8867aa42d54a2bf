"""The command `elf-migrate import`: the migrations of another tool, as files of elf-migrate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


def run(session: Session, source: str, layout: str, *, with_down: bool, dry_run: bool) -> None:
    """Carry out the command."""
    from elf_sqlcheck.migrate import importing

    output = session.output
    target = session.own_directory
    found = importing.prepare(source, target, layout=layout, with_down=with_down)
    output.data.update(
        dry_run=dry_run,
        created=[os.path.join(target, file.name) for file in found.files],
        known=found.known,
        notes=found.notes,
    )
    for note in found.notes:
        output.note(note)
    if not dry_run:
        importing.write(target, found.files)
    for file in found.files:
        output.say(
            f"{'Would create' if dry_run else 'Created'} {os.path.join(target, file.name)} from {file.source}", "good"
        )
    if found.known:
        output.say(f"Imported before, and left alone: {', '.join(found.known)}")
    if not found.files:
        output.say("Nothing to do.", "good")
    elif not dry_run:
        output.say("Next: `elf-sqlcheck lint`, then `elf-sqlcheck verify`.")
