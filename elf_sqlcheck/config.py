"""The configuration: `[tool.elf-sqlcheck]` in pyproject.toml, or a file elf-sqlcheck.toml.

The nearest of them counts, from the working directory up to the root of the repository; outside a repository only the
working directory is looked at, so that nobody else's file in a folder above can decide. Every mistake is an error: a
safety tool does not guess what a misspelt key was meant to say.
"""

from __future__ import annotations

import os
from types import MappingProxyType

from elf_sqlcheck import sizes, values
from elf_sqlcheck.context.owners import EXPOSED
from elf_sqlcheck.environments import LOCAL, PROFILES, read_environments
from elf_sqlcheck.errors import ConfigError, UsageError, nearest
from elf_sqlcheck.git import find_root
from elf_sqlcheck.hooks import Hooks, read_hooks
from elf_sqlcheck.model import Severity
from elf_sqlcheck.patterns import matches
from elf_sqlcheck.record import Record
from elf_sqlcheck.teams import read_teams
from elf_sqlcheck.toml import read_plain
from elf_sqlcheck.tools import LAYOUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.environments import Environment
    from elf_sqlcheck.sizes import TableSize
    from elf_sqlcheck.teams import Team
    from elf_sqlcheck.trust import Base

OWN_FILE = "elf-sqlcheck.toml"
#: Where the baseline is when nothing is configured, in the folder of the configuration.
BASELINE_FILE = ".elf-sqlcheck-baseline.json"
#: Where migrations are looked for when nothing is configured, in this order.
USUAL_FOLDERS = ("migrations", "supabase/migrations", "db/migrations", "prisma/migrations")
_LEVELS = ("error", "warning", "note")


class Config(Record):
    """What is configured. `path` is the file it came from, "" when there is none or none was asked (`isolated`).

    `root` is the absolute folder that `dir`, `rules_dir`, `queries` and all patterns are relative to: that of the file,
    else the root of the repository, else the folder that was started from. `severity` maps rules to what they count as
    (OFF: not at all), `per_file_ignores` patterns to rules, `table_sizes` names such as "public.orders" to sizes.
    `auto_expose` says that the Supabase project still grants new tables to the roles of its API by itself. `layout` is
    how migrations are read, "" when their files tell.

    `untrusted` says that the files are a stranger's: then the configuration is that of the commit `base`, as are the
    baseline and the rules in `rules_dir`, or there is none. `suppressions` is False when no comment allows anything.
    """

    path: str = ""
    root: str = ""
    isolated: bool = False
    dir: str = ""
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = MappingProxyType({})
    per_file_ignores: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    fail_on: Severity = Severity.ERROR
    profile: str = ""
    auto_expose: bool = False
    layout: str = ""
    postgres_version: int = 17
    main_branch: str = ""
    rules_dir: str = ""
    baseline: str = ""
    lock_timeout: str = ""
    small_table_rows: int = sizes.SMALL
    table_sizes: Mapping[str, TableSize] = MappingProxyType({})
    queries: tuple[str, ...] = ()
    exposed_schemas: tuple[str, ...] = EXPOSED
    teams: Mapping[str, Team] = MappingProxyType({})
    env: Mapping[str, Environment] = MappingProxyType({})
    hooks: Hooks = Hooks()
    untrusted: bool = False
    base: Base | None = None
    suppressions: bool = True

    def settings(self) -> dict[str, Any]:
        """What rules may ask for by `context.settings`.

        `lock-timeout` is the one that a migration meets wherever it is deployed to, "" when there is a place with none.
        """
        timeouts = [environment.lock_timeout for name, environment in self.env.items() if name != LOCAL]
        return {
            "exposed-schemas": self.exposed_schemas,
            "lock-timeout": self.lock_timeout or (timeouts[0] if timeouts and all(timeouts) else ""),
            "main-branch": self.main_branch,
            "postgres-version": self.postgres_version,
            "profile": self.profile,
            "small-table-rows": self.small_table_rows,
            "table-sizes": self.table_sizes,
            "teams": self.teams,
        }

    def absolute(self, path: str) -> str:
        """A configured path as an absolute one."""
        return os.path.normpath(os.path.join(self.root, path))

    def excludes(self, path: str) -> bool:
        """Whether a file, named from the working directory, is not to be judged."""
        return bool(self.exclude) and any(matches(pattern, self._relative(path)) for pattern in self.exclude)

    def ignored_for(self, path: str) -> frozenset[str]:
        """The rules and families that `per-file-ignores` switches off for a file."""
        if not self.per_file_ignores:
            return frozenset()
        relative = self._relative(path)
        found = (names for pattern, names in self.per_file_ignores.items() if matches(pattern, relative))
        return frozenset(name for names in found for name in names)

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.root or ".").replace(os.sep, "/")


