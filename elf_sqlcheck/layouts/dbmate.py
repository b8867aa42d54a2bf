"""The layout of dbmate: one file, `-- migrate:up` and `-- migrate:down`, each with options behind it.

https://github.com/amacneil/dbmate#creating-migrations
"""

from __future__ import annotations

import re
from functools import partial
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import MARKING, line_end, never_wrapped, stray
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Problem, Section, Span
from elf_sqlcheck.reading import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Broken
    from elf_sqlcheck.reading import Content

NAME = "dbmate"
_FILE_NAME = later(r"([0-9]+)(.*)\.sql\Z")
_MARKER = later(rb"(?m)^--[ \t]*migrate:(up|down)(?:[ \t]+(\S(?:.*[^ \t\r\n])?))?[ \t\r]*$")
_INSTEAD = "-- migrate:up\n-- what the migration does\n\n-- migrate:down\n-- what undoes it"


def recognizes(data: bytes) -> bool:
    """Whether a file holds a marker of dbmate."""
    return b"migrate:" in data and _MARKER.search(data) is not None


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder."""
    return [_read(path, data) for path, data in contents(files)]


def _read(path: str, data: Content) -> Migration:
    name = _FILE_NAME.match(basename(path))
    if name is None:
        message = f"dbmate never runs {basename(path)}: its name does not begin with a version"
        return stray(NAME, path, data, message, "rename it YYYYMMDDHHMMSS_what_it_does.sql (`dbmate new` does that)")
    version, slug = name[1], name[2].lstrip("_-")
    read = partial(_whole, version=version, slug=slug)
    return Later(read, path, data, layout=NAME, version=version, slug=slug)


def _whole(path: str, data: bytes, version: str, slug: str) -> Migration:
    markers = list(_MARKER.finditer(data))
    first = {kind: next((m for m in markers if m[1] == kind), None) for kind in (b"up", b"down")}
    problems: list[Problem] = []
    sections: dict[str, Section] = {}
    broken: tuple[Broken, ...] = ()
    for kind, marker in first.items():
        word = kind.decode()
        if marker is None:
            if word == "down" or markers or data.strip():
                message = f"there is no `-- migrate:{word}`, without which dbmate refuses it"
                problems.append(Problem(MARKING, message, None, _INSTEAD))
            if word == "down":
                continue
        start = line_end(data, marker.end()) if marker else 0
        other = first[b"up" if word == "down" else b"down"]
        end = other.start() if other is not None and other.start() >= start else len(data)
        script = sql.parse(data, start, end)
        section = Section(word, Span(start, end), script.statements, transactional=True)
        options = (marker[2] or b"").decode("utf-8", "replace").split() if marker else []
        sections[word] = never_wrapped(section, (path, data)) if "transaction:false" in options else section
        broken += script.broken
        problems += [_unknown(option, Span(*marker.span())) for option in options if marker and not _is_known(option)]
    problems += _order(data, first[b"up"], first[b"down"])
    up = sections["up"]
    return Migration(
        path,
        data,
        layout=NAME,
        version=version,
        slug=slug,
        up=up,
        down=sections.get("down"),
        transactional=bool(up.transactional),
        broken=tuple(sorted(broken, key=lambda piece: piece.span.start)),
        problems=tuple(problems),
    )


def _order(data: bytes, up: re.Match[bytes] | None, down: re.Match[bytes] | None) -> list[Problem]:
    """What stands where dbmate does not want it."""
    if up is None:
        return []
    found: list[Problem] = []
    if down is not None and down.start() < up.start():
        message = "`-- migrate:down` stands above `-- migrate:up`, which dbmate refuses"
        found.append(Problem(MARKING, message, Span(*down.span()), _INSTEAD))
    above = sql.parse(data, 0, min(up.start(), down.start() if down else up.start()))
    for statement in above.statements[:1]:
        message = "this statement stands above `-- migrate:up`, so dbmate refuses the file"
        found.append(Problem(MARKING, message, statement.span, "move it below the marker"))
    return found


def _is_known(option: str) -> bool:
    return option in {"transaction:false", "transaction:true"}


def _unknown(option: str, span: Span) -> Problem:
    message = f"dbmate passes over the option {option!r}; the only one that it knows is transaction"
    return Problem(MARKING, message, span, "-- migrate:up transaction:false")
