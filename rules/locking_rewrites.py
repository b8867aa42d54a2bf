"""Statements that write or read a whole table in use while nobody else may: rewrites, changes of type, partitions."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AlterColumnType,
    AlterTableOther,
    AttachPartition,
    DetachPartition,
    Example,
    Maintenance,
    Rule,
    SetExpression,
    Severity,
    effects,
    has_check,
    has_own_using,
    is_ever_free,
    quoted,
    redone,
    rewrites,
    rewriting,
    snake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Column, Context, Finding, Name

_BATCHES = "fill it in batches in later migrations"


def _add_column_rewrite(context: Context[AddColumn]) -> Iterator[Finding]:
    change = context.change
    column = change.column
    why = rewriting(column, context.now)
    if not why or not context.is_busy(change.table):
        return
    table = context.now.table(change.table)
    if change.if_not_exists and table and table.column(column.name):
        return
    message = (
        f"adding {change.table}.{quoted(column.name)} blocks all reads and writes of {change.table} "
        f"{context.meanwhile(change.table, 'rewrite')}: {why}"
    )
    yield context.finding(message, instead=_without_rewrite(context, change.table, column))


def _without_rewrite(context: Context[AddColumn], table: Name, column: Column) -> str:
    """The SQL that gets the same column with locks that last no time."""
    name, kind = quoted(column.name), column.type.stored
    plain = f"ALTER TABLE {table} ADD COLUMN {name} {kind};"
    if column.generated is not None:
        if context.settings.get("postgres-version", 17) >= 18:
            return (
                f"ALTER TABLE {table} ADD COLUMN {name} {kind} GENERATED ALWAYS AS ({column.generated.text}) VIRTUAL;"
            )
        return f"{plain} a trigger that fills it in on each INSERT and UPDATE, and {_BATCHES}"
    if column.type.is_serial or column.identity:
        sequence = snake(f"{table.name}_{column.name}_seq")
        return (
            f"{plain} CREATE SEQUENCE {sequence} OWNED BY {table}.{name}; ALTER TABLE {table} ALTER COLUMN {name} "
            f"SET DEFAULT nextval('{sequence}'); and {_BATCHES}"
        )
    if column.default is not None and not column.default.constant:
        return f"{plain} ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {column.default.text}; and {_BATCHES}"
    return f"the column with the domain's base type, and its constraint as a CHECK of {table} that is added NOT VALID"


def _column_type_rewrite(context: Context[AlterColumnType]) -> Iterator[Finding]:
    change = context.change
    if not context.is_busy(change.table):
        return
    table = context.now.table(change.table)
    column = table.column(change.column) if table else None
    where = f"{change.table}.{quoted(change.column)}"
    if has_own_using(change):
        why = f"USING computes {where} for each row"
    elif column is None:
        if is_ever_free(change.type):
            return
        why = f"no other type becomes {change.type} as it stands"
    elif rewrites(column.type, change.type, context.now):
        why = f"{where} is {column.type}, and that is stored in another way than {change.type}, or has to be checked"
        if {column.type.name, change.type.name} == {"timestamp", "timestamptz"}:
            why = f"{where} is {column.type}, and that is stored as {change.type} is only where the TimeZone is UTC"
            instead = (
                "SET LOCAL timezone = 'UTC'; before it, if that is how the values are meant: then no row is touched"
            )
            yield context.finding(_rewritten(context, why), instead=instead)
            return
    else:
        if table is not None and column.type != change.type:
            yield from _redone(context, *redone(table, change))
        return
    name, new = quoted(change.column), quoted(snake(f"{change.column}_new"))
    instead = (
        f"ALTER TABLE {change.table} ADD COLUMN {new} {change.type}; with a trigger that copies {name} into it; "
        f"{_BATCHES}; then, in one transaction, DROP COLUMN {name} and RENAME COLUMN {new} TO {name}"
    )
    yield context.finding(_rewritten(context, why), instead=instead)


def _rewritten(context: Context[AlterColumnType], why: str) -> str:
    table = context.change.table
    return f"this change of type blocks all reads and writes of {table} {context.meanwhile(table, 'rewrite')}: {why}"


def _redone(context: Context[AlterColumnType], work: str, name: str) -> Iterator[Finding]:
    """What a type that needs no rewrite still makes Postgres do."""
    change = context.change
    table = change.table
    if not work:
        return
    done = f"builds index {quoted(name)} anew" if work == "build" else f"checks {quoted(name)} for all rows again"
    message = f"this change of type touches no row, but {done}, and blocks all reads and writes of {table} {context.meanwhile(table, work)}"
    instead = (
        f"DROP INDEX CONCURRENTLY {quoted(name)}; before it, and CREATE INDEX CONCURRENTLY after it"
        if work == "build"
        else f"ALTER TABLE {table} DROP CONSTRAINT {quoted(name)}; in the same transaction, add it again NOT VALID, and VALIDATE it in a later migration"
    )
    yield context.finding(message, instead=instead, severity=Severity.WARNING)


_ACTIONS = {
    "SetAccessMethod": (
        "SET ACCESS METHOD",
        "a new table with that access method, filled in batches, and swap the names",
    ),
    "SetLogged": ("SET LOGGED", "do it while the table is empty or nobody needs it"),
    "SetTableSpace": ("SET TABLESPACE", "pg_repack with --tablespace, which moves it beside everybody's work"),
    "SetUnLogged": ("SET UNLOGGED", "do it while the table is empty or nobody needs it; and a crash would empty it"),
}


def _table_rewrite(context: Context[AlterTableOther | Maintenance | SetExpression]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Maintenance):
        if change.kind not in {"vacuum full", "cluster"}:
            return
        table, what, instead = (
            change.name,
            change.kind.upper(),
            "VACUUM, or pg_repack where the space has to be had back",
        )
        if table is None:
            yield context.finding(
                f"{what} of the whole database writes each table anew, and nobody reads or writes it meanwhile",
                instead=instead,
            )
            return
    else:
        table = change.table
        done = [effect for effect in effects(change, context.now) if effect.work == "rewrite"]
        if not done:
            return
        if isinstance(change, SetExpression):
            what, instead = (
                "SET EXPRESSION",
                "a new column with that expression, and drop this one when nothing reads it any more",
            )
        else:
            what, instead = _ACTIONS[change.action]
    if context.is_busy(table):
        message = f"{what} blocks all reads and writes of {table} {context.meanwhile(table, 'rewrite')}"
        yield context.finding(message, instead=instead)


def _partition_attach_scan(context: Context[AttachPartition]) -> Iterator[Finding]:
    change = context.change
    part = change.partition
    if not context.is_busy(part) or context.now.index(part) or has_check(context.now.table(part)):
        return
    message = f"ATTACH PARTITION blocks all reads and writes of {part} {context.meanwhile(part, 'scan')}, to see whether they belong there"
    name = quoted(snake(f"{part.name}_bounds"))
    instead = (
        f"ALTER TABLE {part} ADD CONSTRAINT {name} CHECK (the bounds of the partition, and the key IS NOT NULL) NOT VALID; "
        f"then, in later migrations, VALIDATE CONSTRAINT {name}, ATTACH PARTITION, and DROP CONSTRAINT {name}"
    )
    yield context.finding(message, instead=instead)


def _partition_detach(context: Context[DetachPartition]) -> Iterator[Finding]:
    change = context.change
    if change.concurrently or not context.is_busy(change.table):
        return
    message = (
        f"DETACH PARTITION takes ACCESS EXCLUSIVE on {change.table}, with all of its partitions: it waits for the "
        f"queries that run, and whoever wants to read or write {change.table} waits behind it"
    )
    instead = (
        f"ALTER TABLE {change.table} DETACH PARTITION {change.partition} CONCURRENTLY; in {context.migration.outside}"
    )
    yield context.finding(message, instead=instead)


_USERS = "CREATE TABLE users (id int PRIMARY KEY, email varchar(50), age int, seen timestamp, score numeric(6,2), CONSTRAINT users_adult CHECK (age > 17));"
_ADD = "ALTER TABLE users ADD COLUMN "
_ALTER = "ALTER TABLE users ALTER COLUMN "
_EVENTS = "CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);\nCREATE TABLE january PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');\nCREATE TABLE february (id int, at date);"
_ATTACH = "ALTER TABLE events ATTACH PARTITION february FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');"
_HEAD = "-- Migration: Step\n-- Version: 20250102_000000\n-- Description: Step\n-- Transaction: none\n\n-- ==== UP MIGRATION ====\n"

# fmt: off
RULES = (
    Rule(
        name="add-column-rewrite", family="locking", severity=Severity.ERROR, on=(AddColumn,), check=_add_column_rewrite, words=("alter",),
        summary="a new column makes Postgres write the whole table anew",
        why="A default that is the same for all rows costs nothing. One that differs from row to row has to be written into each of them, under ACCESS EXCLUSIVE: nobody reads or writes the table until all rows and all indexes are made anew.",
        instead="ALTER TABLE users ADD COLUMN token uuid; ALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid(); and fill it in batches in later migrations",
        bad=(
            Example(_ADD + "token uuid NOT NULL DEFAULT gen_random_uuid(); -- finding", before=_USERS),
            Example(_ADD + "number bigserial; -- finding", before=_USERS),
            Example(_ADD + "number int GENERATED ALWAYS AS IDENTITY; -- finding", before=_USERS),
            Example(_ADD + "domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED; -- finding", before=_USERS),
            Example("CREATE FUNCTION next_tag() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';\n" + _ADD + "tag int DEFAULT next_tag(); -- finding", before=_USERS),
            Example("CREATE DOMAIN positive AS int CHECK (VALUE > 0);\n" + _ADD + "rank positive; -- finding", before=_USERS),
            Example("ALTER TABLE users\n    ADD COLUMN nick text,\n    ADD COLUMN made timestamptz DEFAULT clock_timestamp(); -- finding", before=_USERS),
        ),
        good=(
            Example(_ADD + "state text NOT NULL DEFAULT 'new';\n" + _ADD + "made timestamptz NOT NULL DEFAULT now();\n" + _ADD + "tags jsonb DEFAULT '[]'::jsonb;", before=_USERS),
            Example(_ADD + "token uuid;\n" + _ALTER + "token SET DEFAULT gen_random_uuid();", before=_USERS),
            Example(_USERS + "\n" + _ADD + "token uuid DEFAULT gen_random_uuid();"),
            Example("CREATE DOMAIN label AS text;\n" + _ADD + "name label;", before=_USERS),
            Example(_ADD + "domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) VIRTUAL;", before=_USERS, runs="virtual generated columns need Postgres 18"),
            Example("ALTER TABLE users ADD COLUMN IF NOT EXISTS id serial;", before=_USERS),
        ),
    ),
    Rule(
        name="column-type-rewrite", family="locking", severity=Severity.ERROR, on=(AlterColumnType,), check=_column_type_rewrite, words=("alter",),
        summary="a change of a column's type makes Postgres write the whole table anew",
        why="Unless the new type reads the old bytes as they are, each row and each index is written anew under ACCESS EXCLUSIVE: nobody reads or writes the table meanwhile, and it takes twice the space.",
        instead="a new column, kept up to date by a trigger and filled in batches, that takes over the name at the end",
        bad=(
            Example(_ALTER + "id TYPE bigint; -- finding", before=_USERS),
            Example(_ALTER + "email TYPE varchar(40); -- finding", before=_USERS),
            Example(_ALTER + "score TYPE numeric(8,3); -- finding", before=_USERS),
            Example(_ALTER + "seen TYPE timestamptz; -- finding", before=_USERS),
            Example(_ALTER + "seen TYPE timestamptz USING seen AT TIME ZONE 'UTC'; -- finding", before=_USERS),
            Example(_ALTER + "email TYPE text USING lower(email); -- finding", before=_USERS),
            Example("ALTER TABLE legacy ALTER COLUMN id TYPE bigint; -- finding", runs="legacy is older than all migrations"),
            Example(_ALTER + "email TYPE text; -- finding", before=_USERS + "\nCREATE INDEX idx_users_known ON users (email) WHERE email IS NOT NULL;"),
            Example(_ALTER + "email TYPE text; -- finding", before=_USERS + "\nALTER TABLE users ADD CONSTRAINT users_email CHECK (email <> '');"),
        ),
        good=(
            Example(_ALTER + "email TYPE varchar(80);", before=_USERS),
            Example(_ALTER + "email TYPE text;", before=_USERS + "\nCREATE UNIQUE INDEX idx_users_email ON users (email);"),
            Example(_ALTER + "email TYPE text USING email::text;", before=_USERS),
            Example(_ALTER + "score TYPE numeric(8,2);\n" + _ALTER + "score TYPE numeric;", before=_USERS),
            Example("SET LOCAL timezone = 'UTC';\n" + _ALTER + "seen TYPE timestamptz;", before=_USERS),
            Example("CREATE DOMAIN mail AS varchar(50);\n" + _ALTER + "email TYPE mail;", before=_USERS),
            Example("ALTER TABLE legacy ALTER COLUMN name TYPE text;", runs="legacy is older than all migrations"),
            Example("CREATE TABLE teams (id int);\nALTER TABLE teams ALTER COLUMN id TYPE bigint;"),
        ),
    ),
    Rule(
        name="table-rewrite", family="locking", severity=Severity.ERROR, on=(AlterTableOther, Maintenance, SetExpression), check=_table_rewrite, words=("alter", "vacuum", "cluster"),
        summary="a statement that writes a whole table in use anew",
        why="VACUUM FULL, CLUSTER and changes of where and how a table is stored copy all of it under ACCESS EXCLUSIVE: nobody reads or writes it until the copy is complete.",
        instead="VACUUM users; it gives the space of dead rows to new ones without keeping anybody waiting",
        bad=(
            Example(_HEAD + "VACUUM FULL users; -- finding\n", before=_USERS),
            Example(_HEAD + "VACUUM (FULL, ANALYZE); -- finding\n", before=_USERS),
            Example("CLUSTER users USING users_pkey; -- finding", before=_USERS),
            Example("ALTER TABLE users SET UNLOGGED; -- finding", before=_USERS),
            Example("ALTER TABLE users SET TABLESPACE pg_default; -- finding", before=_USERS),
        ),
        good=(
            Example(_HEAD + "VACUUM (ANALYZE) users;\n", before=_USERS),
            Example(_USERS + "\nALTER TABLE users SET UNLOGGED;\nCLUSTER users USING users_pkey;"),
            Example("ALTER TABLE users SET (fillfactor = 70);\nALTER TABLE users CLUSTER ON users_pkey;\nALTER TABLE users REPLICA IDENTITY FULL;", before=_USERS),
        ),
    ),
    Rule(
        name="partition-attach-scan", family="locking", severity=Severity.WARNING, on=(AttachPartition,), check=_partition_attach_scan, words=("attach",),
        summary="a table is attached as a partition with nothing that proves where its rows belong",
        why="ATTACH PARTITION reads all rows of the new partition under ACCESS EXCLUSIVE on it. A validated CHECK that says the same as the bounds spares it that.",
        instead="ALTER TABLE february ADD CONSTRAINT february_bounds CHECK (at IS NOT NULL AND at >= '2025-02-01' AND at < '2025-03-01') NOT VALID; VALIDATE it in a later migration, then attach",
        bad=(Example(_ATTACH + " -- finding", before=_EVENTS),),
        good=(
            Example(_ATTACH, before=_EVENTS + "\nALTER TABLE february ADD CONSTRAINT february_bounds CHECK (at IS NOT NULL AND at >= '2025-02-01' AND at < '2025-03-01');"),
            Example("CREATE TABLE march (LIKE events);\nALTER TABLE events ATTACH PARTITION march FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');", before=_EVENTS),
            Example("ALTER INDEX idx_events_at ATTACH PARTITION idx_january_at;", before=_EVENTS + "\nCREATE INDEX idx_events_at ON ONLY events (at);\nCREATE INDEX idx_january_at ON january (at);"),
        ),
    ),
    Rule(
        name="partition-detach", family="locking", severity=Severity.WARNING, on=(DetachPartition,), check=_partition_detach, words=("detach",),
        summary="a partition is detached without CONCURRENTLY",
        why="DETACH PARTITION takes ACCESS EXCLUSIVE on the partitioned table. It waits for the longest query on any partition, and everybody else waits behind it.",
        instead="ALTER TABLE events DETACH PARTITION january CONCURRENTLY;",
        bad=(Example("ALTER TABLE events DETACH PARTITION january; -- finding", before=_EVENTS),),
        good=(
            Example(_HEAD + "ALTER TABLE events DETACH PARTITION january CONCURRENTLY;\n", before=_EVENTS),
            Example(_EVENTS + "\nALTER TABLE events DETACH PARTITION january;"),
        ),
    ),
)
# fmt: on
