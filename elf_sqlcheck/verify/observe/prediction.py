"""What lint predicts of a statement, and in what a server's word differs from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.changes import AlterColumnType, AlterTableOther, Drop, Opaque, ReadRows
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.locks import effects
from elf_sqlcheck.postgres.locks import MODES, UNSEEN, strongest
from elf_sqlcheck.verify.observe.rehearsal import PLANNED
from elf_sqlcheck.verify.relevant import relevant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.effect import Effect
    from elf_sqlcheck.model import Migration, Statement
    from elf_sqlcheck.postgres.locks import Relation, Sight
    from elf_sqlcheck.verify.observe.told import Work
    from elf_sqlcheck.verify.relevant import Own


#: How much work there is in each word of an effect.
_WORK = ("", "scan", "build", "rewrite")
_TIMES = frozenset({"timestamp", "timestamptz"})
_DONE = {
    "": "leaves the rows of {} alone",
    "scan": "reads all rows of {}",
    "build": "builds an index from all rows of {}",
    "rewrite": "writes all rows of {} anew",
}
#: What they read depends on the plan, and so on the rows; the scans of ALTER DOMAIN are not in the statistics, and
#: TRUNCATE makes new files for no rows at all.
_UNCOUNTED = PLANNED | {"AlterDomainStmt", "TruncateStmt"}
#: Up to this mode everybody reads and writes on, and triggers and foreign keys take it wherever they lead.
_HARMLESS = MODES.index("row exclusive")


class Predicted(NamedTuple):
    """The `effects` that a statement will have; `older` are the tables among them that are there before UP for sure."""

    effects: list[Effect]
    older: set[tuple[str, str]]


class Predictions:
    """What is predicted of a migration: `statements` by their places, None where nobody can tell. `zoned` is whether
    what a change of type does to the rows depends on the time zone.
    """

    def __init__(self) -> None:
        self.statements: dict[int, Predicted | None] = {}
        self.zoned = False


class Foresight:
    """What lint knows of the schema when it comes to a migration: of those before it, the ones that have to do with it
    are folded in their order. `own_of` is for `relevant`.
    """

    def __init__(self, ordered: Sequence[Migration], own_of: Own | None = None) -> None:
        self._ordered = ordered
        self._own_of = own_of
        self._begin()
        self._met = 0
        self._passed: list[Migration] = []
        self._folded: list[Migration] = []

    def _begin(self) -> None:
        self._catalog = Catalog()
        self._routines = Routines()

    def _fold(self, migrations: Sequence[Migration]) -> None:
        for migration in migrations:
            self._catalog.begin()
            self._catalog.apply_all(self._routines.read(migration.up, migration.data))
            self._folded.append(migration)

    def _come_to(self, migration: Migration) -> None:
        """Fold what comes before a migration; from the beginning where something was passed over that counts now."""
        number = self._ordered.index(migration)
        new = self._ordered[self._met : number]
        self._met = number + 1
        wanted = relevant([*self._passed, *new], migration, self._own_of)
        late = {id(one) for one in self._passed}.intersection(map(id, wanted))
        known = {id(one) for one in wanted}
        self._passed = [one for one in (*self._passed, *new) if id(one) not in known]
        if late:
            known.update(map(id, self._folded))
            self._begin()
            self._folded = []
            wanted = [one for one in self._ordered[:number] if id(one) in known]
        self._fold(wanted)

    def of(self, migration: Migration) -> Predictions:
        """What is predicted of each statement of UP."""
        self._come_to(migration)
        self._folded.append(migration)
        self._catalog.begin()
        found = Predictions()
        for change in self._routines.read(migration.up, migration.data):
            place = change.statement.span.start
            if is_beyond_us(change):
                found.statements[place] = None
            elif (known := found.statements.setdefault(place, Predicted([], set()))) is not None:
                now = self._catalog.view()
                made = effects(change, now)
                if not made and isinstance(change, Drop) and change.kind == "index":
                    found.statements[place] = None  # whose index it is, no migration says
                for effect in made:
                    known.effects.append(effect)
                    if now.knows("relation", effect.table) and now.is_older(effect.table):
                        known.older.add(_place(effect))
            found.zoned |= isinstance(change, AlterColumnType) and change.type.name in _TIMES
            self._catalog.apply(change)
        return found


def _place(effect: Effect) -> tuple[str, str]:
    return effect.table.schema or "public", effect.table.name


def is_beyond_us(change: Change) -> bool:
    """Whether what a statement locks is not in its own text: it runs code, or there is no word for it."""
    if isinstance(change, ReadRows):
        return bool(change.functions)
    if isinstance(change, AlterTableOther):
        return change.action == "SetTableSpace"  # where the table is now, no migration says
    return isinstance(change, Opaque) or bool(change.statement.inside) or change.statement.kind == "DoStmt"


class Difference(NamedTuple):
    """What was `predicted` that a statement does to a table, and what was `observed`: "takes EXCLUSIVE on …"."""

    predicted: str
    observed: str


def differences(
    predicted: Predicted,
    statement: Statement,
    before: Sight,
    after: Sight,
    relations: Mapping[int, Relation],
    work: Work,
) -> Iterator[Difference]:
    """In what the server's word differs from lint's about a statement that ran between two sights."""
    expected: dict[tuple[str, str], list[Effect]] = {}
    for effect in predicted.effects:
        expected.setdefault(_place(effect), []).append(effect)
    for oid, relation in relations.items():
        old, seen = before.relations.get(oid), after.relations.get(oid, UNSEEN)
        name = old.name if old else (relation.schema, relation.name)
        effects = expected.pop(name, []) if name else []
        modes = _of_modes(relation, [effect.mode for effect in effects], seen.modes, (old or UNSEEN).modes)
        if modes:
            yield modes
        if effects and statement.kind not in _UNCOUNTED and relation.node is not None:
            said, done = max((effect.work for effect in effects), key=_WORK.index), _done_to(oid, work)
            if said != done and not _is_alike(oid, said, done, predicted.effects, work):
                yield Difference(_DONE[said].format(relation.shown), _DONE[done].format(relation.shown))
    for table, effects in expected.items():
        mode = strongest(effect.mode for effect in effects)
        if table in predicted.older and _matters(mode):
            yield Difference(_locked(".".join(table), mode), _locked(".".join(table), ""))


def _of_modes(relation: Relation, said: list[str], held: frozenset[str], before: frozenset[str]) -> Difference | None:
    if not said and (relation.heir or relation.kind not in {"table", "materialized view"}):
        return None  # effects leave out partitions, children, and views that nothing names
    taken = [mode for mode in held - before if _matters(mode)]
    most, more = strongest(said) if said else "", strongest(taken) if taken else ""
    is_stronger = more and (not most or MODES.index(more) > MODES.index(most))
    is_missing = most and most not in held and _matters(most)
    if not is_stronger and not is_missing:
        return None
    return Difference(_locked(relation.shown, most), _locked(relation.shown, more))


def _matters(mode: str) -> bool:
    return MODES.index(mode) > _HARMLESS


def _done_to(oid: int, work: Work) -> str:
    if oid in work.rewritten:
        return "rewrite"
    if oid in work.built:
        return "build"
    return "scan" if oid in work.scanned else ""


def _is_alike(oid: int, said: str, seen: str, predicted: Sequence[Effect], work: Work) -> bool:
    """Whether a foreign key was checked by another plan: one of its tables may be read through an index."""
    if said == "scan" and not seen:
        return oid in work.through
    return not said and seen == "scan" and any(effect.work in {"scan", "rewrite"} for effect in predicted)


def _locked(table: str, mode: str) -> str:
    return f"takes {mode.upper()} on {table}" if mode else f"takes no lock on {table}"
