"""What fixes do to the schema: a safe one leaves it as the migration would have made it, unless that is its point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.lint import lint
from elf_sqlcheck.sql import comments
from elf_sqlcheck.testing import case

if TYPE_CHECKING:
    from elf_sqlcheck.catalog.schema import Key, Object
    from elf_sqlcheck.model import Fix, Migration
    from elf_sqlcheck.rule import Example, Rule

#: Rules whose fixes are about comments: the headers, and characters that hide in them.
ABOUT_COMMENTS = frozenset(["encoding", "header-mismatch", "header-missing", "statement-outside-transaction"])
#: Rules whose safe fixes say in their title what they change: a type, a default, a condition, or what was missing.
CHANGING = frozenset(
    ["char-type", "created-at-without-default", "foreign-dialect", "json-type", "missing-created-at",
     "policy-calls-per-row", "unindexed-foreign-key", "uuid-ossp-default", "uuid-without-default"]
)  # fmt: skip


def _effect(migrations: list[Migration]) -> dict[Key, Object]:
    catalog = Catalog()
    for migration in migrations:
        catalog.begin()
        catalog.apply_all(read_section(migration.up, migration.data))
    return {key: value for key, value in catalog.view().objects() if key[0] != "setting"}


def _changes(example: Example) -> list[Key]:
    this = case(example)
    before, after = _effect(this.migrations()), _effect(this.migrations(example.fixed))
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]


@pytest.mark.parametrize("rule", [rule for rule in registry.builtin() if rule.bad], ids=lambda rule: rule.name)
def test_a_safe_fix_keeps_what_the_migration_does_to_the_schema(rule: Rule) -> None:
    changed = [
        example for example in rule.bad if example.fixed is not None and not example.unsafe and _changes(example)
    ]
    assert bool(changed) is (rule.name in CHANGING), changed


@pytest.mark.parametrize(
    "rule", [rule for rule in registry.builtin() if rule.family != "suppressions"], ids=lambda r: r.name
)
def test_a_fix_keeps_every_comment(rule: Rule) -> None:
    for example in rule.bad:
        if example.fixed is not None and rule.name not in ABOUT_COMMENTS:
            this = case(example)
            before, after = (this.migrations(text)[-1].data for text in (None, example.fixed))
            kept = [comment.text for comment in comments(after)]
            assert [comment.text for comment in comments(before) if comment.text not in kept] == []


@pytest.mark.parametrize("before", ["CREATE INDEX i ON memberships (name);", "CREATE TABLE memberships (name TEXT);"])
def test_nothing_is_added_to_a_statement_that_leaves_an_older_table_alone(before: str) -> None:
    """Found by fuzzing: each run of --fix added the same column once more, and the table never got it."""
    statement = "CREATE TABLE IF NOT EXISTS memberships (name TEXT);"
    rules = registry.select(registry.builtin(), ["missing-created-at", "missing-primary-key"])

    def fixes(text: str) -> list[Fix | None]:
        up = "-- ===== UP MIGRATION =====\n"
        made = layouts.read_all({"m/20250101_000000_a.sql": f"{up}{text}\n".encode()})
        return [
            finding.fix for finding in lint(made, rules).findings if finding.message.startswith("table memberships")
        ]

    assert None not in fixes(statement)
    assert fixes(f"{before}\n{statement}")[-2:] == [None, None]
