"""Statements that can be run twice."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddEnumLabel,
    Applicability,
    CreateDomain,
    CreateEnum,
    CreateExtension,
    CreateFunction,
    CreateIndex,
    CreateSchema,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    CreateType,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    Edit,
    Example,
    Fix,
    Name,
    Rule,
    Severity,
    Span,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.rule import Change, Column, Context, Finding

    NewType = CreateEnum | CreateType | CreateDomain

_DROPPED = frozenset(
    {"table", "view", "materialized view", "index", "sequence", "schema", "type", "domain", "extension", "function",
     "procedure", "aggregate", "routine", "trigger", "policy", "rule", "role", "foreign table"}
)  # fmt: skip


def _insertion(context: Context[Change], place: int, words: str) -> Fix:
    title = f"add {words.strip()}"
    return Fix(title, (Edit(Span(place, place), context.keywords(words)),))


def _after(context: Context[Change], *words: str) -> int | None:
    span = context.find_words(words, context.change.statement.span)
    return span.end if span else None


def _create_without_if_not_exists(context: Context[Change]) -> Iterator[Finding]:
    change = context.change
    if change.statement.guarded or getattr(change, "if_not_exists", False):
        return
    if isinstance(change, CreateEnum | CreateType | CreateDomain):
        yield from _new_type(context)  # type: ignore[arg-type]
        return
    kind, name, place, words = _place(context)
    if kind and not context.is_dropped_before(kind, name):
        together = isinstance(change, CreateSchema) and _has_elements(context)
        fix = _insertion(context, place, words) if place is not None and not together else None
        message = f"{kind} {quoted(name)} is created without IF NOT EXISTS: a second run of this migration fails here"
        span = change.column.span if isinstance(change, AddColumn) else None
        instead = (
            f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}; and its objects in statements of their own"
            if together
            else ""
        )
        yield context.finding(message, span, instead=instead, fix=fix)


def _has_elements(context: Context[Change]) -> bool:
    """Whether CREATE SCHEMA makes objects as well: Postgres allows no IF NOT EXISTS there."""
    change = context.change
    return len(context.together(change)) > 1


def _place(context: Context[Change]) -> tuple[str, str, int | None, str]:
    """What a change creates: its kind, its name, where IF NOT EXISTS goes, and with which blank; kind "" for nothing."""
    change = context.change
    before, after = "IF NOT EXISTS ", " IF NOT EXISTS"
    match change:
        case CreateTable() if change.persistence != "temporary" and change.statement.kind != "CreateSchemaStmt":
            return "foreign table" if change.foreign else "table", change.name.name, change.span.start, before
        case CreateSequence() if not change.temporary:
            return "sequence", change.name.name, change.span.start, before
        case CreateView() if change.materialized:
            return "materialized view", change.name.name, change.span.start, before
        case AddColumn():
            return "column", change.column.name, change.column.span.start, before
        case CreateIndex() if change.name is not None:
            words = ("index", "concurrently") if change.concurrently else ("index",)
            return "index", change.name, _after(context, *words), after
        case CreateSchema():
            return "schema", change.name, _after(context, "schema"), after
        case CreateExtension():
            return "extension", change.name, _after(context, "extension"), after
        case AddEnumLabel():
            return "value", change.label, _after(context, "add", "value"), after
        case _:
            return "", "", None, ""


def _new_type(context: Context[NewType]) -> Iterator[Finding]:
    """CREATE TYPE and CREATE DOMAIN have no IF NOT EXISTS: a DO block that ignores the error serves."""
    change = context.change
    kind = "domain" if isinstance(change, CreateDomain) else "type"
    if context.is_dropped_before(kind, change.name.name):
        return
    text = context.text(change.statement.span)
    block = f"DO $$\nBEGIN\n    {text};\nEXCEPTION\n    WHEN duplicate_object THEN NULL;\nEND $$"
    fix = (
        Fix("wrap it in a DO block", (Edit(change.statement.span, block),), Applicability.SHOWN)
        if "$$" not in text
        else None
    )
    message = f"{kind} {change.name} is created unconditionally: a second run of this migration fails here"
    instead = f"DO $$ BEGIN CREATE {kind.upper()} {change.name} …; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
    yield context.finding(message, instead=instead, fix=fix)


def _drop_without_if_exists(context: Context[Drop | DropColumn | DropConstraint]) -> Iterator[Finding]:
    change = context.change
    if change.if_exists or change.statement.guarded:
        return
    if isinstance(change, Drop):
        yield from _drop(context, change)
        return
    kind = "column" if isinstance(change, DropColumn) else "constraint"
    name = change.column if isinstance(change, DropColumn) else change.name
    found = context.find_words((kind, name), change.statement.span) or context.find_words(
        ("drop", name), change.statement.span
    )
    place = found and context.find_words((name,), Span(found.start + len("drop"), found.end))
    fix = _insertion(context, place.start, "IF EXISTS ") if place else None
    message = f"{kind} {quoted(name)} of table {change.table} is dropped without IF EXISTS: a second run fails here"
    yield context.finding(message, place, fix=fix)


def _drop(context: Context[Drop | DropColumn | DropConstraint], change: Drop) -> Iterator[Finding]:
    several: Sequence[Change] = [change]
    if "," in context.text(change.statement.span):
        several = context.together(change)
    if several[0] is not change:
        return  # one IF EXISTS is for all objects of the statement
    place = None
    if change.kind in _DROPPED:
        words = len(change.kind.split()) + change.concurrently
        place = context.tokens(change.statement.span)[words][1].end
    what = f"{quoted(change.part)} on {change.name}" if change.part else str(change.name)
    what += f" (and {len(several) - 1} more)" if len(several) > 1 else ""
    fix = _insertion(context, place, " IF EXISTS") if place is not None else None
    yield context.finding(f"{change.kind} {what} is dropped without IF EXISTS: a second run fails here", fix=fix)


def _create_without_or_replace(context: Context[CreateFunction | CreateView | CreateTrigger]) -> Iterator[Finding]:
    change = context.change
    if change.or_replace or change.statement.guarded:
        return
    if isinstance(change, CreateTrigger):
        if change.trigger.constraint:
            return  # Postgres has no CREATE OR REPLACE CONSTRAINT TRIGGER
        kind, what = "trigger", f"{quoted(change.trigger.name)} ON {change.table}"
        dropped = context.is_dropped_before(kind, change.table.name, change.trigger.name)
    else:
        if isinstance(change, CreateView) and (change.materialized or change.temporary):
            return
        kind = "view" if isinstance(change, CreateView) else "procedure" if change.procedure else "function"
        what = str(change.name)
        dropped = context.is_dropped_before(kind, change.name.name)
    if not dropped:
        fix = _insertion(context, change.statement.span.start + len("CREATE"), " OR REPLACE")
        message = f"{kind} {what} is created without OR REPLACE: a second run of this migration fails here"
        span = (
            change.span
            if isinstance(change, CreateView)
            else Span(change.statement.span.start, change.statement.span.start + 6)
        )
        yield context.finding(message, span, fix=fix, instead=f"CREATE OR REPLACE {kind.upper()} {what} …")


def _hides_difference(context: Context[CreateTable | AddColumn | CreateIndex | CreateView]) -> Iterator[Finding]:
    change = context.change
    if not change.if_not_exists or change.statement.guarded:
        return
    if isinstance(change, CreateTable):
        differences = _table_differences(context, change)
    elif isinstance(change, AddColumn):
        table = context.now.table(change.table)
        there = table.column(change.column.name) if table else None
        differences = _column_differences(change.column, there) if there else []
    elif isinstance(change, CreateIndex):
        differences = _index_differences(context, change)
    else:
        view = context.now.view(change.name)
        differences = ["its query"] if view and view.query != change.query else []
    if differences:
        what, remedy = _what(change)
        message = (
            f"{what} is already there, so this statement does nothing, but it differs: {', '.join(differences[:3])}"
        )
        yield context.finding(message, instead=remedy or "drop it first, or give the new one another name")


def _what(change: CreateTable | AddColumn | CreateIndex | CreateView) -> tuple[str, str]:
    """What a change would make, and the statement that alters what is there instead, if there is one."""
    if isinstance(change, CreateTable):
        return f"table {change.name}", f"ALTER TABLE {change.name} …"
    if isinstance(change, AddColumn):
        column = quoted(change.column.name)
        return f"column {change.table}.{column}", f"ALTER TABLE {change.table} ALTER COLUMN …"
    return f"{'index' if isinstance(change, CreateIndex) else 'materialized view'} {change.name}", ""


def _table_differences(context: Context[Change], change: CreateTable) -> list[str]:
    table = context.now.table(change.name)
    if table is None or not table.known or change.as_query:
        return []
    found: list[str] = []
    for column in change.columns:
        there = table.column(column.name)
        if there is None and table.complete:
            found.append(f"it has no column {quoted(column.name)}")
        elif there is not None and there.type.stored != column.type.stored:
            found.append(f"its column {quoted(column.name)} is {there.type.stored}, not {column.type.stored}")
    return found


def _column_differences(column: Column, there: Column) -> list[str]:
    found: list[str] = []
    if there.type.stored != column.type.stored:
        found.append(f"it is {there.type.stored}, not {column.type.stored}")
    if there.not_null != column.not_null:
        found.append("it is NOT NULL" if there.not_null else "it is not NOT NULL")
    if there.default != column.default and not column.type.is_serial:
        found.append(f"its default is {there.default.text}" if there.default else "it has no default")
    return found


def _index_differences(context: Context[Change], change: CreateIndex) -> list[str]:
    schema = context.now.resolve(change.table).schema
    there = context.now.index(Name(schema, change.name or ""))
    if there is None:
        return []
    found: list[str] = []
    if there.table.name != change.table.name:
        found.append(f"it belongs to table {there.table}")
    elif there.columns != change.columns:
        keys = [key.name or (key.expression.text if key.expression else "") for key in there.columns]
        found.append(f"its keys are ({', '.join(keys)})")
    if there.unique != change.unique:
        found.append("it is unique" if there.unique else "it is not unique")
    if there.where != change.where:
        found.append(f"its condition is {there.where.text}" if there.where else "it has no condition")
    return found


_T = "CREATE TABLE t (id uuid PRIMARY KEY, a text, b text);"
_F = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
_WHY = "A migration that stopped half-way, or that another tool or a person has already applied in part, has to be repaired by hand before it can run again."

# fmt: off
RULES = (
    Rule(
        name="create-without-if-not-exists", family="idempotency", severity=Severity.WARNING, on=(CreateTable, AddColumn, CreateIndex, CreateSchema, CreateExtension, CreateSequence, CreateView, CreateEnum, CreateType, CreateDomain, AddEnumLabel), check=_create_without_if_not_exists,
        summary="CREATE or ADD COLUMN without IF NOT EXISTS",
        why=_WHY,
        instead="add IF NOT EXISTS",
        bad=(Example("CREATE TABLE notes (id uuid PRIMARY KEY); -- finding", fixed="CREATE TABLE IF NOT EXISTS notes (id uuid PRIMARY KEY);"),
            Example('create schema "s"; -- finding\ncreate table "s"."x" as select 1 as n; -- finding', fixed='create schema if not exists "s";\ncreate table if not exists "s"."x" as select 1 as n;'),
            Example("CREATE UNIQUE INDEX idx_t_a ON t (a); -- finding\nCREATE SEQUENCE numbers; -- finding\nCREATE EXTENSION pg_trgm; -- finding", before=_T, fixed="CREATE UNIQUE INDEX IF NOT EXISTS idx_t_a ON t (a);\nCREATE SEQUENCE IF NOT EXISTS numbers;\nCREATE EXTENSION IF NOT EXISTS pg_trgm;"),
            Example("CREATE INDEX CONCURRENTLY idx_t_a ON t (a); -- finding", before=_T, fixed="CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_t_a ON t (a);"),
            Example("ALTER TABLE t\n    ADD COLUMN c text, -- finding\n    ADD d text, -- finding\n    ADD IF NOT EXISTS e text;", before=_T, fixed="ALTER TABLE t\n    ADD COLUMN IF NOT EXISTS c text,\n    ADD IF NOT EXISTS d text,\n    ADD IF NOT EXISTS e text;"),
            Example("CREATE TYPE mood AS ENUM ('sad'); -- finding\nCREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); -- finding"),
            Example("CREATE SCHEMA s -- finding\n    CREATE TABLE t (id uuid PRIMARY KEY);"),
            Example("ALTER TYPE mood ADD VALUE 'happy' AFTER 'sad'; -- finding", before="CREATE TYPE mood AS ENUM ('sad');", fixed="ALTER TYPE mood ADD VALUE IF NOT EXISTS 'happy' AFTER 'sad';"),
            Example("CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM t; -- finding", before=_T, fixed="CREATE MATERIALIZED VIEW IF NOT EXISTS totals AS SELECT count(*) AS n FROM t;")),
        good=(Example("CREATE SCHEMA IF NOT EXISTS s;\nCREATE TABLE IF NOT EXISTS s.notes (id uuid PRIMARY KEY);\nCREATE INDEX IF NOT EXISTS idx_notes_id ON s.notes (id);"),
            Example("DROP TABLE IF EXISTS notes;\nCREATE TABLE notes (id uuid PRIMARY KEY);"),
            Example("CREATE TEMPORARY TABLE scratch (n integer);"),
            Example("DO $$\nBEGIN\n    CREATE TYPE mood AS ENUM ('sad');\nEXCEPTION\n    WHEN duplicate_object THEN NULL;\nEND $$;"),
            Example("DROP TYPE IF EXISTS mood;\nCREATE TYPE mood AS ENUM ('sad');")),
    ),
    Rule(
        name="drop-without-if-exists", family="idempotency", severity=Severity.WARNING, on=(Drop, DropColumn, DropConstraint), check=_drop_without_if_exists, sections=("up", "down"),
        words=("drop",),
        summary="DROP without IF EXISTS",
        why=_WHY,
        instead="add IF EXISTS",
        bad=(Example("DROP TABLE t; -- finding", before=_T, fixed="DROP TABLE IF EXISTS t;"),
            Example("DROP INDEX CONCURRENTLY idx_t_a; -- finding", before=_T + "\nCREATE INDEX idx_t_a ON t (a);", fixed="DROP INDEX CONCURRENTLY IF EXISTS idx_t_a;"),
            Example("drop view v, w; -- finding\ndrop materialized view m; -- finding", before="CREATE VIEW v AS SELECT 1 AS n;\nCREATE VIEW w AS SELECT 1 AS n;\nCREATE MATERIALIZED VIEW m AS SELECT 1 AS n;", fixed="drop view if exists v, w;\ndrop materialized view if exists m;"),
            Example("ALTER TABLE t\n    DROP COLUMN a, -- finding\n    DROP b, -- finding\n    DROP CONSTRAINT t_pkey; -- finding", before=_T, fixed="ALTER TABLE t\n    DROP COLUMN IF EXISTS a,\n    DROP IF EXISTS b,\n    DROP CONSTRAINT IF EXISTS t_pkey;"),
            Example('ALTER TABLE "a" DROP COLUMN "a"; -- finding', before="CREATE TABLE a (id uuid PRIMARY KEY, a text);", fixed='ALTER TABLE "a" DROP COLUMN IF EXISTS "a";'),
            Example("DROP TRIGGER g ON t; -- finding\nDROP FUNCTION f(); -- finding", before=_T + _F + "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();", fixed="DROP TRIGGER IF EXISTS g ON t;\nDROP FUNCTION IF EXISTS f();"),
            Example("-- ==== UP MIGRATION ====\nCREATE TABLE notes (id uuid PRIMARY KEY);\n\n-- ==== DOWN MIGRATION ====\nDROP TABLE notes; -- finding\n", fixed="-- ==== UP MIGRATION ====\nCREATE TABLE notes (id uuid PRIMARY KEY);\n\n-- ==== DOWN MIGRATION ====\nDROP TABLE IF EXISTS notes;\n")),
        good=(Example("DROP TABLE IF EXISTS t, u;\nDROP FUNCTION IF EXISTS f(integer);\nDROP POLICY IF EXISTS p ON v;"),
            Example("ALTER TABLE t DROP COLUMN IF EXISTS a, ALTER COLUMN b DROP DEFAULT, ALTER COLUMN b DROP NOT NULL;", before=_T)),
    ),
    Rule(
        name="create-without-or-replace", family="idempotency", severity=Severity.WARNING, on=(CreateFunction, CreateView, CreateTrigger), check=_create_without_or_replace,
        summary="CREATE FUNCTION, VIEW or TRIGGER without OR REPLACE",
        why=_WHY,
        instead="add OR REPLACE",
        bad=(Example(_F + " -- finding", fixed=_F.replace("CREATE", "CREATE OR REPLACE")),
            Example("create view v as select 1 as n; -- finding\ncreate procedure p() language sql as 'select 1'; -- finding", fixed="create or replace view v as select 1 as n;\ncreate or replace procedure p() language sql as 'select 1';"),
            Example("CREATE TRIGGER g -- finding\n    BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();", before=_T + _F, fixed="CREATE OR REPLACE TRIGGER g\n    BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();")),
        good=(Example("CREATE OR REPLACE VIEW v AS SELECT 1 AS n;"),
            Example("DROP TRIGGER IF EXISTS g ON t;\nCREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();", before=_T + _F),
            Example("DROP FUNCTION IF EXISTS f(integer);\nCREATE FUNCTION f(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n';"),
            Example("CREATE CONSTRAINT TRIGGER g AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();", before=_T + _F),
            Example("CREATE TEMPORARY VIEW v AS SELECT 1 AS n;")),
    ),
    Rule(
        name="create-if-not-exists-hides-difference", family="idempotency", severity=Severity.WARNING, on=(CreateTable, AddColumn, CreateIndex, CreateView), check=_hides_difference,
        words=("exists",),
        summary="IF NOT EXISTS over an object that is there with another definition",
        why="Postgres looks at the name only. The statement reports success and does nothing, and the code that needs the new definition fails later, somewhere else.",
        instead="alter the object that is there",
        bad=(Example("CREATE TABLE IF NOT EXISTS t (id uuid PRIMARY KEY, a integer, c text); -- finding", before=_T),
            Example("ALTER TABLE t ADD COLUMN IF NOT EXISTS a integer NOT NULL DEFAULT 0; -- finding", before=_T),
            Example("CREATE INDEX IF NOT EXISTS idx_t ON t (a, b); -- finding", before=_T + "\nCREATE INDEX idx_t ON t (a);"),
            Example("CREATE UNIQUE INDEX IF NOT EXISTS idx_t -- finding\n    ON t (a) WHERE b IS NULL;", before=_T + "\nCREATE INDEX idx_t ON t (a);"),
            Example("CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 2 AS n; -- finding", before="CREATE MATERIALIZED VIEW m AS SELECT 1 AS n;")),
        good=(Example("CREATE TABLE IF NOT EXISTS t (ID UUID PRIMARY KEY, a text);", before=_T),
            Example("ALTER TABLE t ADD COLUMN IF NOT EXISTS a TEXT, ADD COLUMN IF NOT EXISTS c text;", before=_T),
            Example("CREATE INDEX IF NOT EXISTS idx_t ON public.t USING btree (a);", before=_T + "\nCREATE INDEX idx_t ON t (a);"),
            Example("DROP TABLE t;\nCREATE TABLE IF NOT EXISTS t (id uuid PRIMARY KEY, z text);", before=_T),
            Example("CREATE TABLE IF NOT EXISTS n (id serial PRIMARY KEY);", before="CREATE TABLE n (id integer PRIMARY KEY);")),
    ),
)
