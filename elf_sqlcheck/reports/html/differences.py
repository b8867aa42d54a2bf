"""Differences of two schemas: listed in a sentence each, or side by side, line by line where they are long."""

from __future__ import annotations

from difflib import SequenceMatcher
from json import dumps
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.reports.html.markup import Html, join, table, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.postgres.compare import Difference

_MARKS = {"added": "+", "removed": "−", "changed": "~"}  # noqa: RUF001 - a minus as wide as the plus
#: Equal lines around those that differ.
_AROUND = 3


def listed(changes: Sequence[Difference]) -> Html | None:
    """Each in a sentence."""
    if not changes:
        return None
    items = (
        tag(
            "li",
            tag("span", _MARKS[one.change], class_="sign", aria_hidden="true"),
            " ",
            one.describe(),
            class_=one.change,
        )
        for one in changes
    )
    return tag("ul", *items, class_="changes")


def compared(differences: Sequence[Difference]) -> Html | None:
    """What was there before UP beside what is there after the rollback."""
    if not differences:
        return None
    head = ("object", "before UP", "after the rollback")
    return table("What the rollback did not restore", head, (_row(one) for one in differences))


def _row(one: Difference) -> tuple[Html, Html, Html]:
    name = [tag("code", one.identity), " ", tag("span", one.kind, class_="dim")]
    if one.attribute:
        name += [" ", tag("span", one.attribute)]
    if not one.matters:
        name.append(tag("p", f"Does not matter: {one.remark}", class_="dim"))
    there, absent = tag("span", "there"), tag("span", "not there", class_="dim")
    if one.change == "changed":
        before, after = _sides(_shown(one.before), _shown(one.after))
    else:
        before = (_shown_or(one.before, there)) if one.change == "removed" else absent
        after = (_shown_or(one.after, there)) if one.change == "added" else absent
    return join(name), before, after


def _shown_or(value: Any, otherwise: Html) -> Html:
    return otherwise if value is None else tag("code", _shown(value))


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "\n".join(map(_shown, value))
    return dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _sides(before: str, after: str) -> tuple[Html, Html]:
    """Two texts, in each of which the lines are marked that the other has not."""
    old, new = before.splitlines(), after.splitlines()
    left, right = list[Html](), list[Html]()
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND):
        if left or right:
            left.append(tag("span", "…", class_="dim"))
            right.append(tag("span", "…", class_="dim"))
        for kind, old_start, old_end, new_start, new_end in group:
            same = kind == "equal"
            left += [tag("span", line) if same else tag("del", line) for line in old[old_start:old_end]]
            right += [tag("span", line) if same else tag("ins", line) for line in new[new_start:new_end]]
    return tuple(tag("pre", tag("code", join(side))) for side in (left, right))  # type: ignore[return-value]
