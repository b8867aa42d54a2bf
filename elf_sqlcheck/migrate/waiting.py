"""Wait until a database takes connections and changes; what time does not mend ends the waiting at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.connection_test import refuse_read_only
from elf_sqlcheck.shared.refusals import PASSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: Kinds of ConnectionFailed that may be over in a moment. A password is never sent twice: Supabase bans whoever does.
_MAY_PASS = PASSING | {"unresolved", "unreachable", "timeout", "standby", "read-only"}
_PAUSE = 0.5


def wait(executor: SupabaseExecutor, patience: float, note: Callable[[str], object]) -> float:
    """Return after how many seconds the database could be connected to and written; `note` is told each new reason.

    Raises:
        ConnectionFailed: It could not within `patience` seconds, or it never will.
    """
    started = time.monotonic()
    reason = ""
    while True:
        try:
            refuse_read_only(executor)
        except ConnectionFailed as failure:
            waited = time.monotonic() - started
            if failure.kind not in _MAY_PASS:
                raise
            if waited >= patience:
                failure.message += f" It was waited for {waited:.0f} seconds."
                raise
            if failure.message != reason:
                reason = failure.message
                note(f"waiting: {reason}")
            executor.close()
            time.sleep(min(_PAUSE, max(patience - waited, 0)))
        else:
            return time.monotonic() - started
