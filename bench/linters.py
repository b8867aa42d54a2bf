"""The linters that bench/accuracy.py compares: how each is found, installed, run, and read.

Each is run as its documentation says, with its own default rules, and is told by its own options what the
configuration of a case says: the version of Postgres, whether a lock timeout is set elsewhere, whether the file runs
in a transaction.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), ".tools")
_FOLDERS = [os.path.join(TOOLS, "venv", "bin"), os.path.join(TOOLS, "npm", "node_modules", ".bin")]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b\x07\s]*(?:\x1b\\|\x07)?")
_PGRUBIC_LINE = re.compile(r"^(.+?\.sql):(\d+):\d+: ([A-Z]{2}\d{3}): ", re.MULTILINE)
#: Seconds. pgrubic takes a third of one for each file.
_TIMEOUT = 1800


class Unit(NamedTuple):
    """What a linter is given: `number` names it, `text` is an UP section, `before` what came earlier ("" for none).

    `transactional` says that it runs in a transaction that the text does not begin itself, `timeout` that a lock
    timeout is configured elsewhere.
    """

    number: int
    text: str
    before: str
    version: int
    transactional: bool
    timeout: bool

    @property
    def name(self) -> str:
        return f"m{self.number:04}.sql"

    def content(self, *, wrap: bool) -> str:
        """The text in a file, between BEGIN and COMMIT where it runs in a transaction and `wrap` asks for it."""
        text = f"BEGIN; {self.text.rstrip()}\nCOMMIT;\n" if wrap and self.transactional else self.text
        return self.before + text

    @property
    def first_line(self) -> int:
        return self.before.count("\n") + 1


#: (number of the unit, name of the rule) of everything that was found.
Found = set[tuple[int, str]]


class Linter(NamedTuple):
    """A linter: its `name`, the `package` that has it, and `run`, which takes the program, a folder and the units."""

    name: str
    package: str
    kind: str
    run: Callable[[str, str, Sequence[Unit]], Found]
    reads_history: bool = True

    @property
    def program(self) -> str:
        """Where the program is, "" when it is not installed."""
        return shutil.which(self.name, path=os.pathsep.join([*_FOLDERS, os.environ.get("PATH", "")])) or ""

    def version(self) -> str:
        if self.name == "safemigrate-lint":  # its command does not say
            script = f"import importlib.metadata as m; print(m.version({self.package!r}))"
            return _output([os.path.join(os.path.dirname(self.program), "python"), "-c", script]).strip()
        return _output([self.program, "--version"]).split()[-1]

    def ask(self, units: Sequence[Unit]) -> Found:
        with tempfile.TemporaryDirectory() as folder:
            return self.run(self.program, folder, units)


def _output(command: Sequence[str], folder: str | None = None) -> str:
    """What a linter prints; it may end with any code, since findings make it fail."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    return done.stdout or done.stderr


def _written(folder: str, units: Iterable[Unit], *, wrap: bool = False) -> dict[str, Unit]:
    files = {}
    for unit in units:
        with open(os.path.join(folder, unit.name), "w", encoding="utf-8") as file:
            file.write(unit.content(wrap=wrap))
        files[unit.name] = unit
    return files


def _groups(units: Iterable[Unit], key: Callable[[Unit], tuple[str, ...]]) -> dict[tuple[str, ...], list[Unit]]:
    groups: dict[tuple[str, ...], list[Unit]] = {}
    for unit in units:
        groups.setdefault(key(unit), []).append(unit)
    return groups


def _squawk(program: str, folder: str, units: Sequence[Unit]) -> Found:
    def options(unit: Unit) -> tuple[str, ...]:
        timeouts = ["--exclude=require-lock-timeout,require-timeout-settings"] if unit.timeout else []
        transaction = ["--assume-in-transaction"] if unit.transactional else []
        return (f"--pg-version={unit.version}.0", *timeouts, *transaction)

    files = _written(folder, units)
    found: Found = set()
    for chosen, group in _groups(units, options).items():
        names = [unit.name for unit in group]
        for entry in json.loads(_output([program, "--reporter=Json", *chosen, *names], folder) or "[]"):
            unit = files[os.path.basename(entry["file"])]
            if entry["line"] + 1 >= unit.first_line:
                found.add((unit.number, entry["rule_name"]))
    return found


