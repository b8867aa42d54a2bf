"""The template cluster: made once by initdb, then copied for each server in a few milliseconds."""

from __future__ import annotations

import hashlib
import os
import platform
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres.folders import cache_folder, published

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider

_INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=1",
)

#: A server starts from two databases, not three: template0 is 7 MB of copying that no migration ever needs.
_SLIM = "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';\nDROP DATABASE template0;\n"


def template(provider: Provider, account: Account) -> str:
    """Return a data directory to copy, readable by `account`; made on first use (about a second).

    Its superuser is `postgres`, and it trusts everybody who can open its socket. Raises ServerError.
    """
    options = [*_INITDB, *_locale(provider)]
    key = "\n".join((provider.build, platform.machine(), str(account.uid), *options, _SLIM))
    name = f"template-{provider.version}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    target = os.path.join(cache_folder(), name)
    with published(target, account) as build:
        if build is not None:
            data = os.path.join(build, "data")
            _must(account, [provider.program("initdb"), *options, f"--pgdata={data}"], provider, b"")
            single = [provider.program("postgres"), "--single", "-D", data, "-c", "fsync=off", "template1"]
            _must(account, single, provider, _SLIM.encode())
    return os.path.join(target, "data")


def _locale(provider: Provider) -> list[str]:
    """Return initdb's options for UTF-8 that sorts by code point, the same on every machine.

    The builtin provider came with 17 (https://www.postgresql.org/docs/17/locale.html#LOCALE-PROVIDERS); before, the
    C library's own C.UTF-8 comes nearest.
    """
    if provider.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _must(account: Account, command: list[str], provider: Provider, standard_input: bytes) -> None:
    read, write = os.pipe()
    os.write(write, standard_input)
    os.close(write)
    try:
        status, output = account.run(command, stdin=read)
    finally:
        os.close(read)
    if status != 0 or "FATAL:" in output or "ERROR:" in output:
        raise ServerError(
            f"{os.path.basename(command[0])} of {provider} failed (status {status}): {output.strip()[-1500:]}",
            "Choose another Postgres with --pg-bin, or `pip install 'elf-sqlcheck[embedded]'`.",
        )
