"""Text on a terminal: colours, widths, and nothing that could forge what the reader sees.

A migration is written by anybody who opens a pull request. Escape sequences, backspaces and bidirectional controls in
it would let its author repaint the report, so they are shown as what they are (https://trojansource.codes).
"""

from __future__ import annotations

from itertools import repeat

from elf_sqlcheck.reports import inert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Columns between two tab stops, as in a source line that is shown.
TAB = 4
_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "bold": "1",
    "dim": "2",
    "good": "32",
    "added": "32",
    "removed": "31",
}


def is_coloured(variables: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether output is coloured that goes to a `terminal`, or elsewhere.

    The environment's `variables` decide as https://no-color.org, https://force-color.org and
    https://bixense.com/clicolors say, in this order: NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, CLICOLOR, TERM.
    """
    if variables.get("NO_COLOR"):
        return False
    if variables.get("FORCE_COLOR") or variables.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return terminal and variables.get("CLICOLOR") != "0" and variables.get("TERM") != "dumb"


def painted(text: str, colour: str, on: bool) -> str:
    """`text` in one of the colours, when they are `on`."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if on and text else text


def clean(text: str, keep: str = "") -> str:
    r"""`text` with everything that is not plainly visible written as `\x1b` or `\u202e`; `keep` is left alone."""
    bare = text
    if not text.isprintable():
        for kept in keep:
            bare = bare.replace(kept, "")
    if bare.isprintable() and (bare.isascii() or inert.FILLERS.isdisjoint(bare)):
        return text
    return "".join(character if character in keep else visible(character) for character in text)


def sentence(text: str) -> str:
    """What is said to a reader of a log or a terminal: no line of it but the first begins where a line of ours does."""
    shown = clean(text, keep="\n")
    if "\n" in shown:
        first, *others = shown.split("\n")
        shown = "\n".join((first, *(f"  {line}" if line[:1].strip() else line for line in others)))
    return inert.lines(shown)


def visible(character: str) -> str:
    """One character, escaped unless it can be seen; any kind of blank counts as seen."""
    if character not in inert.FILLERS and (character.isprintable() or _category(character) == "Zs"):
        return character
    return character.encode("unicode_escape").decode("ascii")


def cells(line: str) -> Iterator[tuple[str, int]]:
    """What each character of a line looks like, and how many columns that takes."""
    if _is_plain(line):
        yield from zip(line, repeat(1))
        return
    column = 0
    for character in line:
        if character == "\t":
            width = TAB - column % TAB
            look = " " * width
        elif " " <= character <= "~":
            look, width = character, 1
        else:
            look = visible(character)
            width = len(look) if len(look) > 1 else _width(character)
        column += width
        yield look, width


def columns_of(line: str) -> int:
    """How many columns a line takes."""
    return len(line) if _is_plain(line) else sum(width for _, width in cells(line))


def _is_plain(line: str) -> bool:
    """Whether each character takes one column, as nearly all do."""
    return line.isascii() and line.isprintable()


def excerpt(line: str, start: int, end: int, limit: int) -> tuple[str, int, int]:
    """What is shown of a line: the text, the columns before the part from character `start` to `end`, and its columns.

    At most about `limit` columns are shown; where something is left out stands `…`.
    """
    first = max(0, start - limit)  # whatever the length of the line, only its neighbourhood is looked at
    piece = line[first : start + limit]
    if _is_plain(piece):
        return _plain_excerpt(line, piece, first, start - first, min(end - first, len(piece)), limit)
    shown = list(cells(piece))
    start, end = start - first, min(end - first, len(shown))
    head, tail = 0, len(shown)
    if first or sum(width for _, width in shown) > limit or len(line) > start + first + limit:
        wide = sum([width for _, width in shown[:start]])
        while head < start and wide > limit // 3:
            wide -= shown[head][1]
            head += 1
        wide += sum([width for _, width in shown[start:]])
        while tail > start + 1 and wide > limit:
            tail -= 1
            wide -= shown[tail][1]
    before, after = "…" * bool(first or head), "…" * (first + tail < len(line))
    text = before + "".join(look for look, _ in shown[head:tail]) + after
    offset = len(before) + sum(width for _, width in shown[head:start])
    return text, offset, max(1, sum(width for _, width in shown[start : min(end, tail)]))


def _plain_excerpt(line: str, piece: str, first: int, start: int, end: int, limit: int) -> tuple[str, int, int]:
    """As `excerpt`, where each character of the `piece` takes one column: nearly always."""
    head, tail = 0, len(piece)
    if first or tail > limit or len(line) > start + first + limit:
        head = max(0, start - limit // 3)
        if tail > start + 1:
            tail = max(start + 1, min(tail, head + limit))
    before, after = "…" * bool(first or head), "…" * (first + tail < len(line))
    return before + piece[head:tail] + after, len(before) + start - head, max(1, min(end, tail) - start)


def wrapped(text: str, width: int, indent: str) -> str:
    """`text` with each line broken at blanks so that it fits, the further lines indented; `width` 0 breaks nothing."""
    if not width:
        return f"\n{indent}".join([line.lstrip(" ") for line in text.split("\n")])
    lines: list[str] = []
    for line in text.split("\n"):
        current, used = "", 0
        for word in line.split(" "):
            length = columns_of(word)
            if current.strip() and used + 1 + length > width:
                lines.append(current)
                current, used = word, length
            else:
                current = f"{current} {word}" if current else word
                used += length + 1
        lines.append(current)
    return f"\n{indent}".join(lines)


def _category(character: str) -> str:
    from unicodedata import category

    return category(character)


def _width(character: str) -> int:
    from unicodedata import combining, east_asian_width

    if combining(character) or _category(character) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1
