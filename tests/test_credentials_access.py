"""Who gets which credential, from where, and what is refused."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.config import Config, Environment
from elf_sqlcheck.errors import AccessDenied, CredentialError, CredentialExpired, UsageError, VaultLocked
from elf_sqlcheck.migrate.target import open_target
from elf_sqlcheck.shared.connection import has_credentials, parameters
from elf_sqlcheck.shared.credentials import CredentialManager, edits
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.vault_files import CANARY, PASSWORD, allow, faults_of, known, put, vault_in

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.shared.credentials.vault import Vault

DAY = 86400


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = vault_in(tmp_path)
    put(made, "KEY", "shared of all")
    put(made, "KEY", "shared of production", "production")
    put(made, "KEY", "crm of all", team="crm")
    put(made, "KEY", "crm of production", "production", "crm")
    put(made, "OTHER", "other")
    put(made, "ONLY_PRODUCTION", "p", "production")
    allow(made, "crm", "KEY", "OTH*")
    allow(made, "sales", "KEY", env="production")
    return made


@pytest.fixture
def opened(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """The same vault, found as `CredentialManager()` finds it."""
    monkeypatch.setenv("ELF_CREDENTIALS", vault.path)
    monkeypatch.setenv("ELF_MASTER_PASSWORD", PASSWORD)
    for name in ("ELF_ENV", "DATABASE_URL", "SUPABASE_DB_URL", "SUPABASE_URL", "SUPABASE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return vault


@pytest.mark.parametrize(
    ("name", "team", "environment", "value"),
    [
        ("KEY", "system", "", "shared of all"),
        ("KEY", "system", "production", "shared of production"),
        ("KEY", "system", "staging", "shared of all"),
        ("KEY", "crm", "", "crm of all"),
        ("KEY", "crm", "production", "crm of production"),
        ("KEY", "CRM", "staging", "crm of all"),
        ("KEY", "sales", "production", "shared of production"),
        ("OTHER", "crm", "production", "other"),
        ("ONLY_PRODUCTION", "system", "", None),
        ("ONLY_PRODUCTION", "system", "staging", None),
        ("ONLY_PRODUCTION", "system", "production", "p"),
        ("NOTHING", "crm", "", None),
    ],
)
def test_the_nearest_entry_is_given(vault: Vault, name: str, team: str, environment: str, value: str | None) -> None:
    asked = CredentialManager(environment=environment, vault=vault)
    assert asked.get_credential(name, team, "a test") == value
    assert CredentialManager(vault=vault).get_credential(name, team, environment=environment) == value


@pytest.mark.parametrize(
    ("name", "team", "environment", "said", "remedy"),
    [
        ("KEY", "sales", "", "Team sales may not read the credential KEY.", "credentials grant sales KEY"),
        ("KEY", "sales", "staging", "KEY of staging", "grant sales KEY --env staging"),
        ("OTHER", "sales", "production", "OTHER of production", "grant sales OTHER --env production"),
        ("ONLY_PRODUCTION", "crm", "production", "may not read", "grant crm ONLY_PRODUCTION"),
        ("KEY", "sale", "production", "knows no team 'sale'", "Did you mean sales?"),
        ("NOTHING", "nobody", "", "knows no team 'nobody'", "grant nobody NAME"),
        ("KEY", "", "", "knows no team ''", "grant TEAM NAME"),
    ],
)
def test_what_was_not_granted_is_refused_and_logged(
    vault: Vault, name: str, team: str, environment: str, said: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "from outside")
    with pytest.raises(AccessDenied) as caught:
        CredentialManager(vault=vault).get_credential(name, team, "a try", environment=environment)
    assert said in caught.value.message
    assert remedy in caught.value.remedy
    last = [line for _, line in vault.audit.lines()][-1]
    assert last is not None
    assert (last["action"], last["purpose"]) == ("read", "a try")
    assert last["outcome"].startswith("refused: ")
    assert faults_of(vault) == []


def test_what_is_taken_back_is_refused(vault: Vault) -> None:
    with vault.change([]) as contents:
        edits.revoke(contents, edits.grants("crm", ["OTH*"], ""))
    with pytest.raises(AccessDenied):
        CredentialManager(vault=vault).get_credential("OTHER", "crm")
    with pytest.raises(CredentialError, match="was not granted OTH") as caught, vault.change([]) as contents:
        edits.revoke(contents, edits.grants("crm", ["OTH*"], ""))
    assert caught.value.remedy == "It was granted KEY."


def test_the_vault_goes_before_the_environment_and_says_so(
    opened: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KEY", CANARY)
    monkeypatch.setenv("ELSEWHERE", "outside")
    asked = CredentialManager()
    assert asked.get_credential("KEY") == "shared of all"
    assert "the environment variable KEY says something else and is not used" in caplog.text
    assert CANARY not in caplog.text
    found = asked.find("ELSEWHERE", "system", "fall back")
    assert found is not None
    assert (found.value, found.place) == ("outside", "process environment")
    last = [line for _, line in opened.audit.lines()][-1]
    assert last is not None
    assert last["outcome"] == "given from the process environment"
    assert CANARY not in repr(found)


def test_a_mapping_goes_before_all(opened: Vault) -> None:
    assert CredentialManager({"KEY": "mine"}).get_credential("KEY", "anybody") == "mine"
    assert CredentialManager({}).get_credential("KEY") is None


def test_the_environment_is_the_one_of_elf_env(opened: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELF_ENV", "production")
    assert CredentialManager().get_credential("KEY") == "shared of production"
    assert CredentialManager(environment="").get_credential("KEY") == "shared of all"
    assert (
        CredentialManager(environment="staging").get_credential("KEY", environment="production")
        == "shared of production"
    )


def test_both_names_of_a_secret_are_known_in_the_vault(opened: Vault) -> None:
    put(opened, "SUPABASE_DB_PASSWORD")
    put(opened, "SUPABASE_URL", "https://abc.supabase.co")
    assert CredentialManager().get_credential("SUPABASE_PASSWORD") == CANARY
    assert parameters().values["password"] == CANARY


def test_looking_whether_there_is_one_is_no_reading(opened: Vault) -> None:
    before = len(list(opened.audit.lines()))
    assert not has_credentials()
    put(opened, "DATABASE_URL", "postgresql://u@localhost/d", "production")
    assert not has_credentials()
    assert has_credentials(CredentialManager(environment="production"))
    assert len(list(opened.audit.lines())) == before + 2


def test_what_is_in_a_shell_does_not_lead_away_from_the_vaults_database(
    opened: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@localhost/of_the_shell")
    assert parameters().values["dbname"] == "of_the_shell"
    put(opened, "SUPABASE_URL", "https://abc.supabase.co", "production")
    put(opened, "SUPABASE_PASSWORD", env="production")
    assert parameters().values["dbname"] == "of_the_shell"
    monkeypatch.setenv("ELF_ENV", "production")
    assert parameters().values["host"] == "db.abc.supabase.co"


def test_an_environment_has_its_url_from_the_vault(
    opened: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("URL", "postgresql://u@localhost/outside")
    put(opened, "URL", "postgresql://u@localhost/p", "production")
    config = Config(env={name: Environment(name, url_env="URL") for name in ("production", "staging")})
    for name, database in (("production", "p"), ("staging", "outside")):
        with open_target(config, environment=name) as target:
            assert target.executor.target.values["dbname"] == database
    with pytest.raises(UsageError, match="Several"), open_target(config):
        pass
    with open_target(Config(env={"production": Environment("production", url_env="URL")})) as target:
        assert target.executor.target.values["dbname"] == "p"
    assert "says something else and is not used" in caplog.text


def test_without_the_password_the_vault_stays_closed(opened: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELF_MASTER_PASSWORD")
    monkeypatch.setenv("KEY", "outside")
    assert CredentialManager().get_credential("KEY", "anybody") == "outside"
    assert opened.path in SupabaseExecutor().test_connection().text


def test_a_wrong_password_is_no_reason_to_look_elsewhere(opened: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELF_MASTER_PASSWORD", "wrong")
    monkeypatch.setenv("KEY", "outside")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@localhost/d")
    with pytest.raises(VaultLocked):
        CredentialManager().get_credential("KEY")
    result = SupabaseExecutor().test_connection()
    assert not result
    assert "does not open" in result.text


def test_an_end_that_is_near_is_told_and_one_that_is_past_refuses(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OVER", "outside")
    now = time.time()
    put(vault, "FAR", expires=now + 30 * DAY)
    put(vault, "NEAR", expires=now + 3.5 * DAY)
    put(vault, "TODAY", expires=now + 60)
    put(vault, "OVER", "value", "production", expires=now - 60)
    asked = CredentialManager(vault=vault)
    caplog.set_level(logging.WARNING)
    assert asked.get_credential("FAR") == CANARY
    assert caplog.text == ""
    assert asked.get_credential("NEAR") == CANARY
    assert "NEAR expires in 3 days" in caplog.text
    assert asked.get_credential("TODAY") == CANARY
    assert "TODAY expires today" in caplog.text
    with pytest.raises(CredentialExpired, match="OVER of production expired on 20") as caught:
        asked.get_credential("OVER", environment="production")
    assert "credentials rotate OVER --env production" in caught.value.remedy
    assert CANARY not in caplog.text


def test_a_rotation_keeps_the_former_value_and_lasts_as_long_again(vault: Vault) -> None:
    where = edits.scope("KEY")
    now = time.time()
    with vault.change([]) as contents:
        contents.entries[where].created, contents.entries[where].expires = now - 80 * DAY, now + 10 * DAY
        edits.rotate(contents, where, "new", now, None, lasts=True)
    contents = vault.read()  # type: ignore[assignment]
    made = contents.entries[where]
    assert (made.value, made.previous) == ("new", "shared of all")
    assert made.expires is not None
    assert abs(made.expires - now - 90 * DAY) < 1
    with vault.change([]) as contents:
        edits.undo(contents, where, now)
        assert (contents.entries[where].value, contents.entries[where].previous) == ("shared of all", "new")
        with pytest.raises(CredentialError, match="already"):
            edits.rotate(contents, where, "shared of all", now, None, lasts=True)
        with pytest.raises(CredentialError, match="no former value"):
            edits.undo(contents, edits.scope("OTHER"), now)


@pytest.mark.parametrize(
    ("text", "days"), [("90d", 90), ("never", None), ("2999-01-01", 1), ("2001-01-01", "over"), ("0d", "over"),
                       ("soon", "no day"), ("2026-13-01", "no day"), ("2026-1-1", "no day"), ("20260101T0", "no day")]
)  # fmt: skip
def test_when_a_credential_ends(text: str, days: int | str | None) -> None:
    now = time.time()
    if isinstance(days, str):
        with pytest.raises(UsageError, match=days):
            edits.end(text, now)
    elif days is None:
        assert edits.end(text, now) is None
    else:
        assert (edits.end(text, now) or 0) >= now + days * DAY


@pytest.mark.parametrize("name", ["", "has blank", "A=c4n4ry", "1A", "A-B", "\u00e9", "A\n"])
def test_what_is_no_name_is_not_repeated(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        edits.scope(name)
    assert "c4n4ry" not in str(caught.value)
    with pytest.raises(UsageError):
        edits.grants("crm", [name], "")


def test_the_guides_snippet_with_a_vault(opened: Vault) -> None:
    put(opened, "SUPABASE_URL", "https://abc.supabase.co")
    script = """
from elf_sqlcheck.shared.credentials import CredentialManager
mgr = CredentialManager()
print(mgr.get_credential('SUPABASE_URL', 'system', 'check'))
"""
    done = subprocess.run([sys.executable, "-c", script], env=known(opened), check=True, capture_output=True, text=True)
    assert done.stdout == "https://abc.supabase.co\n"
    assert done.stderr == ""


def test_cryptography_is_loaded_only_for_a_vault_that_is_there(opened: Vault) -> None:
    script = (
        "import sys; from elf_sqlcheck.shared.credentials import CredentialManager\n"
        "CredentialManager().get_credential('KEY'); print([m for m in ('cryptography', 'keyring') if m in sys.modules])"
    )
    for path, loaded in ((f"{opened.path}.no", "[]\n"), (opened.path, "['cryptography']\n")):
        variables = {**known(opened), "ELF_CREDENTIALS": path}
        done = subprocess.run([sys.executable, "-c", script], env=variables, check=True, capture_output=True, text=True)
        assert done.stdout == loaded
