"""The statements of DOWN one by one: those that fail, those that name nothing, and what they cannot bring back."""

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
    nearest,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding, Type

    Dropping = Drop | DropColumn | DropConstraint

_JUDGED = (
    AddColumn, AddConstraint, AddEnumLabel, AlterColumnType, CreateDomain, CreateEnum, CreateFunction, CreateIndex,
    CreatePolicy, CreateSequence, CreateTable, CreateTrigger, CreateType, CreateView, Drop, DropColumn, DropConstraint,
    DropNotNull, Rename, SetDefault, SetIdentity, SetNotNull, WriteRows,
)  # fmt: skip
_RELATIONS = frozenset(["table", "view", "materialized view", "index", "sequence", "foreign table"])


def _down_cannot_run(context: Context[Any]) -> Iterator[Finding]:
    change = context.change
    if _may_not_run(change):
        return
    reason = context.fails()
    if not reason or context.hides(*_called(change)):
        return
    instead = "undo the statements of UP in the reverse order, and each of them once"
    if "drop that first" in reason:
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
    return "", quoted(change.name if isinstance(change.name, str) else change.name.name) if hasattr(
        change, "name"
    ) else ""


def _down_names_nothing(context: Context[Dropping]) -> Iterator[Finding]:
    change = context.change
    if _may_not_run(change):
        return
    if isinstance(change, Drop):
        really = context.misnamed()
        if really:
            yield context.finding(
                f"DROP {change.kind.upper()} {change.name} fails, with IF EXISTS too: {really}",
                instead=f"name it by what it is: {really}",
            )
            return
        owner = context.now.table(_alone(change.name.schema)) if change.kind == "index" and change.name.schema else None
        if owner and change.name.name in owner.indexes:
            message = f"{change.name} is the index {change.name.name} of a schema {change.name.schema}, which is a table: nothing is dropped"
            yield context.finding(message, instead=f"DROP INDEX IF EXISTS {quoted(change.name.name)};")
            return
    if context.section.name == "down" and _is_unknown(context) and not _is_made_later(context):
        yield from _nameless(context)


def _nameless(context: Context[Dropping]) -> Iterator[Finding]:
    change = context.change
    kind, name = _kind_and_name(change)
    if context.hides(kind, quoted(name)):
        return
    made = [other for other in (_made(c) for c in context.doing) if other and other[0] == kind]
    near = nearest(name, [other for _, other in made if other != name])
    where = f" of table {_table(change)}" if _table(change) else ""
    message = f"DOWN drops {kind} {quoted(name)}{where}, which nothing in these migrations makes"
    if near:
        yield context.finding(f"{message}: {near} is what UP makes", instead=f"write {quoted(near)}")
    elif not change.if_exists:
        message += ": either it fails, or it drops what was there before"
        yield context.finding(message, instead="let DOWN undo what UP does and no more")
    else:
        yield context.finding(message, severity=Severity.WARNING, instead="name what UP makes, or leave it out")


def _alone(name: str) -> Any:
    from elf_sqlcheck.rule import Name

    return Name(None, name)


def _table(change: Dropping) -> str:
    if isinstance(change, Drop):
        return str(change.name) if change.part else ""
    return str(change.table)


def _kind_and_name(change: Dropping) -> tuple[str, str]:
    if isinstance(change, DropColumn):
        return "column", change.column
    if isinstance(change, DropConstraint):
        return "constraint", change.name
    return change.kind, change.part or change.name.name


def _made(change: Change) -> tuple[str, str] | None:
    """The kind and the name of what a statement of UP makes."""
    if isinstance(change, CreateTable):
        return "table", change.name.name
    if isinstance(change, CreateView):
        return ("materialized view" if change.materialized else "view"), change.name.name
    if isinstance(change, CreateIndex):
        return "index", change.name or ""
    if isinstance(change, AddColumn):
        return "column", change.column.name
    if isinstance(change, AddConstraint):
        return "constraint", change.constraint.name or ""
    if isinstance(change, CreateTrigger):
        return "trigger", change.trigger.name
    if isinstance(change, CreatePolicy):
        return "policy", change.policy.name
    if isinstance(change, (CreateEnum, CreateType, CreateDomain)):
        return "type", change.name.name
    if isinstance(change, CreateFunction):
        return "function", change.name.name
    return ("sequence", change.name.name) if isinstance(change, CreateSequence) else None


def _is_made_later(context: Context[Dropping]) -> bool:
    """Whether a later statement of the section makes what this one drops, so that it only clears the way."""
    wanted = _kind_and_name(context.change)
    return any(_made(c) == wanted for c in context.changes if c.span.start > context.change.span.start)


