"""SQL that is not Postgres': what does not parse, and the idioms of other databases by name.

`portability_versions` judges what a later Postgres than the target would understand.
"""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AlterColumnType,
    Applicability,
    Broken,
    BrokenBody,
    Column,
    Context,
    CreateTable,
    Edit,
    Example,
    Expression,
    Finding,
    Fix,
    Idiom,
    Migration,
    Name,
    Rule,
    SetSetting,
    Severity,
    Span,
    Type,
    nearest,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Names of types that Postgres lacks: dialect and Postgres' form, `(…)` where what stands in parentheses is kept.
_TYPES = {
    "tinyint": ("MySQL", "SMALLINT"), "mediumint": ("MySQL", "INTEGER"), "int1": ("MySQL", "SMALLINT"),
    "int3": ("MySQL", "INTEGER"), "datetime": ("MySQL", "TIMESTAMP(…)"), "year": ("MySQL", "SMALLINT"),
    "double": ("MySQL", "DOUBLE PRECISION"), "tinytext": ("MySQL", "TEXT"), "mediumtext": ("MySQL", "TEXT"),
    "longtext": ("MySQL", "TEXT"), "tinyblob": ("MySQL", "BYTEA"), "mediumblob": ("MySQL", "BYTEA"),
    "longblob": ("MySQL", "BYTEA"), "blob": ("MySQL and SQLite", "BYTEA"), "binary": ("MySQL", "BYTEA"),
    "varbinary": ("MySQL", "BYTEA"), "enum": ("MySQL", ""), "set": ("MySQL", ""), "string": ("SQLite", "TEXT"),
    "nvarchar": ("SQL Server", "VARCHAR(…)"), "ntext": ("SQL Server", "TEXT"), "image": ("SQL Server", "BYTEA"),
    "datetime2": ("SQL Server", "TIMESTAMP(…)"), "smalldatetime": ("SQL Server", "TIMESTAMP"),
    "datetimeoffset": ("SQL Server", "TIMESTAMPTZ"), "uniqueidentifier": ("SQL Server", "UUID"),
    "smallmoney": ("SQL Server", "NUMERIC(10,4)"), "rowversion": ("SQL Server", "BYTEA"),
    "varchar2": ("Oracle", "VARCHAR(…)"), "nvarchar2": ("Oracle", "VARCHAR(…)"), "number": ("Oracle", "NUMERIC(…)"),
    "clob": ("Oracle", "TEXT"), "nclob": ("Oracle", "TEXT"), "long": ("Oracle", "TEXT"), "raw": ("Oracle", "BYTEA"),
    "binary_float": ("Oracle", "REAL"), "binary_double": ("Oracle", "DOUBLE PRECISION"), "xmltype": ("Oracle", "XML"),
}  # fmt: skip
_FUNCTIONS = {
    "getdate": ("SQL Server", "now()"), "sysdatetime": ("SQL Server", "now()"), "getutcdate": ("SQL Server", "now()"),
    "newid": ("SQL Server", "gen_random_uuid()"), "newsequentialid": ("SQL Server", "gen_random_uuid()"),
    "isnull": ("SQL Server", "coalesce()"), "uuid": ("MySQL", "gen_random_uuid()"), "ifnull": ("MySQL", "coalesce()"),
    "curdate": ("MySQL", "CURRENT_DATE"), "unix_timestamp": ("MySQL", "extract(epoch FROM now())"),
    "utc_timestamp": ("MySQL", "now()"), "rand": ("MySQL", "random()"), "sys_guid": ("Oracle", "gen_random_uuid()"),
    "nvl": ("Oracle", "coalesce()"), "datetime": ("SQLite", "now()"), "strftime": ("SQLite", "to_char()"),
}  # fmt: skip
_SETTINGS = frozenset(["foreign_key_checks", "unique_checks", "sql_mode", "time_zone", "autocommit", "sql_log_bin",
                       "character_set_client", "sql_notes"])  # fmt: skip
_COLLATIONS = ("utf8_", "utf8mb4_", "latin1_", "sql_latin1_", "nocase")


def _foreign(context: Context[Any]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Migration):
        for broken in change.broken:
            for idiom in context.idioms(broken):
                message = (
                    f"{idiom.what or context.text(idiom.span)} is {idiom.dialect}'s, and Postgres refuses the statement"
                )
                yield context.finding(message, idiom.span, instead=idiom.instead, fix=_idiom_fix(context, idiom))
    elif isinstance(change, SetSetting):
        if change.name.lower() in _SETTINGS:
            message = f"{change.name} is a setting of MySQL, and Postgres refuses it"
            yield context.finding(message, instead="leave it out")
    elif isinstance(change, AlterColumnType):
        yield from _type(context, change.column, change.type)
    elif isinstance(change, AddColumn):
        yield from _column(context, change.column, ())
    else:
        for column in change.columns:
            yield from _column(context, column, change.columns)


