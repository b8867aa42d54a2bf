"""Renames that break whoever still uses the old name."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rename, Rule, SetSchema, Severity, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Context, Finding

_RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})


def _rename_table(context: Context[Rename | SetSchema]) -> Iterator[Finding]:
    change = context.change
    if change.kind not in _RELATIONS or not context.is_older(change.name):
        return
    name = context.now.resolve(change.name)
    if context.now.is_absent("relation", name) or context.after.knows("relation", name):
        return
    if isinstance(change, Rename):
        verb, to = "renaming", quoted(change.to) if change.name.schema is None else f"{name.schema}.{quoted(change.to)}"
    else:
        verb, to = "moving", f"{quoted(change.schema)}.{quoted(name.name)}"
    message = f"{verb} {change.kind} {change.name} to {to} breaks every query of the release that runs now: there is no {change.name} any more"
    table = "" if change.kind == "table" else f" {change.kind}"
    invoker = "WITH (security_invoker = true) " if context.settings["postgres-version"] >= 15 else ""
    instead = (
        f"in one transaction: {context.text(change.statement.span)}; CREATE VIEW {change.name} {invoker}"
        f"AS SELECT * FROM {to}; and drop that view when no release uses the old{table} name any more"
    )
    yield context.finding(message, instead=instead)


def _rename_column(context: Context[Rename]) -> Iterator[Finding]:
    change = context.change
    if change.kind != "column" or change.part is None or not context.is_older(change.name):
        return
    now, before = context.now.table(change.name), context.before.table(change.name)
    column = now.column(change.part) if now else None
    if column is not None and (before is None or before.column(change.part) is None):
        return
    after = context.after.table(change.name)
    if after is not None and after.column(change.part) is not None:
        return
    table, old, new = change.name, quoted(change.part), quoted(change.to)
    message = f"renaming column {table}.{old} to {new} breaks every query of the release that runs now: there is no {old} any more"
    kind = str(column.type) if column else "<its type>"
    instead = (
        f"ALTER TABLE {table} ADD COLUMN {new} {kind}; a trigger that copies each write of {old} into {new} and back; "
        f"UPDATE {table} SET {new} = {old} WHERE {new} IS DISTINCT FROM {old} in batches; a release that uses {new}; "
        f"and only then DROP COLUMN {old}"
    )
    if context.now.view(table) is not None:
        instead = (
            f"CREATE OR REPLACE VIEW {table} with {new} as a further column, and without {old} once nothing uses that"
        )
    yield context.finding(message, instead=instead)


_ORDERS = "CREATE TABLE orders (id uuid PRIMARY KEY, note text);"
_WHY = "While it is deployed the old release and the new one run side by side, and each knows one of the names only: every query with the other one fails."

# fmt: off
RULES = (
    Rule(
        name="rename-table", family="data", severity=Severity.ERROR, on=(Rename, SetSchema), check=_rename_table,
        summary="a table or view that gets another name or schema",
        why=_WHY,
        instead="ALTER TABLE orders RENAME TO purchases; CREATE VIEW orders WITH (security_invoker = true) AS SELECT * FROM purchases;",
        bad=(
            Example("ALTER TABLE orders RENAME TO purchases; -- finding", before=_ORDERS),
            Example("ALTER TABLE IF EXISTS public.orders -- finding\n    RENAME TO purchases;", before=_ORDERS),
            Example("ALTER TABLE legacy RENAME TO old_legacy; -- finding", runs="legacy is older than all migrations"),
            Example("CREATE SCHEMA archive;\nALTER TABLE orders SET SCHEMA archive; -- finding", before=_ORDERS),
            Example("ALTER VIEW notes RENAME TO remarks; -- finding", before=_ORDERS + "\nCREATE VIEW notes AS SELECT note FROM orders;"),
        ),
        good=(
            Example("BEGIN;\nALTER TABLE orders RENAME TO purchases;\nCREATE VIEW orders WITH (security_invoker = true) AS SELECT * FROM purchases;\nCOMMIT;", before=_ORDERS),
            Example("CREATE TABLE orders_new (id uuid PRIMARY KEY, note text);\nINSERT INTO orders_new SELECT id, note FROM orders;\nALTER TABLE orders RENAME TO orders_old;\nALTER TABLE orders_new RENAME TO orders;", before=_ORDERS),
            Example("CREATE TABLE drafts (id uuid);\nALTER TABLE drafts RENAME TO sketches;"),
            Example("ALTER INDEX orders_pkey RENAME TO pk_orders;\nALTER TABLE orders RENAME CONSTRAINT pk_orders TO orders_pkey;", before=_ORDERS),
            Example("CREATE SCHEMA archive;\nCREATE TYPE mood AS ENUM ('ok');\nALTER TYPE mood SET SCHEMA archive;"),
        ),
    ),
    Rule(
        name="rename-column", family="data", severity=Severity.ERROR, on=(Rename,), check=_rename_column,
        summary="a column that gets another name",
        why=_WHY,
        instead="add a column of the new name, keep both alike with a trigger, and drop the old one when no release uses it",
        bad=(
            Example("ALTER TABLE orders RENAME COLUMN note TO remark; -- finding", before=_ORDERS),
            Example('ALTER TABLE public.orders RENAME note TO "remark"; -- finding', before=_ORDERS),
            Example("ALTER TABLE legacy RENAME COLUMN a TO b; -- finding", runs="legacy is older than all migrations"),
            Example("ALTER VIEW notes RENAME COLUMN note TO remark; -- finding", before=_ORDERS + "\nCREATE VIEW notes AS SELECT note FROM orders;"),
        ),
        good=(
            Example("ALTER TABLE orders ADD COLUMN remark text;\nALTER TABLE orders RENAME COLUMN remark TO comment;", before=_ORDERS),
            Example("CREATE TABLE drafts (id uuid, note text);\nALTER TABLE drafts RENAME COLUMN note TO body;"),
            Example("BEGIN;\nALTER TABLE orders RENAME COLUMN note TO remark;\nALTER TABLE orders ADD COLUMN note text;\nCOMMIT;", before=_ORDERS),
            Example("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';\nALTER TYPE pair RENAME ATTRIBUTE a TO b;", before="CREATE TYPE mood AS ENUM ('ok');\nCREATE TYPE pair AS (a int, b_ int);"),
        ),
    ),
)
