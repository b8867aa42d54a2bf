"""The command `elf-migrate create`: a new file, empty or with its DOWN derived from a given UP."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from elf_sqlcheck.migrate import create as new
from elf_sqlcheck.migrate import create_team as new_team
from elf_sqlcheck.migrate import plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.from_up import Undone
    from elf_sqlcheck.model import Migration


def run(
    session: Session, name: str, *, description: str, depends_on: Sequence[str], from_up: str | None, team: str
) -> None:
    """Carry out the command."""
    there = session.migrations() if os.path.isdir(session.directory) else []
    needed = [plan.find(there, wanted).name for wanted in depends_on]
    slug = new.slug_of(name)
    version = new.new_version({migration.version for migration in there})
    headers = [("Team", team)] if team else []
    if team:
        made = _make_team(session, team, there, version)
        if made:
            needed.append(made)
            version = new.new_version({made[: len(version)], *(migration.version for migration in there)})
    undone: Undone | None = None
    if from_up is None:
        up = new_team.opening(team, session.config.teams) if team else ""
        content = new.text(version, slug, description=description, dependencies=needed, up=up, headers=headers)
    else:
        from elf_sqlcheck.migrate.from_up import undo

        undone = undo(there, from_up, _read(from_up))
        headers += [] if undone.transactional else [("Transaction", "none")]
        content = new.text(
            version, slug, description=description, dependencies=needed, up=undone.up, down=undone.down, headers=headers
        )
    path = new.write(session.directory, version, slug, content)
    session.output.data.update(path=path, version=version)
    session.output.say(f"Created {path}", "good")
    if undone is None:
        session.output.say("Next: write its UP and DOWN sections, then `elf-migrate validate` and `elf-migrate up`.")
        return
    session.output.data.update(down_is_proven=undone.proven, not_undone=list(undone.missing))
    for missing in undone.missing:
        session.output.note(f"Not undone, write it by hand: {missing}")
    if undone.proven:
        session.output.say("Its DOWN restores the schema. Next: `elf-sqlcheck verify`, then `elf-migrate up`.")
    else:
        session.output.say("Check its DOWN by hand, then `elf-migrate validate` and `elf-sqlcheck verify`.")


def _make_team(session: Session, team: str, there: Sequence[Migration], version: str) -> str:
    """Write the file that makes what a team needs, and return its name; "" when the team has it."""
    teams = session.config.teams
    if new_team.is_made(team, teams, there):
        return ""
    path = new_team.write(session.directory, version, team, teams)
    session.output.data["team_path"] = path
    session.output.say(f"Created {path}: the schema and the role of team {team}, which no migration made yet", "good")
    return os.path.basename(path).removesuffix(".sql")


def _read(source: str) -> bytes:
    from elf_sqlcheck.layouts import read_bytes

    return sys.stdin.buffer.read() if source == "-" else read_bytes(source)
