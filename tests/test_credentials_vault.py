"""The file of the vault: what damage, a wrong password, an old copy and open doors do to it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import (
    CredentialError,
    VaultBusy,
    VaultDamaged,
    VaultLocked,
    VaultTooNew,
    VaultUnsafe,
)
from elf_sqlcheck.shared.credentials import edits, files, sealed
from elf_sqlcheck.shared.credentials.audit import Deed
from elf_sqlcheck.shared.credentials.vault import Vault
from tests.vault_files import CANARY, PASSWORD, cheap, faults_of, names_in, put, python, vault_in

if TYPE_CHECKING:
    from pathlib import Path

HOLDS_A_LOCK = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = vault_in(tmp_path)
    put(made, "SUPABASE_PASSWORD", env="production")
    return made


def rewritten(vault: Vault, **changes: Any) -> None:
    """Change fields of the envelope, and make the digest right again, as somebody would who knows the format."""
    with open(vault.path, "rb") as file:
        whole = json.load(file)
    whole.update(changes)
    del whole["digest"]
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
    with open(vault.path, "w", encoding="utf-8") as file:
        json.dump({**whole, "digest": hashlib.sha256(canonical).hexdigest()}, file)


def empty_and_fail(vault: Vault) -> None:
    with vault.change([Deed("set", "A")]) as contents:
        contents.entries.clear()
        for _ in range(2):
            edits.put(contents, edits.scope("A"), CANARY, time.time())


def field(vault: Vault, name: str) -> Any:
    with open(vault.path, "rb") as file:
        return json.load(file)[name]


def test_the_file_is_private_and_shows_nothing(vault: Vault) -> None:
    folder = os.path.dirname(vault.path)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert sorted(os.listdir(folder)) == [f"credentials.vault{end}" for end in ("", ".audit", ".generation", ".lock")]
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, "rb") as file:
            content = file.read()
        assert b"c4n4ry" not in content
        if name == "credentials.vault":
            assert b"PASSWORD" not in content


def test_two_files_of_the_same_content_and_password_have_nothing_in_common(tmp_path: Path) -> None:
    made = [vault_in(tmp_path / str(number)) for number in range(2)]
    for one in made:
        put(one, "A")
    for name in ("nonce", "ciphertext", "check", "kdf"):
        assert field(made[0], name) != field(made[1], name)


def test_each_writing_has_a_nonce_and_a_number_of_its_own(vault: Vault) -> None:
    before = field(vault, "nonce")
    put(vault, "OTHER")
    assert field(vault, "nonce") != before
    assert field(vault, "generation") == 2


def test_a_wrong_password_is_told_as_such(vault: Vault) -> None:
    with pytest.raises(VaultLocked, match=r"another one\. The file itself is sound") as caught:
        Vault(vault.path, "wrong").read()
    assert caught.value.exit_code == 2
    assert vault.audit.faults(None) == []
    assert faults_of(vault) == []


def test_a_password_counts_by_its_letters_not_by_how_they_are_typed(tmp_path: Path) -> None:
    put(vault_in(tmp_path, "pass\u00e9word"), "A")
    assert names_in(vault_in(tmp_path, "passe\u0301word")) == {"A"}


def test_any_bit_that_flips_is_damage_and_never_a_wrong_password(vault: Vault) -> None:
    with open(vault.path, "rb") as file:
        sound = file.read()
    whole = vault.read()
    assert whole is not None
    damaged = 0
    for position in range(len(sound)):
        with open(vault.path, "wb") as file:
            file.write(sound[:position] + bytes([sound[position] ^ (1 << position % 8)]) + sound[position + 1 :])
        try:
            read = vault.read()
        except VaultDamaged:
            damaged += 1
        else:
            # Blanks between the fields may become other blanks.
            assert sound[position] in b" \n"
            assert read == whole
    assert damaged > 0.97 * len(sound)


def test_a_file_that_was_cut_is_damaged_wherever_it_was(vault: Vault) -> None:
    with open(vault.path, "rb") as file:
        sound = file.read()
    for length in range(len(sound) - 1):
        with open(vault.path, "wb") as file:
            file.write(sound[:length])
        with pytest.raises(VaultDamaged):
            vault.read()


@pytest.mark.parametrize(
    "content", [b"[]", b"1", b'{"format": 1}', b"\xff", b"[" * 5000, b'{"format": [], "version": {}}']
)
def test_what_is_no_vault_is_said_to_be_none(vault: Vault, content: bytes) -> None:
    with open(vault.path, "wb") as file:
        file.write(content)
    with pytest.raises(VaultDamaged, match="no vault"):
        vault.read()


@pytest.mark.parametrize("name", ["generation", "nonce", "ciphertext"])
def test_a_change_by_somebody_who_knows_the_format_is_found(vault: Vault, name: str) -> None:
    value = field(vault, name)
    if isinstance(value, int):
        rewritten(vault, **{name: value + 1})
    else:
        data = bytearray(base64.b64decode(value))
        data[0] ^= 1
        rewritten(vault, **{name: base64.b64encode(data).decode()})
    with pytest.raises(VaultDamaged, match="somebody changed it: the password is right"):
        vault.read()


@pytest.mark.parametrize(
    "kdf",
    [
        {"name": "argon2id", "salt": "AAAA", "memory_kib": 1 << 40, "iterations": 1, "lanes": 1},
        {"name": "argon2id", "salt": "AAAAAAAAAAAAAAAAAAAAAA==", "memory_kib": 1, "iterations": 1, "lanes": 4},
        {"name": "argon2id", "salt": "AAAA", "memory_kib": float("inf"), "iterations": 1, "lanes": 4},
        {"name": "scrypt", "salt": "AAAAAAAAAAAAAAAAAAAAAA==", "n": 3, "r": 8, "p": 1},
        {"name": "md5", "salt": "AAAA"},
        {"name": [], "salt": "AAAA"},
        "argon2id",
    ],
)
def test_costs_that_nobody_would_write_are_not_tried(vault: Vault, kdf: object) -> None:
    rewritten(vault, kdf=kdf)
    started = time.monotonic()
    with pytest.raises(VaultDamaged, match="header"):
        vault.read()
    assert time.monotonic() - started < 5


def test_a_newer_format_is_told_from_damage(vault: Vault) -> None:
    rewritten(vault, version=2)
    with pytest.raises(VaultTooNew, match="format 2") as caught:
        vault.read()
    assert "--upgrade" in caught.value.remedy
    with pytest.raises(VaultTooNew):
        put(vault, "A")


def test_scrypt_takes_the_place_of_argon2id(tmp_path: Path) -> None:
    path = str(tmp_path / "v" / "x")
    put(Vault(path, PASSWORD, sealed.Derivation.new("scrypt", (16, 1, 1))), "A")
    assert names_in(Vault(path, PASSWORD)) == {"A"}


def test_a_new_vault_costs_what_rfc_9106_recommends(tmp_path: Path) -> None:
    made = Vault(str(tmp_path / "v" / "x"), PASSWORD)
    put(made, "A")
    assert {**field(made, "kdf"), "salt": ""} == {
        "name": "argon2id", "salt": "", "memory_kib": 65536, "iterations": 3, "lanes": 4,
    }  # fmt: skip


def test_an_older_copy_that_was_put_back_is_noticed(vault: Vault) -> None:
    with open(vault.path, "rb") as file:
        older = file.read()
    put(vault, "OTHER")
    with open(vault.path, "wb") as file:
        file.write(older)
    for act in (vault.read, lambda: put(vault, "THIRD")):
        with pytest.raises(VaultDamaged, match="older than the vault that was last here: it is number 1, and number 2"):
            act()
    os.unlink(f"{vault.path}.generation")
    assert names_in(vault) == {"SUPABASE_PASSWORD"}


def test_a_vault_that_was_removed_is_made_anew(vault: Vault) -> None:
    os.unlink(vault.path)
    assert vault.read() is None
    put(vault, "A")
    assert names_in(vault) == {"A"}
    assert field(vault, "generation") == 2


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o610])
def test_a_file_that_others_may_open_is_refused(vault: Vault, mode: int) -> None:
    os.chmod(vault.path, mode)
    with pytest.raises(VaultUnsafe, match=f"its mode is {mode:04o}") as caught:
        vault.read()
    assert caught.value.remedy == f"Close it: chmod 600 {vault.path}"
    with pytest.raises(VaultUnsafe):
        put(vault, "A")
    os.chmod(vault.path, 0o400)
    assert names_in(vault) == {"SUPABASE_PASSWORD"}


def test_a_folder_that_everybody_may_write_is_refused_unless_it_is_sticky(vault: Vault) -> None:
    folder = os.path.dirname(vault.path)
    os.chmod(folder, 0o777)
    with pytest.raises(VaultUnsafe, match="put another file in the place") as caught:
        vault.read()
    assert caught.value.remedy == f"Close the folder: chmod o-w {folder}"
    os.chmod(folder, 0o1777)
    assert names_in(vault) == {"SUPABASE_PASSWORD"}


def test_what_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(CredentialError, match="no plain file"):
            Vault(str(path), PASSWORD).read()


def test_a_link_stays_a_link(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(vault.path)
    monkeypatch.setenv("ELF_CREDENTIALS", str(link))
    put(Vault(files.vault_path(), PASSWORD), "OTHER")
    assert link.is_symlink()
    assert names_in(vault) == {"SUPABASE_PASSWORD", "OTHER"}


def test_where_the_vault_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("ELF_CREDENTIALS")
    assert files.vault_path() == str(tmp_path / ".config/elf-sqlcheck/credentials.vault")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    assert files.vault_path() == str(tmp_path / "c/elf-sqlcheck/credentials.vault")
    monkeypatch.setenv("ELF_CREDENTIALS", "~/v")
    assert files.vault_path() == str(tmp_path / "v")


def test_without_a_home_there_is_no_place_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELF_CREDENTIALS")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    assert files.vault_path() == ""
    with pytest.raises(CredentialError, match="this account has no home folder"):
        put(Vault("", PASSWORD, cheap()), "A")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = f"{tmp_path}/file/sub/vault"
    with pytest.raises(CredentialError, match="Cannot write") as caught:
        put(Vault(path, PASSWORD, cheap()), "A")
    assert path in caught.value.message
    assert "ELF_CREDENTIALS" in caught.value.remedy


def test_a_body_that_fails_changes_nothing(vault: Vault) -> None:
    with pytest.raises(CredentialError, match="there already"):
        empty_and_fail(vault)
    assert names_in(vault) == {"SUPABASE_PASSWORD"}
    assert field(vault, "generation") == 1


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT", 0.3)
    holder = python(HOLDS_A_LOCK, f"{vault.path}.lock")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(VaultBusy, match=r"it holds .*\.lock") as caught:
            put(vault, "A")
        assert caught.value.exit_code == 4
        assert names_in(vault) == {"SUPABASE_PASSWORD"}
    finally:
        holder.kill()
        holder.communicate()


def test_nothing_shows_a_value_when_it_is_shown_itself(vault: Vault) -> None:
    contents = vault.read()
    assert contents is not None
    [entry] = contents.entries.values()
    assert entry.value == CANARY
    key = sealed.derive(PASSWORD, cheap())
    for shown in (repr(contents), repr(entry), repr(vault), repr(key), repr(vars(contents)["entries"])):
        assert "c4n4ry" not in shown
        assert key.secret.hex() not in shown
