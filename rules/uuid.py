"""UUID keys with the built-in default."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    Applicability,
    CreateDomain,
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

    from elf_sqlcheck.rule import Column, Constraint, Context, Expression, Finding, Name

_INTEGERS = frozenset({"int2", "int4", "int8", "serial", "bigserial", "smallserial", "numeric", "float4", "float8"})
_FUNCTION = "gen_random_uuid()"


def _single_keys(
    context: Context[CreateTable | AddColumn | AddConstraint],
) -> Iterator[tuple[Name, Column, Constraint]]:
    """The single-column primary keys that a change declares, with their columns as they stand after the migration."""
    change = context.change
    table = change.name if isinstance(change, CreateTable) else change.table
    if isinstance(change, CreateTable) and (change.persistence == "temporary" or change.foreign):
        return
    constraints = (change.constraint,) if isinstance(change, AddConstraint) else change.constraints
    for constraint in constraints:
        if constraint.kind != "primary key":
            continue
        after = context.after.table(table)
        key = (after.primary_key if after and constraint.using_index else None) or constraint
        column = after.column(key.columns[0]) if after and len(key.columns) == 1 else None
        if after and column and not any(column.name in other.columns for other in after.foreign_keys):
            yield table, column, constraint


def _place(context: Context[CreateTable | AddColumn | AddConstraint], column: Column, constraint: Constraint) -> Span:
    """The column's type where this very statement writes it, else the constraint."""
    statement = context.change.statement.span
    within = statement.start <= column.type.span.start < statement.end and constraint.span.start < statement.end
    return column.type.span if within and not isinstance(context.change, AddConstraint) else constraint.span


def _non_uuid_id(context: Context[CreateTable | AddColumn | AddConstraint]) -> Iterator[Finding]:
    for table, column, constraint in _single_keys(context):
        kind = column.type
        if kind.schema is not None or (kind.name not in _INTEGERS and not column.identity):
            continue
        span = _place(context, column, constraint)
        message = f"the key {column.name} of table {table} is {kind}, not UUID"
        fix = None
        if span == kind.span and not column.identity and column.default is None and not column.generated:
            fix = Fix(
                "make it a UUID", (Edit(span, context.keywords(f"UUID DEFAULT {_FUNCTION}")),), Applicability.SHOWN
            )
        yield context.finding(message, span, instead=f"{column.name} UUID DEFAULT {_FUNCTION} PRIMARY KEY", fix=fix)


def _uuid_without_default(context: Context[CreateTable | AddColumn | AddConstraint]) -> Iterator[Finding]:
    for table, column, constraint in _single_keys(context):
        default = column.default
        if column.type.name != "uuid" or column.generated or (default and (default.functions or not default.constant)):
            continue
        span = _place(context, column, constraint)
        if default is not None:
            message = f"the key {column.name} of table {table} has one fixed default, {default.text}: a second row cannot use it"
        else:
            message = f"the key {column.name} of table {table} has no default: every INSERT has to bring its own UUID"
        fix = None
        if default is None and span == column.type.span:
            fix = Fix(
                f"add DEFAULT {_FUNCTION}", (Edit(Span(span.end, span.end), context.keywords(f" DEFAULT {_FUNCTION}")),)
            )
        instead = f"{column.name} UUID DEFAULT {_FUNCTION} PRIMARY KEY"
        if isinstance(context.change, AddConstraint):
            instead = f"ALTER TABLE {table} ALTER COLUMN {column.name} SET DEFAULT {_FUNCTION};"
        yield context.finding(message, span, instead=instead, fix=fix)


def _uuid_ossp_default(context: Context[CreateTable | AddColumn | SetDefault | CreateDomain]) -> Iterator[Finding]:
    change = context.change
    defaults: list[tuple[str, Expression | None]]
    if isinstance(change, CreateTable):
        defaults = [(f"column {column.name}", column.default) for column in change.columns]
    elif isinstance(change, AddColumn):
        defaults = [(f"column {change.column.name}", change.column.default)]
    elif isinstance(change, SetDefault):
        defaults = [(f"column {change.column}", change.default)]
    else:
        defaults = [(f"domain {change.name}", change.default)]
    for what, default in defaults:
        for function in default.functions if default else ():
            if default is None or function.rpartition(".")[2] != "uuid_generate_v4":
                continue
            start = default.span.start if default.span.end else change.statement.span.start
            words = [word for part in function.split(".") for word in (part, ".")][:-1]
            span = context.find_words((*words, "(", ")"), Span(start, change.statement.span.end))
            fix = Fix(f"call {_FUNCTION}", (Edit(span, _FUNCTION),)) if span else None
            message = f"the default of {what} is {function}(), which needs the extension uuid-ossp"
            yield context.finding(message, span, instead=f"DEFAULT {_FUNCTION}", fix=fix)


_OSSP = 'CREATE EXTENSION IF NOT EXISTS "uuid-ossp";'

