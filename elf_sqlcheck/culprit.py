"""Which statement of a migration is to blame for a difference between two snapshots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elf_sqlcheck.model import Span

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.compare import Difference

_WORD = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
#: Words of an identity that say what it is, not what it is called.
_FILLERS = frozenset({"on", "public", "table", "schema", "function", "sequence", "column", "type", "to", "for", "in"})


def culprit(migration: Migration, difference: Difference) -> Span | None:
    """Return the span of the UP statement that names most of the object, else of the DOWN section.

    The object's own name must be among the words of the statement: a statement that names only its table is blamed for
    what hangs on the table when none names the object itself (a generated name of an index or a constraint).
    """
    identity = difference.identity.partition("(")[0]
    words = [word for word in _words(identity) if word not in _FILLERS]
    best: Span | None = None
    most = 0
    for statement in migration.up.statements:
        there = set(_words(migration.text(statement.span)))
        named = sum(word in there for word in words)
        if named > most:
            best, most = statement.span, named
    if best is None and migration.down is not None:
        down = migration.down
        return down.statements[0].span if down.statements else down.span
    return best


def _words(text: str) -> list[str]:
    return [quoted.replace('""', '"') if quoted else bare.lower() for quoted, bare in _WORD.findall(text)]
