"""The way back: a migration that cannot be rolled back, or not all the way."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddConstraint,
    Applicability,
    Context,
    CreateTable,
    Drop,
    DropColumn,
    DropConstraint,
    Edit,
    Example,
    Finding,
    Fix,
    Migration,
    Rename,
    Rule,
    SetSchema,
    Severity,
    Span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import SchemaDifference

#: What goes before everything else in DOWN, because later statements may drop what it belongs to.
_FIRST = frozenset(
    ["index", "policy", "trigger", "constraint", "column", "comment", "grant", "view", "materialized view"]
)


def _missing_down(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    if migration.down is not None or migration.irreversible or not (migration.up.statements or migration.broken):
        return
    header = next((header for header in migration.headers if header.key == "irreversible"), None)
    proposal = context.propose_down()
    undo = "\n".join(proposal.statements)
    fix = None
    if undo and not proposal.missing:
        end = Span(len(migration.data.rstrip()), len(migration.data))
        text = f"\n\n-- ============= DOWN MIGRATION ============\n\n{undo}\n"
        certain = Applicability.UNSAFE if proposal.loses else Applicability.SAFE
        fix = Fix("add a DOWN section", (Edit(end, text),), certain if proposal.proven else Applicability.SHOWN)
    message = "there is no DOWN section, so this migration cannot be rolled back"
    if header:
        message = "the Irreversible header gives no reason, and there is no DOWN section"
    elif proposal.missing:
        line = migration.position(proposal.missing[0].span.start)[0]
        message += f"; what undoes line {line} is not known here"
    instead = f"-- ============= DOWN MIGRATION ============\n{undo}" if undo and not proposal.missing else ""
    yield context.finding(message, header.span if header else None, whole_file=header is None, instead=instead, fix=fix)


def _incomplete_down(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    if migration.down is None or migration.irreversible:
        return
    groups: dict[tuple[int, str], list[SchemaDifference]] = {}
    for difference in context.differences():
        if difference.position >= 0 and not _is_taken_by_down(context, difference):
            groups.setdefault((difference.position, _group(context, difference)), []).append(difference)
    fix = _completion(context, sorted({position for position, _ in groups})) if groups else None
    for group in groups.values():
        yield _by_up(context, group, fix)


def _completion(context: Context[Migration], positions: list[int]) -> Fix | None:
    """What has to be added to DOWN for the changes that it leaves undone, where the fold proves that this is all."""
    undo = [context.inverse(context.changes[position], context.before.at(position)) for position in reversed(positions)]
    down = context.migration.down
    if not all(undo) or down is None:
        return None
    added = "\n".join(dict.fromkeys(undo))
    present = context.text(down.span)
    for text, edits in (
        (f"{added}\n{present}", context.prepend_down(added)),
        (f"{present}\n;{added}", context.append_down(added)),
    ):
        if edits and context.prove_down(text):
            return Fix(f"add to DOWN: {added.replace(chr(10), ' ')}", edits, Applicability.UNSAFE)
    return None


def _is_taken_by_down(context: Context[Migration], difference: SchemaDifference) -> bool:
    """Whether DOWN drops what UP only changes."""
    change = context.changes[difference.position] if difference.position >= 0 else None
    taking = (Drop, DropColumn, DropConstraint, Rename, SetSchema)
    # An index that UP turns into a constraint goes with it.
    takes = bool(change.constraint.using_index) if isinstance(change, AddConstraint) else isinstance(change, taking)
    return difference.change == "not restored" and not takes


def _down_drops_older(context: Context[Migration]) -> Iterator[Finding]:
    """What DOWN does to something that UP left alone, or only changed."""
    migration = context.migration
    if migration.down is None or migration.irreversible:
        return
    for difference in context.differences():
        changed = difference.position >= 0
        if changed and not _is_taken_by_down(context, difference):
            continue
        change = next((c for c in context.undoing if context.names(c, difference)), None)
        if change is None:
            continue
        kind = "table, view or index" if difference.kind == "relation" else difference.kind
        drops = difference.change == "not restored"
        message = f"DOWN {'drops' if drops else 'alters'} {kind} {difference.name}, which "
        message += "UP only changes" if changed else "was there before this migration"
        detail = f": {difference.detail}" if difference.detail else ""
        yield context.finding(message + detail, change.span)


def _group(context: Context[Migration], difference: SchemaDifference) -> str:
    """What is told together with other differences that one change of UP made."""
    return "renamed" if isinstance(context.changes[difference.position], Rename) else difference.change


def _by_up(context: Context[Migration], group: list[SchemaDifference], fix: Fix | None) -> Finding:
    first = group[0]
    change = context.changes[first.position]
    kind = "table, view or index" if first.kind == "relation" else first.kind
    message = {
        "left behind": f"UP makes {kind} {first.name} and DOWN does not drop it",
        "not restored": f"UP drops {kind} {first.name} and DOWN does not bring it back",
        "changed": f"DOWN does not put {kind} {first.name} back as it was"
        + (f": {first.detail}" if first.detail else ""),
    }[first.change]
    if isinstance(change, Rename):
        part = f"{change.kind} {change.part} of {change.name}" if change.part else f"{change.kind} {change.name}"
        message = f"UP renames {part} to {change.to} and DOWN does not rename it back"
    elif isinstance(change, AddConstraint) and first.change == "not restored":
        message = f"UP turns index {first.name} into a constraint, and DOWN drops both: the index is not made again"
    elif len(group) > 1:
        message += " (nor " + ", ".join(f"{other.kind} {other.name}" for other in group[1:]) + ")"
    undo = context.inverse(change, context.before.at(first.position))
    if undo and fix is None:
        later = any(isinstance(other, CreateTable) for other in context.changes[first.position + 1 :])
        early = first.kind in _FIRST or (first.kind == "table" and not later)
        edits = context.prepend_down(undo) if early else context.append_down(undo)
        fix = Fix(f"add to DOWN: {undo}", edits, Applicability.SHOWN) if edits else None
    return context.finding(message, change.span, instead=f"in DOWN: {undo}" if undo else "", fix=fix)


_HEAD = "-- Migration: Add Notes\n-- Version: 20250102_000000\n-- Description: Notes of a team\n{more}\n"
_PATH = "migrations/20250102_000000_add_notes.sql"
_MARKERS = ("-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION ============\n")


def _file(up: str, down: str | None = None, more: str = "") -> str:
    below = "" if down is None else f"\n{_MARKERS[1]}{down}\n"
    return f"{_HEAD.format(more=more)}{_MARKERS[0]}{up}\n{below}"


def _example(up: str, down: str, fixed: str | None = None, before: str = "", runs: str = "") -> Example:
    whole = None if fixed is None else _file(up.replace(" -- finding", ""), fixed)
    return Example(_file(up, down), before=before, fixed=whole, unsafe=True, path=_PATH, runs=runs)


_USERS = (
    "CREATE TABLE users (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, email TEXT NOT NULL, age INT DEFAULT 1);\n"
    "CREATE INDEX idx_users_age ON users (age);\nCREATE TYPE mood AS ENUM ('sad', 'ok');\n"
    "CREATE FUNCTION one() RETURNS INT LANGUAGE sql AS 'SELECT 1';\nCREATE VIEW grown AS SELECT id FROM users;"
)

MISSING_DOWN = Rule(
    name="missing-down",
    family="rollback",
    severity=Severity.ERROR,
    summary="no DOWN section and no reason for its absence",
    why="When the release goes wrong there is no way back: somebody writes it by hand, at night, against production.",
    instead="Write a DOWN section, or say why there is none: -- Irreversible: <reason>",
    on=(Migration,),
    check=_missing_down,
    bad=(
        Example(
            "-- finding\n" + _file("CREATE TABLE notes (id UUID);\nCREATE INDEX idx_notes_id ON notes (id);"),
            path=_PATH,
            fixed=_file(
                "CREATE TABLE notes (id UUID);\nCREATE INDEX idx_notes_id ON notes (id);",
                "\nDROP TABLE IF EXISTS notes;",
            ),
            unsafe=True,
        ),
        Example("-- finding\n" + _file("UPDATE users SET age = 2;"), before=_USERS, path=_PATH),
        Example(_file("SELECT 1;", more="-- Irreversible: -- finding\n"), path=_PATH),
    ),
    good=(
        Example(_file("CREATE TABLE notes (id UUID);", "DROP TABLE IF EXISTS notes;"), path=_PATH),
        Example(_file("DELETE FROM users;", more="-- Irreversible: the rows are gone\n"), before=_USERS, path=_PATH),
        Example(_file("-- to be written"), path=_PATH),
    ),
    layouts=("elf",),
)

INCOMPLETE_DOWN = Rule(
    name="incomplete-down",
    family="rollback",
    severity=Severity.ERROR,
    summary="after UP and DOWN the schema is not what it was before",
    why="A rollback reports success and leaves the database in a state that no test has seen; the next UP fails on what is still there.",
    instead="Let DOWN undo each statement of UP, last one first; `elf-sqlcheck verify` proves it.",
    on=(Migration,),
    check=_incomplete_down,
    bad=(
        _example(
            "CREATE TABLE a (id UUID);\nCREATE INDEX idx_users_email ON users (email); -- finding",
            "DROP TABLE IF EXISTS a;",
            "\n\nDROP INDEX IF EXISTS idx_users_email;\nDROP TABLE IF EXISTS a;".removeprefix("\n"),
            before=_USERS,
        ),
        _example("CREATE TABLE a (id UUID); -- finding\nCREATE TABLE b (id UUID); -- finding", "-- nothing"),
        _example(
            "ALTER TABLE users ADD COLUMN nick TEXT, -- finding\n    ALTER COLUMN email DROP NOT NULL; -- finding",
            "SELECT 1;",
            before=_USERS,
        ),
        _example("ALTER TABLE users DROP COLUMN age; -- finding", "SELECT 1;", before=_USERS),
        _example(
            "ALTER TABLE users DROP COLUMN age; -- finding",
            "ALTER TABLE users ADD COLUMN age INT DEFAULT 1;",
            before=_USERS,
        ),
        _example("ALTER TABLE users ALTER COLUMN age TYPE BIGINT; -- finding", "SELECT 1;", before=_USERS),
        _example("ALTER TABLE users ALTER COLUMN age DROP DEFAULT; -- finding", "SELECT 1;", before=_USERS),
        _example("DROP VIEW grown; -- finding", "SELECT 1;", before=_USERS),
        _example(
            "CREATE OR REPLACE FUNCTION one() RETURNS INT LANGUAGE sql AS 'SELECT 2'; -- finding",
            "SELECT 1;",
            before=_USERS,
        ),
        _example("ALTER TYPE mood ADD VALUE 'happy'; -- finding", "SELECT 1;", before=_USERS),
        _example("ALTER TABLE users RENAME COLUMN age TO years; -- finding", "SELECT 1;", before=_USERS),
        _example("ALTER TABLE users ENABLE ROW LEVEL SECURITY; -- finding", "SELECT 1;", before=_USERS),
        _example("CREATE POLICY own ON users USING (true); -- finding", "SELECT 1;", before=_USERS),
        _example("ALTER TABLE users ADD CONSTRAINT grown_up CHECK (age > 17); -- finding", "SELECT 1;", before=_USERS),
        _example("COMMENT ON TABLE users IS 'people'; -- finding", "SELECT 1;", before=_USERS),
        _example(
            "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email; -- finding",
            "ALTER TABLE users DROP CONSTRAINT IF EXISTS users_email_key;",
            before=f"{_USERS}\nCREATE UNIQUE INDEX users_email ON users (email);",
        ),
    ),
    good=(
        _example(
            "ALTER TABLE counted ALTER COLUMN id TYPE BIGINT;\nALTER SEQUENCE counted_id_seq AS BIGINT RESTART 100;",
            "ALTER TABLE counted ALTER COLUMN id TYPE INTEGER;\nALTER SEQUENCE counted_id_seq AS INTEGER;",
            before="CREATE TABLE counted (id SERIAL PRIMARY KEY);",
        ),
        _example(
            "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';\nALTER TABLE a DROP COLUMN state;",
            "ALTER TABLE a ADD COLUMN state mood DEFAULT 'fine';\nALTER TYPE mood RENAME VALUE 'fine' TO 'ok';",
            before="CREATE TYPE mood AS ENUM ('sad', 'ok');\nCREATE TABLE a (state mood DEFAULT 'ok');",
        ),
        _example(
            "ALTER TABLE a DROP CONSTRAINT a_kind_check;",
            "ALTER TABLE a ADD CONSTRAINT a_kind_check CHECK (kind IN ('x', 'y'));",
            before="CREATE TABLE a (kind TEXT CHECK (kind IN ('x', 'y')));",
        ),
        _example(
            "CREATE INDEX idx_visits_1 ON visits_1 (at);\nCREATE INDEX idx_visits ON visits (at);",
            "DROP INDEX idx_visits;",
            before="CREATE TABLE visits (at DATE) PARTITION BY RANGE (at);\n"
            "DO $$ BEGIN EXECUTE format('CREATE TABLE visits_%s PARTITION OF visits DEFAULT', length('x')); END $$;",
        ),
        _example(
            "DROP INDEX idx_a_day;",
            "CREATE INDEX idx_a_day ON a (day);",
            before="CREATE TABLE a (day DATE);\nCREATE INDEX idx_a_day ON a (date(day));",
        ),
        _example(
            "CREATE TABLE merged AS SELECT one AS first, 2 AS second FROM a;\nDROP TABLE a;",
            "ALTER TABLE merged RENAME TO a;\nALTER TABLE a RENAME COLUMN first TO one;\nALTER TABLE a DROP COLUMN second;",
            before="CREATE TABLE a (one INT);",
        ),
        _example(
            "ALTER TABLE b ALTER CONSTRAINT b_a_fkey DEFERRABLE;",
            "ALTER TABLE b ALTER CONSTRAINT b_a_fkey NOT DEFERRABLE;",
            before="CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE TABLE b (a UUID REFERENCES a (id));",
        ),
        _example(
            "CREATE TABLE a (id UUID PRIMARY KEY);\nCREATE INDEX idx_a ON a (id);\nCOMMENT ON TABLE a IS 'x';",
            "DROP TABLE IF EXISTS a;",
        ),
        _example(
            "CREATE SCHEMA s;\nCREATE TABLE s.a (id UUID);\nCREATE TYPE s.t AS ENUM ('x');", "DROP SCHEMA s CASCADE;"
        ),
        _example(
            "ALTER TABLE users DROP COLUMN age;",
            "ALTER TABLE users ADD COLUMN age INT DEFAULT 1;\nCREATE INDEX idx_users_age ON users (age);",
            before=_USERS,
        ),
        _example("ALTER TABLE users RENAME TO people;", "ALTER TABLE people RENAME TO users;", before=_USERS),
        _example(
            "CREATE EXTENSION IF NOT EXISTS pgcrypto;\nCREATE ROLE notes_reader;",
            "SELECT 1;",
            runs="roles outlive databases",
        ),
        _example("DROP TRIGGER IF EXISTS old ON users;\nDROP FUNCTION IF EXISTS older();", "SELECT 1;", before=_USERS),
        _example("CREATE TABLE a (id UUID);", "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'a'); END $$;"),
        _example("CREATE TABLE a (id UUID);", "DO $$ BEGIN DROP TABLE IF EXISTS a; END $$;"),
        _example("DO $$ BEGIN CREATE TABLE a (id UUID); END $$;", "DROP TABLE a;"),
        _example("CREATE TEMP TABLE work AS SELECT 1 AS one;\nDELETE FROM users;", "SELECT 1;", before=_USERS),
        _example("CREATE TABLE IF NOT EXISTS users (id UUID);", "SELECT 1;", before=_USERS),
    ),
)

DOWN_DROPS_OLDER = Rule(
    name="down-drops-older",
    family="rollback",
    severity=Severity.ERROR,
    summary="DOWN drops or alters what was there before the migration",
    why="A rollback then takes away more than the release brought: tables with their rows, or what earlier code still uses.",
    instead="Let DOWN undo what UP does and no more.",
    on=(Migration,),
    check=_down_drops_older,
    bad=(
        _example(
            "CREATE SCHEMA notes;\nCREATE TABLE notes.a (id UUID);",
            "DROP SCHEMA notes CASCADE;\nDROP VIEW grown; -- finding",
            before=_USERS,
        ),
        _example("ALTER TABLE users ADD COLUMN nick TEXT;", "DROP TABLE users CASCADE; -- finding", before=_USERS),
        _example("CREATE TABLE IF NOT EXISTS users (id UUID);", "DROP TABLE users CASCADE; -- finding", before=_USERS),
        _example("CREATE TABLE a (id UUID);", "DROP TABLE a;\nDROP INDEX idx_users_age; -- finding", before=_USERS),
        _example(
            "CREATE TABLE a (id UUID);", "DROP TABLE a;\nALTER TABLE users DROP COLUMN age; -- finding", before=_USERS
        ),
        _example(
            "ALTER TABLE users ADD COLUMN nick TEXT;",
            "ALTER TABLE users DROP COLUMN nick, ALTER COLUMN email DROP NOT NULL; -- finding",
            before=_USERS,
        ),
    ),
    good=(
        _example("CREATE TABLE a (id UUID);", "DROP TABLE a;", before=_USERS),
        _example(
            "CREATE OR REPLACE VIEW grown AS SELECT id FROM users WHERE age > 17;",
            "DROP VIEW grown;\nCREATE VIEW grown AS SELECT id FROM users;",
            before=_USERS,
        ),
        _example("CREATE TABLE IF NOT EXISTS notes (id UUID);", "DROP TABLE IF EXISTS notes;", before=_USERS),
        _example("ALTER TABLE users RENAME TO people;", "ALTER TABLE people RENAME TO users;", before=_USERS),
    ),
)

RULES = (MISSING_DOWN, INCOMPLETE_DOWN, DOWN_DROPS_OLDER)
