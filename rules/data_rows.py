"""Rows that are there already and refuse a change."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    CreateIndex,
    Example,
    Name,
    Rule,
    SetNotNull,
    Severity,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.rule import Column, Context, Expression, Finding, Table

    _Judged = Context[AddColumn | SetNotNull] | Context[AddConstraint | CreateIndex]

_ZERO = {"bool": "false", "date": "CURRENT_DATE", "timestamp": "now()", "timestamptz": "now()", "uuid": "gen_random_uuid()",
         "json": "'{}'", "jsonb": "'{}'", "text": "''", "varchar": "''"}  # fmt: skip
_NUMBERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})


def _wrote_before(context: _Judged, table: Name) -> bool:
    """Whether an earlier statement of the section updates or deletes rows of the table, or may."""
    end = context.change.statement.span.start
    full = context.now.resolve(table)
    for change in context.changes:
        if change.statement.span.start >= end:
            return False
        if change.statement.kind in {"DoStmt", "CallStmt"}:
            return True
        if isinstance(change, WriteRows) and change.kind != "insert" and context.now.resolve(change.table) == full:
            return True
    return False


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
    if column is None:
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
        if not change.unique:
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
    message = f"{context.text(change.statement.span).split()[0].upper()} fails if {table} holds {rows}, and the whole deployment stops there"
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


_ORDERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text);\nCREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid, state text, total numeric, CONSTRAINT check_orders_state CHECK (state IN ('new', 'paid')), CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users);"

# fmt: off
RULES = (
    Rule(
        name="not-null-without-default", family="data", severity=Severity.ERROR, on=(AddColumn, SetNotNull), check=_not_null_without_default, words=("null", "primary"),
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
        ),
    ),
    Rule(
        name="constraint-may-fail", family="data", severity=Severity.WARNING, on=(AddConstraint, CreateIndex), check=_constraint_may_fail, words=("unique", "check", "foreign", "primary", "exclude"),
        summary="a constraint over rows that are there already",
        why="It holds for the rows of a test. One row of production that breaks it stops the deployment, after the table has been locked and read; CREATE UNIQUE INDEX CONCURRENTLY leaves an invalid index behind as well.",
        instead="look for such rows first; for a check or a foreign key: ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later migration",
        bad=(
            Example("ALTER TABLE users ADD CONSTRAINT uq_users_email UNIQUE (email); -- finding", before=_ORDERS),
            Example("CREATE UNIQUE INDEX CONCURRENTLY idx_users_email ON users (lower(email)); -- finding", before=_ORDERS),
            Example("ALTER TABLE orders ADD CONSTRAINT check_orders_total CHECK (total >= 0); -- finding", before=_ORDERS),
            Example("ALTER TABLE orders ADD CONSTRAINT fk_orders_state FOREIGN KEY (state) REFERENCES states (name); -- finding", before=_ORDERS + "\nCREATE TABLE states (name text PRIMARY KEY);"),
            Example("ALTER TABLE orders DROP CONSTRAINT check_orders_state;\nALTER TABLE orders ADD CONSTRAINT check_orders_state CHECK (state IN ('new', 'sent')); -- finding", before=_ORDERS),
        ),
        good=(
            Example("ALTER TABLE orders ADD CONSTRAINT check_orders_total CHECK (total >= 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT check_orders_total;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN coupon text UNIQUE, ADD COLUMN owner_id uuid REFERENCES users, ADD CONSTRAINT check_orders_coupon CHECK (coupon <> '');", before=_ORDERS),
            Example("ALTER TABLE orders DROP CONSTRAINT check_orders_state;\nALTER TABLE orders ADD CONSTRAINT check_orders_state CHECK (state IN ('new', 'paid', 'sent'));", before=_ORDERS),
            Example("ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id;\nALTER TABLE orders ADD CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;", before=_ORDERS),
            Example("CREATE TABLE plans (id uuid, name text);\nALTER TABLE plans ADD CONSTRAINT uq_plans_name UNIQUE (name);\nCREATE UNIQUE INDEX idx_plans_id ON plans (id);"),
            Example("DELETE FROM users a USING users b WHERE a.email = b.email AND a.id > b.id;\nCREATE UNIQUE INDEX idx_users_email ON users (email);", before=_ORDERS),
            Example("CREATE UNIQUE INDEX idx_orders_id_state ON orders (id, state);\nCREATE INDEX idx_orders_state ON orders (state);", before=_ORDERS),
        ),
    ),
)
