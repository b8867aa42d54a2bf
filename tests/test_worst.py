"""No input makes linting slow: time grows with the size of a file, not with its square, and never without end.

Each test compares what one size and four times that size take, so it holds on any machine: what grows with the square
takes sixteen times as long.
"""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import fix, layouts, registry, reports, sources, suppress
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.config import Config
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Edit, Finding, Fix, Severity, Span

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import yardstick
from bench.worst_cases import CASES

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from elf_sqlcheck.lint import Result

MAKE = {case.name: case.make for case in CASES}
RULES = registry.select(registry.builtin())
NAMES = {rule.name for rule in registry.builtin()}
#: Times as long as a quarter: four is what is hoped for, sixteen what is to be found.
FACTOR = 9


def judged(name: str, size: int) -> tuple[Result, bytes]:
    text = MAKE[name](size).text
    data = text.encode() if isinstance(text, str) else text
    return lint([layouts.read("worst.sql", data)], RULES, known=NAMES), data


reported = functools.cache(judged)


def seconds(name: str, size: int, output: str) -> float:
    result, data = reported(name, size) if output else (None, b"")
    gc.collect()
    gc.disable()  # as a run has it: how long looking for cycles takes depends on what this process holds besides
    try:
        start = time.process_time()
        if result is not None:
            report = reports.Report(result.findings, {"worst.sql": data}, 1, rules=tuple(RULES))
            assert reports.render(output, report, reports.Style())
        else:
            judged(name, size)
        return time.process_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "size", "output"),
    [
        ("added columns", 500, ""),
        ("added columns own", 500, ""),
        ("added labels", 5_000, ""),
        ("blank comment", 5_000, ""),
        ("called often", 40, ""),
        ("cascaded columns", 300, ""),
        ("do statements", 1_000, ""),
        ("domains", 300, ""),
        ("executed concatenation", 200, ""),
        ("findings", 500, "gitlab"),
        ("findings", 500, "json"),
        ("findings", 500, "rdjson"),
        ("findings", 500, "sarif"),
        ("findings", 500, ""),
        ("foreign findings", 500, ""),
        ("foreign keys", 400, ""),
        ("grants", 700, ""),
        ("indexes", 500, ""),
        ("meta commands", 1_500, ""),
        ("missing body ends", 150, ""),
        ("missing semicolons", 250, ""),
        ("one line findings", 500, "sarif"),
        ("savepoints", 700, ""),
        ("schemas", 300, ""),
        ("search paths", 500, ""),
        ("settings", 700, ""),
        ("suppressions above comments", 700, ""),
        ("suppressions unused", 1_000, ""),
        ("suppressions used", 400, ""),
        ("syntax errors", 700, ""),
        ("transactions", 400, ""),
        ("unnamed indexes", 500, ""),
        ("wide constraints", 1_000, ""),
    ],
)
def test_time_grows_with_the_size(name: str, size: int, output: str) -> None:
    # Another process may get in the way of one measurement, but not of three.
    assert any(seconds(name, 4 * size, output) < FACTOR * seconds(name, size, output) for _ in range(3))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("calls twice", 40),
        ("doubled text", 60),
        ("executed growing", 300),
        ("formatted text", 60),
        ("many growing", 60),
        ("nested growing", 3),
    ],
)
def test_what_multiplies_is_followed_no_further_than_it_is_worth(name: str, size: int) -> None:
    data = MAKE[name](size).text
    assert isinstance(data, str)
    read = layouts.read("worst.sql", data.encode())
    changes = Routines().read(read.up, read.data)
    assert 0 < len(changes) < 30_000


def test_loops_in_loops_are_followed_no_further_than_they_are_worth() -> None:
    names = ", ".join(f"'t{number}'" for number in range(40))
    head = "".join(f"FOREACH v{depth} IN ARRAY ARRAY[{names}] LOOP " for depth in range(4))
    variables = "".join(f"v{depth} text; " for depth in range(4))
    body = "EXECUTE format('ALTER TABLE %I ADD COLUMN %I int', v0, v3); "
    data = f"DO $$ DECLARE {variables} BEGIN {head}{body}{'END LOOP; ' * 4} END $$;".encode()
    read = layouts.read("worst.sql", data)
    assert 0 < len(Routines().read(read.up, data)) < 10_000


