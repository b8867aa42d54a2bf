"""What statements change: the language that rules, fixes and the schema are written in.

One statement yields one or more changes (`ALTER TABLE` one per action, `DROP` one per object). Each has the
`statement` it comes from and the `span` that a finding about it should point at. What is not understood yields
`Opaque`, never silence.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.objects import (
    Column,
    Constraint,
    Expression,
    IndexColumn,
    Name,
    Parameter,
    Policy,
    Trigger,
    Type,
)
from elf_sqlcheck.model import Span, Statement
from elf_sqlcheck.record import Record


class Change(Record):
    """Base of all changes."""

    statement: Statement
    span: Span


class Opaque(Change):
    """A statement that this vocabulary has no word for; `what` names it for people ("CREATE OPERATOR")."""

    what: str


# ── schemas, extensions, comments ────────────────────────────────────────────────────────────────────────────────


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


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateTable(Change):
    """`persistence` is "permanent", "temporary" or "unlogged"; `like` are the tables of LIKE clauses.

    `partition_of` and `inherits` name parents, `partition_by` is the strategy of a partitioned table ("range", "list",
    "hash"), `of_type` the type of a typed table; `as_query` marks CREATE TABLE … AS, whose columns are not known.
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
    foreign: bool = False


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


class TableChange(Change):
    """Base of what ALTER TABLE does to `table`; `table_exists` is its IF EXISTS."""

    table: Name


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
    """Another action of ALTER TABLE; `action` is the parser's word without `AT_` (SetLogged, ClusterOn …)."""

    action: str
    column: str | None = None


# ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── views, types, sequences, functions, triggers ─────────────────────────────────────────────────────────────────


class CreateView(Change):
    """`query` is the normal form of the SELECT, `reads` the relations in it, `options` WITH (…) as (name, value)."""

    name: Name
    query: str
    reads: tuple[Name, ...] = ()
    columns: tuple[str, ...] = ()
    or_replace: bool = False
    if_not_exists: bool = False
    materialized: bool = False
    temporary: bool = False
    options: tuple[tuple[str, str], ...] = ()


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


class CreateTrigger(Change):
    table: Name
    trigger: Trigger
    or_replace: bool = False


# ── access ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CreatePolicy(TableChange):
    policy: Policy


class AlterPolicy(TableChange):
    """What is None stays as it is."""

    name: str
    roles: tuple[str, ...] | None = None
    using: Expression | None = None
    check: Expression | None = None


class Grant(Change):
    """GRANT or REVOKE (`revoke`) on objects. `kind` is "table", "sequence", "schema", "function", "type", …;
    `all_in_schema` means that `objects` are schemas and the grant is ON ALL … IN SCHEMA. `privileges` in lower case,
    empty for ALL; `columns` those of column privileges. Grantees: role names, "public" for PUBLIC.
    """

    kind: str
    objects: tuple[Name, ...]
    privileges: tuple[str, ...]
    grantees: tuple[str, ...]
    revoke: bool = False
    all_in_schema: bool = False
    with_grant_option: bool = False
    cascade: bool = False
    columns: tuple[str, ...] = ()


class GrantRole(Change):
    roles: tuple[str, ...]
    grantees: tuple[str, ...]
    revoke: bool = False


class DefaultPrivileges(Change):
    """ALTER DEFAULT PRIVILEGES; `schemas` and `for_roles` empty: all, and the current role."""

    kind: str
    privileges: tuple[str, ...]
    grantees: tuple[str, ...]
    schemas: tuple[str, ...] = ()
    for_roles: tuple[str, ...] = ()
    revoke: bool = False


class Role(Change):
    """CREATE or ALTER (`alter`) ROLE/USER. `options` as (name, value) in lower case, as ("superuser", "true").

    `password` is where a literal password stands.
    """

    name: str
    alter: bool = False
    options: tuple[tuple[str, str], ...] = ()
    password: Span | None = None


class Secretive(Change):
    """A place where a credential is written as a literal: `what` says which, `value` where.

    User mappings, subscriptions, dblink connection strings, keys of pgp_sym_encrypt and their like.
    """

    what: str
    value: Span


# ── rows, settings, transactions ─────────────────────────────────────────────────────────────────────────────────


class WriteRows(Change):
    """INSERT, UPDATE, DELETE, MERGE, COPY … FROM, TRUNCATE (`kind`). `filtered` is whether it has a WHERE;
    `from_query` whether an INSERT takes rows from a query that reads tables.
    """

    kind: str
    table: Name
    filtered: bool = False
    from_query: bool = False
    cascade: bool = False


class ReadRows(Change):
    """A SELECT (or COPY … TO) at the top level; `functions` are those it calls."""

    functions: tuple[str, ...] = ()


class SetSetting(Change):
    """SET or RESET of a setting. `value` None: RESET or DEFAULT; `local` is SET LOCAL (or set_config(…, true))."""

    name: str
    value: str | None
    local: bool = False


class Transaction(Change):
    """`kind` is "begin", "commit", "rollback", "savepoint", "release", "rollback to", "prepare" and the like."""

    kind: str


class LockTable(Change):
    tables: tuple[Name, ...]
    mode: str


class Maintenance(Change):
    """VACUUM, ANALYZE, CLUSTER, CHECKPOINT (`kind`, "vacuum full" apart); `name` None: the whole database."""

    kind: str
    name: Name | None = None


class AlterSystem(Change):
    """ALTER SYSTEM and CREATE/DROP/ALTER DATABASE or TABLESPACE: what acts on the whole server."""

    what: str


class Do(Change):
    """A DO block; `body` is its text, `body_span` where that stands."""

    body: str
    body_span: Span
    language: str = "plpgsql"


__all__ = [
    "AddColumn",
    "AddConstraint",
    "AddEnumLabel",
    "AlterColumnType",
    "AlterPolicy",
    "AlterSequence",
    "AlterSystem",
    "AlterTableOther",
    "AttachPartition",
    "Change",
    "Comment",
    "CreateDomain",
    "CreateEnum",
    "CreateExtension",
    "CreateFunction",
    "CreateIndex",
    "CreatePolicy",
    "CreateSchema",
    "CreateSequence",
    "CreateTable",
    "CreateTrigger",
    "CreateType",
    "CreateView",
    "DefaultPrivileges",
    "DetachPartition",
    "Do",
    "Drop",
    "DropColumn",
    "DropConstraint",
    "DropNotNull",
    "Grant",
    "GrantRole",
    "LockTable",
    "Maintenance",
    "Opaque",
    "ReadRows",
    "RefreshView",
    "Reindex",
    "Rename",
    "Role",
    "Secretive",
    "SetDefault",
    "SetExpression",
    "SetIdentity",
    "SetNotNull",
    "SetOwner",
    "SetRowSecurity",
    "SetSchema",
    "SetSetting",
    "SetTrigger",
    "TableChange",
    "Transaction",
    "ValidateConstraint",
    "WriteRows",
]
