"""Back to the state after a migration's UP, when its rollback left another one.

The migrations are run once more in a new database. So that a long history with many such rollbacks is not run from its
beginning each time, the last state that took long to make stays as a template: making it costs some ten milliseconds
once, and the next restore begins there. All restores of a run together apply each migration about once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ElfError, MigrationFailed

if TYPE_CHECKING:
    from elf_sqlcheck.verify.stage import Stage

#: How many migrations are rather applied again than kept as a template.
_CHEAP = 20


class Restorer:
    """Keeps at most one template, which `close` drops; `base` is its database, `applied` how many migrations it has."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.base = ""
        self.applied = 0

    def restore(self, number: int) -> None:
        """Make the stage's database anew with the UP of the first `number` migrations.

        Raises:
            ElfError: They do not apply a second time.
        """
        stage = self._stage
        stage.drop()
        stage.make(self.base)
        for migration in stage.ordered[self.applied : number]:
            try:
                stage.executor.run(migration, migration.up)
            except MigrationFailed as error:
                raise ElfError(
                    f"{stage.ordered[number - 1].path}: the schema could not be made anew after its rollback failed, "
                    f"because {migration.path} fails: {error.message}",
                    "Make the migrations repeatable: something in them outlives their database, such as a role.",
                ) from error
        if number - self.applied > _CHEAP:
            outdated, self.base = self.base, stage.keep_copy()
            self.applied = number
            if outdated:
                stage.forget(outdated)

    def close(self) -> None:
        """Drop the template."""
        if self.base:
            self._stage.forget(self.base)
            self.base = ""
