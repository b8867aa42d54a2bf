"""The statements of DOWN one by one: those that are known to fail."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    AddEnumLabel,
    AlterColumnType,
    CreateDomain,
    CreateEnum,
    CreateFunction,
    CreateIndex,
    CreatePolicy,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    CreateType,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    DropNotNull,
    Example,
    Rename,
    Rule,
    SetDefault,
    SetIdentity,
    SetNotNull,
    Severity,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding

_JUDGED = (
    AddColumn, AddConstraint, AddEnumLabel, AlterColumnType, CreateDomain, CreateEnum, CreateFunction, CreateIndex,
    CreatePolicy, CreateSequence, CreateTable, CreateTrigger, CreateType, CreateView, Drop, DropColumn, DropConstraint,
    DropNotNull, Rename, SetDefault, SetIdentity, SetNotNull, WriteRows,
)  # fmt: skip


def _down_cannot_run(context: Context[Any]) -> Iterator[Finding]:
    change = context.change
    if _may_not_run(change):
        return
    reason = context.fails()
    if not reason or context.hides(*_called(change)):
        return
    instead = "undo the statements of UP in the reverse order, and each of them once"
    if " still " in reason:
        instead = "drop what depends on it first: the last object that UP makes is the first that DOWN drops"
    elif "without USING" in reason:
        instead = f"say how: ALTER TABLE {change.table} ALTER COLUMN {quoted(change.column)} TYPE {change.type} USING {quoted(change.column)}::{change.type};"
    yield context.finding(f"DOWN fails here: {reason}", instead=instead)


def _may_not_run(change: Change) -> bool:
    return change.statement.conditional or change.statement.guarded


def _called(change: Any) -> tuple[str, str]:
    """The kind and the name of what a change is about, as `Context.hides` takes them."""
    for part in ("part", "column", "constraint"):
        found = getattr(change, part, None)
        if found is not None:
            return part, quoted(getattr(found, "name", found) or "")
    # An index without a name is about its table.
    about: Any = getattr(change, "name", None) or getattr(change, "table", "")
    return "", quoted(about if isinstance(about, str) else about.name)


_USERS = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok');\n"
    "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT UNIQUE, age INT, state mood, price NUMERIC(12,4));\n"
    "CREATE INDEX idx_users_age ON users (age);\nCREATE VIEW grown AS SELECT id, age FROM users;\n"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
    "CREATE TABLE posts (author UUID REFERENCES users (id));"
)

DOWN_CANNOT_RUN = Rule(
    name="down-cannot-run",
    family="rollback",
    severity=Severity.ERROR,
    summary="a statement of DOWN that is known to fail",
    why="The rollback stops there, in the night when it is needed, and the release can be neither finished nor taken back.",
    instead="Undo the statements of UP in the reverse order; `elf-sqlcheck verify` runs it.",
    on=_JUDGED,
    check=_down_cannot_run,
    sections=("down",),
    bad=(
        Example.reversible(
            "CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE TABLE b (a UUID REFERENCES a (id));",
            "DROP TABLE a; -- finding\nDROP TABLE b;",
        ),
        Example.reversible(
            "CREATE TABLE a (id UUID);\nCREATE VIEW v AS SELECT id FROM a;", "DROP TABLE IF EXISTS a; -- finding"
        ),
        Example.reversible(
            "CREATE TYPE tone AS ENUM ('low');\nCREATE TABLE a (tone tone);",
            "DROP TYPE tone; -- finding\nDROP TABLE a;",
        ),
        Example.reversible(
            "CREATE SCHEMA s;\nCREATE TABLE s.a (id UUID);", "DROP SCHEMA s; -- finding\nDROP TABLE s.a;"
        ),
        Example.reversible(
            "CREATE TABLE a (id UUID);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
            "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();",
            "DROP FUNCTION f(); -- finding\nDROP TABLE a;",
        ),
        Example.reversible(
            "CREATE OR REPLACE VIEW grown AS SELECT id, age, email FROM users;",
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users; -- finding",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TABLE users ADD COLUMN nick TEXT;",
            "ALTER TABLE users ADD COLUMN nick TEXT; -- finding",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TYPE mood ADD VALUE 'happy';", "ALTER TYPE mood ADD VALUE 'sad'; -- finding", before=_USERS
        ),
        Example.reversible("DROP INDEX idx_users_age;", "DROP INDEX idx_users_age; -- finding", before=_USERS),
        Example.reversible(
            "ALTER TABLE users RENAME COLUMN email TO mail;",
            "ALTER TABLE users DROP COLUMN email; -- finding",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TABLE posts RENAME TO notes;", "ALTER TABLE posts RENAME TO notes; -- finding", before=_USERS
        ),
        Example.reversible(
            "CREATE INDEX idx_users_email ON users (email);",
            "DROP INDEX idx_users_email;\nDROP INDEX users_email_key; -- finding",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TABLE posts ALTER COLUMN author TYPE TEXT;",
            "ALTER TABLE posts ALTER COLUMN author TYPE UUID; -- finding",
            before="CREATE TABLE posts (author UUID);",
        ),
        Example.reversible(
            "CREATE OR REPLACE FUNCTION one(x INT) RETURNS INT LANGUAGE sql AS 'SELECT 2';",
            "CREATE OR REPLACE FUNCTION one(y INT) RETURNS INT LANGUAGE sql AS 'SELECT 1'; -- finding",
            before="CREATE FUNCTION one(x INT) RETURNS INT LANGUAGE sql AS 'SELECT 1';",
        ),
    ),
    good=(
        Example.reversible(
            "CREATE VIEW one AS SELECT 1 AS n;\nCREATE VIEW two AS SELECT n FROM one;",
            "DROP VIEW one, two CASCADE;",
        ),
        Example.reversible(
            "DROP TABLE counted;",
            "CREATE TABLE counted (id INT);\nCREATE SEQUENCE numbers OWNED BY counted.id;",
            before="CREATE TABLE counted (id INT);\nCREATE SEQUENCE numbers OWNED BY counted.id;",
        ),
        Example.reversible(
            "DROP FUNCTION touched() CASCADE;",
            "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
            "CREATE TRIGGER t AFTER INSERT ON posts EXECUTE FUNCTION touched();",
            before=f"{_USERS}\nCREATE TRIGGER t AFTER INSERT ON posts EXECUTE FUNCTION touch();\n"
            "ALTER FUNCTION touch() RENAME TO touched;",
        ),
        Example.reversible(
            "CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE TABLE b (a UUID REFERENCES a (id));",
            "DROP TABLE a, b;",
        ),
        Example.reversible(
            "CREATE TABLE a (id UUID PRIMARY KEY, b UUID REFERENCES a);\nCREATE VIEW v AS SELECT id FROM a;",
            "DROP TABLE a CASCADE;",
        ),
        Example.reversible(
            "CREATE TABLE a (id UUID) PARTITION BY HASH (id);\nCREATE TABLE a1 PARTITION OF a FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
            "DROP TABLE a;",
        ),
        Example.reversible(
            "DROP VIEW grown;\nALTER TABLE users ALTER COLUMN age TYPE BIGINT;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            "DROP VIEW grown;\nALTER TABLE users ALTER COLUMN age TYPE INT;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        Example.reversible("CREATE TABLE a (id UUID);", "DROP TABLE IF EXISTS a;\nDROP TABLE IF EXISTS a;"),
        Example.reversible(
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users WHERE age > 17;",
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        Example.reversible(
            "ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(100);",
            "ALTER TABLE users ALTER COLUMN email TYPE TEXT;",
            before=_USERS,
        ),
    ),
)

RULES = (DOWN_CANNOT_RUN,)