def _idiom_fix(context: Context[Any], idiom: Idiom) -> Fix | None:
    if not idiom.edits:
        return None
    data = context.migration.data
    edits: list[Edit] = []
    for span, text in idiom.edits:
        start = span.start
        while not text and data[start - 1 : start] == b" " and data[span.end : span.end + 1] in b" ,;)\r\n":
            start -= 1  # what is left out takes the blank before it along
        edits.append(Edit(Span(start, span.end), text))
    title = (
        f"write {edits[0].text}"
        if edits[0].text
        else f"leave out {'the backticks' if idiom.what else context.text(idiom.span)}"
    )
    return Fix(title, tuple(edits), Applicability.UNSAFE)


def _column(context: Context[Any], column: Column, siblings: tuple[Column, ...]) -> Iterator[Finding]:
    if column.name in {"key", "index"} and column.type.modifiers and column.type.name not in {"geometry", "geography"}:
        keys = [value for value in column.type.modifiers if isinstance(value, str)]
        table = context.change.name if isinstance(context.change, CreateTable) else context.change.table
        names = {sibling.name for sibling in siblings}
        if len(keys) == len(column.type.modifiers) and (not siblings or names.issuperset(keys)):
            yield context.finding(
                f"{column.name.upper()} {column.type.name} (…) is MySQL's way to make an index; Postgres reads it as a column "
                f"named {column.name}",
                column.span,
                instead=f"CREATE INDEX idx_{column.type.name.removeprefix('idx_')} ON {table} ({', '.join(keys)});",
            )
            return
    if column.type.name in _TYPES:
        yield from _type(context, column.name, column.type)
    if column.collation and column.collation.lower().startswith(_COLLATIONS):
        message = f"column {quoted(column.name)} has the collation {column.collation}, which Postgres does not have"
        yield context.finding(message, column.span, instead="leave it out, or use citext to ignore case")
    for value in (column.default, column.generated):
        if value:
            yield from _expression(context, column, value)


def _expression(context: Context[Any], column: Column, value: Expression) -> Iterator[Finding]:
    span = value.span if value.span.end else column.span
    for name in value.functions:
        known = _FUNCTIONS.get(name.lower())
        if known and not _defined(context, name):
            yield context.finding(f"{name}() is {known[0]}'s; Postgres has {known[1]}", span, instead=known[1])
    if value is not column.default or not value.columns:
        return
    name = value.columns[0]
    if name in {"sysdate", "systimestamp"}:
        yield context.finding(f"{name.upper()} is Oracle's; Postgres has now()", span, instead="now()")
    else:
        message = f"the default of {quoted(column.name)} names a column: in Postgres \"{name}\" is a name and '{name}' a string"
        yield context.finding(message, span, instead=f"DEFAULT '{name}'")


def _defined(context: Context[Any], name: str) -> bool:
    """Whether a migration made a function of that name."""
    return bool(context.now.routines(name))


def _type(context: Context[Any], column: str, kind: Type) -> Iterator[Finding]:
    known = _TYPES.get(kind.name) if kind.schema is None else None
    if known is None or context.now.knows("type", Name(None, kind.name)):
        return
    dialect, form = known
    written = context.text(kind.span)
    modifiers = written[written.index("(") :] if "(" in written else ""
    message = f"column {quoted(column)} has type {written}, which is {dialect}'s; Postgres does not have it"
    if not form:
        values = ", ".join(str(value) for value in kind.modifiers)
        instead = (
            f"{quoted(column)} TEXT CHECK ({quoted(column)} IN ({values})), or a type made by CREATE TYPE … AS ENUM"
        )
        yield context.finding(message, kind.span, instead=instead)
        return
    if modifiers.lower() == "(max)":
        form, modifiers = "TEXT", ""
    form = form.replace("(…)", modifiers) + "[]" * kind.dimensions * ("[" not in modifiers)
    fix = Fix(f"write {form}", (Edit(kind.span, form),))
    yield context.finding(message, kind.span, instead=f"{quoted(column)} {form}", fix=fix)


_META = {"i": "a second migration holds what it would include", "ir": "a second migration holds what it would include",
         "copy": "INSERT … VALUES, or a seed outside the migrations", "c": "a migration runs in one database",
         "connect": "a migration runs in one database"}  # fmt: skip
