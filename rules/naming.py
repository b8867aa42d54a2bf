"""Names: lower_snake_case tables and columns, idx_ indexes."""

from __future__ import annotations

from elf_sqlcheck.later import later
from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    Applicability,
    CreateDomain,
    CreateEnum,
    CreateFunction,
    CreateIndex,
    CreatePolicy,
    CreateSchema,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    CreateType,
    CreateView,
    Edit,
    Example,
    Fix,
    Rename,
    Rule,
    Severity,
    Span,
    is_reserved,
    is_snake,
    quoted,
    snake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Change, Context, Finding

_LONGEST = 63
#: What may be a name without quotes, and more.
_WORD = later(r"[A-Za-z0-9_$\u0080-\U0010ffff]+")


def _unreserved(kind: str, name: str) -> str:
    return name if not is_reserved(name) else f"{name}_value" if kind == "column" else f"{name}s"


def _last_word(context: Context[Any]) -> Span:
    """Where the last word of the statement stands: in every RENAME it is the new name."""
    return context.tokens(context.change.statement.span)[-1][1]


def _table_or_column_name(context: Context[CreateTable | AddColumn | Rename]) -> Iterator[Finding]:
    """Serves both rules: the kind that is judged is the first word of the rule's name."""
    change = context.change
    if isinstance(change, CreateTable) and (change.persistence == "temporary" or change.foreign):
        return
    judged = context.rule.name.removesuffix("-name")
    data = context.migration.data
    for kind, name, place in _created(change):
        if kind == judged:
            span = place or _last_word(context)
            if data[span.start : span.end] != name.encode() or not is_snake(name):
                written, span = context.tokens(span)[-1]
                yield from _misnamed(context, kind, name, span, written)


def _misnamed(context: Context[Change], kind: str, name: str, span: Span, written: str) -> Iterator[Finding]:
    folded = written != name and written.lower() == name and not written.isupper()
    if is_snake(name) and not folded:
        return
    better = _unreserved(kind, snake(written if folded else name))
    if folded:
        message = f"{kind} {written} is written in mixed case without quotes, so Postgres names it {name}"
    else:
        message = f"{kind} {quoted(name)} is not lower_snake_case: every query has to spell it in quotes, exactly so"
    applicability = Applicability.SAFE if folded and better == name else Applicability.SHOWN
    simple = folded or written.startswith('"')  # not U&"…", which goes on with UESCAPE
    fix = Fix(f"write {better}", (Edit(span, better),), applicability) if simple else None
    yield context.finding(message, span, instead=f"name it {better}", fix=fix)


def _index_name(context: Context[CreateIndex | Rename]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Rename):
        index = context.now.index(change.name) if change.kind == "index" else None
        table = context.now.table(index.table) if index else None
        if table and change.name.name not in table.constraints and not _is_index_name(change.to):
            message = f"index {quoted(change.to)} does not begin with idx_, or is not lower_snake_case"
            yield context.finding(message, _last_word(context), instead=f"name it {_better_index(change.to)}")
    elif change.name is None:
        keys = "_".join(column.name or "expression" for column in change.columns)
        better = snake(f"idx_{change.table.name}_{keys}")
        place = context.find_words(("on",), change.span) or change.span
        fix = Fix(f"name it {better}", (Edit(Span(place.start, place.start), f"{better} "),), Applicability.UNSAFE)
        message = f"the index on {change.table} has no name: Postgres invents one, and DOWN cannot rely on it"
        yield context.finding(message, instead=f"CREATE INDEX {better} ON {change.table} …", fix=fix)
    elif not _is_index_name(change.name) and not _becomes_constraint(context, change.name):
        better = _better_index(change.name)
        # The words of the whole statement are remembered: other rules ask for them, too.
        word = context.find_words((change.name,), change.statement.span)
        span = word if word is not None and word.end <= change.span.end else change.span
        fix = Fix(f"rename it to {better}", _renamed(context, change.name, better), Applicability.UNSAFE)
        fault = "is not lower_snake_case" if change.name.lower().startswith("idx_") else "does not begin with idx_"
        yield context.finding(f"index {quoted(change.name)} {fault}", span, instead=f"name it {better}", fix=fix)


def _better_index(name: str) -> str:
    bare = snake(name).removesuffix("_idx").removesuffix("_index").removeprefix("ix_").removeprefix("idx_")
    return snake(f"idx_{bare}")


def _is_index_name(name: str) -> bool:
    return name.startswith("idx_") and len(name) > len("idx_") and is_snake(name)


def _becomes_constraint(context: Context[CreateIndex | Rename], name: str) -> bool:
    """Whether ADD CONSTRAINT … USING INDEX takes the index over: then it is named as the constraint."""
    return name in context.once(_taken_over)


