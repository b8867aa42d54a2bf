"""What bench/lint.py measures: projects on the disk, and who lints what of them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.linters import TOOLS
from bench.migrations import write
from bench.running import Entrant, emptied, run, variables
from bench.verdicts import FINDING, OURS
from bench.worst_cases.rows import seed as seed_file

if TYPE_CHECKING:
    from collections.abc import Callable

#: Findings block, so that the code of the command says whether there were any.
CONFIGURATION = """\
postgres-version = 17
fail-on = "warning"
ignore = ["naming"]

[table-sizes]
hidden_plans_0001 = 250_000
"""
QUIET = 'lock-timeout = "5s"\n'
#: Without the rules of the plug-in that comes with us.
SQLFLUFF = ("--dialect=postgres", "--exclude-rules=elf", "--disable-progress-bar", "--nocolor")
REPORTERS = ("gcc", "json", "gitlab", "tty")
#: How often the slow linters run.
SELDOM = 3


class Case(NamedTuple):
    """A case: its `key`, its `title` in tables, and who takes part."""

    key: str
    title: str
    entrants: list[Entrant]

    @property
    def is_warm(self) -> bool:
        """Whether a run before has to fill the caches."""
        return self.key in {"warm", "history"}

    @property
    def is_watched(self) -> bool:
        """Whether the peak of memory counts."""
        return self.key in {"10000", "seed"}


class Sizes(NamedTuple):
    """How many files the cases have that are called 100, 1,000 and 10,000, a short history, and bytes of the seed.

    `few` are the files of which the cost of each further file is reckoned, where `is_reckoned`.
    """

    hundred: int = 100
    thousand: int = 1_000
    most: int = 10_000
    short: int = 10
    seed: int = 10_000_000
    few: int = 4
    is_reckoned: bool = True


SMALL = Sizes(3, 10, 10, 3, 100_000, 2, is_reckoned=False)


class Project(NamedTuple):
    """A repository with migrations; `paths` are those below its `folder`, the newest last, not yet committed."""

    folder: str
    paths: list[str]

    @property
    def newest(self) -> str:
        return self.paths[-1]


class Tools:
    """The linters beside this interpreter, else those that bench/accuracy.py has installed, else those on PATH.

    Each is the path of a program, "" when there is none, or it does not run. Raises SystemExit without elf-sqlcheck.
    """

    def __init__(self) -> None:
        beside = os.path.dirname(sys.executable)
        self.ours = shutil.which(OURS, path=beside) or sys.exit(f"{OURS} not found beside {sys.executable}")
        self._folders = [beside, os.path.join(TOOLS, "venv", "bin"), os.environ.get("PATH", "")]
        self.versions: dict[str, str] = {}
        self.squawk, self.pgrubic, self.sqlfluff = map(self._found, ("squawk", "pgrubic", "sqlfluff"))

    def _found(self, name: str) -> str:
        program = shutil.which(name, path=os.pathsep.join(self._folders)) or ""
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return ""
        self.versions[name] = said.split()[-1]
        return program


class Cases:
    """The cases, made below the folder `base` when they are asked for."""

    def __init__(self, base: str, tools: Tools, sizes: Sizes, seed: int) -> None:
        self._base = base
        self._tools = tools
        self.sizes = sizes
        self._seed = seed
        self._home = self._folder("home")
        self._output = os.path.join(base, "output")
        hundred, thousand, most = (f"{count:,} files" for count in sizes[:3])
        self.all: dict[str, tuple[str, Callable[[], list[Entrant]]]] = {
            "one": ("one file", self._one),
            "100": (f"{hundred}, cold", lambda: self._cold(sizes.hundred)),
            "1000": (f"{thousand}, cold", lambda: self._cold(sizes.thousand)),
            "10000": (f"{most}, cold", lambda: self._cold(sizes.most, with_findings=False)),
            "warm": (f"{most}, one changed, warm", self._warm),
            "history": (f"one of {sizes.most:,}, beside {sizes.short}", self._history),
            "commit": ("commit without SQL", self._commit),
            "seed": (f"seed file, {sizes.seed / 1e6:g} MB", self._seeding),
        }

    def make(self, key: str) -> Case:
        """Write what a case needs; every run of it comes later."""
        title, entrants = self.all[key]
        return Case(key, title, entrants())

    def _one(self) -> list[Entrant]:
        quiet, found = self.project(self.sizes.few, slips=False), self.project(self.sizes.few, slips=True)
        made = [Entrant("python -c pass", [sys.executable, "-c", "pass"], self._home, self._variables("python"), 0)]
        for project, suffix in ((quiet, ""), (found, FINDING)):
            made.append(self._ours("one", project, suffix, project.newest))
            made += self._squawk(project, suffix, project.newest)
        slow = {
            "pgrubic": [self._tools.pgrubic, "lint"],
            "sqlfluff": [self._tools.sqlfluff, "lint", *SQLFLUFF],
        }
        for name, command in slow.items():
            several = [found.paths] if self.sizes.is_reckoned else []
            for paths in ([found.newest], *several) if command[0] else ():
                shown = name if len(paths) == 1 else f"{name}, {len(paths)} files"
                made.append(
                    Entrant(shown, [*command, *paths], found.folder, self._variables(name), len(paths), most=SELDOM)
                )
        return made

    def _cold(self, count: int, *, with_findings: bool = True) -> list[Entrant]:
        made: list[Entrant] = []
        for suffix in ("", FINDING) if with_findings else ("",):
            project = self.project(count, slips=bool(suffix))
            # One finding a line, as the other reporter does.
            short = ("--output-format", "concise") if suffix else ()
            made.append(self._ours(f"cold-{count}", project, suffix, *short, is_cold=True))
            made += self._squawk(project, suffix, "migrations/*.sql", len(project.paths))
        return made

    def _warm(self) -> list[Entrant]:
        project = self.project(self.sizes.most, slips=False)
        ours = self._ours("warm", project, "")._replace(before=edits(os.path.join(project.folder, project.newest)))
        return [ours, *self._squawk(project, "", "migrations/*.sql", len(project.paths))]

    def _history(self) -> list[Entrant]:
        long, short = self.project(self.sizes.most, slips=False), self.project(self.sizes.short, slips=False)
        made = []
        for project, name in ((long, OURS), (short, f"{OURS}, short")):
            ours = self._ours("history", project, "", project.newest)
            made.append(ours._replace(name=name, before=edits(os.path.join(project.folder, project.newest))))
        return [*made, *self._squawk(long, "", long.newest)]

    def _commit(self) -> list[Entrant]:
        project = Project(
            shutil.copytree(self.project(self.sizes.few, slips=False).folder, os.path.join(self._base, "commit")), []
        )
        self._git(project.folder, "add", "migrations")
        self._git(project.folder, "commit", "--quiet", "--message", "Add")
        self._call(project.folder, self._tools.ours, "hook", "install")
        with open(os.path.join(project.folder, "notes"), "w", encoding="utf-8") as file:
            file.write("Nothing about databases.\n")
        self._git(project.folder, "add", "notes")
        git = shutil.which("git") or sys.exit("git not found")
        chosen = self._variables("commit")
        hook = os.path.join(project.folder, ".git", "hooks", "pre-commit")
        least = os.path.join(project.folder, "least")
        with open(least, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\ngit diff --cached --quiet && exit 0\nexit 1\n")
        os.chmod(least, 0o755)
        return [
            Entrant(OURS, [hook], project.folder, chosen, 0, code=0),
            Entrant("git diff", [git, "diff", "--cached", "--quiet"], project.folder, chosen, 0, code=1),
            Entrant("git diff in a script", [least], project.folder, chosen, 0, code=1),
        ]

    def _seeding(self) -> list[Entrant]:
        folder = self._folder("seed")
        with open(os.path.join(folder, "seed.sql"), "w", encoding="utf-8") as file:
            file.write(str(seed_file(self.sizes.seed).text))
        self._git(folder, "init", "--quiet")
        project = Project(folder, ["seed.sql"])
        ours = self._ours("seed", project, "", "seed.sql", is_cold=True)._replace(code=None)
        return [ours, *self._squawk(project, "", "seed.sql")]

    def _ours(self, cache: str, project: Project, suffix: str, *words: str, is_cold: bool = False) -> Entrant:
        """Our own command, as a hook or somebody at a shell gives it; when it `is_cold`, with no cache in any run."""
        place = os.path.join(self._base, "caches", cache + suffix)
        named = len(words) == 1
        before = functools.partial(emptied, place) if is_cold else None
        return Entrant(
            OURS + suffix, [self._tools.ours, "lint", *words], project.folder, variables(self._home, place),
            1 if named else len(project.paths), int(bool(suffix)), before,
        )  # fmt: skip

    def _squawk(self, project: Project, suffix: str, path: str, files: int = 1) -> list[Entrant]:
        """squawk with its fastest reporter; where nothing is to be found, without the rules that would find it."""
        if not self._tools.squawk:
            return []
        command = [self._tools.squawk, f"--reporter={self.reporter}"]
        if not suffix:
            command.append(f"--exclude={','.join(self._rules_of_squawk(project))}")
        chosen = self._variables("squawk")
        return [Entrant("squawk" + suffix, [*command, path], project.folder, chosen, files, int(bool(suffix)))]

    @functools.cached_property
    def reporter(self) -> str:
        """The reporter of squawk that is fastest here."""
        project = self.project(self.sizes.hundred, slips=True)
        least: dict[str, float] = {}
        for _ in range(5):
            for name in REPORTERS:
                command = [self._tools.squawk, f"--reporter={name}", "migrations/*.sql"]
                used = run(Entrant(name, command, project.folder, self._variables("squawk")), self._output)
                least[name] = min(used.wall, least.get(name, used.wall))
        return min(REPORTERS, key=lambda name: least[name])

    def _rules_of_squawk(self, project: Project) -> list[str]:
        """What squawk finds in a project; of larger ones in the thousand files, for what it says of more is long."""
        sample = project if len(project.paths) == 1 else self.project(self.sizes.thousand, slips=False)
        said = self._call(sample.folder, self._tools.squawk, "--reporter=json", *sample.paths, codes=(0, 1))
        return sorted({finding["rule_name"] for finding in json.loads(said or "[]")}) or ["ban-drop-database"]

    @functools.cache  # noqa: B019 - it lives as long as the run
    def project(self, count: int, *, slips: bool) -> Project:
        """A repository with that many migrations, of which all but the newest are committed."""
        folder = self._folder(f"{'found' if slips else 'quiet'}-{count}")
        paths = write(os.path.join(folder, "migrations"), count, self._seed, slips=slips)
        with open(os.path.join(folder, "elf-sqlcheck.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION if slips else QUIET + CONFIGURATION)
        self._git(folder, "init", "--quiet", "--initial-branch", "main")
        self._git(folder, "add", ".")
        self._git(folder, "reset", "--quiet", paths[-1])
        self._git(folder, "-c", "gc.auto=0", "commit", "--quiet", "--message", "Add the history")
        return Project(folder, [os.path.relpath(path, folder) for path in paths])

    def _folder(self, name: str) -> str:
        path = os.path.join(self._base, name)
        os.makedirs(path)
        return path

    def _variables(self, cache: str) -> dict[str, str]:
        return variables(self._home, os.path.join(self._base, "caches", cache))

    def _git(self, folder: str, *words: str) -> None:
        self._call(folder, "git", *words)

    def _call(self, folder: str, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            command, cwd=folder, env=self._variables("made"), capture_output=True, text=True, check=False
        )
        if done.returncode not in codes:
            sys.exit(f"{' '.join(command)[:300]} broke:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout


def edits(path: str) -> Callable[[], None]:
    """What makes a change in a migration, another one whenever it is called."""
    with open(path, encoding="utf-8") as file:
        text = file.read()

    def edit() -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(" IS '", f" IS 'Since {time.time_ns()}: ", 1))

    return edit
