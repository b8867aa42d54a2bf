"""A label that an enum type gains, and what may not use it before the next transaction."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddEnumLabel,
    CreateEnum,
    CreateFunction,
    CreateTable,
    CreateView,
    Example,
    Rename,
    Rule,
    Severity,
    WriteRows,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from elf_sqlcheck.rule import Change, Column, Context, Finding, Name

#: From this version on a label may be used at once when its type was made in the same transaction.
_USABLE_WITH_NEW_TYPE = 17
#: Words that may stand between a column and the literal that it is compared with or set to.
_BETWEEN = frozenset(["in", "not", "any", "default", "set", "is", "distinct", "from", "array", "data", "type", "using"])


def _enum_value_used_early(context: Context[AddEnumLabel]) -> Iterator[Finding]:
    change = context.change
    number = context.transaction()
    known = context.now.enum(change.name)
    if number is None or change.statement.conditional or (known and change.label in known.labels):
        return
    if context.settings["postgres-version"] >= _USABLE_WITH_NEW_TYPE and _is_new(context, number):
        return
    literal = "'" + change.label.replace("'", "''") + "'"
    place = context.place
    for number_of_later, later in context.once(_users):
        if number_of_later < place:
            continue
        if literal not in context.text(later.statement.span) or context.transaction(later) != number:
            continue
        if _uses(context, later, literal):
            yield _finding(context, later)
            return


def _users(context: Context[Any]) -> list[tuple[int, Change]]:
    """The changes that may use a label, with their places."""
    return [
        (place, change)
        for place, change in enumerate(context.changes)
        if not change.statement.conditional and not isinstance(change, (AddEnumLabel, CreateFunction, Rename))
    ]


def _finding(context: Context[AddEnumLabel], later: Change) -> Finding:
    change = context.change
    line = context.migration.position(later.statement.span.start)[0]
    message = (
        f"the label {change.label} of type {change.name} is added here and used in line {line} of the same transaction, "
        "which fails: unsafe use of new value"
    )
    return context.finding(
        message, later.statement.span, instead="put ALTER TYPE … ADD VALUE into a migration of its own, before this one"
    )


def _is_new(context: Context[AddEnumLabel], number: int) -> bool:
    name = context.now.resolve(context.change.name, "type")
    return any(
        context.now.resolve(made.name, "type") == name
        and context.transaction(made) == number
        and context.place_of(made) < context.place
        for made in context.of(CreateEnum)
    )


def _uses(context: Context[AddEnumLabel], later: Change, literal: str) -> bool:
    """Whether the literal in a later statement is certainly a value of the type."""
    name = context.change.name
    words = [word.strip('"') if word.startswith('"') else word for word, _ in context.tokens(later.statement.span)]
    lowered = [word if word.startswith("'") else word.lower() for word in words]
    places = [place for place, word in enumerate(words) if word == literal]
    if any(_is_cast(lowered, place, name.name) for place in places):
        return True
    columns = _columns(context, later)
    if isinstance(later, WriteRows) and later.kind == "insert" and "values" in lowered:
        order = _inserted(context, later, lowered)
        return any(_value_of(lowered, place, order) in columns for place in places)
    return any(_compared(lowered, place, _BETWEEN | {name.name}) in columns for place in places)


def _is_cast(words: Sequence[str], place: int, name: str) -> bool:
    """'ok'::mood, CAST('ok' AS s.mood), mood 'ok'."""
    after = words[place + 1 : place + 5]
    if after[:1] in (["::"], ["as"]):
        return name in (after[3:4] if after[2:3] == ["."] else after[1:2])
    return words[place - 1 : place] == [name]


def _columns(context: Context[AddEnumLabel], later: Change) -> frozenset[str]:
    """The names of columns of the type in the tables that a statement is about."""
    wanted = context.change.name
    made: list[Column] = []
    if isinstance(later, CreateTable):
        made += later.columns
    elif isinstance(later, AddColumn):
        made.append(later.column)
    tables: tuple[Name, ...] = later.reads if isinstance(later, CreateView) else ()
    named = getattr(later, "table", None)
    for name in (*tables, named) if named else tables:
        table = context.after.table(name)
        made += [column for column in table.columns.values() if column] if table else []
    return frozenset(
        column.name
        for column in made
        if column.type.name == wanted.name and (column.type.schema or "public") == (wanted.schema or "public")
    )


def _compared(words: Sequence[str], place: int, between: frozenset[str]) -> str:
    """The name before the literal that only signs, literals and words like IN and DEFAULT part from it."""
    for word in reversed(words[:place]):
        if (word[0].isalpha() or word[0] == "_") and word not in between:
            return word
    return ""


def _inserted(context: Context[AddEnumLabel], later: WriteRows, words: Sequence[str]) -> Sequence[str]:
    """The columns that an INSERT gives values, in order; empty when they are not known."""
    head = words[: words.index("values")]
    if "(" in head:
        return [word for word in head[head.index("(") + 1 :] if word not in {",", ")", "("}]
    table = context.now.table(later.table)
    return list(table.columns) if table and table.complete else ()


def _value_of(words: Sequence[str], place: int, order: Sequence[str]) -> str:
    """The column that a literal among VALUES goes to."""
    depth = commas = 0
    for word in reversed(words[:place]):
        if word == ")":
            depth += 1
        elif word == "(":
            if depth == 0:
                break
            depth -= 1
        elif word == "," and depth == 0:
            commas += 1
    return order[commas] if commas < len(order) else ""


_MOODS = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok');\n"
    "CREATE TABLE users (id UUID, state mood, note TEXT);\nALTER TABLE users ADD COLUMN past mood;"
)
_ADD = "ALTER TYPE mood ADD VALUE 'happy';"
_FAILS = "it fails in the one transaction that it is about"

ENUM_VALUE_USED_EARLY = Rule(
    name="enum-value-used-early",
    family="transactions",
    severity=Severity.ERROR,
    summary="a new enum label used in the transaction that adds it",
    why="Postgres lets nobody use a label before the transaction that adds it is committed: the migration fails at its first use.",
    instead="Put ALTER TYPE … ADD VALUE into a migration of its own, before this one.",
    on=(AddEnumLabel,),
    check=_enum_value_used_early,
    sections=("up", "down"),
    bad=(
        Example(f"{_ADD}\nUPDATE users SET state = 'happy'; -- finding", before=_MOODS),
        Example(
            f"{_ADD}\nINSERT INTO users (id, state) VALUES (gen_random_uuid(), 'happy'); -- finding", before=_MOODS
        ),
        Example(f"{_ADD}\nALTER TABLE users ALTER COLUMN state SET DEFAULT 'happy'; -- finding", before=_MOODS),
        Example(f"{_ADD}\nALTER TABLE users ADD COLUMN next mood DEFAULT 'happy'; -- finding", before=_MOODS),
        Example(f"{_ADD}\nALTER TABLE users ADD CHECK (state <> 'happy'); -- finding", before=_MOODS),
        Example(
            f"{_ADD}\nCREATE INDEX idx_users_happy ON users (id) WHERE state IN ('ok', 'happy'); -- finding",
            before=_MOODS,
        ),
        Example(f"{_ADD}\nCREATE VIEW glad AS SELECT id FROM users WHERE state = 'happy'; -- finding", before=_MOODS),
        Example(f"{_ADD}\nSELECT 'happy'::mood; -- finding", before=_MOODS),
        Example(
            f"CREATE TYPE mood AS ENUM ('sad');\n{_ADD}\nCREATE TABLE users (state mood DEFAULT 'happy'); -- finding",
            settings=(("postgres-version", 16),),
        ),
    ),
    good=(
        Example(_ADD, before=_MOODS),
        Example(
            f"{_ADD}\nUPDATE users SET note = 'happy';\nINSERT INTO users (id, note) VALUES (gen_random_uuid(), 'happy');",
            before=_MOODS,
        ),
        Example(
            "-- Version: 20250102_000000\n-- Transaction: none\n\n-- ============= UP MIGRATION =============\n"
            f"{_ADD}\nUPDATE users SET state = 'happy';\n",
            before=_MOODS,
        ),
        Example(f"BEGIN;\n{_ADD}\nCOMMIT;\nUPDATE users SET state = 'happy';", before=_MOODS),
        Example(f"CREATE TYPE mood AS ENUM ('sad');\n{_ADD}\nCREATE TABLE users (state mood DEFAULT 'happy');"),
        Example("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok';\nUPDATE users SET state = 'ok';", before=_MOODS),
        Example(
            f"{_ADD}\nCREATE FUNCTION cheer() RETURNS mood LANGUAGE plpgsql AS $$ BEGIN RETURN 'happy'; END $$;",
            before=_MOODS,
        ),
    ),
)

RULES = (ENUM_VALUE_USED_EARLY,)
