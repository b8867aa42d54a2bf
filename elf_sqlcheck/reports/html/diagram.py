"""The entity diagram as SVG: what is referenced stands left of what references it; whatever changed is marked.

Before, after and both at once are the same drawing with parts of it hidden, so that nothing moves but what changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.record import Record
from elf_sqlcheck.reports import counted
from elf_sqlcheck.reports.html.entities import entities
from elf_sqlcheck.reports.html.markup import Html, join, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.postgres.snapshot import Snapshot
    from elf_sqlcheck.reports.html.entities import Column, Entity, Reference

#: All in pixels; a letter of the fixed-width font takes about `_LETTER`.
_ROW, _HEAD, _LETTER, _PAD = 20, 28, 7.3, 12
_GAP_X, _GAP_Y, _MARGIN = 64, 24, 16
#: Letters of a name or a type that are shown.
_LONGEST = 30
#: Boxes below each other, and boxes in all.
_STACK, _MOST = 5, 40
_SIGNS = {"added": "+", "removed": "−", "changed": "~", "": ""}  # noqa: RUF001 - a minus as wide as the plus


class _Box(Record):
    """Where a table is drawn."""

    entity: Entity
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        return _HEAD + _ROW * (len(self.entity.columns) + bool(self.entity.left_out)) + _PAD / 2

    def row(self, column: str) -> float:
        """The middle of a column's line; of the head where the column is not shown."""
        names = [one.name for one in self.entity.columns]
        return self.y + _HEAD + _ROW * (names.index(column) + 0.5) if column in names else self.y + _HEAD / 2


def drawn(number: int, before: Snapshot | None, after: Snapshot | None) -> Html | None:
    """The diagram of what changed between two snapshots; None when no table did."""
    if before is None or after is None:
        return None
    found, references = entities(before, after)
    shown = found[:_MOST]
    if not shown:
        return None
    boxes = {box.entity.name: box for box in _laid_out(shown, references)}
    lines = [one for one in references if one.table in boxes and one.to in boxes]
    width = max(box.x + box.width for box in boxes.values()) + _MARGIN + _GAP_X / 3
    height = max(box.y + box.height for box in boxes.values()) + _MARGIN
    drawing = tag(
        "svg",
        tag("title", f"Entity diagram: {', '.join(boxes)}", id=f"diagram{number}"),
        *(_line(one, boxes) for one in lines),
        *(_table(box) for box in boxes.values()),
        role="img",
        aria_labelledby=f"diagram{number}",
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
    )
    left_out = len(found) - len(shown)
    caption = "Tables that changed and those that keys join to them. + added, − removed, ~ changed."  # noqa: RUF001
    return tag(
        "figure",
        _views(number),
        tag("div", drawing, class_="wide", tabindex="0", role="region", aria_label="The diagram, which scrolls"),
        tag("figcaption", caption + (f" {counted(left_out, 'more table')} not drawn." if left_out else "")),
        class_="diagram",
    )


def _views(number: int) -> Html:
    choices = [("both", "Both"), ("before", "Before"), ("after", "After")]
    return tag(
        "fieldset",
        tag("legend", "Schema before and after"),
        *(
            tag(
                "label",
                tag("input", type="radio", name=f"view{number}", value=value, checked=value == "both"),
                f" {word} ",
            )
            for value, word in choices
        ),
    )


def _laid_out(found: Sequence[Entity], references: Sequence[Reference]) -> list[_Box]:
    """Columns of boxes by how long a chain of keys leads from each to a table that references nothing."""
    depths = _depths(found, references)
    boxes: list[_Box] = []
    x = float(_MARGIN)
    for depth in sorted(set(depths.values())):
        level = [one for one in found if depths[one.name] == depth]
        middles = {box.entity.name: box.y + box.height / 2 for box in boxes}
        level.sort(key=lambda one: _pull(one, references, middles))
        for first in range(0, len(level), _STACK):
            stack = level[first : first + _STACK]
            width = max(map(_width, stack))
            y = float(_MARGIN)
            for one in stack:
                box = _Box(one, x, y, width)
                boxes.append(box)
                y += box.height + _GAP_Y
            x += width + _GAP_X
    return boxes


def _depths(found: Sequence[Entity], references: Sequence[Reference]) -> dict[str, int]:
    names = {one.name for one in found}
    depths = dict.fromkeys(names, 0)
    joined = [(one.table, one.to) for one in references if one.table != one.to and {one.table, one.to} <= names]
    for _ in range(min(len(names), 8)):  # a cycle of keys has no depth: it ends somewhere
        for table, to in joined:
            depths[table] = max(depths[table], depths[to] + 1) if depths[to] < 8 else depths[table]
    return depths


