"""Order, dependencies and names of migrations; no server needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import PlanError, UsageError
from elf_sqlcheck.layouts import read
from elf_sqlcheck.migrate import create, plan
from elf_sqlcheck.migrate.checksum import checksum
from elf_sqlcheck.shared.roles import named_roles
from tests.migrate_files import text

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration

A, B, C = "20250101_000000_a", "20250102_000000_b", "20250103_000000_c"


def migrations(*named: tuple[str, list[str]]) -> list[Migration]:
    return [read(f"migrations/{name}.sql", text(name, "SELECT 1;", needs=needs).encode()) for name, needs in named]


def names(found: list[Migration]) -> list[str]:
    return [migration.name for migration in found]


def test_order_is_by_version() -> None:
    assert names(plan.order(migrations((C, [A]), (A, []), (B, [A[:15]])))) == [A, B, C]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([(A, ["20240101_000000_zero"])], "depends on 20240101_000000_zero, but there is no such migration"),
        ([(A, []), (B, ["20250101_000000_aa"])], "depends on 20250101_000000_aa, but there is no such migration"),
        ([(A, [B]), (B, [])], f"{A}.sql depends on migrations/{B}.sql, which is later"),
        ([(A, [C]), (B, [A]), (C, [B])], "round in a circle"),
        ([(A, [A])], "round in a circle"),
        ([(A, []), ("20250101_000000_other", [])], "have the same version 20250101_000000"),
    ],
)
def test_what_allows_no_order_names_the_files(given: list[tuple[str, list[str]]], said: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan.order(migrations(*given))
    assert said in caught.value.message
    assert given[0][0] in caught.value.message or given[-1][0] in caught.value.message
    assert caught.value.remedy


def test_a_file_without_a_version_has_no_place() -> None:
    with pytest.raises(PlanError, match=r"migrations/seed\.sql has no version"):
        plan.order([read("migrations/seed.sql", b"SELECT 1;")])


def test_a_dependency_may_be_known_to_the_database_only() -> None:
    given = migrations((B, [A]))
    assert names(plan.order(given, known={A})) == [B]


def test_what_is_due_leaves_out_what_is_applied() -> None:
    ordered = plan.order(migrations((A, []), (B, []), (C, [])))
    assert names(plan.due(ordered, {A[:15]: "completed"})) == [B, C]
    assert names(plan.due(ordered, {A[:15]: "skipped"})) == [B, C]
    for status in ("pending", "failed", "rolled_back", "running"):
        assert names(plan.due(ordered, {A[:15]: status})) == [A, B, C]


@pytest.mark.parametrize("target", [B, B[:15], f"migrations/{B}.sql"])
def test_a_target_is_the_last_one_that_runs(target: str) -> None:
    ordered = plan.order(migrations((A, []), (B, []), (C, [])))
    assert names(plan.due(ordered, {}, target=target)) == [A, B]


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 20250102_000000\?"):
        plan.due(plan.order(migrations((A, []), (B, []))), {}, target="20250102_000001")


def test_a_new_file_older_than_what_is_applied_is_an_error() -> None:
    ordered = plan.order(migrations((A, []), (B, []), (C, [])))
    with pytest.raises(PlanError, match=A):
        plan.due(ordered, {B[:15]: "completed"})
    assert names(plan.due(ordered, {B[:15]: "completed"}, allow_out_of_order=True)) == [A, C]
    assert names(plan.due(ordered, {A[:15]: "rolled_back", B[:15]: "completed"})) == [A, C]


def test_dependants_are_found_by_version_and_by_name() -> None:
    listed = migrations((A, []), (B, [A]), (C, [A[:15]]))
    assert names(plan.dependants(listed[0], listed)) == [B, C]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("add_user_preferences", "add_user_preferences"),
        ("Add User-Preferences!", "add_user_preferences"),
        ("addUserPreferences.sql", "add_user_preferences"),
        ("  Größe  ändern ", "grosse_andern"),
        ("x" * 200, "x" * 80),
    ],
)
def test_slugs_are_clean(name: str, slug: str) -> None:
    assert create.slug_of(name) == slug


@pytest.mark.parametrize("name", ["", "!!!", "数"])
def test_a_name_of_which_nothing_is_left(name: str) -> None:
    with pytest.raises(UsageError):
        create.slug_of(name)


def test_versions_are_unique() -> None:
    now = datetime(2025, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert create.new_version(set(), now) == "20250101_235959"
    assert create.new_version({"20250101_235959"}, now) == "20250102_000000"


def test_a_created_file_reads_back() -> None:
    made = create.text(
        "20250101_000000", "a_b", description="x\ny", dependencies=["z"], up="SELECT 1;", down="SELECT 2;"
    )
    read_back = read("20250101_000000_a_b.sql", made.encode())
    assert (read_back.title, read_back.description, read_back.dependencies) == ("A B", "x y", ("z",))
    assert [len(section.statements) for section in (read_back.up, read_back.down) if section] == [1, 1]
    assert read_back.problems == ()


def test_checksums_ignore_what_postgres_ignores() -> None:
    plain = read(f"{A}.sql", text(A, "CREATE TABLE a (\n  id int\n);", "DROP TABLE a;").encode())
    noisy = "-- licence\r\n/* more */\r\nCREATE TABLE a (  \r\n  id int -- key\r\n);\r\n\r\n"
    other = read(f"{A}.sql", b"\xef\xbb\xbf" + text(A, noisy, "DROP TABLE a; -- gone").encode())
    assert checksum(plain, plain.up) == checksum(other, other.up)
    assert checksum(plain, plain.down) == checksum(other, other.down)
    assert checksum(plain, plain.up) != checksum(plain, plain.down)
    assert len(checksum(plain, plain.up)) == 64


@pytest.mark.parametrize("up", ["CREATE TABLE a (id bigint);", "CREATE TABLE a (id int DEFAULT length('-- x'));"])
def test_checksums_notice_changes(up: str) -> None:
    plain = read(f"{A}.sql", text(A, "CREATE TABLE a (id int DEFAULT length('-- y'));").encode())
    other = read(f"{A}.sql", text(A, up).encode())
    assert checksum(plain, plain.up) != checksum(other, other.up)


def test_roles_that_are_named_but_not_made() -> None:
    up = """GRANT SELECT ON t TO reader, PUBLIC, CURRENT_USER;
            CREATE POLICY p ON t TO "Team Lead" USING (true);
            ALTER TABLE t OWNER TO owner_of_t; CREATE ROLE made; GRANT ALL ON t TO made;
            GRANT pg_read_all_data TO reader;
            ALTER DEFAULT PRIVILEGES FOR ROLE maker GRANT SELECT ON TABLES TO reader;"""
    found = read(f"{A}.sql", text(A, up, "REVOKE ALL ON t FROM former;").encode())
    assert named_roles([found]) == ["Team Lead", "former", "maker", "owner_of_t", "reader"]