def _taken_over(context: Context[Any]) -> set[str | None]:
    return {change.constraint.using_index for change in context.of(AddConstraint)}


def _renamed(context: Context[CreateIndex | Rename], name: str, to: str) -> tuple[Edit, ...]:
    """Edits for every place of the file that names the index."""
    edits: list[Edit] = []
    for place in context.once(_words).get(name, ()):
        tokens = context.tokens(place)
        of_indexes = "index" in [text.lower() for text, _ in tokens[1:3]] and tokens[0][0].lower() != "create"
        before = ""
        for text, span in tokens:
            if (text.lower() == name or text == f'"{name}"') and (
                of_indexes or before in {"index", "exists", "concurrently"}
            ):
                edits.append(Edit(span, to))
            before = text.lower()
    return tuple(edits)


def _words(context: Context[Any]) -> dict[str, list[Span]]:
    """The words of both sections, as they may name an index, and the statements in which each stands."""
    down = context.migration.down
    found: dict[str, list[Span]] = {}
    for statement in (*context.migration.up.statements, *(down.statements if down else ())):
        for word in _words_in(context, statement.span):
            found.setdefault(word, []).append(statement.span)
    return found


def _words_in(context: Context[Any], span: Span) -> set[str]:
    """The words of a statement, and each in lower case; those of its literals may be among them."""
    text = context.text(span)
    words = set(_WORD.findall(text))
    if '"' in text:  # where what is quoted ends is for the scanner to say
        words = {word.strip('"') for word, _ in context.tokens(span)}
    return words | {word.lower() for word in words}


def _created(change: Any) -> list[tuple[str, str, Span | None]]:
    """What a change brings new names to: (kind, name, its place if known)."""
    found: list[tuple[str, str, Span | None]] = []
    if isinstance(change, CreateTable):
        found = [("column", column.name, column.span) for column in change.columns]
        found.append(("table", change.name.name, change.span))
    elif isinstance(change, AddColumn):
        found.append(("column", change.column.name, change.column.span))
    elif isinstance(change, AddConstraint):
        found.append(("constraint", change.constraint.name or "", None))
    elif isinstance(change, CreateTrigger):
        found.append(("trigger", change.trigger.name, None))
    elif isinstance(change, CreatePolicy):
        found.append(("policy", change.policy.name, None))
    elif isinstance(change, Rename):
        found.append((change.kind, change.to, None))
    else:
        name = getattr(change.name, "name", change.name)
        found.append((_KINDS[type(change)], name or "", None))
    found += [
        ("constraint", constraint.name, None) for constraint in getattr(change, "constraints", ()) if constraint.name
    ]
    return found


_KINDS: dict[type, str] = {
    CreateDomain: "domain", CreateEnum: "type", CreateFunction: "function", CreateIndex: "index",
    CreateSchema: "schema", CreateSequence: "sequence", CreateType: "type", CreateView: "view",
}  # fmt: skip
#: Kinds whose names appear in queries and so have to be quoted there; policies are named in sentences.
_JUDGED = frozenset({"table", "column", "trigger", *_KINDS.values()} - {"index"})
_CREATING = (AddColumn, AddConstraint, CreatePolicy, CreateTable, CreateTrigger, Rename, *_KINDS)


def _identifier_too_long(context: Context[Change]) -> Iterator[Finding]:
    for kind, name, _ in _created(context.change):
        # The parser has already cut what it hands over, at most three bytes short for the sake of a whole character.
        if (
            len(name) < _LONGEST // 4
            or (name.isascii() and len(name) < _LONGEST - 3)
            or not _LONGEST - 3 <= len(name.encode()) <= _LONGEST
        ):
            continue
        written = _cut_spellings(context, name)
        if not written:
            continue
        longest, span = written[0]
        others = [other for other, _ in written if other != longest]
        message = f"the name of {kind} {longest} has {len(longest.encode())} bytes; Postgres keeps {_LONGEST}: {name}"
        if others:
            message += f", and {others[0]} is cut to the same name"
        yield context.finding(message, span, instead=f"choose a name of at most {_LONGEST} bytes")


def _cut_spellings(context: Context[Change], name: str) -> list[tuple[str, Span]]:
    """The identifiers of the file that Postgres cuts to `name`, those of the present statement first."""
    statement = context.change.statement.span
    found: list[tuple[str, Span]] = []
    for text, span in context.tokens(context.section.span):
        bare = text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()
        if len(bare.encode()) > _LONGEST and bare.startswith(name) and text[0] not in "'$":
            found.append((bare, span))
    found.sort(key=lambda item: not statement.start <= item[1].start < statement.end)
    return found if found and statement.start <= found[0][1].start < statement.end else []


