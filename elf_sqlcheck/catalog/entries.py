"""What the catalog holds: tables, views, types, routines and facts, each under its key."""

from __future__ import annotations

from elf_sqlcheck.catalog.parts import alike
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Collection, Mapping

    from elf_sqlcheck.catalog.objects import (
        Column,
        Constraint,
        Expression,
        Index,
        Name,
        Parameter,
        Policy,
        Trigger,
        Type,
    )

    #: A tuple, or what stands for one: see `catalog.labels`. The word Sequence means something else here.
    Labels = collections.abc.Sequence[str]

#: (kind, schema or "", name[, …]); relations (tables, views, sequences, indexes) share the kind "relation".
Key = tuple[str, ...]
#: What statements call a function.
ROUTINES = frozenset({"aggregate", "function", "procedure", "routine"})


class Table(Record):
    """A table. `name` always has its schema. `columns` map names to columns; a name mapped to None is known to be
    dropped. `known` is whether a migration created it (else it is assumed to exist and only what migrations did to it
    is here); `complete` whether all of its columns are known. `row_security` is None when not known. `born` is the
    number of the migration that made it, 0 when none did; `rows` what statements of migrations put into it: "none",
    "few" (as many as a file spells out) or "many" (from a query or a file). `of_type` is the type of a typed table.
    """

    name: Name
    columns: Mapping[str, Column | None]
    constraints: Mapping[str, Constraint | None]
    indexes: Mapping[str, Index]
    policies: Mapping[str, Policy | None]
    triggers: Mapping[str, Trigger | None]
    known: bool = True
    complete: bool = True
    persistence: str = "permanent"
    partition_of: Name | None = None
    partition_by: str = ""
    inherits: tuple[Name, ...] = ()
    row_security: bool | None = None
    forced: bool = False
    foreign: bool = False
    born: int = 0
    rows: str = "none"
    of_type: Name | None = None

    @property
    def primary_key(self) -> Constraint | None:
        """Its primary key, if known."""
        return next((c for c in self.constraints.values() if c and c.kind == "primary key"), None)

    @property
    def foreign_keys(self) -> list[Constraint]:
        """Its known foreign keys."""
        return [c for c in self.constraints.values() if c and c.kind == "foreign key"]

    def has_keys_of(self, columns: Collection[str]) -> bool:
        """Whether a known foreign key is on these columns, in any order."""
        return any(True for _ in alike(self.constraints, _own_columns, frozenset(columns)))

    def keys_to(self, name: Name) -> list[Constraint]:
        """The known foreign keys that refer to the table of that full name."""
        return [key for key in alike(self.constraints, _referred, name) if key]

    def column(self, name: str) -> Column | None:
        """The column of that name, if known."""
        return self.columns.get(name)


def _own_columns(constraint: Constraint | None) -> tuple[frozenset[str], ...]:
    return (frozenset(constraint.columns),) if constraint and constraint.kind == "foreign key" else ()


def _referred(constraint: Constraint | None) -> tuple[Name, ...]:
    return (constraint.references,) if constraint and constraint.references else ()


class View(Record):
    """A view or materialized view; `indexes` belong to the latter.

    `output` names its columns in order, None where they cannot be told from the text. `uses` are the columns of
    relations that its query reads, `functions` those that it calls, as written.
    """

    name: Name
    query: str
    reads: tuple[Name, ...]
    columns: tuple[str, ...]
    materialized: bool
    options: tuple[tuple[str, str], ...]
    indexes: Mapping[str, Index]
    born: int = 0
    triggers: Mapping[str, Trigger | None] = {}
    output: tuple[str, ...] | None = None
    uses: tuple[tuple[Name, str], ...] = ()
    functions: tuple[str, ...] = ()


class Sequence(Record):
    """A sequence. `internal` says that it came with a serial or identity column and is told with that."""

    name: Name
    owned_by: tuple[Name, str] | None = None
    options: tuple[tuple[str, str], ...] = ()
    internal: bool = False


class IndexOf(Record):
    """Stands under an index's own name and says which relation it belongs to."""

    table: Name


class Enum(Record):
    """An enum type and its labels in order."""

    name: Name
    labels: Labels


class Domain(Record):
    """A domain."""

    name: Name
    type: Type
    not_null: bool
    default: Expression | None
    constraints: tuple[Constraint, ...]


class OtherType(Record):
    """A composite, range or base type."""

    name: Name
    kind: str
    attributes: tuple[Column, ...] = ()


class Routine(Record):
    """A function or procedure."""

    name: Name
    parameters: tuple[Parameter, ...]
    returns: Type | None
    returns_set: bool
    procedure: bool
    language: str
    volatility: str
    security_definer: bool
    settings: tuple[tuple[str, str], ...]
    body: str
    options: tuple[tuple[str, str], ...] = ()


class Statistics(Record):
    """Extended statistics on columns of a table."""

    name: Name
    table: Name
    columns: tuple[str, ...]


class Fact(Record):
    """Anything else that is there or not: a schema, an extension, a comment's text, a grant."""

    value: object = True


class Absent(Record):
    """Known not to be there: a migration dropped it."""


ABSENT = Absent()
Object = Table | View | Sequence | IndexOf | Enum | Domain | OtherType | Routine | Statistics | Fact | Absent