def load(
    start: str = ".", explicit: str | None = None, isolated: bool = False, base: Callable[[], Base] | None = None
) -> Config:
    """Read the configuration that counts for the folder `start`, or the file `explicit`; none at all when `isolated`.

    Where there is a `base`, what the repository holds is as it was in that commit, and hooks are off: what they call
    may be anybody's. A file that is named and outside of the repository is the caller's own.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or says what cannot be: names the file, the key and what is
            expected.
    """
    start = os.path.abspath(start)
    repository = find_root(start)
    if isolated:
        return Config(root=repository or start, isolated=True, untrusted=base is not None)
    trusted = base() if base is not None else None
    found = _found(start, repository, explicit, trusted)
    return found.replace(untrusted=True, base=trusted, hooks=Hooks()) if trusted else found


def _found(start: str, repository: str | None, explicit: str | None, base: Base | None) -> Config:
    if explicit is not None:
        data = base.read(explicit) if base is not None and base.inside(explicit) is not None else _on_disk(explicit)
        if data is None:
            raise ConfigError(
                f"there is no {explicit} in {base.name if base else 'the base'}, and what a change that is not trusted "
                "makes of it does not count",
                "check the path",
            )
        return _read(explicit, _table(explicit, data, required=True) or {})
    folder = start
    while True:
        for name in (OWN_FILE, "pyproject.toml"):
            path = os.path.join(folder, name)
            data = base.read(path) if base is not None else _on_disk(path) if os.path.isfile(path) else None
            table = None if data is None else _table(path, data)
            if table is not None:
                return _read(path, table)
        parent = os.path.dirname(folder)
        if repository is None or folder in {repository, parent}:
            return Config(root=repository or start)
        folder = parent


def _on_disk(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}", "check the path") from error


def _table(path: str, data: bytes, *, required: bool = False) -> dict[str, Any] | None:
    """The table in a file that is ours, None when it has none."""
    shared = os.path.basename(path) == "pyproject.toml"
    if shared and b"elf-sqlcheck" not in data:
        whole: dict[str, Any] = {}
    else:
        whole = _parsed(path, data)
    tools = whole.get("tool", {})
    ours = tools.get("elf-sqlcheck") if isinstance(tools, dict) else None
    if ours is not None and not isinstance(ours, dict):
        raise ConfigError(f"{path}: tool.elf-sqlcheck is no table", "write [tool.elf-sqlcheck] above its keys")
    if shared and ours is None and required:
        raise ConfigError(f"{path} has no table [tool.elf-sqlcheck]", "add one, or name another file with --config")
    return ours if shared or ours is not None else whole


def _parsed(path: str, data: bytes) -> dict[str, Any]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 at byte {error.start}", "save it as UTF-8, which TOML requires"
        ) from error
    plain = read_plain(text)
    if plain is not None:
        return plain
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}", "correct that place") from error


def _read(path: str, table: dict[str, Any]) -> Config:
    found: dict[str, Any] = {}
    for key, value in table.items():
        reader = _KEYS.get(key)
        if reader is None:
            raise ConfigError(f"{path}: there is no key {key!r}", nearest(key, _KEYS))
        found[key.replace("-", "_")] = reader(path, key, value)
    return Config(path=path, root=os.path.dirname(os.path.abspath(path)), **found)


def _checked(read: Callable[..., Any], *more: str) -> Callable[[str, str, object], Any]:
    """A reader of a table whose mistakes `read` tells as UsageError."""

    def checked(path: str, key: str, value: object) -> Any:
        try:
            return read(f"{path}: {key}", dict(values.items(path, key, value)), *more)
        except UsageError as error:
            raise ConfigError(error.message, error.remedy) from error

    return checked


def _severity(path: str, key: str, value: object) -> Severity:
    return Severity[values.one_of(_LEVELS)(path, key, value).upper()]


def _severities(path: str, key: str, value: object) -> Mapping[str, Severity]:
    level = values.one_of((*_LEVELS, "off"))
    return {rule: Severity[level(path, f"{key}.{rule}", word).upper()] for rule, word in values.items(path, key, value)}


def _per_file(path: str, key: str, value: object) -> Mapping[str, tuple[str, ...]]:
    return {
        pattern: values.texts(path, f'{key}."{pattern}"', names) for pattern, names in values.items(path, key, value)
    }


_KEYS: dict[str, Callable[[str, str, object], Any]] = {
    "dir": values.text,
    "exclude": values.texts,
    "select": values.texts,
    "extend-select": values.texts,
    "ignore": values.texts,
    "severity": _severities,
    "per-file-ignores": _per_file,
    "fail-on": _severity,
    "profile": values.one_of(PROFILES),
    "auto-expose": values.flag,
    "layout": values.one_of(tuple(LAYOUTS)),
    "postgres-version": values.version,
    "main-branch": values.text,
    "rules-dir": values.text,
    "baseline": values.text,
    "lock-timeout": values.interval,
    "hooks": read_hooks,
    "small-table-rows": values.number,
    "table-sizes": _checked(
        sizes.named, 'write "schema.table" = 12000000, or "12M", or { rows = 12000000, bytes = 3400000000 }'
    ),
    "queries": values.texts,
    "exposed-schemas": values.texts,
    "teams": _checked(read_teams),
    "env": read_environments,
}
