"""HTML by construction: whatever is not `Html` already is escaped, so that nothing has to be remembered."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from elf_sqlcheck.later import later
from elf_sqlcheck.reports import inert
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

_VOID = frozenset({"br", "hr", "input", "meta"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: str) -> Html:
    """Any text; what cannot be seen, or turns the direction of what is read, is written by its code."""
    shown = clean(value, keep="\n\t")
    return Html(inert.xml(escape(shown, quote=True) if _SPECIAL.search(shown) else shown))


def prose(value: str) -> Html:
    """A message: what it has between backticks is code."""
    parts = value.split("`")
    if len(parts) % 2 == 0:
        return text(value)
    return join(tag("code", part) if number % 2 else part for number, part in enumerate(parts))


def tag(name: str, /, *children: str | None, **attributes: str | float | bool | None) -> Html:
    """An element. `class_` is the attribute class, `data_rule` data-rule; None and False leave an attribute out."""
    head = f"<{name}>"
    if attributes:
        head = f"<{name}{''.join([_attribute(key, value) for key, value in attributes.items()])}>"
    if name in _VOID:
        return Html(head)
    return Html(f"{head}{join(children)}</{name}>")


@lru_cache(maxsize=1024, typed=True)  # most are classes and addresses that come again and again
def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    attribute = key.rstrip("_").replace("_", "-")
    return f" {attribute}" if value is True else f' {attribute}="{text(_number(value))}"'


_SPECIAL = later("[&<>\"']")


def join(children: Iterable[str | None], between: str = "") -> Html:
    """The children one after the other, each escaped unless it is Html."""
    shown = [child if isinstance(child, Html) else text(child) for child in children if child is not None]
    return Html((text(between) if between else "").join(shown))


def table(caption: str, head: Sequence[str], rows: Iterable[Iterable[str]], numbers: Container[str] = ()) -> Html:
    """A table whose first cell of each row names it; `rows` hold the cells, `numbers` the heads above numbers."""
    looks = ["number" if cell in numbers else None for cell in head]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag(
                "thead", tag("tr", *(tag("th", one, scope="col", class_=k) for one, k in zip(head, looks, strict=True)))
            ),
            tag("tbody", *(_row(list(cells), looks) for cells in rows)),
        ),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _row(cells: list[str], looks: Sequence[str | None]) -> Html:
    first = tag("th", cells[0], scope="row", class_=looks[0])
    rest = zip(cells[1:], looks[1:], strict=True)
    return tag("tr", first, *(tag("td", cell, class_=look) for cell, look in rest))


def _number(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
