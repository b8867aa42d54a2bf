"""Parts of tables: each state reads as the dict that it stands for, whatever came after it."""

from __future__ import annotations

import itertools
import pickle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog import parts
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.parts import State, alike, changed, differing, without
from elf_sqlcheck.catalog.read import read_section

NAMES = st.sampled_from("abcdefg")
STEPS = st.lists(st.tuples(st.integers(0, 30), NAMES, st.one_of(st.none(), st.integers(0, 3))), max_size=30)


def states(first: dict[str, int], steps: list[tuple[int, str, int | None]]) -> list[tuple[State, dict[str, int]]]:
    """States, each made of one before it (mostly the last) by a change or, with None, by taking a part away."""
    found = [(State(dict(first)), dict(first))]
    for back, name, value in steps:
        state, plain = found[-1 if back > 3 else max(0, len(found) - 1 - back)]
        plain = {key: kept for key, kept in plain.items() if value is not None or key != name}
        if value is not None:
            plain[name] = value
        made = without(state, name) if value is None else changed(state, name, value)
        assert isinstance(made, State)
        found.append((made, plain))
    return found


@given(st.dictionaries(NAMES, st.integers(0, 3)), STEPS, st.randoms())
def test_every_state_reads_as_its_dict(
    first: dict[str, int], steps: list[tuple[int, str, int | None]], chance: Random
) -> None:
    found = states(first, steps)
    chance.shuffle(found)
    for state, plain in found:
        assert list(state.items()) == list(plain.items())
        assert list(state) == list(plain.keys()) == list(state.keys())
        assert list(state.values()) == list(plain.values())
        assert len(state) == len(plain)
        assert bool(state) == bool(plain)
        for name in "abcdefgh":
            assert state.get(name) == plain.get(name)
            assert (name in state) == (name in plain)
        assert state == plain
        assert plain == state
        assert pickle.loads(pickle.dumps(state)) == state


@given(st.dictionaries(NAMES, st.integers(0, 3)), STEPS)
def test_two_states_differ_where_their_dicts_do(
    first: dict[str, int], steps: list[tuple[int, str, int | None]]
) -> None:
    found = states(first, steps)
    for (old, before), (new, after) in itertools.pairwise(found):
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert set(differing(old, new)) == names == set(differing(before, after))
        assert (old == new) == (before == after)


@given(st.dictionaries(NAMES, st.integers(0, 3)), STEPS)
def test_parts_that_are_alike_come_in_their_order(
    first: dict[str, int], steps: list[tuple[int, str, int | None]]
) -> None:
    def mark(value: int) -> bool:
        return value > 1

    for state, plain in states(first, steps):
        assert list(alike(state, mark, True)) == list(alike(plain, mark, True))


@pytest.mark.parametrize("count", [3, 500])
def test_few_parts_are_a_dict_and_many_are_kept_together(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MANY", 100)
    plain = {str(number): number for number in range(count)}
    made = changed(plain, "new", 1)
    assert isinstance(made, State) == (count > 100)
    assert made == {**plain, "new": 1}
    assert without(made, "new") == plain
    assert without(plain, "none") is plain
    with pytest.raises(KeyError):
        without(made, "0")["0"]


@pytest.mark.parametrize(
    ("made", "gone", "field", "names"),
    [
        ("CREATE INDEX ON t (a);", "DROP INDEX t_a_idx1;", "indexes", ["t_a_idx", "t_a_idx2", "t_a_idx1", "t_a_idx3"]),
        (
            "ALTER TABLE t ADD CHECK (a > 1);",
            "ALTER TABLE t DROP CONSTRAINT t_a_check1;",
            "constraints",
            ["t_a_check", "t_a_check2", "t_a_check1", "t_a_check3"],
        ),
        (
            "ALTER TABLE t ADD CHECK (a > 1);",
            "ALTER TABLE t RENAME CONSTRAINT t_a_check1 TO other;",
            "constraints",
            ["t_a_check", "other", "t_a_check2", "t_a_check1", "t_a_check3"],
        ),
    ],
)
def test_a_number_that_is_free_again_is_taken_again(made: str, gone: str, field: str, names: list[str]) -> None:
    read = layouts.read("a.sql", f"CREATE TABLE t (a int);{made * 3}{gone}{made * 2}".encode())
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(read_section(read.up, read.data))
    table = catalog.now.table(Name(None, "t"))
    assert list(getattr(table, field)) == names
