"""What to do when the machine refuses: no room, no memory, no more open files, for example."""

from __future__ import annotations

import errno

_ROOM = "free some space there; TMPDIR and XDG_CACHE_HOME name other places for what is not to last"
_MEMORY = "give it more memory (`ulimit -v` shows whether it is limited), or end what else runs here"
_PROCESSES = "allow more processes (`ulimit -u`, or the limit of the container), or end what else runs here"
_REMEDIES = {
    errno.EMFILE: "allow more open files, such as `ulimit -n 1024`",
    errno.ENFILE: "end what else runs here: the whole machine has no open file left",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "allow larger files: `ulimit -f` shows the limit",
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _PROCESSES,
    errno.EROFS: "run it where that can be written",
}


def lacks(error: OSError) -> bool:
    """Whether the machine has too little of something: to try another way is of no use, and hides that."""
    return error.errno in _REMEDIES


def remedy(error: Exception, otherwise: str) -> str:
    """What to do about an error of the system: where the machine lacks nothing, what `otherwise` says."""
    if isinstance(error, OSError):
        return _REMEDIES.get(error.errno or 0, otherwise)
    return _MEMORY if isinstance(error, MemoryError) else _PROCESSES
