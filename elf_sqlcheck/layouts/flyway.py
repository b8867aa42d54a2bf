"""The layout of Flyway: V1_2__name.sql, U1_2__name.sql that undoes it, R__name.sql that runs whenever it changes.

A file `V1_2__name.sql.conf` beside it may say executeInTransaction=false. Without it, Flyway opens a transaction unless
the statements cannot run in one.
https://documentation.red-gate.com/fd/migrations-271585107.html
"""

from __future__ import annotations

import re
from os.path import basename

from elf_sqlcheck.alone import runs_alone
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import stray, two_files
from elf_sqlcheck.model import numbers_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elf_sqlcheck.layouts.building import File
    from elf_sqlcheck.model import Migration, Section

NAME = "flyway"
CONFIGURATION = ".sql.conf"
FILE_NAME = later(r"(?:([VUB])([0-9][0-9._]*)|(R))__(.+)\.sql\Z")
#: beforeMigrate.sql, afterEachMigrate__grants.sql: callbacks, which belong to no version.
CALLBACK = later(r"(?:before|after|create)[A-Z]\w*\.sql\Z")
_NOT_WRAPPED = later(rb"(?im)^[ \t]*(?:flyway\.)?executeInTransaction[ \t]*=[ \t]*false[ \t\r]*$")


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a location of Flyway."""
    found: list[Migration] = []
    upward: list[tuple[re.Match[str], File]] = []
    undoing: dict[tuple[int, ...], tuple[re.Match[str], File]] = {}
    for path, data in files.items():
        name = FILE_NAME.match(basename(path))
        if name is None:
            if not path.endswith(CONFIGURATION) and not CALLBACK.match(basename(path)):
                found.append(_stray(path, data))
        elif name[1] == "U":
            undoing[numbers_of(name[2])] = (name, (path, data))
        elif name[1] != "B":
            upward.append((name, (path, data)))
    for name, up in upward:
        undo = undoing.pop(numbers_of(name[2]), None) if name[2] else None
        version = _version(name[2])
        found.append(_two_files(files, version, name[4], up, undo[1] if undo else None))
    for name, undo_file in undoing.values():
        found.append(_two_files(files, _version(name[2]), name[4], None, undo_file))
    return found


def _two_files(files: Mapping[str, bytes], version: str, slug: str, up: File | None, undo: File | None) -> Migration:
    beside = {file[0]: files.get(f"{file[0]}.conf", b"") for file in (up, undo) if file is not None}
    settings = b"\n".join(beside.values())
    return two_files(
        NAME, version, slug, up, undo, _running(beside), repeatable=up is not None and not version, settings=settings
    )


def _version(text: str | None) -> str:
    return (text or "").replace("_", ".").strip(".")


def _running(settings: Mapping[str, bytes]) -> Callable[[Section, File], Section]:
    def running(section: Section, file: File) -> Section:
        alone = bool(section.statements) and all(map(runs_alone, section.statements))
        configured = _NOT_WRAPPED.search(settings[file[0]]) is not None
        return section.replace(transactional=not (alone or configured))

    return running


def _stray(path: str, data: bytes) -> Migration:
    name = basename(path)
    loose = re.match(r"([VvUuRr])([0-9][0-9._]*)?_*(.*)\.sql\Z", name)
    form = "V<version>__<name>.sql"
    if loose and loose[3] and (loose[2] or loose[1] in "rR"):
        form = f"{loose[1].upper()}{(loose[2] or '').strip('_.')}__{loose[3]}.sql"
    message = f"Flyway never runs {name}: its name is not V<version>__<name>.sql, with two underscores"
    return stray(NAME, path, data, message, f"git mv {path} {path.removesuffix(name)}{form}")
