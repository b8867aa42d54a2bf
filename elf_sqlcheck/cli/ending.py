"""How a command ends: with its exit code, one sentence and a remedy; never with a traceback."""

from __future__ import annotations

import os
import sys

import click

from elf_sqlcheck.cli.completion import variable
from elf_sqlcheck.errors import ElfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run(command: click.Command, program: str, *, bug: int = 3) -> NoReturn:
    """Run a command line and end the process.

    The exit codes: 0 all is well, 1 there are findings, 2 what was asked cannot be done, `bug` a bug of ours, 130
    interrupted. ELF_SQLCHECK_DEBUG=1 shows the traceback of a bug.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if variable(program) in os.environ:
        from elf_sqlcheck.cli.completing import teach

        teach(command)
    try:
        code = command.main(prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
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
    sys.exit(code or 0)


def _say(text: str) -> None:
    from elf_sqlcheck.reports.terminal import clean

    click.echo(clean(text, keep="\n"), err=True)


def _reader_is_gone() -> int:
    """Whoever read our output has seen enough (`| head`), or cannot take more: the rest goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
