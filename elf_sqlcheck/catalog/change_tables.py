"""What statements do to tables and their indexes."""

from __future__ import annotations

from elf_sqlcheck.catalog.change import Change, TableChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, IndexColumn, Name, Output, Type


class CreateTable(Change):
    """`persistence` is "permanent", "temporary" or "unlogged"; `like` are the tables of LIKE clauses.

    `partition_of` and `inherits` name parents, `partition_by` is the strategy of a partitioned table ("range", "list",
    "hash"), `of_type` the type of a typed table; `like_options` say for each LIKE what it copies besides columns
    ("constraints", "defaults", "generated", "identity", "indexes", "comments").

    `as_query` marks CREATE TABLE … AS, `empty` that it is WITH NO DATA; `output` are the columns that its query
    selects, None when they cannot be told, and `names` those that the statement gives them.
    """

    name: Name
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    if_not_exists: bool = False
    persistence: str = "permanent"
    inherits: tuple[Name, ...] = ()
    partition_of: Name | None = None
    partition_by: str = ""
    of_type: Name | None = None
    like: tuple[Name, ...] = ()
    as_query: bool = False
    empty: bool = False
    foreign: bool = False
    like_options: tuple[frozenset[str], ...] = ()
    output: tuple[Output, ...] | None = None
    names: tuple[str, ...] = ()


class AddColumn(TableChange):
    column: Column
    constraints: tuple[Constraint, ...] = ()
    if_not_exists: bool = False


class DropColumn(TableChange):
    column: str
    if_exists: bool = False
    cascade: bool = False


class AlterColumnType(TableChange):
    column: str
    type: Type
    using: Expression | None = None
    collation: str | None = None


class SetDefault(TableChange):
    """SET DEFAULT, or DROP DEFAULT when `default` is None."""

    column: str
    default: Expression | None = None


class SetNotNull(TableChange):
    column: str


class DropNotNull(TableChange):
    column: str


class SetIdentity(TableChange):
    """ADD or SET GENERATED … AS IDENTITY; `identity` "" drops it."""

    column: str
    identity: str
    if_exists: bool = False


class SetExpression(TableChange):
    """SET EXPRESSION of a generated column; None is DROP EXPRESSION."""

    column: str
    expression: Expression | None = None


class AddConstraint(TableChange):
    constraint: Constraint


class DropConstraint(TableChange):
    name: str
    if_exists: bool = False
    cascade: bool = False


class ValidateConstraint(TableChange):
    name: str


class SetRowSecurity(TableChange):
    """`what` is "enabled" or "forced"."""

    what: str
    on: bool


class SetTrigger(TableChange):
    """ENABLE/DISABLE TRIGGER; `name` "*" is ALL, "" is USER."""

    name: str
    enabled: str


class AttachPartition(TableChange):
    partition: Name


class DetachPartition(TableChange):
    partition: Name
    concurrently: bool = False


class AlterTableOther(TableChange):
    """Another action of ALTER TABLE; `action` is the parser's word without `AT_` (SetLogged, ClusterOn …).

    `column` is the column or index that it names, `other` the parent or type of INHERIT and OF.
    """

    action: str
    column: str | None = None
    other: Name | None = None


class AlterConstraint(TableChange):
    """ALTER CONSTRAINT; what is None stays as it is."""

    name: str
    deferrable: bool | None = None
    initially_deferred: bool | None = None
    enforced: bool | None = None
    no_inherit: bool | None = None


class SetOptions(TableChange):
    """SET (…) and RESET (…) of a table, view or index; a value of None resets the option."""

    options: tuple[tuple[str, str | None], ...]


class CreateIndex(Change):
    """`name` is None when Postgres is left to choose one; `only` is ON ONLY of partitioned tables."""

    name: str | None
    table: Name
    columns: tuple[IndexColumn, ...]
    include: tuple[str, ...] = ()
    unique: bool = False
    nulls_not_distinct: bool = False
    concurrently: bool = False
    if_not_exists: bool = False
    only: bool = False
    method: str = "btree"
    where: Expression | None = None
    options: tuple[str, ...] = ()


class Reindex(Change):
    """`kind` is "index", "table", "schema", "system" or "database"."""

    kind: str
    name: Name | None
    concurrently: bool = False
