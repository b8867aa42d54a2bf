"""How other tools' files become migrations: one file or two, and files that their tool never runs."""

from __future__ import annotations

from functools import partial
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Problem, Section, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.model import Broken
    from elf_sqlcheck.reading import Content

    #: A path and what the file holds.
    File = tuple[str, bytes]

_PLACEHOLDER = later(rb"\$\{(\w+)\}")
#: The rule that reports markers and headers of a tool that are wrong.
MARKING = "header-mismatch"
#: The rule that reports files whose names their tool does not know.
NAMING = "file-name"


def never_wrapped(section: Section, file: File) -> Section:
    """A section whose runner opens no transaction, and sends all of it in one query.

    Postgres makes a transaction of several statements in one query; a single one is on its own. See
    https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
    """
    del file
    return section.replace(transactional=len(section.statements) > 1)


def always_wrapped(section: Section, file: File) -> Section:
    """A section that its runner runs in a transaction."""
    del file
    return section.replace(transactional=True)


def two_files(
    layout: str,
    version: str,
    slug: str,
    up: File | None,
    down: File | None,
    running: Callable[[Section, File], Section],
    *,
    repeatable: bool = False,
    settings: bytes = b"",
    **more: Any,
) -> Migration:
    """A migration whose UP and DOWN are files of their own; one of them may be missing. It is read when it is needed.

    `running` is given each section and its file, and says in the section how it is run. Without UP, DOWN stands
    alone, and a problem says so. `${name}`, which some tools fill in, counts as the identifier `__name_`.
    """
    there = [file for file in (up, down) if file is not None]
    data = b"\n".join(content for _, content in there)
    starts = (0, len(data) - len(there[-1][1]))
    outside: dict[str, Any] = {
        "layout": layout,
        "version": version,
        "slug": slug,
        "files": tuple((path, start) for (path, _), start in zip(there, starts, strict=True)) if there[1:] else (),
        "repeatable": repeatable,
        "settings": settings,
    }
    read = partial(_two_files, up=up, down=down, running=running, outside=outside, more=more)
    return Later(read, there[0][0], data, **outside)


def _two_files(
    _path: str,
    data: bytes,
    up: File | None,
    down: File | None,
    running: Callable[[Section, File], Section],
    outside: Mapping[str, Any],
    more: Mapping[str, Any],
) -> Migration:
    sections: dict[str, Section] = {}
    broken: tuple[Broken, ...] = ()
    end = -1
    for name, file in (("up", up), ("down", down)):
        if file is None:
            continue
        start, end = end + 1, end + 1 + len(file[1])
        filled = without_placeholders(data[:end])
        script = sql.parse(filled, start, end) if start else sql.parse(filled)
        sections[name] = running(Section(name, Span(start, end), script.statements), file)
        broken += script.broken
    problems: tuple[Problem, ...] = more.get("problems", ())
    if up is None and down is not None:
        message = f"{basename(down[0])} undoes a migration that is not there"
        problems += (Problem(MARKING, message, None, "add the file that it undoes, or delete it"),)
    empty = Section("up", Span(0, 0), (), transactional=True)
    upward = sections.get("up", empty)
    return Migration(
        up[0] if up else down[0] if down else "",
        data,
        up=upward,
        down=sections.get("down"),
        transactional=bool(upward.transactional),
        broken=broken,
        **outside,
        **{**more, "problems": problems},
    )


def without_placeholders(data: bytes) -> bytes:
    """A text of the same length in which `${name}` is the identifier `__name_`."""
    return _PLACEHOLDER.sub(lambda found: b"__" + found[1] + b"_", data) if b"${" in data else data


def stray(layout: str, path: str, data: Content, message: str, instead: str) -> Migration:
    """A file that the tool never runs: nothing in it counts, and the rule on names says why."""
    return Migration(
        path,
        data if isinstance(data, bytes) else data(),
        layout=layout,
        version="",
        slug=basename(path).removesuffix(".sql"),
        up=Section("up", Span(0, 0)),
        problems=(Problem(NAMING, message, None, instead),),
    )


def line_end(data: bytes, position: int) -> int:
    """The place after the line that holds `position`."""
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1
