"""From what was seen between statements to what is told of each: locks, and what was written anew or read in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.effect import ACCESS_EXCLUSIVE, BLOCKS
from elf_sqlcheck.postgres.locks import MODES, Relation, Seen, strongest
from elf_sqlcheck.verify.result import Held, Observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elf_sqlcheck.model import Statement
    from elf_sqlcheck.postgres.locks import Sight

#: Kinds of relations of which every lock is told; of the others only one that keeps somebody waiting.
_ROWS = frozenset({"table", "view", "materialized view", "foreign table"})


class Work:
    """What a statement did to older relations: identifiers of those written anew, of tables on which an index was
    made, and of those read in full; `through` are tables read through one of their indexes.
    """

    def __init__(
        self, before: Sight, after: Sight, relations: Mapping[int, Relation], scans: Mapping[int, int] | None = None
    ) -> None:
        self.rewritten: set[int] = set()
        self.built: set[int] = set()
        self.scanned: set[int] = set()
        self.through: set[int] = set()
        files = {one.node for one in relations.values()} | {one.node for one in before.relations.values()}
        for oid, seen in after.relations.items():
            old = before.relations.get(oid)
            known = relations.get(oid)
            node = old.node if old else known.node if known else None
            fresh = seen.node is not None and seen.node != node and seen.node not in files
            read = seen.scans > (old.scans if old else (scans or {}).get(oid, 0))
            if known and known.table is None:
                if fresh and known.kind != "sequence":
                    self.rewritten.add(oid)
                if read:
                    self.scanned.add(oid)
            elif seen.table is not None and seen.table in relations:
                if fresh:
                    self.built.add(seen.table)
                    if known:
                        self.rewritten.add(oid)
                if read:
                    self.through.add(seen.table)


def observed(
    statement: Statement,
    before: Sight,
    after: Sight,
    relations: Mapping[int, Relation],
    work: Work,
    *,
    in_transaction: bool = True,
) -> Observed:
    """What there is to tell of a statement that ran between two sights."""
    emptied = statement.kind == "TruncateStmt"  # it gives a table a new file, too
    rewritten = () if emptied else _names(work.rewritten, relations)
    return Observed(
        statement.span,
        ms=round((after.begun - before.ended) * 1000, 3),
        wal=max(after.wal_begun - before.wal_ended, 0),
        locks=tuple(held(before.relations, after.relations, relations)),
        rewritten=rewritten,
        scanned=() if emptied else _names((work.scanned | work.built) - work.rewritten, relations),
        in_transaction=in_transaction,
    )


def held(before: Mapping[int, Seen], after: Mapping[int, Seen], relations: Mapping[int, Relation]) -> list[Held]:
    """The strongest lock on each older relation, those that block most first."""
    closed = {oid for oid, seen in after.items() if ACCESS_EXCLUSIVE in seen.modes}
    found = []
    for oid, seen in after.items():
        relation = relations.get(oid)
        if relation is None or not seen.modes:
            continue
        mode = strongest(seen.modes)
        # Who cannot get at the table does not wait for its indexes, and other locks on these keep nobody waiting.
        if relation.kind not in _ROWS and (mode != ACCESS_EXCLUSIVE or relation.table in closed):
            continue
        inherited = oid in before and mode in before[oid].modes
        found.append(Held(relation.shown, relation.kind, mode, BLOCKS.get(mode, ""), inherited))
    return sorted(found, key=lambda lock: (lock.inherited, -MODES.index(lock.mode), lock.relation))


def _names(oids: Iterable[int], relations: Mapping[int, Relation]) -> tuple[str, ...]:
    """The names, without those of indexes whose tables are named."""
    known = [relations[oid] for oid in oids if oid in relations]
    tables = {relation.oid for relation in known}
    return tuple(sorted(relation.shown for relation in known if relation.table not in tables))
