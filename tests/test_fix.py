from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_sqlcheck import fix
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.model import Applicability, Edit, Finding, Fix, Severity, Span

if TYPE_CHECKING:
    from pathlib import Path


def found(*edits: tuple[int, int, str], rule: str = "a-rule", how: Applicability = Applicability.SAFE) -> Finding:
    change = Fix("change it", tuple(Edit(Span(start, end), text) for start, end, text in edits), how)
    return Finding(rule, "family", Severity.ERROR, "message", "a.sql", None, fix=change)


def test_edits_are_put_in_whatever_their_order() -> None:
    findings = [found((8, 11, "three")), found((0, 3, "1"), (4, 7, ""))]
    assert fix.apply(b"one two six", findings).data == b"1  three"


def test_a_fix_that_meets_another_waits_whole() -> None:
    first, second = found((0, 5, "x")), found((4, 8, "y"), (9, 10, "z"))
    applied = fix.apply(b"0123456789", [first, second])
    assert applied.data == b"x56789"
    assert applied.done == (first,)
    assert fix.apply(b"0123", [found((0, 2, "x")), found((2, 4, "y"))]).data == b"x23", "neighbours wait, too"


def test_the_same_edit_wanted_twice_is_made_once() -> None:
    findings = [found((0, 1, "x"), rule="a"), found((0, 1, "x"), rule="b")]
    applied = fix.apply(b"012", findings)
    assert applied.data == b"x12"
    assert applied.done == tuple(findings)


def test_insertions_at_one_place_are_taken_together_from_one_rule_only() -> None:
    same = [found((1, 1, "x"), rule="a"), found((1, 1, "y"), rule="a")]
    assert fix.apply(b"01", same).data == b"0xy1"
    other = [found((1, 1, "x"), rule="a"), found((1, 1, "y"), rule="b")]
    assert fix.apply(b"01", other).data == b"0x1"


def test_only_what_is_allowed_is_applied() -> None:
    findings = [
        found((0, 1, "a")),
        found((2, 3, "b"), how=Applicability.UNSAFE),
        found((4, 5, "c"), how=Applicability.SHOWN),
    ]
    assert fix.apply(b"01234", findings).data == b"a1234"
    assert fix.apply(b"01234", findings, fix.UNSAFE).data == b"a1b34"


@pytest.mark.parametrize("edits", [[(3, 9, "x")], [(2, 1, "x")], [(0, 2, "x"), (1, 3, "y")]])
def test_a_fix_that_cannot_be_is_left_out(edits: list[tuple[int, int, str]]) -> None:
    assert fix.apply(b"0123", [found(*edits)]).data == b"0123"


def test_inserted_lines_get_the_line_ends_of_the_file() -> None:
    assert fix.apply(b"a\r\nb\r\n", [found((3, 3, "x\ny\r\n"))]).data == b"a\r\nx\r\ny\r\nb\r\n"
    assert fix.apply(b"a\nb\n", [found((2, 2, "x\n"))]).data == b"a\nx\nb\n"


@given(
    st.binary(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.text(max_size=3)), max_size=8)
)
def test_what_no_edit_touches_stays(data: bytes, edits: list[tuple[int, int, str]]) -> None:
    findings = [found(edit) for edit in edits]
    applied = fix.apply(data, findings)
    kept = bytearray(data)
    assert set(applied.done) <= set(findings)
    for finding in applied.done:
        assert finding.fix is not None
        for edit in finding.fix.edits:
            assert 0 <= edit.span.start <= edit.span.end <= len(data)
            kept[edit.span.start : edit.span.end] = b"\0" * (edit.span.end - edit.span.start)
    if not applied.done:
        assert applied.data == data


def test_a_file_is_replaced_with_its_mode_and_its_link(tmp_path: Path) -> None:
    real = tmp_path / "real.sql"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "link.sql"
    link.symlink_to("real.sql")
    fix.write(str(link), b"new", b"old")
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link.sql", "real.sql"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(b"somebody typed")
    with pytest.raises(UsageError, match="changed while"):
        fix.write(str(path), b"new", b"old")
    assert path.read_bytes() == b"somebody typed"
    with pytest.raises(UsageError, match="cannot write"):
        fix.write(str(tmp_path / "missing.sql"), b"new", b"old")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n"),
        (b"a\nb", b"a\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"", b"a\n"),
        (b"a\r\nb\r\n", b"a\r\nB\r\n"),
        (b"x\x0cy\xe2\x80\xa8z\n1\n", b"x\x0cy\xe2\x80\xa8z\n2\n"),
        (b"\xff\n1\n", b"\xff\n2\n"),
    ],
)
def test_the_diff_is_one_that_git_applies(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(before)
    shown = fix.unified("a.sql", before, after).encode("utf-8", "surrogateescape")
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path, input=shown, check=True)
    assert path.read_bytes() == after
