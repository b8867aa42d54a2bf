"""Unique constraints, primary keys and exclusion constraints of tables in use: how their indexes come to be."""

from __future__ import annotations

from elf_sqlcheck.rule import AddColumn, AddConstraint, Example, Rule, Severity, is_not_null, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Constraint, Context, Finding

    Added = AddConstraint | AddColumn


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _using_index(context: Context[Added], constraint: Constraint) -> str:
    """The SQL that makes the index first, beside everybody's work, and the constraint of it."""
    table, name = context.change.table, quoted(context.name_of(constraint))
    kind = constraint.kind.upper()
    keys = _listed(constraint.columns) + (f") INCLUDE ({_listed(constraint.include)}" if constraint.include else "")
    nulls = " NULLS NOT DISTINCT" if constraint.nulls_not_distinct else ""
    known = context.now.table(table)
    if known and known.partition_by:
        return f"ALTER TABLE ONLY {table} ADD CONSTRAINT {name} {kind} ({keys}); then the same for each partition by way of CREATE UNIQUE INDEX CONCURRENTLY and USING INDEX, and ALTER INDEX {name} ATTACH PARTITION for each of those"
    extra = "the column without it, then " if constraint.inline else ""
    before = ""
    if constraint.kind == "primary key":
        columns = [quoted(c) for c in constraint.columns if constraint.inline or not is_not_null(known, c)]
        before = f"(once {', '.join(columns)} {'is' if len(columns) == 1 else 'are'} NOT NULL) " if columns else ""
    return (
        f"{extra}CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({keys}){nulls}; in {context.migration.outside}, and then {before}"
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name};"
    )


def _without_index(context: Context[Added], kind: str, words: str) -> Iterator[Finding]:
    for constraint in context.adding(kind):
        table = context.change.table
        known = context.now.table(table)
        if (
            known
            and known.partition_by
            and not constraint.inline
            and context.find_words(("only",), context.change.statement.span)
        ):
            continue
        columns = f" ({_listed(constraint.columns)})" if constraint.columns else ""
        message = f"{words}{columns} blocks all reads and writes of {table} {context.meanwhile(table, 'build')}"
        yield context.finding(message, constraint.span, instead=_using_index(context, constraint))


def _unique_without_using_index(context: Context[Added]) -> Iterator[Finding]:
    yield from _without_index(context, "unique", "the unique constraint")


def _primary_key_without_using_index(context: Context[Added]) -> Iterator[Finding]:
    yield from _without_index(context, "primary key", "the primary key")


def _exclusion_constraint(context: Context[AddConstraint]) -> Iterator[Finding]:
    for constraint in context.adding("exclude"):
        table = context.change.table
        message = f"the exclusion constraint {quoted(context.name_of(constraint))} blocks all reads and writes of {table} {context.meanwhile(table, 'build')}, and there is no other way to make one"
        yield context.finding(message, constraint.span)


_ADDS = (AddConstraint, AddColumn)
_BEFORE = "CREATE TABLE users (id uuid PRIMARY KEY, email text, age int);"
_PARTED = "CREATE TABLE events (id int NOT NULL) PARTITION BY HASH (id);\nCREATE TABLE events_1 PARTITION OF events FOR VALUES WITH (MODULUS 1, REMAINDER 0);"

# fmt: off
RULES = (
    Rule(
        name="unique-without-using-index", family="locking", severity=Severity.ERROR, on=_ADDS, check=_unique_without_using_index, words=("unique",),
        summary="a unique constraint on a table in use makes its own index",
        why="The index is built under ACCESS EXCLUSIVE: nobody reads or writes the table until it is finished. CREATE UNIQUE INDEX CONCURRENTLY builds the same one beside everybody's work, and the constraint then takes it over at once.",
        instead="CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email); and then ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
        bad=(
            Example("ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email); -- finding", before=_BEFORE),
            Example("ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (email, age) INCLUDE (id); -- finding", before=_BEFORE),
            Example("ALTER TABLE users ADD COLUMN nick text UNIQUE; -- finding", before=_BEFORE),
        ),
        good=(
            Example("ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;", before=_BEFORE + "\nCREATE UNIQUE INDEX users_email_key ON users (email);"),
            Example("CREATE TABLE teams (slug text UNIQUE);\nALTER TABLE teams ADD COLUMN name text UNIQUE;\nALTER TABLE teams ADD UNIQUE (slug, name);"),
            Example("ALTER TABLE ONLY events ADD CONSTRAINT events_id UNIQUE (id);", before=_PARTED),
        ),
    ),
    Rule(
        name="primary-key-without-using-index", family="locking", severity=Severity.ERROR, on=_ADDS, check=_primary_key_without_using_index, words=("primary",),
        summary="a primary key on a table in use makes its own index",
        why="The index is built, and the columns are searched for NULLs, under ACCESS EXCLUSIVE: nobody reads or writes the table until both are done.",
        instead="CREATE UNIQUE INDEX CONCURRENTLY logs_pkey ON logs (id); and then ALTER TABLE logs ADD CONSTRAINT logs_pkey PRIMARY KEY USING INDEX logs_pkey;",
        bad=(
            Example("ALTER TABLE logs ADD PRIMARY KEY (id); -- finding", before="CREATE TABLE logs (id uuid);"),
            Example("ALTER TABLE users DROP CONSTRAINT users_pkey, ADD CONSTRAINT users_key PRIMARY KEY (email, id); -- finding", before=_BEFORE),
        ),
        good=(
            Example("ALTER TABLE logs ADD CONSTRAINT logs_pkey PRIMARY KEY USING INDEX logs_id;", before="CREATE TABLE logs (id uuid NOT NULL);\nCREATE UNIQUE INDEX logs_id ON logs (id);"),
            Example("CREATE TABLE logs (id uuid);\nALTER TABLE logs ADD PRIMARY KEY (id);"),
        ),
    ),
    Rule(
        name="exclusion-constraint", family="locking", severity=Severity.ERROR, on=(AddConstraint,), check=_exclusion_constraint, words=("exclude",),
        summary="an exclusion constraint on a table in use",
        why="Its index can only be built under ACCESS EXCLUSIVE: nobody reads or writes the table until every row is indexed and compared. There is neither CONCURRENTLY nor NOT VALID for it.",
        instead="make a new table that has it, copy the rows in batches while a trigger keeps it up to date, and swap the names; or plan a time when nobody needs the table",
        bad=(Example("ALTER TABLE bookings ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&); -- finding", before="CREATE TABLE bookings (during tstzrange);"),),
        good=(
            Example("CREATE TABLE bookings (during tstzrange, EXCLUDE USING gist (during WITH &&));"),
            Example("CREATE TABLE bookings (during tstzrange);\nALTER TABLE bookings ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&);"),
        ),
    ),
)
# fmt: on
