"""Primary keys: every table has one."""

from __future__ import annotations

from elf_sqlcheck.rule import Applicability, CreateTable, DropConstraint, Example, Fix, Rule, Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Edit
    from elf_sqlcheck.rule import Context, Finding

_KEY = "id UUID PRIMARY KEY DEFAULT gen_random_uuid()"


def _missing_primary_key(context: Context[CreateTable | DropConstraint]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, DropConstraint):
        yield from _lost(context)  # type: ignore[arg-type]
        return
    if change.persistence == "temporary" or change.foreign or change.partition_of or change.like:
        return
    table = context.after.table(change.name)
    if table is None or table.primary_key or any(c.kind == "primary key" for c in change.constraints):
        return  # dropped again, or given a key further down
    message = f"table {change.name} has no primary key"
    if change.inherits:
        message += f"; it does not inherit that of {change.inherits[0]}"
    if change.as_query:
        instead = f"ALTER TABLE {change.name} ADD PRIMARY KEY (…);"
        yield context.finding(f"{message}; CREATE TABLE … AS never makes one", instead=instead)
        return
    edits: tuple[Edit, ...] = ()
    if table.column("id") is None and not change.inherits and not change.of_type:
        edits = context.insert_column(context.keywords(_KEY))
    fix = Fix(f"add {_KEY}", edits, Applicability.SHOWN) if edits else None
    instead = (
        f"mark the column with PRIMARY KEY: {_KEY}" if fix else "mark the column that names a row with PRIMARY KEY"
    )
    yield context.finding(message, instead=instead, fix=fix)


def _lost(context: Context[DropConstraint]) -> Iterator[Finding]:
    change = context.change
    before, after = context.now.table(change.table), context.after.table(change.table)
    key = before.primary_key if before else None
    if before and key and after and before.constraints.get(change.name) is key and after.primary_key is None:
        span = context.find_words(("constraint", change.name), change.statement.span)
        message = f"table {change.table} loses its primary key and gets no other"
        instead = f"ALTER TABLE {change.table} ADD PRIMARY KEY (…); in the same migration"
        yield context.finding(message, span, instead=instead)


# fmt: off
RULES = (
    Rule(
        name="missing-primary-key", family="primary-key", severity=Severity.ERROR, on=(CreateTable, DropConstraint), check=_missing_primary_key,
        summary="a table without a primary key",
        why="Without one nothing tells two equal rows apart: they cannot be updated or deleted singly, logical replication and Supabase Realtime refuse updates, and most ORMs and APIs cannot use the table.",
        instead=_KEY,
        bad=(
            Example("CREATE TABLE notes (body text); -- finding"),
            Example("CREATE TABLE IF NOT EXISTS public.notes ( -- finding\n    id uuid NOT NULL UNIQUE,\n    body text\n);"),
            Example("CREATE TABLE totals AS SELECT 1 AS total; -- finding"),
            Example("CREATE TABLE special_notes (stars integer) INHERITS (notes); -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY);"),
            Example("CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at); -- finding"),
            Example("ALTER TABLE notes DROP CONSTRAINT notes_pkey; -- finding", before="CREATE TABLE notes (id uuid PRIMARY KEY);"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY);"),
            Example("CREATE TABLE user_teams (user_id uuid, team_id uuid, PRIMARY KEY (user_id, team_id));"),
            Example("CREATE TABLE notes (id uuid NOT NULL);\nALTER TABLE notes ADD CONSTRAINT pk_notes PRIMARY KEY (id);"),
            Example("CREATE TABLE notes (id uuid NOT NULL);\nCREATE UNIQUE INDEX pk_notes ON notes (id);\nALTER TABLE notes ADD CONSTRAINT pk_notes PRIMARY KEY USING INDEX pk_notes;"),
            Example("CREATE TEMPORARY TABLE scratch (n integer);"),
            Example("CREATE TABLE scratch AS SELECT 1 AS n;\nDROP TABLE scratch;"),
            Example("CREATE TABLE events (id uuid, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\nCREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"),
            Example("CREATE TYPE note AS (id uuid, body text);\nCREATE TABLE notes OF note (PRIMARY KEY (id));"),
            Example("CREATE TABLE notes_archive (LIKE notes INCLUDING ALL);", before="CREATE TABLE notes (id uuid PRIMARY KEY);"),
            Example("ALTER TABLE notes DROP CONSTRAINT notes_pkey;\nALTER TABLE notes ADD PRIMARY KEY (id, at);", before="CREATE TABLE notes (id uuid PRIMARY KEY, at date NOT NULL);"),
        ),
    ),
)
