"""The bench of deploys, small: that it runs every tool that is here, and says what the figures are held against."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(__file__))


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is the floor")
def test_the_bench_measures_and_judges() -> None:
    command = [sys.executable, os.path.join(ROOT, "bench", "deploy.py"), "--small"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 interleaved rounds of 10 migrations" in done.stdout
    for name in ("psql, one process", "psql, a process each", "elf-migrate up", "  --skip-validation"):
        assert f"\n{name} " in done.stdout
    assert "psql's floor (at most 1.5x)" in done.stdout
    for name in ("dbmate", "yoyo"):
        assert f"x {name} (ahead of it)" in done.stdout or f"\n{name.ljust(24)} missing: " in done.stdout
