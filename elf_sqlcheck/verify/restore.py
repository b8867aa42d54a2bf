"""Back to the state after a migration's UP, when its rollback left another one.

The migrations are run once more in a new database. So that a long history with many such rollbacks is not run from its
beginning each time, the last state that took long to make stays as a template: making it costs some ten milliseconds
once, and the next restore begins there. All restores of a run together apply each migration about once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError, ElfError

if TYPE_CHECKING:
    from elf_sqlcheck.verify.stage import Base, Stage

#: How many migrations are rather applied again than kept as a template.
_CHEAP = 20


class Restorer:
    """Restores, and keeps at most one template, which `close` drops."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._base: Base | None = None

    def restore(self, number: int) -> None:
        """Make the stage's database anew with the UP of the first `number` migrations.

        Raises:
            ElfError: They do not apply a second time.
        """
        begun = self._base.applied if self._base else 0
        try:
            self._stage.remake(number, self._base)
        except (DatabaseError, ElfError):
            if self._base is None:
                raise
            self.close()  # what the template needs, such as a role, could not be made anew beside it
            begun = 0
            self._stage.remake(number)
        if number - begun > _CHEAP:
            self.close()
            self._base = self._stage.keep(number)

    def close(self) -> None:
        """Drop the template."""
        if self._base:
            self._stage.forget(self._base)
            self._base = None
