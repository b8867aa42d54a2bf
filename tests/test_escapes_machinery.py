"""A stranger's migration turns on the machinery of the proof: what has a superuser's rights, our sessions, the server.

All attempts on a superuser's rights are made in one migration, which ends in `ESCAPED` and their names. What may be
done, and could hinder or hide, is done before a migration whose fault has to be found, or the run has to fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.escapes import (
    DOWN,
    NAME,
    SERVERS,
    UP,
    administrator,
    escaped,
    on,
    server_name,
    stranger,
    tried,
    witness,
)  # fmt: skip

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

#: `attempt` notes what succeeds, or finds itself to have the rights of a superuser.
TRYING = """
CREATE TABLE public.won (name text);
CREATE TABLE public.done (name text);
CREATE FUNCTION public.boss() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT bool_or(rolsuper) FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE 'ESCAPED as %', current_user;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION public.boss(text[], oid) RETURNS void LANGUAGE sql AS 'SELECT public.boss()';
CREATE FUNCTION public.boss(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT public.boss()';
CREATE FUNCTION public.boss_fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM public.boss(); RETURN NEW; END $$;
CREATE DOMAIN public.watched AS integer CHECK (public.boss(VALUE));
CREATE TABLE public.bait (id integer);
CREATE PROCEDURE public.attempt(name text, command text, must_fail boolean) LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE command;
    IF must_fail THEN RAISE 'ESCAPED'; END IF;
    RAISE 'DONE';
EXCEPTION WHEN OTHERS THEN
    IF SQLERRM LIKE '%ESCAPED%' THEN INSERT INTO public.won VALUES (name); END IF;
    IF SQLERRM = 'DONE' THEN INSERT INTO public.done VALUES (name); END IF;
END $$;
"""
TOLD = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM public.won) THEN RAISE 'ESCAPED: %', (SELECT string_agg(name, '; ') FROM public.won); END IF;
    IF EXISTS (SELECT FROM unnest('{done}'::text[]) AS n WHERE n NOT IN (TABLE public.done)) THEN
        RAISE 'only these came to their end: %', (SELECT string_agg(name, '; ') FROM public.done);
    END IF;
END $$;
"""
_PLANTED = "".join(
    f"CREATE FUNCTION planted.{name}({', '.join([*kinds])}) RETURNS {result} LANGUAGE plpgsql AS "
    f"$p$ BEGIN PERFORM public.boss(); RETURN NULL; END $p$; "
    for name, kinds, result in (
        *(("format", ["text"] * count, "text") for count in range(1, 7)),
        ("format", ["text", "regnamespace"], "text"),
        ("format", ["text", "text", "regnamespace"], "text"),
        ("concat", ["text"] * 2, "text"),
        ("concat", ["text"] * 3, "text"),
        ("split_part", ["text", "text", "integer"], "text"),
        ("split_part", ["varchar", "varchar", "integer"], "text"),
        ("to_regnamespace", ["name"], "regnamespace"),
        ("now", [], "timestamptz"),
        ("same", ["name", "text"], "boolean"),
        ("same", ["text", "text"], "boolean"),
    )
) + (
    "CREATE OPERATOR planted.= (LEFTARG = name, RIGHTARG = text, FUNCTION = planted.same); "
    "CREATE OPERATOR planted.= (LEFTARG = text, RIGHTARG = text, FUNCTION = planted.same); "
)
#: Our stand-ins, and contrib's own where they are there.
EXTENSIONS = (
    "http", "pg_cron", "pg_graphql", "pg_jsonschema", "pg_net", "pgcrypto", "pgjwt", "pgmq", "pgsodium",
    "supabase_vault", "uuid-ossp", "citext", "hstore", "cube", "earthdistance", "pg_trgm", "btree_gist", "unaccent",
    "dblink", "postgres_fdw", "file_fdw", "plperl", "plpython3u", "tablefunc", "insert_username", "lo", "xml2",
)  # fmt: skip
#: By name: what is run.
REFUSED = {
    "a role of a superuser": "SET ROLE {administrator}",
    "the session of a superuser": "SET SESSION AUTHORIZATION {administrator}",
    "a superuser's things": "REASSIGN OWNED BY {administrator} TO postgres",
    "a superuser's things go": "DROP OWNED BY {administrator}",
    "a superuser has another name": "ALTER ROLE {administrator} RENAME TO x",
    "a superuser cannot log in": "ALTER ROLE {administrator} NOLOGIN",
    "a superuser's time is over": "ALTER ROLE {administrator} VALID UNTIL '2000-01-01'",
    "a superuser connects no more": "ALTER ROLE {administrator} CONNECTION LIMIT 0",
    "settings of all": "ALTER ROLE ALL SET search_path = public",
    "settings of the superuser's database": "ALTER DATABASE postgres SET search_path = public",
    "the superuser's database": "ALTER DATABASE postgres OWNER TO postgres",
    "nobody connects": (
        "DO $d$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC'; "
        "IF has_database_privilege('public', 'postgres', 'connect') THEN RAISE 'none'; END IF; END $d$"
    ),
    "the database of all others": "ALTER DATABASE template1 ALLOW_CONNECTIONS false",
    "settings are read again": "SELECT pg_reload_conf()",
    "another segment": "SELECT pg_switch_wal()",
    "a slot of a plugin": "SELECT pg_create_logical_replication_slot('s', '/tmp/evil')",
    "a file of WAL": "SELECT pg_walfile_name(pg_current_wal_lsn()), pg_create_restore_point('x')",
    "settings of preloading": "SET session_preload_libraries = 'x'",
    "triggers of events": "SET event_triggers = off",
    "the log": "SET log_statement = 'all'; SET log_destination = 'csvlog'",
    "the catalogs are changed": "SET allow_system_table_mods = on",
    "Postgres' own schema": "CREATE FUNCTION pg_catalog.version2() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "Postgres' own schema goes": "DROP SCHEMA pg_catalog CASCADE",
    "a superuser's session ends": (
        "DO $d$ BEGIN IF NOT EXISTS (SELECT FROM pg_stat_activity a, LATERAL pg_terminate_backend(a.pid) t "
        "WHERE a.usename = '{administrator}' AND t) THEN RAISE 'none'; END IF; END $d$"
    ),
    "a superuser's query ends": (
        "DO $d$ BEGIN IF NOT EXISTS (SELECT FROM pg_stat_activity a, LATERAL pg_cancel_backend(a.pid) t "
        "WHERE a.usename = '{administrator}' AND t) THEN RAISE 'none'; END IF; END $d$"
    ),
    "a tablespace": "CREATE TABLESPACE t LOCATION '/tmp'",
    "a language": "CREATE LANGUAGE evil HANDLER plpgsql_call_handler",
    "a cast of Postgres' types": "CREATE CAST (text AS integer) WITHOUT FUNCTION",
    "a type by hand": "CREATE TYPE evil; CREATE FUNCTION evil_in(cstring) RETURNS evil AS 'int4in' LANGUAGE internal",
    "an operator class": "CREATE OPERATOR CLASS evil FOR TYPE integer USING btree AS STORAGE integer",
    "settings for others": "GRANT SET ON PARAMETER log_statement TO postgres",
    "workers": "SET max_worker_processes = 50",
    "temporary files": "SET temp_file_limit = -1",
    "libraries of the server": "ALTER SYSTEM SET shared_preload_libraries = 'x'",
}
#: What may be done, but must not run anything with the rights of a superuser.
WATCHED = {
    "the validator of a wrapper": "CREATE FOREIGN DATA WRAPPER w VALIDATOR public.boss OPTIONS (a 'b')",
    "constants of a policy": "CREATE POLICY p ON public.bait USING ('{1}'::public.watched[] IS NOT NULL)",
    "constants of a changed policy": (
        "CREATE POLICY p ON public.bait; ALTER POLICY p ON public.bait USING ('{1}'::public.watched[] IS NOT NULL)"
    ),
    "constants of a publication": (
        "CREATE PUBLICATION p FOR TABLE public.bait WHERE ('{1}'::public.watched[] IS NOT NULL)"
    ),
    "constants of a changed publication": (
        "CREATE PUBLICATION p; ALTER PUBLICATION p ADD TABLE public.bait WHERE ('{1}'::public.watched[] IS NOT NULL)"
    ),
    "an index": (
        "INSERT INTO public.bait VALUES (1); CREATE INDEX i ON public.bait (public.boss(id)); "
        "REINDEX TABLE public.bait; ANALYZE public.bait; CLUSTER public.bait USING i"
    ),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS id, public.boss() AS b; CREATE UNIQUE INDEX u ON m (id); "
        "REFRESH MATERIALIZED VIEW CONCURRENTLY m"
    ),
    "a deferred trigger": (
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION public.boss_fires(); INSERT INTO public.bait VALUES (2); SET CONSTRAINTS ALL IMMEDIATE"
    ),
    "an old path of a schema": (
        "CREATE SCHEMA AUTHORIZATION CURRENT_USER CREATE TABLE t (id public.watched DEFAULT 1); "
        "INSERT INTO postgres.t DEFAULT VALUES"
    ),
    "objects of an extension": (
        "CREATE TABLE public.evil (id int); CREATE FUNCTION public.hmac(text, text, text) RETURNS bytea "
        "LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.boss(); RETURN NULL; END $f$; "
        "DROP EXTENSION IF EXISTS pgcrypto CASCADE; CREATE EXTENSION pgcrypto SCHEMA public"
    ),
    "the temporary schema": "SET search_path = pg_temp; CREATE TEMP TABLE pg_roles (rolname name, rolsuper boolean)",
    **{
        f"what the script of {name} calls": (
            f'DROP EXTENSION IF EXISTS "{name}" CASCADE; CREATE SCHEMA planted; {_PLANTED} '
            f'CREATE EXTENSION "{name}" SCHEMA planted CASCADE'
        )
        for name in EXTENSIONS
    },
    **{
        f"what the script of {name} finds": (
            f'DROP EXTENSION IF EXISTS "{name}" CASCADE; CREATE SCHEMA planted; {_PLANTED} '
            f"SET LOCAL search_path = planted, public; "
            f'CREATE EXTENSION "{name}" CASCADE'
        )
        for name in ("pgcrypto", "uuid-ossp", "pg_net", "pgmq", "pgsodium", "http", "pg_graphql", "citext", "hstore")
    },
}


