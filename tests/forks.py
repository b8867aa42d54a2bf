"""Runs `elf-migrate` and `elf-sqlcheck` in forks of a process that has loaded them: they start in milliseconds.

Everything behind the start is the real command: its entry point, its arguments, its exit code, a process of its own
that can be killed, stopped and waited for.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECONDS = 60.0
#: What the command imports once it runs.
LOADED = (
    "psycopg", "pglast.parser", "elf_sqlcheck.layouts", "elf_sqlcheck.run", "elf_sqlcheck.cli.migrate",
    "elf_sqlcheck.cli.migrate_check",
    "elf_sqlcheck.cli.migrate_status", "elf_sqlcheck.cli.migrate_up", "elf_sqlcheck.migrate.deploy",
    "elf_sqlcheck.migrate.target", "elf_sqlcheck.foreseen", "elf_sqlcheck.migrate.history", "elf_sqlcheck.reports",
    "elf_sqlcheck.migrate.rollback", "elf_sqlcheck.verify.proof", "elf_sqlcheck.postgres.server",
    "elf_sqlcheck.shared.credentials", "cryptography.hazmat.primitives.kdf.argon2",
)  # fmt: skip


#: What Python reads when it starts: a fork of another Python knows nothing of it.
OF_PYTHON = ("PYTHON", "LC_", "LANG", "COVERAGE")


class Ended(NamedTuple):
    """How a deployer ended: its exit code (minus the signal that killed it), and all it printed."""

    code: int
    said: str


class Deployer:
    """A running `elf-migrate`."""

    def __init__(self, forks: Forks, pid: int, output: str, *, apart: bool) -> None:
        self._forks = forks
        self._output = output
        self._apart = apart
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

    def errors(self) -> str:
        """What it has printed so far to standard error, when that is kept apart."""
        try:
            with open(f"{self._output}.errors", encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:  # it ended before it was the command
            return ""

    def wait(self, seconds: float = SECONDS) -> Ended:
        """Wait until it ends; fails when that takes longer."""
        if not self._forks.collect(self.pid, seconds):
            os.kill(self.pid, signal.SIGKILL)
            raise TimeoutError(f"elf-migrate did not end within {seconds:g} s and said:\n{self.said()}")
        said = self.said()
        assert self._apart or "Traceback" not in said, said
        assert self._apart or "has a bug" not in said, said
        return Ended(self._forks.ended[self.pid], said)


class Forks:
    """The process that forks; `folder` is where the deployers run and what they print is kept.

    `variables` are their environment, `loaded` what they are to have imported besides the usual.
    """

    def __init__(self, folder: str, variables: Mapping[str, str], loaded: Iterable[str] = ()) -> None:
        self._folder = folder
        self._number = 0
        self.ended: dict[int, int] = {}
        ours, theirs = socket.socketpair()
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks", str(theirs.fileno()), *loaded],
            cwd=root,
            env=dict(variables),
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._socket = ours
        self._lines = ours.makefile("rw", encoding="utf-8")
        self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that forks."""
        self._lines.close()
        self._socket.close()
        self._process.wait(SECONDS)

    def start(
        self,
        *arguments: str,
        folder: str = "",
        variables: Mapping[str, str] | None = None,
        stdin: str = "",
        apart: bool = False,
        program: str = "elf-migrate",
    ) -> Deployer:
        """Start `elf-migrate`, or another program of ours, with arguments.

        `variables` are its whole environment, else that of all; `stdin` is what it reads, and its errors are kept
        `apart`, in a file beside its output with the ending `.errors`.
        """
        self._number += 1
        output = f"{self._folder}/output{self._number}"
        with open(output, "xb"), open(f"{output}.stdin", "x", encoding="utf-8", newline="") as given:
            given.write(stdin)
        order = {
            "argv": [program, *arguments],
            "cwd": folder or self._folder,
            "output": output,
            "errors": f"{output}.errors" if apart else output,
            "stdin": f"{output}.stdin",
            "variables": None if variables is None else dict(variables),
        }
        self._lines.write(json.dumps(order) + "\n")
        self._lines.flush()
        while True:
            told = self._next()
            if "started" in told:
                self.ended.pop(told["started"], None)  # numbers of processes come round again
                return Deployer(self, told["started"], output, apart=apart)

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


@functools.cache
def _of_this_process() -> Forks:
    folder = tempfile.mkdtemp(prefix="elf-forks-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Forks(folder, os.environ)


def run(
    program: str,
    *arguments: str,
    folder: str | os.PathLike[str] | None = None,
    variables: Mapping[str, str] | None = None,
    stdin: str = "",
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a program of ours to its end, as `subprocess.run` does with texts; `variables` are its whole environment.

    It is a fork, unless its environment holds what Python reads when it starts. Both its outputs come `together`, as
    its standard output, or apart.
    """
    given = dict(os.environ if variables is None else variables)
    where = os.fspath(folder or os.getcwd())
    changed = {name for name, _ in given.items() ^ dict(os.environ).items()}
    if any(name.startswith(OF_PYTHON) for name in changed):
        command = [os.path.join(os.path.dirname(sys.executable), program), *arguments]
        return subprocess.run(
            command,
            cwd=where,
            env=given,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    forked = _of_this_process().start(
        *arguments, folder=where, variables=given, stdin=stdin, apart=not together, program=program
    )
    code = forked.wait(120).code
    errors = "" if together else forked.errors()
    return subprocess.CompletedProcess([program, *arguments], code, forked.said(), errors)


def _serve(channel: socket.socket) -> None:
    """Fork for each order that comes over `channel`, and tell who has ended."""
    from elf_sqlcheck import registry
    from elf_sqlcheck.cli import sqlcheck, start

    for name in (*LOADED, *sys.argv[2:]):
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
                    _become(json.loads(line), {"elf-migrate": start.migrate, "elf-sqlcheck": sqlcheck.main})
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


def _become(order: dict[str, Any], mains: Mapping[str, Callable[[], object]]) -> NoReturn:
    """Turn the fork into the command; never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 70
    try:
        appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(order["stdin"], os.O_RDONLY), 0)
        os.dup2(os.open(order["output"], appending, 0o644), 1)
        os.dup2(os.open(order["errors"], appending, 0o644), 2)
        os.closerange(3, 64)
        os.chdir(order["cwd"])
        if order["variables"] is not None:
            os.environ.clear()
            os.environ.update(order["variables"])
        sys.argv = order["argv"]
        mains[sys.argv[0]]()
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
