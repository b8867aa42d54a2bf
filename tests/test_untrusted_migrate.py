"""What a stranger's pull request cannot decide where a job calls elf-migrate: whose configuration counts, and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrate_command import elf_migrate
from tests.test_untrusted import NEW, event, migration, project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lint_project import Project

__all__ = ["project"]
pytestmark = pytest.mark.slow


def test_the_configuration_and_the_hooks_are_those_of_the_base(project: Project, tmp_path: Path, database: str) -> None:
    trace = tmp_path / "ran"
    project.put(NEW, migration("20250102_000000", "second", "CREATE TABLE second (n int);\n"))
    hooks = f'dir = "elsewhere"\n[hooks]\nbefore-up = ["touch", "{trace}"]\n'
    project.put("elf-sqlcheck.toml", hooks)
    project.put(
        "elsewhere/20250103_000000_evil.sql", migration("20250103_000000", "evil", "CREATE TABLE evil (n int);\n")
    )
    project.commit()
    options = ("up", "--yes", "--skip-validation", "--database-url", database)
    variables = event(project)
    done = elf_migrate(project.root, *options, exit_code=0, **variables)
    assert "applied 20250102_000000_second" in done.stdout
    assert "evil" not in done.stdout
    assert not trace.exists()
    assert "mallory/shop is not trusted" in done.stderr
    elf_migrate(project.root, *options)
    assert trace.exists()  # else this test would show nothing


def test_an_environment_of_the_stranger_is_none(project: Project, database: str) -> None:
    project.put("elf-sqlcheck.toml", '[env.production]\nurl-env = "DATABASE_URL"\n')
    project.commit()
    words = ("status", "--env", "production")
    refused = elf_migrate(project.root, *words, exit_code=2, DATABASE_URL=database, **event(project))
    assert "There is no environment production" in refused.stderr
    elf_migrate(project.root, *words, DATABASE_URL=database)