def _is_unknown(context: Context[Dropping]) -> bool:
    """Whether nothing was ever said of what is dropped, by this migration or an earlier one."""
    change = context.change
    schema = context.now
    if isinstance(change, Drop) and not change.part:
        if change.kind in _RELATIONS - {"sequence"}:
            unnamed = change.kind == "index" and any(isinstance(c, CreateIndex) and not c.name for c in context.doing)
            return schema.relation(change.name) is None and not unnamed
        kind = {"domain": "type", "type": "type"}.get(change.kind)
        return kind is not None and not schema.knows(kind, change.name) and not schema.is_absent(kind, change.name)
    table = schema.table(change.name if isinstance(change, Drop) else change.table)
    if table is None:
        return False
    if isinstance(change, DropColumn):
        return change.column not in table.columns and not (table.known and not table.complete) and not table.complete
    if isinstance(change, DropConstraint):
        return False
    parts = table.triggers if change.kind == "trigger" else table.policies
    return change.kind in {"trigger", "policy"} and change.part not in parts


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


_HEAD = "-- Version: 20250102_000000\n\n-- ============= UP MIGRATION =============\n"
_DOWN = "\n-- ============= DOWN MIGRATION ============\n"


def _example(up: str, down: str, before: str = "") -> Example:
    return Example(f"{_HEAD}{up}\n{_DOWN}{down}\n", before=before)


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
        _example(
            "CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE TABLE b (a UUID REFERENCES a (id));",
            "DROP TABLE a; -- finding\nDROP TABLE b;",
        ),
        _example("CREATE TABLE a (id UUID);\nCREATE VIEW v AS SELECT id FROM a;", "DROP TABLE IF EXISTS a; -- finding"),
        _example(
            "CREATE TYPE tone AS ENUM ('low');\nCREATE TABLE a (tone tone);",
            "DROP TYPE tone; -- finding\nDROP TABLE a;",
        ),
        _example("CREATE SCHEMA s;\nCREATE TABLE s.a (id UUID);", "DROP SCHEMA s; -- finding\nDROP TABLE s.a;"),
        _example(
            "CREATE TABLE a (id UUID);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
            "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();",
            "DROP FUNCTION f(); -- finding\nDROP TABLE a;",
        ),
        _example(
            "CREATE OR REPLACE VIEW grown AS SELECT id, age, email FROM users;",
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users; -- finding",
            before=_USERS,
        ),
        _example(
            "ALTER TABLE users ADD COLUMN nick TEXT;",
            "ALTER TABLE users ADD COLUMN nick TEXT; -- finding",
            before=_USERS,
        ),
        _example("ALTER TYPE mood ADD VALUE 'happy';", "ALTER TYPE mood ADD VALUE 'sad'; -- finding", before=_USERS),
        _example("DROP INDEX idx_users_age;", "DROP INDEX idx_users_age; -- finding", before=_USERS),
        _example(
            "ALTER TABLE users RENAME COLUMN email TO mail;",
            "ALTER TABLE users DROP COLUMN email; -- finding",
            before=_USERS,
        ),
        _example("ALTER TABLE posts RENAME TO notes;", "ALTER TABLE posts RENAME TO notes; -- finding", before=_USERS),
        _example(
            "CREATE INDEX idx_users_email ON users (email);",
            "DROP INDEX idx_users_email;\nDROP INDEX users_email_key; -- finding",
            before=_USERS,
        ),
        _example(
            "ALTER TABLE posts ALTER COLUMN author TYPE TEXT;",
            "ALTER TABLE posts ALTER COLUMN author TYPE UUID; -- finding",
            before="CREATE TABLE posts (author UUID);",
        ),
        _example(
            "CREATE OR REPLACE FUNCTION one(x INT) RETURNS INT LANGUAGE sql AS 'SELECT 2';",
            "CREATE OR REPLACE FUNCTION one(y INT) RETURNS INT LANGUAGE sql AS 'SELECT 1'; -- finding",
            before="CREATE FUNCTION one(x INT) RETURNS INT LANGUAGE sql AS 'SELECT 1';",
        ),
    ),
    good=(
        _example(
            "CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE TABLE b (a UUID REFERENCES a (id));",
            "DROP TABLE a, b;",
        ),
        _example(
            "CREATE TABLE a (id UUID PRIMARY KEY, b UUID REFERENCES a);\nCREATE VIEW v AS SELECT id FROM a;",
            "DROP TABLE a CASCADE;",
        ),
        _example(
            "CREATE TABLE a (id UUID) PARTITION BY HASH (id);\nCREATE TABLE a1 PARTITION OF a FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
            "DROP TABLE a;",
        ),
        _example(
            "DROP VIEW grown;\nALTER TABLE users ALTER COLUMN age TYPE BIGINT;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            "DROP VIEW grown;\nALTER TABLE users ALTER COLUMN age TYPE INT;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        _example("CREATE TABLE a (id UUID);", "DROP TABLE IF EXISTS a;\nDROP TABLE IF EXISTS a;"),
        _example(
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users WHERE age > 17;",
            "CREATE OR REPLACE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        _example(
            "ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(100);",
            "ALTER TABLE users ALTER COLUMN email TYPE TEXT;",
            before=_USERS,
        ),
    ),
)

