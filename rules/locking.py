"""Locks as such: how many, for how long, and whether there is an end to waiting for them."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    BLOCKS,
    AddConstraint,
    CreateIndex,
    CreateTable,
    CreateTrigger,
    CreateView,
    Drop,
    Example,
    Fix,
    LockTable,
    Migration,
    RefreshView,
    Rename,
    Rule,
    SetOwner,
    SetSchema,
    SetTrigger,
    Severity,
    ValidateConstraint,
    WriteRows,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding, Name

_EXCLUSIVE = "access exclusive"
_MANY = 3
_SLOW = frozenset({CreateTable, CreateView, RefreshView, ValidateConstraint, WriteRows})
#: Of the statements about a table, those that do not lock it against reads; and others that may do so.
_HARMLESS = frozenset({CreateIndex, CreateTrigger, SetTrigger, ValidateConstraint})
_BY_NAME = frozenset({Drop, Rename, SetOwner, SetSchema})
_TIMEOUT = "SET LOCAL lock_timeout = '5s';"


def _line(context: Context[Migration], change: Change) -> int:
    return context.migration.position(change.statement.span.start)[0]


def _may_be_slow(change: Change) -> bool:
    """Whether a change is slow on a large table; a test that costs next to nothing."""
    if isinstance(change, WriteRows):
        return change.from_query or change.kind not in {"insert", "truncate"}
    if isinstance(change, CreateView):
        return change.materialized
    return not isinstance(change, CreateTable) or change.as_query


def _slow_work(context: Context[Migration], change: Change, position: int) -> str:
    """What a change that no other rule of the family is about does to many rows, in words; "" for nothing."""
    now = context.before.at(context.before.position + position)
    if isinstance(change, WriteRows):
        if (
            change.kind in {"update", "delete", "merge"}
            and now.rows(change.table) == "many"
            and not context.is_small(change.table)
        ):
            return f"{change.kind.upper()} of {change.table}"
        if change.kind == "copy" or change.from_query:
            return f"{change.kind.upper()} into {change.table}"
    elif isinstance(change, ValidateConstraint):
        table = now.table(change.table)
        known = table.constraints.get(change.name) if table else None
        if (
            now.rows(change.table) == "many"
            and not _is_added_here(context, change)
            and (known is None or known.not_valid)
        ):
            return f"VALIDATE CONSTRAINT {quoted(change.name)}"
    elif isinstance(change, CreateTable):
        return f"CREATE TABLE {change.name} AS" if change.as_query and not change.empty else ""
    elif isinstance(change, CreateView):
        return f"CREATE MATERIALIZED VIEW {change.name}" if change.materialized else ""
    elif isinstance(change, RefreshView):
        return f"REFRESH MATERIALIZED VIEW {change.name}"
    return ""


def _is_added_here(context: Context[Migration], change: ValidateConstraint) -> bool:
    """Whether validate-in-same-transaction is about it."""
    return any(added.constraint.name == change.name for added in context.of(AddConstraint))


def _work_under_exclusive_lock(context: Context[Migration]) -> Iterator[Finding]:
    if not any(type(c) in _SLOW and _may_be_slow(c) for c in context.changes):
        return
    holding: dict[int, tuple[Change, Name]] = {}
    locked = {id(change): found for change, found in context.locked()}
    if not any(effect.mode == _EXCLUSIVE for found in locked.values() for effect in found):
        return
    for position, change in enumerate(context.changes):
        number = context.transaction(change)
        if number is None:
            continue
        if number in holding:
            work = _slow_work(context, change, position)
            if work:
                holder, table = holding.pop(number)
                message = (
                    f"{work} runs while line {_line(context, holder)} holds ACCESS EXCLUSIVE on {table}: nobody reads "
                    f"or writes {table} until all of it is done and committed"
                )
                yield context.finding(message, change.span)
                return
        for effect in locked.get(id(change), ()):
            if effect.mode == _EXCLUSIVE:
                holding.setdefault(number, (change, _shown(context, effect.table)))


def _shown(context: Context[Migration], name: Name) -> Name:
    """The name without its schema where that is the usual one."""
    return name.replace(schema=None) if name.schema in context.now.search_path else name


def _many_tables_locked(context: Context[Migration]) -> Iterator[Finding]:
    names: set[str] = set()
    for change in context.changes:
        kind = type(change)
        if kind is LockTable or (isinstance(change, Drop) and change.kind == "table"):
            break  # of one statement, several tables
        if kind in _BY_NAME:
            names.add(change.name.name)  # type: ignore[attr-defined]
        elif kind not in _HARMLESS and getattr(change, "table", None):
            names.add(change.table.name)  # type: ignore[attr-defined]
    else:
        if len(names) <= _MANY:
            return
    tables: dict[int, dict[Name, None]] = {}
    found = [(change, e.table) for change, made in context.locked() for e in made if e.mode == _EXCLUSIVE]
    if len(found) <= _MANY:
        return
    for change, table in found:
        number = context.transaction(change)
        if number is None or not context.now.is_older(table):
            continue
        held = tables.setdefault(number, {})
        if table in held:
            continue
        held[table] = None
        if len(held) == _MANY + 1:
            shown = ", ".join(str(_shown(context, name)) for name in held)
            message = f"this is the fourth table that one transaction locks against reads and writes ({shown}): all stay locked to its end, and whoever uses them in another order runs into a deadlock"
            yield context.finding(message, change.span)


def _missing_lock_timeout(context: Context[Migration]) -> Iterator[Finding]:
    if context.settings.get("lock-timeout") and not context.migration.timeouts:
        return
    taken: set[Name] = set()
    for change, found in context.locked():
        if isinstance(change, CreateTrigger | SetTrigger) or (isinstance(change, Drop) and change.kind == "trigger"):
            continue
        if isinstance(change, LockTable) and change.nowait:
            taken.update(effect.table for effect in found)
        risky = next((e for e in found if e.mode in BLOCKS and e.table not in taken), None)
        if risky is None:
            continue
        if context.has_lock_timeout(change):
            return
        table = _shown(context, risky.table)
        message = (
            f"this waits for {risky.mode.upper()} on {table} for as long as it takes: behind one long query, and all "
            f"later {BLOCKS[risky.mode]} of {table} wait behind it"
        )
        number = context.transaction(change)
        setting = _TIMEOUT if number is not None else _TIMEOUT.replace(" LOCAL", "")
        edits = context.prepend(setting) if number in {None, 0} else ()
        fix = Fix(f"begin with {setting}", edits) if edits else None
        yield context.finding(message, change.span, instead=setting, fix=fix)
        return


def _trigger_on_busy_table(context: Context[CreateTrigger | SetTrigger | Drop]) -> Iterator[Finding]:
    change = context.change
    blocked, lock, then = "writes", "SHARE ROW EXCLUSIVE", ""
    if isinstance(change, CreateTrigger):
        table, does = change.table, f"trigger {quoted(change.trigger.name)}"
        then = f"; from then on each of them runs {change.trigger.function}() and fails when it fails"
    elif isinstance(change, SetTrigger):
        name = {"*": "all triggers", "": "the user's triggers"}.get(change.name, f"trigger {quoted(change.name)}")
        table, does = change.table, f"{'disabling' if change.enabled == 'disabled' else 'enabling'} {name}"
        if change.enabled == "disabled":
            then = "; rows that are written from then on are never seen by it"
    elif change.kind == "trigger":
        table, does = change.name, f"dropping trigger {quoted(change.part or '')}"
        blocked, lock = "reads and writes", "ACCESS EXCLUSIVE"
    else:
        return
    if not context.is_busy(table) or (isinstance(change, Drop) and _is_replaced(context, change)):
        return
    if (isinstance(change, SetTrigger) and change.enabled == "disabled") or not context.has_lock_timeout():
        message = f"{does} takes {lock} on {table}: it waits for the transactions that use the table, and all later {blocked} wait behind it{then}"
        quiet = "try it in a quiet hour, and again when the lock_timeout ends it"
        instead = quiet if context.has_lock_timeout() else f"{_TIMEOUT} before it; {quiet}"
        yield context.finding(message, instead=instead)


def _triggers(context: Context[Any]) -> dict[str | None, list[CreateTrigger]]:
    found: dict[str | None, list[CreateTrigger]] = {}
    for change in context.of(CreateTrigger):
        found.setdefault(change.trigger.name, []).append(change)
    return found


def _is_replaced(context: Context[CreateTrigger | SetTrigger | Drop], change: Drop) -> bool:
    """Whether a trigger is dropped to be made again, or with its table."""
    again = (made.table == change.name for made in context.once(_triggers).get(change.part, ()))
    return any(again) or context.after.is_absent("relation", change.name)


_USERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text, age int);\nCREATE TABLE posts (id uuid PRIMARY KEY, title text);\nCREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
_TRIGGER = "CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();"
_FOUR = "".join(f"CREATE TABLE t{n} (id uuid PRIMARY KEY);\n" for n in range(1, 5))
_HEAD = "-- Migration: Step\n-- Version: 20250102_000000\n-- Description: Step\n-- Transaction: none\n\n-- ==== UP MIGRATION ====\n"

# fmt: off
RULES = (
    Rule(
        name="work-under-exclusive-lock", family="locking", severity=Severity.WARNING, on=(Migration,), check=_work_under_exclusive_lock,
        summary="slow work in a transaction that has locked a table in use against reads and writes",
        why="A lock is held to the end of its transaction. An ALTER TABLE that takes a millisecond keeps everybody out for as long as the statements after it run.",
        instead="do the slow work in a migration of its own, before or after this one",
        bad=(
            Example("ALTER TABLE users ADD COLUMN state text;\nUPDATE users SET state = 'new'; -- finding", before=_USERS),
            Example("ALTER TABLE users ADD COLUMN state text;\nINSERT INTO posts (id, title) -- finding\n    SELECT id, email FROM users;", before=_USERS),
            Example("ALTER TABLE posts ENABLE ROW LEVEL SECURITY;\nALTER TABLE users VALIDATE CONSTRAINT users_age; -- finding", before=_USERS + "\nALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0) NOT VALID;"),
            Example("DROP TABLE posts;\nCREATE TABLE copies AS SELECT * FROM users; -- finding", before=_USERS),
        ),
        good=(
            Example("UPDATE users SET age = 0 WHERE age < 0;\nALTER TABLE users ADD COLUMN state text;", before=_USERS),
            Example("ALTER TABLE users ADD COLUMN state text;\nINSERT INTO posts (id, title) VALUES (gen_random_uuid(), 'one');\nCREATE TABLE teams (id uuid);\nUPDATE teams SET id = NULL;", before=_USERS),
            Example(_HEAD + "ALTER TABLE users ADD COLUMN state text;\nUPDATE users SET state = 'new' WHERE state IS NULL;\n", before=_USERS),
            Example("BEGIN;\nALTER TABLE users ADD COLUMN state text;\nCOMMIT;\nBEGIN;\nUPDATE users SET state = 'new';\nCOMMIT;", before=_USERS),
            Example("COMMENT ON TABLE users IS 'people';\nUPDATE users SET age = 0 WHERE age < 0;", before=_USERS),
            Example("CREATE TABLE teams (id uuid);\nALTER TABLE teams ADD COLUMN name text;\nINSERT INTO teams (id) SELECT id FROM users;", before=_USERS),
        ),
    ),
    Rule(
        name="many-tables-locked", family="locking", severity=Severity.WARNING, on=(Migration,), check=_many_tables_locked,
        summary="one transaction locks more than three older tables against reads and writes",
        why="Each of them stays locked until the last statement is through, waits for the others' locks included. A query that has one of the tables and wants another ends in a deadlock, with the migration or itself rolled back.",
        instead="a migration for each table, or `-- Transaction: none` where each statement may stand alone",
        bad=(
            Example("ALTER TABLE t1 ADD COLUMN a int;\nALTER TABLE t2 ADD COLUMN a int;\nALTER TABLE t3 ADD COLUMN a int;\nALTER TABLE t4 ADD COLUMN a int; -- finding", before=_FOUR),
            Example("DROP TABLE t1, t2, t3;\nALTER TABLE t4 ENABLE ROW LEVEL SECURITY; -- finding", before=_FOUR),
        ),
        good=(
            Example("ALTER TABLE t1 ADD COLUMN a int;\nALTER TABLE t1 ADD COLUMN b int;\nALTER TABLE t2 ADD COLUMN a int;\nALTER TABLE public.t2 ADD COLUMN b int;\nALTER TABLE t3 ADD COLUMN a int;", before=_FOUR),
            Example(_FOUR + "".join(f"ALTER TABLE t{n} ADD COLUMN a int;\n" for n in range(1, 5)).rstrip()),
            Example(_HEAD + "".join(f"ALTER TABLE t{n} ADD COLUMN a int;\n" for n in range(1, 5)), before=_FOUR),
            Example("".join(f"COMMENT ON TABLE t{n} IS 'one';\n" for n in range(1, 5)).rstrip(), before=_FOUR),
        ),
    ),
    Rule(
        name="missing-lock-timeout", family="locking", severity=Severity.WARNING, on=(Migration,), check=_missing_lock_timeout,
        summary="a lock on a table in use is waited for without end",
        why="While a statement waits for such a lock, everybody who comes after it waits too. One forgotten transaction in another session is enough to stop the whole application. With a lock_timeout the migration gives up instead, nothing has happened, and it is tried again.",
        instead="SET LOCAL lock_timeout = '5s'; at the top, or `lock-timeout` in the configuration",
        bad=(
            Example("ALTER TABLE users ADD COLUMN state text; -- finding\nALTER TABLE posts ADD COLUMN state text;", before=_USERS),
            Example(
                "-- ==== UP MIGRATION ====\nALTER TABLE users ADD COLUMN state text; -- finding\n\n-- ==== DOWN MIGRATION ====\nALTER TABLE users DROP COLUMN state;\n", before=_USERS,
                fixed="-- ==== UP MIGRATION ====\n\nSET LOCAL lock_timeout = '5s';\nALTER TABLE users ADD COLUMN state text;\n\n-- ==== DOWN MIGRATION ====\nALTER TABLE users DROP COLUMN state;\n",
            ),
            Example("SET LOCAL lock_timeout = 0;\nDROP TABLE users; -- finding", before=_USERS),
            Example("CREATE TABLE likes (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id)); -- finding", before=_USERS),
        ),
        good=(
            Example("SET LOCAL lock_timeout = '2s';\nALTER TABLE users ADD COLUMN state text;", before=_USERS),
            Example("SELECT set_config('lock_timeout', '2s', true);\nALTER TABLE users ADD COLUMN state text;", before=_USERS),
            Example("ALTER TABLE users ADD COLUMN state text;", before=_USERS, settings=(("lock-timeout", "5s"),)),
            Example(_USERS + "\nALTER TABLE users ADD COLUMN state text;"),
            Example(_HEAD + "CREATE INDEX CONCURRENTLY idx_users_email ON users (email);\nCOMMENT ON TABLE users IS 'people';\nINSERT INTO posts VALUES (gen_random_uuid(), 'one');\n", before=_USERS),
            Example("BEGIN;\nLOCK TABLE users IN ACCESS EXCLUSIVE MODE NOWAIT;\nALTER TABLE users ADD COLUMN state text;\nCOMMIT;", before=_USERS),
            Example("CREATE VIEW adults AS SELECT * FROM users;\nGRANT SELECT ON users TO PUBLIC;\nALTER TABLE users SET (fillfactor = 70);", before=_USERS),
        ),
    ),
    Rule(
        name="trigger-on-busy-table", family="locking", severity=Severity.WARNING, on=(CreateTrigger, SetTrigger, Drop), check=_trigger_on_busy_table, words=("trigger",),
        summary="a trigger of a table in use is made, enabled or dropped with no end to the wait for its lock, or is disabled",
        why="Making or switching a trigger waits for all transactions that have written to the table, dropping one for those that have read it as well; everybody who comes later waits behind it. And its function runs within the writers' own transactions: when it is slow they are, and when it fails they fail.",
        instead="SET LOCAL lock_timeout = '5s'; before it, and try again when it fails",
        bad=(
            Example(_TRIGGER + " -- finding", before=_USERS),
            Example("SET LOCAL lock_timeout = '2s';\nALTER TABLE users DISABLE TRIGGER users_touch; -- finding", before=_USERS + _TRIGGER),
            Example("DROP TRIGGER IF EXISTS users_touch ON users;\n" + _TRIGGER + " -- finding", before=_USERS + _TRIGGER),
            Example("DROP TRIGGER users_touch ON users; -- finding", before=_USERS + _TRIGGER),
            Example("ALTER TABLE users DISABLE TRIGGER users_touch; -- finding", before=_USERS + _TRIGGER),
            Example("ALTER TABLE users ENABLE TRIGGER USER; -- finding", before=_USERS + _TRIGGER),
        ),
        good=(
            Example(_USERS + "\n" + _TRIGGER),
            Example(_TRIGGER, before=_USERS, settings=(("table-sizes", {"public.users": 300}),)),
            Example("SET LOCAL lock_timeout = '2s';\n" + _TRIGGER, before=_USERS),
            Example(_TRIGGER, before=_USERS, settings=(("lock-timeout", "5s"),)),
            Example("CREATE TABLE teams (id uuid);\n" + _TRIGGER.replace("users", "teams"), before=_USERS),
            Example("DROP TRIGGER users_touch ON users;\nDROP TABLE users;", before=_USERS + _TRIGGER),
        ),
    ),
)
# fmt: on
