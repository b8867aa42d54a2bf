"""Runs the project's own commands before and after a deploy; they get JSON on standard input.

A command that fails before it stops the run before anything ran. One that fails after it changes nothing about what was
deployed, but the command line ends with 1: a release goes on only when all that was asked for was done.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from elf_sqlcheck.errors import ElfError, MigrationFailed
from elf_sqlcheck.migrate.deploy import Attendant
from elf_sqlcheck.shared.refusals import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elf_sqlcheck import hooks
    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.shared.connection import Parameters
    from elf_sqlcheck.shared.database import SupabaseExecutor

_GRACE = 5.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its moment ("before-up"), its exit code (None when it was ended by us), and its time."""

    moment: str
    exit_code: int | None
    ms: float


class Hooks(Attendant):
    """Runs the configured commands.

    `failure` is the error of a command that failed after the run, None when there is none.

    Args:
        configured: The commands.
        folder: Where they run: that of the configuration.
        command: What the user called: "up", "down", "redo".
        environment: The name of the environment, "" when it has none.
        said: Gets each line that a command writes, without the password.
        told: Gets how each of them ended.
    """

    def __init__(
        self,
        configured: hooks.Hooks,
        folder: str,
        *,
        command: str,
        environment: str,
        said: Callable[[str], object],
        told: Callable[[Ended], object],
    ) -> None:
        self._configured = configured
        self._folder = folder
        self._command = command
        self._environment = environment
        self._said = said
        self._told = told
        self._steps: Sequence[Step] | None = None
        self.failure: ElfError | None = None

    def begins(self, executor: SupabaseExecutor, steps: Sequence[Step]) -> None:
        """Run what is to run before; raises ElfError when it fails."""
        self._steps = None
        moment = f"before-{steps[0].section.name}"
        if why := self._run(moment, executor.target, {"steps": _described(steps)}):
            raise ElfError(
                f"Nothing was run, because the hook {moment} failed: {why}.",
                "Look at what it printed; --no-hooks leaves it out.",
            )
        self._steps = steps

    def ended(self, executor: SupabaseExecutor, done: Sequence[Step], error: ElfError | None) -> None:
        """Run what is to run after, also after a run that failed."""
        if self._steps is None:
            return
        moment = f"after-{self._steps[0].section.name}"
        facts = {"steps": _described(self._steps), "done": _described(done), "error": _error(error)}
        if why := self._run(moment, executor.target, facts):
            self.failure = ElfError(
                f"The hook {moment} failed: {why}. What it was told of stands: {len(done)} of {len(self._steps)} "
                "migrations were carried out.",
                "Look at what it printed, and do by hand what it was to do: it is not run again.",
            )

    def _run(self, moment: str, target: Parameters, facts: dict[str, Any]) -> str:
        """Run the command of a moment, if there is one; returns why it failed, "" when it did not."""
        arguments = self._configured.commands.get(moment)
        if not arguments:
            return ""
        facts = {
            "hook": moment,
            "command": self._command,
            "environment": self._environment,
            "database": target.where,
            **facts,
        }
        started = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603 - the project's own command, from its configuration
                arguments,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"{arguments[0]}: {error.strerror}"
        told = json.dumps(facts, ensure_ascii=False).encode()
        speaking = threading.Thread(target=_speak, args=(process.stdin, redact(told.decode(), target)), daemon=True)
        listening = threading.Thread(target=self._listen, args=(moment, process.stdout, target), daemon=True)
        speaking.start()
        listening.start()
        try:
            code = process.wait(self._configured.timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
            # What it left running in the background may keep its output open.
            listening.join(1.0)
        self._told(Ended(moment, code, (time.monotonic() - started) * 1000))
        if code is None:
            return f"it was still running after {self._configured.timeout} s, and was ended"
        if code < 0:
            return f"it was ended by signal {-code}"
        return f"it ended with {code}" if code else ""

    def _listen(self, moment: str, stream: IO[bytes], target: Parameters) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._said(redact(f"[{moment}] {line.decode('utf-8', 'replace').rstrip()}", target))


def _speak(stream: IO[bytes], text: str) -> None:
    # A command need not listen.
    with contextlib.suppress(OSError), stream:
        stream.write(text.encode())


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command, and all that it started, unless it has ended."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return


def _described(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {
            "version": step.migration.version,
            "name": step.migration.name,
            "file": step.migration.path,
            "section": step.section.name,
            "transactional": step.migration.is_transactional(step.section),
        }
        for step in steps
    ]


def _error(error: ElfError | None) -> dict[str, str] | None:
    if error is None:
        return None
    sqlstate = error.sqlstate if isinstance(error, MigrationFailed) else ""
    return {"message": error.message, "remedy": error.remedy, "sqlstate": sqlstate}
