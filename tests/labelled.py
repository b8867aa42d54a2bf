"""Reads the labelled corpus of tests/corpus: see the README there for how a case is written.

The test and bench/accuracy.py share it, so that what is promised and what is measured are the same files.
"""

from __future__ import annotations

import os
import random
import re
import string
import subprocess
import tomllib
from base64 import urlsafe_b64encode
from json import dumps
from typing import Any, NamedTuple

from elf_sqlcheck import config as configuration
from elf_sqlcheck import run, sources
from elf_sqlcheck.model import Severity

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
VERSION = "20250601_120000"
BASES = {"": "base.sql", "supabase": "base_supabase.sql"}


BASE_PATH = "migrations/20250101_000000_base.sql"
#: Keys of a case that say how it is read and run; all others are configuration.
OWN_KEYS = frozenset({"base", "families", "path", "runs"})
DEFAULTS: dict[str, Any] = {"lock-timeout": "5s"}
_MARK = re.compile(r"[ \t]*-- finding: ([a-z, -]+)$")
_SETTING = re.compile(r"^-- corpus: (.*)$", re.MULTILINE)
_TOKEN = re.compile(r"\{\{([a-z -]+)\}\}")


class File(NamedTuple):
    """One file of a case: its path from the case's root, its text without marks, and (line, rule) of what it holds."""

    path: str
    text: str
    expected: frozenset[tuple[int, str]]


class Case(NamedTuple):
    """`name` is family/case. `files` are judged; `main` is what the main branch has, `base` what is deployed already.

    `families` restrict the rules that are asked, () for all. `runs` says why the case cannot run on a server, "" when
    it can. `config` is the configuration.
    """

    name: str
    files: tuple[File, ...]
    main: tuple[File, ...]
    base: File | None
    families: tuple[str, ...]
    runs: str
    config: dict[str, Any]

    @property
    def family(self) -> str:
        return self.name.split("/")[0]

    @property
    def expected(self) -> frozenset[tuple[str, int, str]]:
        """(path, line, rule) of all that must be found."""
        return frozenset((file.path, line, rule) for file in self.files for line, rule in file.expected)

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(rule for _, _, rule in self.expected)

    @property
    def is_safe(self) -> bool:
        return not self.expected


def cases() -> list[Case]:
    """All cases, by name."""
    found: list[Case] = []
    for family in sorted(entry.name for entry in os.scandir(FOLDER) if entry.is_dir()):
        entries = sorted(os.scandir(os.path.join(FOLDER, family)), key=lambda entry: entry.name)
        found += [_case(f"{family}/{entry.name.removesuffix('.sql')}", entry.path) for entry in entries]
    return found


def _case(name: str, path: str) -> Case:
    main: tuple[File, ...] = ()
    if os.path.isdir(path):
        texts = {os.path.relpath(file, path): _text(file) for file in _below(path)}
        main = tuple(_file(file, text) for file, text in texts.items() if file.startswith("main/"))
        main = tuple(file._replace(path=f"migrations/{file.path.removeprefix('main/')}") for file in main)
        texts = {file: text for file, text in texts.items() if not file.startswith("main/")}
    else:
        texts = {f"{VERSION}_{os.path.basename(path)}": _text(path)}
    settings = _settings(name, texts.values())
    if "path" in settings:
        texts = {settings["path"]: next(iter(texts.values()))}
    files = tuple(_file(f"migrations/{file}", text) for file, text in texts.items())
    profile = settings.get("profile", "")
    base = _file(BASE_PATH, _text(os.path.join(FOLDER, BASES[profile]))) if settings.get("base", True) else None
    config = DEFAULTS | {key: value for key, value in settings.items() if key not in OWN_KEYS}
    families = tuple(settings.get("families", ()))
    return Case(name, files, main, base, families, settings.get("runs", ""), config)


def _below(folder: str) -> list[str]:
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)


