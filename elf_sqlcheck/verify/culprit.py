"""Which statement of a migration is to blame for a difference between two snapshots.

The snapshots say whether UP or DOWN made it; the changes that their statements make say which one: what names the
object itself, else what works on that which it hangs on (the name of an index or a constraint may be generated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.catalog.targets import targets
from elf_sqlcheck.postgres import identity

if TYPE_CHECKING:
    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Migration, Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot

#: The kind of name (`catalog.targets`) of each kind of object; columns, constraints and the like have their table's.
_RELATIONS = frozenset({"table", "view", "materialized view", "foreign table", "sequence", "index"})
_PARTS = frozenset({"column", "constraint", "trigger", "policy", "rule"})
_FUNCTIONS = frozenset({"function", "procedure", "aggregate"})
_TYPES = frozenset({"type", "enum", "domain", "range type"})
#: What the changes of an attribute are made by; any other change of the object comes second.
_OF_ATTRIBUTE: dict[str, tuple[type, ...]] = {
    "type": (ch.AlterColumnType, ch.AlterAttribute),
    "default": (ch.SetDefault, ch.AlterDomain),
    "not null": (ch.SetNotNull, ch.DropNotNull, ch.AlterDomain),
    "identity": (ch.SetIdentity,),
    "generated": (ch.SetExpression,),
    "comment": (ch.Comment,),
    "labels": (ch.AddEnumLabel, ch.Rename),
    "row level security": (ch.SetRowSecurity,),
    "forced row level security": (ch.SetRowSecurity,),
    "options": (ch.SetOptions,),
    "validated": (ch.ValidateConstraint,),
    "enabled": (ch.SetTrigger,),
    "name": (ch.Rename,),
    "column order": (ch.DropColumn, ch.AddColumn),
}
#: What names the part of a table that a change is about.
_PART_FIELDS = ("column", "constraint", "policy", "trigger", "name", "part")
#: What Postgres ends the names with that it makes up for constraints.
_ENDINGS = {
    "primary key": "_pkey", "unique": "_key", "foreign key": "_fkey", "check": "_check", "exclude": "_excl",
    "not null": "_not_null",
}  # fmt: skip
_MAKING_SEQUENCES = (ch.AddColumn, ch.CreateTable, ch.SetIdentity)
_HIDDEN = (ch.BrokenBody, ch.Do, ch.Execute, ch.Opaque, ch.ReadRows)

EXACT, OBJECT, GENERATED, AROUND, HIDDEN, NOT = 5, 4, 3, 2, 1, 0


def culprit(
    migration: Migration, difference: Difference, before: Snapshot | None = None, applied: Snapshot | None = None
) -> Span | None:
    """Return the span of the statement that made the difference, or has to be undone.

    The snapshots around UP say in which section to look; without them only UP can have made it. Where no statement is
    known to have to do with the object, DOWN is blamed as a whole; None without a DOWN.
    """
    down = migration.down
    of_up = before is None or applied is None or is_of_up(difference, before, applied)
    best: Change | None = None
    most = NOT
    for change in read_section(migration.up if of_up or down is None else down, migration.data):
        found = _fit(change, difference)
        if found > most:
            best, most = change, found
    if best is None and of_up:
        best = _moving(migration)
    if best is not None:
        return best.statement.span
    if down is None:
        return None
    return down.statements[0].span if down.statements else down.span


def blamed(migration: Migration, difference: Difference) -> tuple[int, Change] | None:
    """The change of UP that made the difference, with its number among them; None when none names the object."""
    changes = list(read_section(migration.up, migration.data))
    best = max(range(len(changes)), key=lambda number: _fit(changes[number], difference), default=None)
    if best is None or _fit(changes[best], difference) < GENERATED:
        return None
    return best, changes[best]


def is_of_up(difference: Difference, before: Snapshot, applied: Snapshot) -> bool:
    """Whether UP made the difference; else DOWN did, of its own."""
    was, now = before.objects.get(difference.key), applied.objects.get(difference.key)
    if was is None or now is None:
        return was is not now
    if difference.attribute == "column order":
        return before.orders.get(difference.key) != applied.orders.get(difference.key)
    return difference.change == "changed" and was.get(difference.attribute) != now.get(difference.attribute)


def _moving(migration: Migration) -> Change | None:
    """The first change of UP that alters how other objects are defined: a rename, or what goes to another schema."""
    moving = (ch.Rename, ch.SetSchema, ch.Drop)
    return next((one for one in read_section(migration.up, migration.data) if isinstance(one, moving)), None)


def _fit(change: Change, difference: Difference) -> int:
    """How sure it is that the change has to do with the difference."""
    if change.statement.inside == "function":  # it runs when the function does
        return NOT
    kind = difference.kind
    if kind == "privileges":
        return _fit_of_grant(change, difference)
    if kind == "default privileges":
        return EXACT if isinstance(change, ch.DefaultPrivileges) else _hidden(change)
    family, holder, own = _wanted(difference)
    found = targets(change)
    if isinstance(change, (ch.AlterDomain, ch.AlterAttribute, ch.AlterFunction)):
        found = [("function" if isinstance(change, ch.AlterFunction) else "type", change.name)]
    if isinstance(change, ch.Opaque) and change.name is not None:
        found = [(family, change.name)]
    if own is None:
        touched = any(named == family and _is(name, holder) for named, name in found)
        touched = touched or (isinstance(change, ch.CreateIndex) and _is_index(change, kind, holder))
        touched = touched or (isinstance(change, ch.Rename) and _is(change.name.replace(name=change.to), holder))
    else:
        touched = any(named == family and _is(name, holder) for named, name in found) and own in _parts(change)
        touched = touched or (isinstance(change, ch.CreateTable) and own in _parts(change) and _is(change.name, holder))
    if touched:
        preferred = _OF_ATTRIBUTE.get(difference.attribute)
        return EXACT if preferred is None or isinstance(change, preferred) else OBJECT
    around = _names_around(difference)
    near = any(_is(name, other) for _, name in found for other in around)
    if near and _names_itself(change, kind, own or ""):
        return GENERATED
    if near or (difference.change == "removed" and getattr(change, "cascade", False)):
        return NOT if isinstance(change, ch.WriteRows) else AROUND
    return _hidden(change)


def _wanted(difference: Difference) -> tuple[str, list[str], str | None]:
    """The kind of the name that is looked for, the names themselves, and the part of what is called so."""
    kind = difference.kind
    if kind in _PARTS and difference.hangs_on:
        holder = difference.hangs_on[0]
        family = "type" if holder[0] == "domain" else "relation"
        own = names[-1] if (names := identity.names(difference.identity)) else ""
        return family, identity.names(holder[1]), own
    family = "relation" if kind in _RELATIONS else "function" if kind in _FUNCTIONS else kind
    return "type" if kind in _TYPES else family, identity.names(difference.identity), None


def _names_around(difference: Difference) -> list[list[str]]:
    """What the object hangs on, but for the schema, in which almost everything is."""
    return [identity.names(name) for kind, name in difference.hangs_on if kind != "schema"]


def _is(name: Name, wanted: list[str]) -> bool:
    return wanted[-1:] == [name.name] and (name.schema is None or wanted[:-1] in ([], [name.schema]))


def _is_index(change: ch.CreateIndex, kind: str, wanted: list[str]) -> bool:
    return kind == "index" and change.name is not None and _is(Name(change.table.schema, change.name), wanted)


def _parts(change: Change) -> set[str]:
    """The names of the columns, constraints, policies … that the change is about."""
    found: set[str] = set()
    for field in _PART_FIELDS:
        value = getattr(change, field, None)
        name = value if isinstance(value, str) else getattr(value, "name", None)
        if isinstance(name, str):
            found.add(name)
    if isinstance(change, ch.Rename):
        found.add(change.to)
    if isinstance(change, ch.CreateTable):
        found.update(column.name for column in change.columns)
    found.update(one.name for one in getattr(change, "constraints", ()) if one.name)
    return found


def _names_itself(change: Change, kind: str, own: str) -> bool:
    """Whether it may make an index, a sequence or a constraint under a name that Postgres makes up."""
    if kind == "index":
        return isinstance(change, ch.CreateIndex) and change.name is None
    if kind == "sequence":
        return isinstance(change, _MAKING_SEQUENCES)
    made = (*getattr(change, "constraints", ()), getattr(change, "constraint", None)) if kind == "constraint" else ()
    return any(one and one.name is None and own.rstrip("0123456789").endswith(_ENDINGS[one.kind]) for one in made)


def _fit_of_grant(change: Change, difference: Difference) -> int:
    if not isinstance(change, ch.Grant):
        return _hidden(change)
    grantee, kind = identity.part(difference.identity)
    holder = identity.names(kind.rpartition(" ")[2] if "(" not in kind else kind.split(" ", 1)[-1])
    schemas = [names for of, name in difference.hangs_on if of == "schema" for names in [identity.names(name)]]
    named = any(_is(name, holder) or _is(name, holder[:-1]) for name in change.objects)
    named = named or (change.all_in_schema and any(_is(name, schema) for name in change.objects for schema in schemas))
    if not named:
        return NOT
    return EXACT if identity.names(grantee)[-1].lower() in {one.lower() for one in change.grantees} else OBJECT


def _hidden(change: Change) -> int:
    return HIDDEN if isinstance(change, _HIDDEN) and change.statement.inside != "function" else NOT
