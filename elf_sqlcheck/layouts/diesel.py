"""The layout of diesel: a folder `2025-01-21-093000_name` with up.sql, down.sql and metadata.toml.

https://docs.rs/diesel_migrations/latest/diesel_migrations/
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
FILES = ("up.sql", "down.sql", "metadata.toml")


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the folders of a series, given by their files."""
    found: list[Migration] = []
    folders: dict[str, dict[str, tuple[str, bytes]]] = {}
    for path, data in files.items():
        if basename(path) in FILES:
            folders.setdefault(dirname(path), {})[basename(path)] = (path, data)
        else:
            message = f"diesel never runs {basename(path)}: a migration is a folder with an up.sql"
            found.append(stray(NAME, path, data, message, "mkdir YYYY-MM-DD-HHMMSS_name, and move it there as up.sql"))
    for folder, there in folders.items():
        up, down = there.get("up.sql"), there.get("down.sql")
        if up is None and down is None:
            continue
        version, _, slug = basename(folder).partition("_")
        problems: list[Problem] = []
        wrapped = _run_in_transaction(there["metadata.toml"][1], problems) if "metadata.toml" in there else True
        running = always_wrapped if wrapped else never_wrapped
        found.append(two_files(NAME, version.replace("-", ""), slug, up, down, running, problems=tuple(problems)))
    return found


def _run_in_transaction(data: bytes, problems: list[Problem]) -> bool:
    import tomllib

    try:
        value = tomllib.loads(data.decode()).get("run_in_transaction", True)
    except ValueError as error:
        problems.append(Problem(MARKING, f"its metadata.toml cannot be read, and diesel passes over it: {error}"))
        return True
    return value is not False