_HARMLESS = frozenset(
    ["echo", "set", "timing", "pset", "restrict", "unrestrict", "encoding", "x", "a", "t", "qecho", "warn"]
)
_KEYWORDS = (
    "alter", "begin", "cascade", "column", "comment", "commit", "constraint", "create", "default", "delete", "drop",
    "execute", "exists", "extension", "foreign", "from", "function", "grant", "index", "insert", "into", "language", "not",
    "null", "policy", "primary", "references", "rename", "replace", "returns", "revoke", "schema", "select", "sequence",
    "table", "trigger", "truncate", "type", "unique", "update", "using", "values", "view", "where", "with",
)  # fmt: skip


def _syntax(context: Context[Any]) -> Iterator[Finding]:
    migration = context.migration
    if isinstance(context.change, BrokenBody):
        where = "DO block" if context.change.statement.inside == "do" else "function"
        yield context.finding(f"{context.change.broken.message}, in the body of a {where}")
        return
    for broken in migration.broken:
        if broken.kind == "meta-command":
            command = context.text(broken.span).split()[0].lstrip("\\").lower()
            line = Span(broken.span.start, _line_end(migration.data, broken.span.end))
            fix = Fix("remove the line", (Edit(line, ""),), Applicability.UNSAFE) if command in _HARMLESS else None
            instead = _META.get(command, "leave it out: the server is sent the file as it is")
            yield context.finding(broken.message, broken.span, instead=instead, fix=fix)
        elif context.idioms(broken):
            continue  # foreign-dialect says it better
        elif broken.kind == "syntax":
            yield _at_token(context, broken)
        else:
            yield context.finding(broken.message, broken.span, instead=_backslash(migration, broken))


def _backslash(migration: Migration, broken: Broken) -> str:
    """What to do about a backslash before a quote, where that may be why a string does not end."""
    before = migration.data[broken.piece.start : broken.span.start]
    return "write '' for a quote in a string: \\' is no escape" if b"\\'" in before else ""


