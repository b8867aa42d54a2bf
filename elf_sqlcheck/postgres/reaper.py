"""The reaper: a small shell that owns a running server and outlives whoever asked for it.

It is the server's parent, so there is no moment in which a killed Python leaves an orphan. It reads a pipe that only
the users of the server hold open; when the last of them is gone, however it ended, it stops the server and removes
its folder.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from elf_sqlcheck.postgres.account import Account

# Notes on what is not obvious:
# - A shell without job control starts background programs with SIGINT and SIGQUIT ignored; Postgres handles both from
#   before it writes postmaster.pid on, so the signal waits for that file (or for the end of the server: `sleep` gives
#   the shell the occasion to notice it).
# - `stay` makes the shell a user of the server itself, by holding the other end of the named pipe that it reads.
# - The server alone keeps standard output, so end of file there means that the server is gone.
_SCRIPT = """
trap '' HUP INT TERM
umask 077
folder=$1 template=$2 signal=$3 remove=$4
shift 4
if [ -n "$template" ] && ! cp -R "$template" "$folder/data" 2>>"$folder/log"; then
  [ -z "$remove" ] || rm -rf "$remove"
  exit 1
fi
"$@" 2>>"$folder/log" </dev/null &
server=$!
exec >/dev/null 2>&1
kept=
while read -r word; do
  case $word in
    keep) kept=1; break ;;
    join.*) : >"$folder/$word" ;;
    stay) exec 3>"$folder/lifeline"; : >"$folder/stays" ;;
    free) exec 3>&-; rm -f "$folder/stays" ;;
  esac
done
if [ -z "$kept" ]; then
  while [ ! -e "$folder/data/postmaster.pid" ] && kill -0 "$server"; do sleep 0.02; done
  kill "-$signal" "$server"
fi
wait "$server"
[ -z "$remove" ] || rm -rf "$remove"
"""

#: Seconds a server may take to start: recovery after a crash included.
START_SECONDS = 60.0


class Reaper:
    """The parent of a running server: `process` is the shell, `lifeline` the end of the pipe that keeps it alive."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int) -> None:
        self.process = process
        self.lifeline = lifeline
        assert process.stdout is not None  # noqa: S101 - it was asked for
        self._output = process.stdout

    def keep(self) -> None:
        """Let the server run on when the lifeline is closed."""
        os.write(self.lifeline, b"keep\n")

    def server_is_gone(self) -> bool:
        """Whether the server has ended; takes a millisecond, so that a loop around it is no busy waiting."""
        return bool(select.select([self._output], [], [], 0.001)[0])

    def close(self, *, wait: bool) -> None:
        """Close the lifeline; with `wait`, return only when the server is stopped and its folder removed."""
        os.close(self.lifeline)
        if wait:
            self.process.wait()
        else:
            # Popen warns about a child that it leaves running, which is what keeping and sharing a server means.
            self.process.returncode = 0
        self._output.close()


def launch(
    account: Account,
    command: list[str],
    *,
    folder: str,
    lifeline: tuple[int, int],
    signal: str,
    template: str = "",
    remove: str = "",
    locked: int,
    confined: Callable[[], None] | None = None,
) -> Reaper:
    """Start the server `command` below a reaper.

    `folder` gets the server's `log` and, copied from `template` when one is given, its `data`; `lifeline` are the two
    ends of a pipe or named pipe (the first is closed here); `signal` stops the server ("QUIT" at once, "INT" in
    order); `remove` is the folder to remove afterwards; `locked` the descriptor of a lock that lasts as long as the
    server; `confined` is what both do before they begin (see `sandbox`). Raises OSError.
    """
    process = account.spawn(
        ["sh", "-c", _SCRIPT, "elf-sqlcheck", folder, template, signal, remove, *command],
        stdin=lifeline[0],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(locked,),
        confined=confined,
    )
    os.close(lifeline[0])
    return Reaper(process, lifeline[1])


def wait_until_ready(folder: str, is_gone: Callable[[], bool], name: str) -> None:
    """Wait until the server in `folder` accepts connections; raises ServerError with its own words when it does not.

    `is_gone` says whether the server has ended, and takes about a millisecond. Line eight of `postmaster.pid` becomes
    "ready" long before pg_ctl, which looks ten times a second, would notice.
    """
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(folder):
        if is_gone() and not _is_ready(folder):
            raise ServerError(
                f"{name} did not start: {last_words(folder)}",
                "Choose another Postgres with --pg-bin, or name a server that is running with --database-url.",
            )
        if time.monotonic() > deadline:
            raise ServerError(
                f"{name} was not ready after {START_SECONDS:.0f} seconds: {last_words(folder)}",
                "The machine may be out of memory or very busy; try again.",
            )


def _is_ready(folder: str) -> bool:
    lines = pid_file(folder)
    return len(lines) >= 8 and lines[7].strip() == "ready"


def pid_file(folder: str) -> list[str]:
    """Return the lines of the server's postmaster.pid: process id, data, start time, port, socket folder, and more."""
    try:
        with open(f"{folder}/data/postmaster.pid", encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def last_words(folder: str) -> str:
    """Return the end of the server's log, in one line."""
    try:
        with open(f"{folder}/log", encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except OSError:
        return "it left no log"
    return " | ".join(lines[-4:]) or "its log is empty"
