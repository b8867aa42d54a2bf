"""The VERIFY section of the elf layout: where it begins and ends, and what becomes of it on the way."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.layouts import elf
from elf_sqlcheck.migrate.checksum import checksum
from elf_sqlcheck.migrate.history import texts
from tests.judging import DOWN, HEAD, PATH, UP
from tests.migrate_command import environment

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.model import Migration

VERIFY = "-- ============= VERIFY =============\n"


def read(*parts: str) -> Migration:
    return elf.read(PATH, (HEAD + "".join(parts)).encode())


def asserted(migration: Migration) -> list[str]:
    return [migration.text(one.span) for one in migration.verify.statements] if migration.verify else []


@pytest.mark.parametrize(
    "parts",
    [
        (UP, "SELECT 1;\n", DOWN, "SELECT 2;\n", VERIFY, "SELECT true;\n"),
        (UP, "SELECT 1;\n", VERIFY, "SELECT true;\n", DOWN, "SELECT 2;\n"),
        (VERIFY, "SELECT true;\n", UP, "SELECT 1;\n", DOWN, "SELECT 2;\n"),
        (UP, "SELECT 1\n", "--= verify\n", "SELECT true\n", DOWN, "SELECT 2"),
    ],
)
def test_it_stands_anywhere_among_the_sections(parts: tuple[str, ...]) -> None:
    migration = read(*parts)
    assert asserted(migration) == ["SELECT true"]
    assert [migration.text(one.span) for one in migration.up.statements] == ["SELECT 1"]
    assert migration.down is not None
    assert [migration.text(one.span) for one in migration.down.statements] == ["SELECT 2"]
    assert migration.problems == ()


def test_a_marker_in_a_string_is_none() -> None:
    text = f"'\n{VERIFY}SELECT false;\n'"
    migration = read(UP, f"SELECT {text};\n", VERIFY, f"SELECT {text} <> '';\n")
    assert asserted(migration) == [f"SELECT {text} <> ''"]


@pytest.mark.parametrize("comment", ["-- Verify\n", "-- verify migration\n", "-- ==== VERIFY THAT ====\n"])
def test_a_comment_about_verifying_is_no_marker(comment: str) -> None:
    assert read(UP, "SELECT 1;\n", comment, "SELECT 2;\n").verify is None


def test_a_banner_alone_makes_no_elf_file() -> None:
    assert not elf.recognizes("1_x.sql", f"SELECT 1;\n{VERIFY}SELECT true;\n".encode())


def test_a_second_one_is_told() -> None:
    migration = read(UP, "SELECT 1;\n", VERIFY, "SELECT true;\n", VERIFY, "SELECT false;\n")
    assert asserted(migration) == ["SELECT true"]
    assert [problem.instead for problem in migration.problems] == ["keep one VERIFY section"]


def test_a_change_of_it_is_no_change_of_what_was_executed() -> None:
    bare = read(UP, "SELECT 1;\n", DOWN, "SELECT 2;\n")
    asking = read(UP, "SELECT 1;\n", VERIFY, "SELECT true;\n", DOWN, "SELECT 2;\n")
    assert checksum(bare, bare.up) == checksum(asking, asking.up)
    assert checksum(bare, bare.down) == checksum(asking, asking.down)


def test_the_history_keeps_it() -> None:
    migration = read(UP, "SELECT 1;\n", DOWN, "SELECT 2;\n", VERIFY, "SELECT true AS fine;\n")
    row = dict(texts.kept(migration))
    assert asserted(texts.restored({**row, "facts": json.loads(row["facts"])})) == ["SELECT true AS fine"]


def _lint(folder: Path, text: str, *arguments: str) -> list[str]:
    (folder / "migrations").mkdir(exist_ok=True)
    (folder / "migrations" / "20250121_093000_test.sql").write_text(text, encoding="utf-8")
    select = ("--select", "unusable-assertion,syntax-error,executed-migration-changed,suppressions")
    command = ["elf-sqlcheck", "lint", "--output-format", "json", *select, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    return [f"{one['line']} {one['rule']}" for one in json.loads(done.stdout)["findings"]]


def test_lint_reads_it(tmp_path: Path) -> None:
    text = f"{HEAD}{UP}SELECT 1;\n{VERIFY}SELECT true;\nSELECT FROM WHERE;\nDELETE FROM teams;\n"
    line = text[: text.index("SELECT FROM")].count("\n") + 1
    assert _lint(tmp_path, text) == [f"{line} syntax-error", f"{line + 1} unusable-assertion"]
    allowed = text.replace("DELETE", "-- elf: allow unusable-assertion -- it is refused anyway\nDELETE")
    assert _lint(tmp_path, allowed) == [f"{line} syntax-error"]


def test_it_may_be_changed_after_the_merge(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    text = f"{HEAD}{UP}SELECT 1;\n{VERIFY}SELECT true;\n{DOWN}SELECT 2;\n"
    git("init", "-q", "-b", "main")
    _lint(tmp_path, text)
    git("add", ".")
    git("commit", "-qm", "one")
    git("switch", "-qc", "more")
    assert _lint(tmp_path, text.replace("true", "1 = 1")) == []
    assert _lint(tmp_path, text.replace("SELECT 1;", "SELECT 11;")) != []
