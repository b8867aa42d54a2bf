"""New migration files: their name, their version, their text."""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 80


def slug_of(name: str) -> str:
    """Return `name` as a file name and an identifier take it: lower case, ASCII, words joined by underscores.

    Raises:
        UsageError: Nothing is left of it.
    """
    bare = name.strip().removesuffix(".sql").replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    slug = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:_LONGEST].rstrip("_")
    if not slug:
        raise UsageError(f"{name!r} gives no name for a file.", "Say in a few words what it does: add_user_preferences")
    return slug


def new_version(taken: Collection[str], now: datetime | None = None) -> str:
    """Return the version for now (UTC), or for the first second after it that no migration has yet."""
    moment = now or datetime.now(UTC)
    while (version := moment.strftime("%Y%m%d_%H%M%S")) in taken:
        moment += timedelta(seconds=1)
    return version


def text(
    version: str,
    slug: str,
    *,
    description: str = "",
    dependencies: Collection[str] = (),
    up: str = "",
    down: str | None = "",
    headers: Collection[tuple[str, str]] = (),
) -> str:
    """Return the text of a migration file in the elf layout; without a DOWN section when `down` is None."""
    title = slug.replace("_", " ").title()
    listed = ", ".join(f'"{name}"' for name in dependencies)
    lines = [
        f"-- Migration: {title}",
        f"-- Version: {version}",
        f"-- Description: {' '.join(description.split()) or title}",
        f"-- Dependencies: [{listed}]",
        *(f"-- {key}: {value}" for key, value in headers),
        "",
        "-- ============= UP MIGRATION =============",
        "",
        *((up.strip("\n"), "") if up else ("",)),
    ]
    if down or (down is not None and not any(key == "Irreversible" for key, _ in headers)):
        lines += ["-- ============= DOWN MIGRATION ============", "", down.strip("\n"), ""]
    return "\n".join(lines)


def write(directory: str, version: str, slug: str, content: str) -> str:
    """Write a new file and return its path.

    Raises:
        UsageError: The file is there already, or cannot be written.
    """
    path = os.path.join(directory, f"{version}_{slug}.sql")
    try:
        os.makedirs(directory, exist_ok=True)
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{path} is there already.", "Choose another name.") from None
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.", "Check the folder and its permissions.") from None
    return path