def _reserved_identifier(context: Context[Change]) -> Iterator[Finding]:
    for kind, name, span in _created(context.change):
        if not name or kind not in _JUDGED or (span is not None and '"' not in context.text(span)):
            continue
        if is_reserved(name):
            message = f'{kind} "{name}" is named by a reserved word: every query has to write it in quotes'
            better = _unreserved(kind, name)
        elif kind not in {"table", "column"} and not is_snake(name):
            message = f"{kind} {quoted(name)} needs its quotes and its exact spelling in every query"
            better = _unreserved(kind, snake(name))
        else:
            continue
        place = span or context.find_words((name,), context.change.statement.span)
        yield context.finding(message, place, instead=f"choose a name that needs no quotes, such as {better}")


# fmt: off
RULES = (
    Rule(
        name="table-name", family="naming", severity=Severity.ERROR, on=(CreateTable, Rename), check=_table_or_column_name,
        summary="a table's name is not lower_snake_case",
        why="Postgres folds unquoted names to lower case, so a name with capitals or blanks has to be quoted, letter for letter, in every query, tool and ORM for ever.",
        instead="name tables in lower case with underscores: user_profiles",
        bad=(Example('CREATE TABLE "UserProfiles" (id uuid PRIMARY KEY); -- finding'),
            Example("CREATE TABLE UserProfiles (id uuid PRIMARY KEY); -- finding"),
            Example('CREATE SCHEMA marketing;\nCREATE TABLE marketing."campaign metrics" ( -- finding\n    id uuid PRIMARY KEY\n);'),
            Example("CREATE TABLE Users (id uuid PRIMARY KEY); -- finding", fixed="CREATE TABLE users (id uuid PRIMARY KEY);"),
            Example('ALTER TABLE posts RENAME TO "blogPosts"; -- finding', before="CREATE TABLE posts (id uuid PRIMARY KEY);"),
            Example('CREATE TABLE "2024_totals" AS SELECT 1 AS total; -- finding')),
        good=(Example("CREATE TABLE user_profiles (id uuid PRIMARY KEY);"),
            Example('CREATE TABLE "user_profiles" (id uuid PRIMARY KEY);'),
            Example("CREATE TABLE USER_PROFILES (ID UUID PRIMARY KEY);"),
            Example("CREATE TABLE IF NOT EXISTS public.users2 (id uuid PRIMARY KEY);"),
            Example('CREATE TEMPORARY TABLE "Scratch" (n integer);'),
            Example('ALTER TABLE "OldName" RENAME TO new_name;', before='CREATE TABLE "OldName" (id uuid PRIMARY KEY);')),
    ),
    Rule(
        name="column-name", family="naming", severity=Severity.ERROR, on=(CreateTable, AddColumn, Rename), check=_table_or_column_name,
        summary="a column's name is not lower_snake_case",
        why='Postgres folds unquoted names to lower case: firstName becomes firstname, and "firstName" has to be quoted in every query for ever.',
        instead="name columns in lower case with underscores: first_name",
        bad=(Example('CREATE TABLE people (\n    id uuid PRIMARY KEY,\n    "firstName" text, -- finding\n    lastName text -- finding\n);'),
            Example('ALTER TABLE people ADD COLUMN "E-Mail" text; -- finding', before="CREATE TABLE people (id uuid PRIMARY KEY);"),
            Example('ALTER TABLE people RENAME COLUMN mail TO "eMail"; -- finding', before="CREATE TABLE people (id uuid PRIMARY KEY, mail text);"),
            Example("ALTER TABLE people\n    ADD Email text, -- finding\n    ADD city text;", before="CREATE TABLE people (id uuid PRIMARY KEY);", fixed="ALTER TABLE people\n    ADD email text,\n    ADD city text;")),
        good=(Example('CREATE TABLE people (id uuid PRIMARY KEY, first_name text, "last_name" text, EMAIL text, address2 text);'),
            Example("ALTER TABLE people ADD COLUMN größe integer;", before="CREATE TABLE people (id uuid PRIMARY KEY);")),
    ),
    Rule(
        name="index-name", family="naming", severity=Severity.ERROR, on=(CreateIndex, Rename), check=_index_name,
        summary="an index has no name, or one that is not idx_… in lower_snake_case",
        why="A plan, a log line or a bloat report shows nothing but the index's name; idx_table_columns tells what it is, and a name that Postgres invented cannot be dropped reliably.",
        instead="CREATE INDEX idx_users_email ON users (email)",
        bad=(Example("CREATE INDEX users_email ON users (email); -- finding", before="CREATE TABLE users (id uuid PRIMARY KEY, email text);", fixed="CREATE INDEX idx_users_email ON users (email);", unsafe=True),
            Example("CREATE INDEX ON users (email, lower(email)); -- finding", before="CREATE TABLE users (id uuid PRIMARY KEY, email text);", fixed="CREATE INDEX idx_users_email_expression ON users (email, lower(email));", unsafe=True),
            Example('-- ==== UP MIGRATION ====\nCREATE UNIQUE INDEX IF NOT EXISTS "IDX_Users_Email" -- finding\n    ON users (email);\n\n-- ==== DOWN MIGRATION ====\nDROP INDEX IF EXISTS public."IDX_Users_Email";\n', before="CREATE TABLE users (id uuid PRIMARY KEY, email text);", fixed="-- ==== UP MIGRATION ====\nCREATE UNIQUE INDEX IF NOT EXISTS idx_users_email\n    ON users (email);\n\n-- ==== DOWN MIGRATION ====\nDROP INDEX IF EXISTS public.idx_users_email;\n", unsafe=True),
            Example("ALTER INDEX idx_users_email RENAME TO users_by_mail; -- finding", before="CREATE TABLE users (id uuid PRIMARY KEY, email text);\nCREATE INDEX idx_users_email ON users (email);")),
        good=(Example("CREATE INDEX idx_users_email ON users (email);", before="CREATE TABLE users (id uuid PRIMARY KEY, email text);"),
            Example("CREATE TABLE users (id uuid PRIMARY KEY, email text UNIQUE);"),
            Example("CREATE UNIQUE INDEX users_email_key ON users (email);\nALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;", before="CREATE TABLE users (id uuid PRIMARY KEY, email text);"),
            Example("ALTER INDEX users_pkey RENAME TO pk_users;", before="CREATE TABLE users (id uuid PRIMARY KEY);")),
    ),
    Rule(
        name="identifier-too-long", family="naming", severity=Severity.ERROR, on=_CREATING, check=_identifier_too_long,
        summary="a name is longer than the 63 bytes that Postgres keeps",
        why="Postgres cuts the name with no more than a notice. Two long names may become one, and whoever looks for the whole name does not find it. https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS",
        instead="choose a name of at most 63 bytes",
        bad=(Example(f"CREATE TABLE {'long_' * 13}name (id uuid PRIMARY KEY); -- finding"),
            Example(f"CREATE TABLE t (\n    id uuid PRIMARY KEY,\n    {'column_' * 10}a text -- finding\n);"),
            Example(f"CREATE INDEX idx_{'very_' * 12}long_a ON t (a); -- finding\nCREATE INDEX IF NOT EXISTS idx_{'very_' * 12}long_b ON t (b); -- finding", before="CREATE TABLE t (a text, b text);"),
            Example('CREATE FUNCTION "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü"() RETURNS integer LANGUAGE sql AS \'SELECT 1\'; -- finding'),
            Example(f"ALTER TABLE t ADD CONSTRAINT check_{'that_' * 12}holds CHECK (a > 0); -- finding", before="CREATE TABLE t (a integer);")),
        good=(Example(f"CREATE TABLE t{'x' * 62} (id uuid PRIMARY KEY);"),
            Example(f"CREATE TABLE t (id uuid PRIMARY KEY, note text DEFAULT '{'x' * 99}');")),
    ),
    Rule(
        name="reserved-identifier", family="naming", severity=Severity.ERROR, on=_CREATING, check=_reserved_identifier,
        words=('"',),
        summary="a name that has to be quoted for ever: a reserved word, upper case, blanks",
        why="Whoever forgets the quotes gets a syntax error, or worse, another meaning: SELECT user is the name of the role, not the table's row.",
        instead="choose a name that needs no quotes",
        bad=(Example('CREATE TABLE "user" (id uuid PRIMARY KEY); -- finding'),
            Example('CREATE TABLE sales (\n    id uuid PRIMARY KEY,\n    "order" integer, -- finding\n    "left" integer -- finding\n);'),
            Example('ALTER TABLE sales ADD COLUMN "default" text; -- finding', before="CREATE TABLE sales (id uuid PRIMARY KEY);"),
            Example('CREATE SCHEMA "Marketing"; -- finding\nCREATE VIEW "Monthly Report" AS SELECT 1 AS total; -- finding'),
            Example('CREATE TYPE "Mood" AS ENUM (\'sad\', \'happy\'); -- finding'),
            Example('ALTER TABLE sales RENAME TO "order"; -- finding', before="CREATE TABLE sales (id uuid PRIMARY KEY);")),
        good=(Example('CREATE TABLE "users" (id uuid PRIMARY KEY, "name" text, "timestamp" timestamp, value text, position integer);'),
            Example('CREATE TABLE people (id uuid PRIMARY KEY, "firstName" text);'),
            Example('ALTER TABLE notes ENABLE ROW LEVEL SECURITY;\nCREATE POLICY "Users can read their notes" ON notes FOR SELECT USING (true);', before="CREATE TABLE notes (id uuid PRIMARY KEY);")),
    ),
)
