"""How a command ends: with its exit code, one sentence and a remedy; never with a traceback."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress

from elf_sqlcheck.errors import ElfError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn, TextIO

    import click


def variable(program: str) -> str:
    """The environment variable in which the script of `completion` asks `program` for completions."""
    return f"_{program}_COMPLETE".replace("-", "_").upper()


def run(load: Callable[[], click.Command], program: str, *, bug: int = 3) -> NoReturn:
    """Run the command line that `load` returns and end the process, as `end` says."""

    def work() -> int:
        with _loading():
            import click

            command = load()
        if variable(program) in os.environ:
            from elf_sqlcheck.cli.completing import teach

            teach(command)
        try:
            code: int = command.main(prog_name=program, standalone_mode=False)
        except click.ClickException as error:
            _show(error)
            return error.exit_code
        except click.Abort as error:
            signal = error.__cause__
            raise signal if isinstance(signal, KeyboardInterrupt) else KeyboardInterrupt from None
        return code

    end(work, program, bug=bug)


def end(
    work: Callable[[], int], program: str, *, bug: int = 3, leave: Callable[[int], NoReturn] = sys.exit
) -> NoReturn:
    """Do what is to be done, which tells its exit code, and end the process.

    The exit codes: 0 all is well, 1 there are findings, 2 what was asked cannot be done, `bug` a bug of ours, 130
    interrupted, 128 and its number for another signal. ELF_SQLCHECK_DEBUG=1 shows the traceback of a bug. `leave` ends
    the process.
    """
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = work()
    except _Told as signal:
        _say("ended from outside")
        code = 128 + signal.number
    except KeyboardInterrupt:
        _say("interrupted")
        code = 130
    except ElfError as error:
        _say(f"error: {error}")
        code = error.exit_code
    except BrokenPipeError:
        code = _reader_is_gone(sys.stdout)
    except Exception as error:
        if os.environ.get("ELF_SQLCHECK_DEBUG"):
            raise
        code = _explain(error, program, bug)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _reader_is_gone(stream)
    leave(code or 0)


def at_once(code: int) -> NoReturn:
    """End the process without taking down what it has built, which takes an eighth of the time of a commit hook.

    Only for what leaves nothing to be done at the end: no file open, no process running.
    """
    os._exit(code)


def _explain(error: Exception, program: str, bug: int) -> int:
    """Say what went wrong that nobody has foreseen, and return the exit code."""
    try:
        from elf_sqlcheck.cli.refused import told
    except Exception:  # noqa: BLE001 - what keeps it from being loaded is what has happened before
        _say(f"error: {program} cannot go on: {type(error).__name__}: {error}")
        return UsageError.exit_code
    refused = told(error, program)
    if refused is not None:
        _say(f"error: {refused}")
        return refused.exit_code
    _say(f"error: {program} has a bug: {type(error).__name__}: {error}")
    _say("  please report it, with what ELF_SQLCHECK_DEBUG=1 shows")
    return bug


class _Told(KeyboardInterrupt):
    """Somebody ended the process with a signal: whatever cleans up after Ctrl-C does so now, too."""

    number = 0


@contextmanager
def _loading() -> Iterator[None]:
    """While the body loads what there is to do, a signal ends the process at once; from then on, in order.

    A signal that the process was started with to be ignored (`nohup`) stays so. A second one ends it at once.
    """
    import signal

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        told = _Told()
        told.number = number
        raise told

    interrupting = signal.getsignal(signal.SIGINT)
    if interrupting is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupting)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)


def _open_streams() -> None:
    """Let the streams that the process was started without lead nowhere, before a file that it opens is taken for one.

    What is read there fails: nothing was given, which is not the same as an empty text.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))


def _say(text: str) -> None:
    try:
        from elf_sqlcheck.reports.terminal import sentence
    except Exception:  # noqa: BLE001 - a machine without memory or open files is to be told of all the same
        sentence = ascii  # type: ignore[assignment]
    with suppress(OSError):  # nobody may be there to hear it
        sys.stderr.write(sentence(text) + "\n")
        sys.stderr.flush()


def _show(error: click.ClickException) -> None:
    """Say what click says about a command line, the usage before it; what it repeats of the line stays in one line."""
    from io import StringIO

    from elf_sqlcheck.reports import inert
    from elf_sqlcheck.reports.terminal import clean

    shown, said = StringIO(), error.format_message()
    error.show(shown)
    sys.stderr.write(inert.lines(clean(shown.getvalue().replace(said, clean(said)), keep="\n")))


def _reader_is_gone(stream: TextIO) -> int:
    """Whoever read our output has seen enough (`| head`), or cannot take more: the rest goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 1
