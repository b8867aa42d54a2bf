"""Runs `elf-migrate` in forks of a process that has loaded it already: a deployer starts in milliseconds.

Everything behind the start is the real command: its entry point, its arguments, its exit code, a process of its own
that can be killed, stopped and waited for.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any, NamedTuple, NoReturn, Self

from tests.migrate_command import environment

SECONDS = 60.0
#: What the command imports once it runs.
LOADED = (
    "psycopg", "pglast.parser", "elf_sqlcheck.layouts", "elf_sqlcheck.run", "elf_sqlcheck.cli.migrate_check",
    "elf_sqlcheck.cli.migrate_status", "elf_sqlcheck.cli.migrate_up", "elf_sqlcheck.migrate.deploy",
    "elf_sqlcheck.migrate.target",
)  # fmt: skip


class Ended(NamedTuple):
    """How a deployer ended: its exit code (minus the signal that killed it), and all it printed."""

    code: int
    said: str


class Deployer:
    """A running `elf-migrate`."""

    def __init__(self, forks: Forks, pid: int, output: str) -> None:
        self._forks = forks
        self._output = output
        self.pid = pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if not self._forks.collect(self.pid, 0):
            with contextlib.suppress(ProcessLookupError):  # it may end at this very moment
                os.kill(self.pid, number)

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._forks.collect(self.pid, 0)

    def said(self) -> str:
        """What it has printed so far."""
        with open(self._output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, seconds: float = SECONDS) -> Ended:
        """Wait until it ends; fails when that takes longer."""
        if not self._forks.collect(self.pid, seconds):
            os.kill(self.pid, signal.SIGKILL)
            raise TimeoutError(f"elf-migrate did not end within {seconds:g} s and said:\n{self.said()}")
        said = self.said()
        assert "Traceback" not in said, said
        assert "has a bug" not in said, said
        return Ended(self._forks.ended[self.pid], said)


class Forks:
    """The process that forks; `folder` is where the deployers run and what they print is kept."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._number = 0
        self.ended: dict[int, int] = {}
        ours, theirs = socket.socketpair()
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks", str(theirs.fileno())],
            cwd=root,
            env=environment(COLUMNS="500"),
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._socket = ours
        self._lines = ours.makefile("rw", encoding="utf-8")
        self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()
        self._process.wait(SECONDS)

    def start(self, *arguments: str, folder: str = "") -> Deployer:
        """Start `elf-migrate` with arguments."""
        self._number += 1
        output = f"{self._folder}/output{self._number}"
        with open(output, "xb"):
            pass
        order = {"argv": list(arguments), "cwd": folder or self._folder, "output": output}
        self._lines.write(json.dumps(order) + "\n")
        self._lines.flush()
        while True:
            told = self._next()
            if "started" in told:
                return Deployer(self, told["started"], output)

    def collect(self, pid: int, seconds: float) -> bool:
        """Whether the child has ended, or does so within some seconds."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while pid not in self.ended:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return False
                self._next()
        return True

    def _next(self) -> dict[str, Any]:
        """Read one line; it comes whole, being written by one small send."""
        data = b""
        while not data.endswith(b"\n"):
            part = self._socket.recv(1)
            if not part:
                raise RuntimeError("the process that forks has died")
            data += part
        told: dict[str, Any] = json.loads(data)
        if "ended" in told:
            self.ended[told["ended"]] = told["code"]
        return told


def _serve(channel: socket.socket) -> None:
    """Fork for each order that comes over `channel`, and tell who has ended."""
    from elf_sqlcheck import registry
    from elf_sqlcheck.cli import migrate

    for name in LOADED:
        importlib.import_module(name)
    registry.builtin()
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders = channel.makefile("r", encoding="utf-8")
    channel.sendall(b"{}\n")
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    _tell_ended(channel)
                    continue
                line = orders.readline()
                if not line:
                    return
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    _become(json.loads(line), migrate.main)
                channel.sendall(json.dumps({"started": pid}).encode() + b"\n")


def _tell_ended(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        channel.sendall(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _become(order: dict[str, Any], main: Any) -> NoReturn:
    """Turn the fork into the command; never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 70
    try:
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 64)
        os.chdir(order["cwd"])
        sys.argv = ["elf-migrate", *order["argv"]]
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it is must be seen in the output, and the fork must end
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
