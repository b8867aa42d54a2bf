"""How a command ends: with its exit code, one sentence and a remedy; never with a traceback."""

from __future__ import annotations

import os
import sys

from elf_sqlcheck.errors import ElfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    import click


def variable(program: str) -> str:
    """The environment variable in which the script of `completion` asks `program` for completions."""
    return f"_{program}_COMPLETE".replace("-", "_").upper()


def run(command: click.Command, program: str, *, bug: int = 3) -> NoReturn:
    """Run a command line and end the process, as `end` says."""
    import click

    if variable(program) in os.environ:
        from elf_sqlcheck.cli.completing import teach

        teach(command)

    def work() -> int:
        try:
            code: int = command.main(prog_name=program, standalone_mode=False)
        except click.ClickException as error:
            _show(error)
            return error.exit_code
        except click.Abort:
            raise KeyboardInterrupt from None
        return code

    end(work, program, bug=bug)


def end(
    work: Callable[[], int], program: str, *, bug: int = 3, leave: Callable[[int], NoReturn] = sys.exit
) -> NoReturn:
    """Do what is to be done, which tells its exit code, and end the process.

    The exit codes: 0 all is well, 1 there are findings, 2 what was asked cannot be done, `bug` a bug of ours, 130
    interrupted. ELF_SQLCHECK_DEBUG=1 shows the traceback of a bug. `leave` ends the process.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = work()
    except KeyboardInterrupt:
        _say("interrupted")
        code = 130
    except ElfError as error:
        _say(f"error: {error}")
        code = error.exit_code
    except BrokenPipeError:
        code = _reader_is_gone()
    except Exception as error:
        if os.environ.get("ELF_SQLCHECK_DEBUG"):
            raise
        _say(f"error: {program} has a bug: {type(error).__name__}: {error}")
        _say("  please report it, with what ELF_SQLCHECK_DEBUG=1 shows")
        code = bug
    try:
        sys.stdout.flush()
    except OSError:
        _reader_is_gone()
    leave(code or 0)


def at_once(code: int) -> NoReturn:
    """End the process without taking down what it has built, which takes an eighth of the time of a commit hook.

    Only for what leaves nothing to be done at the end: no file open, no process running.
    """
    sys.stderr.flush()
    os._exit(code)


def _say(text: str) -> None:
    from elf_sqlcheck.reports.terminal import sentence

    sys.stderr.write(sentence(text) + "\n")


def _show(error: click.ClickException) -> None:
    """Say what click says about a command line, the usage before it; what it repeats of the line stays in one line."""
    from io import StringIO

    from elf_sqlcheck.reports import inert
    from elf_sqlcheck.reports.terminal import clean

    shown, said = StringIO(), error.format_message()
    error.show(shown)
    sys.stderr.write(inert.lines(clean(shown.getvalue().replace(said, clean(said)), keep="\n")))


def _reader_is_gone() -> int:
    """Whoever read our output has seen enough (`| head`), or cannot take more: the rest goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
