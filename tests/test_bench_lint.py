"""The bench of linting, small: that it runs everybody who is here, in every case, and judges each line of the table."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import verdicts
from bench.cases import Case
from bench.lint import reckon
from bench.migrations import write
from bench.running import Entrant, Run, run, variables

if TYPE_CHECKING:
    from pathlib import Path


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, os.path.join(os.path.dirname(verdicts.__file__), "lint.py"), "--small", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_bench_measures_and_judges() -> None:
    done = bench()
    assert done.returncode == 0, done.stderr + done.stdout
    table = done.stdout.split("stretch  verdict\n")[1].splitlines()
    cases = [line.split("  ")[0] for line in table]
    for case in (
        "one file, cpu",
        "3 files, cold, wall, findings",
        "10 files, cold, memory",
        "commit without SQL, wall",
    ):
        assert case in cases, table
    assert "10 files, one changed, warm, wall" in cases
    assert "one of 10, beside 3, wall" in cases
    is_judged = "squawk cannot be run here" not in done.stdout
    assert all(line.endswith(("  OK", "  OK, stretch", "  MISSED")) for line in table) or not is_judged, table
    assert "processor time of each step" in done.stdout
    assert "before, " in done.stdout


def test_one_case_is_enough_when_it_is_asked_for() -> None:
    done = bench("--only", "commit")
    assert done.returncode == 0, done.stderr + done.stdout
    assert [line.split(",")[0] for line in done.stdout.splitlines()][-1] == "commit without SQL"
    assert "one file" not in done.stdout


@pytest.mark.parametrize(("wall", "verdict"), [(0.4, "OK, stretch"), (0.41, "OK"), (0.64, "OK"), (0.65, "MISSED")])
def test_a_ratio_is_held_against_its_limit(wall: float, verdict: str) -> None:
    results = {("1000", "elf-sqlcheck"): Run(wall, 0.1, 50), ("1000", "squawk"): Run(0.8, 0.8, 10)}
    judged = {line.limit.measure: line.verdict for line in verdicts.lines(results)}
    assert judged == {"wall": verdict, "cpu": "OK, stretch"}


def test_without_squawk_nothing_is_claimed() -> None:
    lines = verdicts.lines({("100", "elf-sqlcheck"): Run(1, 1, 1), ("seed", "elf-sqlcheck"): Run(1, 1, 301)})
    assert [line.verdict for line in lines] == ["not judged", "not judged", "MISSED"]


def test_what_is_not_measured_is_called_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    slow = [Entrant(name, [], "/", {}, files) for name, files in (("sqlfluff", 1), ("sqlfluff, 4 files", 4))]
    reckon(Case("one", "one file", slow), {"sqlfluff": Run(9, 1.0, 9), "sqlfluff, 4 files": Run(9, 1.9, 9)}, (101,))
    said = "an estimate for sqlfluff, 300 ms of the processor for each file more: 31 s for 101"
    assert capsys.readouterr().out.strip() == said


def test_the_last_file_is_the_same_after_any_history(tmp_path: Path) -> None:
    short, long = (write(str(tmp_path / str(count)), count, 1, slips=False) for count in (3, 12))
    assert os.path.basename(short[-1]) == os.path.basename(long[-1])
    texts = []
    for path in (short[-1], long[-1]):
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    assert texts[0] == texts[1]
    assert "REFERENCES" in texts[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other kernels do not say what processes share")
def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    """Half of it is in a child, as with forked workers: the kernel's own maximum knows the larger half only."""
    script = (
        "import os, time; held = bytearray(os.urandom(1)) * (60 << 20)\n"
        "if os.fork(): os.wait()\n"
        "else: more = bytearray(b'x') * (60 << 20); time.sleep(0.3)"
    )
    entrant = Entrant("two", [sys.executable, "-c", script], str(tmp_path), variables("/", "/"), code=0)
    folder = os.getcwd()
    try:
        seen = run(entrant, str(tmp_path / "output"), watched=True).memory
    finally:
        os.chdir(folder)
    assert 120 <= seen <= 170


def test_a_command_that_ends_otherwise_ends_the_bench(tmp_path: Path) -> None:
    entrant = Entrant("false", ["/bin/false"], str(tmp_path), variables("/", "/"), code=0)
    folder = os.getcwd()
    try:
        with pytest.raises(SystemExit, match="ended with 1"):
            run(entrant, str(tmp_path / "output"))
    finally:
        os.chdir(folder)
