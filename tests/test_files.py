"""The files among each other and against the main branch."""

from __future__ import annotations

import pytest

from elf_sqlcheck.fix import SAFE, apply
from elf_sqlcheck.model import Severity
from tests.judging import DOWN, HEAD, PATH, UP, found, judge, whole


def file(version: str, *dependencies: str) -> tuple[str, str]:
    """Path and text of a migration whose only point is its place in the order."""
    listed = ", ".join(f'"{dependency}"' for dependency in dependencies)
    text = whole("SELECT 1;", more=f"-- Dependencies: [{listed}]\n").replace("20250121_093000", version)
    return f"migrations/{version}_m{version[7]}.sql", text


A, B, C = (f"2025010{number}_000000" for number in (1, 2, 3))


@pytest.mark.parametrize(
    "name",
    ["add_users.sql", "20250121_add_users.sql", "20250121_093000-add-users.sql", "20250121_093000.sql",
     "20250121_093000_AddUsers.sql", "20251321_093000_add_users.sql", "20250121_253000_add_users.sql"],
)  # fmt: skip
def test_a_wrong_name_is_found_and_a_right_one_offered(name: str) -> None:
    findings, _ = judge({f"migrations/{name}": whole("SELECT 1;")}, "file-name", layout="elf")
    assert [finding.rule for finding in findings] == ["file-name"]
    assert name in findings[0].message or "no date" in findings[0].message
    if name == "add_users.sql":
        assert findings[0].instead.endswith(" migrations/20250121_093000_add_users.sql")


def test_a_right_name_and_standard_input_pass() -> None:
    assert found(whole("SELECT 1;"), "file-name") == []
    assert found(whole("SELECT 1;"), "file-name", path="-") == []


def test_missing_headers_are_added() -> None:
    text = f"-- a note\n{UP}SELECT 1;\n{DOWN}SELECT 1;\n"
    findings, migrations = judge({"migrations/20250121_093000_add_users.sql": text}, "header-missing")
    (migration,) = migrations.values()
    fixed = apply(migration.data, findings, SAFE).data.decode()
    assert fixed.startswith("-- Migration: Add Users\n-- Version: 20250121_093000\n-- Description: ")
    assert fixed.endswith(text)
    assert found(fixed, "header-missing") == []


def test_headers_are_added_after_a_byte_order_mark_only_once() -> None:
    text = "\ufeff" + f"-- Migration: Add users{UP}SELECT 1;{DOWN}SELECT 1;\n"
    findings, migrations = judge({PATH: text}, "header-missing")
    fixed = apply(migrations[PATH].data, findings, SAFE).data.decode()
    assert fixed.startswith("\ufeff-- Migration: Add users\n-- Version: 20250121_093000\n-- Description: Add users\n")


def test_a_version_that_contradicts_the_name_is_found_and_mended() -> None:
    text = whole("SELECT 1;").replace("Version: 20250121_093000", "Version: 20250121_090000")
    findings, migrations = judge({PATH: text}, "files")
    assert [finding.rule for finding in findings] == ["header-mismatch"]
    assert apply(migrations[PATH].data, findings, SAFE).data.decode() == whole("SELECT 1;")


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("-- Dependencies: 20250101_000000", 4),
        ('-- Dependencies: ["20250101_000000"', 4),
        ("-- Dependencies: {}", 4),
        ("-- Transaction: maybe", 4),
        ("-- Version: 20250121_093000", 4),
    ],
)
def test_a_broken_header_is_a_finding(header: str, line: int) -> None:
    assert [place for place, _ in found(whole("SELECT 1;", more=header + "\n"), "files")] == [line]


def test_two_migrations_with_one_version_name_each_other() -> None:
    files = {f"migrations/{A}_one.sql": whole("SELECT 1;"), f"migrations/{A}_two.sql": whole("SELECT 2;")}
    findings, _ = judge(files, "duplicate-version")
    assert [finding.path for finding in findings] == list(files)
    assert "two.sql" in findings[0].message
    assert "one.sql" in findings[1].message


def test_versions_of_different_folders_do_not_meet() -> None:
    files = {f"a/{A}_one.sql": whole("SELECT 1;"), f"b/{A}_two.sql": whole("SELECT 2;")}
    assert judge(files, "duplicate-version")[0] == []


@pytest.mark.parametrize("named", [A, f"{A}_m1", f"{A}_m1.sql"])
def test_a_dependency_may_be_a_version_or_a_name(named: str) -> None:
    assert judge(dict([file(A), file(B, named)]), "files")[0] == []


