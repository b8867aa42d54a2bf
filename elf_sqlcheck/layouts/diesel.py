"""The layouts with a folder for each migration: diesel's and Prisma's.

diesel: `2025-01-21-093000_name` with up.sql, down.sql and metadata.toml.
https://docs.rs/diesel_migrations/latest/diesel_migrations/

Prisma: `20250121093000_name` with migration.sql, which is sent in one query, and perhaps down.sql.
https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/migration-histories
"""

from __future__ import annotations

from os.path import basename, dirname

from elf_sqlcheck.layouts.building import MARKING, always_wrapped, never_wrapped, stray, two_files
from elf_sqlcheck.model import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Migration

NAME = "diesel"
PRISMA = "prisma"
#: The files of each that are read.
FILES = {NAME: ("up.sql", "down.sql", "metadata.toml"), PRISMA: ("migration.sql", "down.sql")}


def read_prisma(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the folders of a series of Prisma's, given by their files."""
    return _read(PRISMA, files)


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the folders of a series of diesel's, given by their files."""
    return _read(NAME, files)


def _read(layout: str, files: Mapping[str, bytes]) -> list[Migration]:
    forward = FILES[layout][0]
    found: list[Migration] = []
    folders: dict[str, dict[str, tuple[str, bytes]]] = {}
    for path, data in files.items():
        if basename(path) in FILES[layout]:
            folders.setdefault(dirname(path), {})[basename(path)] = (path, data)
        else:
            tool, name = ("diesel", "YYYY-MM-DD-HHMMSS_name") if layout == NAME else ("Prisma", "YYYYMMDDHHMMSS_name")
            message = f"{tool} never runs {basename(path)}: a migration is a folder with {forward} in it"
            found.append(stray(layout, path, data, message, f"mkdir {name}, and move it there as {forward}"))
    for folder, there in folders.items():
        up, down = there.get(forward), there.get("down.sql")
        if up is None and down is None:
            continue
        version, _, slug = basename(folder).partition("_")
        problems: list[Problem] = []
        settings = there["metadata.toml"][1] if "metadata.toml" in there else b""
        wrapped = _run_in_transaction(settings, problems) if settings else True
        running = always_wrapped if wrapped and layout == NAME else never_wrapped
        version = version.replace("-", "")
        found.append(two_files(layout, version, slug, up, down, running, settings=settings, problems=tuple(problems)))
    return found


def _run_in_transaction(data: bytes, problems: list[Problem]) -> bool:
    import tomllib

    try:
        value = tomllib.loads(data.decode()).get("run_in_transaction", True)
    except ValueError as error:
        problems.append(Problem(MARKING, f"its metadata.toml cannot be read, and diesel passes over it: {error}"))
        return True
    return value is not False
