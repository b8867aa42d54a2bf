"""Real commits, blocked and let through by the real pre-commit, which installs this project from a clone."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys

import pytest
from pre_commit import clientlib

from tests.migrate_files import GOOD, MIGRATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
BAD = GOOD.replace("name TEXT NOT NULL", "name CHAR(20) NOT NULL")
LINE_OF_CHAR = 9
EXTRAS = "    additional_dependencies: ['.[embedded,style]']\n"

#: One worker of pytest-xdist runs them all: what pre-commit installs is installed once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pre-commit")]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a developer who has configured nothing; git and pre-commit keep to temporary places."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return {
        **kept,
        "PIP_NO_COMPILE": "1",
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }


class Repository:
    """A Git repository in a temporary folder."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        result = self.run("git", *arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text, "utf-8")

    def stage(self, path: str, text: str) -> None:
        self.write(path, text)
        self.git("add", path)

    def commit(self) -> subprocess.CompletedProcess[str]:
        return self.run("git", "commit", "--message", "Add teams")

    def commits(self) -> int:
        return int(self.git("rev-list", "--all", "--count"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Repository:
    """This checkout as others clone it: what Git would take, in one commit, without a tag."""
    repository = Repository(tmp_path_factory.mktemp("published"), environment)
    for path in subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split(
        "\n"
    ):
        if path and os.path.exists(os.path.join(ROOT, path)):
            target = repository.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), target)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "elf-sqlcheck")
    return repository


def using(published: Repository, *hooks: str, more: str = EXTRAS) -> str:
    """The configuration that uses hooks, each as its id and what else is said of it.

    All ask for what verify and style need, so that one environment, which is installed once, serves all.
    """
    named = "".join(f"  - id: {hook}\n{more}" for hook in hooks)
    return f"repos:\n- repo: {published.path}\n  rev: {published.git('rev-parse', 'HEAD')}\n  hooks:\n{named}"


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str], published: Repository) -> Repository:
    """Somebody's repository whose pre-commit runs our hooks."""
    repository = Repository(tmp_path / "project", environment)
    repository.stage(".pre-commit-config.yaml", using(published, "elf-sqlcheck", "elf-sqlcheck-verify"))
    installed = repository.run(os.path.join(BIN, "pre-commit"), "install")
    assert installed.returncode == 0, installed.stdout
    return repository


@pytest.fixture
def plain(tmp_path: Path, environment: dict[str, str]) -> Repository:
    """Somebody's repository whose hook is a script that calls us, as husky's are."""
    repository = Repository(tmp_path / "plain", environment)
    hook = repository.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {BIN}/elf-sqlcheck lint --staged\n", "utf-8")
    hook.chmod(0o755)
    return repository


def why(name: str) -> str:
    """Why a rule is there, without the line breaks that a report may put in."""
    from elf_sqlcheck.registry import load

    [found] = (rule.why for rule in load() if rule.name == name)
    return " ".join(found.split())


def test_a_bad_migration_is_blocked_and_the_mended_one_passes(project: Repository) -> None:
    project.stage(MIGRATION, BAD)
    blocked = project.commit()
    assert blocked.returncode == 1, blocked.stdout
    assert project.commits() == 0
    assert f"{MIGRATION}:{LINE_OF_CHAR}:" in blocked.stdout
    assert "char-type" in blocked.stdout
    assert why("char-type") in " ".join(blocked.stdout.split())
    assert "instead: VARCHAR(20)" in blocked.stdout
    project.stage(MIGRATION, GOOD)
    passed = project.commit()
    assert passed.returncode == 0, passed.stdout
    assert project.commits() == 1


def test_what_stands_only_in_the_index_is_blocked_by_pre_commit(project: Repository) -> None:
    project.stage(MIGRATION, BAD)
    project.write(MIGRATION, GOOD)
    blocked = project.commit()
    assert blocked.returncode == 1, blocked.stdout
    assert "char-type" in blocked.stdout
    assert (project.path / MIGRATION).read_text("utf-8") == GOOD


def test_what_stands_only_in_the_working_tree_blocks_nobody(project: Repository, plain: Repository) -> None:
    for repository in (project, plain):
        repository.stage(MIGRATION, GOOD)
        repository.write(MIGRATION, BAD)
        passed = repository.commit()
        assert passed.returncode == 0, passed.stdout


def test_what_stands_only_in_the_index_is_blocked_by_a_plain_hook(plain: Repository) -> None:
    plain.stage(MIGRATION, BAD)
    plain.write(MIGRATION, GOOD)
    blocked = plain.commit()
    assert blocked.returncode == 1, blocked.stdout
    assert f"{MIGRATION}:{LINE_OF_CHAR}:" in blocked.stdout
    assert plain.commits() == 0
    plain.git("add", MIGRATION)
    assert plain.commit().returncode == 0


