"""A password that is given in whatever way shows nowhere: not printed, not in a file, not in arguments, not encoded."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.forks import run
from tests.migrate_command import elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SECRET = "c4n4ry/p4ss\"w'ord%&\\x"
FORMS = {
    SECRET,
    quote(SECRET, safe=""),
    quote(SECRET),
    json.dumps(SECRET)[1:-1],
    repr(SECRET)[1:-1],
    SECRET.encode().hex(),
    SECRET[::-1],
    base64.b64encode(SECRET.encode()).decode(),
    SECRET.replace("'", "''"),
    "c4n4ry",
}
COMMANDS = (
    ("up", "--yes", "--skip-validation"), ("up", "--dry-run"), ("down", "--yes"), ("status",), ("status", "--stats"),
    ("list",), ("repair",), ("validate",), ("baseline", "20250101_000001", "--yes"),
    ("init", "--from-database", "--yes"), ("redo", "--yes"),
)  # fmt: skip
HOOK = "import os, sys; print(sys.stdin.read(), sys.argv)"


def clean(folder: Path, *said: str, besides: tuple[str, ...] = ()) -> None:
    """Fail when the secret is in what was said, or in a file, in any form."""
    files = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name not in besides]
    for path in files:
        with open(path, "rb") as file:
            said = (*said, path, file.read().decode("utf-8", "replace"))
    for text in said:
        for form in FORMS:
            assert form not in text, text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a migration and hooks that print all that they are told."""
    write(tmp_path / "migrations", "20250101_000001_first", "CREATE TABLE IF NOT EXISTS first (n int);")
    hook = json.dumps([sys.executable, "-c", HOOK])
    (tmp_path / "elf-sqlcheck.toml").write_text(f"[hooks]\nbefore-up = {hook}\nafter-up = {hook}\n")
    return tmp_path


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("way", ["option", "DATABASE_URL", "PGPASSWORD", "SUPABASE_PASSWORD"])
def test_a_password_for_a_server_that_is_not_there(project: Path, way: str, output: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}/db"
        url = f"postgresql://ada:{quote(SECRET, safe='')}@{place}"
        bare = ("--database-url", f"postgresql://ada@{place}")
        options, more = {
            "option": (("--database-url", url), {}),
            "DATABASE_URL": ((), {"DATABASE_URL": url}),
            "PGPASSWORD": (bare, {"PGPASSWORD": SECRET}),
            "SUPABASE_PASSWORD": (bare, {"SUPABASE_PASSWORD": SECRET}),
        }[way]
        for words in (("up", "--yes", "--skip-validation"), ("status",)):
            variables = environment(**more, HOME=str(project), TMPDIR=str(project))
            done = run("elf-migrate", *words, *options, "--output", output, folder=project, variables=variables)
            assert words[0] not in {"up", "status", "list", "redo"} or "127.0.0.1" in done.stdout + done.stderr, done
            clean(project, done.stdout, done.stderr)


def test_a_server_that_takes_the_password_keeps_it_to_itself(project: Path, database: str) -> None:
    """Hooks are told everything but the password; nothing of it is in the history, nor in the session's name."""
    url = f"{database}{'&' if '?' in database else '?'}password={quote(SECRET, safe='')}"
    more = environment(HOME=str(project), TMPDIR=str(project), ELF_SQLCHECK_DEBUG="1")
    for words in COMMANDS[:-2]:
        done = run("elf-migrate", *words, "--database-url", url, folder=project, variables=more)
        assert words[0] not in {"up", "status", "list"} or done.returncode == 0, (url, done)
        clean(project, done.stdout, done.stderr)
    with SupabaseExecutor(database) as executor:
        kept = executor.query("SELECT h::text AS row FROM migration_history h UNION ALL SELECT m::text FROM "
                              "schema_migrations m UNION ALL SELECT a::text FROM pg_stat_activity a")  # fmt: skip
    assert len(kept) > 2
    clean(project, *(row["row"] for row in kept))


def test_hostile_words_are_kept_as_they_are(tmp_path: Path, database: str) -> None:
    """What a file says of itself is in the history to the letter, and is nothing else anywhere."""
    words = ["'; DROP TABLE schema_migrations; --", "%s %(version)s %%", "{} {0} {name}", "\\'; SELECT 1; --",
             "$$ $x$ */ /*", "x" * 5000, "\u2028 \u202e é"]  # fmt: skip
    migrations = tmp_path / "migrations"
    for number, word in enumerate(words):
        path = write(
            migrations,
            f"20250101_00000{number}_m{number}",
            f"CREATE TABLE t{number} (n int);",
            f"DROP TABLE t{number};",
        )
        text = path.read_text(encoding="utf-8")
        lines = [f"-- Description: {word}" if line.startswith("-- Description:") else line for line in text.split("\n")]
        path.write_text("\n".join(lines), encoding="utf-8")
    url = ("--yes", "--database-url", database)
    for command in (("up", "--skip-validation"), ("down", "--all"), ("up", "--skip-validation")):
        elf_migrate(tmp_path, *command, *url)
    with SupabaseExecutor(database) as executor:
        rows = executor.query("SELECT description, status FROM schema_migrations ORDER BY version")
    assert [(row["description"], row["status"]) for row in rows] == [(word, "completed") for word in words]
    elf_migrate(tmp_path, "status", "--verify-history", "--database-url", database)
