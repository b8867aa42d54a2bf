"""On which servers `elf-sqlcheck verify` proves migrations."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from importlib import import_module

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.record import Record
from elf_sqlcheck.reports import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from elf_sqlcheck.cli.meaning import Printer
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.saved import State
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify import Options, Progress, Verification


#: After so many new objects, not 700, Python looks for garbage that hangs together.
_FEW_LOOKS = 50_000


class Where(Record):
    """Which server is used: a running one (`url`), else throw-away ones of `majors`, else of `major`.

    `programs` names folders of Postgres programs; `keep` leaves the database there; `cache` begins with what an
    earlier run has applied.
    """

    major: int
    url: str | None = None
    programs: str | None = None
    majors: tuple[int, ...] = ()
    keep: bool = False
    cache: bool = True


def majors(text: str, programs: str | None) -> tuple[int, ...]:
    """Read "15,17". Raises UsageError for anything else, and for a major that no server here (or of `programs`) has."""
    from elf_sqlcheck.postgres.find import MAJORS, find

    words = [word.strip() for word in text.split(",")]
    wanted = [int(word) for word in words if word.isdecimal()]
    if len(wanted) != len(words) or not set(wanted) <= set(MAJORS):
        known = f"{min(MAJORS)} to {max(MAJORS)}"
        raise UsageError(f"--pg {text}: these are no majors of Postgres", f"name some of {known}: `--pg 15,17`")
    missing = [major for major in wanted if find(programs, major).major != major]
    if missing:
        there = [str(major) for major in reversed(MAJORS) if find(programs, major).major == major]
        names = " and ".join(map(str, missing))
        named = programs or os.environ.get("ELF_SQLCHECK_PG_BIN")
        place = f"in {named}" if named else "on this machine"
        raise UsageError(
            f"--pg {text}: there is no Postgres {names} {place}, only {' and '.join(there)}",
            f"install it (on Debian and Ubuntu: apt install postgresql-{missing[0]}), name its folder of programs "
            f"(--pg-bin DIR{os.pathsep}DIR), or leave it out",
        )
    return tuple(dict.fromkeys(wanted))


def prove(
    migrations: list[Migration],
    only: Collection[str],
    rules: Collection[Rule],
    printer: Printer,
    where: Where,
    wanted: Options,
) -> Verification:
    """Verify on each server, and return what it came to on all. Raises ServerError, DatabaseError."""
    if where.url:
        return _on_running(migrations, only, rules, printer, where, wanted)
    from elf_sqlcheck.verify.several import combine

    results = [
        (major, _on_throwaway(migrations, only, rules, printer, where, major, wanted))
        for major in where.majors or (where.major,)
    ]
    return combine(results) if len(results) > 1 else results[0][1]


def _on_running(
    migrations: list[Migration],
    only: Collection[str],
    rules: Collection[Rule],
    printer: Printer,
    where: Where,
    wanted: Options,
) -> Verification:
    from elf_sqlcheck import verify as proof

    assert where.url is not None  # noqa: S101 - that is why we are here
    with _progress(printer) as report:
        result = proof.verify(
            migrations, where.url, rules=rules, only=only, report=report, keep=where.keep, options=wanted
        )
    if where.keep:
        printer.note(f"the database was kept: {result.url}")
    return result


def _on_throwaway(
    migrations: list[Migration],
    only: Collection[str],
    rules: Collection[Rule],
    printer: Printer,
    where: Where,
    major: int,
    wanted: Options,
) -> Verification:
    from elf_sqlcheck import verify as proof
    from elf_sqlcheck.postgres.server import throwaway
    from elf_sqlcheck.verify import history

    states = history.states(migrations, only, wanted) if where.cache and not wanted.untrusted else None
    with throwaway(
        where.programs, major, profile=wanted.profile, states=states, meanwhile=_load, restricted=wanted.untrusted
    ) as server:
        server.ends_with_run = not where.keep
        for note in server.notes:
            printer.note(note)
        if server.restored:
            printer.note(f"began after {counted(server.restored.applied, 'migration')} that an earlier run has applied")
        with _progress(printer) as report:
            result = proof.verify(
                migrations, server, rules=rules, only=only, report=report, keep=where.keep, options=wanted
            )
        if where.keep:
            server.keep()
            printer.note(f"the server was left running: {result.url}")
            printer.note(f"  `{server.stop_command()}` stops it and removes its data")
    return result


def _load(state: State | None) -> None:
    """Load what proves, what tells of it, and what is known of the schema: it takes as long as a server to start."""
    for module in ("elf_sqlcheck.verify.proof", "elf_sqlcheck.reports.verification"):
        import_module(module)
    if state is not None:
        _ = state.known
    gc.freeze()  # all this stays to the end: who looks for garbage need not look here
    # Snapshots are kept by the thousand and hold no cycles: to look for some took a fifth of our time on a long chain.
    gc.set_threshold(_FEW_LOOKS)


@contextmanager
def _progress(printer: Printer) -> Iterator[Progress | None]:
    """A bar on standard error while a terminal is watching."""
    if printer.style.quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, no_color=not printer.style.colour)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def report(migration: Migration, doing: str, number: int, total: int) -> None:
            name = escape(os.path.basename(migration.path))
            bar.update(task, description=f"{doing} {name}", completed=number - 1, total=total)

        yield report