def _pull(entity: Entity, references: Sequence[Reference], middles: dict[str, float]) -> float:
    """The height at which what the table references stands."""
    heights = [middles[one.to] for one in references if one.table == entity.name and one.to in middles]
    return sum(heights) / len(heights) if heights else 0.0


def _width(entity: Entity) -> float:
    longest = max((len(_cut(one.name)) + len(_typed(one)) + 6 for one in entity.columns), default=0)
    return max(longest, len(_cut(entity.name)) + 5, 16) * _LETTER + 2 * _PAD


def _typed(column: Column) -> str:
    if column.change == "changed" and column.was != column.now:
        return f"{_cut(column.was)} → {_cut(column.now)}"
    return _cut(column.now or column.was)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _table(box: _Box) -> Html:
    entity = box.entity
    kind = "" if entity.kind == "table" else f" ({entity.kind})"
    right = box.x + box.width - _PAD
    parts: list[Html] = [
        tag("title", f"{entity.kind} {entity.name}{f', {entity.change}' if entity.change else ''}"),
        tag("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=6, class_="box"),
        tag("text", _cut(entity.name) + kind, x=box.x + _PAD, y=box.y + 19, class_="name"),
        tag("text", _SIGNS[entity.change], x=right, y=box.y + 19, text_anchor="end", class_="sign"),
        tag("line", x1=box.x, x2=box.x + box.width, y1=box.y + _HEAD, y2=box.y + _HEAD),
    ]
    parts += [_column(box, column, right) for column in entity.columns]
    if entity.left_out:
        y = box.y + _HEAD + _ROW * (len(entity.columns) + 0.7)
        parts.append(tag("text", f"… {counted(entity.left_out, 'more column')}", x=box.x + _PAD, y=y, class_="dim"))
    return tag("g", *parts, class_=f"entity {entity.change}".strip())


def _column(box: _Box, column: Column, right: float) -> Html:
    y = box.row(column.name) + 4
    keys = " ".join(column.keys)
    told = (
        f"{column.name}: {column.was} → {column.now}"
        if column.change == "changed"
        else f"{column.name}: {_typed(column)}"
    )
    parts: list[Html] = [
        tag("title", f"{told}{f' ({keys})' if keys else ''}"),
        tag("rect", x=box.x + 1, y=y - 15, width=box.width - 2, height=_ROW, class_="mark")
        if column.change
        else Html(),
        tag("text", _SIGNS[column.change], x=box.x + _PAD, y=y, class_="sign"),
        tag("text", _cut(column.name), x=box.x + _PAD + 14, y=y, class_="key" if column.keys else None),
    ]
    if column.change == "changed" and column.was != column.now:
        words = (("both", _typed(column)), ("before", _cut(column.was)), ("after", _cut(column.now)))
        parts += [tag("text", word, x=right, y=y, text_anchor="end", class_=f"type in-{view}") for view, word in words]
    else:
        parts.append(tag("text", _typed(column), x=right, y=y, text_anchor="end", class_="type"))
    return tag("g", *parts, class_=f"column {column.change}".strip())


def _line(one: Reference, boxes: dict[str, _Box]) -> Html:
    """A key as a curve, from a fork at the rows that reference to a bar at the row that is referenced."""
    here, there = boxes[one.table], boxes[one.to]
    y1, y2 = here.row(one.column), there.row(one.to_column)
    if there.x + there.width < here.x:
        x1, x2, out, back = here.x, there.x + there.width, -1, 1
    elif here.x + here.width < there.x:
        x1, x2, out, back = here.x + here.width, there.x, 1, -1
    else:  # one above the other, or the same
        x1, x2, out, back = here.x + here.width, there.x + there.width, 1, 1
    bend = max(28.0, abs(x2 - x1) / 2)
    tip = x1 + 10 * out
    curve = f"M{tip:g} {y1:g}C{tip + bend * out:g} {y1:g} {x2 + bend * back:g} {y2:g} {x2:g} {y2:g}"
    fork = f"M{x1:g} {y1 - 5:g}L{tip:g} {y1:g}L{x1:g} {y1 + 5:g}M{x1:g} {y1:g}L{tip:g} {y1:g}"
    bar = f"M{x2 + 6 * back:g} {y2 - 5:g}V{y2 + 5:g}"
    said = f"{one.table}.{one.column} references {one.to}"
    return tag(
        "g", join((tag("title", said), tag("path", d=curve + fork + bar))), class_=f"key-line {one.change}".strip()
    )
