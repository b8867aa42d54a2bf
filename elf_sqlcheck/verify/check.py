"""What a check of verify is: it is called at fixed moments of a migration's proof, and reports through the stage."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.errors import MigrationFailed
    from elf_sqlcheck.model import Section
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage


class Check:
    """One thing that is tried on each judged migration. The methods do nothing here; a check has those that it needs.

    They are called in the order in which they stand, each with the stage that the migration plays on. A check leaves
    the schema and the session as it found them: whoever needs another state works on a copy (`Stage.copy`).

    `rehearses` says that it runs UP `before` that is run in earnest.
    """

    rehearses = False

    def start(self, stage: Stage) -> None:
        """The database is there, and nothing has been applied."""

    def before(self, stage: Stage, step: Step) -> None:
        """UP is about to run, on the schema that the migrations before it made."""

    def made_anew(self, stage: Stage, step: Step) -> None:
        """A check had to have the database made anew as it was before UP: what others had put there is gone."""

    def during(self, stage: Stage, step: Step) -> AbstractContextManager[object]:  # noqa: ARG002 - for those that override it
        """Around each run of UP that comes before the rollback, and nothing else."""
        return nullcontext()

    def leaves(self, stage: Stage, step: Step, section: Section, connection: Connection[dict[str, Any]]) -> None:
        """A section is carried out, and its session is not reset yet: for what looks at the session."""

    def refused(self, stage: Stage, step: Step, error: MigrationFailed) -> bool:  # noqa: ARG002 - for those that override it
        """UP failed, its transaction is rolled back. True: the check took a possible cause away, try again.

        It is asked again when that did not help; it reports the cause when UP is `applied`.
        """
        return False

    def applied(self, stage: Stage, step: Step) -> None:
        """UP is carried out."""

    def rolled_back(self, stage: Stage, step: Step) -> None:
        """DOWN is carried out, and the schema has been compared."""

    def reapplied(self, stage: Stage, step: Step) -> None:
        """UP is carried out once more."""

    def passed_over(self, stage: Stage, step: Step) -> None:
        """A migration that is not judged is carried out: now, or in an earlier run, whose state this one began with."""

    def finish(self, stage: Stage) -> None:
        """The last migration is through; the database is still there."""
