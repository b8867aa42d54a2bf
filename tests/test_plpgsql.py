"""What DO blocks and functions do: read where it stands, folded as a server does it, judged like any other SQL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.bodies import called_body, function_body
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.rule import Applicability, Context, CreateTable, Drop, Edit, Example, Finding, Fix, Rule, Severity
from tests.judging import found, judge, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server


def read(sql: str) -> tuple[Migration, list[Change]]:
    migration = layouts.read("a.sql", sql.encode())
    return migration, read_section(migration.up, migration.data)


def inside(body: str, declare: str = "") -> tuple[Migration, list[Change]]:
    """What a DO block does."""
    migration, changes = read(f"SELECT 'ü';\nDO $$\nDECLARE r record; t text; i int; {declare}\nBEGIN\n{body}\nEND $$;")
    assert isinstance(changes[1], ch.Do)
    return migration, changes[2:]


def in_function(sql: str, *, called: bool = False) -> list[Change]:
    migration, changes = read(sql)
    function = next(change for change in changes if isinstance(change, ch.CreateFunction))
    return list((called_body if called else function_body)(function, migration.data))


def names(changes: Sequence[Change]) -> list[str]:
    """The names of what is created, dropped or written, one kind of change being like another."""
    return [str(getattr(change, "name", getattr(change, "table", ""))) for change in changes]


def flags(changes: Sequence[Change]) -> list[str]:
    return ["c" * c.statement.conditional + "g" * c.statement.guarded for c in changes]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("DROP TABLE a;", [""]),
        ("IF random() < 1 THEN DROP TABLE a; ELSIF true THEN DROP TABLE b; ELSE DROP TABLE c; END IF;", ["cg"] * 3),
        ("CASE i WHEN 1 THEN DROP TABLE a; ELSE DROP TABLE b; END CASE;", ["cg"] * 2),
        ("FOR i IN 1..3 LOOP DROP TABLE a; END LOOP; DROP TABLE b;", ["c", ""]),
        ("WHILE true LOOP DROP TABLE a; EXIT; END LOOP; DROP TABLE b;", ["c", ""]),
        ("LOOP EXIT WHEN true; DROP TABLE a; END LOOP;", ["cg"]),
        ("BEGIN DROP TABLE a; END; DROP TABLE b;", ["", ""]),
        ("BEGIN DROP TABLE a; EXCEPTION WHEN undefined_table THEN DROP TABLE b; END; DROP TABLE c;", ["g", "cg", ""]),
        ("BEGIN DROP TABLE a; EXCEPTION WHEN undefined_table THEN RAISE EXCEPTION 'no'; END;", [""]),
        ("BEGIN DROP TABLE a; EXCEPTION WHEN deadlock_detected THEN NULL; END;", [""]),
        ("IF EXISTS (SELECT) THEN RETURN; END IF; DROP TABLE a;", ["cg"]),
        ("IF EXISTS (SELECT) THEN RAISE EXCEPTION 'no'; END IF; DROP TABLE a;", [""]),
        ("FOR i IN 1..3 LOOP IF i = 1 THEN CONTINUE; END IF; DROP TABLE a; END LOOP; DROP TABLE b;", ["cg", ""]),
        ("FOREACH t IN ARRAY ARRAY['a', 'b'] LOOP EXECUTE 'DROP TABLE ' || t; END LOOP;", ["", ""]),
        ("FOREACH t IN ARRAY ARRAY['a'] LOOP IF i = 1 THEN EXECUTE 'DROP TABLE ' || t; END IF; END LOOP;", ["cg"]),
    ],
)  # fmt: skip
def test_how_surely_a_statement_runs(body: str, expected: list[str]) -> None:
    drops = [change for change in inside(body)[1] if isinstance(change, Drop)]
    assert flags(drops) == expected
    assert {change.statement.inside for change in drops} == {"do"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("EXECUTE 'DROP TABLE a';", ["a"]),
        ("EXECUTE $q$DROP TABLE a; DROP TABLE b$q$;", ["a", "b"]),
        ("EXECUTE 'DROP ' || E'TABLE\\ta';", ["a"]),
        ("EXECUTE format('DROP TABLE %I.%I', 's', 'A b');", ['s."A b"']),
        ("EXECUTE format('DROP TABLE %2$I%%', 'x', 'a') || '';", []),
        ("EXECUTE format('DROP TABLE %2$s, %s', 'a', 'b', 'c');", ["b", "c"]),
        ("EXECUTE format('DROP TABLE %1$s, %s', 'a', 'b');", ["a", "b"]),
        ("EXECUTE 'DROP TABLE ' || quote_ident('Order') || ';';", ['"Order"']),
        ("EXECUTE concat('DROP TABLE ', 'a', '_', 'b');", ["a_b"]),
        ("t := 'DROP TABLE '; t := t || 'a'; EXECUTE t;", ["a"]),
        ("t = 'DROP TABLE a'; EXECUTE t;", ["a"]),
        ("EXECUTE 'DROP TABLE ' || 'a'::text || 1::text;", ["a1"]),
        ("FOREACH t IN ARRAY ARRAY['a', 'b']::text[] LOOP EXECUTE format('DROP TABLE %I', t); END LOOP;", ["a", "b"]),
        ("FOREACH t IN ARRAY '{a,b}'::text[] LOOP EXECUTE format('DROP TABLE %I', t); END LOOP;", ["a", "b"]),
        ("FOREACH t IN ARRAY known LOOP EXECUTE format('DROP TABLE %I', t); END LOOP;", ["x", "y"]),
        ("FOR t IN SELECT unnest(ARRAY['a', 'b']) LOOP EXECUTE 'DROP TABLE ' || t; END LOOP;", ["a", "b"]),
        ("FOR r IN EXECUTE 'SELECT 1' LOOP DROP TABLE a; END LOOP;", ["a"]),
    ],
)
def test_execute_of_what_can_be_worked_out_is_read(body: str, expected: list[str]) -> None:
    _, changes = inside(body, "known text[] := ARRAY['x', 'y'];")
    assert names([change for change in changes if isinstance(change, Drop)]) == expected
    assert not any(isinstance(change, ch.Execute) for change in changes)


@pytest.mark.parametrize(
    ("body", "quoting"),
    [
        ("FOR r IN SELECT a FROM pg_tables LOOP EXECUTE format('DROP TABLE %I', r.a); END LOOP;", "identifier"),
        ("SELECT 'a' INTO t; EXECUTE 'DROP TABLE ' || t;", ""),
        ("EXECUTE 'DROP TABLE ' || quote_ident(t);", "identifier"),
        ("EXECUTE 'SELECT ' || quote_literal(t);", "literal"),
        ("EXECUTE 'SELECT ' || i;", "literal"),
        ("EXECUTE 'DROP TABLE ' || r.x::regclass;", "identifier"),
        ("EXECUTE (SELECT string_agg('DROP TABLE ' || tablename, ';') FROM pg_tables);", ""),
        ("t := 'a'; IF random() < 1 THEN t := 'b'; END IF; EXECUTE 'DROP TABLE ' || t;", ""),
        ("t := 'a'; FOR i IN 1..3 LOOP EXECUTE 'DROP TABLE ' || t; t := 'b'; END LOOP;", ""),
        ("t := 'a'; GET DIAGNOSTICS t = ROW_COUNT; EXECUTE 'DROP TABLE ' || t;", ""),
        ("t := 'a'; DECLARE t text := 'b'; BEGIN EXECUTE 'DROP TABLE ' || t; END;", ""),
        ("FOREACH t IN ARRAY (SELECT array_agg(a) FROM x) LOOP EXECUTE 'DROP TABLE ' || t; END LOOP;", ""),
        ("FOR r IN EXECUTE 'SELECT * FROM ' || t LOOP NULL; END LOOP;", ""),
    ],
)  # fmt: skip
def test_execute_of_what_is_not_known_is_told(body: str, quoting: str) -> None:
    migration, changes = inside(body)
    (execute,) = [change for change in changes if isinstance(change, ch.Execute)]
    assert [part.quoting for part in execute.computed] == [quoting]
    assert not any(isinstance(change, Drop) for change in changes)
    assert migration.text(execute.span) in body


@pytest.mark.parametrize(
    ("parameter", "statement", "argument", "quoting"),
    [
        ("name text", "EXECUTE 'SELECT ' || name;", True, ""),
        ("name text", "EXECUTE 'SELECT ' || $1;", True, ""),
        ("text", "EXECUTE 'SELECT ' || $1;", True, ""),
        ("name text", "EXECUTE 'SELECT ' || lower(name);", True, ""),
        ("name text", "t := 'SELECT ' || name; EXECUTE t;", True, ""),
        ("name text", "EXECUTE format('SELECT %I', name);", True, "identifier"),
        ("name text", "EXECUTE format('SELECT %I', lower(name));", True, "identifier"),
        ("name regclass", "EXECUTE format('SELECT %s', name);", True, "identifier"),
        ("name integer", "EXECUTE 'SELECT ' || name;", True, "literal"),
        ("name text", "EXECUTE 'SELECT ' || current_user;", False, ""),
        ("name text", "SELECT a INTO t FROM x; EXECUTE t;", False, ""),
    ],
)
def test_what_comes_from_an_argument(parameter: str, statement: str, argument: bool, quoting: str) -> None:
    sql = (
        f"CREATE FUNCTION f({parameter}) RETURNS void LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN {statement} END $$;"
    )
    (execute,) = [change for change in in_function(sql) if isinstance(change, ch.Execute)]
    assert [(part.argument, part.quoting) for part in execute.computed] == [(argument, quoting)]


def test_what_every_trigger_has_is_no_argument() -> None:
    body = "BEGIN EXECUTE 'ANALYZE ' || tg_table_name; RETURN NEW; END"
    sql = f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$;"
    (execute,) = [change for change in in_function(sql) if isinstance(change, ch.Execute)]
    assert [part.argument for part in execute.computed] == [False]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("-- größer\n  DROP TABLE a;", "DROP TABLE a"),
        ("PERFORM  clean( 'ä' );", "PERFORM  clean( 'ä' )"),
        ("INSERT INTO x VALUES (1) RETURNING a INTO t;", "INSERT INTO x VALUES (1) RETURNING a"),
        ("SELECT a\n  INTO STRICT t\n  FROM x;", "SELECT a\n  INTO STRICT t\n  FROM x"),
        ("NULL; DROP TABLE b; DROP TABLE a;", "DROP TABLE a"),
        ("EXECUTE 'DROP TABLE a';", "DROP TABLE a"),
        ("EXECUTE 'DROP TABLE ' || 'a';", "'DROP TABLE ' || 'a'"),
        ("EXECUTE 'COMMENT ON TABLE x IS ''a''';", "'COMMENT ON TABLE x IS ''a'''"),
        ("t := clean('a');", " clean('a')"),
    ],
)
def test_where_a_statement_stands(body: str, text: str) -> None:
    migration, changes = inside(body)
    assert migration.text(changes[-1].statement.span) == text


def test_names_within_a_body_have_their_own_places() -> None:
    migration, changes = inside("/* ü */ CREATE TABLE größe (id serial);\nEXECUTE 'CREATE TABLE b (id money)';")
    types = [migration.text(c.columns[0].type.span) for c in changes if isinstance(c, CreateTable)]
    assert types == ["serial", "money"]


@pytest.mark.parametrize(
    "body",
    ["'BEGIN DROP TABLE a; END'", "'BEGIN DROP TABLE \"a\"; PERFORM ''x''; END'", "E'BEGIN DROP TABLE a;\nEND'"],
)
def test_a_body_in_quotes_is_read(body: str) -> None:
    migration, changes = read(f"DO {body};")
    (drop,) = [change for change in changes if isinstance(change, Drop)]
    assert "DROP TABLE" in migration.text(drop.span)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DELETE FROM a; SELECT 1 $$;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM a; SELECT length(''x'')';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC DELETE FROM a; SELECT 1; END;",
        "CREATE PROCEDURE f() LANGUAGE sql AS 'DELETE FROM a';",
        "CREATE PROCEDURE f() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM a; END $$;",
        "CREATE FUNCTION f() RETURNS SETOF a LANGUAGE plpgsql AS 'BEGIN RETURN QUERY DELETE FROM a RETURNING *; END';",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM a' USING 1; END $$;",
    ],
)
def test_functions_of_all_kinds_are_read_when_they_are_called(sql: str) -> None:
    deletes = [change for change in in_function(sql, called=True) if isinstance(change, ch.WriteRows)]
    assert names(deletes) == ["a"]
    assert {change.statement.inside for change in deletes} == {"function"}


def test_what_a_function_does_comes_where_it_is_called_and_not_before() -> None:
    sql = (
        "CREATE FUNCTION inner_one() RETURNS void LANGUAGE sql AS 'DROP TABLE a';\n"
        "CREATE FUNCTION outer_one() RETURNS void LANGUAGE plpgsql AS\n"
        "$$ BEGIN PERFORM inner_one(); PERFORM outer_one(); END $$;\n"
        "SELECT 1;\nSELECT outer_one();"
    )
    migration, changes = read(sql)
    followed = Routines().follow(changes, migration.data)
    assert [type(change).__name__ for change in followed] == [
        "CreateFunction", "CreateFunction", "ReadRows", "ReadRows", "ReadRows", "Drop", "ReadRows",
    ]  # fmt: skip
    assert flags(followed)[5] == "c"


@pytest.mark.parametrize(
    "call",
    [
        "SELECT clean();",
        "SELECT * FROM clean();",
        "CALL clean();",
        "DO $$ BEGIN PERFORM clean(); END $$;",
        "DO $$ DECLARE t text := clean(); BEGIN END $$;",
    ],
)
def test_a_function_of_an_earlier_file_is_followed(call: str) -> None:
    files = {
        "migrations/20250101_000000_a.sql": whole(
            "CREATE FUNCTION clean() RETURNS void LANGUAGE sql AS $$ DROP TABLE users; $$;"
        ),
        "migrations/20250102_000000_b.sql": whole(call),
    }
    migrations = [layouts.read(path, text.encode()) for path, text in files.items()]
    routines = Routines()
    sections = [routines.follow(read_section(m.up, m.data), m.data) for m in migrations]
    (drop,) = [change for change in sections[1] if isinstance(change, Drop)]
    assert drop.statement.conditional
    assert migrations[1].text(drop.span) in call


def shown(message: str) -> Rule:
    """A rule that finds each table that is created, whoever creates it, and would rename it."""

    def check(context: Context[CreateTable]) -> Iterator[Finding]:
        fix = Fix("rename it", (Edit(context.change.span, "other"),), Applicability.SAFE)
        yield context.finding(f"{message} {context.change.name}", fix=fix)

    example = (Example("CREATE TABLE a (); -- finding"),)
    return Rule("shown", "own", Severity.ERROR, "s", "w", "i", (CreateTable,), check, example, example)


def judged(rule: Rule, *sql: str) -> list[Finding]:
    from elf_sqlcheck.lint import lint

    paths = [f"migrations/2025010{number}_000000_a.sql" for number in range(1, len(sql) + 1)]
    migrations = [layouts.read(path, whole(text).encode()) for path, text in zip(paths, sql, strict=True)]
    return list(lint(migrations, [rule]).findings)


@pytest.mark.parametrize(
    ("sql", "fixable"),
    [
        ("DO $$ BEGIN CREATE TABLE a (); END $$;", True),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE a ()'; END $$;", True),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE ' || 'a ()'; END $$;", False),
        ("DO 'BEGIN CREATE TABLE a (b text DEFAULT ''x''); END';", False),
    ],
)
def test_a_fix_edits_only_text_that_stands_in_the_file(sql: str, fixable: bool) -> None:
    (finding,) = judged(shown("table"), sql)
    assert (finding.fix is not None) == fixable


def test_a_rule_is_asked_about_a_body_when_it_is_called_or_when_it_judges_bodies() -> None:
    function = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (); END $$;"
    rule = shown("table")
    assert judged(rule, function) == []
    assert len(judged(rule, function + "SELECT f();")) == 1
    assert len(judged(rule, function, "SELECT f();")) == 1
    bodies = rule.replace(bodies=True)
    assert len(judged(bodies, function)) == 1
    assert len(judged(bodies, function + "SELECT f();")) == 1
    assert {finding.path[-19:] for finding in judged(bodies, function, "SELECT f();")} == {
        "20250101_000000_a.sql"[-19:]
    }


GUARDED = [
    "DO $$ BEGIN IF NOT EXISTS (TABLE pg_type LIMIT 0) THEN CREATE TYPE m AS ENUM ('x'); END IF; END $$;",
    "DO $$ BEGIN CREATE TYPE mood AS ENUM ('x'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    "DO $$ BEGIN ALTER TABLE users ADD COLUMN a int; EXCEPTION WHEN duplicate_column THEN RAISE NOTICE 'x'; END $$;",
    "DO $$ BEGIN IF to_regclass('public.t') IS NOT NULL THEN RETURN; END IF; CREATE TABLE t (id uuid); END $$;",
]


@pytest.mark.parametrize("sql", GUARDED)
def test_what_is_guarded_is_idempotent(sql: str) -> None:
    assert found(whole(sql), "idempotency") == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DO $$ BEGIN CREATE TABLE t (id uuid); END $$;", "create-without-if-not-exists"),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE t (id uuid)'; END $$;", "create-without-if-not-exists"),
        ("DO $$ BEGIN DROP TABLE t; END $$;", "drop-without-if-exists"),
    ],
)
def test_what_is_not_guarded_is_judged(sql: str, rule: str) -> None:
    assert [line for line, _ in found(whole(sql), rule)] == [6]


def test_what_a_block_makes_is_known_afterwards() -> None:
    sql = (
        "DO $$ BEGIN IF NOT EXISTS (SELECT) THEN CREATE TABLE t (id uuid, user_id uuid); END IF; END $$;\nDROP TABLE t;"
    )
    migration, changes = read(sql)
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(changes[:-1])
    table = catalog.view().table(Name(None, "t"))
    assert table is not None
    assert set(table.columns) == {"id", "user_id"}
    assert migration.text(changes[-1].span) == "DROP TABLE t"


@pytest.mark.parametrize(
    ("before", "block", "absent"),
    [
        ("CREATE TABLE t (id uuid);", "DROP TABLE t;", True),
        ("CREATE TABLE t (id uuid);", "IF random() < 1 THEN DROP TABLE t; END IF;", False),
    ],
)
def test_what_may_have_been_dropped_is_not_claimed_to_be_gone(before: str, block: str, absent: bool) -> None:
    _, changes = read(f"{before}\nDO $$ BEGIN {block} END $$;")
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(changes)
    schema = catalog.view()
    assert not schema.knows("relation", Name(None, "t"))
    assert schema.is_absent("relation", Name(None, "t")) is absent


def test_a_guarded_creation_leaves_alone_what_is_there() -> None:
    _, changes = read(
        "CREATE TABLE t (id uuid);\nDO $$ BEGIN IF NOT EXISTS (SELECT) THEN CREATE TABLE t (other int); END IF; END $$;"
    )
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(changes)
    table = catalog.view().table(Name(None, "t"))
    assert table is not None
    assert list(table.columns) == ["id"]


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("DO $$ BEGIN DROP TABL a; END $$;", 18),
        ("DO $$ BEGIN DROP TABLE tabl; DROP TABL a; END $$;", 35),
        ("DO $$ BEGIN IF true DROP TABLE a; END IF; END $$;", None),
        ("DO $$ BEGIN PERFORM 'größer'; DROP TABL a; END $$;", 36),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETRUN 1; END $$;", 62),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELEC 1 $$;", 52),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELEC length(''a'')';", None),
        ("DO $$ BEGIN EXECUTE 'DROP TABL a'; END $$;", 21),
        ("DO $$ BEGIN RAISE NOTICE '% %', 1; END $$;", None),
    ],
)
def test_a_body_that_postgres_refuses_is_a_syntax_error(sql: str, column: int | None) -> None:
    findings, migrations = judge({"migrations/20250121_093000_test.sql": whole(sql)}, "syntax-error")
    (finding,) = findings
    assert finding.span is not None
    line, place = migrations[finding.path].position(finding.span.start)
    assert line == 6
    assert column is None or place == column


@pytest.mark.parametrize(
    "sql",
    [
        "DO LANGUAGE plv8 $$ var x = 1; $$;",
        "CREATE FUNCTION f(VARIADIC a anyarray) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;",
        "CREATE FUNCTION f(a s.t) RETURNS s.t LANGUAGE plpgsql AS 'DECLARE b s.t%ROWTYPE; BEGIN RETURN b; END';",
        "DO $$ DECLARE t text; BEGIN EXECUTE 'NOT SQL ' || t; END $$;",
        "DO $$ BEGIN EXECUTE ''; END $$;",
        "DO $$\n#variable_conflict use_column\nBEGIN\nPERFORM 1;\nEND $$;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\n#option dump\nBEGIN RETURN 1; END $$;",
    ],
)
def test_what_only_the_parser_does_not_know_is_no_error_of_the_user(
    sql: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert found(whole(sql), "syntax-error") == []
    assert capfd.readouterr().out == ""


def test_a_deep_expression_in_a_body_is_no_crash() -> None:
    deep = "'a' || " * 5000 + "'b'"
    assert found(whole(f"DO $$ BEGIN EXECUTE {deep}; END $$;"), "portability") == []


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    from elf_sqlcheck.postgres.server import throwaway

    with throwaway(major=18) as running:
        yield running


SETUP = "CREATE TABLE users (id uuid PRIMARY KEY, name text);"
BLOCKS = [
    *GUARDED,
    "DO $$ BEGIN EXECUTE format('CREATE TABLE %I (%I int)', 'my table', 'order'); END $$;",
    ("DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['x', 'y'] LOOP\n"
    "EXECUTE format('CREATE TABLE %I (id uuid)', t); END LOOP; END $$;"),
    "DO $$ DECLARE q text := 'CREATE TABLE '; BEGIN q := q || quote_ident('T1') || E' (a int);'; EXECUTE q; END $$;",
    "DO $$ BEGIN FOR i IN 1..1 LOOP CREATE TABLE z (id int); END LOOP; END $$;",
    "DO $$ BEGIN IF to_regclass('users') IS NOT NULL THEN ALTER TABLE users RENAME TO people; END IF; END $$;",
    "CREATE FUNCTION make() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE made (id int); END'; SELECT make();",
    "DO $$ BEGIN EXECUTE $q$ CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'CREATE TABLE never ()' $q$; END $$;",
    "DO 'BEGIN CREATE TABLE a (b text DEFAULT ''x''); END';",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sql", BLOCKS)
def test_the_catalog_knows_what_a_server_has_after_a_block(postgres: Server, sql: str) -> None:
    import psycopg

    url = postgres.create_database("block")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SETUP.encode())
            connection.execute(sql.encode())
            rows: list[tuple[Any, ...]] = connection.execute(
                "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
                " FROM information_schema.columns"
                " WHERE table_schema = 'public' GROUP BY 1"
            ).fetchall()
            types = connection.execute(
                "SELECT typname FROM pg_type WHERE typtype = 'e' AND typnamespace = 'public'::regnamespace"
            ).fetchall()
    finally:
        postgres.drop_database("block")
    migration, changes = read(f"{SETUP}\n{sql}")
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(Routines().follow(changes, migration.data))
    tables = {table.name.name: list(table.columns) for table in catalog.view().tables()}
    assert tables == dict(rows)
    assert [name for (name,) in types if not catalog.view().knows("type", Name(None, name))] == []


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/usr/lib/postgresql/15/bin"), reason="no Postgres 15 is installed")
def test_a_server_refuses_what_is_called_a_syntax_error() -> None:
    import psycopg

    from elf_sqlcheck.postgres.server import throwaway

    with (
        throwaway(pg_bin="/usr/lib/postgresql/15/bin") as running,
        psycopg.connect(running.url, autocommit=True) as connection,
    ):
        for sql in (
            "DO $$ BEGIN DROP TABL a; END $$",
            "DO $$ BEGIN IF true DROP TABLE a; END IF; END $$",
            "DO $$ BEGIN RAISE NOTICE '% %', 1; END $$",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELEC 1 $$",
        ):
            with pytest.raises(psycopg.errors.SyntaxError):
                connection.execute(sql.encode())


def test_what_a_block_does_is_one_transaction() -> None:
    from elf_sqlcheck.catalog.transactions import numbered

    _, changes = read("DO $$ BEGIN DROP TABLE a; DROP TABLE b; END $$; DROP TABLE c; DO $$ BEGIN DROP TABLE d; END $$;")
    numbers = numbered(changes, transactional=False)
    drops = [numbers[id(change.statement)] for change in changes if isinstance(change, Drop)]
    assert drops[0] == drops[1]
    assert drops[2] is None
    assert drops[3] not in (None, drops[0])
    assert {numbers[id(change.statement)] for change in changes if isinstance(change, ch.Do)} == {None}


@pytest.mark.parametrize("word", ["COMMIT", "commit", "ROLLBACK", "COMMIT AND CHAIN"])
def test_the_end_of_a_transaction_in_a_block(word: str) -> None:
    migration, changes = inside(f"LOOP DELETE FROM a; {word}; EXIT; END LOOP;")
    (end,) = [change for change in changes if isinstance(change, ch.Transaction)]
    assert end.kind == word.split(maxsplit=1)[0].lower()
    assert migration.text(end.span) == word.split(maxsplit=1)[0]
    block = f"DO $$ BEGIN LOOP DELETE FROM a; {word}; EXIT; END LOOP; END $$;"
    assert len(found(whole(block), "statement-outside-transaction")) == 1
    assert found(whole(block, more="-- Transaction: none\n"), "transactions") == []
