"""At which boundaries of statements something may stay, as the looks of one rehearsal tell.

What stays when a transaction is cut short is what others see at that moment, besides what no rollback takes back. So
one run with a look at every boundary tells what a run for each boundary would, at a price that grows with the number of
statements, not with its square. Whatever is not plainly harmless is suspicious: a real cut decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.locks import Seen, Sight
    from elf_sqlcheck.verify.observe.rehearsal import Rehearsal


def judged(rehearsal: Rehearsal) -> int:
    """How many boundaries were looked at: the first so many."""
    return max(0, len(rehearsal.sights) - 1)


def suspicious(rehearsal: Rehearsal) -> list[int]:
    """After how many statements there is something new that may stay."""
    pairs = zip(rehearsal.sights, rehearsal.sights[1:], strict=False)
    return [count for count, (before, after) in enumerate(pairs, start=1) if _may_stay(rehearsal, before, after)]


def _may_stay(rehearsal: Rehearsal, before: Sight, after: Sight) -> bool:
    if (before.transaction, before.committed, before.slots) != (after.transaction, after.committed, after.slots):
        return True
    return any(
        "row exclusive" in seen.modes
        and rehearsal.relations[oid].kind == "sequence"
        and seen != before.relations.get(oid)
        and _is_suspicious(rehearsal, oid, seen)
        for oid, seen in after.relations.items()
        if oid in rehearsal.relations
    )


def _is_suspicious(rehearsal: Rehearsal, oid: int, seen: Seen) -> bool:
    """Whether a sequence that has been moved may be one that was set back: True where that cannot be told.

    One with another file has been set anew, which is rolled back; what happened to it before that is not to be seen.
    """
    stood = rehearsal.stood.get(oid)
    if stood is None or seen.last is None or seen.node != rehearsal.relations[oid].node:
        return True
    return stood.is_set_back(seen.last)