class Counting(bytes):
    """Bytes that count how many of them are read at once."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found: bytes | int = super().__getitem__(key)
        if isinstance(found, bytes):
            Counting.read += len(found)
        return found


@pytest.mark.parametrize("output", ["rdjson", "sarif"])
def test_a_replacement_reads_no_more_than_it_replaces(output: str) -> None:
    data = Counting(b"CREATE INDEX a ON t (c);\n" * 2_000)
    edits = [Fix("call it b", (Edit(Span(25 * n + 13, 25 * n + 14), "b"),)) for n in range(2_000)]
    findings = [
        Finding("made-up", "naming", Severity.WARNING, "a is no name", "x.sql", one.edits[0].span, fix=one)
        for one in edits
    ]
    Counting.read = 0
    report = reports.Report(tuple(findings), {"x.sql": data}, 1)
    assert reports.render(output, report, reports.Style()).count('"b"') == 2_000
    assert Counting.read < 20 * len(data)


def test_the_smallest_suppression_of_all_that_cover_a_place_is_the_first_in_the_file() -> None:
    text = (
        "-- elf: allow made-up -- outer\nCREATE TABLE t (\n"
        "    -- elf: allow made-up -- inner\n    a int,\n    b int\n);\n"
    )
    read = layouts.read("x.sql", text.encode())
    given = suppress.read(read)
    where = [text.index("a int"), text.index("b int"), text.index("CREATE")]
    found = [
        Finding("made-up", "naming", Severity.WARNING, "it is made up", "x.sql", Span(place, place + 1))
        for place in where
    ]
    kept, allowed = suppress.apply(read, found, given, {}, {"made-up"})
    assert not kept
    assert allowed == found
    inner_only = [one for one in given if one.reason == "inner"]
    kept, allowed = suppress.apply(read, found, inner_only, {}, {"made-up"})
    assert (allowed, kept) == ([found[0]], [found[1], found[2]])


def test_fixes_are_put_in_as_before_however_many_there_are() -> None:
    data = b"abcdef" * 500
    spans = [Span(start, start + 2) for start in range(0, 2_994, 3)]
    found = [
        Finding("one", "naming", Severity.WARNING, "x", "x.sql", span, fix=Fix("it", (Edit(span, "-"),)))
        for span in spans
    ]
    over = Finding("two", "naming", Severity.WARNING, "x", "x.sql", Span(4, 5), fix=Fix("it", (Edit(Span(4, 7), "+"),)))
    done = fix.apply(data, [*found, over])
    assert list(done.done) == found
    assert done.data.startswith(b"-c-f-c")


def test_files_named_twice_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "one.sql"
    path.write_text("SELECT 1;\n")
    (folder,) = sources.from_disk([str(path), str(path)], Config())
    assert list(folder.files) == [os.path.normpath(path)]


def test_the_yardstick_parses_each_plpgsql_body_once() -> None:
    bodies = [
        "DO $$ BEGIN PERFORM 'é'; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
        "DO LANGUAGE plpgsql 'BEGIN NULL; END'",
    ]
    others = [
        "SELECT 'é'",
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT f()'",
        "DO LANGUAGE plperl '1'",
        "CREATE FUNCTION h() RETURNS int LANGUAGE plpgsql AS 'BEGIN what; IF'",
        "SELECT f(), f()",
    ]
    trees = yardstick.parse(";\n".join([*others, *bodies]))
    assert [len(tree) for tree in trees] == [1, 1, 1]
    for body, (tree,) in zip(bodies, trees, strict=True):
        assert [tree] == yardstick.parse(body)[0]
        assert "action" in tree["PLpgSQL_function"]
    assert not yardstick.parse("SELECT FROM WHERE; " + bodies[0])


def test_the_bench_measures_and_judges() -> None:
    root = os.path.dirname(os.path.dirname(__file__))
    names = ["seed", "doubled text", "suppressions used", "as rdjson", "baseline used", "named files", "table sizes"]
    command = [sys.executable, os.path.join(root, "bench", "worst.py"), "--small", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names:
        assert f"\n{name}" in done.stdout
    assert "no more than 20 x parsing: so for every case" in done.stdout
