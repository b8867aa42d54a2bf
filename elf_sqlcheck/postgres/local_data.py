"""The data of local databases: where it is kept, and how it is made."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import supabase
from elf_sqlcheck.postgres.find import DEFAULT_MAJOR, find, with_warning
from elf_sqlcheck.postgres.folders import data_folder
from elf_sqlcheck.postgres.stand_ins import NO_STAND_INS, stand_ins
from elf_sqlcheck.postgres.template import standalone, template

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider

#: The database that a project works on, as on Supabase.
DATABASE = "postgres"
#: Says in the data directory with which profile it was made.
_PROFILE = "elf-profile"


@dataclass(frozen=True)
class Wanted:
    """What a local database is to be when it is made; afterwards its data decides.

    `pg_bin` and `major` choose the server; `profile` "supabase" makes it that of a Supabase project, `auto_expose` one
    that still grants new tables to the roles of its API.
    """

    pg_bin: str | None = None
    major: int | None = None
    profile: str = ""
    auto_expose: bool = False


def local_data_dir(project_dir: str) -> str:
    """Return where the local database of the project in `project_dir` is kept, whether or not it exists yet.

    It lies outside of the project, in the user's data folder (root's server cannot read root's home, so for root in
    /var/lib), and is found again by the project's real path. Raises ServerError when there is no such folder.
    """
    project = os.path.realpath(project_dir)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(project))[:24].strip("-") or "project"
    return os.path.join(data_folder(), f"{name}-{hashlib.sha256(os.fsencode(project)).hexdigest()[:10]}")


def provider_of(folder: str, wanted: Wanted) -> Provider:
    """Return the Postgres for the data in `folder`: the data's own major, when there is data. Raises ServerError."""
    try:
        with open(f"{folder}/data/PG_VERSION", encoding="ascii") as file:
            of_data = int(file.read())
    except FileNotFoundError:
        return find(wanted.pg_bin, wanted.major)
    provider = find(wanted.pg_bin, of_data)
    if provider.major != of_data:
        raise ServerError(
            f"The local database in {folder} was made by Postgres {of_data}, and only {provider} is here now.",
            f"Bring Postgres {of_data} back, name it with ELF_SQLCHECK_PG_BIN, or run `elf-migrate local reset`.",
        )
    return with_warning(provider, wanted.major or DEFAULT_MAJOR)


def profile_of(folder: str) -> str:
    """The profile that the data in `folder` was made with."""
    try:
        with open(f"{folder}/data/{_PROFILE}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def create(folder: str, who: Account, provider: Provider, wanted: Wanted) -> None:
    """Make the data directory; a crash in the middle leaves only `data.new`, which the next run makes anew.

    Raises ServerError.
    """
    made = f"{folder}/data.new"
    shutil.rmtree(made, ignore_errors=True)
    served = stand_ins(provider, who) if wanted.profile else NO_STAND_INS
    status, output = who.run(["cp", "-R", template(provider, who, wanted.profile, served), made])
    if status != 0:
        raise ServerError(f"The local database could not be made: {output.strip()}", "Is the disk full?")
    if wanted.profile == "supabase":
        # Each database made from template1 is a project; the one that initdb makes is older than that.
        anew = f"DROP DATABASE {DATABASE};\nCREATE DATABASE {DATABASE} OWNER postgres;\n"
        standalone(who, provider, served, made, "template1", anew)
        script = supabase.database(auto_expose=wanted.auto_expose)
        standalone(who, provider, served, made, DATABASE, script, whole=True)
    with open(f"{made}/{_PROFILE}", "w", encoding="ascii") as file:
        file.write(wanted.profile)
    os.chmod(f"{made}/{_PROFILE}", 0o644)
    for path, _, names in os.walk(made):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
    os.rename(made, f"{folder}/data")


def remove(folder: str) -> None:
    """Remove the data in `folder`, which no server has."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(f"{folder}/data.old", ignore_errors=True)
        os.rename(f"{folder}/data", f"{folder}/data.old")
    shutil.rmtree(f"{folder}/data.old", ignore_errors=True)
