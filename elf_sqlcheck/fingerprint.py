"""What tells the first migrations of a history, and this program, from any others: for what is kept between runs."""

from __future__ import annotations

import os
from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from elf_sqlcheck.model import Migration


def digests(beginning: object, migrations: Sequence[Migration], wanted: Container[int] | None = None) -> dict[int, str]:
    """What tells the first 0, 1, 2, … of the migrations from any others, and from another `beginning` (its repr).

    By their numbers, of which `wanted` (default: all) are told. None of the migrations is read for it.
    """
    found: dict[int, str] = {}
    digest = blake2b(repr(beginning).encode("utf-8", "surrogateescape"), digest_size=20)
    for number, migration in enumerate(migrations):
        if wanted is None or number in wanted:
            found[number] = digest.hexdigest()
        names = [(os.path.basename(path), start) for path, start in migration.files or ((migration.path, 0),)]
        lengths = len(migration.settings), len(migration.data)
        told = (migration.layout, migration.version, migration.slug, names, lengths)
        digest.update(repr(told).encode("utf-8", "surrogateescape"))
        digest.update(migration.settings)
        digest.update(migration.data)
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
