"""Which transaction each change of a section runs in, as the executor cuts a section (`shared.pieces`)."""

from __future__ import annotations

from elf_sqlcheck.catalog.change_rows import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.catalog.changes import Change

_ENDS = frozenset({"commit", "rollback", "prepare"})


def numbered(changes: Iterable[Change], *, transactional: bool) -> dict[int, int | None]:
    """The number of the transaction by `id` of the change's statement; None for what runs in one of its own.

    BEGIN and COMMIT count to the transaction that they open and close. `transactional` is what the file asks for:
    without it, statements outside BEGIN … COMMIT run alone.
    """
    found: dict[int, int | None] = {}
    number = 0
    inside = False
    for change in changes:
        kind = change.kind if isinstance(change, Transaction) else ""
        if kind == "begin" and not inside:
            number += 1
            inside = True
        found[id(change.statement)] = number if inside or transactional else None
        if kind in _ENDS and inside:
            number += 1
            inside = False
    return found
