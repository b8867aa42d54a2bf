"""Every table says when its rows were made."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AlterColumnType,
    Applicability,
    CreateTable,
    Edit,
    Example,
    Fix,
    Rule,
    SetDefault,
    Severity,
    Span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Column, Context, Expression, Finding, Name, Schema

_CLOCKS = frozenset(
    {"now", "current_timestamp", "localtimestamp", "clock_timestamp", "statement_timestamp", "transaction_timestamp"}
)
#: Built-in types that certainly hold no moment; a type of any other name may be a domain over a timestamp.
_OTHER_TYPES = frozenset(
    {"date", "time", "timetz", "text", "varchar", "bpchar", "int2", "int4", "int8", "numeric", "float4", "float8", "json",
     "jsonb", "bool", "interval", "uuid", "serial", "bigserial", "smallserial"}
)  # fmt: skip


def _is_clock(default: Expression) -> bool:
    return any(function.rpartition(".")[2] in _CLOCKS for function in default.functions)


def _definition(columns: tuple[Column, ...]) -> str:
    """The guide's own column, with time zone where the table's other timestamps have one."""
    zoned = any(column.type.name == "timestamptz" for column in columns)
    return f"created_at {'TIMESTAMPTZ' if zoned else 'TIMESTAMP'} DEFAULT NOW()"


def _missing_created_at(context: Context[CreateTable]) -> Iterator[Finding]:
    change = context.change
    if change.persistence == "temporary" or change.foreign or change.as_query or change.like:
        return
    if change.partition_of or change.of_type or change.inherits:
        return
    table = context.after.table(change.name)
    if table is None or table.column("created_at"):
        return
    key = set(table.primary_key.columns) if table.primary_key else set()
    if len(key) > 1 and key.issuperset(name for name, column in table.columns.items() if column):
        return
    definition = context.keywords(_definition(change.columns))
    edits = context.insert_column(definition)
    similar = next(
        (c.name for c in change.columns if c.name in {"created", "created_on", "inserted_at", "createdat"}), ""
    )
    message = f"table {change.name} has no column created_at"
    if similar:
        message += f"; if {similar} is meant, this project's name for it is created_at"
    fix = Fix(f"add {definition}", edits) if edits and not similar else None
    name = table.name
    yield context.provided(context.finding(message, instead=definition, fix=fix), _is_without, name)


def _is_without(schema: Schema, name: Name) -> bool:
    table = schema.table(name)
    return table is not None and table.column("created_at") is None


def _judged(context: Context[CreateTable | AddColumn | AlterColumnType | SetDefault]) -> tuple[Name, Column | None]:
    """The table of the change, and its created_at as it is after the migration if this change makes or alters it."""
    change = context.change
    if isinstance(change, CreateTable):
        named = "created_at" if any(column.name == "created_at" for column in change.columns) else ""
        table = change.name
        if change.persistence == "temporary" or change.foreign:
            named = ""
    else:
        table = change.table
        named = change.column.name if isinstance(change, AddColumn) else change.column
    after = context.after.table(table) if named == "created_at" else None
    return table, after.column("created_at") if after else None


def _created_at_without_default(
    context: Context[CreateTable | AddColumn | AlterColumnType | SetDefault],
) -> Iterator[Finding]:
    table, column = _judged(context)
    if column is None or column.generated:
        return
    here = isinstance(context.change, CreateTable | AddColumn)
    span = column.type.span if here else context.change.span
    default = column.default
    if column.type.schema is None and column.type.name in _OTHER_TYPES and not isinstance(context.change, SetDefault):
        message = f"created_at of table {table} is {column.type}, which holds no moment"
        fix = (
            Fix("make it a timestamp", (Edit(span, context.keywords("TIMESTAMP")),), Applicability.SHOWN)
            if here
            else None
        )
        yield context.finding(message, span, instead="created_at TIMESTAMP DEFAULT NOW()", fix=fix)
    elif default is None and not isinstance(context.change, AlterColumnType):
        message = f"created_at of table {table} has no default: rows that do not bring it say NULL, or are refused"
        words = context.keywords(" DEFAULT NOW()")
        fix = Fix("add DEFAULT NOW()", (Edit(Span(span.end, span.end), words),)) if here else None
        yield context.finding(message, span, instead=f"created_at {column.type} DEFAULT NOW()", fix=fix)
    elif default is not None and not _is_clock(default) and _is_known(default):
        message = f"the default of created_at in table {table} is {default.text}, not the time of the INSERT"
        if default.constant and "now" in default.text.lower():
            message += ": it is evaluated once, when the table is created"
        yield context.finding(message, span, instead=f"created_at {column.type} DEFAULT NOW()")


def _is_known(default: Expression) -> bool:
    """Whether it is certain that a default without a clock reads none; a function of somebody's own may."""
    return not default.functions or set(default.functions) <= {"current_date", "current_time", "localtime"}


