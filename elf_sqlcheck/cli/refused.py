"""How a command ends that the machine has refused something: that is no bug, and is told as what it is."""

from __future__ import annotations

import os
import sys

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.machine import remedy

_PERMISSIONS = "check its permissions, or run this as somebody else"
_ELSE = "if nothing is wrong with the machine, ELF_SQLCHECK_DEBUG=1 shows where that was"


def told(error: Exception, program: str) -> UsageError | None:
    """What to tell of an error that came from the system; None for any other, which is a bug."""
    if isinstance(error, MemoryError):
        return UsageError(f"there is not enough memory for {program}", remedy(error, ""))
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return UsageError(f"{program} may begin no other thread here", remedy(error, ""))
    if not isinstance(error, OSError):
        return None
    try:
        os.getcwd()
    except OSError as gone:
        return UsageError(f"the folder that this runs in cannot be told: {gone.strerror}", "`cd` to one that is there")
    try:
        sys.stdout.flush()
    except OSError as full:
        return UsageError(f"cannot write what {program} prints: {full.strerror}", "make room where it goes")
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
    said = error.strerror or str(error) or type(error).__name__
    otherwise = _PERMISSIONS if isinstance(error, PermissionError) else _ELSE
    return UsageError(f"{program} cannot go on: {said}{where}", remedy(error, otherwise))
