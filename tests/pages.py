"""Reads the pages of the project, and does what they show.

A fenced block after `<!-- file: PATH -->` is that file. In a `console` block lines that begin with `$ ` are commands, a
final backslash goes on in the next line, and what follows is their output; `...` stands for what differs from run to
run or is too long (see `like`).

After `<!-- project: REFERENCE ... -->` the commands of a block meet the Supabase projects of these references, which
are stood in for: databases with the profile, behind a pooler, in a network of its own. After `deployed` the first one
has what supabase/migrations holds, as the Supabase CLI has left it.

A block of shell that is not run says why: `<!-- not run: REASON -->` stands before it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from glob import glob
from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck.postgres.server import throwaway
from tests import forks, isolated_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
#: Every page that is written by hand or shows how something is used.
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{os.path.basename(path)}" for path in glob(f"{ROOT}/docs/*.md")),
)
SHELLS = frozenset({"bash", "console", "fish", "sh", "shell", "zsh"})
_BLOCK = re.compile(r"(?:^<!-- (file|not run|project): (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the pages have in their shells when they write to a vault.
_VAULT = {"ELF_MASTER_PASSWORD": "correct horse battery staple", "PASSWORD": "hunter2hunter2", "KEY": "k-123456789"}
_SECRET = "correct-horse-battery-staple"
_PROGRAMS = frozenset({"elf-migrate", "elf-sqlcheck"})


class Block(NamedTuple):
    """A fenced block: its language, its text, the file that it is, why it is not run, and its projects; "" for none."""

    language: str
    text: str
    file: str = ""
    reason: str = ""
    projects: str = ""


class Example(NamedTuple):
    """A command of a console block, and the output that is shown."""

    command: str
    shown: str


def read(path: str) -> str:
    """The text of a file of the project."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(language, text, *(what if mark == wanted else "" for wanted in ("file", "not run", "project")))
        for mark, what, language, text in _BLOCK.findall(read(page))
    ]


def examples(block: Block) -> Iterator[Example]:
    """The commands of a console block."""
    for example in re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = example.partition("\n")
        yield Example(command, shown)


def carry_out(page: str, folder: Path) -> int:
    """Write the files of a page and run its commands in `folder`; returns how many, fails where output differs."""
    commands = 0
    for block in blocks(page):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "console" and not block.reason:
            outputs = (
                _on_projects(block, folder) if block.projects else (run(e.command, folder) for e in examples(block))
            )
            for (command, shown), output in zip(examples(block), outputs, strict=not block.projects):
                assert like(shown).fullmatch(trimmed(output)), f"{command}\nsays\n{output}\nand {page} shows\n{shown}"
                commands += 1
    return commands


def _on_projects(block: Block, folder: Path) -> list[str]:
    """What the commands print where their projects are; nothing where this account may make no network of its own."""
    if isolated_network.command() is None:
        return []
    references = [word for word in block.projects.split() if word != "deployed"]
    variables: dict[str, str] = {}
    with throwaway(profile="supabase") as server:
        urls = {reference: server.create_database(f"project_{reference}") for reference in references}
        if "deployed" in block.projects:
            _deploy_as_the_supabase_cli(urls[references[0]], folder)
        scenes = []
        for command, _ in examples(block):
            if command.startswith("export "):
                given = dict(word.split("=", 1) for word in shlex.split(command)[1:])
                variables |= {name: _SECRET if value == "..." else value for name, value in given.items()}
            answers = {
                path: answer for reference in references for path, answer in isolated_network.api(reference).items()
            }
            scenes.append(
                {
                    "command": ["bash", "-c", f"exec 2>&1; {command}"],
                    "environment": dict(variables),
                    "api": answers,
                    "databases": {reference: f"project_{reference}" for reference in references},
                }
            )
        results = isolated_network.run(f"{server.sockets}/.s.PGSQL.5432", _SECRET, scenes, folder)
    return [result["stdout"] for result in results]


def _deploy_as_the_supabase_cli(url: str, folder: Path) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS supabase_migrations")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations"
            " (version text PRIMARY KEY, statements text[], name text)"
        )
        for file in sorted((folder / "supabase/migrations").glob("*.sql")):
            connection.execute(file.read_bytes())
            row = file.stem.split("_", 1)
            connection.execute("INSERT INTO supabase_migrations.schema_migrations (version, name) VALUES (%s, %s)", row)


def run(command: str, folder: Path) -> str:
    """All that a command prints, in an environment that knows no database, no CI and no colour."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(forks.OF_PYTHON)}
    environment = {
        **kept,
        "PATH": os.pathsep.join([BIN, os.environ["PATH"]]),
        "HOME": str(folder.parent),
        "COLUMNS": "100",
        "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"],
        "GIT_CONFIG_COUNT": "3",
        **_git(0, "user.name", "Somebody"),
        **_git(1, "user.email", "somebody@example.com"),
        **_git(2, "init.defaultBranch", "main"),
    }
    packages = folder.parent / "packages"
    if packages.exists():
        environment["PYTHONPATH"] = str(packages)
    if command.startswith("pip install "):
        # Beside the project, from what is there: older versions of pip hand such settings on to what builds, and all
        # of them tell of newer ones where an index answers.
        options = f"--target {shlex.quote(str(packages))} --no-deps --no-build-isolation --no-index"
        options += " --disable-pip-version-check"
        command = command.replace("pip install", f"{shlex.quote(sys.executable)} -m pip install {options}")
    if "credentials" in command:
        environment |= _VAULT
    words = shlex.split(command)
    if words[0] in _PROGRAMS and not set(command) & set("|<>&;$`*"):
        return forks.run(*words, folder=folder, variables=environment, together=True).stdout
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


def _git(number: int, key: str, value: str) -> dict[str, str]:
    return {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}


def like(shown: str) -> re.Pattern[str]:
    """What output must look like: `...` is any text within a line, and any lines where it stands alone."""
    lines = (
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\n"
        for line in shown.strip("\n").split("\n")
        if shown.strip("\n")
    )
    return re.compile("".join(lines))


def trimmed(output: str) -> str:
    """The output without blanks at the ends of lines."""
    return "".join(f"{line.rstrip()}\n" for line in output.strip("\n").split("\n") if output.strip("\n"))
