"""Functions that lend their owner's rights, run what nobody can check, or escape the database."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AlterFunction,
    Applicability,
    Context,
    CreateExtension,
    CreateFunction,
    Do,
    Edit,
    Example,
    Execute,
    Finding,
    Fix,
    Name,
    Rule,
    Severity,
    Span,
    Unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: The names of what a function reads stay what they are, and nobody can put a temporary table in front of them.
_PATH = "search_path = public, pg_temp"
_UNTRUSTED = frozenset(
    ["c", "internal", "plperlu", "plpython2u", "plpython3u", "plpythonu", "plr", "plrubyu", "plsh", "pltclu"]
)
_NATIVE = frozenset(["c", "internal"])
_LONGEST = 60


def _definer(context: Context[CreateFunction | AlterFunction]) -> Iterator[Finding]:
    change = context.change
    if not change.security_definer:
        return
    kind = "procedure" if isinstance(change, CreateFunction) and change.procedure else "function"
    if not _is_pinned(context, change):
        span = context.find_words(("security", "definer"), change.statement.span)
        edits = (Edit(Span(span.end, span.end), f" {context.keywords('SET')} {_PATH}"),) if span else ()
        fix = Fix(f"add SET {_PATH}", edits, Applicability.UNSAFE) if edits else None
        yield context.finding(
            f"{kind} {change.name} runs with its owner's rights and finds its tables by the caller's search_path: whoever "
            f"calls it can put tables and functions of his own in front of them",
            span,
            fix=fix,
        )
    if isinstance(change, CreateFunction):
        yield from _injection(context, kind)


def _is_pinned(context: Context[CreateFunction | AlterFunction], change: CreateFunction | AlterFunction) -> bool:
    """Whether the function has a search_path of its own, given here, before, or later in the section."""
    if any(name == "search_path" and value is not None for name, value in change.settings):
        return True
    later = [other for other in context.of(AlterFunction) if _same(context, other, change)]
    if any(dict(other.settings).get("search_path") is not None for other in later):
        return True
    return isinstance(change, AlterFunction) and any(
        setting[0] == "search_path"
        for key, found in context.now.objects()
        if key[0] == "function" and Name(key[1], key[2]) == context.now.resolve(change.name)
        for setting in getattr(found, "settings", ())
    )


def _same(
    context: Context[CreateFunction | AlterFunction], one: AlterFunction, other: CreateFunction | AlterFunction
) -> bool:
    return context.now.resolve(one.name) == context.now.resolve(other.name)


def _injection(context: Context[CreateFunction | AlterFunction], kind: str) -> Iterator[Finding]:
    """SQL that a function with its owner's rights makes from what the caller gives it."""
    for inner in context.body():
        if isinstance(inner, Execute):
            given = _given(inner)
            if given is not None:
                message = (
                    f"{kind} {context.change.name} puts {_short(given.text)} into the text it runs with its owner's rights: "
                    "the caller can write any SQL there"
                )
                instead = (
                    "format('… %I … %L …', name, value) quotes names and values; EXECUTE … USING value passes values"
                )
                yield context.finding(message, inner.span, instead=instead)


def _given(change: Execute) -> Unknown | None:
    """The first part that comes from an argument and is not quoted."""
    return next((part for part in change.computed if part.argument and not part.quoting), None)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _opaque(context: Context[Execute]) -> Iterator[Finding]:
    change = context.change
    function = change.statement.inside == "function"
    if function and all(part.quoting for part in change.computed) and _first_words(change):
        return  # what it does is known, only not to which table; that is what such functions are for
    if function and _given(change) and _is_in_definer(context):
        return  # definer-without-search-path says worse of it
    unknown = ", ".join(dict.fromkeys(_short(part.text) for part in change.computed))
    text = _short("".join(part if isinstance(part, str) else "…" for part in change.parts))
    shown = f"`{text}`" if text.strip("… ") else "a text"
    where = "each time the function is called" if function else "when the migration runs"
    quoted = "format('… %I … %L …', name, value) quotes what is put in" if function and text.strip("… ") else ""
    message = f"EXECUTE runs {shown}, where {unknown} is known only {where}: nothing here can judge it"
    yield context.finding(message, instead=quoted)


def _is_in_definer(context: Context[Execute]) -> bool:
    place = context.change.span.start
    return any(
        other.security_definer and other.span.start <= place < other.span.end for other in context.of(CreateFunction)
    )


def _first_words(change: Execute) -> str:
    """What is known of the beginning of the text: it says what kind of statement it is."""
    first = change.parts[0]
    return first.strip() if isinstance(first, str) else ""


