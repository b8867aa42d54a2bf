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
from elf_sqlcheck.catalog.labels import Labels, with_label
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
    def marks(value: int) -> tuple[str, ...]:
        return (*["some"] * (value > 0), *["many"] * (value > 1))

    for state, plain in states(first, steps):
        assert list(alike(state, marks, "some")) == [value for value in plain.values() if value > 0]
        assert list(alike(state, marks, "many")) == list(alike(plain, marks, "many"))


def put(labels: tuple[str, ...], label: str, neighbour: str | None, *, after: bool) -> tuple[str, ...]:
    place = labels.index(neighbour) + after if neighbour in labels else len(labels)
    return (*labels[:place], label, *labels[place:])


@given(
    st.lists(st.sampled_from(["", "x", "y"]), unique=True),
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([None, "", "y", "0", "1", "2", "?"]), st.booleans())),
    st.randoms(),
)
def test_labels_read_as_their_tuple(
    first: list[str], steps: list[tuple[int, str | None, bool]], chance: Random
) -> None:
    found = [(Labels(tuple(first)), tuple(first))]
    for number, (back, neighbour, after) in enumerate(steps):
        labels, plain = found[-1 if back > 3 else max(0, len(found) - 1 - back)]
        made = with_label(labels, str(number), neighbour, after=after)
        assert isinstance(made, Labels)
        found.append((made, put(plain, str(number), neighbour, after=after)))
    chance.shuffle(found)
    for labels, plain in found:
        assert tuple(labels) == plain == labels
        assert labels == plain
        assert hash(labels) == hash(plain)
        assert len(labels) == len(plain)
        assert [label in labels for label in ("x", "1", "3")] == [label in plain for label in ("x", "1", "3")]
        assert labels[1:] == plain[1:]
        assert pickle.loads(pickle.dumps(labels)) == labels
        assert all((labels == other) == (plain == other_plain) for other, other_plain in found)


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "a"), tuple(map(str, range(500)))])
def test_a_label_comes_beside_its_neighbour(labels: tuple[str, ...]) -> None:
    for neighbour in (None, labels[1], "?"):
        for after in (False, True):
            assert tuple(with_label(labels, "new", neighbour, after=after)) == put(
                labels, "new", neighbour, after=after
            )


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
