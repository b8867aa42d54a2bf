"""Constraints on tables in use: checked against all rows under a lock, or bit by bit beside everybody's work."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    AlterDomain,
    Applicability,
    Edit,
    Example,
    Fix,
    Rule,
    SetNotNull,
    Severity,
    Span,
    ValidateConstraint,
    effects,
    is_not_null,
    nullable_keys,
    quoted,
    snake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Constraint, Context, Finding, Name

    Added = AddConstraint | AddColumn

_LATER = "and in a later migration"


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _definition(context: Context[Added], constraint: Constraint) -> str:
    """The constraint as one of the table."""
    text = " ".join(context.text(constraint.span).split())
    if not constraint.inline:
        return text if constraint.name else f"CONSTRAINT {quoted(context.name_of(constraint))} {text}"
    body = text[text.upper().find("REFERENCES" if constraint.kind == "foreign key" else "CHECK") :]
    key = f"FOREIGN KEY ({_listed(constraint.columns)}) " if constraint.kind == "foreign key" else ""
    return f"CONSTRAINT {quoted(context.name_of(constraint))} {key}{body}"


def _in_two_steps(context: Context[Added], constraint: Constraint) -> tuple[str, Fix | None]:
    """The SQL that adds a constraint without a scan and checks the rows later, and the fix that begins with it."""
    table, name = context.change.table, quoted(context.name_of(constraint))
    validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};"
    add = f"ALTER TABLE {table} ADD {_definition(context, constraint)} NOT VALID;"
    if constraint.inline:
        add = f"the column without it, then {add}"
        return f"{add} {_LATER} {validate}", None
    end = constraint.span.end
    edit = Edit(Span(end, end), context.keywords(" NOT VALID"))
    return f"{add} {_LATER} {validate}", Fix(f"add NOT VALID; {_LATER} write {validate}", (edit,), Applicability.UNSAFE)


def _foreign_key_without_not_valid(context: Context[Added]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, AddColumn) and change.column.default is None:
        return
    for key in context.adding("foreign key"):
        table = change.table
        both = f"{table} and {key.references}" if key.references != table else f"{table}"
        message = f"the foreign key {quoted(context.name_of(key))} blocks all writes to {both} {context.meanwhile(table, 'scan')} to check them"
        instead, fix = _in_two_steps(context, key)
        known = context.now.table(table)
        if known and known.partition_by and context.settings.get("postgres-version", 17) < 18:
            instead = f"before Postgres 18, a partitioned table has no NOT VALID foreign keys: add it NOT VALID to each partition, VALIDATE it there {_LATER}, and to {table} at last, which then finds the rows checked"
            fix = None
        yield context.finding(message, key.span, instead=instead, fix=fix)


def _check_without_not_valid(context: Context[Any]) -> Iterator[Finding]:
    if isinstance(context.change, AlterDomain):
        yield from _domain_check(context)
        return
    for check in context.adding("check"):
        table = context.change.table
        message = f"the check {quoted(context.name_of(check))} blocks all reads and writes of {table} {context.meanwhile(table, 'scan')} to check them"
        instead, fix = _in_two_steps(context, check)
        yield context.finding(message, check.span, instead=instead, fix=fix)


def _domain_check(context: Context[AlterDomain]) -> Iterator[Finding]:
    """A constraint of a domain is one of all tables that use it."""
    change = context.change
    tables = [str(effect.table) for effect in effects(change, context.now) if context.is_busy(effect.table)]
    if not tables or change.constraint is None:
        return
    name = quoted(change.constraint.name or f"{change.name.name}_check")
    body = change.constraint.expression.text if change.constraint.expression else "…"
    shown = ", ".join(tables[:3]) + (f" and {len(tables) - 3} more" if len(tables) > 3 else "")
    message = f"a check of the domain {change.name} blocks all writes to {shown} while Postgres reads all of their rows to check them"
    instead = (
        f"ALTER DOMAIN {change.name} ADD CONSTRAINT {name} CHECK ({body}) NOT VALID; {_LATER} "
        f"ALTER DOMAIN {change.name} VALIDATE CONSTRAINT {name};"
    )
    yield context.finding(message, instead=instead)


def _validate_in_same_transaction(context: Context[ValidateConstraint]) -> Iterator[Finding]:
    change = context.change
    number = context.transaction()
    if number is None or not context.is_busy(change.table):
        return
    table = context.now.table(change.table)
    known = table.constraints.get(change.name) if table else None
    for other in context.of(AddConstraint):
        if context.place_of(other) > context.place:
            return
        if not other.constraint.not_valid:
            continue
        same = other.constraint.name == change.name or (known is not None and known.span == other.constraint.span)
        full = context.now.resolve
        if same and full(other.table) == full(change.table) and context.transaction(other) == number:
            break
    else:
        return
    lock = (
        "SHARE ROW EXCLUSIVE, which blocks all writes"
        if other.constraint.kind == "foreign key"
        else "ACCESS EXCLUSIVE, which blocks all reads and writes"
    )
    message = (
        f"VALIDATE reads all rows of {change.table} under the lock that adding {quoted(change.name)} took in the same "
        f"transaction, {lock}, {context.meanwhile(change.table, 'scan')}: NOT VALID has gained nothing"
    )
    instead = f"ALTER TABLE {change.table} VALIDATE CONSTRAINT {quoted(change.name)}; in a migration of its own, after this one"
    yield context.finding(message, instead=instead)


def _proof(context: Context[SetNotNull | AddConstraint], table: Name, column: str) -> str:
    """The SQL that makes a column NOT NULL with no scan under an exclusive lock."""
    name = quoted(snake(f"{table.name}_{column}_not_null"))
    if context.settings.get("postgres-version", 17) >= 18:
        return f"ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {quoted(column)} NOT VALID; {_LATER} ALTER TABLE {table} VALIDATE CONSTRAINT {name};"
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({quoted(column)} IS NOT NULL) NOT VALID; {_LATER} "
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}; and in one after that ALTER TABLE {table} ALTER COLUMN "
        f"{quoted(column)} SET NOT NULL; ALTER TABLE {table} DROP CONSTRAINT {name};"
    )


def _set_not_null_scan(context: Context[SetNotNull | AddConstraint]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, SetNotNull):
        columns, what, span = [change.column], "SET NOT NULL", None
    else:
        constraint, span = change.constraint, change.constraint.span
        if constraint.kind == "primary key" and constraint.using_index:
            columns, what = nullable_keys(context.now.resolve(change.table), constraint, context.now), "the primary key"
        elif constraint.kind == "not null" and not constraint.not_valid:
            columns, what = list(constraint.columns), "NOT NULL"
        else:
            return
    if not columns or not context.is_busy(change.table):
        return
    table = context.now.table(change.table)
    for column in columns:
        if not is_not_null(table, column):
            message = (
                f"{what} looks for NULLs in {change.table}.{quoted(column)}: it blocks all reads and writes of "
                f"{change.table} {context.meanwhile(change.table, 'scan')}"
            )
            yield context.finding(message, span, instead=_proof(context, change.table, column))


_ADDS = (AddConstraint, AddColumn)
_BEFORE = "CREATE TABLE users (id uuid PRIMARY KEY, email text, age int);\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid, title text);"
_HEAD = "-- Migration: Step\n-- Version: 20250102_000000\n-- Description: Step\n"
_KEY = "ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id)"
_PARTED = "CREATE TABLE events (id int NOT NULL, user_id uuid) PARTITION BY HASH (id);\nCREATE TABLE events_1 PARTITION OF events FOR VALUES WITH (MODULUS 1, REMAINDER 0);"

# fmt: off
RULES = (
    Rule(
        name="foreign-key-without-not-valid", family="locking", severity=Severity.ERROR, on=_ADDS, check=_foreign_key_without_not_valid, words=("references",),
        summary="a foreign key on a table in use is checked at once",
        why="Adding it takes SHARE ROW EXCLUSIVE on both tables and then reads the whole referencing one. Until that is done nobody writes to either, the referenced table included, which is often the busiest there is.",
        instead="ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID; and in a later migration ALTER TABLE posts VALIDATE CONSTRAINT fk_posts_user_id;",
        bad=(
            Example(_KEY + "; -- finding", before=_BEFORE, unsafe=True, fixed=_KEY + " NOT VALID;"),
            Example("ALTER TABLE posts\n    ADD COLUMN editor uuid,\n    ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE; -- finding", before=_BEFORE, unsafe=True, fixed="ALTER TABLE posts\n    ADD COLUMN editor uuid,\n    ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;"),
            Example("ALTER TABLE posts ADD COLUMN editor uuid DEFAULT '00000000-0000-0000-0000-000000000000' REFERENCES users (id); -- finding", before=_BEFORE, runs="there is no such user; on a table with rows, Postgres would say so"),
            Example("ALTER TABLE legacy ADD FOREIGN KEY (user_id) REFERENCES users (id); -- finding", before=_BEFORE, runs="legacy is older than all migrations"),
            Example("ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users (id); -- finding", before=_BEFORE + _PARTED),
        ),
        good=(
            Example(_KEY + " NOT VALID;", before=_BEFORE),
            Example("CREATE TABLE likes (user_id uuid REFERENCES users (id));\nALTER TABLE likes ADD COLUMN post_id uuid;\nALTER TABLE likes ADD FOREIGN KEY (post_id) REFERENCES posts (id);", before=_BEFORE),
            Example("ALTER TABLE posts ADD COLUMN editor uuid REFERENCES users (id);", before=_BEFORE),
            Example(_BEFORE + "\n" + _KEY + ";"),
            Example("ALTER TABLE posts ADD COLUMN IF NOT EXISTS user_id uuid DEFAULT NULL REFERENCES users (id);", before=_BEFORE),
        ),
    ),
    Rule(
        name="check-without-not-valid", family="locking", severity=Severity.ERROR, on=(*_ADDS, AlterDomain), check=_check_without_not_valid, words=("check",),
        summary="a check on a table in use is made for all rows at once",
        why="Adding a CHECK reads the whole table under ACCESS EXCLUSIVE: nobody reads or writes it until that is done. VALIDATE CONSTRAINT does the same reading under a lock that lets everybody work.",
        instead="ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID; and in a later migration ALTER TABLE users VALIDATE CONSTRAINT users_age_check;",
        bad=(
            Example("ALTER TABLE users ADD CONSTRAINT users_age CHECK (age >= 0); -- finding", before=_BEFORE, unsafe=True, fixed="ALTER TABLE users ADD CONSTRAINT users_age CHECK (age >= 0) NOT VALID;"),
            Example("alter table users add check (age >= 0); -- finding", before=_BEFORE, unsafe=True, fixed="alter table users add check (age >= 0) not valid;"),
            Example("ALTER TABLE users ADD COLUMN score int CHECK (score >= 0); -- finding", before=_BEFORE),
            Example("ALTER DOMAIN mail ADD CONSTRAINT mail_at CHECK (VALUE LIKE '%@%'); -- finding", before="CREATE DOMAIN mail AS text;\nCREATE TABLE people (email mail);"),
            Example("ALTER TABLE users DROP CONSTRAINT users_age, ADD CONSTRAINT users_age CHECK (age >= 18); -- finding", before=_BEFORE + "\nALTER TABLE users ADD CONSTRAINT users_age CHECK (age >= 0);"),
        ),
        good=(
            Example("ALTER TABLE users ADD CONSTRAINT users_age CHECK (age >= 0) NOT VALID;", before=_BEFORE),
            Example("CREATE TABLE teams (size int CHECK (size > 0));\nALTER TABLE teams ADD CONSTRAINT teams_size CHECK (size < 100);"),
            Example("ALTER TABLE users ADD COLUMN score int;", before=_BEFORE),
            Example("ALTER DOMAIN mail ADD CONSTRAINT mail_at CHECK (VALUE LIKE '%@%') NOT VALID;\nALTER DOMAIN label ADD CHECK (VALUE <> '');", before="CREATE DOMAIN mail AS text;\nCREATE DOMAIN label AS text;\nCREATE TABLE people (email mail);"),
        ),
    ),
    Rule(
        name="validate-in-same-transaction", family="locking", severity=Severity.ERROR, on=(ValidateConstraint,), check=_validate_in_same_transaction, words=("validate",),
        summary="NOT VALID and VALIDATE in one transaction",
        why="A lock is held to the end of its transaction. Adding the constraint took one that keeps others out, so the rows are now read under that one, and the two steps are no better than one.",
        instead="put VALIDATE CONSTRAINT into a migration of its own",
        bad=(
            Example(_KEY + " NOT VALID;\nALTER TABLE posts VALIDATE CONSTRAINT fk_posts_user_id; -- finding", before=_BEFORE),
            Example("ALTER TABLE users ADD CHECK (age >= 0) NOT VALID;\nALTER TABLE public.users VALIDATE CONSTRAINT users_age_check; -- finding", before=_BEFORE),
        ),
        good=(
            Example("ALTER TABLE posts VALIDATE CONSTRAINT fk_posts_user_id;", before=_BEFORE + "\n" + _KEY + " NOT VALID;"),
            Example(_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\n" + _KEY + " NOT VALID;\nALTER TABLE posts VALIDATE CONSTRAINT fk_posts_user_id;\n", before=_BEFORE),
            Example("BEGIN;\n" + _KEY + " NOT VALID;\nCOMMIT;\nBEGIN;\nALTER TABLE posts VALIDATE CONSTRAINT fk_posts_user_id;\nCOMMIT;", before=_BEFORE),
            Example("CREATE TABLE teams (size int);\nALTER TABLE teams ADD CONSTRAINT teams_size CHECK (size > 0) NOT VALID;\nALTER TABLE teams VALIDATE CONSTRAINT teams_size;"),
        ),
    ),
    Rule(
        name="set-not-null-scan", family="locking", severity=Severity.ERROR, on=(SetNotNull, AddConstraint), check=_set_not_null_scan, words=("null", "primary"),
        summary="a column of a table in use is made NOT NULL with nothing that proves it",
        why="Postgres reads the whole table under ACCESS EXCLUSIVE to look for NULLs: nobody reads or writes it meanwhile. It believes a validated CHECK (column IS NOT NULL) instead, and then takes no time at all.",
        instead="ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID; VALIDATE it in a later migration, then SET NOT NULL and drop the check",
        bad=(
            Example("ALTER TABLE users ALTER COLUMN email SET NOT NULL; -- finding", before=_BEFORE),
            Example("ALTER TABLE users ALTER COLUMN email SET NOT NULL; -- finding", before=_BEFORE, settings=(("postgres-version", 18),)),
            Example("ALTER TABLE users ADD CONSTRAINT known CHECK (email IS NOT NULL) NOT VALID;\nALTER TABLE users ALTER COLUMN email SET NOT NULL; -- finding", before=_BEFORE),
            Example("ALTER TABLE users ALTER COLUMN email SET NOT NULL; -- finding", before=_BEFORE + "\nALTER TABLE users ADD CONSTRAINT known CHECK (email IS NOT NULL OR age > 0);"),
            Example("ALTER TABLE users ADD CONSTRAINT users_email PRIMARY KEY USING INDEX idx_users_email; -- finding", before="CREATE TABLE users (email text);\nCREATE UNIQUE INDEX idx_users_email ON users (email);"),
            Example("ALTER TABLE users ADD CONSTRAINT known NOT NULL email; -- finding", before=_BEFORE, runs="NOT NULL as a constraint of the table needs Postgres 18"),
        ),
        good=(
            Example("ALTER TABLE users ALTER COLUMN email SET NOT NULL;\nALTER TABLE users DROP CONSTRAINT known;", before=_BEFORE + "\nALTER TABLE users ADD CONSTRAINT known CHECK (email IS NOT NULL) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT known;"),
            Example("ALTER TABLE users ALTER COLUMN email SET NOT NULL;", before=_BEFORE + "\nALTER TABLE users ADD CONSTRAINT known CHECK (age > 0 AND (email IS NOT NULL AND email <> ''));"),
            Example("ALTER TABLE users ALTER COLUMN id SET NOT NULL;", before=_BEFORE),
            Example("CREATE TABLE teams (slug text);\nALTER TABLE teams ALTER COLUMN slug SET NOT NULL;"),
            Example("ALTER TABLE users ADD CONSTRAINT known NOT NULL email NOT VALID;", before=_BEFORE, runs="NOT NULL as a constraint of the table needs Postgres 18"),
            Example("ALTER TABLE users ADD COLUMN state text NOT NULL DEFAULT 'new';", before=_BEFORE),
        ),
    ),
)
# fmt: on
