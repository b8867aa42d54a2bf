"""Rows that are there already and refuse a change."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    AlterColumnType,
    CreateIndex,
    DropColumn,
    Example,
    Name,
    Rename,
    Rule,
    SetNotNull,
    Severity,
    WriteRows,
    narrows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from elf_sqlcheck.rule import Change, Column, Context, Expression, Finding, Table

    _Judged = Context[AddColumn | SetNotNull] | Context[AddConstraint | CreateIndex]

_ZERO = {"bool": "false", "date": "CURRENT_DATE", "timestamp": "now()", "timestamptz": "now()", "uuid": "gen_random_uuid()",
         "json": "'{}'", "jsonb": "'{}'", "text": "''", "varchar": "''"}  # fmt: skip
_LARGEST = {"int2": "32767", "int4": "2147483647", "int8": "9223372036854775807"}
#: Types that values are made to fit silently.
_ROUNDED = {
    "numeric": "digits are rounded away, for good, and a value too large stops the statement",
    "float4": "digits are rounded away, for good",
    "date": "the time of day is cut off, for good",
    "timestamp": "fractions of a second are rounded away, for good",
    "timestamptz": "fractions of a second are rounded away, for good",
    "time": "what does not fit is cut off, for good",
}
_NUMBERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})


def _wrote_before(context: _Judged, table: Name) -> bool:
    """Whether an earlier statement of the section updates or deletes rows of the table, or may."""
    end = context.change.statement.span.start
    full = context.now.resolve(table)
    for change in context.once(_writes):
        if change.statement.span.start >= end:
            return False
        if change.statement.kind in _HIDDEN:
            return True
        if isinstance(change, WriteRows) and context.now.resolve(change.table) == full:
            return True
    return False


_HIDDEN = frozenset({"DoStmt", "CallStmt"})


def _writes(context: Context[Any]) -> list[Change]:
    """The changes that update or delete rows, or may do so unseen."""
    return [
        change
        for change in context.changes
        if change.statement.kind in _HIDDEN or (isinstance(change, WriteRows) and change.kind != "insert")
    ]


def _is_emptied(context: _Judged, table: Name) -> bool:
    """Whether the last thing that this migration did to the rows of the table was to delete them all."""
    end = context.change.statement.span.start
    full = context.now.resolve(table)
    empty = False
    for change in context.of(WriteRows):
        if change.statement.span.start >= end:
            break
        if context.now.resolve(change.table) == full:
            empty = change.kind == "truncate" or (change.kind == "delete" and not change.filtered)
    return empty


def _is_new(context: _Judged, table: Name, column: str) -> bool:
    """Whether this migration adds the column, without a default, so that it is NULL in every row."""
    now, before = context.now.table(table), context.before.table(table)
    found = now.column(column) if now else None
    if found is None or (before is not None and before.column(column) is not None):
        return False
    return _is_null_everywhere(found)


def _is_null_everywhere(column: Column) -> bool:
    filled = column.identity or column.generated or column.type.is_serial
    return not filled and (column.default is None or column.default.text.startswith("NULL"))


def _not_null_without_default(context: Context[AddColumn | SetNotNull]) -> Iterator[Finding]:
    change = context.change
    table = change.table
    if isinstance(change, SetNotNull):
        name = change.column
        if not context.may_have_rows(table) or not _is_new(context, table, name) or _wrote_before(context, table):
            return
        now = context.now.table(table)
        column = now.column(name) if now else None
    else:
        column, name = change.column, change.column.name
        if not column.not_null or not _is_null_everywhere(column) or not context.may_have_rows(table):
            return
        now = context.now.table(table)
        if (change.if_not_exists and now is not None and now.column(name)) or _has_own_default(context, column):
            return
    if column is None or _is_emptied(context, table):
        return
    zero = "0" if column.type.name in _NUMBERS else _ZERO.get(column.type.name, "<value>")
    message = f"{table}.{quoted(name)} is NOT NULL and has no default: as soon as {table} has one row, the statement fails, since that row would hold NULL"
    instead = f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {column.type} NOT NULL DEFAULT {zero}; or add it without NOT NULL, fill it, and set NOT NULL in a later migration"
    yield context.finding(message, instead=instead)


def _has_own_default(context: Context[AddColumn | SetNotNull], column: Column) -> bool:
    """Whether its type is a domain that brings a default, or may be one that no migration made."""
    if column.type.dimensions:
        return False
    full = context.now.resolve(Name(column.type.schema, column.type.name), "type")
    found = context.now.get(("type", full.schema or "", full.name))
    return getattr(found, "default", None) is not None or (column.type.schema is not None and found is None)


def _constraint_may_fail(context: Context[AddConstraint | CreateIndex]) -> Iterator[Finding]:
    change = context.change
    table = change.table
    if isinstance(change, CreateIndex):
        if not change.unique or change.concurrently:  # nobody waits for it, and it can be tried again
            return
        key = tuple(column.name or "" for column in change.columns)
        kind, distinct = "unique", change.nulls_not_distinct
    else:
        constraint = change.constraint
        if constraint.not_valid or not constraint.enforced or constraint.using_index or constraint.kind == "not null":
            return
        key, kind, distinct = constraint.columns, constraint.kind, constraint.nulls_not_distinct
    if not context.may_have_rows(table) or _wrote_before(context, table):
        return
    if kind == "check" and isinstance(change, AddConstraint) and change.constraint.expression:
        key = change.constraint.expression.columns
    if kind != "primary key" and not distinct and any(_is_new(context, table, column) for column in key):
        return
    before = context.before.table(table)
    if before is not None and _held_already(context, before, key):
        return
    rows, query = _offenders(context, kind, key)
    name = change.name if isinstance(change, CreateIndex) else change.constraint.name
    what = (
        "the unique index"
        if isinstance(change, CreateIndex)
        else f"the {kind if kind != 'exclude' else 'exclusion'} constraint"
    )
    message = f"{what}{f' {quoted(name)}' if name else ''} fails if {table} holds {rows}, and the whole deployment stops there"
    yield context.finding(message, change.span, instead=f"look first: {query}")


def _held_already(context: Context[AddConstraint | CreateIndex], before: Table, key: tuple[str, ...]) -> bool:
    """Whether a constraint or an index from before the migration made sure of it."""
    change = context.change
    if isinstance(change, CreateIndex) or change.constraint.kind in {"unique", "primary key"}:
        where = change.where if isinstance(change, CreateIndex) else None
        unique = [i for i in before.indexes.values() if i.unique and (i.where is None or i.where == where)]
        held = any(set(key) >= {column.name for column in i.columns} for i in unique)
        kept = isinstance(change, CreateIndex) or change.constraint.kind == "unique"
        return held and (kept or all((column := before.column(name)) and column.not_null for name in key))
    new = change.constraint
    old = [c for c in before.constraints.values() if c and c.kind == new.kind and not c.not_valid and c.enforced]
    if new.kind == "foreign key":
        target = context.now.resolve(new.references) if new.references else None
        return any(c.columns == key and c.references == target and c.ref_columns == new.ref_columns for c in old)
    return any(_implies(c.expression, new.expression) for c in old)


def _implies(old: Expression | None, new: Expression | None) -> bool:
    """Whether two conditions are the same, or two lists of allowed values of which the new one has all of the old."""
    if old is None or new is None or old.text == new.text:
        return old == new
    (one, _, values), (other, _, allowed) = old.text.partition(" IN ("), new.text.partition(" IN (")
    return bool(values) and one == other and set(_items(values)) <= set(_items(allowed))


def _items(listed: str) -> list[str]:
    return listed.removesuffix(")").split(", ")


def _offenders(context: Context[AddConstraint | CreateIndex], kind: str, key: Sequence[str]) -> tuple[str, str]:
    """What rows break a constraint, and a query that shows them."""
    change = context.change
    table, columns = change.table, ", ".join(quoted(column) for column in key)
    if kind in {"unique", "primary key"} and all(key):
        where = f" WHERE {change.where.text}" if isinstance(change, CreateIndex) and change.where else ""
        rows = f"two rows with the same {columns}" + (", or one with NULL there" if kind == "primary key" else "")
        return rows, f"SELECT {columns}, count(*) FROM {table}{where} GROUP BY {columns} HAVING count(*) > 1;"
    if isinstance(change, AddConstraint) and kind == "foreign key":
        parent = change.constraint.references
        target = context.now.table(parent) if parent else None
        referred = change.constraint.ref_columns or (
            target.primary_key.columns if target and target.primary_key else ("id",)
        )
        pairs = " AND ".join(f"p.{quoted(b)} = c.{quoted(a)}" for a, b in zip(key, referred, strict=False))
        filled = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key)
        return (
            f"a row whose ({columns}) is in no row of {parent}",
            f"SELECT count(*) FROM {table} c WHERE {filled} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {pairs});",
        )
    if isinstance(change, AddConstraint) and change.constraint.expression:
        text = change.constraint.expression.text
        return f"a row for which {text} is false", f"SELECT count(*) FROM {table} WHERE NOT ({text});"
    return "rows that collide under it", f"run it against a copy of {table} first"


def _narrowing_type(context: Context[AlterColumnType]) -> Iterator[Finding]:
    change = context.change
    table = change.table
    now, before = context.now.table(table), context.before.table(table)
    column = now.column(change.column) if now else None
    if column is None or not context.may_have_rows(table) or not narrows(column.type, change.type, context.now):
        return
    if before is None or before.column(change.column) is None or _is_made_anew(context):
        return  # the column is as new as its values
    if change.using and (change.using.functions or "CASE" in change.using.text):
        return  # what the expression makes of the values is not known
    name = quoted(change.column)
    outcome = _ROUNDED.get(change.type.name, "the statement fails on the first value that does not fit")
    if change.type.name == "numeric" and column.type.name not in {"numeric", "float4", "float8"}:
        outcome = "the statement fails on the first value that does not fit"
    message = f"{table}.{name} becomes {change.type}, which does not hold all that {column.type} does: {outcome}"
    new = quoted(f"{change.column}_new")
    instead = f"{_misfits(change, name)}; where there may be such rows: ALTER TABLE {table} ADD COLUMN {new} {change.type}; fill it in batches, and let a release use it before {name} goes"
    yield context.finding(message, change.span, instead=instead)


def _is_made_anew(context: Context[AlterColumnType]) -> bool:
    """Whether the column has taken the place, or the name, of one that this migration drops or renames."""
    change = context.change
    table = context.now.resolve(change.table)
    for other in context.of(DropColumn, Rename):
        if context.place_of(other) > context.place:
            return False
        if isinstance(other, DropColumn):
            same = other.column == change.column and context.now.resolve(other.table) == table
        else:
            same = (other.kind, other.to) == ("column", change.column)
            same = same and context.now.resolve(other.name) == table
        if same:
            return True
    return False


def _misfits(change: AlterColumnType, name: str) -> str:
    """How to look for the values that do not fit."""
    kind, limit = change.type, change.type.modifiers
    if kind.name in {"varchar", "bpchar"} and limit:
        condition = f"length({name}::text) > {limit[0]}"
    elif kind.name in _LARGEST:
        condition = f"abs({name}::numeric) > {_LARGEST[kind.name]}"
    else:
        condition = f"{name}::text IS DISTINCT FROM {name}::{kind}::text"
    return f"look first: SELECT count(*) FROM {change.table} WHERE {condition};"


_ORDERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text);\nCREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid, state text, total numeric, CONSTRAINT check_orders_state CHECK (state IN ('new', 'paid')), CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users);"
_NARROW = "CREATE TABLE orders (id uuid PRIMARY KEY, note varchar(50), number bigint, total numeric(12, 4), placed timestamptz, code varchar, lines integer);"

# fmt: off
RULES = (
    Rule(
        name="not-null-without-default", family="data", severity=Severity.ERROR, on=(AddColumn, SetNotNull), check=_not_null_without_default,
        summary="a NOT NULL column without a default, added to a table with rows",
        why="It passes on the empty tables of a test, and fails on the first one that has a row: the deployment stops half-way, in production and nowhere else.",
        instead="ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'new';",
        bad=(
            Example("ALTER TABLE orders ADD COLUMN channel text NOT NULL; -- finding", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN number integer NOT NULL DEFAULT NULL; -- finding\nALTER TABLE users ADD COLUMN key uuid UNIQUE NOT NULL; -- finding", before=_ORDERS),
            Example("CREATE TABLE plans (name text);\nINSERT INTO plans VALUES ('free');\nALTER TABLE plans ADD COLUMN id uuid PRIMARY KEY; -- finding", runs="Postgres refuses it: column id contains null values"),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nALTER TABLE orders ALTER COLUMN channel SET NOT NULL; -- finding", before=_ORDERS),
        ),
        good=(
            Example("ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web', ADD COLUMN note text;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN serial_number serial NOT NULL, ADD COLUMN tax numeric GENERATED ALWAYS AS (total / 5) STORED NOT NULL;", before=_ORDERS),
            Example("CREATE TABLE lines (id uuid PRIMARY KEY);\nALTER TABLE lines ADD COLUMN order_id uuid NOT NULL;"),
            Example("CREATE DOMAIN flag AS boolean DEFAULT false;\nALTER TABLE orders ADD COLUMN urgent flag NOT NULL;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nUPDATE orders SET channel = 'web';\nALTER TABLE orders ALTER COLUMN channel SET NOT NULL;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN IF NOT EXISTS state text NOT NULL;", before=_ORDERS),
            Example("DELETE FROM orders;\nALTER TABLE orders ADD COLUMN channel text NOT NULL;", before=_ORDERS),
        ),
    ),
    Rule(
        name="constraint-may-fail", family="data", severity=Severity.WARNING, on=(AddConstraint, CreateIndex), check=_constraint_may_fail,
        summary="a constraint over rows that are there already",
        why="It holds for the rows of a test. One row of production that breaks it stops the deployment, after the table has been locked and read.",
        instead="look for such rows first; for a check or a foreign key: ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later migration",
        bad=(
            Example("ALTER TABLE users ADD CONSTRAINT uq_users_email UNIQUE (email); -- finding", before=_ORDERS),
            Example("CREATE UNIQUE INDEX idx_users_email ON users (lower(email)); -- finding", before=_ORDERS),
            Example("ALTER TABLE orders ADD CONSTRAINT check_orders_total CHECK (total >= 0); -- finding", before=_ORDERS),
            Example("ALTER TABLE orders ADD CONSTRAINT fk_orders_state FOREIGN KEY (state) REFERENCES states (name); -- finding", before=_ORDERS + "\nCREATE TABLE states (name text PRIMARY KEY);"),
            Example("ALTER TABLE orders DROP CONSTRAINT check_orders_state;\nALTER TABLE orders ADD CONSTRAINT check_orders_state CHECK (state IN ('new', 'sent')); -- finding", before=_ORDERS),
        ),
        good=(
            Example("CREATE UNIQUE INDEX CONCURRENTLY idx_users_email ON users (email);", before=_ORDERS),
            Example("ALTER TABLE orders ADD CONSTRAINT check_orders_total CHECK (total >= 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT check_orders_total;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN coupon text UNIQUE, ADD COLUMN owner_id uuid REFERENCES users, ADD CONSTRAINT check_orders_coupon CHECK (coupon <> '');", before=_ORDERS),
            Example("ALTER TABLE orders DROP CONSTRAINT check_orders_state;\nALTER TABLE orders ADD CONSTRAINT check_orders_state CHECK (state IN ('new', 'paid', 'sent'));", before=_ORDERS),
            Example("ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id;\nALTER TABLE orders ADD CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;", before=_ORDERS),
            Example("CREATE TABLE plans (id uuid, name text);\nALTER TABLE plans ADD CONSTRAINT uq_plans_name UNIQUE (name);\nCREATE UNIQUE INDEX idx_plans_id ON plans (id);"),
            Example("DELETE FROM users a USING users b WHERE a.email = b.email AND a.id > b.id;\nCREATE UNIQUE INDEX idx_users_email ON users (email);", before=_ORDERS),
            Example("CREATE UNIQUE INDEX idx_orders_id_state ON orders (id, state);\nCREATE INDEX idx_orders_state ON orders (state);", before=_ORDERS),
        ),
    ),
    Rule(
        name="narrowing-type", family="data", severity=Severity.ERROR, on=(AlterColumnType,), check=_narrowing_type,
        summary="a column that gets a type which its values may not fit",
        why="It passes on the rows of a test. In production one value that is too long or too large stops the deployment after minutes under ACCESS EXCLUSIVE; where Postgres rounds or cuts, what is lost is lost, and no rollback brings it back.",
        instead="look for values that do not fit first; else add a column of the new type and move over to it",
        bad=(
            Example("ALTER TABLE orders ALTER COLUMN note TYPE varchar(20); -- finding\nALTER TABLE orders ALTER COLUMN number TYPE integer; -- finding", before=_NARROW),
            Example("ALTER TABLE orders ALTER total TYPE numeric(10, 2), -- finding\n    ALTER placed SET DATA TYPE date; -- finding", before=_NARROW),
            Example("ALTER TABLE orders ALTER COLUMN code TYPE integer USING code::integer; -- finding", before=_NARROW),
        ),
        good=(
            Example("ALTER TABLE orders ALTER COLUMN note TYPE varchar(255), ALTER COLUMN code TYPE text, ALTER COLUMN total TYPE numeric(14, 4), ALTER COLUMN lines TYPE bigint;", before=_NARROW),
            Example("CREATE TABLE drafts (n bigint, note text);\nALTER TABLE drafts ALTER COLUMN n TYPE integer;"),
            Example("ALTER TABLE orders ALTER COLUMN code TYPE jsonb USING to_jsonb(code), ALTER COLUMN note TYPE varchar(10) USING left(note, 10);", before=_NARROW),
            Example("ALTER TABLE orders ADD COLUMN state text;\nALTER TABLE orders ALTER COLUMN state TYPE varchar(20);", before=_NARROW),
            Example("CREATE TYPE size AS ENUM ('s', 'm');\nALTER TABLE orders ADD COLUMN code_new text;\nALTER TABLE orders DROP COLUMN code;\nALTER TABLE orders RENAME COLUMN code_new TO code;\nALTER TABLE orders ALTER COLUMN code TYPE size USING code::size;", before=_NARROW),
            Example("ALTER TABLE orders ALTER COLUMN legacy_code TYPE varchar(10);", before=_NARROW, runs="the column is older than all migrations, and so is its type"),
        ),
    ),
)
