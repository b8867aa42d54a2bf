"""What libpq is given: TLS, time-outs and a session of one's own, whatever the URL or the environment says."""

from __future__ import annotations

from typing import Any

import pytest

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.connection import parameters
from elf_sqlcheck.shared.credentials import CredentialManager

REF = "abcdefghijklmnopqrst"
CANARY = "c4n4ry-Pa55"
POOLER = "aws-0-eu-central-1.pooler.supabase.com"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST", "PGHOSTADDR", "PGSERVICE", "PGCONNECT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)


PARAMETERS = [
    # environment, what libpq gets
    ({"SUPABASE_PROJECT_ID": REF, "SUPABASE_PASSWORD": "p"},
     {"host": f"db.{REF}.supabase.co", "port": "5432", "user": "postgres", "sslmode": "require", "connect_timeout": 5}),
    ({"SUPABASE_PROJECT_REF": REF, "SUPABASE_DB_PASSWORD": "p"}, {"host": f"db.{REF}.supabase.co", "password": "p"}),
    ({"SUPABASE_URL": f"https://{REF}.supabase.red", "SUPABASE_PASSWORD": "p"}, {"host": f"db.{REF}.supabase.red"}),
    ({"DATABASE_URL": f"postgres://postgres.{REF}:p@{POOLER}:6543/postgres?pgbouncer=true&connection_limit=1"},
     {"host": POOLER, "port": "5432", "connect_timeout": 10, "keepalives_idle": 30}),
    ({"DATABASE_URL": f"postgres://postgres:p@db.{REF}.supabase.co:6543/postgres"}, {"port": "5432"}),
    ({"DATABASE_URL": "postgres://u@h.example.org/d?connect_timeout=3&keepalives_idle=9"},
     {"connect_timeout": "3", "keepalives_idle": "9", "sslmode": "require", "target_session_attrs": None}),
    ({"DATABASE_URL": "postgres://u@h.example.org,i.example.org/d"}, {"target_session_attrs": "read-write"}),
    ({"DATABASE_URL": "postgres://u@h.example.org/d", "SUPABASE_SSL_CERT": "/ca.crt"},
     {"sslmode": "verify-full", "sslrootcert": "/ca.crt"}),
    ({"DATABASE_URL": "postgres://u@h.example.org/d?sslmode=require&sslrootcert=/x.crt"}, {"sslmode": "verify-full"}),
    ({"DATABASE_URL": "postgres://u@h.example.org/d?sslmode=verify-ca&sslrootcert=/x.crt"}, {"sslmode": "verify-ca"}),
    ({"DATABASE_URL": "postgres://u@localhost/d", "SUPABASE_SSL_CERT": "/ca.crt"}, {"sslmode": None}),
    ({"DATABASE_URL": "host=h.example.org password=a?pgbouncer=1"}, {"password": "a?pgbouncer=1"}),
    ({"DATABASE_URL": "service=shop"}, {"sslmode": "require"}),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "wanted"), PARAMETERS)
def test_what_libpq_gets(environment: dict[str, str], wanted: dict[str, Any]) -> None:
    found = parameters(None, CredentialManager(environment))
    assert {key: found.values.get(key) for key in wanted} == wanted
    assert bool(found.notes) == (":6543" in str(environment))


def test_the_variables_of_libpq_weaken_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert parameters("postgres://u@h.example.org/d").values["sslmode"] == "verify-full"
    monkeypatch.setenv("PGSSLMODE", "disable")
    monkeypatch.setenv("PGHOSTADDR", "203.0.113.7")
    assert parameters("postgres://u@/d").values["sslmode"] == "require"


@pytest.mark.parametrize("reference", ["ABC", "abc.supabase.co.evil.example", "a/b", "abc@evil"])
def test_a_project_is_known_by_its_reference_only(reference: str) -> None:
    with pytest.raises(ConnectionFailed, match="SUPABASE_PROJECT_ID is not the reference"):
        parameters(None, CredentialManager({"SUPABASE_PROJECT_ID": reference, "SUPABASE_PASSWORD": CANARY}))
