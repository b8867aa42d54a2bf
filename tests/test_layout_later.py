"""Migrations are read when more is asked of them than their names tell, in every layout, and then are what they are."""

from __future__ import annotations

import pickle

import pytest

from elf_sqlcheck import layouts, sql
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration
from tests.layout_folders import FOLDERS

ELF = {
    "migrations/20250121_093000_users.sql": "-- = UP =\nCREATE TABLE users ();\n-- = DOWN =\nDROP TABLE users;\n",
    "migrations/20250121_093100_no_way_back.sql": "-- Transaction: none\nCREATE INDEX CONCURRENTLY ON users (id);\n",
}
FLYWAY = {
    "sql/V1__users.sql": "CREATE TABLE users ();",
    "sql/V1__users.sql.conf": "executeInTransaction=false",
    "sql/U1__users.sql": "DROP TABLE users;",
    "sql/U2__nothing.sql": "SELECT 1;",
    "sql/R__views.sql": "CREATE OR REPLACE VIEW v AS SELECT 1;",
}
SERIES = {"elf": ELF, **{layout: files for layout, (_, files) in FOLDERS.items()}, "flyway, with settings": FLYWAY}
TOLD = ("path", "data", "layout", "version", "slug", "name", "files", "repeatable", "sealed", "settings")


def read(name: str) -> list[Migration]:
    files = {path: text.encode() for path, text in SERIES[name].items() if "/verify/" not in path}
    return layouts.read_all(files)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The texts that are parsed, as that happens."""
    found: list[bytes] = []
    parse = sql.parse

    def counted(data: bytes, *places: int) -> sql.Script:
        found.append(data)
        return parse(data, *places)

    monkeypatch.setattr(sql, "parse", counted)
    return found


@pytest.mark.parametrize("name", SERIES)
def test_names_order_and_bytes_are_known_without_parsing(name: str, parsed: list[bytes]) -> None:
    migrations = read(name)
    if name == "graphile-migrate":
        parsed.clear()  # current.sql: whether it counts at all, its statements say
    for migration in migrations:
        assert migration.data
        assert migration.order <= migrations[-1].order
        assert migration.path in migration.paths
        assert migration.position(0) == (1, 1)
        assert (migration.name, migration.sealed, migration.parts()) is not None
    assert parsed == []
    assert sum(len(migration.up.statements) for migration in migrations) > 0
    once = len(parsed)
    assert once > 0
    assert len([(migration.down, migration.broken, migration.problems) for migration in migrations]) > 0
    assert len(parsed) == once, "each is read once at most"


def test_dependencies_are_known_without_parsing(parsed: list[bytes]) -> None:
    text = b'-- Dependencies: ["20250121_093000_users"]\n-- = UP =\nCREATE TABLE posts ();\n'
    migration = layouts.read("migrations/20250121_093100_posts.sql", text)
    assert migration.dependencies == ("20250121_093000_users",)
    assert parsed == []
    assert isinstance(migration, Later)
    assert migration.read_once().dependencies == migration.dependencies
    assert [statement.kind for statement in migration.up.statements] == ["CreateStmt"]
    assert migration.dependencies == ("20250121_093000_users",)


@pytest.mark.parametrize("name", SERIES)
def test_what_is_told_before_reading_is_what_reading_finds(name: str) -> None:
    later = [migration for migration in read(name) if isinstance(migration, Later)]
    assert later
    for migration in later:
        told = [getattr(migration, field) for field in TOLD]
        assert told == [getattr(migration.read_once(), field) for field in TOLD]


def test_a_file_whose_name_tells_no_version_is_read_at_once() -> None:
    migration = layouts.read("migrations/users.sql", b"-- Version: 20250121_093000\n-- === UP ===\nSELECT 1;\n", "elf")
    assert not isinstance(migration, Later)
    assert migration.version == "20250121_093000"


def test_one_that_was_not_read_survives_being_sent_to_another_process() -> None:
    [migration, _] = read("elf")
    sent = pickle.loads(pickle.dumps(migration))
    assert [statement.kind for statement in sent.up.statements] == ["CreateStmt"]
    assert (sent.name, sent.data) == (migration.name, migration.data)


def test_what_no_migration_has_is_an_error() -> None:
    [migration, _] = read("elf")
    with pytest.raises(AttributeError, match="'ups'"):
        _ = migration.ups  # type: ignore[attr-defined]