def test_a_commit_without_sql_is_not_slowed(project: Repository, plain: Repository) -> None:
    project.stage("notes.txt", "nothing to lint\n")
    passed = project.commit()
    assert passed.returncode == 0
    assert "(no files to check)Skipped" in passed.stdout
    plain.stage("notes.txt", "nothing to lint\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert plain.commit().returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5


def version(number: int) -> str:
    return f"20250121_{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"


def test_the_files_of_a_batch_are_judged_with_those_of_the_others(project: Repository) -> None:
    """pre-commit deals files out by the length of the command line (4,000 usual names come as 2,046 and 1,954)."""
    count, tail = 1000, "_and_what_belongs_to_them" * 8
    names = [f"{version(number)}_add_teams_{number}{tail}" for number in range(count)]
    for number, name in enumerate(names):
        text = GOOD.replace("20250121_093000", version(number)).replace("teams", f"teams_{number}")
        if number in {10, count - 10}:
            text = text.replace("name TEXT", "name CHAR(20)")
        if number == 20:  # the last file has its index
            text = text.replace("NULL,", "NULL,\n    team_id UUID REFERENCES teams_1(id) ON DELETE RESTRICT,")
        if number == count - 1:
            text = text.replace(");", ");\nCREATE INDEX IF NOT EXISTS idx_teams_20_team_id ON teams_20 (team_id);")
            text = text.replace("DROP TABLE", "DROP INDEX IF EXISTS idx_teams_20_team_id;\nDROP TABLE")
        project.write(f"migrations/{name}.sql", text)
    project.git("add", "--all")
    result = project.run(os.path.join(BIN, "pre-commit"), "run", "--verbose", "elf-sqlcheck")
    assert len(re.findall(r"in \d+ files", result.stdout)) > 1, result.stdout[-3000:]
    places = re.findall(r"^migrations/(\S+).sql:\d+:\d+ +error +char-type$", result.stdout, re.MULTILINE)
    assert places == [names[10], names[count - 10]]
    assert "unindexed-foreign-key" not in result.stdout


def test_verify_waits_for_the_push_and_brings_its_own_postgres(project: Repository) -> None:
    project.stage(MIGRATION, GOOD)
    committed = project.commit()
    assert "verify" not in committed.stdout
    pushed = project.run(os.path.join(BIN, "pre-commit"), "run", "--hook-stage", "pre-push", "--all-files", "--verbose")
    assert pushed.returncode == 0, pushed.stdout
    assert "PostgreSQL" in pushed.stdout
    project.write(MIGRATION, GOOD.replace("DROP TABLE IF EXISTS teams;", "DROP TABLE IF EXISTS team;"))
    project.git("add", MIGRATION)
    refused = project.run(os.path.join(BIN, "pre-commit"), "run", "--hook-stage", "manual", "--all-files")
    assert refused.returncode == 1, refused.stdout
    assert "rollback-leaves-behind" in refused.stdout


def test_what_is_fixed_is_staged_again(project: Repository, published: Repository) -> None:
    fixing = "elf-sqlcheck\n    args: [--fix, --select, 'char-type,drop-without-if-exists']"
    project.stage(".pre-commit-config.yaml", using(published, fixing))
    fixable = GOOD.replace("DROP TABLE IF EXISTS", "DROP TABLE").replace("\n", "\r\n")
    project.write(MIGRATION, fixable)
    project.git("add", MIGRATION)
    project.write("notes.txt", "not staged\n")
    blocked = project.commit()
    assert blocked.returncode == 1, blocked.stdout
    assert "files were modified by this hook" in blocked.stdout
    assert "1 finding fixed" in blocked.stdout
    with open(project.path / MIGRATION, newline="") as file:
        assert file.read() == GOOD.replace("\n", "\r\n")
    project.git("add", MIGRATION)
    project.write(MIGRATION, BAD)
    passed = project.commit()
    assert passed.returncode == 0, passed.stdout
    assert (project.path / MIGRATION).read_text("utf-8") == BAD


def test_renamed_deleted_and_merged_files_are_judged(project: Repository) -> None:
    second = "my db/migrations/20250121_093100_add_clubs.sql"
    project.stage(MIGRATION, GOOD)
    project.stage(second, GOOD.replace("093000", "093100").replace("teams", "clubs"))
    assert project.commit().returncode == 0
    project.git("checkout", "-q", "-b", "side")
    renamed = MIGRATION.replace("0930", "0932")
    project.git("mv", MIGRATION, renamed)
    project.git("rm", "-q", second)
    said = project.commit().stdout
    assert f"was renamed to {os.path.basename(renamed)}" in said
    assert "take the version from the file's name" in said
    project.git("reset", "-q", "--hard")
    project.stage(second, GOOD.replace("093000", "093100").replace("teams", "guilds"))
    project.git("commit", "-q", "--no-verify", "-m", "Guilds")
    project.git("checkout", "-q", "main")
    project.stage(second, GOOD.replace("093000", "093100").replace("teams", "unions"))
    project.git("commit", "-q", "--no-verify", "-m", "Unions")
    assert "CONFLICT" in project.run("git", "merge", "side").stdout
    project.stage(second, BAD.replace("093000", "093100").replace("teams", "guilds"))
    said = project.commit().stdout
    assert f"{second}:{LINE_OF_CHAR}:" in said
    assert "char-type" in said


def test_a_change_of_the_configuration_judges_all(project: Repository, published: Repository) -> None:
    project.stage(MIGRATION, BAD)
    project.git("commit", "-q", "--no-verify", "-m", "Before")
    project.stage(".pre-commit-config.yaml", using(published, "elf-sqlcheck", "elf-sqlcheck-all"))
    project.git("commit", "-q", "--no-verify", "-m", "Hooks")
    project.stage("elf-sqlcheck.toml", "ignore = ['char-type']\n")
    assert "1 file checked" not in project.commit().stdout
    project.stage("elf-sqlcheck.toml", "")
    said = project.commit()
    assert said.returncode == 1
    assert "(no files to check)Skipped" in said.stdout
    assert "char-type" in said.stdout


def test_secrets_are_looked_for_in_every_sql_file(project: Repository, published: Repository) -> None:
    project.stage(".pre-commit-config.yaml", using(published, "elf-sqlcheck-secrets"))
    project.stage(MIGRATION, BAD)
    assert project.commit().returncode == 0
    project.stage("seeds/some users.sql", "ALTER ROLE app PASSWORD 'correct horse battery';\n")
    said = project.commit()
    assert said.returncode == 1
    assert "seeds/some users.sql:1:" in said.stdout
    assert "password-literal" in said.stdout
    assert "correct horse" not in said.stdout


def test_the_style_is_judged_where_it_is_asked_for(project: Repository, published: Repository) -> None:
    project.stage(".pre-commit-config.yaml", using(published, "elf-sqlcheck-style"))
    project.stage(MIGRATION, GOOD)  # its NOW() is not written as the rest is
    said = project.commit()
    assert said.returncode == 1, said.stdout
    assert f"{MIGRATION}:{LINE_OF_CHAR + 1}:" in said.stdout
    assert "capitalisation.functions" in said.stdout


def test_prek_runs_the_same_hooks(
    project: Repository, published: Repository, environment: dict[str, str], tmp_path: Path
) -> None:
    project.stage(".pre-commit-config.yaml", using(published, "elf-sqlcheck", more=""))
    # Unlike pip, the uv in it trusts no certificate of the machine's unless told to; older ones call that otherwise.
    trusting = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    project.environment = {**environment, **trusting, "PREK_HOME": str(tmp_path / "prek")}
    prek = os.path.join(BIN, "prek")
    assert project.run(prek, "install", "--overwrite").returncode == 0
    project.stage(MIGRATION, BAD)
    blocked = project.commit()
    assert blocked.returncode == 1, blocked.stdout
    assert f"{MIGRATION}:{LINE_OF_CHAR}:" in blocked.stdout
    project.stage(MIGRATION, GOOD)
    project.write(MIGRATION, BAD)
    passed = project.commit()
    assert passed.returncode == 0, passed.stdout
    assert (project.path / MIGRATION).read_text("utf-8") == BAD


def test_every_key_of_the_manifest_is_one_that_pre_commit_knows() -> None:
    """pre-commit ignores a key that it does not know, so a misspelt one would go unnoticed."""
    known = {item.key for item in clientlib.MANIFEST_HOOK_DICT.items if hasattr(item, "key")}
    with open(os.path.join(ROOT, ".pre-commit-hooks.yaml"), "rb") as file:
        hooks = clientlib.yaml_load(file)
    kinds = ("", "-all", "-secrets", "-style", "-verify")
    assert [hook["id"] for hook in hooks] == [f"elf-sqlcheck{kind}" for kind in kinds]
    for hook in hooks:
        assert set(hook) <= known


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        ("migrations/20250121_093000_add_teams.sql", "lint all secrets style verify"),
        ("supabase/migrations/20250121093000_teams.sql", "lint all secrets style verify"),
        ("migrations/2025-01-21-093000_teams/up.sql", "lint all secrets style verify"),
        ("migrations/2025-01-21-093000_teams/metadata.toml", "lint all verify"),
        ("db/V1__teams.sql.conf", "lint all verify"),
        ("sqitch.plan", "lint all verify"),
        ("db/sqitch.plan", "lint all verify"),
        ("elf-sqlcheck.toml", "all"),
        ("db/pyproject.toml", "all"),
        (".elf-sqlcheck-baseline.json", "all"),
        ("site/metadata.toml", ""),
        ("Cargo.toml", ""),
        ("release.plan", ""),
        ("models/teams.sql.py", ""),
    ],
)
def test_each_hook_is_started_by_the_files_that_concern_it(path: str, concerned: str) -> None:
    with open(os.path.join(ROOT, ".pre-commit-hooks.yaml"), "rb") as file:
        hooks = clientlib.yaml_load(file)
    started = [hook["id"].removeprefix("elf-sqlcheck-") for hook in hooks if re.search(hook["files"], path)]
    assert " ".join(started).replace("elf-sqlcheck", "lint") == concerned


def test_our_own_hooks_accept_this_checkout(published: Repository) -> None:
    os.symlink(os.path.dirname(BIN), published.path / ".venv")
    result = published.run(os.path.join(BIN, "pre-commit"), "run", "--all-files")
    assert result.returncode == 0, result.stdout
