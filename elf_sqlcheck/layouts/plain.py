"""Plain SQL: the whole file is what is run; there is no way back and there are no headers."""

from __future__ import annotations

import re
from functools import partial
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Section, Span
from elf_sqlcheck.reading import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.reading import Content

NAME = "plain"
_VERSION = later(r"V?(\d+(?:[_.]\d+)*)[_-]*", re.IGNORECASE)


def read(path: str, data: Content) -> Migration:
    """Read one file, when it is needed; leading digits of its name, if any, are its version."""
    stem = basename(path).removesuffix(".sql")
    match = _VERSION.match(stem)
    version = match[1] if match else ""
    slug = stem[match.end() :] if match else stem
    whole = partial(_whole, version=version, slug=slug)
    return Later(whole, path, data, layout=NAME, version=version, slug=slug)


def _whole(path: str, data: bytes, version: str, slug: str) -> Migration:
    script = sql.parse(data)
    up = Section("up", Span(0, len(data)), script.statements)
    return Migration(path, data, layout=NAME, version=version, slug=slug, up=up, broken=script.broken)


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder."""
    return [read(path, data) for path, data in contents(files)]
