"""Whatever is amiss around a command that needs no server: it ends as ever, or says what is amiss."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.surroundings import (
    PROGRAMS,
    Case,
    Fault,
    closed,
    folder_is_gone,
    give,
    in_1970,
    judged,
    no_locks,
    project_in,
    set_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECOND = "migrations/20250102_000000_second.sql"
#: The commands, with what they end with when nothing is amiss.
COMMANDS = {
    "lint": (["elf-sqlcheck", "lint", "migrations"], 1),
    "staged": (["elf-sqlcheck", "lint", "--staged"], 1),
    "since": (["elf-sqlcheck", "lint", "--since", "HEAD"], 1),
    "stdin": (["elf-sqlcheck", "lint", "-"], 1),
    "fix": (["elf-sqlcheck", "lint", "--fix", "migrations"], 0),
    "file": (["elf-sqlcheck", "lint", "--output", "json:out.json", "migrations"], 1),
    "hook": (["elf-sqlcheck", "hook", "install"], 0),
    "create": (["elf-migrate", "create", "Things"], 0),
    "set": (["elf-migrate", "credentials", "set", "API_KEY"], 0),
}
ALL = tuple(COMMANDS)


def read_only(place: str) -> Callable[[Case], object]:
    """A folder of the case cannot be written, whoever tries."""
    return lambda case: case.mounted(f'mount --bind "$0/{place}" "$0/{place}"; mount -o remount,ro,bind "$0/{place}"')


def somebody_elses(case: Case) -> None:
    """Git refuses a repository that belongs to another account."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    give(f"{case.project.root}", 4322)


def no_home(case: Case) -> None:
    """Neither a variable nor the system names a home."""
    case.as_somebody()
    del case.variables["HOME"]


def git_that(does: str) -> Callable[[Case], object]:
    """Another program is called git."""

    def spoil(case: Case) -> None:
        path = f"{case.folder}/git"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{does}\n")
        os.chmod(path, 0o755)
        case.variables["PATH"] = f"{case.folder}:{case.variables['PATH']}"

    return spoil


def broken(path: str, content: str) -> Callable[[Case], object]:
    return lambda case: case.project.put(f".git/{path}", content)


def odd_names(case: Case) -> None:
    """Names of files that a terminal, a shell, an option parser or UTF-8 would stumble over."""
    folder = os.fsencode(case.project.root) + b"/migrations/"
    names = (b"a b", b'it\'s "so"', b"two\nlines", b"\xff\xfe", b"-x", b"--fix", b"$(touch pwned)", b"\x1b[31m")
    for number, name in enumerate(names):
        with open(folder + name + b".sql", "wb") as file:
            file.write(b"CREATE TABLE t%d (sum money);\n" % number)
    case.project.git("add", "-A")


