"""What tells the first migrations of a history, and this program, from any others: for what is kept between runs."""

from __future__ import annotations

import os
from hashlib import blake2b

from elf_sqlcheck.stamps import digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from elf_sqlcheck.model import Migration


def told(migration: Migration, digest: Callable[[str], bytes] | None = None) -> bytes:
    """What tells a migration from any other; `digest` tells the contents of its files by their paths (default: it reads
    them).
    """
    path, files = migration.path, migration.files
    names = path.rpartition("/")[2]
    if files:
        names = "\0".join([f"{os.path.basename(one)}\0{start}" for one, start in files])
    if digest is None:
        contents = b"".join([digest_of(part.data) for part in migration.parts()])
    elif files:
        contents = b"".join(map(digest, migration.paths))
    else:
        contents = digest(path)
    settings = migration.settings
    said = f"{migration.layout}\0{migration.version}\0{migration.name}\0{names}\0{len(settings)}\0"
    return said.encode("utf-8", "surrogateescape") + settings + contents


def digests(beginning: object, migrations: Sequence[bytes], wanted: Container[int] | None = None) -> dict[int, str]:
    """What tells the first 0, 1, 2, … of the migrations from any others, and from another `beginning` (its repr).

    Of each is given what is `told` of it. By their numbers, of which `wanted` (default: all) are told.
    """
    found: dict[int, str] = {}
    digest = blake2b(repr(beginning).encode("utf-8", "surrogateescape"), digest_size=20)
    waiting: list[bytes] = []
    for number, migration in enumerate(migrations):
        if wanted is None or number in wanted:
            digest.update(b"".join(waiting))
            waiting = []
            found[number] = digest.hexdigest()
        waiting += len(migration).to_bytes(8, "big"), migration
    digest.update(b"".join(waiting))
    if wanted is None or len(migrations) in wanted:
        found[len(migrations)] = digest.hexdigest()
    return found


def installation(*parts: str) -> list[tuple[str, int, int]]:
    """What tells these parts of ours from those of another version, "" for the modules beside this one.

    Asking for its number takes longer than to look at the files.
    """
    home = os.path.dirname(os.path.abspath(__file__))
    files = [e for part in parts for e in os.scandir(os.path.join(home, part)) if e.name.endswith(".py")]
    return sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files)
