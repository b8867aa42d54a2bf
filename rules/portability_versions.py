"""What the Postgres of production is too old for: the throw-away server is newer and would accept it."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    Applicability,
    Context,
    CreateTable,
    Edit,
    Example,
    Finding,
    Fix,
    Migration,
    Rule,
    Severity,
    Span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CONFLICT = "INSERT … ON CONFLICT, UPDATE and DELETE"
_RANDOM = "gen_random_uuid()"
#: The version that brought it, the tokens in lower case (`*` is any), what to write before that.
#: See the release notes: https://www.postgresql.org/docs/release/.
_NEW: tuple[tuple[int, str, str], ...] = (
    (18, "uuidv7 (", _RANDOM), (18, "uuidv4 (", _RANDOM), (18, "array_sort (", "array_agg(x ORDER BY x)"),
    (18, "array_reverse (", "array_agg over unnest WITH ORDINALITY"), (18, "casefold (", "lower()"), (18, "crc32 (", ""),
    (18, "crc32c (", ""), (18, "gamma (", ""), (18, "lgamma (", ""), (18, "not enforced", "the constraint, enforced"),
    (18, "without overlaps", "EXCLUDE USING gist (… WITH =, … WITH &&)"), (18, "returning old .", "a trigger or a query before it"),
    (18, "returning new .", "RETURNING column"), (18, "reject_limit", ""),
    (17, "json_table (", "jsonb_to_recordset() or jsonb_path_query()"), (17, "json_query (", "jsonb_path_query()"),
    (17, "json_value (", "jsonb_path_query_first() #>> '{}'"), (17, "json_exists (", "jsonb_path_exists()"),
    (17, "json_scalar (", "to_json()"), (17, "json_serialize (", "::text"), (17, "grant maintain", "ownership of the table"),
    (17, ", maintain", "ownership of the table"), (17, "merge_action (", ""), (17, "by source", _CONFLICT),
    (17, "set expression as", "DROP COLUMN and ADD COLUMN"), (17, "to_bin (", ""), (17, "to_oct (", ""),
    (17, "uuid_extract_timestamp (", ""), (17, "uuid_extract_version (", ""), (17, "on_error", ""),
    (17, "transaction_timeout", "statement_timeout"), (17, "random ( * ,", "floor(random() * n)"),
    (17, "at local", "AT TIME ZONE current_setting('TimeZone')"),
    (16, "any_value (", "min() or max()"), (16, "array_sample (", ""), (16, "array_shuffle (", ""),
    (16, "random_normal (", ""), (16, "is json", "a function that casts and catches the error"),
    (16, "json_array (", "json_build_array()"), (16, "json_arrayagg (", "json_agg()"),
    (16, "json_objectagg (", "json_object_agg()"), (16, "date_add (", "timestamp + interval"),
    (16, "date_subtract (", "timestamp - interval"), (16, "pg_input_is_valid (", ""),
    (15, "merge into", _CONFLICT), (15, "nulls not distinct", "a unique index on coalesce(column, …)"),
    (15, "security_invoker", "a function with security invoker"), (15, "regexp_count (", "regexp_matches()"),
    (15, "regexp_like (", "~"), (15, "regexp_substr (", "substring()"), (15, "regexp_instr (", ""),
    (15, "tables in schema", "FOR TABLE a, b"), (15, "set null (", "a trigger"), (15, "set access method", ""),
    (14, "or replace trigger", "DROP TRIGGER IF EXISTS and CREATE TRIGGER"), (14, "begin atomic", "AS $$ … $$"),
    (14, "date_bin (", "date_trunc()"), (14, "int4multirange", "int4range[]"), (14, "int8multirange", "int8range[]"),
    (14, "nummultirange", "numrange[]"), (14, "tstzmultirange", "tstzrange[]"), (14, "datemultirange", "daterange[]"),
    (14, "trim_array (", "array slices"), (14, "bit_xor (", ""),
)  # fmt: skip
#: Of each of them its longest word, which is looked for first, and it.
_KEYS = tuple((max(entry[1].split(), key=len), entry) for entry in _NEW)


def _newer(context: Context[Any]) -> Iterator[Finding]:
    target = context.settings.get("postgres-version", 17)
    change = context.change
    if isinstance(change, Migration):
        text = change.data.decode("latin-1").lower()
        found = [entry for word, entry in _KEYS if entry[0] > target and word in text]
        if found:
            yield from _phrases(context, change, found, target)
        return
    if target >= 18:
        return
    columns = (
        change.columns if isinstance(change, CreateTable) else (change.column,) if isinstance(change, AddColumn) else ()
    )
    for column in columns:
        if column.generated and not column.stored:
            message = (
                f"column {column.name} is generated and not stored, which needs Postgres 18; the target is {target}"
            )
            yield context.finding(message, column.span, instead=f"GENERATED ALWAYS AS ({column.generated.text}) STORED")
    constraints = (change.constraint,) if isinstance(change, AddConstraint) else change.constraints
    for constraint in constraints:
        if constraint.kind == "not null" and not constraint.inline:
            column_name = constraint.columns[0] if constraint.columns else "column"
            name = f" {constraint.name}" if constraint.name else ""
            message = f"constraint{name} is a NOT NULL of the table, which needs Postgres 18; the target is {target}"
            late = " NOT VALID" if constraint.not_valid else ""
            yield context.finding(message, constraint.span, instead=f"CHECK ({column_name} IS NOT NULL){late}")


def _phrases(
    context: Context[Any], migration: Migration, entries: list[tuple[int, str, str]], target: int
) -> Iterator[Finding]:
    statements = [statement for section in migration.sections for statement in section.statements]
    for statement in statements:
        text = migration.data[statement.span.start : statement.span.end].lower()
        wanted = [entry for entry in entries if entry[1].split()[0].encode() in text]
        if wanted:
            yield from _search(context, statement.span, wanted, target, inside=False)


def _search(
    context: Context[Any], span: Span, entries: list[tuple[int, str, str]], target: int, *, inside: bool
) -> Iterator[Finding]:
    tokens = context.tokens(span)
    words = [text.lower() for text, _ in tokens]
    for number, (text, place) in enumerate(tokens):
        if text.startswith("$") and text.count("$") >= 4 and not inside:
            tag = text[: text.index("$", 1) + 1]
            body = Span(place.start + len(tag), place.end - len(tag))
            yield from _search(context, body, entries, target, inside=True)
            continue
        for version, phrase, instead in entries:
            pattern = phrase.split()
            window = words[number : number + len(pattern)]
            if len(window) < len(pattern) or any(a not in ("*", b) for a, b in zip(pattern, window, strict=True)):
                continue
            call = pattern[-1] == "("
            own = number > 0 and words[number - 1] == "." and words[number - 2 : number - 1] != ["pg_catalog"]
            if (inside and pattern[0] == "returning") or (call and (own or _defined(context, pattern[0]))):
                continue  # NEW and OLD are a trigger's own there
            end = tokens[number + len(pattern) - (2 if call and len(pattern) > 1 else 1)][1].end
            yield _finding(context, Span(place.start, end), (version, phrase, instead), target)


def _finding(context: Context[Any], span: Span, entry: tuple[int, str, str], target: int) -> Finding:
    version, phrase, instead = entry
    call = phrase.endswith(" (") and phrase.count(" ") == 1
    name = f"{context.text(span)}()" if call else context.text(span).upper()
    fix = None
    if instead == _RANDOM:
        applicability = Applicability.SAFE if phrase.startswith("uuidv4") else Applicability.UNSAFE
        fix = Fix("write gen_random_uuid", (Edit(span, "gen_random_uuid"),), applicability)
    message = f"{name.strip(', ')} needs Postgres {version}; the target is {target}"
    return context.finding(message, span, instead=instead, fix=fix)


def _defined(context: Context[Any], name: str) -> bool:
    """Whether a migration made a function of that name, as a stand-in for the built-in one."""
    return bool(context.now.routines(name))


_V15 = (("postgres-version", 15),)
_V14 = (("postgres-version", 14),)
_NEW_SERVER = "needs Postgres 18"
_T = "CREATE TABLE t (a INT, b INT);"

NEWER_THAN_TARGET = Rule(
    name="newer-than-target",
    family="portability",
    severity=Severity.ERROR,
    summary="syntax, a type or a built-in that the configured Postgres version lacks",
    why="The throw-away server is newer and accepts it, so every check is green; production is older and refuses the migration.",
    instead="Write it for the target, or raise postgres-version in the configuration once every environment runs it.",
    on=(Migration, CreateTable, AddColumn, AddConstraint),
    check=_newer,
    bad=(
        Example(
            "CREATE TABLE t (\n    id UUID DEFAULT uuidv7() PRIMARY KEY -- finding\n);",
            runs=_NEW_SERVER,
            fixed="CREATE TABLE t (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY\n);",
            unsafe=True,
        ),
        Example(
            "CREATE TABLE t (\n    a INT,\n    b INT GENERATED ALWAYS AS (a * 2) VIRTUAL -- finding\n);",
            runs=_NEW_SERVER,
        ),
        Example("ALTER TABLE t ADD COLUMN c INT GENERATED ALWAYS AS (a + 1); -- finding", before=_T, runs=_NEW_SERVER),
        Example("ALTER TABLE t ADD CONSTRAINT a_set NOT NULL a NOT VALID; -- finding", before=_T, runs=_NEW_SERVER),
        Example("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED; -- finding", before=_T, runs=_NEW_SERVER),
        Example(
            "DO $$ BEGIN\n    PERFORM uuidv4(); -- finding\nEND $$;",
            runs=_NEW_SERVER,
            fixed="DO $$ BEGIN\n    PERFORM gen_random_uuid();\nEND $$;",
        ),
        Example("UPDATE t SET a = 1 RETURNING old.a; -- finding", before=_T, runs=_NEW_SERVER),
        Example("GRANT MAINTAIN ON t TO CURRENT_USER; -- finding", before=_T, settings=_V15, runs="needs Postgres 17"),
        Example(
            "CREATE VIEW v AS SELECT * FROM json_table('[]', '$' COLUMNS (a INT)) AS j; -- finding",
            settings=_V15,
            runs="needs Postgres 17",
        ),
        Example("CREATE UNIQUE INDEX idx_t_a ON t (a) NULLS NOT DISTINCT; -- finding", before=_T, settings=_V14),
        Example(
            "MERGE INTO t USING (SELECT 1 AS a) AS s ON t.a = s.a -- finding\nWHEN MATCHED THEN DELETE;",
            before=_T,
            settings=_V14,
        ),
    ),
    good=(
        Example("CREATE TABLE t (id UUID DEFAULT uuidv7());", runs=_NEW_SERVER, settings=(("postgres-version", 18),)),
        Example(
            "CREATE TABLE t (id UUID DEFAULT uuidv7());\nSELECT uuidv7();",
            before="CREATE FUNCTION uuidv7() RETURNS UUID LANGUAGE sql AS 'SELECT gen_random_uuid()';",
            runs="the stand-in is ambiguous on Postgres 18",
        ),
        Example(
            "CREATE TABLE t (id UUID DEFAULT public.uuidv7());",
            before="CREATE FUNCTION public.uuidv7() RETURNS UUID LANGUAGE sql AS 'SELECT gen_random_uuid()';",
        ),
        Example("COMMENT ON SCHEMA public IS 'uuidv7() and not enforced, virtual';"),
        Example("CREATE TABLE t (virtual INT, maintain INT NOT NULL, b INT GENERATED ALWAYS AS (virtual * 2) STORED);"),
        Example(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE x INT; BEGIN\n"
            "    UPDATE t SET a = 1 RETURNING NEW.a INTO x; RETURN NEW; END $$;",
            before=_T,
        ),
    ),
    sections=("up", "down"),
)

RULES = (NEWER_THAN_TARGET,)
