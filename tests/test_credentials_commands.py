"""`elf-migrate credentials …`, as people and pipelines run it; and that no value shows where nobody asked for it."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.shared.credentials.vault import Vault
from tests.migrate_command import elf_migrate, environment
from tests.migrate_files import write
from tests.vault_files import CANARY, PASSWORD, faults_of, names_in, put, vault_in

if TYPE_CHECKING:
    from pathlib import Path

#: Makes a bug in the very place that knows all values.
BUG = """
from elf_sqlcheck.shared.credentials import sealed
def seal(text, key, generation):
    secret = text.decode()
    raise RuntimeError("something that nobody thought of")
sealed.seal = seal
"""
#: Runs commands one after the other, each in a process of its own, and tells how each ended and all that it said.
RUNS_COMMANDS = """
import json, os, sys, tempfile
from elf_sqlcheck.cli.start import migrate as main
from elf_sqlcheck.shared.credentials import sealed
sealed.require_cryptography()
told = []
for arguments, given, more in json.load(sys.stdin):
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
        stdin.write(given.encode())
        stdin.seek(0)
        child = os.fork()
        if not child:
            os.environ.update(more)
            os.dup2(stdin.fileno(), 0)
            sys.stdin = open(0)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            sys.argv = ["elf-migrate", "credentials", *arguments]
            main()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        told.append((code, said.read().decode()))
print(json.dumps(told))
"""
#: A session with GNOME's keyring, unlocked as by a log-in, in which the master password is stored, changed and removed.
IN_A_SESSION = """
gnome-keyring-daemon --foreground --unlock --components=secrets <<< login >/dev/null 2>&1 &
trap "kill $!" EXIT
for try in {1..50}; do
    sleep 0.1
    elf-migrate credentials keyring set && break
done
unset ELF_MASTER_PASSWORD
elf-migrate credentials get FIRST --reveal
printf 'a new password' | elf-migrate credentials passwd
elf-migrate credentials get FIRST --reveal
elf-migrate credentials keyring remove
elf-migrate credentials list
"""
PLAIN_KEYRING = """
from keyring.backend import KeyringBackend
class PlaintextKeyring(KeyringBackend):
    priority = 9
    def get_password(self, service, username): return open("passwords").read()
    def set_password(self, service, username, password): open("passwords", "w").write(password)
    def delete_password(self, service, username): pass
"""


class Shell:
    """A project whose vault is open; runs `elf-migrate credentials …` there and keeps all that was said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = vault_in(folder)
        self.variables = {"ELF_CREDENTIALS": self.vault.path, "ELF_MASTER_PASSWORD": PASSWORD}
        self.said = ""

    def __call__(self, *arguments: str, stdin: str = "", exit_code: int = 0, **more: str) -> str:
        return self.migrate("credentials", *arguments, stdin=stdin, exit_code=exit_code, **more)

    def migrate(self, *arguments: str, stdin: str = "", exit_code: int = 0, **more: str) -> str:
        variables: dict[str, str] = {**self.variables, **more}
        done = elf_migrate(self.folder, *arguments, stdin=stdin, exit_code=exit_code, **variables)
        self.said += done.stdout + done.stderr
        return done.stderr if exit_code else done.stdout

    def as_json(self, *arguments: str, **named: Any) -> Any:
        self(*arguments, "--output", "json", **named)
        return json.loads(self.said[self.said.rindex("\n{\n") if not self.said.startswith("{\n") else 0 :])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    put(made.vault, "FIRST", "first")
    return made


