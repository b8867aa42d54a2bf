"""Verify with the profile supabase: what its postgres may do, what strangers may do, on all servers."""
# ruff: noqa: E501, ISC004 - SQL is read best in one line

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.layouts import read
from elf_sqlcheck.postgres import supabase
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.postgres.snapshot import snapshot
from elf_sqlcheck.verify import Options, Verification, verify
from tests.judging import skip_newer
from tests.migrate_files import text, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow
COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
_numbers = itertools.count(1)

#: What may be set only by whom it has been granted to, which Postgres 14 cannot.
PARAMETERS = (
    "SET session_replication_role = replica",
    "ALTER ROLE authenticator SET pgrst.db_aggregates_enabled = 'true'",
)
NOTES = (
    "CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users, "
    "body text NOT NULL CHECK (length(body) > 3));"
)
LOCKED = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
OWN = "CREATE POLICY own ON notes TO authenticated USING ((SELECT auth.uid()) = user_id);"
OPEN = "GRANT ALL ON notes TO anon, authenticated;"
EVENT_TRIGGER = (
    "CREATE FUNCTION lock_tables() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
    "CREATE EVENT TRIGGER lock_tables ON ddl_command_end EXECUTE FUNCTION lock_tables();"
)

ALLOWED = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions",
    'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions',
    "CREATE EXTENSION IF NOT EXISTS supabase_vault WITH SCHEMA vault",
    "CREATE EXTENSION moddatetime SCHEMA extensions",
    "CREATE EXTENSION pg_cron; SELECT cron.schedule('nightly', '0 3 * * *', 'VACUUM'); SELECT cron.unschedule('nightly')",
    "CREATE EXTENSION pg_net WITH SCHEMA extensions; SELECT net.http_post('https://example.com', '{}')",
    "CREATE EXTENSION pgjwt WITH SCHEMA extensions; SELECT extensions.sign('{}', 'secret')",
    "CREATE EXTENSION pgmq; SELECT pgmq.create('jobs'); SELECT pgmq.send('jobs', '{}'); SELECT * FROM pgmq.read('jobs', 30, 1); SELECT pgmq.archive('jobs', 1); SELECT pgmq.drop_queue('jobs')",
    "CREATE SCHEMA pgsodium; CREATE EXTENSION pgsodium WITH SCHEMA pgsodium; SELECT id FROM pgsodium.create_key()",
    "CREATE EXTENSION http WITH SCHEMA extensions; SELECT status FROM extensions.http_get('https://example.com')",
    "CREATE EXTENSION pg_graphql; CREATE EXTENSION pg_jsonschema WITH SCHEMA extensions; SELECT extensions.jsonb_matches_schema('{}', '1')",
    "DROP EXTENSION pgcrypto CASCADE",
    "CREATE TABLE t (id uuid DEFAULT extensions.uuid_generate_v4() REFERENCES auth.users ON DELETE CASCADE)",
    "CREATE POLICY p ON storage.objects FOR SELECT USING (bucket_id = 'a' AND (storage.foldername(name))[1] = 'b')",
    "CREATE POLICY p ON storage.objects USING (true); DROP POLICY p ON storage.objects",
    "CREATE POLICY p ON realtime.messages FOR SELECT TO authenticated USING (realtime.topic() = 'room')",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER g AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION f(); DROP TRIGGER g ON auth.users",
    "CREATE TABLE t (id int); CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW "
    "EXECUTE FUNCTION supabase_functions.http_request('https://example.com', 'POST', '{}', '{}', '1000')",
    "CREATE TABLE t (id int PRIMARY KEY); ALTER PUBLICATION supabase_realtime ADD TABLE t",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "INSERT INTO storage.buckets (id, name, public) VALUES ('a', 'a', true)",
    "INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'a@example.com')",
    "SELECT vault.create_secret('s3cret', 'name'); SELECT decrypted_secret FROM vault.decrypted_secrets",
    "SELECT realtime.send('{}'::jsonb, 'event', 'topic', false), graphql_public.graphql(query => '{}')",
    *PARAMETERS,
    "CREATE ROLE reader; GRANT anon TO reader; GRANT reader TO authenticator",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon",
    "CREATE SCHEMA api; GRANT USAGE ON SCHEMA api TO anon, authenticated, service_role",
    "SELECT auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'sub', storage.extension('a/b.c')",
]
DENIED = {
    "CREATE EXTENSION file_fdw": 'permission denied to create extension "file_fdw"',
    "CREATE TABLE auth.notes (id int)": "permission denied for schema auth",
    "ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY": "must be owner of table objects",
    "ALTER TABLE auth.users ADD COLUMN nickname text": "must be owner of table users",
    "CREATE POLICY p ON auth.flow_state USING (true)": "must be owner of table auth.flow_state",
    "DELETE FROM storage.objects": "Direct deletion from storage tables is not allowed",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc'": "permission denied for language c",
    "ALTER ROLE postgres SUPERUSER": "must be superuser|permission denied",
    "COPY auth.users TO PROGRAM 'cat'": "must be superuser|permission denied",
    "DROP TABLE auth.users": "must be owner of table users",
}


