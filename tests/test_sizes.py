"""How large tables are said to be, and what rules make of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import read
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Severity
from elf_sqlcheck.rule import CreateIndex, Rule, TableSize
from elf_sqlcheck.sizes import duration, load, read_size, table_name
from tests.lint_project import FIRST, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.rule import Context

SIZES = {
    "public.orders": TableSize(12_000_000, 4_000_000_000, 3.5),
    "public.countries": TableSize(249),
    "shop.orders": TableSize(10_000),
    'public."Orders"': TableSize(30_000_000),
}


def _told(sql: str, **settings: object) -> list[str]:
    """What each CREATE INDEX of `sql` is told of its table."""

    def check(context: Context[CreateIndex]) -> Iterator[Finding]:
        table = context.change.table
        size = context.size_of(table)
        kind = "small" if context.is_small(table) else "busy" if context.is_busy(table) else "idle"
        yield context.finding(f"{size.rows if size else '?'} {kind} {context.scan_time(table)}".strip())

    rule = Rule("told", "tests", Severity.ERROR, "", "", "", (CreateIndex,), check)
    known = {"table-sizes": SIZES, **{key.replace("_", "-"): value for key, value in settings.items()}}
    result = lint([read("20250101_000000_x.sql", sql.encode())], (rule,), known)
    return [finding.message for finding in result.findings]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("orders", "12000000 busy about 40 s"),
        ("public.orders", "12000000 busy about 40 s"),
        ("ORDERS", "12000000 busy about 40 s"),
        ('"Orders"', "30000000 busy about 60 s"),
        ("shop.orders", "10000 busy under 1 s"),
        ("countries", "249 small under 1 s"),
        ("elsewhere", "? busy"),
    ],
)
def test_a_rule_learns_the_size_of_a_table(table: str, told: str) -> None:
    assert _told(f"CREATE INDEX i ON {table} (a);") == [told]


def test_where_nobody_says_anything_nothing_is_known() -> None:
    assert _told("CREATE INDEX i ON countries (a);", table_sizes={}) == ["? busy"]


def test_a_new_table_is_not_the_one_of_that_name_in_production() -> None:
    made = "DROP TABLE countries; CREATE TABLE countries (a int);"
    assert _told(f"{made} CREATE INDEX i ON countries (a);") == ["? idle"]


def test_the_search_path_of_the_file_counts() -> None:
    assert _told("SET search_path = shop; CREATE INDEX i ON orders (a);") == ["10000 busy under 1 s"]


def test_what_is_small_is_configured() -> None:
    assert _told("CREATE INDEX i ON shop.orders (a);", small_table_rows=10_001)[0].split()[1] == "small"
    assert _told("CREATE INDEX i ON countries (a);", small_table_rows=249)[0].split()[1] == "busy"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "under 1 s"), (0.99, "under 1 s"), (1.2, "about 1 s"), (38.4, "about 40 s"), (62, "about 60 s"),
     (89, "about 90 s"), (91, "about 2 min"), (700, "about 10 min"), (5399, "about 90 min"), (5400, "about 2 h"),
     (80_000, "about 20 h")],
)  # fmt: skip
def test_a_time_is_no_more_exact_than_it_deserves(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, TableSize(0)),
        (12_000_000, TableSize(12_000_000)),
        ("12M", TableSize(12_000_000)),
        ("1.5k", TableSize(1500)),
        ("2 G", TableSize(2_000_000_000)),
        ("1_000", TableSize(1000)),
        ({"rows": "2k", "bytes": 8192}, TableSize(2000, 8192)),
        ({"rows": 1, "writes_per_second": 2}, TableSize(1, None, 2.0)),
    ],
)
def test_sizes_are_read(value: object, size: TableSize) -> None:
    assert read_size(value) == size


@pytest.mark.parametrize(
    "value",
    [-1, True, 1.5, None, "", "M", "12 million", "1e6", "1,000", "-5", "٣", "1.", "9" * 400, 10**40, [], {},
     {"bytes": 1}, {"rows": 1, "bytes": None}, {"rows": 1, "size": 2}, {"rows": 1, "writes_per_second": float("nan")},
     {"rows": 1, "writes_per_second": -1}],
)  # fmt: skip
def test_what_is_no_size_is_refused(value: object) -> None:
    assert read_size(value) is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("orders", "public.orders"),
        ("Shop.Orders", "shop.orders"),
        ('"Shop"."Or.ders"', '"Shop"."Or.ders"'),
        ('shop."say ""hi"""', 'shop."say ""hi"""'),
        ("größen", 'public."größen"'),
        ("a.b.c", ""),
        ("", ""),
        ("orders;", ""),
        ("1st", ""),
    ],
)
def test_names_are_those_of_sql(written: str, name: str) -> None:
    assert table_name(written) == name


def _written(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


def test_a_file_of_sizes_is_read(tmp_path: Path) -> None:
    tables = {"public.orders": {"rows": 5, "bytes": 6, "writes_per_second": 0.25}, "public.teams": {"rows": 7}}
    path = _written(tmp_path / "s.json", {"version": 1, "measured_at": "2025-01-21T09:30:00Z", "tables": tables})
    assert load(path) == {"public.orders": TableSize(5, 6, 0.25), "public.teams": TableSize(7)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ([], 'no object "tables"'),
        ({"version": 1, "tables": []}, 'no object "tables"'),
        ({"version": 2, "tables": {}}, "the version 2"),
        ({"version": 1, "tables": {"public.a": "many"}}, "the size of public.a"),
        ({"version": 1, "tables": {"a b": 1}}, "'a b' is no name"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    path = _written(tmp_path / "s.json", content)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert said in caught.value.message
    assert path in caught.value.message
    assert caught.value.remedy


OWN = """
from elf_sqlcheck.rule import *


def check(context):
    name = context.change.table
    if not context.is_small(name):
        yield context.finding(f"{name} is read for {context.scan_time(name) or 'who knows how long'}")


RULES = (Rule("slow", "own", Severity.ERROR, "s", "w", "i", (CreateIndex,), check),)
"""


def test_the_command_takes_sizes_from_the_configuration_and_from_a_file(tmp_path: Path) -> None:
    project = make(tmp_path)
    project.put("own_rules/own.py", OWN)
    project.put(FIRST, "CREATE INDEX i ON orders (a);\nCREATE INDEX j ON teams (a);\n")
    told = project.lint("--output-format", "concise").stdout
    assert told.count("who knows how long") == 2
    configuration = 'rules-dir = "own_rules"\nselect = ["own"]\n[table-sizes]\norders = "12M"\nteams = 50\n'
    project.put("elf-sqlcheck.toml", configuration)
    told = project.lint("--output-format", "concise").stdout
    assert "orders is read for about 25 s" in told
    assert "teams" not in told
    tables = {"public.orders": {"rows": 12_000_000, "bytes": 40_000_000_000}}
    path = _written(tmp_path / "sizes.json", {"version": 1, "tables": tables})
    told = project.lint("--output-format", "concise", "--stats", path).stdout
    assert "orders is read for about 7 min" in told
    assert "teams" not in told
    done = project.lint("--stats", "nowhere.json")
    assert done.returncode == 2
    assert "elf-migrate status --stats" in done.stderr
