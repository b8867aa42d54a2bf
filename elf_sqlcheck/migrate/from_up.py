"""The DOWN for an UP that somebody wrote, on the schema that the earlier migrations make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.proposal import propose
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.catalog.transactions import outside
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import elf, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Migration

#: How much of a statement is shown.
_SHOWN = 70


@dataclass(frozen=True)
class Undone:
    """The sections of a migration. `proven`: the fold shows that `down` restores the schema; `missing` says what has no
    known inverse, as "line 3: UPDATE …"; `transactional` whether all of it may run in a transaction.
    """

    up: str
    down: str
    missing: tuple[str, ...]
    proven: bool
    transactional: bool


def undo(there: Iterable[Migration], path: str, data: bytes) -> Undone:
    """Derive the DOWN of the UP in `data`, which comes from `path`, after the migrations `there`.

    Raises:
        UsageError: It is no UTF-8, holds nothing, or is no SQL.
    """
    source = "standard input" if path == "-" else path
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{source} is no UTF-8 text.", "Save it as UTF-8.") from None
    if elf.recognizes("", data):
        raise UsageError(f"{source} is a whole migration already.", "Give the statements of its UP section alone.")
    migration = plain.read(path, text.encode())
    if migration.broken:
        broken = migration.broken[0]
        line = migration.position(broken.span.start)[0]
        raise UsageError(f"line {line} of {source}: {broken.message}.", "Correct it; nothing was written.")
    if not migration.up.statements:
        raise UsageError(f"{source} holds no statement.", "Give the SQL of the UP section.")
    catalog = Catalog()
    for earlier in there:
        catalog.begin()
        catalog.apply_all(read_section(earlier.up, earlier.data))
    catalog.begin()
    changes = read_section(migration.up, migration.data)
    catalog.apply_all(changes)
    proposal = propose(migration, changes, catalog)
    first = catalog.position - len(changes)
    alone = any(outside(change, catalog.view(first + number)) for number, change in enumerate(changes))
    missing = tuple(dict.fromkeys(_described(migration, change) for change in proposal.missing))
    comments = [f"-- Not undone: {what}" for what in missing]
    down = "\n".join([*comments, *proposal.statements])
    return Undone(text.strip("\n"), down, missing, proposal.proven, not alone)


def _described(migration: Migration, change: Change) -> str:
    line = migration.position(change.statement.span.start)[0]
    words = " ".join(migration.text(change.statement.span).split())
    return f"line {line}: {words[:_SHOWN]}{'…' * (len(words) > _SHOWN)}"
