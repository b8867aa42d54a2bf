"""A stranger's repository, whose migrations try what they may not while the real `verify` proves them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests.lint_project import Project

if TYPE_CHECKING:
    from pathlib import Path

DEBIAN = "/usr/lib/postgresql/15/bin"
SERVERS = ["", DEBIAN] if os.path.isdir(DEBIAN) else [""]
NAME = "migrations/20250101_000000_x.sql"
UP, DOWN = "-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION =============\n"
#: So that nobody who only reads the statement knows what is run.
HIDDEN = "DO $do$ BEGIN EXECUTE replace($x${}$x$, '~', ''); {} END $do$;\n"


def hidden(statement: str, then: str = "RAISE 'ESCAPED';") -> str:
    return HIDDEN.format("~".join(statement), then)


def seen(question: str) -> str:
    """Ends in ESCAPED, and with what it saw, when the question can be answered."""
    return f"DO $do$ DECLARE v text; BEGIN {question}; IF v IS NOT NULL THEN RAISE 'ESCAPED %', v; END IF; END $do$;\n"


def server_name(programs: str) -> str:
    return "15" if programs else "embedded"


def on(programs: str) -> list[str]:
    return ["--untrusted", *(["--pg-bin", programs] if programs else [])]


def stranger(tmp_path: Path, configuration: str = "") -> Project:
    """Their repository, in which the main branch holds nothing but our configuration."""
    made = Project(tmp_path / "repository")
    made.put("elf-sqlcheck.toml", configuration)
    made.git("init", "-q", "-b", "main")
    made.commit()
    return made


def witness(project: Project) -> str:
    return f"/tmp/elf-witness-{project.root.parent.name}"


def administrator(profile: str) -> str:
    return "supabase_admin" if profile else "elf_administrator"


def tried(project: Project, sql: str, profile: str, *arguments: str) -> str:
    """What `verify` says of the attempt."""
    secret = project.root.parent / "secret"
    secret.write_text("TOPSECRET\n")
    for path in (secret, *list(secret.parents)[:3]):
        path.chmod(path.stat().st_mode | 0o555)
    values = {"witness": witness(project), "secret": str(secret), "administrator": administrator(profile)}
    for name, value in values.items():
        for text, put in ((f"{{{name}}}", value), ("~".join(f"{{{name}}}"), "~".join(value))):
            sql = sql.replace(text, put)
    if profile:
        project.put("elf-sqlcheck.toml", f'profile = "{profile}"\n')
        project.commit()
    project.put(NAME, f"{UP}{sql}{DOWN}SELECT 1;\n")
    done = project.run("verify", *arguments)
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def escaped(said: str) -> bool:
    return any("ESCAPED" in line for line in said.splitlines() if "UP fails" in line)


def proven(project: Project, *arguments: str) -> dict[str, list[Any]]:
    """The rules and messages of the findings, by the number that begins the name of a file after its date."""
    done = project.run("verify", "--output-format", "json", *arguments)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found: dict[str, list[Any]] = {}
    for one in json.loads(done.stdout)["findings"]:
        found.setdefault(os.path.basename(one["path"]), []).append((one["rule"], one["message"]))
    return found
