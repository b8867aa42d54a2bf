"""What goes along with a run of `up`, `down` or `redo`: the backup, the project's own hooks, the lines of its JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.cli.migrate_session import BACKUP, NO_HOOKS
from elf_sqlcheck.migrate.deploy import Attendant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.backup import Made
    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.migrate.hooks import Ended
    from elf_sqlcheck.migrate.target import Target
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor


def attendants(
    session: Session, target: Target, migrations: Sequence[Migration], lock_wait: float
) -> tuple[Attendant, ...]:
    """Return whoever attends the run, in the order in which they are told of it.

    Raises:
        UsageError: There is no pg_dump for the backup that is asked for.
    """
    meta = click.get_current_context().meta
    output = session.output
    found: list[Attendant] = [_Plan(output)]
    configured = session.config.hooks
    if configured.commands and not meta.get(NO_HOOKS):
        from elf_sqlcheck.migrate.hooks import Hooks

        session.hooks = Hooks(
            configured,
            session.config.root or os.getcwd(),
            command=str(output.data["command"]),
            environment=target.environment.name,
            said=output.aside,
            told=lambda ended: _hook_ended(output, ended),
        )
        found.append(session.hooks)
    if folder := meta.get(BACKUP) or target.environment.backup:
        from elf_sqlcheck.migrate.backup import Backup

        found.append(Backup(target.executor, folder, migrations, lambda made: _made(output, made), lock_wait))
    return tuple(found)


class _Plan(Attendant):
    """Says what is going to run, once that is settled."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begins(self, executor: SupabaseExecutor, steps: Sequence[Step]) -> None:
        del executor
        if not self._output.as_json:
            return
        self._output.event(
            "plan",
            steps=[
                {
                    "version": step.migration.version,
                    "name": step.migration.name,
                    "file": step.migration.path,
                    "section": step.section.name,
                    "transactional": step.migration.is_transactional(step.section),
                }
                for step in steps
            ],
        )


def _hook_ended(output: Output, ended: Ended) -> None:
    output.event("hook", name=ended.moment, exit_code=ended.exit_code, ms=round(ended.ms))
    output.say(f"  hook {ended.moment} ended ({ended.ms:.0f} ms)", "faint")


def _made(output: Output, made: Made) -> None:
    facts: dict[str, Any] = {
        "path": made.path,
        "bytes": made.bytes,
        "tables": list(made.tables),
        "not_known": list(made.unknown),
        "left_out": list(made.unreadable),
        "restore": [{"what": what, "command": command} for what, command in made.restore],
    }
    output.data["backup"] = facts
    output.event("backup", **facts)
    rows = f"the rows of {', '.join(made.tables)}" if made.tables else "no rows, because none are to be lost"
    output.say(f"  backup {made.path} ({made.bytes / 1e6:.1f} MB): the schema of everything, and {rows}", "good")
    for what, command in made.restore if made.tables else made.restore[:1]:
        output.say(f"    restores {what}:")
        output.say(f"      {command}", "faint")
    for place in made.unknown:
        output.say(f"    {place} runs SQL that is put together there: what it changes is not in the backup", "warn")
    if made.unreadable:
        output.say(f"    left out, because you may not read them: {', '.join(made.unreadable)}", "warn")
