"""Which statement of a migration is to blame for a difference between two snapshots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elf_sqlcheck.model import Span

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.compare import Difference

_WORD = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
#: Statements that change rows and no schema.
_ROWS = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
#: Words of an identity that say what it is, not what it is called.
_FILLERS = frozenset({"on", "public", "table", "schema", "function", "sequence", "column", "type", "to", "for", "in"})


def culprit(migration: Migration, difference: Difference) -> Span | None:
    """Return the span of the statement that most likely made the difference: of UP, or else of DOWN.

    A statement that names the object itself goes before one that names only what it hangs on, its table or schema, even
    if it stands in DOWN: what UP does not name, DOWN did of its own. Where none names the object (the name of an index
    or a constraint may be generated), the first that names its table is blamed; where none names anything, DOWN is.
    """
    identity = difference.identity.partition("(")[0]
    words = _names(identity)
    own = _names(identity.partition(" on ")[0]) or words
    # The name of a column alone may be that of another table's.
    part = own[-2:] if difference.kind == "column" else own[-1:]
    down = migration.down
    best: Span | None = None
    most = (False, False, 0)
    for statement in (*migration.up.statements, *(down.statements if down else ())):
        there = set(_words(migration.text(statement.span)))
        named = sum(word in there for word in words)
        rank = (statement.kind not in _ROWS, there.issuperset(part), named)
        if named and rank > most:
            best, most = statement.span, rank
    if best is None and down is not None:
        return down.statements[0].span if down.statements else down.span
    return best


def _names(identity: str) -> list[str]:
    return [word for word in _words(identity) if word not in _FILLERS]


def _words(text: str) -> list[str]:
    return [quoted.replace('""', '"') if quoted else bare.lower() for quoted, bare in _WORD.findall(text)]