#: What is allowed, and so has to come to its end, lest it be no attempt at all.
ALLOWED = (
    "constants of a policy", "constants of a changed policy", "an index", "a materialized view", "a deferred trigger",
    "what the script of pgcrypto calls", "what the script of uuid-ossp calls",
)  # fmt: skip
ALLOWED_IN_SUPABASE = (
    *ALLOWED,
    *(f"what the script of {name} calls" for name in ("http", "pg_graphql", "pg_net", "pgjwt", "pgmq", "pgsodium")),
)


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
@pytest.mark.parametrize("profile", ["", "supabase"], ids=lambda profile: profile or "bare")
def test_nobody_gets_the_rights_of_a_superuser(tmp_path: Path, profile: str, programs: str) -> None:
    project = stranger(tmp_path)
    calls = [
        f"CALL public.attempt($n${name}$n$, $c${command}$c$, {str(name in REFUSED).lower()});\n"
        for name, command in {**REFUSED, **WATCHED}.items()
    ]
    done = ",".join(f'"{name}"' for name in (ALLOWED_IN_SUPABASE if profile else ALLOWED))
    sql = TRYING + "".join(calls) + TOLD.replace("{done}", f"{{{done}}}")
    said = tried(project, sql.replace("{administrator}", administrator(profile)), profile, *on(programs))
    assert not escaped(said), said
    assert "Table public.won is there and was not before" in said, said
    assert not os.path.exists(witness(project))


