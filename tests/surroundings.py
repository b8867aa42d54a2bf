"""What can be amiss around a command, as a table: a `Fault` spoils one thing, and says what may come of it."""

from __future__ import annotations

import glob
import os
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.lint_project import Project, make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PROGRAMS = os.path.dirname(sys.executable)
SOMEBODY = 4321
#: What would change the answers, or keep a fault from being felt.
_FOREIGN = ("GIT", "PG", "XDG_", "LC_", "LANG", "ELF_", "PYTHON", "SUPABASE", "DATABASE", "CI", "TMPDIR", "COVERAGE")
_NO_LOCKS = """
#include <errno.h>
int flock(int descriptor, int how) { errno = ENOLCK; return -1; }
"""


class Case:
    """A command about to be run in a project: what it is started with can be spoilt before."""

    def __init__(self, folder: str, project: Project, argv: list[str]) -> None:
        self.folder = folder
        self.project = project
        self.argv = argv
        self.cwd = os.fspath(project.root)
        self.home = f"{folder}/home"
        os.makedirs(self.home, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        # A file that Python compiled where files may not grow would be a broken one for all who come later.
        self.variables = {
            **kept, "HOME": self.home, "PYTHONDONTWRITEBYTECODE": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "ELF_MASTER_PASSWORD": "correct horse", "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        }  # fmt: skip
        self.options: dict[str, Any] = {}

    def before(self, *command: str) -> None:
        """Let `command` start the command."""
        if shutil.which(command[0]) is None:
            pytest.skip(f"there is no {command[0]} here")
        self.argv = [*command, *self.argv]

    def shell(self, script: str) -> None:
        """Let a shell do something before it becomes the command; $0 is the case's own folder."""
        self.before("sh", "-c", f'{script}; exec "$@"', self.folder)

    def mounted(self, script: str) -> None:
        """Let the command see other mounts than everybody else does."""
        if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
            pytest.skip("nobody may mount here")
        self.shell(f'{script}; cd "$PWD"')
        self.before("unshare", "-m")

    def as_somebody(self) -> None:
        """Run it as an account that the system does not know, who owns the project."""
        if os.geteuid():
            pytest.skip("only root can be somebody else")
        give(self.folder, SOMEBODY)
        self.before("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")

    def limit(self, kind: int, most: int) -> None:
        """Limit what the command may have."""
        self.options["preexec_fn"] = lambda: resource.setrlimit(kind, (most, most))

    def run(self, stdin: bytes = b"", seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run it to its end; a hang fails the test."""
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "input": stdin, **self.options}
        done = subprocess.run(self.argv, cwd=self.cwd, env=self.variables, timeout=seconds, check=False, **given)
        out, err = ((text or b"").decode(errors="replace") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(self.argv, done.returncode, out, err)


class Fault(NamedTuple):
    """`spoil` makes something go wrong. `refused` has what must be said by the commands that cannot be carried out.

    The others end as ever, or, where it is a matter of the machine how far they come, with one of the words of `may`.
    """

    name: str
    spoil: Callable[[Case], object]
    refused: Mapping[str, str] = {}
    may: tuple[str, ...] = ()


def project_in(folder: Path) -> Project:
    """A project with one commit, and a migration in the index that has a finding with a fix."""
    root = folder / "project"
    root.mkdir()
    made = make(root)
    made.put("migrations/20250101_000000_first.sql", "CREATE TABLE a (id int);\n")
    made.commit()
    made.put("migrations/20250102_000000_second.sql", "CREATE TABLE b (sum money);\n")
    made.git("add", "-A")
    return made


def judged(fault: Fault, command: str, done: subprocess.CompletedProcess[str], usual: int) -> None:
    """Fail unless the command ended as `fault` says it must."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert "has a bug" not in said, said
    if command in fault.refused:
        assert (done.returncode, fault.refused[command] in done.stderr) == (2, True), said
    elif done.returncode != usual or not fault.may:
        assert done.returncode == usual or (done.returncode == 2 and any(word in said for word in fault.may)), said


def give(folder: str, uid: int) -> None:
    """Make an account the owner of a folder and all in it, which it can reach."""
    for path, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            os.chown(os.path.join(path, name), uid, uid, follow_symlinks=False)


def set_to(name: str, value: str | None) -> Callable[[Case], None]:
    """What gives a variable another value, or none."""

    def spoil(case: Case) -> None:
        case.variables.pop(name, None)
        if value is not None:
            case.variables[name] = value

    return spoil


def no_locks(case: Case) -> None:
    """Files cannot be locked, as on some network file systems."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no C compiler here, to take the locks away")
    library = f"{case.folder}/nolocks.so"
    command = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", library]
    subprocess.run(command, input=_NO_LOCKS.encode(), check=True, capture_output=True)
    case.variables["LD_PRELOAD"] = library


def in_1970(case: Case) -> None:
    """The clock stands at the beginning of time."""
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
    if not library:
        pytest.skip("libfaketime is not installed")
    case.variables |= {"LD_PRELOAD": library, "FAKETIME": "@1970-01-02 00:00:00", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def folder_is_gone(case: Case) -> None:
    """Somebody removes the working folder."""
    case.shell('mkdir "$0/gone"; cd "$0/gone"; rmdir "$0/gone"')


def closed(*numbers: int) -> Callable[[Case], None]:
    """Streams are not there at all."""
    return lambda case: case.shell("exec " + " ".join(f"{number}>&-" for number in numbers))
