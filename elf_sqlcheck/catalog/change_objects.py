"""What statements do to everything but tables and rows."""

from __future__ import annotations

from elf_sqlcheck.catalog.change import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, Name, Parameter, Trigger, Type
    from elf_sqlcheck.model import Span


class Drop(Change):
    """DROP of one object. `kind`: "table", "view", "materialized view", "index", "sequence", "schema", "type",
    "domain", "extension", "function", "procedure", "aggregate", "routine", "trigger", "policy", "rule", "role",
    "foreign table", "database", … `part` is the trigger, policy or rule on the table `name`; `arguments` are the
    parameter types of a function (None when the text gives none).
    """

    kind: str
    name: Name
    if_exists: bool = False
    cascade: bool = False
    concurrently: bool = False
    part: str | None = None
    arguments: tuple[Type, ...] | None = None


class Rename(Change):
    """RENAME of an object or of a `part` of it (column, constraint, attribute, enum label, trigger, policy)."""

    kind: str
    name: Name
    to: str
    part: str | None = None
    if_exists: bool = False


class SetSchema(Change):
    """ALTER … SET SCHEMA."""

    kind: str
    name: Name
    schema: str


class SetOwner(Change):
    """ALTER … OWNER TO."""

    kind: str
    name: Name
    owner: str


class CreateSchema(Change):
    name: str
    if_not_exists: bool = False
    owner: str | None = None


class CreateExtension(Change):
    name: str
    if_not_exists: bool = False
    schema: str | None = None


class Comment(Change):
    """`kind` is the kind of object in lower case ("table", "column", …); `text` None removes the comment."""

    kind: str
    name: Name
    part: str | None
    text: str | None


class CreateView(Change):
    """`query` is the normal form of the SELECT, `reads` the relations in it, `options` WITH (…) as (name, value).

    `outputs` are the names of the columns that the query yields, "*" for the star of a single table, ""
    where one is not known.
    """

    name: Name
    query: str
    reads: tuple[Name, ...] = ()
    columns: tuple[str, ...] = ()
    or_replace: bool = False
    if_not_exists: bool = False
    materialized: bool = False
    temporary: bool = False
    options: tuple[tuple[str, str], ...] = ()
    outputs: tuple[str, ...] = ()


class RefreshView(Change):
    name: Name
    concurrently: bool = False


class CreateEnum(Change):
    name: Name
    labels: tuple[str, ...]


class AddEnumLabel(Change):
    """`neighbour` and `after` give the place, None: at the end."""

    name: Name
    label: str
    if_not_exists: bool = False
    neighbour: str | None = None
    after: bool = True


class CreateDomain(Change):
    name: Name
    type: Type
    constraints: tuple[Constraint, ...] = ()
    not_null: bool = False
    default: Expression | None = None


class CreateType(Change):
    """A composite (`attributes`), range or shell type; `kind` is "composite", "range" or "base"."""

    name: Name
    kind: str
    attributes: tuple[Column, ...] = ()


class CreateSequence(Change):
    """`owned_by` is (table, column) as (Name, str), or None."""

    name: Name
    if_not_exists: bool = False
    temporary: bool = False
    owned_by: tuple[Name, str] | None = None
    options: tuple[tuple[str, str], ...] = ()


class AlterSequence(Change):
    name: Name
    owned_by: tuple[Name, str] | None = None
    options: tuple[tuple[str, str], ...] = ()


class CreateFunction(Change):
    """`returns` is None for procedures; `settings` are SET clauses as (name, value); `body` is the text between the
    quotes, or the normal form of a SQL-standard body. `body_span` says where that stands.
    """

    name: Name
    parameters: tuple[Parameter, ...] = ()
    returns: Type | None = None
    returns_set: bool = False
    procedure: bool = False
    or_replace: bool = False
    language: str = "sql"
    volatility: str = "volatile"
    security_definer: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    body: str = ""
    body_span: Span | None = None


class AlterFunction(Change):
    """ALTER FUNCTION, PROCEDURE or ROUTINE: `settings` are SET clauses as (name, value), value None for RESET;
    `security_definer` is None when it stays as it is. `arguments` are the parameter types, None when none are given.
    """

    name: Name
    arguments: tuple[Type, ...] | None = None
    settings: tuple[tuple[str, str | None], ...] = ()
    security_definer: bool | None = None


class CreateTrigger(Change):
    table: Name
    trigger: Trigger
    or_replace: bool = False
