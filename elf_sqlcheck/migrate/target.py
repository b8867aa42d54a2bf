"""Which database a command works on: the one named, the one configured, Supabase's, or the project's local one."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ConfigError, UsageError
from elf_sqlcheck.shared.connection import has_credentials
from elf_sqlcheck.shared.credentials import CredentialManager
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.roles import named_roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.config import Config, Environment
    from elf_sqlcheck.model import Migration


@dataclass
class Target:
    """An open way to a database.

    `described` names it for people; `ask` says that nothing may be changed there without being asked; `is_local` that
    it is the project's own, so that missing roles may be made; `notes` are what people should know about it.
    """

    executor: SupabaseExecutor
    described: str
    ask: bool = False
    is_local: bool = False
    notes: list[str] = field(default_factory=list)

    def complete_roles(self, migrations: Iterable[Migration]) -> list[str]:
        """On a local database, make the roles that the migrations name but do not make; returns those made."""
        if not self.is_local:
            return []
        from elf_sqlcheck.postgres.roles import create_roles

        return create_roles(self.executor.connection, named_roles(migrations))


@contextlib.contextmanager
def open_target(config: Config, *, url: str | None = None, environment: str | None = None) -> Iterator[Target]:
    """Yield the database to work on; nothing is connected to before it is needed, but a local server is started.

    The order: `url`; the configured `environment` (when only one is configured, that one, if its variable is set);
    credentials; the local database of the project.

    Raises:
        ConfigError: The environment is not configured, or its variable is not set.
        UsageError: Several environments are configured and none is named.
        ServerError: There is no Postgres for the local database.
    """
    if url:
        with SupabaseExecutor(url) as executor:
            yield Target(executor, executor.target.where)
        return
    chosen = _environment(config, environment)
    if chosen is not None:
        configured, address = chosen
        timeouts = {"lock_timeout": configured.lock_timeout, "statement_timeout": configured.statement_timeout}
        settings = {name: value for name, value in timeouts.items() if value}
        asked = CredentialManager(environment=configured.name)
        with SupabaseExecutor(address, credentials=asked, settings=settings) as executor:
            yield Target(executor, f"{configured.name} ({executor.target.where})", ask=True)
        return
    if has_credentials():
        with SupabaseExecutor() as executor:
            yield Target(executor, f"{executor.target.where}, from {executor.target.origin}", ask=True)
        return
    from elf_sqlcheck.postgres.server import local

    with local(config.root or os.getcwd()) as server, SupabaseExecutor(server.url) as executor:
        yield Target(executor, f"the local database, {server.describe()}", is_local=True)


def _environment(config: Config, name: str | None) -> tuple[Environment, str] | None:
    if name is not None:
        if name not in config.env:
            known = ", ".join(config.env) or "none is configured"
            raise ConfigError(f"There is no environment {name}.", f"Configured in [tool.elf-sqlcheck.env]: {known}.")
        address = _address(config.env[name])
        if address is None:
            raise ConfigError(
                f"The environment {name} takes its URL from the variable {config.env[name].url_env or '(none named)'}, "
                "which is not set.",
                "Set it, put it into the vault (`elf-migrate credentials set`), or give --database-url.",
            )
        return config.env[name], address
    usable = [configured for configured in config.env.values() if _is_usable(configured)]
    if len(usable) > 1:
        names = ", ".join(configured.name for configured in usable)
        raise UsageError(f"Several environments can be reached: {names}.", "Choose one with --env NAME.")
    address = _address(usable[0]) if usable else None
    return (usable[0], address) if address else None


def _is_usable(environment: Environment) -> bool:
    name = environment.url_env
    return bool(CredentialManager(environment=environment.name).first_of(name) if name else environment.url)


def _address(environment: Environment) -> str | None:
    if not environment.url_env:
        return environment.url or None
    asked = CredentialManager(environment=environment.name)
    return asked.get_credential(environment.url_env, "system", "connect to the database")