# fmt: off
RULES = (
    Rule(
        name="non-uuid-id", family="uuid", severity=Severity.ERROR, on=(CreateTable, AddColumn, AddConstraint), check=_non_uuid_id,
        summary="a surrogate key that is not a UUID",
        why="A counter tells everybody how many rows there are and what the next one is called, and keys of two databases clash when they are merged. All of this project's keys are UUIDs: a table with another kind cannot be referenced like the rest.",
        instead="id UUID DEFAULT gen_random_uuid() PRIMARY KEY",
        bad=(
            Example("CREATE TABLE notes (id serial PRIMARY KEY); -- finding"),
            Example("CREATE TABLE public.notes (\n    note_id bigint GENERATED ALWAYS AS IDENTITY, -- finding\n    body text,\n    PRIMARY KEY (note_id)\n);"),
            Example('CREATE TABLE notes (\n    "id" INTEGER NOT NULL PRIMARY KEY -- finding\n);'),
            Example("ALTER TABLE notes ADD COLUMN id bigserial PRIMARY KEY; -- finding", before="CREATE TABLE notes (body text);"),
            Example("ALTER TABLE notes ADD CONSTRAINT pk_notes PRIMARY KEY (id); -- finding", before="CREATE TABLE notes (id bigint NOT NULL);"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, place serial);"),
            Example("CREATE TABLE countries (code text PRIMARY KEY);\nCREATE TABLE plans (id text PRIMARY KEY);"),
            Example("CREATE TABLE lines (invoice_id uuid, line integer, PRIMARY KEY (invoice_id, line));"),
            Example("CREATE TABLE details (note_id integer PRIMARY KEY REFERENCES notes (id));", before="CREATE TABLE notes (id integer PRIMARY KEY);"),
            Example("CREATE TABLE days (day date PRIMARY KEY);"),
            Example("ALTER TABLE notes ADD COLUMN body text;", before="CREATE TABLE notes (id serial PRIMARY KEY);"),
        ),
    ),
    Rule(
        name="uuid-without-default", family="uuid", severity=Severity.ERROR, on=(CreateTable, AddColumn, AddConstraint), check=_uuid_without_default,
        summary="a UUID primary key without gen_random_uuid()",
        why="An INSERT that leaves the key out fails, so every client has to make UUIDs by itself, and one of them will do it badly.",
        instead="id UUID DEFAULT gen_random_uuid() PRIMARY KEY",
        bad=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY); -- finding", fixed="CREATE TABLE notes (id uuid DEFAULT gen_random_uuid() PRIMARY KEY);"),
            Example("CREATE TABLE notes (\n    note_id UUID NOT NULL, -- finding\n    PRIMARY KEY (note_id)\n);", fixed="CREATE TABLE notes (\n    note_id UUID DEFAULT gen_random_uuid() NOT NULL,\n    PRIMARY KEY (note_id)\n);"),
            Example("ALTER TABLE notes ADD COLUMN id uuid PRIMARY KEY; -- finding", before="CREATE TABLE notes (body text);", fixed="ALTER TABLE notes ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY;"),
            Example("ALTER TABLE notes ADD PRIMARY KEY (id); -- finding", before="CREATE TABLE notes (id uuid NOT NULL);"),
            Example("CREATE TABLE notes (id uuid DEFAULT '00000000-0000-0000-0000-000000000000' PRIMARY KEY); -- finding"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid());"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY);\nALTER TABLE notes ALTER COLUMN id SET DEFAULT gen_random_uuid();"),
            Example("CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT uuidv7());", runs="uuidv7() came with Postgres 18"),
            Example("CREATE TABLE profiles (user_id uuid PRIMARY KEY REFERENCES users (id));", before="CREATE TABLE users (id uuid PRIMARY KEY);"),
            Example("CREATE TABLE user_teams (user_id uuid, team_id uuid, PRIMARY KEY (user_id, team_id));"),
        ),
    ),
    Rule(
        name="uuid-ossp-default", family="uuid", severity=Severity.WARNING, on=(CreateTable, AddColumn, SetDefault, CreateDomain), check=_uuid_ossp_default,
        words=("uuid_generate",),
        summary="uuid_generate_v4() where the built-in gen_random_uuid() serves",
        why="The function needs the extension uuid-ossp, in a schema that is on the search_path; gen_random_uuid() makes the same kind of UUID, is built in since Postgres 13, and is faster.",
        instead="DEFAULT gen_random_uuid()",
        bad=(
            Example(_OSSP + "\nCREATE TABLE notes (id uuid DEFAULT uuid_generate_v4() PRIMARY KEY); -- finding", fixed=_OSSP + "\nCREATE TABLE notes (id uuid DEFAULT gen_random_uuid() PRIMARY KEY);"),
            Example('CREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions;\nCREATE TABLE notes (\n    id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4() -- finding\n);', fixed='CREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions;\nCREATE TABLE notes (\n    id uuid PRIMARY KEY DEFAULT gen_random_uuid()\n);'),
            Example("ALTER TABLE notes ALTER COLUMN id SET DEFAULT uuid_generate_v4(); -- finding", before=_OSSP + "\nCREATE TABLE notes (id uuid PRIMARY KEY);", fixed="ALTER TABLE notes ALTER COLUMN id SET DEFAULT gen_random_uuid();"),
        ),
        good=(
            Example("CREATE TABLE notes (id uuid DEFAULT gen_random_uuid() PRIMARY KEY);"),
            Example(_OSSP + "\nCREATE TABLE notes (id uuid DEFAULT uuid_generate_v1() PRIMARY KEY);"),
        ),
    ),
)
