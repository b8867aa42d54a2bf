"""The elf layout: headers, markers and sections, also where a file is odd."""

from __future__ import annotations

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import elf
from tests.judging import DOWN, HEAD, PATH, UP

TYPE = f"{HEAD}{UP}CREATE TABLE a ();\n{DOWN}DROP TABLE a;\n"


def sections(text: str | bytes) -> tuple[list[str], list[str] | None]:
    """The statements of UP and DOWN, as text."""
    migration = elf.read(PATH, text.encode() if isinstance(text, str) else text)
    up = [migration.text(statement.span) for statement in migration.up.statements]
    if migration.down is None:
        return up, None
    return up, [migration.text(statement.span) for statement in migration.down.statements]


def test_a_whole_file() -> None:
    more = '-- Dependencies: ["20250120_140000_initial_schema", "20250121_090000"]\n'
    more += "-- Team: marketing\n-- Transaction: none\n"
    migration = elf.read(PATH, TYPE.replace(UP, more + UP).encode())
    assert (migration.version, migration.slug, migration.name) == ("20250121_093000", "test", "20250121_093000_test")
    assert (migration.title, migration.description, migration.team) == ("Test", "A test", "marketing")
    assert migration.dependencies == ("20250120_140000_initial_schema", "20250121_090000")
    assert not migration.transactional
    assert migration.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        TYPE,
        TYPE.replace("\n", "\r\n"),
        "\ufeff" + TYPE,
        TYPE.rstrip("\n"),
        TYPE.replace(" MIGRATION ", " migration "),
        TYPE.replace("=============", "="),
        TYPE.replace("============= UP", "UP").replace("============= DOWN", "DOWN"),
        TYPE.replace("CREATE TABLE a ();", "CREATE TABLE a ()").replace("DROP TABLE a;", "DROP TABLE a"),
        TYPE.replace("-- =", "--="),
        TYPE.replace("CREATE", "-- größer ü 日本\nCREATE"),
        TYPE.replace(HEAD, ""),
    ],
)
def test_the_sections_are_the_same_however_they_are_written(text: str) -> None:
    up, down = sections(text)
    assert [statement.rstrip() for statement in up] == ["CREATE TABLE a ()"]
    assert down == ["DROP TABLE a"]
    assert elf.read(PATH, text.encode()).broken == ()


def test_a_marker_in_a_string_or_a_body_is_none() -> None:
    marker = "-- ============= DOWN MIGRATION ============"
    for statement in (f"SELECT '\n{marker}\n'", f"DO $$\n{marker}\nBEGIN END $$", f"SELECT 1 /*\n{marker}\n*/"):
        up, down = sections(TYPE.replace("CREATE TABLE a ()", statement))
        assert up == [statement]
        assert down == ["DROP TABLE a"]


def test_a_marker_in_a_string_is_none_when_something_does_not_parse() -> None:
    marker = "-- ============= DOWN MIGRATION ============"
    up, down = sections(TYPE.replace("CREATE TABLE a ()", f"SELEKT 1;\nSELECT '\n{marker}\n'"))
    assert up == [f"SELECT '\n{marker}\n'"]
    assert down == ["DROP TABLE a"]


def test_without_markers_all_is_up() -> None:
    assert sections(f"{HEAD}SELECT 1;\nSELECT 2;") == (["SELECT 1", "SELECT 2"], None)


def test_down_may_come_first() -> None:
    assert sections(f"{HEAD}{DOWN}DROP TABLE a;\n{UP}CREATE TABLE a ();\n") == (["CREATE TABLE a ()"], ["DROP TABLE a"])


def test_a_second_section_is_a_problem() -> None:
    migration = elf.read(PATH, f"{TYPE}{UP}SELECT 2;\n".encode())
    assert [problem.rule for problem in migration.problems] == ["header-mismatch"]
    assert len(migration.up.statements) == 1


