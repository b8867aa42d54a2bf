"""`elf-migrate create --from-up`: the DOWN that it proposes holds on a server, and what it cannot undo it says."""
# ruff: noqa: ISC004 - a migration is read best without parentheses

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.layouts import elf, read_directory
from elf_sqlcheck.migrate.create import text
from elf_sqlcheck.migrate.from_up import undo
from elf_sqlcheck.verify import verify
from tests.migrate_command import as_json, elf_migrate

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

UPS = [
    "CREATE TABLE teams (id UUID PRIMARY KEY, name TEXT NOT NULL);\nCREATE INDEX idx_teams_name ON teams (name);",
    "CREATE TABLE users (id UUID PRIMARY KEY, team UUID REFERENCES teams (id), age INT DEFAULT 1);\n"
    "CREATE VIEW grown AS SELECT id FROM users WHERE age > 17;\nCOMMENT ON TABLE users IS 'people';",
    "ALTER TABLE users ADD COLUMN email TEXT, ADD CONSTRAINT users_email_key UNIQUE (email);",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
    "CREATE TABLE notes (id UUID);\nCREATE TRIGGER touched BEFORE UPDATE ON notes EXECUTE FUNCTION touch();",
    "CREATE TYPE mood AS ENUM ('sad', 'ok');\nALTER TABLE users ADD COLUMN mood mood DEFAULT 'ok';",
    "ALTER TABLE users RENAME COLUMN age TO years;\nALTER TABLE notes RENAME TO remarks;",
    "CREATE SCHEMA s;\nCREATE TABLE s.a (id UUID PRIMARY KEY);\nCREATE TABLE s.b (a UUID REFERENCES s.a (id));",
    "ALTER TABLE teams ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON teams USING (true);",
    "ALTER TABLE teams ALTER COLUMN name DROP NOT NULL, ALTER COLUMN name SET DEFAULT 'x';",
    "CREATE INDEX CONCURRENTLY idx_users_years ON users (years);",
    "CREATE TABLE IF NOT EXISTS teams (id INT);\nCREATE TABLE IF NOT EXISTS extra (id INT);",
    "CREATE SEQUENCE numbers;\nCREATE DOMAIN label AS TEXT;\nCREATE MATERIALIZED VIEW totals AS SELECT 1 AS one;",
]


@pytest.mark.slow
def test_what_is_proven_holds_on_a_server(server: Server) -> None:
    there: list[Migration] = []
    for number, up in enumerate(UPS):
        found = undo(there, "up.sql", up.encode())
        assert found.proven, (up, found)
        assert not found.missing
        headers = [] if found.transactional else [("Transaction", "none")]
        version = f"20250101_0000{number:02d}"
        content = text(version, "step", up=found.up, down=found.down, headers=headers)
        there.append(elf.read(f"migrations/{version}_step.sql", content.encode()))
    result = verify(there, server)
    assert [finding.message for finding in result.findings] == []
    assert all(step.reapplied for step in result.steps)


@pytest.mark.parametrize(
    ("up", "missing"),
    [
        ("CREATE TABLE a (id INT);\nUPDATE users SET age = 2;", "line 2: UPDATE users SET age = 2"),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'x' || now(); END $$;", "line 1: "),
        ("DROP TABLE never_heard_of;", "line 1: DROP TABLE never_heard_of"),
    ],
)
def test_what_cannot_be_undone_is_said(up: str, missing: str) -> None:
    found = undo([], "up.sql", up.encode())
    assert not found.proven
    assert any(line.startswith(missing) for line in found.missing)
    assert f"-- Not undone: {missing}" in found.down


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"CREATE TABEL a (id int);", "line 1 of up.sql"),
        (b"\xff\xfe", "no UTF-8"),
        (b"-- nothing", "no statement"),
        (b"-- ===== UP MIGRATION =====\nSELECT 1;", "whole migration already"),
    ],
)
def test_what_is_no_up_section_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        undo([], "up.sql", data)


def test_the_command_writes_both_sections(tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text(
        "CREATE TABLE IF NOT EXISTS a (id UUID PRIMARY KEY);\nCREATE INDEX idx_a ON a (id);\n"
    )
    said = as_json(tmp_path, "create", "add a", "--from-up", "up.sql")
    assert (said["down_is_proven"], said["not_undone"]) == (True, [])
    [migration] = read_directory(str(tmp_path / "migrations"))
    assert migration.down is not None
    assert migration.text(migration.down.span).strip() == "DROP TABLE IF EXISTS a;"


def test_the_command_reads_standard_input(tmp_path: Path) -> None:
    done = elf_migrate(tmp_path, "create", "double_ages", "--from-up", "-", stdin="UPDATE users SET age = 2 * age;\n")
    assert "Not undone, write it by hand: line 1: UPDATE users SET age = 2 * age" in done.stdout + done.stderr
