"""The layout of the Supabase CLI: `20250121093000_name.sql`, and no way back.

The CLI sends all statements of a file and the row of its history in one pipeline, which Postgres runs as one
transaction. What cannot run in one it sends by itself, and what stands before and after that in pipelines of their own
(from 2.109 on): such a file can be left half applied.
https://supabase.com/docs/guides/deployment/database-migrations
"""

from __future__ import annotations

from functools import partial
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.alone import runs_alone
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import stray
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Section, Span
from elf_sqlcheck.reading import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.reading import Content

NAME = "supabase"
FILE_NAME = later(r"([0-9]+)_(.*)\.sql\Z")


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder."""
    return [_read(path, data) for path, data in contents(files)]


def _read(path: str, data: Content) -> Migration:
    name = FILE_NAME.match(basename(path))
    if name is None:
        message = f"the Supabase CLI skips {basename(path)}: its name is not <timestamp>_name.sql"
        return stray(NAME, path, data, message, "rename it YYYYMMDDHHMMSS_what_it_does.sql (`supabase migration new`)")
    version, slug = name.groups()
    read = partial(_whole, version=version, slug=slug)
    return Later(read, path, data, layout=NAME, version=version, slug=slug)


def _whole(path: str, data: bytes, version: str, slug: str) -> Migration:
    script = sql.parse(data)
    return Migration(
        path,
        data,
        layout=NAME,
        version=version,
        slug=slug,
        up=Section("up", Span(0, len(data)), script.statements),
        transactional=not any(map(runs_alone, script.statements)),
        broken=script.broken,
    )
