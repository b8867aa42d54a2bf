"""What lint predicts of a statement, and in what a server's word differs from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.changes import Opaque, ReadRows
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.locks import effects
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.postgres.locks import MODES, strongest
from elf_sqlcheck.verify.observe.rehearsal import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.effect import Effect
    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.postgres.locks import Relation, Sight
    from elf_sqlcheck.verify.observe.told import Work

    #: By the place of a statement: what it is predicted to do to each table, None where nobody can tell.
    Predictions = Mapping[int, "list[Effect] | None"]

#: How much work there is in each word of an effect.
_WORK = ("", "scan", "build", "rewrite")
_DONE = {
    "": "leaves the rows alone",
    "scan": "reads all rows",
    "build": "builds an index from all rows",
    "rewrite": "writes all rows anew",
}
#: What they read depends on the plan, and so on the rows; the scans of ALTER DOMAIN are not in the statistics.
_UNCOUNTED = PLANNED | {"AlterDomainStmt"}
#: Up to this mode everybody reads and writes on, and triggers and foreign keys take it wherever they lead.
_HARMLESS = MODES.index("row exclusive")


class Foresight:
    """What lint knows of the schema when it comes to a migration: those before it are folded in their order."""

    def __init__(self, ordered: Sequence[Migration]) -> None:
        self._ordered = ordered
        self._catalog = Catalog()
        self._routines = Routines()
        self._folded = 0

    def of(self, migration: Migration) -> Predictions:
        """What is predicted of each statement of UP."""
        number = self._ordered.index(migration)
        for earlier in self._ordered[self._folded : number]:
            self._catalog.begin()
            self._catalog.apply_all(self._read(earlier))
        self._folded = number + 1
        self._catalog.begin()
        found: dict[int, list[Effect] | None] = {}
        for change in self._read(migration):
            place = change.statement.span.start
            if _is_beyond_us(change):
                found[place] = None
            elif (known := found.setdefault(place, [])) is not None:
                now = self._catalog.view()
                known += (e for e in effects(change, now) if now.knows("relation", e.table) and now.is_older(e.table))
            self._catalog.apply(change)
        return found

    def _read(self, migration: Migration) -> list[Change]:
        return self._routines.follow(read_section(migration.up, migration.data), migration.data)


def _is_beyond_us(change: Change) -> bool:
    """Whether what a statement does is not in its own text: it calls functions, or there is no word for it."""
    return (
        isinstance(change, Opaque)
        or bool(change.statement.inside)
        or (isinstance(change, ReadRows) and bool(change.functions))
    )


class Difference(NamedTuple):
    """What was `predicted` of a statement for a `table`, and what was `observed`, both in words."""

    table: str
    predicted: str
    observed: str


def differences(
    predicted: Sequence[Effect],
    statement: Statement,
    before: Sight,
    after: Sight,
    relations: Mapping[int, Relation],
    work: Work,
) -> Iterator[Difference]:
    """In what the server's word differs from lint's about a statement that ran between two sights."""
    expected: dict[tuple[str, str], list[Effect]] = {}
    for effect in predicted:
        expected.setdefault((effect.table.schema or "public", effect.table.name), []).append(effect)
    for oid, relation in relations.items():
        old = before.relations.get(oid)
        name = (old.name if old else None) or (relation.schema, relation.name)
        effects = expected.pop(name, [])
        seen = after.relations.get(oid)
        held = seen.modes if seen else frozenset()
        yield from _of_modes(relation, [effect.mode for effect in effects], held, old.modes if old else frozenset())
        if effects and statement.kind not in _UNCOUNTED and relation.node is not None:
            said = max((effect.work for effect in effects), key=_WORK.index)
            seen_work = _done_to(oid, work, emptied=statement.kind == "TruncateStmt")
            if said != seen_work and not _is_alike(oid, said, seen_work, predicted, work):
                yield Difference(relation.shown, _DONE[said], _DONE[seen_work])
    for (schema, name), effects in expected.items():
        yield Difference(f"{schema}.{name}", _locked(strongest(effect.mode for effect in effects)), _locked(""))


def _of_modes(
    relation: Relation, said: list[str], held: frozenset[str], before: frozenset[str]
) -> Iterator[Difference]:
    taken = [mode for mode in held - before if MODES.index(mode) > _HARMLESS]
    if not said and (relation.heir or relation.kind not in {"table", "materialized view"}):
        return  # effects leave out partitions, children, and views that nothing names
    most = strongest(said) if said else ""
    more = strongest(taken) if taken else ""
    if more and (not most or MODES.index(more) > MODES.index(most)):
        yield Difference(relation.shown, _locked(most), _locked(more))
    elif said and most not in held and MODES.index(most) > _HARMLESS:
        yield Difference(relation.shown, _locked(most), _locked(more))


def _done_to(oid: int, work: Work, *, emptied: bool) -> str:
    if oid in work.rewritten and not emptied:
        return "rewrite"
    if oid in work.built and not emptied:
        return "build"
    return "scan" if oid in work.scanned else ""


def _is_alike(oid: int, said: str, seen: str, predicted: Sequence[Effect], work: Work) -> bool:
    """Whether a foreign key was checked by another plan: one of its tables may be read through an index."""
    if said == "scan" and not seen:
        return oid in work.through
    return not said and seen == "scan" and any(effect.work == "scan" for effect in predicted)


def _locked(mode: str) -> str:
    return f"takes {mode.upper()}" if mode else "takes no lock"
