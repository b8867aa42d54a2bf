"""Runs a program to its end without loading what `subprocess` loads."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Python ignores it, and what it starts would, too. The module `signal` takes a millisecond to say the number.
_SIGPIPE = 13


def ended(code: int) -> str:
    """How a program has ended that said nothing itself, by its exit code or the negative number of a signal."""
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with {code} and said nothing"


def run(command: list[str], environment: Mapping[str, str], data: bytes) -> tuple[int, bytes, bytes]:
    """Run a program on `data`: its exit code, what it printed, and what it complained of. Raises OSError.

    A hook would load `subprocess`, and all that it loads, for a question or two to Git.
    """
    if not hasattr(os, "memfd_create"):
        import subprocess

        done = subprocess.run(command, env=environment, input=data, capture_output=True, check=False)  # noqa: S603
        return done.returncode, done.stdout, done.stderr
    files = [os.memfd_create(name) for name in ("input", "output", "errors")]
    try:
        _written(files[0], data)
        streams = [(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)]
        pid = os.posix_spawnp(command[0], command, environment, file_actions=streams, setsigdef=[_SIGPIPE])
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code, *(_read(file) for file in files[1:])  # type: ignore[return-value]
    finally:
        for file in files:
            os.close(file)


def _written(file: int, data: bytes) -> None:
    """Put `data` into an empty file, to be read from its beginning."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
    os.lseek(file, 0, os.SEEK_SET)


def _read(file: int) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, size, 0)
