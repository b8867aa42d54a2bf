"""Environments: which database a command works on, who may change it, and from which branch."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.migrate_command import elf_migrate, environment
from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

A = "20250101_000001_notes"
UP = (
    "CREATE TABLE IF NOT EXISTS notes (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, "
    "created_at TIMESTAMP DEFAULT now());"
)
DOWN = "DROP TABLE IF EXISTS notes;"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "migrations", A, UP, DOWN)
    return tmp_path


def configure(project: Path, text: str) -> None:
    (project / "elf-sqlcheck.toml").write_text(text)


def is_applied(database: str) -> bool:
    with SupabaseExecutor(database) as executor:
        return bool(executor.query("SELECT to_regclass('public.notes') AS found")[0]["found"])


def in_terminal(project: Path, *arguments: str, answer: str, **more: str) -> tuple[int, str]:
    """Run the command in a terminal where somebody types `answer`; returns its exit code and all that is shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["elf-migrate", *arguments], cwd=project, env=environment(**more), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # how Linux tells the end of a terminal
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def test_a_protected_environment_wants_its_name_typed(project: Path, database: str) -> None:
    configure(project, '[env.production]\nurl-env = "PROD_URL"\n')
    code, shown = in_terminal(project, "up", answer="y", PROD_URL=database)
    assert code == 2, shown
    assert "type production to go on" in shown
    assert "Nothing was changed" in shown
    assert not is_applied(database)
    code, shown = in_terminal(project, "up", answer="production", PROD_URL=database)
    assert code == 0, shown
    assert is_applied(database)
    code, shown = in_terminal(project, "down", A, answer="staging", PROD_URL=database)
    assert code == 2, shown
    assert is_applied(database)


def test_without_a_terminal_a_protected_environment_needs_yes(project: Path, database: str) -> None:
    configure(project, '[env.eu]\nurl-env = "EU_URL"\nprotected = true\n')
    refused = elf_migrate(project, "up", EU_URL=database, stdin="eu\n", exit_code=2)
    assert "Nobody can be asked here" in refused.stderr
    assert "--yes" in refused.stderr
    assert not is_applied(database)
    elf_migrate(project, "up", "--yes", EU_URL=database)
    assert is_applied(database)


def test_an_environment_that_is_not_protected_is_asked_for_y(project: Path, database: str) -> None:
    configure(project, '[env.live]\nurl-env = "URL"\nprotected = false\n')
    code, shown = in_terminal(project, "up", answer="y", URL=database)
    assert code == 0, shown
    assert is_applied(database)


def test_a_ci_job_is_never_asked(project: Path, database: str) -> None:
    configure(project, '[env.staging]\nurl-env = "URL"\n')
    refused = elf_migrate(project, "up", CI="true", URL=database, stdin="y\n", exit_code=2)
    assert "Give --yes" in refused.stderr
    elf_migrate(project, "up", "--yes", CI="true", URL=database)


def test_the_variable_chooses_the_environment_and_the_option_wins(project: Path, database: str) -> None:
    configure(project, '[env.staging]\nurl-env = "S"\n[env.production]\nurl-env = "P"\n')
    told = elf_migrate(project, "status", ELF_ENV="production", S=database, P=database)
    assert "Database: production (" in told.stdout
    told = elf_migrate(project, "status", "--env", "staging", ELF_ENV="production", S=database, P=database)
    assert "Database: staging (" in told.stdout
    refused = elf_migrate(project, "status", ELF_ENV="prodution", S=database, P=database, exit_code=2)
    assert "There is no environment prodution. ELF_ENV says so." in refused.stderr
    assert "did you mean 'production'?" in refused.stderr
    told = elf_migrate(project, "status", "--database-url", database, ELF_ENV="production")
    assert "production" not in told.stdout


def test_a_url_that_is_given_goes_with_the_settings_of_the_environment(project: Path, database: str) -> None:
    configure(project, '[env.production]\nurl-env = "P"\nlock-timeout = "7s"\n')
    seen = "CREATE TABLE IF NOT EXISTS seen AS SELECT current_setting('lock_timeout') AS lock_timeout;"
    write(project / "migrations", A, seen, "DROP TABLE IF EXISTS seen;")
    refused = elf_migrate(project, "up", "--skip-validation", "--env", "production", "--database-url", database,
                          exit_code=2)  # fmt: skip
    assert "production (" in refused.stdout
    elf_migrate(project, "up", "--skip-validation", "--env", "production", "--database-url", database, "--yes")
    with SupabaseExecutor(database) as executor:
        assert executor.query("SELECT * FROM seen") == [{"lock_timeout": "7s"}]


def test_url_and_password_may_come_from_the_credentials(project: Path, independent_server: object) -> None:
    url = independent_server.url(user="guarded")  # type: ignore[attr-defined]
    configure(project, '[env.eu]\nurl-credential = "EU_URL"\npassword-credential = "EU_PASSWORD"\n')
    missing = elf_migrate(project, "status", "--env", "eu", exit_code=2)
    assert "takes its URL from the credential EU_URL, which is not set" in missing.stderr
    missing = elf_migrate(project, "status", "--env", "eu", EU_URL=url, exit_code=2)
    assert "takes its password from the credential EU_PASSWORD" in missing.stderr
    told = elf_migrate(project, "status", "--env", "eu", EU_URL=url, EU_PASSWORD="correct horse")
    assert "guarded" in told.stdout
    assert "correct horse" not in told.stdout + told.stderr
    wrong = elf_migrate(project, "status", "--env", "eu", EU_URL="http://x", EU_PASSWORD="canary", exit_code=2)
    assert "canary" not in wrong.stdout + wrong.stderr


