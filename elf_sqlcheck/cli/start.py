"""Where both commands start, before anything is loaded that takes long: an interruption is no traceback even then.

A hook's own call of `elf-sqlcheck` goes straight to the linter, all else to click.

`lint` with bare paths and a few flags needs no parser of options, and the libraries that parse them take longer to load
than a small migration takes to judge. Both ways end in `linting.lint`.
"""

from __future__ import annotations

import gc
import os
import sys

from elf_sqlcheck.cli import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    import click

PROGRAM = "elf-sqlcheck"
#: The flags that are understood without click, and the options that they set.
FLAGS = {"--staged": "staged", "--quiet": "quiet", "-q": "quiet", "--no-color": "no_color", "--isolated": "isolated"}


def plain(words: Sequence[str]) -> dict[str, Any] | None:
    """The options of `lint` by their names, when `words` call it with paths and `FLAGS` only; else None."""
    if not words or words[0] != "lint":
        return None
    rest = words[1:]
    if any(word[:1] == "-" and word not in FLAGS for word in rest):
        return None
    given: dict[str, Any] = {"paths": tuple(word for word in rest if word not in FLAGS)}
    given.update((FLAGS[word], True) for word in rest if word in FLAGS)
    return given


def main() -> NoReturn:
    """Entry point of the installed command."""
    given = plain(sys.argv[1:])
    if given is None or ending.variable(PROGRAM) in os.environ:
        ending.run(_sqlcheck, PROGRAM)
    # A run makes next to no cycles, and looking for them while modules are loaded costs a tenth of it.
    gc.disable()
    ending.end(lambda: _lint(given), PROGRAM, leave=ending.at_once)


def migrate() -> NoReturn:
    """Entry point of `elf-migrate`: runs the command and ends with its exit code; no traceback reaches a user."""
    # A run makes next to no cycles, and looking for them while modules are loaded costs a tenth of it.
    gc.disable()
    ending.run(_migrate, "elf-migrate", bug=70)


def _sqlcheck() -> click.Command:
    from elf_sqlcheck.cli import sqlcheck

    return sqlcheck.cli


def _migrate() -> click.Command:
    from elf_sqlcheck.cli import migrate

    return migrate.cli


def _lint(given: dict[str, Any]) -> int:
    from elf_sqlcheck.cli import linting

    return linting.lint(**{**linting.DEFAULTS, **given})
