"""What a run would do, for `--dry-run`: from the files, or by the server's own answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elf_sqlcheck import run, secrecy
from elf_sqlcheck.errors import ElfError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.foreseen import Planned, PlannedStatement
    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.migrate.target import Target
    from elf_sqlcheck.model import Migration

_LONGEST = 100
#: In a longer plan only the statements that others may notice are shown one by one.
_MANY = 20


def show(session: Session, before: Sequence[Migration], steps: Sequence[Step]) -> None:
    """Print each section that would be run, how, and the locks that it takes on what is there already.

    `before` are the applied migrations, in their order.
    """
    from elf_sqlcheck.foreseen import foreseen

    output = session.output
    sections = [(step.migration, step.section) for step in steps]
    planned = [_starred(one) for one in foreseen(before, sections, session.config.table_sizes)]
    output.data.update(dry_run=True, plan=[one.data() for one in planned])
    if not planned:
        output.say("Nothing to do.")
        return
    for one in planned:
        _show(output, one, brief=len(planned) > _MANY)
    output.say("Nothing was changed.")


def rehearse(session: Session, target: Target, migrations: Sequence[Migration], lock_wait: float) -> None:
    """Ask the server whether the migrations apply, and print its answer.

    Raises:
        ElfError: One does not; exit code 1.
    """
    from elf_sqlcheck.migrate.lock import deploy_lock
    from elf_sqlcheck.migrate.rehearse import rehearse as on_server

    output = session.output
    with deploy_lock(target.executor, lock_wait, output.note):
        answers = on_server(target.executor, migrations)
    output.data["rehearsal"] = [
        {"version": one.migration.version, "name": one.migration.name, "result": one.result, "why": one.why}
        for one in answers
    ]
    styles = {"applies": "good", "fails": "bad", "not tried": "warn"}
    for one in answers:
        output.say(f"  {one.result}: {one.migration.name}{f': {one.why}' if one.why else ''}", styles[one.result])
    failed = next((one for one in answers if one.error), None)
    if failed and failed.error:
        raise ElfError(f"{failed.migration.name} would fail; all of it was rolled back.", failed.error.remedy)
    output.say("The server took it, and all of it was rolled back.", "good")


def _show(output: Output, planned: Planned, *, brief: bool) -> None:
    verb = "apply" if planned.section.name == "up" else "roll back"
    number = len(planned.statements)
    output.say(
        f"Would {verb} {planned.migration.name}, {planned.how} ({number} statement{'' if number == 1 else 's'}):",
        "head",
    )
    width = max((len(str(one.line)) for one in planned.statements), default=1)
    for one in planned.statements:
        if brief and not one.locks and one.is_foreseen:
            continue
        output.say(f"  {one.line:>{width}}  {_shortened(one)}")
        margin = " " * (width + 4)
        if one.alone:
            output.say(f"{margin}runs by itself, outside of a transaction", "faint")
        for lock in one.locks:
            output.say(f"{margin}{lock}", "warn" if lock.blocks else "faint")
        if not one.is_foreseen:
            output.say(f"{margin}runs code, so what it locks besides is not known", "faint")
    if planned.section.name == "up" and (verify := planned.migration.verify):
        asked = len(verify.statements)
        output.say(f"  then VERIFY asks whether it is right ({asked} assertion{'' if asked == 1 else 's'})", "faint")


def _starred(planned: Planned) -> Planned:
    """The same with stars over credentials."""
    secrets = {secrecy.bare(text) for text in run.credential_texts(planned.migration)}
    hide = secrecy.Hider(secrets.union(" ".join(secret.split()) for secret in secrets))
    return replace(planned, statements=[replace(one, text=hide(one.text)) for one in planned.statements])


def _shortened(one: PlannedStatement) -> str:
    return one.text if len(one.text) <= _LONGEST else one.text[: _LONGEST - 1] + "…"