def test_a_dependency_that_is_not_there_is_found_at_its_own_place() -> None:
    path, text = file(B, A, "20250101_000009_nothing")
    findings, migrations = judge(dict([file(A), (path, text)]), "files")
    assert [finding.rule for finding in findings] == ["missing-dependency"]
    assert findings[0].span is not None
    assert migrations[path].text(findings[0].span) == "20250101_000009_nothing"


def test_a_later_dependency_is_found() -> None:
    findings, _ = judge(dict([file(A, B), file(B)]), "files")
    assert [(finding.rule, finding.path) for finding in findings] == [("dependency-later", file(A)[0])]


def test_a_cycle_is_shown_whole_and_once() -> None:
    findings, _ = judge(dict([file(A, C), file(B, A), file(C, B)]), "files")
    assert [finding.rule for finding in findings] == ["dependency-cycle"]
    assert f"{A}_m1 → {C}_m3 → {B}_m2 → {A}_m1" in findings[0].message


def test_dependencies_of_many_migrations_are_followed_quickly() -> None:
    versions = [
        f"2025{month:02}{day:02}_{hour:02}0000" for month in range(1, 13) for day in range(1, 29) for hour in range(3)
    ]
    files = dict(file(version, *versions[max(0, number - 3) : number]) for number, version in enumerate(versions))
    assert judge(files, "missing-dependency", "dependency-cycle", "dependency-later")[0] == []


BASE = whole("CREATE TABLE a (b INT); -- why\n\nSELECT 'x';", "DROP TABLE a;")


@pytest.mark.parametrize(
    "now",
    [
        BASE.replace(" -- why", " -- because"),
        BASE.replace("\n", "\r\n"),
        "\ufeff" + BASE,
        "-- Licence: GPL\n" + BASE.replace("TABLE a (b", "TABLE  a\n(b"),
        BASE.rstrip("\n"),
        BASE.replace("A test", "Another text"),
    ],
)
def test_comments_and_blanks_of_an_executed_migration_may_change(now: str) -> None:
    assert judge({PATH: now}, "executed-migration-changed", settings={"main-files": {PATH: BASE.encode()}})[0] == []


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (BASE.replace("b INT", "b BIGINT"), 6),
        (BASE.replace("'x'", "'X'"), 8),
        (BASE.replace("DROP TABLE a", "DROP TABLE c"), 11),
        (BASE.replace(DOWN, "\n"), 10),
        (BASE.replace("SELECT 'x';", ""), 10),
    ],
)
def test_an_edited_executed_migration_is_found_where_it_differs(now: str, line: int) -> None:
    findings, migrations = judge(
        {PATH: now}, "executed-migration-changed", settings={"main-files": {PATH: BASE.encode()}}
    )
    assert len(findings) == 1
    assert findings[0].severity is Severity.ERROR
    assert findings[0].span is not None
    assert migrations[PATH].position(findings[0].span.start)[0] == line


def test_a_deleted_and_a_renamed_executed_migration_are_found() -> None:
    old, gone = "migrations/20250101_000000_old.sql", "migrations/20250102_000000_gone.sql"
    settings = {"main-files": {old: BASE.encode(), gone: b"SELECT 5;"}, "main-deleted": (old, gone)}
    findings, _ = judge({PATH: BASE}, "executed-migration-changed", settings=settings)
    assert [finding.path for finding in findings] == [old, gone]
    assert f"renamed to {PATH.rpartition('/')[2]}" in findings[0].message
    assert "deleted" in findings[1].message


def test_what_is_older_than_the_main_branch_is_found_unless_depended_upon() -> None:
    early, late = file(A), file(C, A)
    settings = {"main-newest": B, "main-added": (early[0], late[0])}
    findings, _ = judge(dict([early, file(B), file(C)]), "out-of-order-version", settings=settings)
    assert [(finding.path, finding.severity) for finding in findings] == [(early[0], Severity.WARNING)]
    assert judge(dict([early, file(B), late]), "out-of-order-version", settings=settings)[0] == []
    del settings["main-added"]
    assert judge(dict([early, file(B), file(C)]), "out-of-order-version", settings=settings)[0] == []


def test_empty_files_and_sections_are_found() -> None:
    assert [message for _, message in found(HEAD, "files")] == ["this migration holds no statement at all"]
    assert [line for line, _ in found(whole("SELECT 1;", "-- nothing"), "files")] == [8]
    assert [line for line, _ in found(whole("-- nothing"), "files")] == [5]
    assert found(whole("SELEKT;", "SELEKT;"), "files") == []
    assert found(HEAD + "-- Irreversible: gone\n" + UP + "SELECT 1;" + DOWN, "files") == []
