"""Checksums by which an executed migration that was changed afterwards is noticed.

They are taken over what Postgres sees: without comments, line ends, blanks at line ends and a BOM, so that a licence
header or an editor's habit does not stop a deploy. UP and DOWN have one each: a better DOWN is no danger.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from elf_sqlcheck import sql

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration, Section

#: Written next to a checksum: one without it was made by an older elf-migrate, in another way.
KIND = "sha256 of the normalised section"


@functools.lru_cache(maxsize=16)
def checksum(migration: Migration, section: Section | None) -> str:
    """Return the checksum of a section (64 hexadecimal digits), "" when there is no section.

    The version goes in, because an older elf-migrate made the column unique, and two migrations may say the same.
    """
    if section is None:
        return ""
    start, data = section.span.start, bytearray(migration.data[section.span.start : section.span.end])
    for comment in sql.comments(bytes(migration.data)) if b"--" in data or b"/*" in data else ():
        if section.span.start <= comment.span.start < section.span.end:
            length = comment.span.end - comment.span.start
            data[comment.span.start - start : comment.span.end - start] = b" " * length
    lines = (line.rstrip() for line in bytes(data).removeprefix(b"\xef\xbb\xbf").splitlines())
    text = b"\n".join(line for line in lines if line)
    return hashlib.sha256(f"{migration.version}:{section.name}:".encode() + text).hexdigest()
