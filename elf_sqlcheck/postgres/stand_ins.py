"""SQL-only stand-ins for extensions that a server lacks, offered to it without touching its installation."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from elf_sqlcheck.postgres.folders import cache_folder, published

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider


@dataclass(frozen=True)
class StandIns:
    """`names` are the extensions that a stand-in serves.

    For that the server must be started with `settings`, and with the program `postgres` that is named, if one is. The
    files are in `folder`.
    """

    names: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    postgres: str = ""
    folder: str = ""


NO_STAND_INS = StandIns()


def stand_ins(provider: Provider, account: Account) -> StandIns:
    """Return the stand-ins that `provider` needs: those of our extensions that it does not have itself.

    From 18 on a server can be told where else extensions are. Before, it reads them from its own installation only, so
    it gets one that looks like its own and has ours besides. See
    https://www.postgresql.org/docs/18/runtime-config-client.html#GUC-EXTENSION-CONTROL-PATH
    """
    files = _files()
    names = sorted(name.removesuffix(".control") for name in files if name.endswith(".control"))
    missing = tuple(name for name in names if not _has(provider, name))
    if not missing:
        return NO_STAND_INS
    if provider.major < 18:
        return _beside_its_own(provider, account, missing, files)
    key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    target = os.path.join(cache_folder(), f"stand-ins-{key}")
    with published(target, account) as build:
        if build is not None:
            folder = os.path.join(build, "extension")
            os.mkdir(folder)
            _write(folder, files)
    return StandIns(missing, (f"extension_control_path=$system:{target}",), folder=target)


def _beside_its_own(provider: Provider, account: Account, missing: tuple[str, ...], files: dict[str, str]) -> StandIns:
    """Make a copy of the server's program that finds our extensions beside those of its installation.

    Postgres looks for the files of its installation relative to its program, when that lies in a folder named like the
    one it was built for (src/port/path.c, make_relative_path). So the copy lies in a tree of links that looks like the
    root of this machine, with a folder of extensions of its own.
    """
    shared = next(
        (place for place in _places(provider) if os.path.isfile(f"{place}/plpgsql.control")),
        "",
    )
    if not shared:
        return NO_STAND_INS
    ours = {name: text for name, text in files.items() if name.partition("--")[0].removesuffix(".control") in missing}
    program = os.path.realpath(provider.program("postgres"))
    shared = os.path.realpath(shared)
    key = hashlib.sha256(repr((sorted(ours.items()), provider.build, program, shared)).encode()).hexdigest()[:12]
    target = os.path.join(cache_folder(), f"stand-ins-{provider.major}-{key}")
    with published(target, account) as build:
        if build is not None:
            extensions = _mirror(build, shared)
            for name in os.listdir(shared):
                os.symlink(f"{shared}/{name}", f"{extensions}/{name}")
            _write(extensions, ours)
            folder = _mirror(build, os.path.dirname(program))
            for name in os.listdir(os.path.dirname(program)):
                if name != os.path.basename(program):
                    os.symlink(f"{os.path.dirname(program)}/{name}", f"{folder}/{name}")
            shutil.copyfile(program, f"{folder}/postgres")
            os.chmod(f"{folder}/postgres", 0o755)  # noqa: S103 - for the account of the server to run
    return StandIns(missing, postgres=f"{target}{program}", folder=target)


def _mirror(root: str, folder: str) -> str:
    """Make an empty `folder` below `root`, with links to all that is beside the folders above it; returns its path."""
    here = root
    real = ""
    for part in folder.strip("/").split("/"):
        for name in os.listdir(real or "/") if not os.path.lexists(f"{here}/{part}") else ():
            if name != part and not os.path.lexists(f"{here}/{name}"):
                os.symlink(f"{real}/{name}", f"{here}/{name}")
        here, real = f"{here}/{part}", f"{real}/{part}"
        if os.path.islink(here):
            os.unlink(here)
        os.makedirs(here, exist_ok=True)
        os.chmod(here, 0o755)  # noqa: S103 - for the account of the server to read
    return here


def _write(folder: str, files: dict[str, str]) -> None:
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(os.path.join(folder, name), 0o644)
    os.chmod(folder, 0o755)  # noqa: S103 - for the account of the server to read


def _files() -> dict[str, str]:
    """Return the files of our extensions by name; each script gets SHA-1, which they share, under its own name."""
    folder = resources.files("elf_sqlcheck.postgres.extensions")
    sha1 = folder.joinpath("sha1.sql").read_text(encoding="utf-8")
    files = {}
    for entry in folder.iterdir():
        extension, is_script, _ = entry.name.partition("--")
        if is_script:
            files[entry.name] = sha1.replace("@extension@", extension) + entry.read_text(encoding="utf-8")
        elif entry.name.endswith(".control"):
            files[entry.name] = entry.read_text(encoding="utf-8")
    return files


def _has(provider: Provider, extension: str) -> bool:
    """Whether the server's own installation has the extension."""
    return any(os.path.isfile(f"{place}/{extension}.control") for place in _places(provider))


def _places(provider: Provider) -> tuple[str, ...]:
    """Where the extensions of an installation are: relative to its programs, as Postgres itself looks."""
    prefix = os.path.dirname(os.path.realpath(provider.bin_dir))
    return (
        f"{prefix}/share/extension",
        f"{prefix}/share/postgresql/extension",
        f"/usr/share/postgresql/{provider.major}/extension",
        f"/usr/share/postgresql{provider.major}/extension",
        f"/usr/share/pgsql-{provider.major}/extension",
    )