def test_the_history_of_supabase_may_be_left_alone(project: Path, database: str) -> None:
    theirs = "supabase_migrations.schema_migrations"
    with SupabaseExecutor(database) as executor:
        executor.query("CREATE SCHEMA supabase_migrations")
        executor.query(f"CREATE TABLE {theirs} (version text PRIMARY KEY, statements text[], name text)")
        configure(project, '[env.eu]\nurl-env = "URL"\nsupabase-history = false\n')
        elf_migrate(project, "up", "--yes", URL=database)
        assert not executor.query(f"SELECT * FROM {theirs}")


def test_a_project_of_supabase_is_an_address_too(project: Path) -> None:
    configure(project, '[env.eu]\nproject = "abcdefghijklmnopqrst"\n')
    missing = elf_migrate(project, "status", "--env", "eu", exit_code=2)
    assert "the credential SUPABASE_PASSWORD, which is not set" in missing.stderr


def test_only_the_branches_that_are_named_may_change_it(project: Path, database: str) -> None:
    configure(project, '[env.eu]\nurl-env = "URL"\nbranch = ["main", "release/*"]\n')
    outside = elf_migrate(project, "up", "--yes", URL=database, exit_code=2)
    assert "in no Git repository" in outside.stderr
    git(project, "init", "-q", "-b", "feature/x")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "begin")
    refused = elf_migrate(project, "up", "--yes", URL=database, exit_code=2)
    assert (
        "eu is changed from the Git branch main or release/* only, and this is the branch feature/x" in refused.stderr
    )
    assert "--any-branch" in refused.stderr
    assert not is_applied(database)
    elf_migrate(project, "up", "--dry-run", URL=database)
    elf_migrate(project, "up", "--yes", "--any-branch", URL=database)
    refused = elf_migrate(project, "down", A, "--yes", URL=database, exit_code=2)
    git(project, "checkout", "-q", "-b", "release/1.2")
    elf_migrate(project, "down", A, "--yes", URL=database)
    git(project, "checkout", "-q", "--detach")
    refused = elf_migrate(project, "up", "--yes", URL=database, exit_code=2)
    assert "HEAD is detached" in refused.stderr


def test_files_are_validated_for_the_profile_of_the_environment(project: Path, database: str) -> None:
    configure(project, '[env.eu]\nurl-env = "URL"\nprofile = "supabase"\n[env.us]\nurl-env = "URL"\n')
    elf_migrate(project, "validate", "--env", "us", URL=database)
    refused = elf_migrate(project, "validate", "--env", "eu", URL=database, exit_code=1)
    assert "row level security" in refused.stdout.lower() or "rls" in refused.stdout.lower()


def test_files_are_validated_with_the_timeout_of_the_environment(project: Path, database: str) -> None:
    configure(project, '[env.eu]\nurl-env = "URL"\nlock-timeout = "2s"\n[env.us]\nurl-env = "URL"\n')
    name = "20250102_000000_b"
    write(
        project / "migrations", name, "ALTER TABLE notes ADD COLUMN extra text;", "ALTER TABLE notes DROP COLUMN extra;"
    )
    assert "missing-lock-timeout" in elf_migrate(project, "validate", name, "--env", "us", URL=database).stdout
    assert "missing-lock-timeout" not in elf_migrate(project, "validate", name, "--env", "eu", URL=database).stdout


@pytest.mark.parametrize(
    ("job", "allowed"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}, True),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/main"}, False),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/3/merge"}, False),
        ({"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"}, True),
        ({"GITLAB_CI": "true", "CI_COMMIT_TAG": "main"}, False),
        ({"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/main"}, True),
        ({"JENKINS_URL": "http://ci", "GIT_BRANCH": "origin/main"}, True),
    ],
)
def test_a_ci_job_knows_its_branch_by_its_variables(
    project: Path, database: str, job: dict[str, str], allowed: bool
) -> None:
    configure(project, '[env.eu]\nurl-env = "URL"\nbranch = "main"\n')
    git(project, "init", "-q", "-b", "other")
    elf_migrate(project, "up", "--yes", URL=database, exit_code=0 if allowed else 2, **job)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[env.eu]\nprotcted = true\n", "protected"),
        ('[env.eu]\nprotected = "yes"\n', "env.eu.protected is 'yes'"),
        ("[env.eu]\nbranch = 3\n", "env.eu.branch is 3"),
        ('[env.eu]\nprofile = "heroku"\n', "env.eu.profile is 'heroku'"),
        ('[env.eu]\nurl = "postgresql://h/d"\nurl-env = "URL"\n', "says more than once where its database is"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_an_error_that_names_it(project: Path, text: str, said: str) -> None:
    configure(project, text)
    assert said in elf_migrate(project, "status", exit_code=2).stderr
