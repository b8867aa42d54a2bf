"""A small run of each fuzzing target, and that each kind of failure is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import ElfError
from fuzz import loop
from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize("name", TARGETS)
def test_a_small_run_finds_nothing(name: str) -> None:
    outcome = loop.fuzz(TARGETS[name](), 2, seed=1, most=300)
    assert outcome.failures == {}
    assert outcome.executions > 5
    assert outcome.lines


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("layouts", "elf_sqlcheck.layouts.read_all"),
        ("suppressions", "elf_sqlcheck.suppress.read"),
        ("sql", "elf_sqlcheck.catalog.fold.Catalog.apply_all"),
        ("inverse", "fuzz.sql_targets.propose"),
        ("fix", "elf_sqlcheck.fix.apply_all"),
        ("reports", "elf_sqlcheck.reports.render"),
        ("config", "elf_sqlcheck.config.load"),
        ("squawk", "elf_sqlcheck.squawk.convert"),
        ("baseline", "elf_sqlcheck.baseline.load"),
        ("api", "elf_sqlcheck.shared.supabase_api.SupabaseApi.status"),
    ],
)
def test_a_target_reports_what_breaks(name: str, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fail)
    found = loop.fuzz(TARGETS[name](), 20, most=12).failures
    assert any(why.startswith("ZeroDivisionError") for why in found)


class Letters:
    def seeds(self) -> Sequence[bytes]:
        return [b"some letters, and an X among them"]

    def run(self, data: bytes) -> None:
        if b"X" in data:
            raise ValueError(data)
        raise ElfError("said as it should be")


def test_a_failing_input_is_reduced_and_written(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(loop, "FOUND", str(tmp_path))
    outcome = loop.fuzz(Letters(), 5, most=50)
    (path,) = loop.write("letters", outcome)
    with open(path, "rb") as file:
        assert file.read() == b"X"
