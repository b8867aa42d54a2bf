"""What a rollback cannot bring back: the values of a dropped column, the rows of a dropped table."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AlterColumnType,
    CreateTable,
    Drop,
    DropColumn,
    Example,
    Rule,
    Severity,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding, Type


def _may_not_run(change: Change) -> bool:
    return change.statement.conditional or change.statement.guarded


#: (from, to): what the first has and the second has not. Narrower varchar is none: values that do not fit are refused.
_LOSSY = {
    "numeric": ("int2", "int4", "int8", "float4", "float8"), "float8": ("int2", "int4", "int8", "float4"),
    "float4": ("int2", "int4", "int8"), "timestamptz": ("date", "time", "timestamp"), "timestamp": ("date", "time"),
    "jsonb": (), "json": ("jsonb",),
}  # fmt: skip
_SAYING = ("data", "rows", "values", "lost", "empty", "irreversible", "backup", "restor", "back")


def _irreversible_step(context: Context[AddColumn | CreateTable | AlterColumnType]) -> Iterator[Finding]:
    change = context.change
    migration = context.migration
    if migration.irreversible or _may_not_run(change):
        return
    name = change.name if isinstance(change, CreateTable) else change.table
    at_first = context.now.at(0)
    table = at_first.table(name)
    if table is None or (not at_first.is_older(name) and table.rows == "none") or _is_kept(context, str(name)):
        return
    said = ""
    if isinstance(change, CreateTable):
        dropped = any(isinstance(c, Drop) and c.kind == "table" and c.name.name == name.name for c in context.doing)
        said = (
            f"DOWN makes table {name} again, but empty: UP dropped it with its rows" if dropped and table.known else ""
        )
    elif isinstance(change, AddColumn):
        column = change.column.name
        dropped = any(
            isinstance(c, DropColumn) and c.column == column and c.table.name == name.name for c in context.doing
        )
        if dropped and not change.column.generated:
            said = f"DOWN makes column {name}.{quoted(column)} again, but empty: UP dropped it with its values"
    else:
        said = _lost_in_type(context, change, table.column(change.column))
    if said and not _says_so(context):
        yield context.finding(said)


def _lost_in_type(context: Context[Any], change: AlterColumnType, before: Any) -> str:
    widened = next(
        (
            c
            for c in context.doing
            if isinstance(c, AlterColumnType) and c.column == change.column and c.table.name == change.table.name
        ),
        None,
    )
    if before is None or widened is None or not _loses(before.type.stored, widened.type.stored):
        return ""
    return f"DOWN gives column {change.table}.{quoted(change.column)} its type {change.type} back, but not what UP cut off its values as {widened.type}"


def _loses(old: Type, new: Type) -> bool:
    if old.name == new.name == "numeric" and len(new.modifiers) == 2:
        scale = old.modifiers[1] if len(old.modifiers) == 2 else None
        return scale is None or int(scale) > int(new.modifiers[1])
    return old.schema is None and new.name in _LOSSY.get(old.name, ()) and old.dimensions == new.dimensions


def _is_kept(context: Context[Any], name: str) -> bool:
    """Whether a statement copies rows: UP to save them, or DOWN to bring them back."""
    copied = any(isinstance(c, CreateTable) and c.as_query for c in context.doing)
    filled = (
        c
        for c in (*context.doing, *context.undoing)
        if isinstance(c, WriteRows) and c.kind in {"insert", "update", "merge"}
    )
    return copied or any(c.from_query or str(c.table) == name for c in filled)


def _says_so(context: Context[Any]) -> bool:
    """Whether a comment in DOWN speaks of it."""
    text = context.text(context.section.span).lower()
    comments = [line.partition("--")[2] for line in text.split("\n") if "--" in line]
    return any(word in comment for comment in comments for word in _SAYING)


_USERS = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok');\n"
    "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT UNIQUE, age INT, state mood, price NUMERIC(12,4));\n"
    "CREATE INDEX idx_users_age ON users (age);\nCREATE VIEW grown AS SELECT id, age FROM users;\n"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
    "CREATE TABLE posts (author UUID REFERENCES users (id));"
)

IRREVERSIBLE_STEP = Rule(
    name="irreversible-step",
    family="rollback",
    severity=Severity.WARNING,
    summary="DOWN brings a column or a table back, but not what was in it",
    why="The rollback succeeds and the schema is right, so nobody notices that the values are gone for good.",
    instead="Copy the values away in UP, or say it: a comment above the statement in DOWN, or -- Irreversible: <reason>.",
    on=(AddColumn, CreateTable, AlterColumnType),
    check=_irreversible_step,
    sections=("down",),
    bad=(
        Example.reversible(
            "ALTER TABLE users DROP COLUMN email;",
            "ALTER TABLE users ADD COLUMN email TEXT UNIQUE; -- finding",
            before=_USERS,
        ),
        Example.reversible(
            "DROP TABLE posts;", "CREATE TABLE posts (author UUID REFERENCES users (id)); -- finding", before=_USERS
        ),
        Example.reversible(
            "ALTER TABLE users ALTER COLUMN price TYPE NUMERIC(12,0);",
            "ALTER TABLE users ALTER COLUMN price TYPE NUMERIC(12,4); -- finding",
            before=_USERS,
        ),
    ),
    good=(
        Example.reversible(
            "ALTER TABLE users DROP COLUMN email;",
            "-- The addresses are lost; support has the export.\nALTER TABLE users ADD COLUMN email TEXT UNIQUE;",
            before=_USERS,
        ),
        Example.reversible(
            "CREATE TABLE old_posts AS SELECT * FROM posts;\nDROP TABLE posts;",
            "CREATE TABLE posts (author UUID REFERENCES users (id));\nINSERT INTO posts SELECT * FROM old_posts;\nDROP TABLE old_posts;",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TABLE users ADD COLUMN nick TEXT;", "ALTER TABLE users DROP COLUMN nick;", before=_USERS
        ),
        Example.reversible(
            "ALTER TABLE posts ALTER COLUMN author TYPE TEXT;",
            "ALTER TABLE posts ALTER COLUMN author TYPE UUID USING author::uuid;",
            before="CREATE TABLE posts (author UUID);",
        ),
    ),
)

RULES = (IRREVERSIBLE_STEP,)
