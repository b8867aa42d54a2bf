"""Connecting: what is said in the start-up becomes a remedy, and is tried again only where that is safe."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.postgres.account import account
from elf_sqlcheck.postgres.find import find
from elf_sqlcheck.postgres.template import template
from elf_sqlcheck.shared import reach
from elf_sqlcheck.shared.credentials import CredentialManager
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests import migrate_files
from tests.conftest import INSTALLED
from tests.loopback import Authority, Web, http, listening
from tests.migrate_command import elf_migrate
from tests.supavisor import Supavisor, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

REF = "abcdefghijklmnopqrst"
CANARY = "c4n4ry-Pa55"
POOLER = "aws-0-eu-central-1.pooler.supabase.com"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "PAUSES", (0.01, 0.01, 0.01))
    for name in ("SUPABASE_ACCESS_TOKEN", "SUPABASE_SSL_CERT", "PGSSLMODE", "PGSSLROOTCERT", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def url(port: int, *more: str, user: str = f"postgres.{REF}") -> str:
    """A pooler's URL that leads to loopback."""
    options = "&".join(("hostaddr=127.0.0.1", "connect_timeout=2", *more))
    return f"postgresql://{user}:{CANARY}@{POOLER}:{port}/postgres?{options}"


def failure(way: str, credentials: dict[str, str] | None = None) -> ConnectionFailed:
    """The error of connecting; the password must show nowhere in it."""
    with SupabaseExecutor(way, credentials=CredentialManager(credentials or {})) as executor:
        with pytest.raises(ConnectionFailed) as caught:
            _ = executor.connection
        assert CANARY not in str(caught.value)
        assert caught.value.remedy
        return caught.value


