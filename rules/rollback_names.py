"""Names in a DROP that stand for nothing, or for something else."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
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
    Example,
    Name,
    Rule,
    Severity,
    nearest,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding

    Dropping = Drop | DropColumn | DropConstraint

_RELATIONS = frozenset(["table", "view", "materialized view", "index", "sequence", "foreign table"])


def _may_not_run(change: Change) -> bool:
    return change.statement.conditional or change.statement.guarded


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
        owner = (
            context.now.table(Name(None, change.name.schema)) if change.kind == "index" and change.name.schema else None
        )
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


def _last_made(context: Context[Any]) -> dict[tuple[str, str] | None, int]:
    """Where each object is made for the last time."""
    found: dict[tuple[str, str] | None, int] = {}
    for change in context.changes:
        made = _made(change)
        found[made] = max(found.get(made, -1), change.span.start)
    return found


def _is_made_later(context: Context[Dropping]) -> bool:
    """Whether a later statement of the section makes what this one drops, so that it only clears the way."""
    wanted = _kind_and_name(context.change)
    return context.once(_last_made).get(wanted, -1) > context.change.span.start


def _makes_unnamed(context: Context[Any]) -> bool:
    """Whether UP makes an index whose name Postgres chooses."""
    return any(isinstance(change, CreateIndex) and not change.name for change in context.doing)


def _is_unknown(context: Context[Dropping]) -> bool:
    """Whether nothing was ever said of what is dropped, by this migration or an earlier one."""
    change = context.change
    schema = context.now
    if isinstance(change, Drop) and not change.part:
        if change.kind in _RELATIONS - {"sequence"}:
            unnamed = change.kind == "index" and context.once(_makes_unnamed)
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


_USERS = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok');\n"
    "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT UNIQUE, age INT, state mood, price NUMERIC(12,4));\n"
    "CREATE INDEX idx_users_age ON users (age);\nCREATE VIEW grown AS SELECT id, age FROM users;\n"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
    "CREATE TABLE posts (author UUID REFERENCES users (id));"
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
        Example.reversible("CREATE TABLE accounts (id UUID);", "DROP TABLE IF EXISTS acounts; -- finding"),
        Example.reversible(
            "CREATE INDEX idx_users_email ON users (email);",
            "DROP INDEX IF EXISTS users.idx_users_email; -- finding",
            before=_USERS,
        ),
        Example.reversible("CREATE VIEW v AS SELECT 1 AS one;", "DROP TABLE IF EXISTS v; -- finding"),
        Example.reversible(
            "CREATE TABLE a (id UUID);", "DROP TABLE a;\nDROP VIEW IF EXISTS nothing_like_it; -- finding"
        ),
        Example.reversible("CREATE TABLE a (id UUID);", "DROP TABLE a;\nDROP TABLE older; -- finding"),
    ),
    good=(
        Example.reversible(
            "CREATE TABLE a (id UUID);\nCREATE INDEX idx_a ON a (id);",
            "DROP TABLE IF EXISTS a;\nDROP INDEX IF EXISTS idx_a;",
        ),
        Example.reversible(
            "DROP VIEW grown;",
            "DROP VIEW IF EXISTS grown;\nCREATE VIEW grown AS SELECT id, age FROM users;",
            before=_USERS,
        ),
        Example.reversible(
            "CREATE POLICY own ON posts USING (true);", "DROP POLICY IF EXISTS own ON posts;", before=_USERS
        ),
        Example.reversible(
            "DROP TRIGGER IF EXISTS t ON posts;\nCREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION touch();",
            "DROP TRIGGER t ON posts;",
            before=_USERS,
        ),
        Example.reversible("DO $$ BEGIN CREATE TABLE b (id UUID); END $$;", "DROP TABLE IF EXISTS b;"),
        Example.reversible("DROP TABLE IF EXISTS long_gone;", "SELECT 1;"),
        Example.reversible("CREATE TABLE a (id SERIAL);", "DROP TABLE a;\nDROP SEQUENCE IF EXISTS a_id_seq;"),
    ),
)

RULES = (DOWN_NAMES_NOTHING,)
