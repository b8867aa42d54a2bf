"""Migrations of another tool's layout as files of the elf layout: nothing is lost in silence, nothing is invented.

The SQL is taken over byte for byte; only the lines by which the other tool marks its sections go. Versions that are
dates stay what they are. Others become seconds of the first day of 2000, in their order: migration 12 of golang-migrate
is 20000101_000012, today and when it is imported again.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from elf_sqlcheck import layouts
from elf_sqlcheck.alone import runs_alone
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.errors import MigrationFailed, UsageError
from elf_sqlcheck.layouts import elf
from elf_sqlcheck.layouts.building import without_placeholders
from elf_sqlcheck.layouts.folders import Disk, members
from elf_sqlcheck.migrate import create
from elf_sqlcheck.migrate.from_sql import undo
from elf_sqlcheck.shared.pieces import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elf_sqlcheck.model import Migration, Section

#: The lines that mark something for a tool, and mean nothing to anybody else.
_MARKS = {
    "dbmate": re.compile(rb"(?m)^--[ \t]*migrate:(?:up|down)\b[^\n]*(?:\n|\Z)"),
    "goose": re.compile(rb"(?im)^--[ \t]*\+goose\b[^\n]*(?:\n|\Z)"),
    "sqlx": re.compile(rb"\A-- no-transaction[^\n]*(?:\n|\Z)"),
    "graphile-migrate": re.compile(rb"(?m)^--![^\n]*(?:\n|\Z)"),
}
#: What a tool puts into the text before it runs it.
_PLACEHOLDERS = {
    "flyway": (re.compile(rb"\$\{[^}\n]+\}"), "Flyway"),
    "goose": (re.compile(rb"(?im)^--[ \t]*\+goose[ \t]+envsubs?t? on"), "goose (ENVSUB)"),
    "graphile-migrate": (re.compile(rb":DATABASE_(?:NAME|OWNER)\b"), "graphile-migrate"),
}
#: Layouts that say nothing of transactions: a statement is alone where it cannot be otherwise.
_UNSAID = frozenset({"golang-migrate", "flyway", "prisma"})
_SOURCE = re.compile(rb"(?m)^-- Source: (.*?)[ \t\r]*$")
_DIGITS = re.compile(r"\D")
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Written:
    """A migration as it is to be written: the name of its file, its text, and the file that it was made from."""

    name: str
    content: str
    source: str


@dataclass
class Import:
    """What an import comes to: files to write, sources that were imported before, and what people have to know."""

    files: list[Written] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare(source: str, target: str, *, layout: str = "", with_down: bool = False) -> Import:
    """Read the folder `source` and say what is to be written into the folder `target`; nothing is written.

    Args:
        source: The folder of the other tool's migrations.
        target: Where the files of the elf layout go; need not be there.
        layout: How `source` is to be read; "" lets its files tell.
        with_down: Write a DOWN section where there is none and the inverse of every change is known.

    Raises:
        UsageError: There are no migrations, they are of the elf layout, or one cannot be carried over as it is.
    """
    if os.path.realpath(source) == os.path.realpath(target):
        raise UsageError(f"{source} cannot be imported into itself.", "Name another folder with --dir.")
    paths = members(source, Disk(), layout)
    migrations = layouts.read_all({path: layouts.read_bytes(path) for path in paths}, layout)
    if not migrations:
        raise UsageError(f"There are no migrations in {source}.", "Name the folder that holds them.")
    if migrations[0].layout == elf.NAME:
        raise UsageError(f"The migrations in {source} are elf-migrate's own already.", "Copy the files.")
    result = Import()
    chosen = [migration for migration in migrations if _can_be_carried(migration, result.notes)]
    versions = dict(zip(chosen, new_versions([migration.version for migration in chosen]), strict=True))
    known = _known(target)
    names: dict[str, str] = {}
    catalog = Catalog()
    for migration in chosen:
        down, reason = undo(migration, catalog)
        stem = f"{versions[migration]}_{_slug(migration)}"
        names |= {migration.name: stem, migration.version: versions[migration]}
        place = os.path.relpath(migration.path, source).replace(os.sep, "/")
        if place in known:
            result.known.append(migration.path)
            continue
        written = _written(migration, stem, place, [names.get(name, name) for name in migration.dependencies])
        if migration.down is None and with_down and down:
            written = written.rstrip("\n") + f"\n\n-- ============= DOWN MIGRATION ============\n\n{down}\n"
        elif migration.down is None:
            missing = f"no DOWN is derived ({reason})" if with_down else "there is no DOWN"
            result.notes.append(f"{migration.path}: {missing}; `elf-sqlcheck lint` says so, too.")
        _compare(migration, written)
        result.notes += _lost(migration)
        result.files.append(Written(f"{stem}.sql", written, migration.path))
    return result


def write(directory: str, files: Iterable[Written]) -> list[str]:
    """Write the files and return their paths; raises UsageError when one is there already, or cannot be written."""
    made: list[str] = []
    for file in files:
        version, slug = file.name[:15], file.name[16:].removesuffix(".sql")
        made.append(create.write(directory, version, slug, file.content))
    return made


def new_versions(versions: Sequence[str]) -> list[str]:
    """Return a version YYYYMMDD_HHMMSS for each of `versions`, which are in their order; ascending, always the same."""
    found: list[datetime] = []
    for position, version in enumerate(versions, start=1):
        moment = _moment(version) or _FIRST + timedelta(seconds=_number(version, position))
        found.append(max(moment, found[-1] + timedelta(seconds=1)) if found else moment)
    return [moment.strftime("%Y%m%d_%H%M%S") for moment in found]


def _moment(version: str) -> datetime | None:
    """The time that a version is, None when it is none: 20250121093000, or the seconds since 1970."""
    digits = _DIGITS.sub("", version)
    try:
        if len(digits) in {8, 12, 14}:
            return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if len(digits) == 10 and digits == version:
            return datetime.fromtimestamp(int(digits), UTC)
    except ValueError:
        pass
    return None


def _number(version: str, position: int) -> int:
    return int(version) if version.isdigit() and int(version) < _DAY else position


def _slug(migration: Migration) -> str:
    try:
        return create.slug_of(migration.slug)
    except UsageError:
        return f"migration_{_DIGITS.sub('', migration.version)}"


def _can_be_carried(migration: Migration, notes: list[str]) -> bool:
    if migration.repeatable:
        notes.append(
            f"{migration.path} is left out: it runs whenever it changes, and elf-migrate runs each migration once. "
            "Write what it does in a new migration (`elf-migrate create`)."
        )
        return False
    notes += [f"{migration.path}: {problem.message}." for problem in migration.problems]
    return bool(migration.version)


def _known(directory: str) -> set[str]:
    """The sources of the files that an earlier import wrote."""
    if not os.path.isdir(directory):
        return set()
    heads = (layouts.read_bytes(path)[:2000] for path in layouts.list_files(directory))
    return {match[1].decode("utf-8", "replace") for head in heads for match in _SOURCE.finditer(head)}


def _written(migration: Migration, stem: str, place: str, dependencies: list[str]) -> str:
    headers = [("Source", place)]
    alone = [section for section in (migration.up, migration.down) if section and _runs_alone(migration, section)]
    if alone:
        headers.append(("Transaction", "none"))
    return create.text(
        stem[:15],
        stem[16:],
        description=migration.description,
        dependencies=dependencies,
        up=_above(migration) + _text(migration, migration.up),
        down=None if migration.down is None else _text(migration, migration.down),
        headers=headers,
    )


def _runs_alone(migration: Migration, section: Section) -> bool:
    """Whether the section is not to run in one transaction."""
    if migration.is_transactional(section) or not section.statements:
        return False
    if migration.layout in _UNSAID:
        return any(map(runs_alone, section.statements))
    try:
        return any(not piece.in_transaction for piece in cut(migration, section))
    except MigrationFailed:
        return True


def _above(migration: Migration) -> str:
    """What stands above the sections: a licence, a remark."""
    starts = [section.span.start for section in (migration.up, migration.down) if section]
    return "" if migration.files else _without_marks(migration, 0, min(starts)).lstrip("\n")


def _text(migration: Migration, section: Section) -> str:
    return _without_marks(migration, section.span.start, section.span.end)


def _without_marks(migration: Migration, start: int, end: int) -> str:
    data = migration.data[start:end].removeprefix(b"\xef\xbb\xbf")
    marks = _MARKS.get(migration.layout)
    try:
        return (marks.sub(b"", data) if marks else data).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{migration.path_at(start)} is no UTF-8 text.", "Save it as UTF-8.") from None


def _compare(migration: Migration, content: str) -> None:
    """Make sure that the elf layout reads what the other layout read; raises UsageError when it does not."""
    data = without_placeholders(migration.data)
    copy = elf.read(migration.path, without_placeholders(content.encode()))
    for section, copied in ((migration.up, copy.up), (migration.down, copy.down)):
        before = [data[s.span.start : s.span.end] for s in section.statements] if section else []
        after = [copy.data[s.span.start : s.span.end] for s in copied.statements] if copied and section else []
        if section and before != after:
            line = migration.position(section.span.start)[0]
            raise UsageError(
                f"{migration.path_at(section.span.start)}: what follows line {line} would be read otherwise in a file "
                "of elf-migrate; nothing was imported.",
                "Look for a line like a marker of its sections (-- === UP ===, -- === DOWN ===), and change it.",
            )


def _lost(migration: Migration) -> list[str]:
    """What the file says to its tool and to nobody else."""
    notes: list[str] = []
    pattern, tool = _PLACEHOLDERS.get(migration.layout, (None, ""))
    found = pattern.search(migration.data) if pattern else None
    if found:
        line = migration.position(found.start())[0]
        notes.append(
            f"{migration.path_at(found.start())}: line {line} has a placeholder, which only {tool} fills in. Write "
            "what it stands for."
        )
    for broken in migration.broken:
        line = migration.position(broken.span.start)[0]
        notes.append(f"{migration.path_at(broken.span.start)}: line {line} is no SQL that elf-migrate can run.")
    down = migration.down
    if down is not None and _runs_alone(migration, migration.up) != _runs_alone(migration, down):
        notes.append(
            f"{migration.path}: only one of its two directions runs in a transaction, and elf-migrate knows one way "
            "for both: neither will. Split the migration if that matters."
        )
    return notes
