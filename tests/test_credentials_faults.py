"""What happens to the vault when processes are killed, write at once, or find no room: nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import CredentialError
from elf_sqlcheck.shared.credentials import CredentialManager, files
from tests.vault_files import CANARY, faults_of, known, names_in, put, python, vault_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.shared.credentials.vault import Vault

#: Sets a credential, and kills itself at a given call to the system, counted from the first that could change a file.
KILLED = """
import os, signal, sys
from elf_sqlcheck.shared.credentials.vault import Vault
from tests.vault_files import put
calls = 0
def counted(name):
    real = getattr(os, name)
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    setattr(os, name, call)
vault = Vault(os.environ["ELF_CREDENTIALS"], os.environ["ELF_MASTER_PASSWORD"])
for name in ("open", "ftruncate", "pwrite", "fsync", "fchmod", "rename", "close", "makedirs", "unlink"):
    counted(name)
put(vault, sys.argv[2])
print(calls)
"""
#: Sets one credential after the other, and names each once it is in the vault.
WRITING = """
import itertools, os, sys
from elf_sqlcheck.shared.credentials.vault import Vault
from tests.vault_files import put
vault = Vault(os.environ["ELF_CREDENTIALS"], os.environ["ELF_MASTER_PASSWORD"])
for number in itertools.islice(itertools.count(), int(sys.argv[2])):
    put(vault, f"{sys.argv[1]}_{number}")
    print(f"{sys.argv[1]}_{number}", flush=True)
"""
ASKING = """
from elf_sqlcheck.shared.credentials import CredentialManager
print(CredentialManager().get_credential("FIRST"))
"""
HOLDING = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = vault_in(tmp_path)
    put(made, "FIRST")
    return made


def variables(vault: Vault) -> dict[str, str]:
    return known(vault, PYTHONPATH=ROOT)


def test_a_process_killed_at_any_call_to_the_system_leaves_the_old_or_the_new(vault: Vault) -> None:
    outcomes: list[bool] = []
    for call in range(1, 200):
        before = names_in(vault)
        killed = python(KILLED, str(call), f"AT_{call}", **variables(vault))
        said, error = killed.communicate(timeout=60)
        if killed.returncode == 0:
            assert int(said) < call
            break
        assert killed.returncode == -9, error
        after = names_in(vault)
        assert after in (before, before | {f"AT_{call}"})
        assert faults_of(vault) == [], call
        outcomes.append(after != before)
    else:
        pytest.fail("it never came to its end")
    assert len(outcomes) > 15
    assert {True, False} == set(outcomes)
    left = set(os.listdir(os.path.dirname(vault.path)))
    assert left == {f"credentials.vault{end}" for end in ("", ".audit", ".generation", ".lock")}


def test_a_process_killed_at_any_time_has_lost_nothing_that_it_had_told(vault: Vault) -> None:
    told: set[str] = set()
    for kill in range(12):
        writer = python(WRITING, f"W{kill}", "100000", **variables(vault))
        assert writer.stdout is not None
        told.add(writer.stdout.readline().strip())
        time.sleep(random.uniform(0, 0.15))
        writer.kill()
        said = writer.stdout.read()  # communicate would leave out what came together with the first line
        writer.communicate()
        told |= {line for line in said.split("\n")[:-1] if line}
        there = names_in(vault)
        assert told <= there
        assert len([name for name in there - told if name.startswith(f"W{kill}_")]) <= 1
    assert faults_of(vault) == []


def test_processes_that_write_at_once_lose_nothing(vault: Vault) -> None:
    writers = [python(WRITING, f"W{number}", "8", **variables(vault)) for number in range(6)]
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error
    assert names_in(vault) == {"FIRST", *(f"W{writer}_{number}" for writer in range(6) for number in range(8))}
    assert faults_of(vault) == []


def test_readers_see_a_whole_vault_while_others_write(vault: Vault) -> None:
    writers = [python(WRITING, f"W{number}", "15", **variables(vault)) for number in range(2)]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        assert CredentialManager(vault=vault).get_credential("FIRST") == CANARY
        reads += 1
    for writer in writers:
        assert writer.communicate()[1] == ""
    assert reads > 5
    assert faults_of(vault) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with very little room."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip() if done else 'no mount'}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path: Path) -> None:
    """Take all the room that is left."""
    with open(path, "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(1024))


def test_a_full_disk_leaves_the_vault_as_it_was(small_disk: Path) -> None:
    vault = vault_in(small_disk)
    put(vault, "FIRST")
    fill(small_disk / "filler")
    said = []
    for number in range(30):
        # Sooner or later the log has no room either.
        with pytest.raises(CredentialError, match="No space left on device") as caught:
            put(vault, f"N{number}", CANARY * 100)
        said.append(caught.value)
        assert names_in(vault) == {"FIRST"}
        assert not os.path.exists(f"{vault.path}.new")
    assert all(error.remedy == "Free some space on that disk, and run it again." for error in said)
    assert not any("c4n4ry" in str(error) for error in said)
    assert faults_of(vault) == []
    os.unlink(small_disk / "filler")
    put(vault, "SECOND")
    assert names_in(vault) == {"FIRST", "SECOND"}
    assert faults_of(vault) == []


def test_a_disk_that_cannot_be_written_is_read_with_its_log_elsewhere(small_disk: Path, tmp_path: Path) -> None:
    vault = vault_in(small_disk)
    put(vault, "FIRST")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(CredentialError, match="Read-only file system") as caught:
        put(vault, "SECOND")
    assert "ELF_CREDENTIALS" in caught.value.remedy
    with pytest.raises(CredentialError, match="Cannot write the audit log") as caught:
        CredentialManager(vault=vault).get_credential("FIRST")
    assert "ELF_CREDENTIALS_AUDIT" in caught.value.remedy
    asked = python(ASKING, **known(vault, ELF_CREDENTIALS_AUDIT=str(tmp_path / "log")))
    assert asked.communicate()[0] == f"{CANARY}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_leaves_the_file_to_its_owner(vault: Vault) -> None:
    os.chown(vault.path, 1234, 1234)
    put(vault, "BY_ROOT")
    found = os.stat(vault.path)
    assert (found.st_uid, found.st_gid) == (1234, 1234)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_another_account_may_not_read_is_said_without_a_traceback(vault: Vault, open_folder: str) -> None:
    path = os.path.join(open_folder, "credentials.vault")
    shutil.copy(vault.path, path)
    os.chmod(path, 0o600)
    code = (
        "import os; os.setuid(65534)\n"
        "from elf_sqlcheck.errors import CredentialError\n"
        "from elf_sqlcheck.shared.credentials.files import read\n"
        "try: read(os.environ['ELF_CREDENTIALS'])\n"
        "except CredentialError as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"import elf_sqlcheck.shared.credentials.files\n{code}"],
        env={**known(vault), "ELF_CREDENTIALS": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout.startswith(f"Cannot read {path}: Permission denied."), run.stderr


def test_the_lock_ends_with_its_holder(vault: Vault) -> None:
    holder = python(HOLDING, f"{vault.path}.lock")
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.communicate()
    started = time.monotonic()
    put(vault, "NEXT")
    assert time.monotonic() - started < files.LOCK_WAIT / 2