def slam(client: socket.socket) -> None:
    """End the connection with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


BLOCKED = "new connections are temporarily blocked"
#: What Supavisor, now and before it had codes, PgBouncer and Postgres say; how often we try.
SAID = [
    ("XX000", "Tenant or user not found", "tenant", "postgres.<project-ref>", 1),
    ("XX000", f"(ENOTFOUND) tenant/user postgres.{REF} not found", "tenant", "Session pooler", 1),
    ("XX000", "(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)", "tenant",
     "the user is", 1),
    ("XX000", f"(ECIRCUITBREAKER) too many authentication failures, {BLOCKED}", "blocked", "two minutes", 1),
    ("XX000", f"(ECIRCUITBREAKER) too many failed attempts to connect to the database, {BLOCKED}", "broken",
     "dashboard", 1),
    ("XX000", f"(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, {BLOCKED}",
     "broken", "dashboard", 1),
    ("XX000", "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
     "full", "A deploy needs two", 4),
    ("XX000", "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
     "full", "A deploy needs two", 4),
    ("XX000", "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 60000ms in Session mode", "full",
     "session pooler", 4),
    ("XX000", "(EADDRNOTALLOWED) address not in tenant allow_list: {203, 0, 113, 7}", "address", "Restrictions", 1),
    ("XX000", "Address not in tenant allow_list: {203, 0, 113, 7}", "address", "Restrictions", 1),
    ("XX000", "(EBANNED) tenant is banned: fraud", "banned", "support", 1),
    ("XX000", "(ESSLREQUIRED) SSL connection is required for user: postgres", "tls", "TLS", 1),
    ("28P01", 'password authentication failed for user "postgres"', "password", "not tried again", 1),
    ("XX000", "(EAUTHQUERY) user not found in the database", "password", "Check the password", 1),
    ("28000", 'no pg_hba.conf entry for host "203.0.113.7"', "address", "allow this user", 1),
    ("57P03", "the database system is starting up", "starting", "Try again", 4),
    ("57P03", "the database system is not yet accepting connections", "starting", "Try again", 4),
    ("57P01", "terminating connection due to administrator command", "starting", "Try again", 4),
    ("53300", "sorry, too many clients already", "full", "A deploy needs two", 4),
    ("53300", 'too many connections for role "postgres"', "full", "A deploy needs two", 4),
    ("08P01", "no more connections allowed (max_client_conn)", "full", "A deploy needs two", 4),
    ("08P01", "unsupported startup parameter: options", "parameter", "options", 1),
    ("3D000", 'database "postgres" does not exist', "database", "last part", 1),
    ("XX000", "something that nobody has seen yet", "", "Check the URL", 1),
]  # fmt: skip


@pytest.mark.parametrize(("sqlstate", "message", "kind", "remedy", "tries"), SAID)
def test_what_is_said_in_the_start_up_becomes_a_remedy(
    sqlstate: str, message: str, kind: str, remedy: str, tries: int
) -> None:
    pooler = Supavisor(refusals=[refusal(sqlstate, message)] * 9)
    with listening(pooler) as port:
        found = failure(url(port))
    assert (found.kind, len(pooler.users)) == (kind, tries)
    assert remedy in found.remedy
    assert f"postgres.{REF}@{POOLER}:{port}/postgres" in found.message


@pytest.mark.parametrize("end", [slam, lambda _: None], ids=["reset", "closed"])
def test_a_connection_that_breaks_in_the_start_up_is_tried_again(end: Any) -> None:
    pooler = Supavisor(refusals=[end] * 9)
    with listening(pooler) as port:
        assert failure(url(port)).kind == "closed"
    assert len(pooler.users) == 4


def test_a_server_that_never_answers_is_given_up() -> None:
    pooler = Supavisor(refusals=[lambda _: time.sleep(9)] * 9)
    with listening(pooler) as port:
        begun = time.monotonic()
        assert failure(url(port)).kind == "timeout"
    assert time.monotonic() - begun < 6
    assert len(pooler.users) == 1


def test_what_passes_is_waited_for(server: Server) -> None:
    backend = f"{server.sockets}/.s.PGSQL.5432"
    starting, full = refusal("57P03", "the database system is starting up"), refusal("53300", "sorry, too many clients")
    refusals: list[bytes | Callable[[socket.socket], None]] = [starting, slam, full]
    pooler = Supavisor(backend, refusals=refusals)
    with listening(pooler) as port, SupabaseExecutor(url(port)) as executor:
        assert executor.query("SELECT 1 AS one") == [{"one": 1}]
    assert len(pooler.users) == 4


def test_a_wrong_password_is_sent_once(server: Server) -> None:
    pooler = Supavisor(f"{server.sockets}/.s.PGSQL.5432", password="another")
    with listening(pooler) as port:
        assert failure(url(port)).kind == "password"
    assert pooler.passwords == 1


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        ("INACTIVE", "paused", "is paused (INACTIVE)"),
        ("PAUSING", "paused", "is paused (PAUSING)"),
        ("RESTORING", "starting", "is not up yet (RESTORING)"),
        ("REMOVED", "tenant", "says that the project is REMOVED"),
        ("ACTIVE_HEALTHY", "tenant", "knows no project"),
    ],
)
def test_a_project_that_is_paused_is_called_so(
    status: str, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web([http(200, json.dumps({"ref": REF, "status": status}).encode())])
    pooler = Supavisor(refusals=[refusal("XX000", "Tenant or user not found")] * 9)
    with listening(web) as api, listening(pooler) as port:
        monkeypatch.setenv("ELF_SUPABASE_API", f"http://127.0.0.1:{api}")
        found = failure(url(port), {"SUPABASE_ACCESS_TOKEN": f"sbp_{CANARY}"})
    assert found.kind == kind
    assert said in found.message
    if kind == "paused":
        assert f"https://supabase.com/dashboard/project/{REF}" in found.remedy


def test_a_ban_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web([http(200, b'{"status": "ACTIVE_HEALTHY"}'), http(201, b'{"banned_ipv4_addresses": ["203.0.113.7"]}')])
    with listening(web) as api:
        monkeypatch.setenv("ELF_SUPABASE_API", f"http://127.0.0.1:{api}")
        found = failure(url(1), {"SUPABASE_ACCESS_TOKEN": f"sbp_{CANARY}"})
    assert found.kind == "banned"
    assert "has banned 203.0.113.7 for wrong passwords" in found.message


def test_tls_is_checked_before_a_password_is_sent(authority: Authority, server: Server) -> None:
    expired = authority.context(POOLER, not_after=datetime.now(UTC) - timedelta(days=1))
    trusted = f"sslrootcert={authority.bundle}"
    cases: list[tuple[Any, tuple[str, ...], str]] = [
        (None, ("sslmode=require",), "there is no TLS"),
        (authority.context("other.supabase.com"), ("sslmode=verify-full", trusted), "for another host name"),
        (expired, ("sslmode=verify-full", trusted), "is not trusted"),
        (authority.context(POOLER), ("sslmode=verify-full", "sslrootcert=system"), "is not trusted"),
        (authority.context(POOLER), ("sslmode=verify-full", "sslrootcert=/none.pem"), "cannot be read"),
        (authority.context(POOLER), ("sslmode=verify-full", trusted), ""),
    ]
    for context, options, said in cases:
        pooler = Supavisor(f"{server.sockets}/.s.PGSQL.5432", CANARY, context)
        with listening(pooler) as port:
            if said:
                found = failure(url(port, *options))
                assert (found.kind, pooler.passwords) == ("tls", 0), found
                assert said in found.message
            else:
                with SupabaseExecutor(url(port, *options)) as executor:
                    test = executor.test_connection()
                    assert test
                    assert test.tls
                    assert f"at postgres.{REF}@{POOLER}:{port}/postgres as " in str(test)
                    assert str(test).endswith(", over TLS")


@contextlib.contextmanager
def postgres(pg_bin: str | None, *settings: str, files: Sequence[str] = (), standby: bool = False) -> Iterator[str]:
    """Run a server of our own with these settings; yields its folder: copies of the files, and its socket."""
    provider, who = find(pg_bin), account()
    folder = tempfile.mkdtemp(prefix="own-", dir="/tmp")
    shutil.copytree(template(provider, who), f"{folder}/data")
    for file in files:
        shutil.copy(file, folder)
        os.chmod(f"{folder}/{os.path.basename(file)}", 0o600)
    if standby:
        with open(f"{folder}/data/standby.signal", "w", encoding="utf-8"):
            pass
    if who.is_other:
        for path, _, names in os.walk(folder):
            for name in ("", *names):
                os.chown(os.path.join(path, name), who.uid, who.gid)
    os.chmod(f"{folder}/data", 0o700)
    options = (f"unix_socket_directories={folder}", *(setting.format(folder=folder) for setting in settings))
    command = [provider.program("postgres"), "-D", f"{folder}/data"]
    with open(f"{folder}/log", "wb") as log:
        process = who.spawn([*command, *(part for o in options for part in ("-c", o))], stdout=log, stderr=log)
    try:
        port = next((setting[5:] for setting in settings if setting.startswith("port=")), "5432")
        for _ in range(150):
            with SupabaseExecutor(f"postgresql://postgres@/postgres?host={folder}&port={port}") as executor:
                if executor.test_connection():
                    break
            time.sleep(0.1)
        yield folder
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)


def test_a_real_server_with_tls(authority: Authority) -> None:
    pg_bin = INSTALLED["installed15"]
    if not pg_bin or not os.path.isdir(pg_bin):
        pytest.skip("the embedded Postgres is built without TLS, and no other is installed")
    certificate, key = authority.files("db.example.org")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = (
        "listen_addresses=127.0.0.1",
        f"port={port}",
        "ssl=on",
        f"ssl_cert_file={{folder}}/{os.path.basename(certificate)}",
        f"ssl_key_file={{folder}}/{os.path.basename(key)}",
    )
    with postgres(pg_bin, *settings, files=(certificate, key)):
        rest = f":{port}/postgres?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={authority.bundle}"
        with SupabaseExecutor(f"postgresql://postgres@db.example.org{rest}") as executor:
            assert str(executor.test_connection()).endswith("as postgres, over TLS")
        assert "for another host name" in failure(f"postgresql://postgres@db.example.com{rest}").message


@pytest.fixture
def standby() -> Iterator[str]:
    """The URL of a server that waits for its primary, and answers questions meanwhile."""
    with postgres(None, "listen_addresses=", standby=True) as folder:
        yield f"postgresql://postgres@/postgres?host={folder}"


def test_nothing_is_deployed_to_a_standby(standby: str, tmp_path: Path) -> None:
    with SupabaseExecutor(standby) as executor:
        found = executor.test_connection()
        assert found
        assert found.standby
        assert "nothing can be deployed there: it is a standby" in str(found)
    assert failure(f"{standby}&target_session_attrs=read-write").kind == "standby"
    name = "20250101_000000_a"
    migrate_files.write(tmp_path / "migrations", name, "SELECT 1;")
    done = elf_migrate(tmp_path, "up", "--yes", "--skip-validation", "--database-url", standby, exit_code=2)
    assert "it is a standby, which takes no changes" in done.stderr
    assert "primary server" in done.stderr
    shown = elf_migrate(tmp_path, "status", "--database-url", standby).stdout
    assert "nothing can be deployed there: it is a standby" in shown


def test_nothing_is_deployed_to_a_read_only_database(database: str, tmp_path: Path) -> None:
    with SupabaseExecutor(database) as executor:
        name = executor.query("SELECT current_database() AS name")[0]["name"]
        executor.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    migrate_files.write(tmp_path / "migrations", "20250101_000000_a", "SELECT 1;")
    done = elf_migrate(tmp_path, "up", "--yes", "--skip-validation", "--database-url", database, exit_code=2)
    assert "its sessions are read-only" in done.stderr
    assert "default_transaction_read_only" in done.stderr


def test_status_and_list_begin_with_the_connection_test(database: str, tmp_path: Path) -> None:
    migrate_files.write(tmp_path / "migrations", "20250101_000000_a", "SELECT 1;")
    for command in ("status", "list"):
        lines = elf_migrate(tmp_path, command, "--database-url", database).stdout.splitlines()
        assert lines[1].startswith("Connected to PostgreSQL ")
        assert lines[1].endswith(", without TLS.")