def test_a_statement_above_the_first_marker_is_a_problem() -> None:
    migration = elf.read(PATH, f"{HEAD}SELECT 0;\n{UP}SELECT 1;\n".encode())
    assert ["above the first marker" in problem.message for problem in migration.problems] == [True]


@pytest.mark.parametrize("value", ["none", "[]", "", "None"])
def test_no_dependencies_may_be_written_in_several_ways(value: str) -> None:
    migration = elf.read(PATH, TYPE.replace(UP, f"-- Dependencies: {value}\n{UP}").encode())
    assert (migration.dependencies, migration.problems) == ((), ())


@pytest.mark.parametrize("value", ["20250101_000000", '["a"', '{"a": 1}', "[1]", "a, b"])
def test_dependencies_that_cannot_be_read_are_a_problem(value: str) -> None:
    migration = elf.read(PATH, TYPE.replace(UP, f"-- Dependencies: {value}\n{UP}").encode())
    assert migration.dependencies == ()
    assert [problem.rule for problem in migration.problems] == ["header-mismatch"]


def test_a_header_below_the_first_statement_is_a_comment() -> None:
    migration = elf.read(PATH, TYPE.replace("CREATE", "-- Team: other\nCREATE").encode())
    assert migration.team == ""


def test_header_places_count_bytes() -> None:
    data = TYPE.replace("A test", "Größe ü").encode()
    migration = elf.read(PATH, data)
    header = next(header for header in migration.headers if header.key == "description")
    assert data[header.span.start : header.span.end].decode() == "-- Description: Größe ü"


@pytest.mark.parametrize("path", [PATH, "20250121_093000_a.sql", "x/y/20250121_093000_a_1.sql"])
def test_a_file_is_recognized_by_its_name(path: str) -> None:
    assert layouts.read(path, b"SELECT 1;").layout == "elf"


@pytest.mark.parametrize("data", [HEAD.encode(), UP.encode(), b"-- == Down ==\nSELECT 1;"])
def test_a_file_is_recognized_by_what_it_says(data: bytes) -> None:
    assert layouts.read("x.sql", data).layout == "elf"


@pytest.mark.parametrize(
    "data", [b"SELECT 1;", b"-- up\nSELECT 1;", b"-- Migration: Roles\n-- Down migration\nSELECT 1;", b""]
)
def test_other_files_are_plain(data: bytes) -> None:
    migration = layouts.read("seeds/001_roles.sql", data)
    assert (migration.layout, migration.version, migration.slug, migration.down) == ("plain", "001", "roles", None)


def test_a_folder_with_one_file_of_the_layout_is_of_the_layout() -> None:
    named, other = "m/20250121_093000_a.sql", "m/roles.sql"
    assert [m.layout for m in layouts.read_all({other: b"SELECT 1;", named: b"SELECT 1;"})] == ["elf", "elf"]
    assert [m.layout for m in layouts.read_all({other: b"SELECT 1;"})] == ["plain"]


def test_what_cannot_be_read_is_an_error_with_a_remedy(tmp_path: object) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        layouts.read_file(f"{tmp_path}/nowhere.sql")
    with pytest.raises(UsageError, match="nowhere"):
        layouts.read_directory(f"{tmp_path}/nowhere")


def test_timeouts_are_read_from_headers() -> None:
    migration = elf.read(PATH, TYPE.replace(UP, f"-- Lock-Timeout: 2s\n-- Statement-Timeout: 10 min\n{UP}").encode())
    assert migration.timeouts == {"lock_timeout": "2s", "statement_timeout": "10 min"}
    assert migration.problems == ()


def test_a_timeout_that_is_none_is_ignored_and_told() -> None:
    migration = elf.read(PATH, TYPE.replace(UP, f"-- lock-timeout: soon; DROP\n{UP}").encode())
    assert migration.timeouts == {}
    (problem,) = migration.problems
    assert "the Lock-Timeout header says 'soon; DROP'" in problem.message
    assert problem.instead == "-- Lock-Timeout: 2s"
