"""Environments: the databases that elf-migrate deploys to, as `[env.NAME]` of the configuration describes them.

[env.production]
url-env = "PRODUCTION_URL"
branch = ["main", "release/*"]
lock-timeout = "5s"

[env.staging]
project = "abcdefghijklmnopqrst"
password-credential = "STAGING_DB_PASSWORD"
"""

from __future__ import annotations

from elf_sqlcheck import values
from elf_sqlcheck.errors import ConfigError, nearest
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

PROFILES = ("", "supabase")
#: The environment that is there without being configured, unless it has an address: the project's own database.
LOCAL = "local"
#: Says which environment to work on, where no option does.
VARIABLE = "ELF_ENV"
#: Names whose environments are protected, unless they say otherwise.
_PROTECTED = frozenset({"live", "prod", "production"})
#: Each of them says where the database is.
_ADDRESSES = ("url", "url-env", "url-credential", "project")


class Environment(Record):
    """One `[env.NAME]` table.

    Where the database is, is said by one of: `url` itself; `url_env` or `url_credential`, the name under which the
    vault or else the process environment has it; `project`, the reference of a Supabase project. Without any of them
    the credentials of the environment say it, and the one called `local` is the project's own database.
    `password_credential` names the credential of a password that is not part of that.

    The timeouts are intervals as Postgres reads them ("5s"), "" when none is set. `profile` is what kind of database it
    is, "" for what the project says. A `protected` one is changed only by who types its name. `branch` are patterns of
    the Git branches from which it may be changed, () for all. With `team_roles` migrations of a team run as the role of
    that team; with `supabase_history` Supabase's own table of migrations is kept in step. `backup` is a folder for
    backups, "" for none.
    """

    name: str
    url: str = ""
    url_env: str = ""
    url_credential: str = ""
    password_credential: str = ""
    project: str = ""
    lock_timeout: str = ""
    statement_timeout: str = ""
    profile: str = ""
    protected: bool = False
    branch: tuple[str, ...] = ()
    team_roles: bool = False
    supabase_history: bool = True
    backup: str = ""

    @property
    def has_address(self) -> bool:
        """Whether it says where its database is."""
        return bool(self.url or self.url_env or self.url_credential or self.project)


def read_environments(path: str, key: str, table: object) -> Mapping[str, Environment]:
    """The environments of an `[env]` table by their names; raises ConfigError naming the entry that is no good."""
    return {name: _read(path, f"{key}.{name}", name, entries) for name, entries in values.items(path, key, table)}


def _read(path: str, key: str, name: str, table: object) -> Environment:
    fields: dict[str, Any] = {"protected": name.lower() in _PROTECTED}
    for word, entry in values.items(path, key, table):
        reader = _KEYS.get(word)
        if reader is None:
            raise ConfigError(f"{path}: there is no key {word!r} in [{key}]", nearest(word, _KEYS))
        fields[word.replace("-", "_")] = reader(path, f"{key}.{word}", entry)
    found = Environment(name, **fields)
    given = [word for word in _ADDRESSES if getattr(found, word.replace("-", "_"))]
    if len(given) > 1:
        raise ConfigError(
            f"{path}: [{key}] says more than once where its database is: {', '.join(given)}",
            "keep one of them",
        )
    return found


def _branches(path: str, key: str, value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else values.texts(path, key, value)


_KEYS: dict[str, Callable[[str, str, object], object]] = {
    "url": values.url,
    "url-env": values.text,
    "url-credential": values.text,
    "password-credential": values.text,
    "project": values.text,
    "lock-timeout": values.interval,
    "statement-timeout": values.interval,
    "profile": values.one_of(PROFILES),
    "protected": values.flag,
    "branch": _branches,
    "team-roles": values.flag,
    "supabase-history": values.flag,
    "backup": values.text,
}
