"""Records: how they are made, first without and then with compiled code."""

from __future__ import annotations

from typing import Any

import pytest

from elf_sqlcheck import record
from elf_sqlcheck.record import Record


def made() -> type[Any]:
    """A class that no record was made of yet."""

    class Point(Record):
        x: int
        y: int
        name: str = "a"
        tags: tuple[str, ...] = ()

    return Point


OFTEN = record._OFTEN + 2


@pytest.mark.parametrize("times", [1, OFTEN])
@pytest.mark.parametrize(
    ("values", "named", "expected"),
    [
        ((1, 2), {}, (1, 2, "a", ())),
        ((1,), {"y": 2, "tags": ("t",)}, (1, 2, "a", ("t",))),
        ((), {"y": 2, "x": 1, "name": "b"}, (1, 2, "b", ())),
        ((1, 2, "c", ("u",)), {}, (1, 2, "c", ("u",))),
    ],
)
def test_a_record_has_the_values_that_it_is_given(
    times: int, values: tuple[object, ...], named: dict[str, object], expected: tuple[object, ...]
) -> None:
    point = made()
    for _ in range(times):
        one = point(*values, **named)
        assert (one.x, one.y, one.name, one.tags) == expected


@pytest.mark.parametrize("times", [0, OFTEN])
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((1,), {}),
        ((1, 2, "a", (), 5), {}),
        ((1, 2), {"x": 1}),
        ((1, 2), {"z": 1}),
        ((), {}),
        ((1, 2), {"x": 1, "z": 2}),
    ],
)
def test_wrong_values_are_refused_as_those_of_any_function(
    times: int, values: tuple[object, ...], named: dict[str, object]
) -> None:
    point = made()
    for _ in range(times):
        point(1, 2)
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        point(*values, **named)
    assert point(1, 2) == point(1, y=2)


def test_a_copy_differs_in_what_is_named() -> None:
    point = made()(1, 2)
    for _ in range(OFTEN):
        assert point.replace(name="b") == made_equal(point)
    with pytest.raises(TypeError):
        point.replace(z=1)


def made_equal(point: Any) -> Any:
    """The same point, called b."""
    return type(point)(1, 2, "b")