def _untrusted(context: Context[CreateFunction | CreateExtension | Do]) -> Iterator[Finding]:
    change = context.change
    language = change.name if isinstance(change, CreateExtension) else change.language
    if language not in _UNTRUSTED:
        return
    if isinstance(change, CreateFunction):
        what = f"{'procedure' if change.procedure else 'function'} {change.name}, in {language},"
    elif isinstance(change, Do):
        what = f"this DO block, in {language},"
    elif language in _NATIVE:
        return  # no extension is called so
    else:
        what = f"what extension {language} is for"
    does = (
        "loads machine code into the server: an error in it takes every connection down"
        if language in _NATIVE
        else "can read and write files, start programs and open connections, as the server's own user"
    )
    yield context.finding(f"{what} {does}")


_T = "CREATE TABLE notes (id UUID PRIMARY KEY, owner UUID);\n"
_HEAD = "CREATE FUNCTION mine() RETURNS SETOF notes LANGUAGE sql"
_BODY = "AS 'SELECT * FROM notes';"
_QUALIFIED = "SET search_path = '' AS 'SELECT * FROM public.notes';"

DEFINER_WITHOUT_SEARCH_PATH = Rule(
    name="definer-without-search-path",
    family="access",
    severity=Severity.ERROR,
    summary="a SECURITY DEFINER function without a search_path of its own, or that runs SQL made from its arguments",
    why="It runs with its owner's rights, past row level security, but looks names up where the caller says: SET search_path and a table of the same name in a schema or temporary table of the caller's are enough to make it read or run that instead.",
    instead="SET search_path = '' with every name qualified (public.notes), or SET search_path = public, pg_temp; and leave SECURITY DEFINER out where the caller's own rights do.",
    on=(CreateFunction, AlterFunction),
    check=_definer,
    bad=(
        Example(
            f"{_HEAD} SECURITY DEFINER {_BODY} -- finding",
            before=_T,
            fixed=f"{_HEAD} SECURITY DEFINER SET search_path = public, pg_temp {_BODY}",
            unsafe=True,
        ),
        Example(
            "create or replace function clean() returns trigger language plpgsql\nsecurity definer -- finding\nas $$ begin delete from notes; return null; end $$;",
            before=_T,
            fixed="create or replace function clean() returns trigger language plpgsql\nsecurity definer set search_path = public, pg_temp\nas $$ begin delete from notes; return null; end $$;",
            unsafe=True,
        ),
        Example("ALTER FUNCTION mine() SECURITY DEFINER; -- finding", before=f"{_T}{_HEAD} {_BODY}"),
        Example(
            "ALTER FUNCTION mine() RESET search_path;\nALTER FUNCTION mine() SECURITY DEFINER; -- finding",
            before=f"{_T}{_HEAD} {_QUALIFIED}",
        ),
        Example(
            "CREATE FUNCTION size_of(name TEXT) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$\nDECLARE n BIGINT;\nBEGIN\n    EXECUTE 'SELECT count(*) FROM ' || name INTO n; -- finding\n    RETURN n;\nEND $$;"
        ),
        Example(
            "CREATE FUNCTION find(filter TEXT) RETURNS SETOF notes LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$\nDECLARE query TEXT := format('SELECT * FROM public.notes WHERE %s', filter);\nBEGIN\n    RETURN QUERY EXECUTE query; -- finding\nEND $$;",
            before=_T,
        ),
    ),
    good=(
        Example(f"{_HEAD} SECURITY DEFINER {_QUALIFIED}", before=_T),
        Example(f"{_HEAD} SECURITY DEFINER SET search_path = public, extensions {_BODY}", before=_T),
        Example(f"{_HEAD} SECURITY DEFINER SET search_path FROM CURRENT {_BODY}", before=_T),
        Example(f"{_HEAD} SECURITY DEFINER {_BODY}\nALTER FUNCTION mine() SET search_path = '';", before=_T),
        Example(f"{_HEAD} {_BODY}\n{_HEAD.replace('mine', 'all_of')} SECURITY INVOKER {_BODY}", before=_T),
        Example(
            "ALTER FUNCTION mine() SECURITY DEFINER;",
            before=f"{_T}{_HEAD} {_QUALIFIED}",
        ),
        Example(
            "CREATE FUNCTION size_of(name TEXT, since DATE) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$\nDECLARE n BIGINT;\nBEGIN\n    EXECUTE format('SELECT count(*) FROM public.%I WHERE made > $1', name) INTO n USING since;\n    RETURN n;\nEND $$;"
        ),
        Example(
            "CREATE FUNCTION size_of(name REGCLASS) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$\nDECLARE n BIGINT;\nBEGIN\n    EXECUTE 'SELECT count(*) FROM ' || name INTO n; -- a regclass is the name of a table, quoted\n    RETURN n;\nEND $$;"
        ),
    ),
    sections=("up", "down"),
    bodies=True,
)

