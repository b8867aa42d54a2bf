"""What the tests of rules share: text in, findings out, through the engine and the layouts that users meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.lint import lint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Finding, Migration

HEAD = "-- Migration: Test\n-- Version: 20250121_093000\n-- Description: A test\n"
UP = "\n-- ============= UP MIGRATION =============\n"
DOWN = "\n-- ============= DOWN MIGRATION ============\n"
PATH = "migrations/20250121_093000_test.sql"


def whole(up: str, down: str = "SELECT 1;", more: str = "") -> str:
    """A file of the elf layout."""
    return f"{HEAD}{more}{UP}{up}\n{DOWN}{down}\n"


def judge(
    files: Mapping[str, str | bytes],
    *rules: str,
    settings: Mapping[str, object] | None = None,
    layout: str = "",
) -> tuple[list[Finding], dict[str, Migration]]:
    """The findings of the rules and families named (all by default) in the files, by path, in their order."""
    migrations = layouts.in_order(
        [
            layouts.read(path, content.encode() if isinstance(content, str) else content, layout)
            for path, content in files.items()
        ]
    )
    chosen = registry.select(registry.builtin(), rules) if rules else registry.builtin()
    result = lint(migrations, chosen, settings, known=[rule.name for rule in registry.builtin()])
    return list(result.findings), {path: migration for migration in migrations for path in migration.paths}


def is_newer(text: str, major: int) -> bool:
    """Whether a Postgres of that major is too old for the SQL, as the linter itself knows it."""
    return bool(found(text, "newer-than-target", path="migrations/a.sql", **{"postgres-version": major}))


def skip_newer(text: str, major: int) -> None:
    """Skip the test where the Postgres that it runs on is too old for its SQL."""
    if is_newer(text, major):
        pytest.skip(f"its SQL is of a later Postgres than {major}")


def found(content: str | bytes, *rules: str, path: str = PATH, **settings: object) -> list[tuple[int, str]]:
    """(line, message) of each finding in one file; line 0 is the file as a whole."""
    findings, migrations = judge({path: content}, *rules, settings=settings)
    migration = migrations[path]
    return [(migration.position(f.span.start)[0] if f.span else 0, f.message) for f in findings]