@pytest.fixture(scope="module")
def project(pg_bin: str) -> Iterator[Server]:
    """A server with the profile supabase."""
    with throwaway(pg_bin, profile="supabase") as running:
        yield running


def database_of(server: Server, *, auto_expose: bool = False) -> str:
    """The URL of a new database in `server`, as verify makes one."""
    name = f"project_{next(_numbers)}"
    url = server.create_database(name)
    with server.connect(name) as connection:
        connection.execute(supabase.database(auto_expose=auto_expose).encode())
    return url


def made(number: int, up: str, down: str | None = "SELECT 1;") -> Migration:
    name = f"2025010{number}_000000_m{number}"
    return read(f"migrations/{name}.sql", text(name, up, down).encode())


def judge(server: Server | str, *migrations: Migration, auto_expose: bool = False) -> Verification:
    options = Options(profile="supabase", auto_expose=auto_expose, rows=0, cuts=0, observe=False)
    return verify(migrations, server, options=options)


def found(result: Verification) -> list[tuple[str, str]]:
    """Each finding as its rule and the number of its migration."""
    return [(finding.rule, finding.path[18]) for finding in result.findings]


def test_postgres_may_do_what_supabase_lets_it_do(project: Server) -> None:
    url = database_of(project)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in ALLOWED:
            if statement in PARAMETERS and project.provider.major < 15:
                continue  # it is no privilege that can be granted
            with connection.transaction(force_rollback=True):
                connection.execute(statement.encode())
        row = connection.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == ("postgres", False)


def test_postgres_may_not_do_what_only_a_superuser_may(project: Server) -> None:
    with psycopg.connect(database_of(project), autocommit=True) as connection:
        for statement, said in DENIED.items():
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=said):
                connection.execute(statement.encode())


def test_a_new_project_is_empty_to_a_snapshot(project: Server) -> None:
    with psycopg.connect(database_of(project)) as connection:
        kinds = {kind for kind, _ in snapshot(connection).objects}
    assert kinds == {"schema", "privileges", "default privileges", "publication"}


def test_users_of_the_api_are_told_apart_by_their_claims(project: Server) -> None:
    user = "11111111-1111-1111-1111-111111111111"
    with psycopg.connect(database_of(project)) as connection:
        connection.execute("SET LOCAL ROLE authenticated")
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", (json.dumps({"sub": user}),))
        row = connection.execute("SELECT auth.uid()::text, auth.jwt() ->> 'sub', auth.role()").fetchone()
    assert row == (user, user, None)


@pytest.mark.parametrize("auto_expose", [True, False])
def test_new_tables_are_granted_to_the_api_only_when_asked(project: Server, auto_expose: bool) -> None:
    with psycopg.connect(database_of(project, auto_expose=auto_expose), autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id bigserial)")
        connection.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        for role in ("anon", "authenticated", "service_role"):
            row = connection.execute(
                "SELECT has_table_privilege(%s, 't', 'SELECT'), has_sequence_privilege(%s, 't_id_seq', 'USAGE')",
                (role, role),
            ).fetchone()
            assert row == (auto_expose, auto_expose)


