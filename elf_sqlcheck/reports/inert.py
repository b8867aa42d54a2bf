r"""Output that no system which keeps a log takes for a command.

GitHub Actions reads commands out of whatever a step prints, to standard output or error and in any format:
`::add-mask::` where a line begins, `##[error]` anywhere. Azure Pipelines reads `##vso[…]`, TeamCity `##teamcity[…]`.
What a migration says may hold one, so one character of it is written by its code: as text `\x23`, in JSON and XML in
the reader's own way, so that programs read what was there.

https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

from __future__ import annotations

import re

#: Letters and marks by their category that nobody sees: fillers of Hangul, and what joins letters for sorting only.
FILLERS = frozenset("\u034f\u115f\u1160\u3164\uffa0")
_ANYWHERE = re.compile(r"#(?=#\w*\[)")
#: The runner takes blanks away before it looks, and wants a second `::` in the line.
_AT_THE_START = re.compile(r"^([^\S\n]*):(?=:[^\n]*::)", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)")


def lines(text: str) -> str:
    r"""Text for people: `::` at the start of a line becomes `\x3a:`, and `##[` becomes `\x23#[`."""
    return _replaced(text, r"\x23", r"\x3a")


def xml(text: str) -> str:
    """A document of XML or HTML, or a part that is escaped already; it means what it meant."""
    return _replaced(text, "&#35;", "&#58;")


def json(text: str) -> str:
    r"""JSON that means what it meant, and that every reader takes.

    Bytes of a path that are no UTF-8 are read as `\udcff`, six plain characters: JSON could hold half a pair of
    surrogates, and strict readers refuse the whole of it. What cannot be seen is an escape, too.
    """
    if "##" in text:
        text = _ANYWHERE.sub(r"\\u0023", text)
    if not text.isascii() and not (text.replace("\n", "").isprintable() and FILLERS.isdisjoint(text)):
        text = "".join(map(_plain, text))
    return _ESCAPE.sub(_whole, text) if "\\ud" in text else text


def _replaced(text: str, number_sign: str, colon: str) -> str:
    if "##" in text:
        text = _ANYWHERE.sub(lambda _: number_sign, text)
    return _AT_THE_START.sub(lambda found: f"{found[1]}{colon}", text) if "::" in text else text


def _plain(character: str) -> str:
    """A character of JSON, as an escape when it cannot be seen; between tokens there are only line ends and blanks."""
    if character == "\n" or (character.isprintable() and character not in FILLERS):
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _whole(found: re.Match[str]) -> str:
    return f"\\\\{found[1].lower()}" if found[1] else found[0]
