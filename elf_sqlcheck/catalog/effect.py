"""What a statement does to one table: the lock that it takes, and the work under it.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES says what waits for what.
"""

from __future__ import annotations

from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Constraint, Name
    from elf_sqlcheck.catalog.schema import Schema

    Effects = tuple["Effect", ...]

ACCESS_EXCLUSIVE = "access exclusive"
SHARE_ROW = "share row exclusive"
SHARE_UPDATE = "share update exclusive"
#: Whom a mode keeps waiting; the others let everybody read and write.
BLOCKS = {
    ACCESS_EXCLUSIVE: "reads and writes",
    "exclusive": "writes",
    SHARE_ROW: "writes",
    "share": "writes",
}


class Effect(Record):
    """A lock on one table and what is done under it: `mode` in Postgres' words ("share update exclusive").

    `work` is "" where only the catalog is written, "scan" where all rows are read, "build" where an index is made of
    them, "rewrite" where they are all written anew.
    """

    table: Name
    mode: str
    work: str = ""


def referenced(constraints: tuple[Constraint, ...], own: Name, schema: Schema, mode: str = SHARE_ROW) -> Effects:
    """The locks on the other tables that foreign keys refer to."""
    names = (schema.resolve(constraint.references) for constraint in constraints if constraint.references)
    return tuple(Effect(name, mode) for name in dict.fromkeys(names) if name != own)


def referring(name: Name, schema: Schema, column: str = "", work: str = "") -> Effects:
    """The tables whose foreign keys refer to a table that is dropped, or to a `column` that is changed.

    `work` is done to those whose keys are valid.
    """
    found: Effects = ()
    for other in schema.referring_tables(name):
        keys = other.keys_to(name) if other.name != name else []
        used = [key for key in keys if not column or column in (key.ref_columns or _primary_key(name, schema))]
        if used:
            valid = any(not key.not_valid and key.enforced for key in used)
            found += (Effect(other.name, ACCESS_EXCLUSIVE, work if valid else ""),)
    return found


#: What CASCADE goes on from: with these go the objects that need them in turn.
_LEADS_ON = frozenset(
    {"column", "constraint", "domain", "function", "materialized view", "procedure", "table", "type", "view"}
)


def cascaded(schema: Schema, kind: str, name: Name, part: str | None = None) -> Effects:
    """The tables and views that DROP … CASCADE of an object (as in `Schema.dependants`) drops, or takes parts from."""
    seen = {(kind, name, part)}
    waiting = [(kind, name, part)]
    found: dict[Name, Effect] = {}
    for asked in waiting:  # grows under way
        for one in schema.dependants(*asked):
            goes = (one.kind, one.name, one.part or None)
            if goes in seen:
                continue
            seen.add(goes)
            if schema.table(one.name) or schema.view(one.name):
                found[one.name] = Effect(one.name, ACCESS_EXCLUSIVE)
            if one.kind in _LEADS_ON:
                waiting.append(goes)
    return tuple(effect for table, effect in found.items() if table != name)


def _primary_key(name: Name, schema: Schema) -> tuple[str, ...]:
    table = schema.table(name)
    return table.primary_key.columns if table and table.primary_key else ()