def test_a_life_of_a_credential(shell: Shell) -> None:
    said = shell("set", "CRM_KEY", "--env", "production", "--expires", "90d", "--purpose", "the CRM", stdin="one\n")
    assert said == f"Set CRM_KEY of production in {shell.vault.path}.\n"
    assert shell("get", "CRM_KEY", "--env", "production") == "CRM_KEY: ******** (from the vault)\n"
    assert shell("get", "CRM_KEY", "--reveal", ELF_ENV="production") == "one\n"
    assert "is there already" in shell("set", "CRM_KEY", "--env", "production", stdin="two", exit_code=2)
    assert "has a new value until 20" in shell("rotate", "CRM_KEY", "--env", "production", stdin="two")
    assert shell("get", "CRM_KEY", "--env", "production", "--reveal") == "two\n"
    assert shell("get", "CRM_KEY", "--env", "production", "--reveal", "--previous") == "one\n"
    assert "former value again" in shell("rotate", "CRM_KEY", "--env", "production", "--undo")
    assert shell("get", "CRM_KEY", "--env", "production", "--reveal") == "one\n"
    shell("set", "CRM_KEY", "--env", "production", "--replace", stdin="three")
    assert shell("get", "CRM_KEY", "--env", "production", "--reveal") == "three\n"
    listed = shell("list").splitlines()
    assert listed[0].split() == ["NAME", "ENVIRONMENT", "TEAM", "SET", "EXPIRES", "PURPOSE"]
    assert listed[1].split()[:3] == ["CRM_KEY", "production", "-"]
    assert listed[1].endswith("the CRM")
    assert "It is there with --env production" in shell("remove", "CRM_KEY", "--yes", exit_code=2)
    assert "Nothing was changed" in shell("remove", "CRM_KEY", "--env", "production", exit_code=2)
    assert "Removed CRM_KEY of production" in shell("remove", "CRM_KEY", "--env", "production", "--yes")
    assert "is set nowhere" in shell("get", "CRM_KEY", "--env", "production", exit_code=2)
    assert names_in(shell.vault) == {"FIRST"}
    assert "the log is as it was written" in shell("audit", "--verify")


def test_what_a_team_may_read(shell: Shell) -> None:
    (shell.folder / "elf-sqlcheck.toml").write_text('[teams]\nmarketing = ["marketing"]\n')
    assert "knows no team 'marketing'" in shell("get", "FIRST", "--team", "marketing", exit_code=2)
    said = shell("grant", "Marketing", "FIRST", "NEW_*", "--env", "production")
    assert "Team marketing may read FIRST, NEW_* of production." in said
    assert "nothing in the vault is called NEW_* yet" in said
    assert "may not read" in shell("get", "FIRST", "--team", "marketing", exit_code=2)
    assert "********" in shell("get", "FIRST", "--team", "marketing", "--env", "production")
    assert "has no team marketin; it has marketing" in shell("grant", "marketin", "FIRST")
    assert "Team marketing may read FIRST of production." in shell("list")
    assert "was not granted FIRST" in shell("revoke", "marketing", "FIRST", exit_code=2)
    assert "rotate that" in shell("revoke", "marketing", "FIRST", "--env", "production")
    assert "may not read" in shell("get", "FIRST", "--team", "marketing", "--env", "production", exit_code=2)
    shell("set", "OWN", "--team", "sales", stdin="s")
    assert shell("get", "OWN", "--team", "sales", "--reveal") == "s\n"
    assert "set nowhere" in shell("get", "OWN", exit_code=2)
    assert "no team that can own" in shell("set", "OWN", "--team", "system", stdin="s", exit_code=2)


def test_the_audit_log_is_shown_and_checked(shell: Shell) -> None:
    shell("get", "FIRST", "--purpose", "to see")
    shell("get", "FIRST", "--team", "nobody", exit_code=2)
    shell("list", ELF_MASTER_PASSWORD="wrong", exit_code=2)
    listed = shell("audit", ELF_MASTER_PASSWORD="").splitlines()
    assert len(listed) == 5, listed  # the heads, and what was begun stands only where it was not done
    assert "to see" in listed[2]
    assert "refused: The vault knows no team 'nobody'" in listed[3]
    assert "refused: the vault could not be opened" in listed[4]
    assert "without the master password only the chain was checked" in shell(
        "audit", "--verify", ELF_MASTER_PASSWORD=""
    )
    assert shell.as_json("audit", "--name", "FIRST", "--last", "1")["lines"][0]["team"] == "nobody"
    with open(shell.vault.audit.path, "r+b") as log:
        log.write(b'{"line": 9')
    assert "line 1" in shell("audit", "--verify", exit_code=1)
    assert "a new one begins" in shell("audit", "--archive")
    assert "2 lines: the log is as it was written." in shell("audit", "--verify")


def test_a_dotenv_file_is_imported(shell: Shell) -> None:
    (shell.folder / ".env").write_text(
        "\ufeff# a comment\nexport ONE=plain # more\nTWO=\"quoted # no comment\"\nTHREE='sin$gle'\nEMPTY=\nBARE\n"
        'LINES="a\nb"\nFIRST=other\nREF=${ONE}\n\n', encoding="utf-8",
    )  # fmt: skip
    assert "Would import ONE of staging" in shell("import", ".env", "--dry-run", "--env", "staging")
    assert names_in(shell.vault) == {"FIRST"}
    said = shell("import", ".env")
    assert "FIRST is there already and stays as it is" in said
    assert "remove it" in said
    for name, value in {"ONE": "plain", "TWO": "quoted # no comment", "THREE": "sin$gle", "LINES": "a\nb",
                        "FIRST": "first", "REF": "${ONE}"}.items():  # fmt: skip
        assert shell("get", name, "--reveal") == f"{value}\n"
    assert names_in(shell.vault) == {"FIRST", "ONE", "TWO", "THREE", "LINES", "REF"}
    assert "Imported FIRST" in shell("import", ".env", "--replace")
    assert shell("get", "FIRST", "--reveal", "--previous") == "first\n"
    assert "Nothing was imported" in shell("import", ".env", "--replace")


