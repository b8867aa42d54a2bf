"""What statements do to everything but tables and rows."""

from __future__ import annotations

from elf_sqlcheck.catalog.change import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, Name, Output, Parameter, Trigger, Type
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
    arguments: tuple[Type, ...] | None = None


class SetSchema(Change):
    """ALTER … SET SCHEMA; `arguments` are the parameter types of a function (None when the text gives none)."""

    kind: str
    name: Name
    schema: str
    arguments: tuple[Type, ...] | None = None


class SetOwner(Change):
    """ALTER … OWNER TO; `arguments` are the parameter types of a function (None when the text gives none)."""

    kind: str
    name: Name
    owner: str
    arguments: tuple[Type, ...] | None = None


class CreateSchema(Change):
    name: str
    if_not_exists: bool = False
    owner: str | None = None


class CreateExtension(Change):
    name: str
    if_not_exists: bool = False
    schema: str | None = None


class Comment(Change):
    """`kind` is the kind of object in lower case ("table", "column", …); `text` None removes the comment.

    `arguments` are the parameter types of a function (None when the text gives none).
    """

    kind: str
    name: Name
    part: str | None
    text: str | None
    arguments: tuple[Type, ...] | None = None


class CreateView(Change):
    """`query` is the normal form of the SELECT, `reads` the relations in it, `options` WITH (…) as (name, value).

    `columns` are the names that the view gives; `output` what its query selects, None when that cannot be told;
    `uses` are the columns that it reads, each with the relations one of which it belongs to; `functions` its calls.
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
    output: tuple[Output, ...] | None = None
    uses: tuple[tuple[tuple[Name, ...], str], ...] = ()
    functions: tuple[str, ...] = ()


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


class AlterDomain(Change):
    """ALTER DOMAIN. `action` is "set default" (`default` None: none), "set not null", "drop not null", "add constraint"
    (`constraint`), "drop constraint" or "validate constraint" (`part` names it).
    """

    name: Name
    action: str
    default: Expression | None = None
    constraint: Constraint | None = None
    part: str | None = None
    if_exists: bool = False
    cascade: bool = False


class AlterAttribute(Change):
    """ALTER TYPE of a composite type. `action` is "add", "drop" or "type"; `column` is the attribute's new form."""

    name: Name
    action: str
    attribute: str
    column: Column | None = None
    if_exists: bool = False
    cascade: bool = False


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
    """ALTER FUNCTION, PROCEDURE or ROUTINE: `settings` are SET clauses as (name, value), value None for RESET (name
    "all": of all); `security_definer` is None when it stays as it is. `arguments` are the parameter types, None when
    none are given; `options` are the others, as in CreateFunction, volatility included.
    """

    name: Name
    arguments: tuple[Type, ...] | None = None
    settings: tuple[tuple[str, str | None], ...] = ()
    security_definer: bool | None = None
    options: tuple[tuple[str, str], ...] = ()


class CreateTrigger(Change):
    table: Name
    trigger: Trigger
    or_replace: bool = False