def test_a_project_as_it_should_be_is_proven_without_findings(project: Server) -> None:
    result = judge(
        project,
        made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;"),
        made(
            2,
            "CREATE EXTENSION IF NOT EXISTS pg_cron;\nALTER PUBLICATION supabase_realtime ADD TABLE notes;\n"
            "CREATE POLICY pictures ON storage.objects FOR SELECT USING (bucket_id = 'pictures');",
            "DROP POLICY pictures ON storage.objects;\nALTER PUBLICATION supabase_realtime DROP TABLE notes;",
        ),
        made(3, EVENT_TRIGGER, "DROP EVENT TRIGGER lock_tables;\nDROP FUNCTION lock_tables;"),
    )
    assert result.findings == []
    assert [step.reapplied for step in result.steps] == [True] * 3
    assert result.notes == ["Extensions of which this server has only a stand-in: pg_cron."]
    assert result.steps[0].more["access"]["public.notes"] == {
        "kind": "table",
        "row level security": True,
        "owners": ["user_id"],
        "not filled": "",
        "anon": {"rows": 1, "read": 0, "insert": False, "update": False, "delete": False},
        "authenticated": {"rows": 1, "read": 0, "update": False, "delete": False},
    }
    with project.connect() as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'").fetchone() == (False,)


def test_what_postgres_may_not_do_does_not_apply(project: Server) -> None:
    result = judge(project, made(1, "ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;"))
    assert found(result) == [("does-not-apply", "1")]
    assert "must be owner of table objects" in result.findings[0].message


def test_strangers_write_a_table_that_is_not_locked(project: Server) -> None:
    if project.provider.major < 15:
        pytest.skip("before 15 nobody lets postgres write a row past its foreign key")
    result = judge(project, made(1, NOTES, "DROP TABLE notes;"), auto_expose=True)
    assert found(result) == [("anon-can-write", "1")]
    (finding,) = result.findings
    assert finding.message == (
        "anon added a row, changed rows and deleted rows of public.notes: its row level security is off, "
        "so anybody can who has the project's public key"
    )
    assert finding.instead.startswith("ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;")
    assert judge(project, made(1, NOTES, "DROP TABLE notes;")).findings == []


def test_what_a_later_migration_closes_is_no_finding_and_what_it_opens_again_is_its_own(project: Server) -> None:
    closed = [made(1, f"{NOTES}\n{OPEN}", "DROP TABLE notes;"), made(2, LOCKED, LOCKED.replace("ENABLE", "DISABLE"))]
    assert judge(project, *closed).findings == []
    opened = made(3, LOCKED.replace("ENABLE", "DISABLE"), LOCKED)
    assert found(judge(project, *closed, opened)) == [("anon-can-write", "3")]


@pytest.mark.parametrize(
    ("policy", "rules"),
    [
        ("FOR SELECT USING (true)", []),
        ("FOR SELECT TO anon USING (length(body) > 0)", []),
        ("FOR SELECT USING (body = 'public')", []),
        ("FOR SELECT TO authenticated USING (auth.jwt() ->> 'team' = 'red')", []),
        ("FOR SELECT TO authenticated USING (auth.uid() IS NOT NULL)", ["sees-rows-of-others"]),
        ("FOR ALL USING (auth.role() = 'anon')", ["anon-can-write"]),
        ("FOR ALL TO authenticated USING (auth.role() = 'authenticated')", ["sees-rows-of-others", "writes-rows-of-others"]),
        ("FOR INSERT TO anon WITH CHECK (length(body) < 1000)", []),
        ("FOR INSERT WITH CHECK (length(body) < 1000)", ["anon-can-write"]),
        ("FOR DELETE USING (current_date > '2020-01-01')", []),
    ],
)  # fmt: skip
def test_a_policy_beside_that_of_the_owner(supabase_server: Server, policy: str, rules: list[str]) -> None:
    start = made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;")
    more = made(2, f'CREATE POLICY "the other" ON notes {policy};', 'DROP POLICY "the other" ON notes;')
    result = judge(supabase_server, start, more)
    assert sorted(found(result)) == [(rule, "2") for rule in rules]
    for finding in result.findings:
        assert finding.span is not None
        assert b"the other" in more.data[finding.span.start : finding.span.end]
        assert '"the other" ON public.notes' in finding.instead