def _pgrubic(program: str, folder: str, units: Sequence[Unit]) -> Found:
    files = _written(folder, units)
    found: Found = set()
    for (version,), group in _groups(units, lambda unit: (str(unit.version),)).items():
        names = [unit.name for unit in group]
        shown = _output([program, "lint", "--config", f"lint.target-postgres-version = {version}", *names], folder)
        for path, line, rule in _PGRUBIC_LINE.findall(_COLOURS.sub("", shown)):
            unit = files[os.path.basename(path)]
            if int(line) >= unit.first_line:
                found.add((unit.number, rule))
    return found


def _pgfence(program: str, folder: str, units: Sequence[Unit]) -> Found:
    files = _written(folder, units, wrap=True)

    def options(unit: Unit) -> tuple[str, ...]:
        return (f"--min-pg-version={unit.version}", *(["--no-lock-timeout"] if unit.timeout else []))

    def read(chosen: tuple[str, ...], names: list[str]) -> Found:
        shown = _output([program, "analyze", "--output=json", *chosen, *names], folder)
        if not shown.startswith("{"):  # a file that it cannot parse ends the run: leave it out
            return (
                read(chosen, names[: len(names) // 2]) | read(chosen, names[len(names) // 2 :]) if names[1:] else set()
            )
        found: Found = set()
        for result in json.loads(shown)["results"]:
            for check in (*result["checks"], *result.get("policyViolations", ())):
                # Of a change of type it says LOW when it thinks it free, which is to find nothing.
                if (check["ruleId"], check.get("risk")) != ("alter-column-type", "LOW"):
                    found.add((files[os.path.basename(result["filePath"])].number, check["ruleId"]))
        return found

    groups = _groups(units, options)
    return set[tuple[int, str]]().union(
        *(read(chosen, [unit.name for unit in group]) for chosen, group in groups.items())
    )


def _safemigrate(program: str, folder: str, units: Sequence[Unit]) -> Found:
    files = _written(folder, units, wrap=True)
    found: Found = set()
    for entry in json.loads(_output([program, *files], folder)):
        unit = files[os.path.basename(entry["file"])]
        told = entry["rule_id"] == "timeout-settings-required" and unit.timeout  # it has no option for that
        if entry["line"] >= unit.first_line and not told:
            found.add((unit.number, entry["rule_id"]))
    return found


LINTERS = (
    Linter("squawk", "squawk-cli", "pip", _squawk),
    Linter("pgrubic", "pgrubic", "pip", _pgrubic),
    Linter("pgfence", "@flvmnt/pgfence", "npm", _pgfence, reads_history=False),  # its findings name no line
    Linter("safemigrate-lint", "safemigrate-lint", "pip", _safemigrate),
)


def install(python: str) -> list[str]:
    """Install every linter into bench/.tools; returns what could not be, in words. pgrubic needs Python 3.12."""
    venv = os.path.join(TOOLS, "venv")
    subprocess.run([python or _newest_python(), "-m", "venv", "--clear", venv], check=True)
    failed = []
    for linter in LINTERS:
        if linter.kind == "pip":
            command = [os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", linter.package]
        else:
            command = ["npm", "install", "--silent", "--prefix", os.path.join(TOOLS, "npm"), linter.package]
        if shutil.which(command[0]) is None or subprocess.run(command, check=False).returncode:
            failed.append(f"{linter.name} could not be installed: {' '.join(command)} (--python names another Python)")
    return failed


def _newest_python() -> str:
    """The newest Python that runs: a name on PATH may be a shim of a version that is not switched on."""
    found = (path for path in map(shutil.which, ("python3.14", "python3.13", "python3.12")) if path)
    runs = (path for path in found if not subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode)
    return next(runs, sys.executable)
