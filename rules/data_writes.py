"""Rows of older tables that a migration overwrites, deletes, or keeps locked."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    CreateIndex,
    CreatePolicy,
    Example,
    Rename,
    Rule,
    Severity,
    TableChange,
    ValidateConstraint,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Change, Context, Finding, Name

_ALWAYS = frozenset({"true", "1 = 1", "NOT false"})
#: What takes a lock on a table that keeps others waiting until the transaction ends.
_LOCKING = (TableChange, CreateIndex, Rename)


def _backfill_in_schema_change(context: Context[WriteRows]) -> Iterator[Finding]:
    found = _locked_meanwhile(context, context.change)
    if found is None:
        return
    number = context.transaction()
    for earlier in context.of(WriteRows):
        if earlier is context.change:
            break
        if context.transaction(earlier) == number and _locked_meanwhile(context, earlier):
            return  # the first of them is found: one remedy serves them all
    yield context.finding(_blocked(context, *found), instead=_in_batches(context.change))


def _locked_meanwhile(context: Context[WriteRows], change: WriteRows) -> tuple[Change, Name] | None:
    """What in the same transaction locks an older table while many rows of one are written: the change, the table."""
    if change.kind not in {"update", "delete", "merge"} and not (change.kind == "insert" and change.from_query):
        return None
    table = change.table
    if not context.is_busy(table) or _is_pinned(context, change):
        return None
    number = context.transaction(change)
    if number is None:
        return None
    for other in context.of(*_LOCKING):
        if isinstance(other, (ValidateConstraint, CreatePolicy)):
            continue
        locked = other.name if isinstance(other, Rename) else other.table
        same = context.now.resolve(locked) == context.now.resolve(table)
        earlier = other.statement.span.start < change.statement.span.start
        if (earlier or same) and context.is_busy(locked) and context.transaction(other) == number:
            return other, locked
    return None


def _blocked(context: Context[WriteRows], other: Change, locked: Name) -> str:
    change = context.change
    earlier = other.statement.span.start < change.statement.span.start
    line = context.migration.position(other.span.start)[0]
    words = (
        f"{change.kind.upper()} of {change.table} runs in one transaction with the change of {locked} in line {line}"
    )
    if earlier:
        return (
            f"{words}: its lock on {locked} is kept until every row is written, and whoever uses {locked} waits as long"
        )
    return f"{words}: the rows that are written stay locked until that has got its lock on {locked} and is done"


def _in_batches(change: WriteRows) -> str:
    if change.kind == "update" and change.columns:
        column = quoted(change.columns[0])
        rows = f"id IN (SELECT id FROM {change.table} WHERE {column} IS NULL LIMIT 1000)"
        return f"in a later migration, again and again until it finds no more rows: UPDATE {change.table} SET {column} = … WHERE {rows};"
    return f"a migration of its own, after this one, that writes {change.table} in batches"


def _is_pinned(context: Context[WriteRows], change: WriteRows) -> bool:
    """Whether the condition compares a whole key with values, so that it concerns some rows only."""
    if change.where is None:
        return False
    compared = set()
    for part in change.where.text.split(" AND "):
        left, sign, right = part.strip("()").partition(" = ")
        if not sign:
            left, sign, right = part.strip("()").partition(" IN (")
        if sign and (right[:1] in "'-" or right[:1].isdigit()):
            compared.add(left.rpartition(".")[2].strip('"'))
    table = context.now.table(change.table)
    keys = [{c.name for c in index.columns} for index in table.indexes.values() if index.unique] if table else []
    return any(key <= compared for key in keys or [{"id"}])


def _without_where(context: Context[WriteRows]) -> Iterator[Finding]:
    change = context.change
    table = change.table
    if change.kind != context.rule.name.partition("-")[0] or (
        change.filtered and (change.where is None or change.where.text not in _ALWAYS)
    ):
        return
    if context.now.is_absent("relation", table) or not context.is_older(table):
        return
    word = "has no condition that leaves a row out" if change.filtered else "has no WHERE"
    if change.kind == "delete":
        message = f"DELETE FROM {table} {word}: every row of it is gone with the commit"
        yield context.finding(message, instead=f"DELETE FROM {table} WHERE …;")
        return
    before = context.before.table(table)
    now = context.now.table(table)
    if now and all(now.column(name) and not (before and before.column(name)) for name in change.columns):
        return
    columns = ", ".join(quoted(column) for column in change.columns)
    message = (
        f"UPDATE {table} {word}: {columns} of every row is overwritten, and what was there is gone with the commit"
    )
    yield context.finding(
        message,
        instead=f"UPDATE {table} SET {quoted(change.columns[0])} = … WHERE {quoted(change.columns[0])} IS NULL;",
    )


_ORDERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text);\nCREATE TABLE orders (id uuid PRIMARY KEY, user_id uuid, state text, total numeric, CONSTRAINT check_orders_state CHECK (state IN ('new', 'paid')), CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users);"

# fmt: off
RULES = (
    Rule(
        name="backfill-in-schema-change", family="data", severity=Severity.WARNING, on=(WriteRows,), check=_backfill_in_schema_change,
        summary="rows of an older table written in one transaction with a change of its schema",
        why="ALTER TABLE takes ACCESS EXCLUSIVE and keeps it until the commit. While the rows are written nobody can even read the table, and a rollback has to undo all of it.",
        instead="write the rows in a migration of its own, in batches, after the schema has changed",
        bad=(
            Example("ALTER TABLE orders ADD COLUMN channel text;\nUPDATE orders SET channel = 'web' WHERE channel IS NULL; -- finding", before=_ORDERS),
            Example("BEGIN;\nALTER TABLE users ADD COLUMN spent numeric;\nUPDATE users SET spent = s.total FROM (SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id) s WHERE s.user_id = users.id; -- finding\nCOMMIT;", before=_ORDERS),
            Example("DELETE FROM orders WHERE total IS NULL; -- finding\nALTER TABLE orders ALTER COLUMN total SET NOT NULL;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nINSERT INTO users (id) SELECT user_id FROM orders; -- finding", before=_ORDERS),
        ),
        good=(
            Example("UPDATE orders SET state = 'new' WHERE state IS NULL;", before=_ORDERS),
            Example("-- Version: 20250102_000000\n-- Transaction: none\n-- ==== UP MIGRATION ====\nALTER TABLE orders ADD COLUMN channel text;\nUPDATE orders SET channel = 'web' WHERE channel IS NULL;\n", before=_ORDERS),
            Example("CREATE TABLE totals (user_id uuid PRIMARY KEY, total numeric);\nINSERT INTO totals SELECT user_id, sum(total) FROM orders WHERE user_id IS NOT NULL GROUP BY user_id;\nCREATE INDEX idx_totals_total ON totals (total);", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nUPDATE users SET email = 'a@example.org' WHERE id = '0190b2a0-0000-7000-8000-000000000000';\nINSERT INTO users (id) VALUES (gen_random_uuid());", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nUPDATE users SET email = lower(email) WHERE email <> lower(email);", before=_ORDERS, settings=(("table-sizes", {"public.users": 300}),)),
        ),
    ),
    Rule(
        name="update-without-where", family="data", severity=Severity.ERROR, on=(WriteRows,), check=_without_where, words=("update",),
        summary="an UPDATE that overwrites every row of an older table",
        why="The old values are gone with the commit, and no rollback brings them back. Each row is locked and written anew, index entries and all, in one go.",
        instead="UPDATE orders SET state = 'new' WHERE state IS NULL;",
        bad=(
            Example("UPDATE orders SET state = 'new'; -- finding", before=_ORDERS),
            Example("UPDATE public.orders AS o SET total = 0, state = 'new' WHERE true; -- finding", before=_ORDERS),
            Example("UPDATE orders SET total = s.total FROM (SELECT 1 AS total) s; -- finding", before=_ORDERS),
        ),
        good=(
            Example("UPDATE orders SET state = 'new' WHERE state IS NULL;", before=_ORDERS),
            Example("ALTER TABLE orders ADD COLUMN channel text;\nUPDATE orders SET channel = 'web';", before=_ORDERS),
            Example("WITH late AS (SELECT id FROM orders LIMIT 1000) UPDATE orders SET state = 'new' FROM late WHERE late.id = orders.id;", before=_ORDERS),
            Example("CREATE TABLE plans (name text, rank int);\nINSERT INTO plans VALUES ('free');\nUPDATE plans SET rank = 1;"),
            Example("MERGE INTO users USING orders ON users.id = orders.user_id WHEN MATCHED THEN UPDATE SET email = 'x';", before=_ORDERS),
            Example("INSERT INTO users VALUES (gen_random_uuid(), 'a@example.org') ON CONFLICT (id) DO UPDATE SET email = excluded.email;", before=_ORDERS),
        ),
    ),
    Rule(
        name="delete-without-where", family="data", severity=Severity.ERROR, on=(WriteRows,), check=_without_where, words=("delete",),
        summary="a DELETE that empties an older table",
        why="Rows that are gone can only come back from a backup, hours later and without what was written since.",
        instead="DELETE FROM orders WHERE …;",
        bad=(
            Example("DELETE FROM orders; -- finding", before=_ORDERS),
            Example("DELETE FROM ONLY orders USING users WHERE 1 = 1; -- finding", before=_ORDERS),
        ),
        good=(
            Example("DELETE FROM orders USING users WHERE users.id = orders.user_id AND users.email IS NULL;", before=_ORDERS),
            Example("CREATE TEMPORARY TABLE work (id uuid);\nDELETE FROM work;"),
            Example("CREATE TABLE plans (name text);\nINSERT INTO plans SELECT state FROM orders;\nDELETE FROM plans;", before=_ORDERS),
        ),
    ),
)
