"""SQL-only stand-ins for extensions that a server lacks, offered to it without touching its installation."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from elf_sqlcheck.postgres.folders import cache_folder, published

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.find import Provider


@dataclass(frozen=True)
class StandIns:
    """`names` are the extensions that a stand-in serves, `settings` what the server must be started with for it."""

    names: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


NO_STAND_INS = StandIns()


def stand_ins(provider: Provider, account: Account) -> StandIns:
    """Return the stand-ins that `provider` needs: for 18 and up those of our extensions that it does not have itself.

    Before 18 an extension is only ever read from the server's installation, see
    https://www.postgresql.org/docs/18/runtime-config-client.html#GUC-EXTENSION-CONTROL-PATH
    """
    if provider.major < 18:
        return NO_STAND_INS
    files = _files()
    names = sorted(name.removesuffix(".control") for name in files if name.endswith(".control"))
    missing = tuple(name for name in names if not _has(provider, name))
    if not missing:
        return NO_STAND_INS
    key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    target = os.path.join(cache_folder(), f"stand-ins-{key}")
    with published(target, account) as build:
        if build is not None:
            folder = os.path.join(build, "extension")
            os.mkdir(folder)
            for name, content in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(content)
                os.chmod(os.path.join(folder, name), 0o644)
            os.chmod(folder, 0o755)  # noqa: S103 - for the account of the server to read
    return StandIns(missing, (f"extension_control_path=$system:{target}",))


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
    """Whether the server's own installation has the extension: relative to its programs, as Postgres itself looks."""
    prefix = os.path.dirname(os.path.realpath(provider.bin_dir))
    places = (
        f"{prefix}/share/extension",
        f"{prefix}/share/postgresql/extension",
        f"/usr/share/postgresql/{provider.major}/extension",
        f"/usr/share/postgresql{provider.major}/extension",
        f"/usr/share/pgsql-{provider.major}/extension",
    )
    return any(os.path.isfile(f"{place}/{extension}.control") for place in places)
