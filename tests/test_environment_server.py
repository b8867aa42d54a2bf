"""Whatever is amiss around a command that starts a server: it ends as ever, or says what, and leaves nothing."""

from __future__ import annotations

import glob
import os
import resource
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import surroundings
from tests.surroundings import PROGRAMS, Case, Fault, closed, judged, project_in, set_to
from tests.test_server import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

VERIFY, UP = ["elf-sqlcheck", "verify"], ["elf-migrate", "up", "--skip-validation"]
MIGRATION = """\
-- Migration: Add teams
-- Version: 20250103_000000
-- Description: Teams

-- ===== UP MIGRATION =====
CREATE TABLE teams (id UUID PRIMARY KEY);
-- ===== DOWN MIGRATION =====
DROP TABLE teams;
"""


def no_room_for_sockets(case: Case) -> None:
    """There is no memory file system, and the temporary folder's path is longer than that of a socket may be."""
    long = f"{case.folder}/{'d' * 60}/{'e' * 60}"
    os.makedirs(long)
    case.variables["TMPDIR"] = long
    case.mounted("mount -t tmpfs -o ro tmpfs /dev/shm")


def private(case: Case) -> None:
    """What is made is closed to others, as the account of root's servers is one."""
    for name in (".cache", ".local/share"):
        os.makedirs(f"{case.home}/{name}")
    case.options["umask"] = 0o077


def full_cache(case: Case) -> None:
    """Neither the cache nor the data of servers has any room."""
    case.variables |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME"), f"{case.folder}/full")
    case.mounted('mkdir "$0/full"; mount -t tmpfs -o size=64k,mode=755 tmpfs "$0/full"')


FAULTS = (
    (VERIFY, Fault("no-home", set_to("HOME", "/proc/nowhere"))),
    (VERIFY, Fault("no-streams", closed(0, 1, 2))),
    (VERIFY, Fault("folder-gone", surroundings.folder_is_gone, {"verify": "the folder that this runs in"})),
    (VERIFY, Fault("umask-777", lambda case: case.options.update(umask=0o777), may=("did not start",))),
    (VERIFY, Fault("no-room-for-sockets", no_room_for_sockets)),
    (VERIFY, Fault("no-locks", surroundings.no_locks, {"verify": "cannot be locked: No locks available"})),
    (VERIFY, Fault("few-open-files", lambda case: case.limit(resource.RLIMIT_NOFILE, 8), {"verify": "open files"})),
    (VERIFY, Fault("1970", surroundings.in_1970)),
    (UP, Fault("umask-077", private)),
    (UP, Fault("no-locks", surroundings.no_locks, {"up": "cannot be locked: No locks available"})),
    (UP, Fault("full-cache", full_cache, {"up": "No space left on device"})),
    (UP, Fault("few-open-files", lambda case: case.limit(resource.RLIMIT_NOFILE, 6), {"up": "open files"})),
)


@pytest.fixture
def case(open_folder: str, tmp_path: Path) -> Iterator[Case]:
    """A command in a project whose one migration is sound, with a home of its own."""
    project = project_in(type(tmp_path)(open_folder))
    for name in ("20250101_000000_first", "20250102_000000_second"):
        (project.root / f"migrations/{name}.sql").unlink()
    project.put("migrations/20250103_000000_add_teams.sql", MIGRATION)
    project.put("elf-sqlcheck.toml", "")
    made = Case(open_folder, project, [])
    yield made
    stop = [f"{PROGRAMS}/elf-migrate", "local", "stop"]
    subprocess.run(stop, cwd=project.root, env=made.variables, check=False, capture_output=True)


@pytest.mark.parametrize(("command", "fault"), FAULTS, ids=lambda given: given.name if isinstance(given, Fault) else "")
def test_it_ends_as_ever_or_says_what_is_amiss(command: list[str], fault: Fault, case: Case) -> None:
    case.argv = [f"{PROGRAMS}/{command[0]}", *command[1:]]
    fault.spoil(case)
    judged(fault, command[1], case.run(), 0)
    assert not processes_of(case.folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_makes_a_local_database_ends_with_its_command(number: signal.Signals, case: Case) -> None:
    """Programs that make it went on by themselves, and wrote into what was being removed."""
    argv = [f"{PROGRAMS}/elf-migrate", *UP[1:]]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=case.cwd, env=case.variables, stdin=pipe, stdout=pipe, stderr=pipe) as run:
        assert eventually(lambda: any(".build-" in line for line in processes_of(case.folder)), 30)
        run.send_signal(number)
        _, errors = run.communicate(timeout=30)
    assert run.returncode == 128 + number, errors.decode()
    assert b"Traceback" not in errors
    assert eventually(lambda: not processes_of(case.folder), 5)
    assert not glob.glob(f"{case.home}/.cache/elf-sqlcheck/.build-*")
    case.argv = argv
    assert case.run().returncode == 0


def processes_of(folder: str) -> list[str]:
    """The command lines of all processes that name the folder."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if folder in line]
