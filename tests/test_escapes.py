"""What a stranger's migration tries on the server that proves it: each attempt through `verify --untrusted`.

Attempts end in `ESCAPED` where they work, which the finding repeats. A second run, in which the files are trusted and
run as a superuser, shows that the attempts are real: there the sandbox alone stands between them and the machine.
"""

from __future__ import annotations

import os
import re
import socket
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.postgres import sandbox
from tests.escapes import DOWN, SERVERS, UP, escaped, hidden, on, seen, server_name, stranger, tried, witness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lint_project import Project

#: Attempts, in the order of what has been written about Postgres: by name, what is run.
ATTEMPTS = {
    "a program writes": "CREATE TABLE w (t text);\n" + hidden("COPY w FROM PROGRAM 'touch {witness}; id'"),
    "a program reads": "CREATE TABLE w (t text);\n" + hidden("COPY w FROM PROGRAM 'cat {secret}'"),
    "a file is written": hidden("COPY (SELECT 1) TO '{witness}'"),
    "a file is read": "CREATE TABLE w (t text);\n" + hidden("COPY w FROM '{secret}'"),
    "a file of the server": hidden("SELECT pg_read_file('postgresql.conf')"),
    "a large object to a file": seen(
        "EXECUTE $q$SELECT lo_from_bytea(4711, 'x')$q$; EXECUTE $q$SELECT lo_export(4711, '{witness}')$q$ INTO v"
    ),
    "a large object from a file": hidden("SELECT lo_import('{secret}')"),
    "files are listed": seen("EXECUTE $q$SELECT pg_ls_dir('/')$q$ INTO v"),
    "a function in C": hidden("CREATE FUNCTION run(cstring) RETURNS int AS 'libc.so.6', 'system' LANGUAGE c STRICT"),
    "a library is loaded": hidden("LOAD '/tmp/evil.so'"),
    "another language": hidden("CREATE EXTENSION plpython3u"),
    "settings of the server": hidden("ALTER SYSTEM SET archive_command = 'touch {witness}'", "COMMIT;"),
    "a library for each session": hidden("ALTER ROLE postgres SET session_preload_libraries = '/tmp/evil.so'"),
    "a superuser is made": hidden("CREATE ROLE mallory SUPERUSER LOGIN"),
    "a superuser is become": hidden("ALTER ROLE postgres SUPERUSER"),
    "a superuser's role": hidden(
        "SET ROLE {administrator}", "IF current_setting('is_superuser') = 'on' THEN RAISE 'ESCAPED'; END IF;"
    ),
    "the session of another": hidden("SET SESSION AUTHORIZATION {administrator}"),
    "a member of who reads files": hidden(
        "GRANT pg_execute_server_program TO postgres",
        "IF pg_has_role('postgres', 'pg_execute_server_program', 'usage') THEN RAISE 'ESCAPED'; END IF;",
    ),
    "a member of a superuser": hidden("GRANT {administrator} TO postgres"),
    "the password of a superuser": hidden("ALTER ROLE {administrator} PASSWORD 'x'"),
    "settings of a superuser": hidden("ALTER ROLE {administrator} SET search_path = evil"),
    "the catalog is written": hidden("UPDATE pg_catalog.pg_authid SET rolsuper = true"),
    # On Supabase `postgres` may read this; what is there is no password, and that has 192 random bits.
    "a password is read": seen(
        "EXECUTE $q$SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolsuper AND rolpassword !~ '^SCRAM'$q$ INTO v"
    ),
    "the server calls out": hidden("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=9' PUBLICATION p"),
    "our other sessions are ended": seen(
        "SELECT 'x' INTO v FROM pg_stat_activity a, LATERAL pg_terminate_backend(a.pid) t "
        "WHERE a.usename = '{administrator}' AND t"
    ),
    "an event trigger": (
        "CREATE FUNCTION evil() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        "IF current_setting('is_superuser') = 'on' THEN RAISE 'ESCAPED'; END IF; END $$;\n"
        "CREATE EVENT TRIGGER a_evil ON ddl_command_start EXECUTE FUNCTION evil();\nCREATE TABLE w (t text);\n"
    ),
    "prepared transactions": hidden("PREPARE TRANSACTION 'x'"),
    "temporary files": hidden("SET temp_file_limit = -1"),
}
#: Of a Supabase project: what is made with a superuser's rights there.
OF_SUPABASE = {
    "a connection without a password": (
        "CREATE EXTENSION IF NOT EXISTS dblink;\n"
        + seen(
            "SELECT dblink_connect_u('c', format('host=%s user={administrator} dbname=postgres', "
            "split_part(current_setting('unix_socket_directories'), ',', 1))) INTO v"
        )
    ),
    "a promotion that is not taken back": (
        "SET supautils.depth = '5';\nCREATE EXTENSION IF NOT EXISTS citext;\nSET supautils.promoted = 'false';\n"
        "DO $$ BEGIN IF current_setting('is_superuser') = 'on' THEN RAISE 'ESCAPED'; END IF; END $$;\n"
    ),
    "a promotion within a promotion": (
        "CREATE EXTENSION IF NOT EXISTS citext;\nCREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION "
        "extensions.privileged_command_starts();\nCREATE TABLE w (t text);\n"
        "DO $$ BEGIN IF current_setting('is_superuser') = 'on' THEN RAISE 'ESCAPED'; END IF; END $$;\n"
    ),
}
CASES = [(name, "") for name in ATTEMPTS] + [(name, "supabase") for name in (*ATTEMPTS, *OF_SUPABASE)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return stranger(tmp_path)


@pytest.mark.parametrize("programs", SERVERS, ids=server_name)
@pytest.mark.parametrize(("name", "profile"), CASES, ids=lambda value: value.replace(" ", "-") or "bare")
def test_an_attempt_comes_to_nothing(project: Project, name: str, profile: str, programs: str) -> None:
    said = tried(project, {**ATTEMPTS, **OF_SUPABASE}[name], profile, *on(programs))
    assert not escaped(said), said
    assert "TOPSECRET" not in said
    assert not os.path.exists(witness(project))


REAL = ["a program writes", "a file of the server", "a superuser is made", "the catalog is written", "temporary files"]


@pytest.mark.parametrize("name", REAL)
def test_the_attempts_are_real(project: Project, name: str) -> None:
    assert escaped(tried(project, ATTEMPTS[name], "", "--trusted"))


@pytest.mark.skipif(not sandbox.level(), reason="this kernel has no Landlock")
def test_not_even_a_superuser_reaches_the_machine(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, us = listening.getsockname()[1], os.getpid()
        commands = (
            "touch {witness}", "cat {secret}", "ls /tmp", "ls /dev/shm", f"cat /proc/{us}/environ", f"kill -0 {us}",
            f"perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(q(127.0.0.1:{port})) ? q(CONNECTED) : $!'",
        )  # fmt: skip
        program = "; ".join(f"{command} 2>&1" for command in commands)
        read = hidden(
            f"COPY w FROM PROGRAM $p${program}; true$p$", "RAISE 'ESCAPED %', (SELECT string_agg(t, '; ') FROM w);"
        )
        said = tried(project, f"CREATE TABLE w (t text);\n{read}", "", "--trusted")
    assert escaped(said), said  # as far as the shell
    assert "TOPSECRET" not in said
    assert "CONNECTED" not in said
    assert said.count("ermission denied") + said.count("not permitted") == len(commands), said
    assert not os.path.exists(witness(project))


def test_the_disk_is_not_filled(project: Project) -> None:
    fill = (
        "CREATE TABLE w (t text);\nALTER TABLE w ALTER t SET STORAGE external;\n"
        "INSERT INTO w SELECT repeat('x', 50000000) FROM generate_series(1, 1000);\n"
    )
    began = time.monotonic()
    said = tried(project, fill, "", "--untrusted")
    assert "it wrote more than 1 GiB, and it is not trusted" in said
    assert time.monotonic() - began < 50


def test_the_memory_is_not_filled(project: Project) -> None:
    text = (
        "DO $$ DECLARE t text[] := '{}'; BEGIN FOR i IN 1..200 LOOP t := t || repeat('x', 100000000); END LOOP; END $$;"
    )
    said = tried(project, text + "\n", "", "--untrusted")
    assert "does-not-apply" in said
    assert re.search(r"out of memory|array size exceeds|invalid memory alloc", said), said


def test_the_time_is_bounded(project: Project) -> None:
    deaf = "LOOP BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP;"
    text = f"DO $$ BEGIN {deaf} END $$;\n"
    began = time.monotonic()
    said = tried(project, text, "", "--untrusted", "--statement-timeout", "1")
    assert "not done after 1 s" in said
    assert time.monotonic() - began < 30


def test_the_rows_of_a_sample_are_not_given_away(project: Project) -> None:
    rows = project.root.parent / "users.csv"
    rows.write_text("id,name\n1,TOPSECRET\n")
    project.put("migrations/20250101_000000_a.sql", f"{UP}CREATE TABLE users (id int, name text);\n{DOWN}SELECT 1;\n")
    told = "DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE %I ()', max(name)) FROM users); END $$;\n"
    project.put("migrations/20250102_000000_b.sql", f"{UP}UPDATE users SET id = 2;\n{told}{DOWN}SELECT 1;\n")
    done = project.run("verify", "--untrusted", "--sample", str(rows))
    assert done.returncode == 2
    assert "leave --sample out" in done.stderr
    assert "TOPSECRET" not in done.stdout + done.stderr
    assert "TOPSECRET" in project.run("verify", "--trusted", "--sample", str(rows)).stdout
