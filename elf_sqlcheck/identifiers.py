"""Names: how they ought to be written, and which was meant."""

from __future__ import annotations

from elf_sqlcheck.catalog.naming import LONGEST
from elf_sqlcheck.errors import closest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of `words` that `word` was most likely meant to be, "" for none."""
    return closest(word, words, 0.75)


def is_snake(name: str) -> bool:
    """Whether the name is in lower_snake_case; letters of other scripts count."""
    plain = name.replace("_", "a")
    return plain.isalnum() and not name[0].isdigit() and name == name.lower()


def snake(name: str) -> str:
    """The name in lower_snake_case, cut to what Postgres keeps: UserProfiles → user_profiles."""
    import re

    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    words = re.sub(r"[\W_]+", "_", words).strip("_").lower()
    words = f"t_{words}" if not words or words[0].isdigit() else words
    return words.encode()[:LONGEST].decode("utf-8", "ignore").rstrip("_")


def is_reserved(word: str) -> bool:
    """Whether a table or column of that name must always be quoted."""
    from elf_sqlcheck import sql

    return sql.is_reserved(word)
