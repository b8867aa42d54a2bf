"""`elf-migrate import`: migrations of other tools become files that do the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.migrate.importing import new_versions
from tests.layout_folders import FOLDERS, INDEX, NO_INDEX, NO_TABLE, REVERSIBLE, TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

COMMANDS = os.path.dirname(sys.executable)
NAMES = {
    "supabase": ["20250121_093000_users.sql", "20250121_093100_users_email.sql"],
    "golang-migrate": ["20000101_000009_users.sql", "20000101_000010_users_email.sql"],
    "goose": ["20000101_000001_users.sql", "20000101_000002_users_email.sql"],
    "flyway": ["20000101_000001_users.sql", "20000101_000002_users_email.sql"],
    "graphile-migrate": ["20000101_000001_users.sql", "20000101_000002_migration_000002.sql"],
    "plain": ["20000101_000001_users.sql"],
}


def put(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())


def call(root: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    command = [os.path.join(COMMANDS, program), *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def imported(root: Path, source: str, *arguments: str) -> dict[str, str]:
    """What is written, by file name."""
    done = call(root, "elf-migrate", "import", source, "--dir", "own", *arguments)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes().decode() for path in sorted((root / "own").iterdir())}


@pytest.mark.parametrize("layout", FOLDERS)
def test_the_statements_are_those_of_the_source(layout: str, tmp_path: Path) -> None:
    folder, files = FOLDERS[layout]
    put(tmp_path, files)
    written = imported(tmp_path, folder)
    assert list(written) == NAMES.get(layout, NAMES["supabase"])
    first, *rest = layouts.read_directory(str(tmp_path / "own"))
    assert first.layout == "elf"
    assert TABLE.strip() in first.data.decode()
    assert NO_TABLE in first.data.decode() or layout not in REVERSIBLE
    assert first.transactional
    if rest:
        assert INDEX in rest[0].data.decode()
        assert NO_INDEX in rest[0].data.decode() or layout not in REVERSIBLE
        assert not rest[0].transactional
    for text in written.values():
        assert not re.search(r"--!|\+goose|migrate:|no-transaction", text)


@pytest.mark.slow
@pytest.mark.parametrize("layout", REVERSIBLE)
def test_what_was_imported_proves_itself(layout: str, tmp_path: Path, server: Server) -> None:
    folder, files = FOLDERS[layout]
    put(tmp_path, files)
    imported(tmp_path, folder)
    on = ("--dir", "own", "--isolated", "--database-url", server.url)
    done = call(tmp_path, "elf-sqlcheck", "verify", *on)
    assert done.returncode == 0, done.stdout
    assert "2 migrations applied, 2 rolled back and applied again" in done.stderr
    done = call(tmp_path, "elf-sqlcheck", "lint", "own", "--isolated", "--select", "files")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("layout", FOLDERS)
def test_a_second_run_writes_nothing_and_a_later_one_only_what_is_new(layout: str, tmp_path: Path) -> None:
    folder, files = FOLDERS[layout]
    put(tmp_path, files)
    before = imported(tmp_path, folder)
    done = call(tmp_path, "elf-migrate", "import", folder, "--dir", "own", "--output", "json")
    assert json.loads(done.stdout)["created"] == []
    name = next(iter(before))
    (tmp_path / "own" / name).write_text(before[name] + "-- ours now\n")
    assert imported(tmp_path, folder) == before | {name: before[name] + "-- ours now\n"}


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    put(tmp_path, FOLDERS["dbmate"][1])
    done = call(tmp_path, "elf-migrate", "import", "db/migrations", "--dry-run")
    assert (
        "Would create migrations/20250121_093000_users.sql from db/migrations/20250121093000_users.sql" in done.stdout
    )
    assert not (tmp_path / "migrations").exists()


def test_dependencies_are_kept(tmp_path: Path) -> None:
    put(tmp_path, FOLDERS["sqitch"][1])
    second = list(imported(tmp_path, "database").values())[1]
    assert '-- Dependencies: ["20250121_093000_users"]' in second
    assert "-- Transaction: none" in second


def test_the_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    up = "-- Größe;\r\nCREATE TABLE a (\r\n\tb int -- 'x\r\n);\r\n\r\n\r\nCOMMENT ON TABLE a IS '\n-- +goose\n';\r\n"
    put(tmp_path, {"m/1_a.up.sql": up, "m/1_a.down.sql": "DROP TABLE a"})
    (text,) = imported(tmp_path, "m").values()
    assert up in text
    assert text.endswith("DROP TABLE a\n")


def test_what_stands_above_the_first_marker_is_kept(tmp_path: Path) -> None:
    text = "-- Licence: none\n\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n"
    put(tmp_path, {"m/00001_a.sql": text})
    (written,) = imported(tmp_path, "m").values()
    assert "-- Licence: none\n\nSELECT 1;\n" in written


def test_what_cannot_be_carried_over_is_said(tmp_path: Path) -> None:
    put(tmp_path, FOLDERS["flyway"][1] | {"db/migration/V3__x.sql": "CREATE TABLE ${owner}.a ();\n"})
    done = call(tmp_path, "elf-migrate", "import", "db/migration", "--dir", "own")
    assert done.returncode == 0
    assert "R__mails.sql is left out: it runs whenever it changes" in done.stdout
    assert "V3__x.sql: line 1 has a placeholder, which only Flyway fills in" in done.stdout
    assert "V3__x.sql: there is no DOWN" in done.stdout
    assert "DOWN MIGRATION" not in (tmp_path / "own" / "20000101_000003_x.sql").read_text()


def test_a_missing_down_is_derived_when_asked_for(tmp_path: Path) -> None:
    files = {"m/1_a.up.sql": "CREATE TABLE a (id int);\n", "m/2_b.up.sql": "ALTER TABLE a ADD b int;\n"}
    put(tmp_path, files | {"m/3_c.up.sql": "DELETE FROM a;\nDROP TABLE a;\n"})
    done = call(tmp_path, "elf-migrate", "import", "m", "--dir", "own", "--with-down")
    downs = [layouts.read_file(str(path)).down for path in sorted((tmp_path / "own").iterdir())]
    assert [down is not None and len(down.statements) for down in downs] == [1, 1, False]
    assert "m/3_c.up.sql: no DOWN is derived" in done.stdout
    assert "DROP COLUMN" in (tmp_path / "own" / "20000101_000002_b.sql").read_text()


def test_what_would_be_read_otherwise_stops_the_import(tmp_path: Path) -> None:
    put(tmp_path, {"m/1_a.up.sql": "SELECT 1;\n-- === DOWN ===\nSELECT 2;\n", "m/2_b.up.sql": "SELECT 3;\n"})
    done = call(tmp_path, "elf-migrate", "import", "m", "--dir", "own")
    assert done.returncode == 2
    assert "m/1_a.up.sql: what follows line 1 would be read otherwise" in done.stderr
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({"m/20250101_000000_a.sql": "SELECT 1;"}, ("m",), "elf-migrate's own already"),
        ({"m/1_a.up.sql": "SELECT 1;"}, ("m", "--dir", "m"), "cannot be imported into itself"),
        ({"m/x.txt": ""}, ("m",), "There are no migrations in m"),
        ({}, ("nowhere",), "nowhere"),
        ({"m/1_a.up.sql": "SELECT 1;"}, ("m", "--from", "elf"), "'elf' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused(
    files: dict[str, str], arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    put(tmp_path, files)
    done = call(tmp_path, "elf-migrate", "import", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_versions_ascend_and_stay_what_they_are() -> None:
    assert new_versions(["1", "2", "10"]) == ["20000101_000001", "20000101_000002", "20000101_000010"]
    assert new_versions(["1.2", "1.10"]) == ["20000101_000001", "20000101_000002"]
    assert new_versions(["20250121093000", "20250121093000"]) == ["20250121_093000", "20250121_093001"]
    assert new_versions(["1", "20250121", "3"]) == ["20000101_000001", "20250121_000000", "20250121_000001"]
    assert new_versions(["1737451800"]) == ["20250121_093000"]
    assert new_versions(["20259999"]) == ["20000101_000001"]