DOWN_NAMES_NOTHING = Rule(
    name="down-names-nothing",
    family="rollback",
    severity=Severity.ERROR,
    summary="a DROP of what is not there, hidden by IF EXISTS",
    why="IF EXISTS turns a misspelt name into success: the rollback reports that it is done, and what it meant to drop stays.",
    instead="Name what UP makes.",
    on=(Drop, DropColumn, DropConstraint),
    check=_down_names_nothing,
    sections=("up", "down"),
    bad=(
        _example("CREATE TABLE accounts (id UUID);", "DROP TABLE IF EXISTS acounts; -- finding"),
        _example(
            "CREATE INDEX idx_users_email ON users (email);",
            "DROP INDEX IF EXISTS users.idx_users_email; -- finding",
            before=_USERS,
        ),
        _example("CREATE VIEW v AS SELECT 1 AS one;", "DROP TABLE IF EXISTS v; -- finding"),
        _example("CREATE TABLE a (id UUID);", "DROP TABLE a;\nDROP VIEW IF EXISTS nothing_like_it; -- finding"),
        _example("CREATE TABLE a (id UUID);", "DROP TABLE a;\nDROP TABLE older; -- finding"),
    ),
    good=(
        _example(
            "CREATE TABLE a (id UUID);\nCREATE INDEX idx_a ON a (id);",
            "DROP TABLE IF EXISTS a;\nDROP INDEX IF EXISTS idx_a;",
        ),
        _example(
            "DROP VIEW grown;",
            "DROP VIEW IF EXISTS grown;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        _example("CREATE POLICY own ON posts USING (true);", "DROP POLICY IF EXISTS own ON posts;", before=_USERS),
        _example(
            "DROP TRIGGER IF EXISTS t ON posts;\nCREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION touch();",
            "DROP TRIGGER t ON posts;",
            before=_USERS,
        ),
        _example("DO $$ BEGIN CREATE TABLE b (id UUID); END $$;", "DROP TABLE IF EXISTS b;"),
        _example("DROP TABLE IF EXISTS long_gone;", "SELECT 1;"),
        _example("CREATE TABLE a (id SERIAL);", "DROP TABLE a;\nDROP SEQUENCE IF EXISTS a_id_seq;"),
    ),
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
        _example(
            "ALTER TABLE users DROP COLUMN email;",
            "ALTER TABLE users ADD COLUMN email TEXT UNIQUE; -- finding",
            before=_USERS,
        ),
        _example(
            "DROP TABLE posts;", "CREATE TABLE posts (author UUID REFERENCES users (id)); -- finding", before=_USERS
        ),
        _example(
            "ALTER TABLE users ALTER COLUMN price TYPE NUMERIC(12,0);",
            "ALTER TABLE users ALTER COLUMN price TYPE NUMERIC(12,4); -- finding",
            before=_USERS,
        ),
    ),
    good=(
        _example(
            "ALTER TABLE users DROP COLUMN email;",
            "-- The addresses are lost; support has the export.\nALTER TABLE users ADD COLUMN email TEXT UNIQUE;",
            before=_USERS,
        ),
        _example(
            "CREATE TABLE old_posts AS SELECT * FROM posts;\nDROP TABLE posts;",
            "CREATE TABLE posts (author UUID REFERENCES users (id));\nINSERT INTO posts SELECT * FROM old_posts;\nDROP TABLE old_posts;",
            before=_USERS,
        ),
        _example("ALTER TABLE users ADD COLUMN nick TEXT;", "ALTER TABLE users DROP COLUMN nick;", before=_USERS),
        _example(
            "ALTER TABLE posts ALTER COLUMN author TYPE TEXT;",
            "ALTER TABLE posts ALTER COLUMN author TYPE UUID USING author::uuid;",
            before="CREATE TABLE posts (author UUID);",
        ),
    ),
)

RULES = (DOWN_CANNOT_RUN, DOWN_NAMES_NOTHING, IRREVERSIBLE_STEP)
