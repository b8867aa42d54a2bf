"""Which checks a verification consists of, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.verify.access import Access

if TYPE_CHECKING:
    from elf_sqlcheck.verify.check import Check
    from elf_sqlcheck.verify.options import Options


def chosen(options: Options) -> list[Check]:
    """Return the checks that `options` ask for."""
    checks: list[Check] = []
    if options.profile == "supabase":
        checks.append(Access())
    return checks