MEMBER = "CREATE ROLE mallory; GRANT mallory TO postgres;"
CURRENT = "DATABASE ' || quote_ident(current_database()) || '"
#: What a migration may do to the sessions of the proof without making it impossible.
ANNOYING = """
SELECT pg_advisory_lock(number) FROM generate_series(1, 500) AS number;
SELECT lo_create(0) FROM generate_series(1, 2000);
LISTEN noise;
SELECT pg_notify('noise', repeat('x', 7000) || number) FROM generate_series(1, 2000) AS number;
DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'noise %', i; END LOOP; END $$;
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid();
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid();
PREPARE elf_sight AS SELECT 1;
PREPARE elf_read_1 AS SELECT 1;
DECLARE noise CURSOR WITH HOLD FOR SELECT 1;
"""
#: What makes it impossible, or looks like it: then the run must not pass.
HINDRANCES = {
    "nobody logs in": "ALTER ROLE postgres NOLOGIN",
    "another name": "ALTER ROLE postgres RENAME TO mallory",
    "another password": "ALTER ROLE postgres PASSWORD 'x'",
    "the time is over": "ALTER ROLE postgres VALID UNTIL '2000-01-01'",
    "no connections of the role": "ALTER ROLE postgres CONNECTION LIMIT 0",
    "no connections": f"ALTER {CURRENT} ALLOW_CONNECTIONS false",
    "no connections of anybody": f"ALTER {CURRENT} CONNECTION LIMIT 0",
    "another owner": f"ALTER {CURRENT} OWNER TO mallory",
    "nobody may connect": f"REVOKE ALL ON {CURRENT} FROM PUBLIC, postgres",
    "no time for sessions": "ALTER ROLE postgres SET idle_session_timeout = 1",
    "no time for transactions": "ALTER ROLE postgres SET idle_in_transaction_session_timeout = 1",
    "a library that is not there": "ALTER ROLE postgres SET local_preload_libraries = evil",
    "all goes": "DROP OWNED BY postgres CASCADE",
    "the schema goes": "DROP SCHEMA public CASCADE",
}
ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid();
"""
LEAVING = f"{UP}CREATE SCHEMA IF NOT EXISTS public; CREATE TABLE public.left_behind (id integer);\n{DOWN}SELECT 1;\n"
LATER = "migrations/20250102_000000_later.sql"


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
def test_nothing_that_annoys_hides_what_is_left(tmp_path: Path, programs: str) -> None:
    project = stranger(tmp_path)
    project.put(NAME, f"{UP}{ANNOYING}{LEAVING.removeprefix(UP).replace('left_behind', 'left_too')}")
    project.put(LATER, LEAVING)
    said = project.run("verify", *on(programs)).stdout
    assert "Table public.left_too is there and was not before" in said
    assert "Table public.left_behind is there and was not before" in said


@pytest.mark.parametrize("name", HINDRANCES)
def test_what_hinders_the_proof_does_not_pass(tmp_path: Path, name: str) -> None:
    project = stranger(tmp_path)
    command = f"EXECUTE '{HINDRANCES[name].replace(chr(39), chr(39) * 2)}';"
    if CURRENT in HINDRANCES[name]:
        command = f"EXECUTE '{HINDRANCES[name]}';"
    tried_on = f"DO $do$ BEGIN {MEMBER} {command} EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $do$;"
    project.put(NAME, f"{UP}{tried_on}\n{ENDED}{DOWN}SELECT 1;\n")
    project.put(LATER, LEAVING)
    done = project.run("verify", *on(SERVERS[-1]))
    said = done.stdout + done.stderr
    assert done.returncode in {1, 2}, said
    assert "Traceback" not in said
    assert "has a bug" not in said
    assert "Table public.left_behind is there" in said or "error" in said, said


#: A query that the server would share out among several processes, each with memory of its own.
PARALLEL = """
SET max_parallel_workers = 8; SET max_parallel_workers_per_gather = 8; SET max_parallel_maintenance_workers = 8;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TABLE public.big AS SELECT number FROM generate_series(1, 100000) AS number;
DO $$ DECLARE line text; planned boolean := false; BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE) SELECT sum(number) FROM public.big' LOOP
        IF line ~ 'Workers Launched: [1-9]' THEN RAISE 'ESCAPED %', line; END IF;
        planned := planned OR line ~ 'Workers Planned: [1-9]';
    END LOOP;
    IF NOT planned THEN RAISE 'it was not even wanted'; END IF;
    IF (SELECT count(*) FROM pg_stat_activity WHERE usename = 'postgres') > 3 THEN RAISE 'more sessions'; END IF;
END $$;
"""


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
def test_the_bound_on_memory_is_not_multiplied(tmp_path: Path, programs: str) -> None:
    """Nothing but our own sessions has memory: the one that runs the migration, and two at most beside it."""
    said = tried(stranger(tmp_path), PARALLEL, "", *on(programs))
    assert "does-not-apply\n" not in said, said
    assert "Table public.big is there and was not before" in said
