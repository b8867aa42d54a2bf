"""Who may do what: what the examples of the rules leave out, and what other linters call by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.model import Applicability
from tests.judging import found, judge, whole

if TYPE_CHECKING:
    from elf_sqlcheck.model import Finding

RULES = ("access",)


def rules(up: str, down: str = "SELECT 1;") -> list[str]:
    findings, _ = judge({"migrations/20250121_093000_test.sql": whole(up, down)}, *RULES)
    return [finding.rule for finding in findings]


def one(up: str) -> Finding:
    (finding,), _ = judge({"migrations/20250121_093000_test.sql": whole(up)}, *RULES)
    return finding


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE ROLE a SUPERUSER;", "superuser-grant"),
        ("CREATE ROLE a WITH SUPERUSER BYPASSRLS REPLICATION CREATEROLE;", "superuser-grant"),
        ("GRANT postgres, reader TO a;", "superuser-grant"),
        ("GRANT pg_write_all_data TO a WITH ADMIN OPTION;", "superuser-grant"),
        ("CREATE USER a;", "new-login"),
        ("CREATE ROLE a LOGIN;", "new-login"),
        ("ALTER USER a LOGIN;", "new-login"),
        ("GRANT SELECT ON t TO PUBLIC;", "grant-to-public"),
        ("GRANT SELECT (a) ON t TO PUBLIC;", "grant-to-public"),
        ("GRANT ALL ON DATABASE app TO PUBLIC;", "grant-to-public"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC;", "grant-to-public"),
        ("GRANT ALL ON SCHEMA public TO anon;", "grant-to-public"),
        ("GRANT ALL PRIVILEGES ON TABLE t TO authenticated WITH GRANT OPTION;", "grant-to-public"),
        ("GRANT ALL ON ALL TABLES IN SCHEMA public, app TO anon;", "grant-to-public"),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO PUBLIC;", "grant-to-public"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon;", "grant-to-public"),
        ("CREATE PROCEDURE p() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';", "definer-without-search-path"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;", "definer-without-search-path"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'f';", "untrusted-language"),
        ("CREATE EXTENSION plperlu;", "untrusted-language"),
        ("COPY t FROM '/tmp/t';", "server-file-or-program"),
        ("COPY (SELECT 1) TO PROGRAM 'sh';", "server-file-or-program"),
        ("SELECT lo_export(1, '/tmp/x');", "server-file-or-program"),
        ("UPDATE t SET a = pg_catalog.pg_read_file('x');", "server-file-or-program"),
        ("CREATE VIEW v AS SELECT * FROM pg_ls_dir('.');", "server-file-or-program"),
        ("ALTER SYSTEM RESET ALL;", "system-change"),
        ("SET session_replication_role TO replica;", "system-change"),
        ("ALTER TABLE t DISABLE TRIGGER ALL;", "system-change"),
        ("DELETE FROM pg_enum WHERE enumlabel = 'a';", "system-change"),
        ("CREATE FUNCTION pg_catalog.f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "system-change"),
        ("CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();", "system-change"),
        ("CREATE EXTENSION postgres_fdw;", "outbound-connection"),
        ("SELECT * FROM dblink('host=b', 'SELECT 1') AS t (a int);", "outbound-connection"),
        ("SELECT net.http_get('https://example.com');", "outbound-connection"),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=b' PUBLICATION p;", "outbound-connection"),
    ],
)
def test_a_danger_is_found_wherever_it_is_written(statement: str, rule: str) -> None:
    assert rules(statement) == [rule]
    static = f"PERFORM {statement[7:]}" if statement.startswith("SELECT") else statement
    assert rules(f"DO $x$ BEGIN {static} END $x$;") == [rule]
    assert rules(f"CREATE FUNCTION made() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN {static} END $x$;") == [rule]
    quoted = statement.removesuffix(";").replace("'", "''")
    assert rules(f"DO $x$ BEGIN EXECUTE '{quoted}'; END $x$;") == [rule]
    body = f"CREATE FUNCTION made() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE '{quoted}'; END $x$;"
    assert rules(body) == [rule]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE a NOSUPERUSER NOBYPASSRLS NOREPLICATION NOCREATEROLE NOLOGIN;",
        "ALTER ROLE a PASSWORD NULL;",
        "ALTER ROLE a SET statement_timeout = '3s';",
        "GRANT anon TO authenticator;",
        "REVOKE postgres FROM a;",
        "GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;",
        "GRANT USAGE ON SCHEMA public TO PUBLIC;",
        "GRANT USAGE ON TYPE mood TO PUBLIC;",
        "GRANT CONNECT ON DATABASE app TO PUBLIC;",
        "GRANT EXECUTE ON FUNCTION f() TO PUBLIC;",
        "GRANT ALL ON FUNCTION f() TO anon;",
        "GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO anon, authenticated;",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon;",
        "GRANT ALL ON t TO service_role, marketing_team_role;",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon;",
        "REVOKE ALL ON t FROM PUBLIC, anon;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path TO '' AS 'SELECT 1';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f() SECURITY INVOKER;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plv8 AS 'return 1';",
        "COPY t FROM STDIN;",
        "SET search_path = app;",
        "ALTER TABLE t DISABLE TRIGGER USER;",
        "ALTER TABLE t ENABLE TRIGGER ALL;",
        "SELECT pg_size_pretty(pg_total_relation_size('t')), pg_get_functiondef(1), lo_creat(1);",
        "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS pg_net;",
        "CREATE FUNCTION http_get() RETURNS int LANGUAGE sql AS 'SELECT 200'; SELECT http_get(), api.http_get();",
    ],
)
def test_what_is_no_danger_passes(statement: str) -> None:
    assert rules(statement) == []


def test_several_powers_of_a_role_are_one_finding() -> None:
    message = one("CREATE ROLE a BYPASSRLS SUPERUSER;").message
    assert message.startswith("role a gets SUPERUSER, BYPASSRLS: ")


@pytest.mark.parametrize(
    ("up", "fixed", "applicability"),
    [
        ("GRANT ALL ON t TO anon;", "SELECT, INSERT, UPDATE, DELETE", Applicability.UNSAFE),
        ("GRANT ALL ON t TO anon, service_role;", "SELECT, INSERT, UPDATE, DELETE", Applicability.SHOWN),
        ("grant all privileges on sequence s to anon;", "usage, select", Applicability.UNSAFE),
    ],
)
def test_all_is_narrowed_only_where_nobody_else_loses_by_it(up: str, fixed: str, applicability: Applicability) -> None:
    fix = one(up).fix
    assert fix is not None
    assert [edit.text for edit in fix.edits] == [fixed]
    assert fix.applicability is applicability


def test_a_down_that_gives_back_a_login_or_a_grant_is_not_judged() -> None:
    down = "CREATE ROLE a LOGIN; GRANT ALL ON t TO anon;"
    assert rules("DROP ROLE a; REVOKE ALL ON t FROM anon;", down) == []
    assert rules("SELECT 1;", "CREATE ROLE a SUPERUSER;") == ["superuser-grant"]


@pytest.mark.parametrize(
    ("later", "pinned"),
    [
        ("ALTER FUNCTION f() SET search_path = '';", True),
        ("ALTER FUNCTION public.f() SET search_path FROM CURRENT;", True),
        ("ALTER ROUTINE f SET search_path TO public;", True),
        ("ALTER FUNCTION f() RESET search_path;", False),
        ("ALTER FUNCTION f() SET work_mem = '1MB';", False),
        ("ALTER FUNCTION g() SET search_path = '';", False),
    ],
)
def test_a_search_path_may_be_pinned_later(later: str, pinned: bool) -> None:
    function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
    assert rules(f"{function}\n{later}") == ([] if pinned else ["definer-without-search-path"])


@pytest.mark.parametrize(
    ("execute", "expected"),
    [
        ("EXECUTE 'SELECT ' || a;", ["definer-without-search-path"]),
        ("EXECUTE format('SELECT %s', a);", ["definer-without-search-path"]),
        ("EXECUTE format('SELECT * FROM %I WHERE x = %L', a, a);", []),
        ("EXECUTE 'SELECT $1' USING a;", []),
        ("EXECUTE 'SELECT ' || n;", []),
        ("FOR r IN EXECUTE a LOOP NULL; END LOOP;", ["definer-without-search-path"]),
        ("SELECT q INTO a FROM queries; EXECUTE a;", ["definer-without-search-path"]),
        ("SELECT q INTO t FROM queries; EXECUTE t;", ["opaque-execute"]),
    ],
)
def test_sql_made_from_arguments_with_the_owners_rights(execute: str, expected: list[str]) -> None:
    head = "CREATE FUNCTION f(a text, n int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''"
    assert rules(f"{head} AS $$ DECLARE r record; t text; BEGIN {execute} END $$;") == expected


def test_a_function_is_judged_in_its_own_file_only() -> None:
    function = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE a SUPERUSER; END $$;"
    files = {
        "migrations/20250101_000000_a.sql": whole(function),
        "migrations/20250102_000000_b.sql": whole("SELECT f();"),
    }
    findings, migrations = judge(files, "superuser-grant")
    assert [finding.path for finding in findings] == ["migrations/20250101_000000_a.sql"]
    assert findings[0].span is not None
    assert migrations[findings[0].path].text(findings[0].span) == "SUPERUSER"


def test_an_opaque_execute_says_what_is_known_of_it() -> None:
    loop = "FOR r IN SELECT * FROM x LOOP\nEXECUTE format('DROP TABLE %I', r.t);\nEND LOOP;"
    ((line, message),) = found(whole(f"DO $$ DECLARE r record; BEGIN {loop} END $$;"), "opaque-execute")
    assert line == 7
    assert "`DROP TABLE …`" in message
    assert "r.t" in message


@pytest.mark.parametrize(
    "sql",
    ["DO $$ BEGIN EXECUTE current_setting('x.y'); END $$;", "DO $$ DECLARE q text; BEGIN EXECUTE q; END $$;"],
)
def test_an_execute_is_never_passed_over(sql: str) -> None:
    assert rules(sql) == ["opaque-execute"]