@pytest.mark.parametrize(
    "content",
    ["A=1\nc4n4ry-Pa55 is no line\n", "A=1\n'c4n4ry=2\n", "A=1\n1c4n4ry=3\n", "A=1\nB='c4n4ry\n", "A=1\nB=\0c4n4ry\n"],
)
def test_a_dotenv_file_that_cannot_be_read_is_not_imported_by_halves(shell: Shell, content: str) -> None:
    (shell.folder / ".env").write_text(content)
    assert ".env, line 2: this is no NAME=value" in shell("import", ".env", exit_code=2)
    assert "c4n4ry" not in shell.said
    assert names_in(shell.vault) == {"FIRST"}


def test_another_vault_is_imported_with_its_scopes_and_grants(shell: Shell) -> None:
    other = vault_in(shell.folder / "other", "another password")
    put(other, "KEY", "k", "production", "sales")
    put(other, "FIRST", "theirs")
    assert "ELF_IMPORT_PASSWORD" in shell("import", other.path, exit_code=2)
    shell("grant", "crm", "KEY", ELF_CREDENTIALS=other.path, ELF_MASTER_PASSWORD="another password")
    said = shell("import", other.path, ELF_IMPORT_PASSWORD="another password")
    assert "Imported KEY of production for team sales" in said
    assert shell("get", "KEY", "--env", "production", "--team", "sales", "--reveal") == "k\n"
    assert shell("get", "FIRST", "--reveal") == "first\n"
    assert "Team crm may read KEY." in shell("list")
    with open(other.path, "r+b") as file:
        file.truncate(300)
    assert "is damaged" in shell("import", other.path, ELF_IMPORT_PASSWORD="another password", exit_code=2)
    assert "Cannot read nothing" in shell("import", "nothing", exit_code=2)


def test_the_master_password_is_changed(shell: Shell) -> None:
    assert "at least 8 characters" in shell("passwd", stdin="short\n", exit_code=2)
    said = shell("passwd", stdin="a new password\n")
    assert "has a new master password" in said
    assert "ELF_MASTER_PASSWORD still holds the old one" in said
    assert "is another one" in shell("list", exit_code=2)
    assert shell("get", "FIRST", "--reveal", ELF_MASTER_PASSWORD="a new password") == "first\n"
    assert faults_of(Vault(shell.vault.path, "a new password")) == []


def test_a_new_vault_is_made_by_the_first_that_is_set(shell: Shell) -> None:
    path = str(shell.folder / "new" / "vault")
    assert "There is no vault yet" in shell("list", ELF_CREDENTIALS=path)
    assert "at least 8" in shell("set", "A", stdin="1", exit_code=2, ELF_CREDENTIALS=path, ELF_MASTER_PASSWORD="short")
    assert not os.path.exists(path)
    shell("set", "A", stdin="1", ELF_CREDENTIALS=path)
    assert shell("get", "A", "--reveal", ELF_CREDENTIALS=path) == "1\n"


@pytest.mark.parametrize(
    "arguments",
    [("set", "A", CANARY), ("set", f"A={CANARY}"), ("set", CANARY), ("rotate", "FIRST", CANARY), ("passwd", CANARY),
     ("keyring", "set", CANARY), ("get", f"A={CANARY}"), ("set", "A", f"--value={CANARY}"), ("remove", CANARY),
     ("grant", "crm", CANARY), ("revoke", "crm", CANARY)],
)  # fmt: skip
def test_a_value_on_the_command_line_is_refused_and_not_repeated(shell: Shell, arguments: tuple[str, ...]) -> None:
    said = shell(*arguments, stdin="x", exit_code=2)
    assert said
    assert "c4n4ry" not in shell.said
    if arguments[-1] == CANARY and arguments[0] in ("rotate", "passwd", "keyring"):
        assert "history" in said
        assert "list of processes" in said
    with open(shell.vault.audit.path, encoding="utf-8") as log:
        assert "c4n4ry" not in log.read()


