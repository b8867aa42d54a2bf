"""Reach a database: try again where that is safe, and go by Supabase's pooler where the direct way leads nowhere."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.connection import connect
from elf_sqlcheck.shared.refusals import PASSING
from elf_sqlcheck.shared.supabase import way_around

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from elf_sqlcheck.shared.connection import Parameters

#: Seconds before the second attempt and those after it.
PAUSES = (0.2, 0.4, 0.8)


def reach(
    target: Parameters, application_name: str, note: Callable[[str], object]
) -> tuple[Connection[dict[str, Any]], Parameters]:
    """Return an open connection and the parameters that led to it: the target's own, or those of its pooler.

    `note` is told, in a sentence, when another way was taken. Raises ConnectionFailed.
    """
    try:
        return _patiently(target, application_name), target
    except ConnectionFailed as failure:
        other = way_around(target, failure, note)
    return _patiently(other, application_name), other


def _patiently(target: Parameters, application_name: str) -> Connection[dict[str, Any]]:
    """Connect, again after a refusal that passes by itself; a password that was refused is never sent twice."""
    for pause in PAUSES:
        try:
            return connect(target, application_name)
        except ConnectionFailed as failure:
            if failure.kind not in PASSING:
                raise
        time.sleep(pause * random.uniform(1, 1.25))  # noqa: S311 - so that a crowd does not come back at once
    return connect(target, application_name)