def _prefer_timestamptz(context: Context[CreateTable | AddColumn | AlterColumnType]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, CreateTable):
        typed = [(column.name, column.type) for column in change.columns if not change.foreign]
    elif isinstance(change, AddColumn):
        typed = [(change.column.name, change.column.type)]
    else:
        typed = [(change.column, change.type)]
    for name, kind in typed:
        if kind.name == "timestamp" and kind.schema is None:
            modifiers = f"({kind.modifiers[0]})" if kind.modifiers else ""
            words = context.keywords("TIMESTAMPTZ") + modifiers + "[]" * kind.dimensions
            fix = Fix(f"write {words}", (Edit(kind.span, words),), Applicability.UNSAFE)
            message = f"column {name} is a timestamp without time zone"
            yield context.finding(message, kind.span, instead=f"{name} {words}", fix=fix)


# fmt: off
RULES = (
    Rule(
        name="missing-created-at", family="created-at", severity=Severity.ERROR, on=(CreateTable,), check=_missing_created_at,
        summary="a table without created_at",
        why="When something went wrong, the first question is which rows came when. The answer cannot be had afterwards: rows that exist have lost the time they were made.",
        instead="created_at TIMESTAMP DEFAULT NOW()",
        bad=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY); -- finding", fixed="CREATE TABLE notes (id uuid PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW());"),
            Example(
                "CREATE TABLE IF NOT EXISTS public.notes ( -- finding\n    id uuid PRIMARY KEY,\n    body text, -- what it says (or not)\n    updated_at timestamptz -- the last change\n    -- nothing more\n) WITH (fillfactor = 90);",
                fixed="CREATE TABLE IF NOT EXISTS public.notes (\n    id uuid PRIMARY KEY,\n    body text, -- what it says (or not)\n    updated_at timestamptz, -- the last change\n    -- nothing more\n    created_at TIMESTAMPTZ DEFAULT NOW()\n) WITH (fillfactor = 90);",
            ),
            Example("CREATE TABLE notes ( -- finding\n    id uuid,\n    body text CHECK (body <> ')'),\n    PRIMARY KEY (id)\n);", fixed="CREATE TABLE notes (\n    id uuid,\n    body text CHECK (body <> ')'),\n    PRIMARY KEY (id),\n    created_at TIMESTAMP DEFAULT NOW()\n);"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, inserted_at timestamptz DEFAULT now()); -- finding"),
            Example("CREATE TABLE user_teams (user_id uuid, team_id uuid, role text, PRIMARY KEY (user_id, team_id)); -- finding"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW());"),
            Example('CREATE TABLE notes (id uuid PRIMARY KEY, "created_at" timestamptz NOT NULL DEFAULT now());'),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY);\nALTER TABLE notes ADD COLUMN created_at timestamptz DEFAULT now();"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY);", after="ALTER TABLE notes ADD COLUMN created_at timestamptz DEFAULT now();"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY);", after="DROP TABLE notes;"),
            Example("CREATE TABLE user_teams (user_id uuid, team_id uuid, PRIMARY KEY (user_id, team_id));"),
            Example("CREATE TEMPORARY TABLE scratch (n integer);"),
            Example("CREATE TABLE notes_copy (LIKE notes);\nCREATE TABLE notes_2025 () INHERITS (notes);", before="CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT now());"),
            Example("CREATE TABLE totals AS SELECT 1 AS total, now() AS created_at;"),
            Example("CREATE TABLE events (id uuid, created_at timestamptz DEFAULT now()) PARTITION BY RANGE (created_at);\nCREATE TABLE events_rest PARTITION OF events DEFAULT;"),
        ),
    ),
    Rule(
        name="created-at-without-default", family="created-at", severity=Severity.ERROR, on=(CreateTable, AddColumn, AlterColumnType, SetDefault), check=_created_at_without_default,
        summary="a created_at that does not fill itself with the time",
        why="Whoever inserts a row and forgets the column leaves NULL or a wrong time, and nobody notices until the day it is needed.",
        instead="created_at TIMESTAMP DEFAULT NOW()",
        bad=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz NOT NULL); -- finding", fixed="CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT NOW() NOT NULL);"),
            Example("create table notes (\n    id uuid primary key,\n    created_at timestamp(3) with time zone -- finding\n);", fixed="create table notes (\n    id uuid primary key,\n    created_at timestamp(3) with time zone default now()\n);"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at date DEFAULT now()); -- finding"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamp DEFAULT 'now'::timestamp); -- finding"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamp DEFAULT CURRENT_DATE); -- finding"),
            Example("ALTER TABLE public.notes ADD COLUMN created_at timestamptz; -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY);", fixed="ALTER TABLE public.notes ADD COLUMN created_at timestamptz DEFAULT NOW();"),
            Example("ALTER TABLE notes ALTER COLUMN created_at DROP DEFAULT; -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT now());"),
            Example("ALTER TABLE notes ALTER COLUMN created_at TYPE text; -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT now());"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW(), updated_at timestamptz);"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT CURRENT_TIMESTAMP);"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT timezone('utc'::text, now()));"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamp DEFAULT (now() AT TIME ZONE 'utc'));"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz(3) DEFAULT pg_catalog.clock_timestamp());"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz);\nALTER TABLE notes ALTER COLUMN created_at SET DEFAULT now();"),
            Example("CREATE DOMAIN moment AS timestamptz;\nCREATE TABLE notes (id uuid PRIMARY KEY, created_at moment DEFAULT now());"),
            Example("ALTER TABLE notes ALTER COLUMN created_at TYPE timestamptz;", before="CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamp DEFAULT now());"),
        ),
    ),
    Rule(
        name="prefer-timestamptz", family="created-at", severity=Severity.OFF, on=(CreateTable, AddColumn, AlterColumnType), check=_prefer_timestamptz,
        summary="a timestamp without time zone",
        why="It stores what the clock on some wall showed and forgets which wall: two sessions with different time zones read different moments from it. https://wiki.postgresql.org/wiki/Don't_Do_This#Don.27t_use_timestamp_.28without_time_zone.29",
        instead="TIMESTAMPTZ",
        bad=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at TIMESTAMP DEFAULT NOW()); -- finding", fixed="CREATE TABLE notes (id uuid PRIMARY KEY, created_at TIMESTAMPTZ DEFAULT NOW());", unsafe=True),
            Example("create table notes (\n    id uuid primary key,\n    read_at timestamp(3) without time zone[] -- finding\n);", fixed="create table notes (\n    id uuid primary key,\n    read_at timestamptz(3)[]\n);", unsafe=True),
            Example("ALTER TABLE notes ALTER COLUMN at TYPE timestamp; -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY, at date);", fixed="ALTER TABLE notes ALTER COLUMN at TYPE TIMESTAMPTZ;", unsafe=True),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY, created_at timestamptz DEFAULT now(), at timestamp with time zone);"),
        ),
    ),
)