FAULTS = (
    Fault("no-home", no_home, {"set": "this account has no home folder"}),
    Fault("home-nowhere", set_to("HOME", "/proc/nowhere"), {"set": "Cannot write /proc/nowhere"}),
    Fault("home-read-only", read_only("home"), {"set": "Read-only file system"}),
    Fault("unknown-account", lambda case: case.as_somebody()),
    Fault("locale-unknown", set_to("LC_ALL", "xx_YY.nonsense")),
    Fault("ascii", lambda case: case.variables.update(PYTHONUTF8="0", LC_ALL="POSIX", PYTHONIOENCODING="ascii:strict")),
    Fault("no-temporary-folder", set_to("TMPDIR", "/proc/nowhere")),
    Fault("umask-777", lambda case: case.options.update(umask=0o777)),
    Fault("no-stdin", closed(0), {"stdin": "Bad file descriptor", "set": "Bad file descriptor"}),
    Fault("no-stdout", closed(1)),
    Fault("no-streams", closed(0, 1, 2), {"stdin": "", "set": ""}),
    Fault("folder-gone", folder_is_gone, dict.fromkeys(set(ALL) - {"set"}, "the folder that this runs in")),
    Fault("full-output", lambda case: case.shell("exec >/dev/full"),
          dict.fromkeys(set(ALL) - {"file"}, "No space left on device")),
    Fault("full-errors", lambda case: case.shell("exec 2>/dev/full")),
    Fault("read-only", read_only("project"), {
        "fix": SECOND, "file": "out.json", "hook": "pre-commit", "create": "migrations/",
    }),
    Fault("files-may-not-grow", lambda case: case.limit(resource.RLIMIT_FSIZE, 1), {
        **dict.fromkeys(("fix", "file", "create", "set"), "File too large"),
        **dict.fromkeys(("staged", "since", "hook"), "git "),
    }),
    Fault("few-open-files", lambda case: case.limit(resource.RLIMIT_NOFILE, 6), may=("Too many open files",)),
    Fault("little-memory", lambda case: case.limit(resource.RLIMIT_AS, 48 << 20), may=("emory",)),
    Fault("no-locks", no_locks, {"set": "No locks available"}),
    Fault("1970", in_1970),
    Fault("odd-names", odd_names),
    Fault("no-git", set_to("PATH", "/proc/nowhere"), dict.fromkeys(("staged", "since", "hook"), "git cannot be run")),
    Fault("old-git", git_that('echo "unknown option: $3" >&2; exit 129'),
          dict.fromkeys(("staged", "since", "hook"), "unknown option: --literal-pathspecs")),
    Fault("git-killed", git_that("kill -9 $$"), dict.fromkeys(("staged", "since", "hook"), "ended by signal 9")),
    Fault("somebody-elses", somebody_elses, dict.fromkeys(("staged", "since", "hook"), "add safe.directory /")),
    Fault("broken-head", broken("HEAD", "nonsense\n"),
          dict.fromkeys(("staged", "since", "hook"), "not a git repository")),
    Fault("broken-index", broken("index", "DIRCnonsense"), dict.fromkeys(("staged", "since"), "index file smaller")),
)  # fmt: skip
GIT_ONLY = ("staged", "since", "hook")
#: The commands for which a fault makes a difference; all of them where nothing is said here.
CONCERNED = {
    **dict.fromkeys(("no-git", "old-git", "git-killed", "somebody-elses", "broken-head", "broken-index"), GIT_ONLY),
    "1970": ("staged", "create", "set"),
    "ascii": ("lint", "staged", "fix", "create", "set"),
    "few-open-files": ("lint", "staged", "stdin", "fix", "create"),  # OpenSSL's threads abort the process
    "home-nowhere": ("lint", "staged", "fix", "set"),
    "home-read-only": ("lint", "staged", "fix", "set"),
    "locale-unknown": ("lint", "staged", "set"),
    "no-locks": ("lint", "set"),
    "no-temporary-folder": ("lint", "staged", "file"),
    "odd-names": ("lint", "staged", "since", "fix", "file"),
    "unknown-account": ("lint", "staged", "fix", "set"),
    "no-home": ("lint", "staged", "set"),
    "no-stdin": ("lint", "staged", "stdin", "hook", "set"),
    "no-stdout": ("lint", "staged", "fix", "create"),
    "no-streams": ("lint", "staged", "stdin", "fix"),
    "full-errors": ("lint", "staged", "hook", "set"),
    "little-memory": ("lint", "staged", "fix", "create"),
    "umask-777": ("lint", "staged", "fix", "create"),
}


def case_of(folder: Path, command: str) -> Case:
    argv = COMMANDS[command][0]
    folder.chmod(0o755)
    return Case(os.fspath(folder), project_in(folder), [f"{PROGRAMS}/{argv[0]}", *argv[1:]])


@pytest.fixture
def reachable(tmp_path: Path, open_folder: str) -> Path:
    """A folder that other accounts can enter, too."""
    return type(tmp_path)(open_folder)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_ends_as_ever_or_says_what_is_amiss(fault: Fault, reachable: Path) -> None:
    for command in CONCERNED.get(fault.name, ALL):
        folder = reachable / command
        folder.mkdir()
        case = case_of(folder, command)
        text = (case.project.root / SECOND).read_bytes()
        fault.spoil(case)
        if fault.name == "no-streams" and command in fault.refused:
            assert case.run(text).returncode == 2
            continue
        judged(fault, command, case.run(text), COMMANDS[command][1])
        if command in fault.refused and fault.name != "full-output":  # what was fixed before is told in vain
            assert (case.project.root / SECOND).read_bytes() == text
        left = {path.name for path in (case.project.root / "migrations").iterdir()}
        assert not [name for name in left if name.endswith(".tmp")]
        assert "pwned" not in os.listdir(case.project.root)


