"""The template cluster: made once by initdb, then copied for each server in a few milliseconds."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import tempfile
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import supabase
from elf_sqlcheck.postgres.folders import cache_folder, published
from elf_sqlcheck.postgres.stand_ins import NO_STAND_INS

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider
    from elf_sqlcheck.postgres.stand_ins import StandIns

_INITDB = (
    "--auth=trust",
    "--encoding=UTF8",
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=1",
)

#: The file with the password of the superuser, beside the data.
_PASSWORD = "password"  # noqa: S105 - its name
_ERROR = re.compile(r"\b(ERROR|FATAL|PANIC): .*")
#: A server starts from two databases, not three: template0 is 7 MB of copying that no migration ever needs.
_SLIM = "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';\nDROP DATABASE template0;\n"


#: For the server of a stranger's migrations: `postgres` does what the owner of a database may. Whoever may make roles
#: may make anybody a member of those that reach the machine's files, up to 15, so they are not there:
#: https://www.postgresql.org/docs/16/release-16.html#RELEASE-16-MIGRATION
_RESTRICTED = """
CREATE ROLE postgres LOGIN CREATEDB CREATEROLE BYPASSRLS;
GRANT pg_monitor TO postgres;
ALTER SCHEMA public OWNER TO {owner};
"""
_NO_FILES = (
    "DELETE FROM pg_catalog.pg_authid WHERE rolname IN "
    "('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program');\n"
)
#: Foreign data wrappers and publications call functions of the stranger's while they are made, which Supabase's
#: library does with a superuser's rights: https://www.postgresql.org/docs/current/sql-createforeigndatawrapper.html
_NO_STRANGE_CODE = (
    "UPDATE pg_catalog.pg_event_trigger SET evttags = "
    "ARRAY(SELECT tag FROM unnest(evttags) AS tag WHERE tag !~ 'PUBLICATION|FOREIGN') "
    "WHERE evtname ~ '^privileged_command_';\n"
)


def template(
    provider: Provider,
    account: Account,
    profile: str = "",
    served: StandIns = NO_STAND_INS,
    *,
    restricted: bool = False,
) -> str:
    """Return a data directory to copy, readable by `account`; made on first use (about a second).

    It trusts everybody who can open its socket. Its superuser is `postgres`, but with the profile "supabase": there
    each new database is a Supabase project. `served` are the extensions that may be made in it. When it is
    `restricted`, `postgres` is no superuser at all, and who is must say the password beside it. Raises ServerError.
    """
    superuser = superuser_of(profile, restricted=restricted)
    options = [*_INITDB, f"--username={superuser}", *_locale(provider)]
    furnishing = _furnishing(served) if profile == "supabase" else ""
    limits = _limits(provider, profile) if restricted else ""
    key = "\n".join((provider.build, platform.machine(), str(account.uid), *options, _SLIM, furnishing, limits))
    kind = "-".join(filter(None, ("template", profile, "restricted" if restricted else "")))
    name = f"{kind}-{provider.version}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    target = os.path.join(cache_folder(), name)
    with published(target, account) as build:
        if build is not None:
            data = os.path.join(build, "data")
            _must(account, [provider.program("initdb"), *options, f"--pgdata={data}"], provider, "")
            standalone(account, provider, NO_STAND_INS, data, "template1", _SLIM)
            if furnishing:
                standalone(account, provider, served, data, "template1", furnishing, whole=True)
            if restricted:
                _restrict(account, provider, build, superuser, limits)
    return os.path.join(target, "data")


def superuser_of(profile: str, *, restricted: bool = False) -> str:
    """Return the superuser of a server of ours: not `postgres` where that is the name of one with fewer rights."""
    if profile == "supabase":
        return supabase.ADMINISTRATOR
    return "elf_administrator" if restricted else "postgres"


def password_of(data: str) -> str:
    """Return the password of the superuser for a data directory of `template`, "" when none is needed."""
    try:
        with open(os.path.join(os.path.dirname(data), _PASSWORD), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _limits(provider: Provider, profile: str) -> str:
    """The SQL that takes from `postgres` what a stranger must not have."""
    own = _RESTRICTED.format(owner="pg_database_owner" if provider.major >= 14 else "postgres")
    replicating = "GRANT SET ON PARAMETER session_replication_role TO postgres;\n" if provider.major >= 15 else ""
    script = _NO_STRANGE_CODE if profile == "supabase" else own + replicating
    if provider.major < 16:
        script += _NO_FILES
    return script


def _restrict(account: Account, provider: Provider, build: str, superuser: str, limits: str) -> None:
    """Make `superuser` need a password, which is kept where the server itself cannot read it."""
    password = secrets.token_urlsafe(24)
    descriptor = os.open(os.path.join(build, _PASSWORD), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(password)
    data = os.path.join(build, "data")
    script = f"{limits}ALTER ROLE {superuser} PASSWORD '{password}';\n".lstrip()
    standalone(account, provider, NO_STAND_INS, data, "template1", script)
    with open(os.path.join(data, "pg_hba.conf"), "w", encoding="ascii") as file:
        file.write(f"local all {superuser} scram-sha-256\nlocal all all trust\n")


def _furnishing(served: StandIns) -> str:
    """The SQL that makes every new database a Supabase project, as one statement of a standalone server.

    A standalone server gives objects numbers below 16384, as initdb does: to snapshots they belong to the system, so
    that those of a migration's own schema cost no more than without the profile.
    """
    return supabase.roles() + supabase.project(vault="supabase_vault" not in served.names)


def standalone(
    account: Account,
    provider: Provider,
    served: StandIns,
    data: str,
    database: str,
    script: str,
    *,
    whole: bool = False,
) -> None:
    """Run SQL on a data directory that no server has: a statement a line, or the `whole` script as one.

    It is on nobody's disk afterwards before it is synchronized. Raises ServerError.
    """
    settings = [option for setting in ("fsync=off", *served.settings) for option in ("-c", setting)]
    command = [served.postgres or provider.program("postgres"), "--single", "-D", data, *settings]
    if whole:
        # -j: a statement goes on to a semicolon and an empty line, of which there is none before the end.
        command.append("-j")
        script = "\n".join(line for line in script.splitlines() if line) + "\n\n"
    _must(account, [*command, database], provider, script)


def _locale(provider: Provider) -> list[str]:
    """Return initdb's options for UTF-8 that sorts by code point, the same on every machine.

    The builtin provider came with 17 (https://www.postgresql.org/docs/17/locale.html#LOCALE-PROVIDERS); before, the
    C library's own C.UTF-8 comes nearest.
    """
    if provider.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _must(account: Account, command: list[str], provider: Provider, standard_input: str) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(standard_input.encode())
        file.seek(0)
        status, output = account.run(command, stdin=file.fileno())
    # A standalone server goes on after an error, and repeats the whole statement after it.
    error = _ERROR.search(output)
    if status != 0 or error:
        said = error[0] if error else output.strip()[-1500:]
        raise ServerError(
            f"{os.path.basename(command[0])} of {provider} failed (status {status}): {said}",
            "Choose another Postgres with --pg-bin, or `pip install 'elf-sqlcheck[embedded]'`.",
        )