OPAQUE_EXECUTE = Rule(
    name="opaque-execute",
    family="access",
    severity=Severity.WARNING,
    summary="EXECUTE of a text that is only known when it runs",
    why="What it drops, locks or grants cannot be seen by whoever reviews the migration, nor by any other rule; it depends on what is in the database at that moment.",
    instead="Write the statements out, or loop over an array of names that is written out: FOREACH t IN ARRAY ARRAY['a', 'b'] LOOP EXECUTE format('… %I', t); END LOOP.",
    on=(Execute,),
    check=_opaque,
    bad=(
        Example(
            "DO $$\nDECLARE r RECORD;\nBEGIN\n    FOR r IN SELECT tablename FROM pg_tables WHERE schemaname = 'old' LOOP\n        EXECUTE format('DROP TABLE old.%I', r.tablename); -- finding\n    END LOOP;\nEND $$;"
        ),
        Example(
            "DO $$ BEGIN\n    EXECUTE (SELECT 'ANALYZE ' || min(tablename) FROM pg_tables WHERE schemaname = 'pg_catalog'); -- finding\nEND $$;"
        ),
        Example(
            "CREATE FUNCTION run(command TEXT) RETURNS VOID LANGUAGE plpgsql AS $$\nBEGIN\n    EXECUTE command; -- finding\nEND $$;"
        ),
    ),
    good=(
        Example("DO $$ BEGIN EXECUTE 'CREATE TABLE notes (id UUID)'; END $$;"),
        Example(
            "DO $$\nDECLARE t TEXT;\nBEGIN\n    FOREACH t IN ARRAY ARRAY['notes'] LOOP\n        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);\n    END LOOP;\nEND $$;",
            before=_T,
        ),
        Example(
            "CREATE FUNCTION size_of(name TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$\nDECLARE n BIGINT;\nBEGIN\n    EXECUTE format('SELECT count(*) FROM %I', name) INTO n;\n    RETURN n;\nEND $$;"
        ),
        Example("DO $$ BEGIN EXECUTE 'COMMENT ON SCHEMA public IS ' || quote_literal('It''s ' || 'ours'); END $$;"),
    ),
    sections=("up", "down"),
    bodies=True,
)

UNTRUSTED_LANGUAGE = Rule(
    name="untrusted-language",
    family="access",
    severity=Severity.ERROR,
    summary="a function in a language that is not confined to the database",
    why="plpython3u, plperlu and C run as the server's own user: such a function can read every file, every other database and the keys of the machine. Supabase and other hosts refuse them.",
    instead="Write it in plpgsql or SQL, or do the work outside of the database (an Edge Function, a worker).",
    on=(CreateFunction, CreateExtension, Do),
    check=_untrusted,
    bad=(
        Example(
            "CREATE EXTENSION IF NOT EXISTS plpython3u; -- finding", runs="needs an extension that not every server has"
        ),
        Example(
            "CREATE FUNCTION shell(command TEXT) RETURNS TEXT LANGUAGE plperlu AS $$ return `$_[0]`; $$; -- finding",
            runs="needs a language that not every server has",
        ),
        Example("CREATE FUNCTION sum(a INT, b INT) RETURNS INT LANGUAGE internal AS 'int4pl'; -- finding"),
        Example(
            "DO LANGUAGE plpython3u $$ import os $$; -- finding", runs="needs a language that not every server has"
        ),
    ),
    good=(
        Example("CREATE FUNCTION one() RETURNS INT LANGUAGE sql AS 'SELECT 1';"),
        Example("CREATE EXTENSION IF NOT EXISTS plpgsql;\nDO LANGUAGE plpgsql $$ BEGIN END $$;"),
        Example(
            "CREATE FUNCTION f() RETURNS INT LANGUAGE plv8 AS 'return 1';",
            runs="needs a language that not every server has",
        ),
    ),
    sections=("up", "down"),
    bodies=True,
)

RULES = (DEFINER_WITHOUT_SEARCH_PATH, OPAQUE_EXECUTE, UNTRUSTED_LANGUAGE)
