"""The template cluster: made once by initdb, then copied for each server in a few milliseconds."""

from __future__ import annotations

import hashlib
import os
import platform
import re
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

_ERROR = re.compile(r"\b(ERROR|FATAL|PANIC): .*")
#: A server starts from two databases, not three: template0 is 7 MB of copying that no migration ever needs.
_SLIM = "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';\nDROP DATABASE template0;\n"


def template(provider: Provider, account: Account, profile: str = "", served: StandIns = NO_STAND_INS) -> str:
    """Return a data directory to copy, readable by `account`; made on first use (about a second).

    It trusts everybody who can open its socket. Its superuser is `postgres`, but with the profile "supabase": there
    each new database is a Supabase project. `served` are the extensions that may be made in it. Raises ServerError.
    """
    superuser = superuser_of(profile)
    options = [*_INITDB, f"--username={superuser}", *_locale(provider)]
    furnishing = _furnishing(served) if profile == "supabase" else ""
    key = "\n".join((provider.build, platform.machine(), str(account.uid), *options, _SLIM, furnishing))
    kind = f"template-{profile}" if profile else "template"
    name = f"{kind}-{provider.version}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    target = os.path.join(cache_folder(), name)
    with published(target, account) as build:
        if build is not None:
            data = os.path.join(build, "data")
            _must(account, [provider.program("initdb"), *options, f"--pgdata={data}"], provider, "")
            single = [provider.program("postgres"), "--single", "-D", data, "-c", "fsync=off"]
            _must(account, [*single, "template1"], provider, _SLIM)
            if furnishing:
                single[0] = served.postgres or single[0]
                settings = [option for setting in served.settings for option in ("-c", setting)]
                # -j: a statement goes on to a semicolon and an empty line, of which there is none before the end.
                _must(account, [*single, *settings, "-j", "template1"], provider, f"{furnishing}\n\n")
    return os.path.join(target, "data")


def superuser_of(profile: str) -> str:
    """Return the superuser of a server of ours: it is not `postgres` where that name is one of the profile's own."""
    return supabase.ADMINISTRATOR if profile == "supabase" else "postgres"


def _furnishing(served: StandIns) -> str:
    """The SQL that makes every new database a Supabase project, as one statement of a standalone server.

    A standalone server gives objects numbers below 16384, as initdb does: to snapshots they belong to the system, so
    that those of a migration's own schema cost no more than without the profile.
    """
    script = supabase.roles() + supabase.project(vault="supabase_vault" not in served.names)
    return "\n".join(line for line in script.splitlines() if line)


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
