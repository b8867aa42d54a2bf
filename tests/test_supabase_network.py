"""From an IPv4 network to a Supabase project: the whole way, with real host names, ports, TLS and a real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import isolated_network, migrate_files
from tests.isolated_network import DIRECT, POOLER, REF, api

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

PASSWORD = "c4n4ry p@ss/wörd"
ENCODED = "c4n4ry%20p%40ss%2Fw%C3%B6rd"
TOKEN = "sbp_c4n4ryc4n4ryc4n4ryc4n4ry"
A = "20250101_000000_a"
UP = "CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid());"

_PROJECT = f"/v1/projects/{REF}"
_POOLER = f"{_PROJECT}/config/database/pooler"

pytestmark = pytest.mark.skipif(
    isolated_network.command() is None, reason="this account may make no network of its own"
)


def test_an_ipv4_network_reaches_the_project_through_its_session_pooler(
    server: Server, database: str, tmp_path: Path
) -> None:
    migrate_files.write(tmp_path / "migrations", A, UP, "DROP TABLE a;")
    name = database.partition("?")[0].rpartition("/")[2]
    own = {"SUPABASE_DB_URL": f"postgresql://postgres:{ENCODED}@{DIRECT}:5432/{name}"}
    token = {"SUPABASE_ACCESS_TOKEN": TOKEN}
    project = {"SUPABASE_URL": f"https://{REF}.supabase.co", "SUPABASE_PASSWORD": PASSWORD}
    up, status = ["elf-migrate", "up", "--yes", "--skip-validation"], ["elf-migrate", "status"]
    scenes = [
        {"command": status, "environment": project},
        {"command": status, "environment": {**project, **token}, "api": api()},
        {"command": up, "environment": {**own, **token}, "api": api()},
        {"command": status, "environment": {"SUPABASE_DB_URL":
            f"postgresql://postgres.{REF}:{ENCODED}@{POOLER}:6543/{name}?pgbouncer=true"}},
        {"command": status, "environment": {**project, "SUPABASE_PASSWORD": "another", **token}, "api": api()},
        {"command": status, "environment": {**project, **token}, "api": api(status="INACTIVE")},
        {"command": status, "environment": {**project, **token}, "api": api(db_host="pooler.supabase.com.evil.test")},
        {"command": status, "environment": {**project, **token}, "api": api(db_user="postgres.zzzzzzzzzzzzzzzzzzzz")},
        {"command": status, "environment": {**project, **token}, "api": {}},
        {"command": status, "environment": {**project, **token, "SSL_CERT_FILE": "/dev/null"}, "api": api()},
        {"command": status, "environment": {**project, **token}, "api": api(), "direct": isolated_network.SILENT},
    ]  # fmt: skip
    results = isolated_network.run(f"{server.sockets}/.s.PGSQL.5432", PASSWORD, scenes, tmp_path)
    for result in results:
        shown = result["stdout"] + result["stderr"]
        assert not any(secret in shown for secret in (PASSWORD, ENCODED, TOKEN, "Traceback")), shown
    bare, found, deployed, url, wrong, paused, evil, foreign, unknown, untrusted, silent = results
    unreachable = f"Cannot connect to postgres@{DIRECT}:5432/postgres: there is no way to that address from here."

    assert bare["code"] == 2
    assert unreachable in bare["stderr"]
    assert "session pooler" in bare["stderr"]
    assert "SUPABASE_ACCESS_TOKEN" in bare["stderr"]

    assert found["code"] == 0, found
    why = f"postgres@{DIRECT}:5432/postgres cannot be reached from here"
    instead = f"{why} (no route leads to its address), so the project's session pooler is used: postgres.{REF}@{POOLER}"
    assert instead in found["stdout"]
    assert f"at postgres.{REF}@{POOLER}:5432/postgres as " in found["stdout"]
    assert ", over TLS." in found["stdout"]
    assert found["asked"] == [f"GET {_PROJECT} HTTP/1.1", f"GET {_POOLER} HTTP/1.1"]

    # The way is looked for once, and the lock's connection takes it, too.
    assert deployed["code"] == 0, deployed
    assert "1 migration applied" in deployed["stdout"]
    assert len(deployed["asked"]) == 2
    assert deployed["users"] == [f"postgres.{REF}"] * 2

    assert url["code"] == 0, url
    assert "Port 5432 of the same host is used instead." in url["stdout"]
    assert "1 completed" in url["stdout"]

    assert (wrong["code"], wrong["passwords"]) == (2, 1)
    assert "does not accept the user or the password" in wrong["stderr"]

    assert paused["code"] == 2
    assert f"The Supabase project {REF} is paused" in paused["stderr"]

    assert silent["code"] == 0, silent
    assert f"{why} (it does not answer)" in silent["stdout"]

    for refused, said in (
        (evil, "pooler.supabase.com.evil.test, that is outside supabase.com"),
        (foreign, f"does not belong to project {REF}"),
        (unknown, f"knows no project {REF}"),
        (untrusted, "not trusted"),
    ):
        assert (refused["code"], refused["users"]) == (2, []), refused
        assert unreachable in refused["stderr"]
        assert said in refused["stderr"]
        assert "Set SUPABASE_DB_URL to the session pooler's URL" in refused["stderr"]
