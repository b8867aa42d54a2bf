"""Credentials, the way to a connection, and that no password ever shows."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.connection import Parameters, has_credentials, parameters
from elf_sqlcheck.shared.credentials import CredentialManager
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.refusals import connection_failed

CANARY = "c4n4ry-Pa55"


def test_a_credential_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co")
    assert CredentialManager().get_credential("SUPABASE_URL", "system", "check") == "https://abc.supabase.co"
    monkeypatch.delenv("SUPABASE_URL")
    assert CredentialManager().get_credential("SUPABASE_URL", "system", "check") is None


@pytest.mark.parametrize("name", ["SUPABASE_PASSWORD", "SUPABASE_DB_PASSWORD"])
@pytest.mark.parametrize("set_name", ["SUPABASE_PASSWORD", "SUPABASE_DB_PASSWORD"])
def test_both_names_of_the_password_are_known(name: str, set_name: str) -> None:
    assert CredentialManager({set_name: CANARY}).get_credential(name, "system", "check") == CANARY


def test_an_empty_value_counts_as_not_set() -> None:
    manager = CredentialManager({"SUPABASE_PASSWORD": " ", "SUPABASE_DB_PASSWORD": CANARY})
    assert manager.get_credential("SUPABASE_PASSWORD") == CANARY


def test_the_log_names_purpose_and_team_but_not_the_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    CredentialManager({"DATABASE_URL": CANARY}).get_credential("DATABASE_URL", "marketing", "a report")
    assert "marketing: a report" in caplog.text
    assert CANARY not in caplog.text


def test_direct_connection_of_a_supabase_project() -> None:
    found = parameters(
        None, CredentialManager({"SUPABASE_URL": "https://abcdef.supabase.co/", "SUPABASE_PASSWORD": CANARY})
    )
    assert found.where == "postgres@db.abcdef.supabase.co:5432/postgres"
    assert found.values["sslmode"] == "require"
    assert found.values["password"] == CANARY
    assert CANARY not in repr(found)


def test_a_url_of_its_own_comes_before_the_projects() -> None:
    asked = CredentialManager(
        {"DATABASE_URL": "postgresql://a@localhost/one", "SUPABASE_DB_URL": "postgresql://a@localhost/two"}
    )
    assert parameters(None, asked).values["dbname"] == "two"
    assert parameters("postgresql://a@localhost/three", asked).values["dbname"] == "three"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "No database is configured"),
        ({"SUPABASE_URL": "https://abc.supabase.co"}, "SUPABASE_PASSWORD is missing"),
        ({"SUPABASE_URL": "https://example.org", "SUPABASE_PASSWORD": CANARY}, "not the address of a Supabase project"),
        ({"DATABASE_URL": f"postgresql://u:{CANARY}@db.example.org:6543/postgres"}, "transaction pooler"),
        ({"DATABASE_URL": f"nonsense {CANARY}"}, "cannot be read"),
        ({"DATABASE_URL": f"postgresql://u:{CANARY}@h:notaport/db?x"}, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_remedy(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        parameters(None, CredentialManager(environment))
    assert said in caught.value.message
    assert caught.value.remedy
    assert CANARY not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://u@db.example.org/d", "require"),
        ("postgresql://u@db.example.org/d?sslmode=prefer", "require"),
        ("postgresql://u@db.example.org/d?sslmode=disable", "require"),
        ("postgresql://u@db.example.org/d?sslmode=verify-full", "verify-full"),
        ("postgresql://u@localhost,10.0.0.7/d", "require"),
        ("postgresql://u@127.0.0.1/d", None),
        ("postgresql://u@[::1]/d", None),
        ("postgresql://u@/d?host=/tmp", None),
    ],
)
def test_nothing_travels_in_the_clear(url: str, sslmode: str | None) -> None:
    assert parameters(url).values.get("sslmode") == sslmode


def test_credentials_are_noticed_even_when_incomplete() -> None:
    assert has_credentials(CredentialManager({"SUPABASE_URL": "x"}))
    assert not has_credentials(CredentialManager({"SUPABASE_SERVICE_KEY": "x"}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://u:{CANARY}@127.0.0.1:1/d", "nothing listens there"),
        (f"postgresql://u:{CANARY}@no-such-host.invalid/d", "no server has that host name"),
        (f"postgresql://u:x@{CANARY}@127.0.0.1:1/d", "cannot be read"),
        (f"postgresql://u:{CANARY}/x@127.0.0.1:1/d", "cannot be read"),
        (f"postgresql://u:{CANARY}#x@127.0.0.1:1/d", "cannot be read"),
        (f"postgresql://u:{CANARY}?x@127.0.0.1:1/d", "cannot be read"),
        (f"postgresql://u:{CANARY}%zz@127.0.0.1:1/d", "cannot be read"),
        (f"host=127.0.0.1 port=1 password={CANARY}", "nothing listens there"),
    ],
)
def test_a_failed_connection_never_shows_the_password(url: str, said: str) -> None:
    result = SupabaseExecutor(url).test_connection()
    assert not result
    assert said in str(result)
    assert CANARY not in str(result)


@pytest.mark.parametrize(
    ("libpq", "said"),
    [
        ('FATAL:  password authentication failed for user "u"', "does not accept"),
        ("fe_sendauth: no password supplied", "does not accept"),
        ("connection timeout expired", "did not answer in time"),
        ("failed to resolve host 'h': [Errno -5] No address associated with hostname", "no server has that host name"),
        ("failed to resolve host 'h': [Errno -3] Temporary failure in name resolution", "name service does not answer"),
        ("connection is bad: Network is unreachable", "no way to that address"),
        ("server does not support SSL, but SSL was required", "no TLS"),
        ('FATAL:  database "d" does not exist', "no such database"),
        ("FATAL:  sorry, too many clients already", "no free connection"),
        (f"something new about {CANARY}\nand more of {CANARY}", "and more of ***"),
    ],
)
def test_libpqs_words_become_ours(libpq: str, said: str) -> None:
    error = connection_failed(Exception(libpq), Parameters("x", {"host": "h", "password": CANARY}))
    assert said in error.message
    assert CANARY not in str(error)


def test_nothing_of_the_driver_is_loaded_before_it_is_needed() -> None:
    code = "import elf_sqlcheck.shared.database, sys; print([m for m in ('psycopg', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
