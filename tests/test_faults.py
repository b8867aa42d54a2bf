"""A deploy that is disturbed leads, once it is run again, to what an undisturbed one leaves.

Here only some points of each fault are tried; `make faults` tries all of them, and so does ELF_SQLCHECK_FAULTS=1 here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults import all_kinds, wire
from tests.faults.ground import Ground, ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.kinds import Kind

#: How many points of a kind are tried.
_SOME = 2


@pytest.fixture(scope="module")
def place() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.mark.slow
@pytest.mark.xdist_group("faults")
@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_a_disturbed_deploy_ends_well_when_it_is_run_again(kind: Kind, place: Ground) -> None:
    if kind.missing():
        pytest.skip(kind.missing())
    points = list(kind.points(place))[:: kind.share]
    if not os.environ.get("ELF_SQLCHECK_FAULTS"):
        step = max(1, len(points) // _SOME)
        points = points[step // 2 :: step]
    place.disturbed = 0
    wrong = {point: told for point in points if (told := kind.run(place, point))}
    assert not wrong


@pytest.mark.slow
@pytest.mark.xdist_group("faults")
@pytest.mark.parametrize("nth", [2, 5])
def test_a_commit_whose_answer_was_lost_is_no_failure(place: Ground, nth: int) -> None:
    commits = [m.number for m in place.messages if m.from_server and m.kind == b"C" and m.body == b"COMMIT\0"]
    assert not wire.cut(place, commits[nth])