@pytest.mark.parametrize("stdin", ["", "\n", "  \n", "a\0b"])
def test_no_value_is_no_credential(shell: Shell, stdin: str) -> None:
    assert "nothing was changed" in shell("set", "A", stdin=stdin, exit_code=2)


def test_without_password_and_terminal_it_says_what_to_set(shell: Shell) -> None:
    for command in (("list",), ("set", "A"), ("get", "A"), ("grant", "crm", "A"), ("rotate", "FIRST"), ("passwd",)):
        assert "Set ELF_MASTER_PASSWORD." in shell(*command, stdin="x", exit_code=2, ELF_MASTER_PASSWORD="")


def canaries(output: str, imported: str) -> list[tuple[list[str], str, dict[str, str]]]:
    """Every command with its standard input and its variables: most of them hold a canary somewhere."""
    name = f"A_{output}"
    return [
        (["set", name, "--expires", "3d", "--purpose", "a test"], CANARY, {}),
        (["set", name], CANARY, {}),
        (["rotate", name], f"{CANARY} {output}", {}),
        (["rotate", name, "--undo"], "", {}),
        (["rotate", "NOT_THERE"], CANARY, {}),
        (["get", name], "", {name: f"{CANARY} of the environment"}),
        (["get", name, "--previous"], "", {}),
        (["get", "OUTSIDE"], "", {"OUTSIDE": CANARY}),
        (["grant", "crm", "A_*"], "", {}),
        (["get", name, "--team", "crm"], "", {}),
        (["get", name, "--team", "other"], "", {}),
        (["list"], "", {}),
        (["import", "c/.env", "--replace"], "", {}),
        (["import", imported], "", {"ELF_IMPORT_PASSWORD": "c4n4ry-Imp0rt"}),
        (["import", imported], "", {"ELF_IMPORT_PASSWORD": "c4n4ry-wrong"}),
        (["audit"], "", {}),
        (["audit", "--verify"], "", {}),
        (["audit", "--archive"], "", {}),
        (["revoke", "crm", "A_*"], "", {}),
        (["list"], "", {"ELF_MASTER_PASSWORD": "c4n4ry-wrong"}),
        (["remove", name, "--yes"], "", {}),
        (["keyring", "set"], "", {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}),
        (["passwd"], PASSWORD, {}),
    ]


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_command_shows_a_value_that_nobody_asked_for(shell: Shell, output: str) -> None:
    """A canary goes through every command, in words and as JSON, with and without errors."""
    other = vault_in(shell.folder / "c", "c4n4ry-Imp0rt")
    put(other, "IMPORTED")
    (shell.folder / "c" / ".env").write_text("DOT='c4n4ry of a file'\n")
    runs = [([*arguments, "--output", output], stdin, more) for arguments, stdin, more in canaries(output, other.path)]
    done = subprocess.run(
        [sys.executable, "-c", RUNS_COMMANDS], cwd=shell.folder, env=environment(**shell.variables),
        input=json.dumps(runs), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert [code for code, _ in told] == [0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 2, 0], told
    for (_, said), (arguments, _, _) in zip(told, runs, strict=True):
        assert said, arguments
        assert "c4n4ry" not in said, arguments
    for folder, _, names in os.walk(shell.folder):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert name == ".env" or b"c4n4ry" not in file.read(), name


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_bug_shows_no_value_either(shell: Shell, debug: str) -> None:
    (shell.folder / "sitecustomize.py").write_text(BUG)
    done = subprocess.run(
        ["elf-migrate", "credentials", "set", "A"], cwd=shell.folder, input=CANARY, capture_output=True, text=True,
        check=False, env=environment(**shell.variables, PYTHONPATH=str(shell.folder), ELF_SQLCHECK_DEBUG=debug),
    )  # fmt: skip
    assert done.returncode == (1 if debug else 70)
    assert "nobody thought of" in done.stderr
    assert "c4n4ry" not in done.stdout + done.stderr
    assert names_in(shell.vault) == {"FIRST"}


class Terminal:
    """A terminal in which a command runs: what it shows is read, what is typed is not echoed by us."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        ours, theirs = pty.openpty()
        self._ours = ours
        self.process = subprocess.Popen(
            ["elf-migrate", *arguments], cwd=folder, env=environment(**variables), stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def wait_for(self, text: str, count: int = 1) -> None:
        until = time.monotonic() + 30
        while self.shown.count(text) < count:
            assert time.monotonic() < until, self.shown
            if select.select([self._ours], [], [], 1)[0]:
                try:
                    self.shown += os.read(self._ours, 4096).decode()
                except OSError:
                    break

    def type(self, text: str) -> None:
        time.sleep(0.1)  # until it no longer echoes
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> int:
        self.wait_for("\0")
        os.close(self._ours)
        return self.process.wait(30)


def test_in_a_terminal_it_asks_and_shows_nothing_of_the_answers(shell: Shell) -> None:
    path = str(shell.folder / "typed" / "vault")
    terminal = Terminal(shell.folder, "credentials", "set", "A", ELF_CREDENTIALS=path)
    terminal.wait_for("New master password")
    terminal.type("c4n4ry-M4ster")
    terminal.wait_for("Repeat for confirmation")
    terminal.type("c4n4ry-M4ster")
    terminal.wait_for("Value")
    terminal.type("c4n4ry-Pa55")
    terminal.wait_for("Repeat for confirmation", 2)
    terminal.type("c4n4ry-Pa55")
    assert terminal.end() == 0, terminal.shown
    assert "Set A in" in terminal.shown
    assert "c4n4ry" not in terminal.shown
    terminal = Terminal(shell.folder, "credentials", "get", "A", "--reveal", ELF_CREDENTIALS=path)
    terminal.wait_for("Master password")
    terminal.type("c4n4ry-M4ster")
    assert terminal.end() == 0, terminal.shown
    assert terminal.shown.endswith("c4n4ry-Pa55\r\n")
    assert "M4ster" not in terminal.shown


@pytest.mark.parametrize(
    "backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring", "plain.PlaintextKeyring"]
)
def test_a_keyring_that_keeps_no_secret_is_refused_by_its_class(shell: Shell, backend: str) -> None:
    (shell.folder / "plain.py").write_text(PLAIN_KEYRING)
    shell.variables |= {"PYTHON_KEYRING_BACKEND": backend, "PYTHONPATH": str(shell.folder)}
    said = shell("keyring", "set", exit_code=2)
    assert f"no keyring that keeps a password safe: it offers {backend}" in said
    assert not (shell.folder / "passwords").exists()
    assert "The keyring was not in use." in shell("keyring", "remove")
    with open(f"{shell.vault.path}.keyring", "w", encoding="utf-8") as mark:
        mark.write("chosen\n")
    assert backend in shell("list", exit_code=2, ELF_MASTER_PASSWORD="")


@pytest.mark.skipif(
    not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")),
    reason="GNOME's keyring is not here",
)
def test_the_keyring_of_the_system_opens_the_vault(shell: Shell) -> None:
    (shell.folder / "run").mkdir(mode=0o700)
    home = {"HOME": str(shell.folder), "XDG_DATA_HOME": str(shell.folder), "XDG_RUNTIME_DIR": str(shell.folder / "run")}
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", IN_A_SESSION], env=environment(**shell.variables) | home,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    name = "keyring.backends.SecretService.Keyring"
    assert done.stdout.splitlines() == [
        f"{name} opens {shell.vault.path} from now on.",
        "first",
        f"{shell.vault.path} has a new master password.",
        f"The keyring {name} has it, too.",
        "first",
        f"The keyring no longer opens {shell.vault.path}: set ELF_MASTER_PASSWORD.",
    ], done.stderr
    assert "needs its master password" in done.stderr
    assert not os.path.exists(f"{shell.vault.path}.keyring")


def test_a_deploy_takes_its_database_from_the_vault(shell: Shell, database: str) -> None:
    put(shell.vault, "DATABASE_URL", database, "production")
    put(shell.vault, "DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "staging")
    write(shell.folder / "migrations", "20250121_093000_first", "SELECT 1;")
    (shell.folder / "elf-sqlcheck.toml").write_text("[env.production]\n[env.staging]\n")
    shell.variables["ELF_ENV"] = "production"
    assert "1 migration applied" in shell.migrate("up", "--yes")
    assert "1 completed" in shell.migrate("status")
    assert "nothing listens there" in shell.migrate("status", exit_code=2, ELF_ENV="staging")
    assert "because which are pending is not known" in shell.migrate("validate", ELF_MASTER_PASSWORD="wrong")
    assert "does not open" in shell.migrate("up", "--yes", exit_code=2, ELF_MASTER_PASSWORD="wrong")
    said = shell("audit", "--name", "DATABASE_URL")
    assert "connect to the database" in said
    assert "production" in said
    assert faults_of(shell.vault) == []
