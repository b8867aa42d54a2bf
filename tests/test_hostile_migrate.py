"""What files and servers say forges nothing in what elf-migrate prints, as text and as JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests import hostile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_what_elf_migrate_prints_is_its_own(tmp_path: Path, database: str) -> None:
    up = {
        text: f"CREATE TABLE {hostile.quoted(text)} ();\n"
        f"DO {hostile.literal('BEGIN RAISE NOTICE ' + hostile.literal(text.replace('%', '%%')) + '; END')};"
        for text in hostile.PAYLOADS.values()
    }
    hostile.files(tmp_path, up)
    folder = tmp_path / "migrations"
    url = ("--database-url", database)
    names = {path.stem for path in folder.iterdir()}
    for word in ("list", "status", "repair", "validate", "up"):
        done = hostile.command("elf-migrate", word, *url, folder=tmp_path)
        text = hostile.plain(done.stdout)
        if done.returncode:
            hostile.said_once(done.stderr)
        if word == "list":
            assert sum(" pending" in line for line in text.splitlines()) == len(names) == text.count("\n") - 3
        done = hostile.command("elf-migrate", word, *url, "--output", "json", folder=tmp_path)
        *_, last = hostile.plain(done.stdout).splitlines()
        whole = json.loads(last if word == "up" else done.stdout)
        if word == "list":
            assert {one["name"] for one in whole["migrations"]} == names
    for number, path in enumerate(sorted(folder.iterdir()), start=1):
        path.rename(folder / f"20250101_{number:06d}_plain.sql")  # `up` runs no other names
    printed: dict[str, str] = {}
    for words in (
        ("up", "--dry-run", "--skip-validation"), ("up", "--skip-validation"), ("list",), ("status",), ("repair",),
        ("status", "--stats"), ("down", "--all", "--dry-run"),
    ):  # fmt: skip
        done = hostile.command("elf-migrate", *words, *url, folder=tmp_path)
        printed[" ".join(words)] = text = hostile.plain(done.stdout)
        hostile.plain(done.stderr)
        assert done.returncode == 0, (words, text, done.stderr)
    ran = printed["up --skip-validation"].splitlines()
    assert sum(bool(re.match(r" {0,3}\S", line)) for line in ran) == len(names) + 3, (
        "the database, the newest event, done"
    )
    assert sum(bool(re.match(r"  applied 2025", line)) for line in ran) == len(names)
    assert sum(line.startswith(" " * 4) for line in ran) > len(names), "what the server says stands further in"
    tables = {name.removeprefix("public.") for name in json.loads(printed["status --stats"])["tables"]}
    assert set(map(hostile.quoted, hostile.PAYLOADS.values())) <= tables


@pytest.mark.slow
def test_what_a_server_says_of_a_failure_is_one_error(tmp_path: Path, database: str) -> None:
    up = {}
    for name in ("note", "mask", "c1", "return"):
        said = hostile.literal(hostile.PAYLOADS[name])
        body = f"BEGIN RAISE EXCEPTION USING MESSAGE = {said}, DETAIL = {said}, HINT = {said}; END"
        up[name] = f"DO {hostile.literal(body)};"
    hostile.files(tmp_path, up)
    for path in sorted((tmp_path / "migrations").iterdir()):
        words = ("up", "--skip-validation", "--database-url", database)
        done = hostile.command("elf-migrate", *words, folder=tmp_path)
        assert done.returncode == 1
        hostile.said_once(done.stderr)
        hostile.plain(done.stdout)
        done = hostile.command("elf-migrate", *words, "--output", "json", folder=tmp_path)
        events = [json.loads(line) for line in hostile.plain(done.stdout).splitlines()]
        assert events[-1]["event"] == "done"
        done = hostile.command("elf-migrate", "status", "--database-url", database, folder=tmp_path)
        hostile.plain(done.stdout)
        path.unlink()


@pytest.mark.slow
def test_what_a_hook_says_is_text(tmp_path: Path, database: str) -> None:
    hostile.files(tmp_path, {"plain": "SELECT 1;"})
    (path,) = (tmp_path / "migrations").iterdir()
    path.rename(path.with_name("20250101_000001_plain.sql"))
    (tmp_path / "said").write_text("\n".join(hostile.PAYLOADS.values()) + "\n")
    (tmp_path / "elf-sqlcheck.toml").write_text('[hooks]\nbefore-up = ["cat", "said"]\n')
    words = ("up", "--skip-validation", "--database-url", database)
    done = hostile.command("elf-migrate", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mention @team" in hostile.plain(done.stderr)


#: What a file may be called whose tool takes any name, and what SQL, psycopg or a shell would make of it.
NAMES = (
    "it's", "%s %(version)s %%", "{0} {} {name}", '"; DROP TABLE schema_migrations; --', "$$ $x$ \\'; SELECT 1; --",
    "x -- *", "ünï\u202e", "`id` $(id)", "x" * 200,
)  # fmt: skip


@pytest.mark.slow
def test_a_name_is_a_name_to_the_letter(tmp_path: Path, database: str) -> None:
    folder = tmp_path / "db" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "elf-sqlcheck.toml").write_text(
        'dir = "db/migrations"\nlayout = "dbmate"\n[hooks]\nbefore-up = ["cat"]\n', encoding="utf-8"
    )
    for number, name in enumerate(NAMES):
        path = folder / f"2025010100000{number}_{name}.sql"
        path.write_text(f"-- migrate:up\nCREATE TABLE t{number} ();\n-- migrate:down\nDROP TABLE t{number};\n")
    url = ("--database-url", database)
    for words in (
        ("up", "--yes", "--skip-validation"),
        ("down", "--all", "--yes"),
        ("up", "--yes", "--skip-validation"),
    ):
        done = hostile.command("elf-migrate", *words, *url, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        hostile.plain(done.stdout)
        hostile.plain(done.stderr)
    listed = json.loads(hostile.command("elf-migrate", "list", *url, "--output", "json", folder=tmp_path).stdout)
    expected = [(f"2025010100000{number}_{name}", "completed") for number, name in enumerate(NAMES)]
    assert [(one["name"], one["status"]) for one in listed["migrations"]] == expected
    with SupabaseExecutor(database) as executor:
        kept = executor.query("SELECT version, name FROM public.schema_migrations ORDER BY version")
        tables = executor.query("SELECT to_regclass('t8') IS NOT NULL AS there")
    assert [row["name"] for row in kept] == [name for name, _ in expected]
    assert tables[0]["there"]
    status = hostile.command("elf-migrate", "status", "--verify-history", *url, folder=tmp_path)
    assert f"The history is whole: {3 * len(NAMES)} events." in hostile.plain(status.stdout)
