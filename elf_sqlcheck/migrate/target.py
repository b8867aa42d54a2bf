"""Which database a command works on: the one named, the one configured, Supabase's, or the project's local one."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.environments import LOCAL, VARIABLE, Environment
from elf_sqlcheck.errors import ConfigError, UsageError, nearest
from elf_sqlcheck.migrate.deploy import Options
from elf_sqlcheck.postgres.local_data import Wanted
from elf_sqlcheck.shared.connection import has_credentials, require_driver
from elf_sqlcheck.shared.credentials import CredentialManager
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.roles import named_roles
from elf_sqlcheck.team_roles import TeamRoles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.model import Migration


@dataclass
class Target:
    """An open way to a database.

    `described` names it for people; `environment` is what is configured for it, "" its name when nothing is; `ask` says
    that nothing may be changed there without being asked; `administration` may do everything on the project's own
    server, where that is used; `notes` are what people should know about it.
    """

    executor: SupabaseExecutor
    described: str
    environment: Environment
    ask: bool = False
    administration: SupabaseExecutor | None = None
    notes: tuple[str, ...] = ()

    def options(self, **values: Any) -> Options:
        """How a run goes about it here: `values` are fields of `deploy.Options`, the environment says the others."""
        return Options(supabase_history=self.environment.supabase_history, **values)

    def complete_roles(self, migrations: Iterable[Migration]) -> list[str]:
        """On a local database, make the roles that the migrations name but do not make; returns those made."""
        if self.administration is None:
            return []
        from elf_sqlcheck.postgres.roles import create_roles, hand_over

        connection = self.administration.connection
        made = create_roles(connection, named_roles(migrations))
        if made:
            hand_over(connection, made)
        return made


@contextlib.contextmanager
def open_target(config: Config, *, url: str | None = None, environment: str | None = None) -> Iterator[Target]:
    """Yield the database to work on; nothing is connected to before it is needed, but a local server is started.

    The order: `url`, with the settings of `environment` if both are given; the configured `environment`, else the one
    that ELF_ENV names, else the only one that can be reached; credentials; the local database of the project.

    Raises:
        ConfigError: The environment is not configured, or its variable or credential is not set.
        UsageError: Several environments are configured and none is named.
        ServerError: There is no Postgres for the local database.
    """
    chosen = _chosen(config, url, environment)
    if url and chosen is None:
        with SupabaseExecutor(url) as executor:
            yield Target(executor, executor.target.where, Environment(""))
    elif chosen is not None and (url or chosen.name != LOCAL or chosen.has_address):
        timeouts = {"lock_timeout": chosen.lock_timeout, "statement_timeout": chosen.statement_timeout}
        settings = {name: value for name, value in timeouts.items() if value}
        asked = CredentialManager(environment=chosen.name)
        with SupabaseExecutor(url or _url(chosen, asked), credentials=asked, settings=settings) as executor:
            if chosen.team_roles:
                executor.acting = TeamRoles(executor, config.teams)
            yield Target(executor, f"{chosen.name} ({executor.target.where})", chosen, ask=True)
    elif chosen is None and has_credentials():
        with SupabaseExecutor() as executor:
            described = f"{executor.target.where}, from {executor.target.origin}"
            yield Target(executor, described, Environment(""), ask=True)
    else:
        with _local(config, chosen or config.env.get(LOCAL) or Environment(LOCAL)) as target:
            yield target


def wanted_locally(config: Config) -> Wanted:
    """What the local database of a project is made as."""
    environment = config.env.get(LOCAL)
    return Wanted(
        major=config.postgres_version,
        profile=(environment.profile if environment else "") or config.profile,
        auto_expose=config.auto_expose,
    )


def project_folder(config: Config) -> str:
    """The folder by which the local database of a project is found again."""
    return config.root or os.getcwd()


@contextlib.contextmanager
def _local(config: Config, environment: Environment) -> Iterator[Target]:
    from elf_sqlcheck.postgres.local_data import DATABASE
    from elf_sqlcheck.postgres.server import local
    from elf_sqlcheck.shared.supautils import SupautilsExecutor

    wanted = wanted_locally(config)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(local(project_folder(config), wanted))
        administration = stack.enter_context(SupabaseExecutor(server.url))
        url = server.url_of(DATABASE)
        executor = SupautilsExecutor(url, administration) if server.profile else SupabaseExecutor(url)
        if environment.team_roles:
            executor.acting = TeamRoles(executor, config.teams)
        target = Target(
            stack.enter_context(executor),
            f"the local database, {server.describe()}",
            environment,
            administration=administration,
        )
        if server.profile != wanted.profile:
            made = f"with the profile {server.profile}" if server.profile else "without a profile"
            target.notes += (
                f"The local database was made {made}; `elf-migrate local reset` makes it as the configuration says.",
            )
        yield target


def _chosen(config: Config, url: str | None, name: str | None) -> Environment | None:
    """The environment to work on, None when nothing is said of it and there is not exactly one that can be reached."""
    if not name and not url:
        name = os.environ.get(VARIABLE)
    if name:
        return _configured(config, name)
    if url:
        return None
    usable = [environment for environment in config.env.values() if _is_reachable(environment)]
    if len(usable) > 1:
        names = ", ".join(environment.name for environment in usable)
        raise UsageError(
            f"Several environments can be reached: {names}.", f"Choose one with --env NAME, or set {VARIABLE}."
        )
    return usable[0] if usable else None


def _configured(config: Config, name: str) -> Environment:
    found = config.env.get(name)
    if found is not None:
        return found
    if name == LOCAL:
        return Environment(LOCAL)
    said = f" {VARIABLE} says so." if os.environ.get(VARIABLE) == name else ""
    known = f"Configured in [tool.elf-sqlcheck.env]: {', '.join(config.env) or 'none'}"
    meant = nearest(name, config.env) if config.env else ""
    raise ConfigError(
        f"There is no environment {name}.{said}",
        f"{known}; {meant}" if meant.startswith("did you mean") else f"{known}. `{LOCAL}` is always there.",
    )


def _is_reachable(environment: Environment) -> bool:
    name = environment.url_env or environment.url_credential
    if environment.project:
        name = environment.password_credential or "SUPABASE_PASSWORD"
    return bool(CredentialManager(environment=environment.name).first_of(name) if name else environment.url)


def _url(environment: Environment, asked: CredentialManager) -> str | None:
    """The URL of an environment, None when the credentials are to say where it is. Raises ConfigError."""
    address: str | None = environment.url or None
    name = environment.url_env or environment.url_credential
    if name:
        kind = "variable" if environment.url_env else "credential"
        address = _given(environment, asked, name, f"URL from the {kind}")
    if not environment.project and not environment.password_credential:
        return address
    name = environment.password_credential or "SUPABASE_PASSWORD"
    password = _given(environment, asked, name, "password from the credential")
    require_driver()
    import psycopg
    from psycopg.conninfo import make_conninfo

    if environment.project:
        host = f"db.{environment.project}.supabase.co"
        return make_conninfo(host=host, port=5432, user="postgres", dbname="postgres", password=password)
    try:
        return make_conninfo(address or "", password=password)
    except psycopg.Error:
        # Whoever connects says what is wrong with it, without its text.
        return address


def _given(environment: Environment, asked: CredentialManager, name: str, what: str) -> str:
    value = asked.get_credential(name, "system", f"connect to {environment.name}")
    if not value:
        raise ConfigError(
            f"The environment {environment.name} takes its {what} {name}, which is not set.",
            "Set it, put it into the vault (`elf-migrate credentials set`), or give --database-url.",
        )
    return value
