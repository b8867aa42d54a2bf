"""The text of a migration as it was applied, so that it can be rolled back and compared when its file is gone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from elf_sqlcheck import sql
from elf_sqlcheck.layouts.building import without_placeholders
from elf_sqlcheck.model import Migration, Section, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Broken


def digest(migration: Migration) -> str:
    """Return the hash of all that a migration's files say, byte for byte (64 hexadecimal digits)."""
    return hashlib.sha256(migration.data).hexdigest()


def kept(migration: Migration) -> dict[str, str]:
    """Return the columns of a row of migration_texts: `version`, `digest`, `sql` and `facts` (JSON).

    `facts` is what the layout read out of the files; bytes that are no UTF-8 are kept as Latin-1.
    """
    try:
        text, encoding = migration.data.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = migration.data.decode("latin-1"), "latin-1"
    facts = {
        "path": migration.path,
        "layout": migration.layout,
        "slug": migration.slug,
        "title": migration.title,
        "description": migration.description,
        "dependencies": migration.dependencies,
        "team": migration.team,
        "transactional": migration.transactional,
        "timeouts": migration.timeouts,
        "irreversible": migration.irreversible,
        "files": migration.files,
        "encoding": encoding,
        "sections": [
            [section.name, section.span.start, section.span.end, section.transactional]
            for section in migration.sections
        ],
    }
    # A NUL is never applied, but may stand in a section that was not.
    return {
        "version": migration.version,
        "digest": digest(migration),
        "sql": text.replace("\0", " "),
        "facts": json.dumps(facts),
    }


def restored(row: Mapping[str, Any]) -> Migration:
    """Return the migration that a row of migration_texts was made from."""
    facts = dict(row["facts"])
    data = str(row["sql"]).encode(facts.pop("encoding"))
    filled = data if facts["layout"] == "elf" else without_placeholders(data)
    sections: dict[str, Section] = {}
    broken: tuple[Broken, ...] = ()
    for name, start, end, transactional in facts.pop("sections"):
        script = sql.parse(filled, start, end)
        broken += script.broken
        sections[name] = Section(name, Span(start, end), script.statements, transactional=transactional)
    return Migration(
        facts.pop("path"),
        data,
        version=row["version"],
        up=sections["up"],
        down=sections.get("down"),
        verify=sections.get("verify"),
        broken=broken,
        dependencies=tuple(facts.pop("dependencies")),
        files=tuple((path, start) for path, start in facts.pop("files")),
        **facts,
    )
