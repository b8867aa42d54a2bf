"""Layouts with a file for each direction: golang-migrate and sqlx (`1_x.up.sql`, `1_x.down.sql`).

golang-migrate sends a file in one query and opens no transaction. sqlx opens one, unless the file's very first bytes
are `-- no-transaction`, and knows files without a direction, too.
https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md
https://docs.rs/sqlx/latest/sqlx/migrate/trait.MigrationSource.html
"""

from __future__ import annotations

import re
from os.path import basename

from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import always_wrapped, never_wrapped, stray, two_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elf_sqlcheck.layouts.building import File
    from elf_sqlcheck.model import Migration, Section

GOLANG_MIGRATE = "golang-migrate"
SQLX = "sqlx"
NO_TRANSACTION = b"-- no-transaction"
PAIR_NAME = later(r"([0-9]+)_(.*?)\.(up|down)\.sql\Z")
_SQLX_NAME = later(r"([0-9]+)_(.*?)(?:\.(up|down))?\.sql\Z")


def read_golang_migrate(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder of golang-migrate."""
    return _read(files, GOLANG_MIGRATE, PAIR_NAME, never_wrapped)


def read_sqlx(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder of sqlx."""
    return _read(files, SQLX, _SQLX_NAME, _as_sqlx)


def _as_sqlx(section: Section, file: File) -> Section:
    return (never_wrapped if file[1].startswith(NO_TRANSACTION) else always_wrapped)(section, file)


def _read(
    files: Mapping[str, bytes], layout: str, pattern: re.Pattern[str], running: Callable[[Section, File], Section]
) -> list[Migration]:
    found: list[Migration] = []
    ups: list[tuple[re.Match[str], File]] = []
    downs: list[tuple[re.Match[str], File]] = []
    for path, data in files.items():
        name = pattern.match(basename(path))
        if name is None:
            found.append(_stray(layout, path, data))
        else:
            (downs if name[3] == "down" else ups).append((name, (path, data)))
    for name, up in ups:
        down = _partner(name, downs)
        if down is not None:
            downs.remove(down)
        found.append(two_files(layout, name[1], name[2], up, down[1] if down else None, running))
    return found + [two_files(layout, name[1], name[2], None, down, running) for name, down in downs]


def _partner(name: re.Match[str], downs: list[tuple[re.Match[str], File]]) -> tuple[re.Match[str], File] | None:
    """The DOWN file of the same version: the one of the same name, if there are several."""
    same = [down for down in downs if int(down[0][1]) == int(name[1])]
    return next((down for down in same if down[0][2] == name[2]), same[0] if same else None)


def _stray(layout: str, path: str, data: bytes) -> Migration:
    form = "VERSION_name.up.sql" + (" or VERSION_name.sql" if layout == SQLX else "")
    message = f"{layout} never runs {basename(path)}: its name is not {form}"
    return stray(layout, path, data, message, f"rename it {form}, or move it to another folder")
