"""Identities in snapshots taken apart: `public."a.b".c` is three names, `x on public.t` a part and its table."""

from __future__ import annotations

import re

_WORD = re.compile(r'"((?:[^"]|"")+)"|([^".\s(]+)')


def names(identity: str) -> list[str]:
    """The names of a dotted identity, without quotes; what follows a parenthesis is left out."""
    found: list[str] = []
    position = 0
    while match := _WORD.match(identity, position):
        found.append(match[1].replace('""', '"') if match[1] else match[2])
        position = match.end()
        if identity[position : position + 1] != ".":
            break
        position += 1
    return found


def part(identity: str) -> tuple[str, str]:
    """The name of a part as it is quoted, and what it is on: `x on public.t` gives ("x", "public.t")."""
    match = _WORD.match(identity)
    end = match.end() if match else 0
    return identity[:end], identity[end:].removeprefix(" on ")
