"""Where the time of linting goes, in one process: `make bench` prints it below the comparison.

Each migration of a history is read, cut and decoded, read into changes, folded, judged and rendered; the processor's
time of each step is shown per file, in µs, the best of several rounds. "parsing" is what any tool on this parser pays
(libpg_query, cutting its JSON, decoding what is looked at); the rest is ours.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TypeVar

from elf_sqlcheck import layouts, reading, registry, reports
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.lint import lint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.rule import Rule

T = TypeVar("T")
#: Decoded here so that its cost does not hide in the step that happens to ask first.
_UNDECODED = frozenset({"InsertStmt"})


def parts(paths: Sequence[str], rounds: int = 7) -> dict[str, float]:
    """The µs of processor time per file that each step takes; the least of `rounds`."""
    reading.MANY = sys.maxsize  # what another process takes would not be seen
    files = {path: layouts.read_bytes(path) for path in paths}
    rules = registry.select(registry.builtin())
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, seconds in _round(files, rules).items():
            best[name] = min(best.get(name, seconds), seconds)
    best = {name: seconds / len(files) * 1e6 for name, seconds in best.items()}
    return {
        "parse and cut": best["parse"],
        "decode": best["decode"],
        "read changes": best["read"],
        "fold UP": best["read + fold"] - best["read"],
        "fold DOWN and take it back": best["nothing judged"] - best["read + fold"],
        "rules": best["everything but parsing"] - best["nothing judged"],
        "render": best["render"],
    }


def _round(files: dict[str, bytes], rules: Sequence[Rule]) -> dict[str, float]:
    """The processor time, in seconds, of each step over all files."""
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], T]) -> T:
        start = time.process_time()
        result = step()
        spent[name] = time.process_time() - start
        return result

    migrations = timed("parse", lambda: _parse(files))
    timed("decode", lambda: _decode(migrations))
    timed("read", lambda: _read(migrations))
    timed("read + fold", lambda: _fold(migrations))
    timed("nothing judged", lambda: lint(migrations, ()))
    result = timed("everything but parsing", lambda: lint(migrations, rules))
    report = reports.Report(result.findings, files, len(files))
    timed("render", lambda: reports.render("concise", report, reports.Style()))
    return spent


def _parse(files: dict[str, bytes]) -> list[Migration]:
    migrations = layouts.read_all(files)
    for migration in migrations:
        _ = migration.up  # what is not asked for is not parsed
    return migrations


def _decode(migrations: list[Migration]) -> None:
    for migration in migrations:
        for section in filter(None, (migration.up, migration.down)):
            for statement in section.statements:
                if statement.kind not in _UNDECODED:
                    _ = statement.node


def _read(migrations: list[Migration]) -> None:
    for migration in migrations:
        read_section(migration.up, migration.data)
        read_section(migration.down, migration.data)


def _fold(migrations: list[Migration]) -> None:
    catalog = Catalog()
    for migration in migrations:
        catalog.begin()
        catalog.apply_all(read_section(migration.up, migration.data))
        read_section(migration.down, migration.data)
