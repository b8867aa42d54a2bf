"""Statements that throw data away: dropped tables, columns, schemas and databases, emptied tables, CASCADE."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AlterSystem,
    CreateDomain,
    CreateEnum,
    CreateFunction,
    CreateSchema,
    CreateSequence,
    CreateType,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    Example,
    Name,
    Rule,
    Severity,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from elf_sqlcheck.rule import Context, Finding

    _Dropping = Context[Drop | DropColumn | DropConstraint]

_TABLES = frozenset({"table", "foreign table"})
_RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
#: Nothing depends on these, so CASCADE takes nothing along.
_ALONE = frozenset({"trigger", "policy", "rule", "role", "event trigger", "publication", "subscription", "database"})
_MAKERS = (CreateDomain, CreateEnum, CreateFunction, CreateSchema, CreateSequence, CreateType, CreateView)
_NAMED = 5


def _is_there(context: _Dropping, change: Drop) -> bool:
    """Whether a relation is older than the migration, and may be there still."""
    schema, name = context.now, change.name
    if schema.is_absent("relation", name) or not context.is_older(name):
        return False
    return not (change.if_exists and _was_never_made(context, name))


def _was_never_made(context: _Dropping, name: Name) -> bool:
    """Whether it is certain that there is no such relation: no migration made it, though they made the others."""
    full = context.now.resolve(name)
    if context.now.relation(full) is not None or context.before.is_referred_to(full):
        return False
    return context.made_tables(full.schema) and not context.hold_words(f"table {full.name}")


def _drop_table(context: Context[Drop]) -> Iterator[Finding]:
    change = context.change
    if change.kind not in _TABLES or not _is_there(context, change):
        return
    table = context.now.table(change.name)
    rows = (
        "all of its rows"
        if table is None or not table.partition_of
        else f"its part of the rows of {table.partition_of}"
    )
    if change.kind == "foreign table":
        message = f"DROP FOREIGN TABLE {change.name} takes the access to the rows that are elsewhere; what still queries it fails at once"
    else:
        message = f"DROP TABLE {change.name} deletes {rows} for good, and what still queries it fails at once"
    instead = f"once no release uses {change.name} and its rows are kept elsewhere: -- elf: allow drop-table -- <where they are kept>"
    yield context.finding(message, instead=instead)


def _drop_column(context: Context[DropColumn]) -> Iterator[Finding]:
    change = context.change
    now = context.now.table(change.table)
    if not context.is_older(change.table) or context.now.is_absent("relation", change.table):
        return
    if now is not None:
        column = now.column(change.column)
        before = context.before.table(now.name)
        made_here = column is not None and (before is None or before.column(change.column) is None)
        gone = column is None and (change.column in now.columns or (now.known and now.complete and not now.inherits))
        if made_here or gone:
            return
    name = f"{change.table}.{quoted(change.column)}"
    message = (
        f"dropping {name} deletes its value in every row for good, and the release that runs now fails in each query "
        "that names it"
    )
    instead = f"release code that no longer uses {name} first; then: -- elf: allow drop-column -- <the release that stopped using it>"
    yield context.finding(message, instead=instead)


def _drop_schema(context: Context[Drop]) -> Iterator[Finding]:
    change = context.change
    name = change.name
    if change.kind != "schema" or context.now.is_absent("schema", name) or _is_made_here(context, name):
        return
    if not change.cascade:
        message = f"DROP SCHEMA {name} fails unless it is empty, and what has it in its search_path finds nothing there any more"
        instead = f"drop what is in it one by one, then: -- elf: allow drop-schema -- {name} is empty"
        yield context.finding(message, instead=instead, severity=Severity.WARNING)
        return
    tables = [str(table.name) for table in context.now.tables_of(name.name)]
    inside = f": {_listed([f'table {table}' for table in tables])}" if tables else ""
    message = f"DROP SCHEMA {name} CASCADE deletes all that is in it, with all rows{inside}"
    yield context.finding(message, instead=f"drop what is in {name} one by one, and then DROP SCHEMA {name};")


def _drop_database(context: Context[AlterSystem]) -> Iterator[Finding]:
    if context.change.what == "DROP DATABASE":
        yield context.finding(f"{context.text(context.change.statement.span)} deletes a whole database for good")


def _truncate(context: Context[WriteRows]) -> Iterator[Finding]:
    change = context.change
    table = change.table
    if change.kind != "truncate" or context.now.is_absent("relation", table) or not context.is_older(table):
        return
    message = f"TRUNCATE {table} deletes every row of it for good, and everything that reads or writes it waits"
    if change.cascade:
        known = sorted({str(one.name) for one in context.now.dependants("table", table) if one.kind == "constraint"})
        message += f"; CASCADE empties every table that refers to it as well{': ' + _listed(known) if known else ''}"
    yield context.finding(message, instead=f"DELETE FROM {table} WHERE …;")


def _is_made_here(context: _Dropping, name: Name) -> bool:
    """Whether an earlier statement of the migration makes what is dropped."""
    first = context.once(_made).get(name.name)
    return first is not None and first < context.change.statement.span.start


def _made(context: Context[Any]) -> dict[str | None, int]:
    """Where each name is given to something for the first time."""
    found: dict[str | None, int] = {}
    for change in context.of(*_MAKERS):
        name = change.name if isinstance(change.name, str | None) else change.name.name
        found.setdefault(name, change.statement.span.start)
    return found


def _drop_cascade(context: _Dropping) -> Iterator[Finding]:
    change = context.change
    if not change.cascade:
        return
    if isinstance(change, Drop):
        kind, name, part = change.kind, change.name, None
        if kind in _ALONE or _is_made_here(context, name) or _is_gone(context, change):
            return
        what, plain = f"{kind} {name}", f"DROP {kind.upper()} {name};"
    else:
        name, part = change.table, change.column if isinstance(change, DropColumn) else change.name
        kind = "column" if isinstance(change, DropColumn) else "constraint"
        if not context.is_older(name) or context.now.is_absent("relation", name):
            return
        what = f"{kind} {name}.{quoted(part)}"
        plain = f"ALTER TABLE {name} DROP {kind.upper()} {quoted(part)};"
    known = context.now.dependants(kind, name, part)
    if kind == "schema":  # what is in it, drop-schema tells
        known = [
            d
            for inside in known
            for d in context.now.dependants(inside.kind, inside.name)
            if d.name.schema != name.name
        ]
    message = f"CASCADE drops whatever depends on {what} along with it, and nobody is asked"
    message += f"; known are {_listed([str(one) for one in known])}" if known else ""
    yield context.finding(message, instead=f"name what is to go in statements of its own, then: {plain}")


def _is_gone(context: _Dropping, change: Drop) -> bool:
    """Whether it is new in this migration, or there is nothing to drop."""
    if change.kind in _RELATIONS:
        return not _is_there(context, change)
    kind = "type" if change.kind == "domain" else change.kind
    return kind in {"schema", "type"} and context.now.is_absent(kind, change.name)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


_ORDERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text);\nCREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid CONSTRAINT fk_orders_user_id REFERENCES users, note text);\nCREATE VIEW open_orders AS SELECT id FROM orders;"
_KEPT = "Rows that are gone can only come back from a backup, hours later and without what was written since."

# fmt: off
RULES = (
    Rule(
        name="drop-table", family="data", severity=Severity.ERROR, on=(Drop,), check=_drop_table,
        summary="a table that is dropped with its rows",
        why=f"{_KEPT} A rollback makes the table anew, and empty. The release that is still running fails in each query that names it.",
        instead="let a release that no longer uses the table run first, and keep its rows elsewhere",
        bad=(
            Example("DROP TABLE orders; -- finding", before="CREATE TABLE orders (id uuid PRIMARY KEY);"),
            Example("DROP TABLE IF EXISTS public.orders, invoices; -- finding", before="CREATE TABLE orders (id uuid PRIMARY KEY);\nCREATE TABLE invoices (id uuid PRIMARY KEY);"),
            Example("DROP TABLE IF EXISTS legacy; -- finding"),
            Example("ALTER TABLE events DETACH PARTITION events_2024;\nDROP TABLE events_2024; -- finding", before="CREATE TABLE events (at timestamptz) PARTITION BY RANGE (at);\nCREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"),
            Example("BEGIN;\nDROP TABLE orders; -- finding\nCREATE TABLE orders (id uuid PRIMARY KEY);\nCOMMIT;", before="CREATE TABLE orders (id bigint PRIMARY KEY);"),
        ),
        good=(
            Example("-- ==== UP MIGRATION ====\nCREATE TABLE orders (id uuid PRIMARY KEY);\n\n-- ==== DOWN MIGRATION ====\nDROP TABLE IF EXISTS orders;\n"),
            Example("CREATE TABLE staging (id uuid);\nINSERT INTO orders SELECT id FROM staging;\nDROP TABLE staging;", before="CREATE TABLE orders (id uuid PRIMARY KEY);"),
            Example("CREATE TEMPORARY TABLE work AS SELECT id FROM orders;\nDROP TABLE work;", before="CREATE TABLE orders (id uuid PRIMARY KEY);"),
            Example("DROP TABLE IF EXISTS order_lines;\nCREATE TABLE order_lines (id uuid PRIMARY KEY);", before="CREATE TABLE orders (id uuid PRIMARY KEY);"),
            Example("DROP TABLE IF EXISTS old_orders;", before="CREATE TABLE old_orders (id uuid);\nDROP TABLE old_orders;"),
            Example("DROP VIEW open_orders;\nDROP MATERIALIZED VIEW order_totals;\nDROP INDEX idx_orders_note;", before=_ORDERS + "\nCREATE MATERIALIZED VIEW order_totals AS SELECT count(*) FROM orders;\nCREATE INDEX idx_orders_note ON orders (note);"),
        ),
    ),
    Rule(
        name="drop-column", family="data", severity=Severity.ERROR, on=(DropColumn,), check=_drop_column,
        summary="a column that is dropped with its values",
        why=f"{_KEPT} A rollback adds the column again, and empty. The release that is still running fails in each query that names it, and so does each prepared SELECT *.",
        instead="let a release that no longer uses the column run first, and keep its values elsewhere",
        bad=(
            Example("ALTER TABLE orders DROP COLUMN note; -- finding", before=_ORDERS),
            Example("ALTER TABLE public.orders\n    ADD COLUMN remark text,\n    DROP COLUMN IF EXISTS note CASCADE; -- finding", before=_ORDERS),
            Example("ALTER TABLE legacy DROP COLUMN IF EXISTS note; -- finding", runs="legacy is older than all migrations"),
        ),
        good=(
            Example("ALTER TABLE orders ADD COLUMN draft text;\nALTER TABLE orders DROP COLUMN draft;", before=_ORDERS),
            Example("CREATE TABLE lines (id uuid PRIMARY KEY, note text);\nALTER TABLE lines DROP COLUMN note;"),
            Example("ALTER TABLE orders DROP COLUMN IF EXISTS nothing_of_the_kind;", before=_ORDERS),
            Example("ALTER TABLE orders DROP COLUMN IF EXISTS note;", before=_ORDERS + "\nALTER TABLE orders DROP COLUMN note;"),
            Example("ALTER TABLE orders ALTER COLUMN note DROP NOT NULL, ALTER COLUMN note DROP DEFAULT;", before=_ORDERS),
        ),
    ),
    Rule(
        name="drop-schema", family="data", severity=Severity.ERROR, on=(Drop,), check=_drop_schema,
        summary="a schema that is dropped with all that is in it",
        why=f"CASCADE deletes every table of the schema, those too that were made by hand or by others. {_KEPT}",
        instead="drop what is in it one by one, each when nothing uses it any more, and the empty schema last",
        bad=(
            Example("DROP SCHEMA reporting CASCADE; -- finding", before="CREATE SCHEMA reporting;\nCREATE TABLE reporting.totals (id uuid PRIMARY KEY);"),
            Example("DROP SCHEMA IF EXISTS reporting; -- finding", before="CREATE SCHEMA reporting;"),
        ),
        good=(
            Example("CREATE SCHEMA work;\nCREATE TABLE work.rows (id uuid);\nDROP SCHEMA work CASCADE;"),
            Example("DROP SCHEMA IF EXISTS reporting CASCADE;", before="CREATE SCHEMA reporting;\nDROP SCHEMA reporting;"),
        ),
    ),
    Rule(
        name="drop-database", family="data", severity=Severity.ERROR, on=(AlterSystem,), check=_drop_database,
        summary="a database that is dropped",
        why="All schemas and all rows of it are gone at once, whoever they belong to; only a backup of the whole server brings them back.",
        instead="leave it to whoever runs the server, by hand and with a backup at hand",
        bad=(
            Example("DROP DATABASE IF EXISTS analytics; -- finding"),
        ),
        good=(
            Example("COMMENT ON DATABASE analytics IS 'DROP DATABASE is for others';", runs="there is no database of that name"),
        ),
    ),
    Rule(
        name="truncate", family="data", severity=Severity.ERROR, on=(WriteRows,), check=_truncate, words=("truncate",),
        summary="a table that is emptied",
        why=f"{_KEPT} TRUNCATE takes ACCESS EXCLUSIVE, fires no DELETE trigger, and is at once visible to older snapshots: https://www.postgresql.org/docs/current/mvcc-caveats.html",
        instead="DELETE FROM orders WHERE …;",
        bad=(
            Example("TRUNCATE orders; -- finding", before=_ORDERS),
            Example("TRUNCATE TABLE users CASCADE; -- finding", before=_ORDERS),
            Example("TRUNCATE public.orders RESTART IDENTITY; -- finding", before=_ORDERS),
        ),
        good=(
            Example("CREATE TABLE lines (id uuid PRIMARY KEY);\nINSERT INTO lines SELECT id FROM orders;\nTRUNCATE lines;", before=_ORDERS),
            Example("CREATE TEMPORARY TABLE work (id uuid);\nTRUNCATE work;"),
            Example("REVOKE TRUNCATE ON orders FROM PUBLIC;", before=_ORDERS),
        ),
    ),
    Rule(
        name="drop-cascade", family="data", severity=Severity.ERROR, on=(Drop, DropColumn, DropConstraint), check=_drop_cascade,
        summary="CASCADE that drops what nobody named",
        why="Views, foreign keys, policies and defaults that depend on it are dropped without a word, those too that were made by hand. Without CASCADE Postgres refuses and lists them.",
        instead="name what is to go in statements of its own, and drop without CASCADE",
        bad=(
            Example("DROP TABLE users CASCADE; -- finding", before=_ORDERS),
            Example("ALTER TABLE orders -- finding\n    DROP COLUMN id CASCADE;", before=_ORDERS),
            Example("ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE; -- finding", before=_ORDERS),
            Example("DROP FUNCTION IF EXISTS touch() CASCADE; -- finding\nDROP TYPE mood CASCADE; -- finding", before="CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\nCREATE TYPE mood AS ENUM ('ok');"),
            Example("DROP EXTENSION IF EXISTS citext CASCADE; -- finding"),
            Example("DROP VIEW open_orders CASCADE; -- finding", before=_ORDERS + "\nCREATE VIEW urgent_orders AS SELECT id FROM open_orders;"),
        ),
        good=(
            Example("DROP VIEW open_orders;\nALTER TABLE orders DROP CONSTRAINT fk_orders_user_id;\nDROP TABLE users;", before=_ORDERS),
            Example("-- ==== UP MIGRATION ====\nCREATE TABLE lines (id uuid PRIMARY KEY);\n\n-- ==== DOWN MIGRATION ====\nDROP TABLE IF EXISTS lines CASCADE;\n"),
            Example("CREATE TABLE work (id uuid);\nDROP TABLE work CASCADE;\nCREATE TYPE step AS ENUM ('a');\nDROP TYPE step CASCADE;"),
            Example("DROP TRIGGER IF EXISTS touch ON orders CASCADE;\nDROP POLICY IF EXISTS own ON orders CASCADE;", before=_ORDERS),
            Example("DROP TABLE IF EXISTS order_lines CASCADE;\nCREATE TABLE order_lines (id uuid PRIMARY KEY);", before=_ORDERS),
            Example("ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id;\nALTER TABLE orders ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;", before=_ORDERS),
        ),
    ),
)
