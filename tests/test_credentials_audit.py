"""The audit log: it tells the truth, and shows who has touched it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import CredentialError
from elf_sqlcheck.shared.credentials import CredentialManager
from elf_sqlcheck.shared.credentials.audit import Audit, Deed
from tests.vault_files import CANARY, allow, faults_of, known, put, python, vault_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elf_sqlcheck.shared.credentials.vault import Vault

PROGRAMS = 20
#: One that opens the vault and asks for a credential as often as it is told.
ASKING = """
import sys
from elf_sqlcheck.shared.credentials import CredentialManager
for number in range(int(sys.argv[2])):
    assert CredentialManager().get_credential("A", "system", f"program {sys.argv[1]}, time {number}")
"""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = vault_in(tmp_path)
    put(made, "A")
    allow(made, "crm", "A")
    for number in range(3):
        CredentialManager(vault=made).get_credential("A", "crm", f"report {number}")
    put(made, "B")
    CredentialManager(vault=made).get_credential("A", "crm", "the last one")
    return made


def lines(vault: Vault) -> list[dict[str, Any]]:
    return [line for _, line in vault.audit.lines() if line is not None]


def test_it_says_who_did_what_and_why(vault: Vault) -> None:
    assert faults_of(vault) == []
    told = [(line["action"], line["name"], line.get("team", ""), line["outcome"]) for line in lines(vault)]
    assert told == [
        ("set", "A", "", "begun"),
        ("set", "A", "", "done"),
        ("grant", "A", "crm", "begun"),
        ("grant", "A", "crm", "done"),
        *[("read", "A", "crm", "given")] * 3,
        ("set", "B", "", "begun"),
        ("set", "B", "", "done"),
        ("read", "A", "crm", "given"),
    ]
    last = lines(vault)[-1]
    assert last["purpose"] == "the last one"
    assert last["pid"] == os.getpid()
    assert last["user"]
    assert last["program"]
    assert last["time"].endswith("+00:00")
    assert CANARY not in json.dumps(lines(vault))


def changed(edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[str], None]:
    def act(path: str) -> None:
        with open(path, "rb") as file:
            content = file.read().splitlines(keepends=True)
        with open(path, "wb") as file:
            file.writelines(edit(content))

    return act


def forged(content: list[bytes]) -> list[bytes]:
    """All lines anew with sound hashes, by somebody who has not the key, and without the reads of `crm`."""
    from elf_sqlcheck.shared.credentials import audit

    made: list[bytes] = []
    before = ""
    for told in map(json.loads, content):
        if told.get("team") != "crm":
            bare = {name: told[name] for name in told if name not in ("hash", "mac")}
            line = audit._sealed({**bare, "line": len(made) + 1, "before": before}, b"another key")
            before = line["hash"]
            made.append(json.dumps(line).encode() + b"\n")
    return made


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            changed(lambda lines: [*lines[:5], lines[5].replace(b"report 1", b"report 7"), *lines[6:]]),
            "line 6 was changed",
        ),
        (changed(lambda lines: [*lines[:5], *lines[6:]]), "before line 6 something was taken out"),
        (changed(lambda lines: lines[1:]), "before line 1 something was taken out"),
        (changed(lambda lines: [lines[1], lines[0], *lines[2:]]), "before line 1 something was taken out"),
        (changed(lambda lines: [*lines[:3], b"nonsense\n", *lines[3:]]), "line 4 is none of this program's"),
        (changed(lambda lines: lines[:4]), "the end was cut off: of at least 8 lines there are 4"),
        (changed(lambda _: []), "the end was cut off"),
        (os.unlink, "the end was cut off"),
        (changed(forged), "was written by somebody who could not open the vault"),
    ],
)
def test_whoever_touches_it_is_found_out(vault: Vault, act: Callable[[str], None], said: str) -> None:
    act(vault.audit.path)
    assert any(said in fault for fault in faults_of(vault)), faults_of(vault)


def test_every_single_character_counts(vault: Vault) -> None:
    with open(vault.audit.path, "rb") as file:
        content = file.read()
    for position in range(0, len(content), 7):
        with open(vault.audit.path, "wb") as file:
            file.write(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert faults_of(vault), position


def test_what_is_written_after_a_forgery_does_not_heal_it(vault: Vault) -> None:
    changed(lambda lines: lines[:4])(vault.audit.path)
    for name in "CDEFG":
        put(vault, name)
        CredentialManager(vault=vault).get_credential("A")
    assert faults_of(vault) == ["line 8 is not the one that the vault remembers"]


def test_a_line_that_a_killed_process_left_half_is_written_over(vault: Vault) -> None:
    with open(vault.audit.path, "ab") as file:
        file.write(b'{"line": 11, "time": "20')
    CredentialManager(vault=vault).get_credential("A", "system", "after the kill")
    assert faults_of(vault) == []
    assert lines(vault)[-1]["purpose"] == "after the kill"
    assert lines(vault)[-1]["line"] == 11


@pytest.mark.parametrize("purpose", ["two\nlines", "\x1b[2J", "\udc80 no text", "x" * 100_000, '"quoted"', "\u2028"])
def test_whatever_a_caller_says_stays_one_line(vault: Vault, purpose: str) -> None:
    count = len(lines(vault))
    CredentialManager(vault=vault).get_credential("A", "system", purpose)
    CredentialManager(vault=vault).get_credential("A", "system", "next")
    assert faults_of(vault) == []
    assert len(lines(vault)) == count + 2
    assert lines(vault)[-2]["purpose"] == purpose[:300]


def test_it_finds_the_last_of_long_lines(tmp_path: Path) -> None:
    log = Audit(str(tmp_path / "log"))
    for number in range(1, 80):
        assert log.append(Deed("read", "N" * 300, "e" * 300, "t" * 300, "\u00e9" * 300), "o" * 300, b"k")[0] == number
    assert log.faults(b"k") == []


def test_twenty_programs_at_once_lose_no_line(vault: Vault) -> None:
    before = len(lines(vault))
    running = [python(ASKING, str(number), "10", **known(vault)) for number in range(PROGRAMS)]
    for program in running:
        _, said = program.communicate(timeout=120)
        assert program.returncode == 0, said
    assert faults_of(vault) == []
    asked = {line["purpose"] for line in lines(vault)[before:]}
    assert asked == {f"program {program}, time {time}" for program in range(PROGRAMS) for time in range(10)}


def test_nothing_is_given_out_that_cannot_be_logged(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELF_CREDENTIALS_AUDIT", f"{tmp_path}/elsewhere/log")
    moved = type(vault)(vault.path, vault.password)
    assert CredentialManager(vault=moved).get_credential("A", "system", "elsewhere") == CANARY
    assert [line["purpose"] for _, line in moved.audit.lines() if line] == ["elsewhere"]
    monkeypatch.setenv("ELF_CREDENTIALS_AUDIT", f"{vault.path}/no/folder")
    with pytest.raises(CredentialError, match="Cannot write the audit log") as caught:
        CredentialManager(vault=type(vault)(vault.path, vault.password)).get_credential("A")
    assert CANARY not in str(caught.value)