def repository_of(kind: str, case: Case) -> str:
    """Another state of the project's repository, and the folder to run in."""
    project, beside = case.project, f"{case.folder}/beside"
    if kind == "no-commit":
        shutil.rmtree(project.root / ".git")
        project.git("init", "-q")
        project.git("add", "-A")
    elif kind == "detached":
        project.git("checkout", "-q", "--detach")
    elif kind == "worktree":
        project.git("stash", "-q")
        project.git("worktree", "add", "-q", beside)
    elif kind == "submodule":
        os.mkdir(beside)
        project.git("-C", beside, "init", "-q")
        project.git("-C", beside, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", case.cwd, "sub")
        beside += "/sub"
    elif kind == "shallow":
        project.git("commit", "-qm", "Second")
        project.git("clone", "-q", "--depth", "1", f"file://{case.cwd}", beside)
    elif kind == "sparse":
        project.git("sparse-checkout", "set", "--no-cone", "/*", "!/migrations/20250101*")
    return beside if os.path.isdir(beside) else case.cwd


@pytest.mark.parametrize("kind", ["no-commit", "detached", "worktree", "submodule", "shallow", "sparse"])
def test_a_repository_of_any_kind_is_linted_as_it_is_staged(kind: str, reachable: Path) -> None:
    case = case_of(reachable, "staged")
    case.cwd = repository_of(kind, case)
    name = f"{case.cwd}/migrations/20250103_000000_third.sql"
    with open(name, "w", encoding="utf-8") as file:
        file.write("CREATE TABLE c (sum money);\n")
    case.project.git("-C", case.cwd, "add", "--sparse", "-A")
    done = case.run()
    assert done.returncode == 1, done.stderr
    assert "20250103_000000_third.sql:1:21" in done.stdout


def test_a_bare_repository_has_nothing_to_lint(reachable: Path) -> None:
    case = case_of(reachable, "staged")
    case.project.git("clone", "-q", "--bare", case.cwd, f"{case.folder}/bare.git")
    case.cwd = f"{case.folder}/bare.git"
    done = case.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "--staged needs a Git repository, and this is none" in done.stderr


@pytest.mark.parametrize("command", ["lint", "fix", "create"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_time_ends_it_with_its_code(command: str, number: signal.Signals, reachable: Path) -> None:
    """Also while modules are loaded, which is most of what a short command does."""
    for place, delay in enumerate((0.1, 0.16, 0.25)):
        folder = reachable / str(place)
        folder.mkdir()
        case = case_of(folder, command)
        usual = COMMANDS[command][1]
        before = (case.project.root / SECOND).read_bytes()
        pipe = subprocess.PIPE
        with subprocess.Popen(case.argv, cwd=case.cwd, env=case.variables, stdin=pipe, stdout=pipe, stderr=pipe) as run:
            time.sleep(delay)
            run.send_signal(number)
            _, errors = run.communicate(b"value", timeout=30)
        if b"<frozen site>" not in errors:  # Python itself had not started yet
            assert run.returncode in {usual, -number, 128 + number}, errors
            assert b"Traceback" not in errors, errors.decode()
        assert (case.project.root / SECOND).read_bytes() in {before, before.replace(b"money", b"numeric")}
        assert not [name for name in os.listdir(case.project.root / "migrations") if name.endswith(".tmp")]


def test_many_at_once_do_not_disturb_each_other(reachable: Path) -> None:
    for command, allowed in (("lint", {1}), ("fix", {0, 2}), ("create", {0, 2}), ("set", {0, 2})):
        folder = reachable / command
        folder.mkdir()
        case = case_of(folder, command)
        runs, pipe = [], subprocess.PIPE
        for number in range(6):
            argv = [*case.argv[:-1], f"{case.argv[-1]}{number}"] if command in {"create", "set"} else case.argv
            runs.append(subprocess.Popen(argv, cwd=case.cwd, env=case.variables, stdin=pipe, stdout=pipe, stderr=pipe))
        ended = [(run.communicate(b"value", timeout=60), run.returncode) for run in runs]
        said = b"".join(errors for (_, errors), _ in ended).decode()
        assert {code for _, code in ended} <= allowed, said
        assert 0 in {code for _, code in ended} or command == "lint"
        assert "Traceback" not in said
        if command == "fix":
            assert (case.project.root / SECOND).read_text() == "CREATE TABLE b (sum numeric);\n"
        if command == "set":
            case.argv[2:] = ["list"]
            assert case.run().stdout.count("API_KEY") == sum(code == 0 for _, code in ended)