def test_a_view_leads_around_row_level_security(supabase_server: Server) -> None:
    start = made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;")
    view = "CREATE VIEW all_notes AS SELECT * FROM notes;"
    result = judge(supabase_server, start, made(2, view, "DROP VIEW all_notes;"), auto_expose=True)
    assert found(result) == [("anon-can-write", "2")]
    assert "changed rows and deleted rows of public.notes through view public.all_notes" in result.findings[0].message
    only_read = f"{view}\nREVOKE ALL ON all_notes FROM anon, authenticated;\nGRANT SELECT ON all_notes TO anon;"
    assert judge(supabase_server, start, made(2, only_read, "DROP VIEW all_notes;"), auto_expose=True).findings == []
    invoker = view.replace("AS", "WITH (security_invoker = true) AS", 1)
    skip_newer(invoker, supabase_server.provider.major)
    assert judge(supabase_server, start, made(2, invoker, "DROP VIEW all_notes;"), auto_expose=True).findings == []


def test_asking_leaves_nothing_behind(supabase_server: Server) -> None:
    result = judge(
        supabase_server,
        made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;"),
        made(2, "DO $$ BEGIN ASSERT (SELECT count(*) FROM notes) + (SELECT count(*) FROM auth.users) = 0; END $$;"),
    )
    assert result.findings == []


def test_locks_on_the_tables_of_the_services_are_seen_and_rows_are_filled(supabase_server: Server) -> None:
    chain = [
        made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;"),
        made(2, "ALTER TABLE notes ADD COLUMN title text;", "ALTER TABLE notes DROP COLUMN title;"),
    ]
    result = verify(chain, supabase_server, options=Options(profile="supabase"))
    assert result.findings == []
    locks = {held.relation: held.mode for one in result.steps[0].observed for held in one.locks}
    assert locks["auth.users"] == "share row exclusive"
    assert {one.table: one.rows for one in result.steps[1].filled}.get("public.notes", 100) > 90


def test_a_server_that_is_not_ours_is_furnished(independent_server: Any) -> None:
    url = independent_server.url()
    result = judge(url, made(1, f"{NOTES}\n{LOCKED}\n{OWN}\n{OPEN}", "DROP TABLE notes;"))
    assert result.findings == []
    assert "public.notes" in result.steps[0].more["access"]
    assert "On this server postgres is a superuser, which it is not on Supabase" in result.notes[-1]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regnamespace('auth')").fetchone() == (None,)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS helper; CREATE ROLE helper LOGIN CREATEDB CREATEROLE")
    with pytest.raises(DatabaseError, match="needs a superuser, and helper is none"):
        judge(independent_server.url(user="helper"), made(1, NOTES))


def test_on_a_server_that_is_not_ours_migrations_run_as_a_plain_postgres(supabase_server: Server) -> None:
    up = f"{NOTES}\nALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;"
    result = judge(supabase_server.url, made(1, up, "DROP TABLE notes;"))
    assert "must be owner of table objects" in result.findings[0].message
    assert not any("superuser" in note for note in result.notes)


def test_the_command_takes_the_profile_from_the_configuration(tmp_path: Path) -> None:
    write(tmp_path / "migrations", "20250101_000000_notes", NOTES, "DROP TABLE notes;")
    (tmp_path / "elf-sqlcheck.toml").write_text('profile = "supabase"\nauto-expose = true\n')
    for flags, status in (((), 1), (("--no-auto-expose",), 0)):
        done = subprocess.run(
            [COMMAND, "verify", "--output-format", "concise", *flags],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert ("[anon-can-write]" in done.stdout) is bool(status)
    (tmp_path / "elf-sqlcheck.toml").write_text('auto-expose = "yes"\n')
    done = subprocess.run([COMMAND, "verify"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "auto-expose is 'yes'" in done.stderr
