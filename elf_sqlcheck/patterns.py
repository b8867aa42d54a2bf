"""Patterns that name files: `exclude` and `per-file-ignores` of the configuration."""

from __future__ import annotations

import re

from elf_sqlcheck.later import later


def matches(pattern: str, path: str) -> bool:
    """Whether `path`, relative and with slashes, is what a pattern names, or lies in a folder that it names.

    `*` stays within one name, `**` does not. A pattern without a slash inside matches at any depth.
    """
    return _compiled(pattern).match(path) is not None


_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _patterns:
        bare = pattern.removeprefix("./").rstrip("/")
        prefix = "" if "/" in bare else r"(?:.*/)?"
        body = "".join(_translated(match) for match in _PIECE.finditer(bare.lstrip("/")))
        _patterns[pattern] = re.compile(rf"{prefix}{body}(?:/.*)?\Z", re.DOTALL)
    return _patterns[pattern]


_PIECE = later(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)


def _translated(match: re.Match[str]) -> str:
    piece = match[0]
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece)
    if wild is None and len(piece) > 1:
        wild = "[" + ("^" if piece[1] in "!^" else "") + re.escape(piece[1:-1].lstrip("!^")).replace(r"\-", "-") + "]"
    return wild or re.escape(piece)