def _line_end(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1


def _at_token(context: Context[Migration], broken: Broken) -> Finding:
    migration = context.migration
    if broken.message.startswith("a semicolon is missing"):
        end = context.end_before(broken.span.start)
        fix = Fix("add the semicolon", (Edit(Span(end, end), ";"),))
        return context.finding(broken.message, broken.span, instead="end the statement above with ;", fix=fix)
    instead = _backslash(migration, broken)
    if instead:
        return context.finding(broken.message, broken.span, instead=instead)
    tokens = [token for token in context.tokens(broken.piece) if token[1].start <= broken.span.start]
    for text, span in tokens[-2:]:
        word = nearest(text.lower(), _KEYWORDS) if text.isalpha() and text.lower() not in _KEYWORDS else ""
        if word and context.parses(_with(migration, broken.piece, span, word)):
            fix = Fix(f"write {word.upper()}", (Edit(span, word.upper()),), Applicability.UNSAFE)
            return context.finding(broken.message, broken.span, instead=f"perhaps {word.upper()} for {text}", fix=fix)
    return context.finding(broken.message, broken.span)


def _with(migration: Migration, piece: Span, place: Span, word: str) -> str:
    """The text of `piece` with another word at `place`."""
    return migration.text(Span(piece.start, place.start)) + word + migration.text(Span(place.end, piece.end))


FOREIGN_DIALECT = Rule(
    name="foreign-dialect",
    family="portability",
    severity=Severity.ERROR,
    summary="an idiom of MySQL, SQLite, SQL Server or Oracle",
    why="Postgres refuses the statement, and with it the whole migration; some idioms it reads as something else altogether.",
    instead="Write Postgres' own form.",
    on=(Migration, CreateTable, AddColumn, AlterColumnType, SetSetting),
    check=_foreign,
    bad=(
        Example(
            "CREATE TABLE IF NOT EXISTS users (\n    id BIGINT AUTO_INCREMENT PRIMARY KEY -- finding\n);",
            runs="MySQL",
            fixed="CREATE TABLE IF NOT EXISTS users (\n    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY\n);",
            unsafe=True,
        ),
        Example(
            "CREATE TABLE `users` ( -- finding\n    `id` INT UNSIGNED NOT NULL -- finding\n)\nENGINE=InnoDB -- finding\nDEFAULT CHARSET=utf8mb4; -- finding",
            runs="MySQL",
            fixed="CREATE TABLE users (\n    id INT NOT NULL\n)\n\n;",
            unsafe=True,
        ),
        Example("CREATE TABLE t (\n    id INTEGER PRIMARY KEY AUTOINCREMENT -- finding\n);", runs="SQLite"),
        Example(
            "CREATE TABLE t (\n    a TINYINT(1), -- finding\n    b DATETIME(6), -- finding\n    c LONGTEXT, -- finding\n    d DOUBLE -- finding\n);",
            runs="MySQL",
            fixed="CREATE TABLE t (\n    a SMALLINT,\n    b TIMESTAMP(6),\n    c TEXT,\n    d DOUBLE PRECISION\n);",
        ),
        Example(
            "CREATE TABLE t (\n    a NVARCHAR(50), -- finding\n    b NVARCHAR(MAX), -- finding\n    c UUID DEFAULT newid() -- finding\n);",
            runs="SQL Server",
        ),
        Example(
            "ALTER TABLE t ADD COLUMN a NUMBER(10, 2); -- finding\nALTER TABLE t ALTER COLUMN b TYPE VARCHAR2(30); -- finding",
            runs="Oracle",
            fixed="ALTER TABLE t ADD COLUMN a NUMERIC(10, 2);\nALTER TABLE t ALTER COLUMN b TYPE VARCHAR(30);",
        ),
        Example(
            "CREATE TABLE t (\n    status ENUM('on', 'off'), -- finding\n    name TEXT COLLATE NOCASE -- finding\n);",
            runs="MySQL",
        ),
        Example("CREATE TABLE t (\n    email TEXT,\n    KEY idx_email (email) -- finding\n);", runs="MySQL"),
        Example(
            'CREATE TABLE t (\n    state TEXT DEFAULT "new", -- finding\n    at DATE DEFAULT sysdate -- finding\n);',
            runs="MySQL, Oracle",
        ),
        Example(
            "SET FOREIGN_KEY_CHECKS = 0; -- finding\nLOCK TABLES t WRITE; -- finding\nUNLOCK TABLES; -- finding",
            runs="MySQL",
        ),
        Example(
            "ALTER TABLE t MODIFY COLUMN a INT; -- finding\nINSERT IGNORE INTO t VALUES (1); -- finding", runs="MySQL"
        ),
        Example(
            "CREATE TABLE [dbo].[t] ( -- finding\n    a INT\n);\nSELECT TOP 10 * FROM t; -- finding", runs="SQL Server"
        ),
    ),
    good=(
        Example(
            'CREATE TABLE IF NOT EXISTS t (a NUMERIC(10, 2), "unsigned" TEXT, engine TEXT, key VARCHAR(10), year INT);'
        ),
        Example("CREATE TABLE IF NOT EXISTS t (born datetime);", before="CREATE DOMAIN datetime AS TIMESTAMP;"),
        Example("UPDATE t SET engine = 'x', comment = '`';", before="CREATE TABLE t (engine TEXT, comment TEXT);"),
        Example("COMMENT ON SCHEMA public IS 'AUTO_INCREMENT, ENGINE=InnoDB and `backticks`';"),
        Example("CREATE TABLE IF NOT EXISTS t (tags TEXT[], at TIMESTAMP DEFAULT now(), key INT, index INT);"),
    ),
    sections=("up", "down"),
)

SYNTAX_ERROR = Rule(
    name="syntax-error",
    family="portability",
    severity=Severity.ERROR,
    summary="what Postgres cannot read",
    why="The migration fails at this place when it is deployed. The statements around it are judged all the same; this one cannot be.",
    instead="Correct the statement; `elf-sqlcheck verify` runs it on a real Postgres.",
    on=(Migration, BrokenBody),
    check=_syntax,
    bodies=True,
    bad=(
        Example(
            "CREATE TABLE IF NOT EXISTS a (id UUID);\nSELEKT 1; -- finding\nCREATE SCHEMA IF NOT EXISTS b;",
            runs="a syntax error",
        ),
        Example(
            "CREATE TABEL a (id UUID); -- finding",
            runs="a syntax error",
            fixed="CREATE TABLE a (id UUID);",
            unsafe=True,
        ),
        Example("CREATE TABLE a (\n    id UUID,\n); -- finding", runs="a syntax error"),
        Example("\\connect app -- finding\nSELECT 1;", runs="a command of psql"),
        Example("DO $$\nBEGIN\n    DROP TABL a; -- finding\nEND $$;", runs="a syntax error"),
        Example(
            "CREATE TABLE b (id UUID)\nALTER TABLE b ENABLE ROW LEVEL SECURITY; -- finding",
            runs="two statements without a semicolon between them",
            fixed="CREATE TABLE b (id UUID);\nALTER TABLE b ENABLE ROW LEVEL SECURITY;",
        ),
    ),
    good=(
        Example("CREATE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1; END;"),
        Example("DO $body$ BEGIN PERFORM ';'; END $body$;"),
    ),
    sections=("up", "down"),
)

RULES = (FOREIGN_DIALECT, SYNTAX_ERROR)
