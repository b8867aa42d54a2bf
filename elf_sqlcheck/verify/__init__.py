"""Prove migrations on a throw-away server: apply, roll back, compare, apply again, compare.

Every section runs through the executor that deploys it. What two snapshots of the schema do not have in common becomes
a finding, at the statement that made the difference where that can be told. What else is tried is a check (check.py).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.verify.options import DEFAULT, Options
from elf_sqlcheck.verify.result import Progress, Step, Verification

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.instance import Server
    from elf_sqlcheck.rule import Rule

__all__ = ["Options", "Progress", "Step", "Verification", "verify"]


def verify(
    migrations: Iterable[Migration],
    server: Server | str,
    *,
    rules: Iterable[Rule] | None = None,
    only: Container[str] | None = None,
    report: Progress | None = None,
    keep: bool = False,
    options: Options = DEFAULT,
) -> Verification:
    """Apply, roll back and re-apply each migration in a database of its own on `server`.

    Args:
        migrations: All that make the schema; run by version.
        server: A server of ours, or the libpq URL of one on which databases may be created. The database that the URL
            names is not touched.
        rules: What may be found, under which severity: those of the family verify among them count. None is all of
            them, as they come.
        only: Paths of the migrations to judge; the others are only applied. None judges all.
        report: Told what is done.
        keep: Leave the database there.
        options: What is tried besides.

    Raises:
        ConnectionFailed: No connection could be made.
        DatabaseError: The server lets nobody create a database or a role.
        ServerError: The server went down, such as by a migration that used up its memory.
    """
    from elf_sqlcheck.verify.proof import Proof
    from elf_sqlcheck.verify.running import went_down

    ordered = layouts.in_order(list(migrations))
    proof = Proof(server, ordered, registry.builtin() if rules is None else rules, report, options)
    try:
        proof.start()
        for number, migration in enumerate(ordered, start=1):
            judged = only is None or any(path in only for path in migration.paths)
            if number <= proof.restored:
                proof.skip(migration)
                continue
            if judged:
                proof.save(number - 1)
            if not proof.take(number, migration, judged=judged):
                proof.give_up(ordered[number:])
                break
        proof.finish()
    except BaseException as error:
        # Where the server is gone nothing can be dropped, and the first error is the one to tell.
        with contextlib.suppress(DatabaseError):
            proof.close(keep=keep)
        told = went_down(proof.stage, error)
        if told is not None:
            raise told from error
        raise
    proof.close(keep=keep)
    return _in_order(proof.stage.result, ordered)


def _in_order(result: Verification, ordered: Sequence[Migration]) -> Verification:
    """The findings in the order of migrations and places; for one place as they were found."""
    numbers = {migration.path: number for number, migration in enumerate(ordered)}
    result.findings.sort(key=lambda one: (numbers[one.path], one.span.start if one.span else -1))
    return result
