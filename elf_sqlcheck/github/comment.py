"""One comment of a pull request that is kept up to date, instead of a new one for each push."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elf_sqlcheck.github.api import Comment, GitHub

#: What GitHub takes: https://github.com/orgs/community/discussions/41331
LIMIT = 65_536
_CUT = "\n\n… and more: a comment holds 65,536 characters. The job summary and the report hold all of it.\n"


def marker(name: str) -> str:
    """The first line of a comment of ours, which GitHub does not show."""
    return f"<!-- elf-sqlcheck:{name} -->"


def keep(github: GitHub, pull_request: int, name: str, text: str, *, only_update: bool = False) -> str:
    """Let the comment `name` say `text`, and nothing be there when it is empty; returns what was done, in a word.

    It is written anew unless `only_update`. A comment is ours when the token's owner wrote it and it begins with the
    marker: the marker alone could be anybody's. Raises ApiFailed.
    """
    ours = _ours(github, pull_request, name)
    text = text.strip()
    kept = ours[:1] if text else []
    # Two runs at once may both have found none, and written one.
    for comment in ours[len(kept) :]:
        github.delete_comment(comment.number)
    if not text:
        return "deleted" if ours else "not needed"
    body = cut(f"{marker(name)}\n{text}\n")
    if kept:
        if _same(kept[0].text, body):
            return "unchanged"
        github.change_comment(kept[0].number, body)
        return "updated"
    if only_update:
        return "not needed"
    github.comment(pull_request, body)
    return "made"


def cut(text: str, limit: int = LIMIT) -> str:
    """The text with at most `limit` characters, cut after a line; blocks that were open are closed, and it is said."""
    # GitHub counts as JavaScript does: what is beyond the first plane counts twice.
    if _length(text) <= limit:
        return text
    room = limit - _length(_CUT) - 200  # for closing what is open
    kept: list[str] = []
    closing: list[str] = []
    for line in text.splitlines(keepends=True):
        room -= _length(line)
        if room < 0:
            break
        kept.append(line)
        _follow(line.strip(), closing)
    return "".join((*kept, *(f"\n{end}" for end in reversed(closing)), _CUT))


def _follow(line: str, closing: list[str]) -> None:
    """Note what the line opens, and what it closes."""
    fence = re.match("`{3,}", line)
    if closing and closing[-1].startswith("`"):
        if line == closing[-1]:
            closing.pop()
    elif fence:
        closing.append(fence[0])
    # Only whole lines of ours: what a migration says may hold the word, escaped.
    elif line.startswith("<details>"):
        closing.append("</details>")
    elif line == "</details>" and closing:
        closing.pop()


def _ours(github: GitHub, pull_request: int, name: str) -> list[Comment]:
    begin = marker(name)
    marked = [comment for comment in github.comments(pull_request) if comment.text.startswith(begin)]
    if not marked:
        return []
    # GraphQL and REST do not agree whether an App's name ends so.
    login = github.login().removesuffix("[bot]")
    return [comment for comment in marked if comment.author.removesuffix("[bot]") == login]


def _same(there: str, text: str) -> bool:
    return there.replace("\r\n", "\n").strip() == text.strip()


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
