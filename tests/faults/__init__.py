"""What goes wrong while a deploy runs, done on purpose: `python -m tests.faults` tries all of it and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.kinds import Kind


def all_kinds() -> tuple[Kind, ...]:
    """All kinds of trials, in the order in which they are told of."""
    from tests.faults import crowd, host, wire

    return (*wire.KINDS, *crowd.KINDS, *host.KINDS)
