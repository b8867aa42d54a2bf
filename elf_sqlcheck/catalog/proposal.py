"""A DOWN that is derived from UP, and the proof by the fold that it undoes it."""

from __future__ import annotations

from elf_sqlcheck import sql
from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import failing, hearsay
from elf_sqlcheck.catalog.inverse import inverse
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.catalog.together import by_statement
from elf_sqlcheck.catalog.undone import Rollback
from elf_sqlcheck.model import Migration, Section, Span
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.differences import SchemaDifference
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.schema import Schema

#: What leaves nothing in the schema that a rollback would have to take away; extensions and roles outlive it anyhow.
_HARMLESS = (
    ch.CreateExtension, ch.GrantRole, ch.LockTable, ch.Maintenance, ch.ReadRows, ch.RefreshView, ch.Reindex, ch.Role,
    ch.SetSetting, ch.Transaction, ch.ValidateConstraint,
)  # fmt: skip
#: What goes with its table without a word. Triggers, policies, indexes and defaults may use functions that were made
#: after the table and are dropped before it.
_WITHOUT_NEEDS = (ch.Comment, ch.Grant, ch.SetRowSecurity, ch.SetNotNull, ch.DropNotNull, ch.SetTrigger, ch.WriteRows)
_PARTS = (ch.CreateIndex, ch.CreatePolicy, ch.TableChange)
#: What a created object is called, by the kind that the schema knows it by.
_CREATES: tuple[tuple[type, str], ...] = (
    (ch.CreateTable, "relation"), (ch.CreateView, "relation"), (ch.CreateSequence, "relation"), (ch.CreateEnum, "type"),
    (ch.CreateDomain, "type"), (ch.CreateType, "type"),
)  # fmt: skip
_NAMED = ("relation", "type")
_HIDING = (ch.BrokenBody, ch.Execute, ch.Opaque)
_LOSING = (ch.AlterColumnType, ch.Drop, ch.DropColumn)


class Proposal(Record):
    """The `statements` of a DOWN, in order. `missing` are the changes of UP that have no known inverse; `proven` says
    that nothing is missing and that the fold finds the schema as it was before; `loses` that UP throws values away.
    """

    statements: tuple[str, ...]
    missing: tuple[Change, ...]
    proven: bool
    loses: bool


def propose(migration: Migration, up: Sequence[Change], catalog: Catalog) -> Proposal:
    """A DOWN for the changes `up` of a migration, after which `catalog` stands; the catalog is left as it is.

    DROP TABLE alone takes the indexes and policies of a table along; where that would not do, each is dropped.
    """
    first = catalog.position - len(up)
    before = [catalog.view(first + number) for number in range(len(up))]
    briefly, fully, missing = _derive(up, before)
    loses = any(isinstance(change, _LOSING) for change in up)
    if not missing and not migration.broken and not any(map(_hides, up, before)):
        for statements in (briefly, fully):
            if statements and prove(migration, up, catalog, "\n".join(statements)) == []:
                return Proposal(statements, (), True, loses)
    return Proposal(fully, missing, False, loses)


def prove(migration: Migration, up: Sequence[Change], catalog: Catalog, text: str) -> list[SchemaDifference] | None:
    """What is different from before UP once `text` has run as DOWN; None when that is not known, or it fails.

    `catalog` stands after UP, and does so again afterwards.
    """
    middle = catalog.position
    start = len(migration.data) + 1
    data = migration.data + b"\n" + text.encode()
    script = sql.parse(data, start, len(data))
    if script.broken:
        return None
    down = read_section(Section("down", Span(start, len(data)), script.statements), data)
    together = by_statement(down)
    try:
        for change in down:
            position = catalog.position
            catalog.apply(change)
            if failing.why(change, catalog.view(position), together[id(change.statement)]):
                return None
        trial = Migration(
            migration.path, data, layout=migration.layout, version=migration.version, slug=migration.slug,
            up=migration.up, broken=migration.broken,
        )  # fmt: skip
        schemas = (catalog.view(middle - len(up)), catalog.view(middle), catalog.view())
        rollback = Rollback(trial, up, down, schemas)
        return None if rollback.hidden() is None else rollback.differences()
    finally:
        catalog.undo(middle)


def _derive(
    up: Sequence[Change], before: Sequence[Schema]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Change, ...]]:
    """The statements without and with those for parts of what is dropped as a whole, and what has no inverse."""
    made: set[Name] = set()
    briefly: list[str] = []
    fully: list[str] = []
    missing: list[Change] = []
    for change, schema in zip(up, before, strict=True):
        created = _created(change, schema)
        if created is not None:
            made.add(created)
        if isinstance(change, _HARMLESS) or _does_nothing(change, schema):
            continue
        goes_along = _goes_along(change, schema, made)
        if goes_along and isinstance(change, _WITHOUT_NEEDS):
            continue
        undo = inverse(change, schema)
        if undo:
            fully.append(undo)
            if not (goes_along and isinstance(change, _PARTS)):
                briefly.append(undo)
        elif not goes_along:
            missing.append(change)
    return tuple(dict.fromkeys(reversed(briefly))), tuple(dict.fromkeys(reversed(fully))), tuple(missing)


def _hides(change: Change, schema: Schema) -> bool:
    """Whether it may do what the catalog does not see."""
    if change.statement.conditional or change.statement.guarded or isinstance(change, _HIDING):
        return True
    if not isinstance(change, ch.ReadRows) or not change.functions:
        return False
    own = {key[2] for key, _ in schema.objects() if key[0] == "function"}
    return change.statement.kind == "CallStmt" or any(name.rpartition(".")[2] in own for name in change.functions)


def _created(change: Change, before: Schema) -> Name | None:
    """The relation or type that a change makes, with its schema; None when it makes none, or it is there already."""
    for kind, known_as in _CREATES:
        if isinstance(change, kind):
            name: Name = change.name  # type: ignore[attr-defined]
            return None if hearsay.is_there(before, known_as, name) else before.resolve(name, known_as)
    return None


def _does_nothing(change: Change, before: Schema) -> bool:
    """Whether it is IF [NOT] EXISTS on what an earlier file made, or what none did."""
    if isinstance(change, tuple(kind for kind, _ in _CREATES)):
        return bool(getattr(change, "if_not_exists", False)) and _created(change, before) is None
    if isinstance(change, ch.Drop) and change.if_exists:
        return not any(hearsay.is_there(before, kind, change.name) for kind in (*_NAMED, change.kind))
    return False


def _goes_along(change: Change, before: Schema, made: set[Name]) -> bool:
    """Whether it changes what the same file makes, so that dropping that takes it away."""
    named: tuple[Name, ...] = ()
    if isinstance(table := getattr(change, "table", None), Name):
        named = (table,)
    elif isinstance(change, ch.Drop | ch.Comment):
        named = (change.name,)
    elif isinstance(change, ch.Grant) and not change.all_in_schema:
        named = change.objects
    return bool(named) and all(any(before.resolve(name, kind) in made for kind in _NAMED) for name in named)