def _text(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def _settings(name: str, texts: Any) -> dict[str, Any]:
    lines = [line for text in texts for line in _SETTING.findall(text)]
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise AssertionError(f"tests/corpus/{name}: the lines `-- corpus: …` are no TOML: {error}") from error


def _file(path: str, text: str) -> File:
    lines: list[str] = []
    expected: set[tuple[int, str]] = set()
    for number, line in enumerate(text.split("\n"), 1):
        mark = _MARK.search(line)
        if mark:
            expected |= {(number, rule.strip()) for rule in mark[1].split(",")}
            line = line[: mark.start()]  # noqa: PLW2901 - the line without its mark
        lines.append(line)
    filled = _TOKEN.sub(lambda match: TOKENS[match[1]], "\n".join(lines))
    return File(path, filled, frozenset(expected))


def write(case: Case, folder: str) -> list[str]:
    """Write a case as a project into an empty folder; returns the paths of the files that are to be judged."""
    before = [case.base] if case.base else []
    if case.main:
        _write_all([*before, *case.main], folder)
        _git(folder, "init", "--quiet", "--initial-branch=main")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message=What is deployed")
        _git(folder, "checkout", "--quiet", "-b", "work")
        for file in case.main:
            os.remove(os.path.join(folder, file.path))
    _write_all([*before, *case.files], folder)
    with open(os.path.join(folder, "elf-sqlcheck.toml"), "w", encoding="utf-8") as config:
        config.writelines(f"{key} = {_toml(value)}\n" for key, value in case.config.items() if value != "")
    return [file.path for file in case.files]


def findings(case: Case, folder: str) -> set[tuple[str, int, str]]:
    """(path, line, rule) of all errors and warnings that elf-sqlcheck finds in a case, written into an empty folder.

    Line 1 is that of the file as a whole.
    """
    paths = write(case, folder)
    before = os.getcwd()
    os.chdir(folder)
    try:
        settings = configuration.load()
        rules = run.ruleset(settings)
        if case.families:
            rules = rules.replace(rules=tuple(rule for rule in rules.rules if rule.family in case.families))
        checked = run.check(sources.from_disk(paths, settings), rules, settings)
    finally:
        os.chdir(before)
    return {
        (finding.path, _line(checked.sources[finding.path], finding.span.start if finding.span else 0), finding.rule)
        for finding in checked.findings
        if finding.severity >= Severity.WARNING
    }


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{dumps(key)} = {_toml(entry)}" for key, entry in value.items()) + " }"
    return dumps(value)


def _write_all(files: list[File], folder: str) -> None:
    for file in files:
        path = os.path.join(folder, file.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as target:
            target.write(file.text.encode("utf-8", "surrogateescape"))


def _git(folder: str, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, env=environment)


_random = random.Random(20250121)
_HEX = "0123456789abcdef"
_BASE62 = string.ascii_letters + string.digits


def _body(length: int, alphabet: str = _BASE62) -> str:
    return "".join(_random.choice(alphabet) for _ in range(length))


def _jwt(**claims: object) -> str:
    parts = [dumps({"alg": "HS256", "typ": "JWT"}), dumps(claims)]
    encoded = [urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, _body(43)])


#: What `{{…}}` stands for. They are put together here, at random, so that no scanner takes the corpus for a leak.
TOKENS = {
    "aws key": "AKIA" + _body(16, string.ascii_uppercase + string.digits),
    "github token": "ghp" + "_" + _body(36),
    "supabase secret": "sb_" + "secret_" + _body(22) + "_" + _body(8),
    "service jwt": _jwt(iss="supabase", ref="abcdefgh", role="service_role", exp=2000000000),
    "anon jwt": _jwt(iss="supabase", ref="abcdefgh", role="anon", exp=2000000000),
    "stripe key": "sk_" + "live_" + _body(24),
    "slack token": "xoxb" + "-" + _body(12, string.digits) + "-" + _body(24),
    "anthropic key": "sk-" + "ant-api03-" + _body(80),
    "database url": "postgresql://app:" + "Tr0ub4dor" + "@db.internal/app",
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + _body(64) + "\n" + _body(64),
    "sha": _body(64, _HEX),
    "random": _body(44),
}
