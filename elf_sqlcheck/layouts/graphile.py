"""The layout of graphile-migrate: committed/000001-name.sql with `--! Previous:` and `--! Hash:`, and current.sql.

The body may begin with `--! no-transaction`. current.sql (or the files in current/) is run anew on each change, after
all that is committed. https://github.com/graphile/migrate
"""

from __future__ import annotations

from functools import partial
from os.path import basename, dirname

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import MARKING, always_wrapped, never_wrapped, stray
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Problem, Section, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "graphile-migrate"
CURRENT = "current"
FILE_NAME = later(r"([0-9]{6,})(?:-(.*))?\.sql\Z")
_HEADERS = later(rb"(?:--! [A-Z]\w*:[^\n]*\n)+(?:[ \t\r]*\n)*")
_HEADER = later(rb"(?m)^--! (Previous|Hash):[ \t]*((?:.*[^ \t\r\n])?)[ \t\r]*$")
_NO_TRANSACTION = later(rb"\s*--![ \t]*no-transaction\b")


def recognizes(data: bytes) -> bool:
    """Whether a file begins as a committed migration does."""
    return data.startswith((b"--! Previous:", b"--! Hash:", b"--! Message:"))


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the migrations of a folder, the current one included when it holds a statement."""
    found: list[Migration] = []
    last = ""
    for path, data in sorted(files.items()):
        name = FILE_NAME.match(basename(path))
        if _is_current(path):
            current = _read(path, data, "", CURRENT, repeatable=True)
            if current.up.statements or current.broken:
                found.append(current)
        elif name is None:
            message = f"graphile-migrate never runs {basename(path)}: its name is not 000001-name.sql"
            found.append(stray(NAME, path, data, message, "write it in current.sql, and run `graphile-migrate commit`"))
        else:
            version, slug = name[1], name[2] or ""
            read = partial(_read, version=version, slug=slug, previous=last)
            found.append(Later(read, path, data, layout=NAME, version=version, slug=slug, sealed=True))
            last = _values(data).get("Hash", "")
    return found


def _is_current(path: str) -> bool:
    return basename(path) == f"{CURRENT}.sql" or basename(dirname(path)) == CURRENT


def _values(data: bytes) -> dict[str, str]:
    head = _HEADERS.match(data)
    return {m[1].decode(): m[2].decode("utf-8", "replace") for m in _HEADER.finditer(head[0])} if head else {}


def _read(
    path: str, data: bytes, version: str, slug: str, *, previous: str = "", repeatable: bool = False
) -> Migration:
    head = _HEADERS.match(data)
    start = head.end() if head else 0
    script = sql.parse(data, start, len(data))
    section = Section("up", Span(start, len(data)), script.statements)
    running = never_wrapped if _NO_TRANSACTION.match(data, start) else always_wrapped
    up = running(section, (path, data))
    return Migration(
        path,
        data,
        layout=NAME,
        version=version,
        slug=slug,
        up=up,
        transactional=bool(up.transactional),
        broken=script.broken,
        problems=() if repeatable else tuple(_problems(data, previous)),
        repeatable=repeatable,
        sealed=not repeatable,
    )


def _problems(data: bytes, previous: str) -> list[Problem]:
    """What is wrong with the chain of hashes, which graphile-migrate checks before it runs anything."""
    head = _HEADERS.match(data)
    values = _values(data)
    if head is None or not {"Previous", "Hash"} <= values.keys():
        message = "the headers `--! Previous:` and `--! Hash:` are missing, so graphile-migrate refuses all migrations"
        return [Problem(MARKING, message, None, "let `graphile-migrate commit` write the file")]
    named = "" if values["Previous"] == "-" else values["Previous"]
    if named == previous or not previous:
        return []
    line = next(match for match in _HEADER.finditer(head[0]) if match[1] == b"Previous")
    message = f"it says that it comes after {named or 'nothing'}, and the file before it is {previous}"
    return [Problem(MARKING, message, Span(*line.span()), f"--! Previous: {previous}")]
