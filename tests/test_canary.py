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

from tests.forks import run
from tests.migrate_command import environment
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
    (tmp_path / "elf-sqlcheck.toml").write_text(f"[migrate.hooks]\nbefore-up = {hook}\nafter-up = {hook}\n")
    return tmp_path


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("way", ["option", "DATABASE_URL", "PGPASSWORD", "SUPABASE_PASSWORD"])
def test_a_password_for_a_server_that_is_not_there(project: Path, way: str, debug: str, output: str) -> None:
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
        for words in COMMANDS:
            variables = environment(**more, ELF_SQLCHECK_DEBUG=debug, HOME=str(project), TMPDIR=str(project))
            done = run("elf-migrate", *words, *options, "--output", output, folder=project, variables=variables)
            assert done.stdout + done.stderr, words
            clean(project, done.stdout, done.stderr)
