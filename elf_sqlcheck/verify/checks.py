"""Which checks a verification consists of, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.verify.cuts import Cuts
from elf_sqlcheck.verify.leaks import Leaks
from elf_sqlcheck.verify.observe import Observation
from elf_sqlcheck.verify.resume import Resumes
from elf_sqlcheck.verify.rows.check import Rows

if TYPE_CHECKING:
    from elf_sqlcheck.verify.check import Check
    from elf_sqlcheck.verify.options import Options


def chosen(options: Options) -> list[Check]:
    """Return the checks that `options` ask for. Raises UsageError for files that cannot be used."""
    checks: list[Check] = []
    if options.rows or options.sample:
        checks.append(Rows(options))
    observation = Observation() if options.observe else None
    if observation:
        checks.append(observation)
    if options.cuts != 0:
        checks += [Cuts(observation), Resumes()]
    if options.traffic:
        from elf_sqlcheck.verify.traffic import Traffic

        checks.append(Traffic())
    if options.queries:
        from elf_sqlcheck.verify.queries import Queries

        checks.append(Queries(options.queries))
    if options.twice:
        from elf_sqlcheck.verify.twice import Twice

        checks.append(Twice())
    if options.profile == "supabase":
        from elf_sqlcheck.verify.access import Access

        checks.append(Access())
    checks.append(Leaks())
    if options.chain:
        from elf_sqlcheck.verify.chain import Chain

        checks.append(Chain())
    return checks
