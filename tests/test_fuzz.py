"""A small run of each fuzzing target, and that each kind of failure is reported."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import ElfError
from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
driven = pytest.mark.skipif(not find_spec("atheris"), reason="Atheris is there for Linux on x86-64 only")


def fuzz(*arguments: str, found: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz", *arguments, "--found", str(found)]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False, timeout=300)


@driven
@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_small_run_finds_nothing(name: str, tmp_path: Path) -> None:
    done = fuzz(name, "--seconds", "1", found=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    count, _, _ = done.stdout.removeprefix(f"{name}: ").partition(" executions")
    assert int(count.replace(",", "")) > 20


def made(name: str) -> Any:
    module, _, kind = TARGETS[name].partition(":")
    return getattr(importlib.import_module(module), kind)()


def failure_of(target: Any, data: bytes) -> type[Exception] | None:
    try:
        target.run(data)
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        return type(error)
    return None


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("layouts", "elf_sqlcheck.layouts.read_all"),
        ("suppressions", "elf_sqlcheck.suppress.read"),
        ("sql", "elf_sqlcheck.catalog.fold.Catalog.apply_all"),
        ("inverse", "fuzz.sql_targets.propose"),
        ("fix", "elf_sqlcheck.fix.apply_all"),
        ("reports", "elf_sqlcheck.reports.render"),
        ("warm", "elf_sqlcheck.again.lint_again"),
        ("warm", "elf_sqlcheck.halves.go"),
        ("cache", "elf_sqlcheck.cache.unsealed"),
        ("values", "elf_sqlcheck.cache.unpickled"),
        ("config", "elf_sqlcheck.config.load"),
        ("squawk", "elf_sqlcheck.squawk.convert"),
        ("baseline", "elf_sqlcheck.baseline.load"),
        ("api", "elf_sqlcheck.shared.supabase_api.SupabaseApi.status"),
    ],
)
def test_a_target_meets_what_breaks(name: str, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setenv("XDG_CACHE_HOME", "")  # a target may set it
    target = made(name)
    monkeypatch.setattr(broken, fail)
    seen = {failure_of(target, seed) for seed in target.seeds()[:12]}
    assert ZeroDivisionError in seen


class Letters:
    """Fails in one way or another, or hangs."""

    def seeds(self) -> Sequence[bytes]:
        return [b"some letters, and an X among them", b"a Y"]

    def run(self, data: bytes) -> None:
        if b"X" in data:
            raise ValueError(data)
        if b"Y" in data:
            raise KeyError(data)
        raise ElfError("said as it should be")


class Crash:
    """Ends the process at once."""

    def seeds(self) -> Sequence[bytes]:
        return [b"crash"]

    def run(self, data: bytes) -> None:
        if data == b"crash":
            time.sleep(0.1)
            os.abort()


@driven
def test_each_failure_is_reduced_and_written_and_the_run_goes_on(tmp_path: Path) -> None:
    done = fuzz("tests.test_fuzz:Letters", "--most", "300", found=tmp_path)
    assert done.returncode == 1
    assert "300 executions" in done.stdout
    assert "2 failures" in done.stdout
    assert "ValueError at test_fuzz.py" in done.stdout
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"X", b"Y"]


@driven
def test_an_input_that_ends_the_process_is_written(tmp_path: Path) -> None:
    done = fuzz("tests.test_fuzz:Crash", "--most", "300", found=tmp_path)
    assert done.returncode == 1
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"crash"
    assert "deadly signal" in done.stdout
    assert str(path) in done.stdout


def test_a_target_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = fuzz("layout", found=tmp_path)
    assert done.returncode == 2
    assert "there is no target layout" in done.stderr
