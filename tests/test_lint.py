"""The lint engine: what rules are shown, what breaks them, and what stops the run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import registry
from elf_sqlcheck.errors import ConfigError, RuleError
from elf_sqlcheck.layouts import elf
from elf_sqlcheck.lint import lint
from elf_sqlcheck.rule import AddColumn, Context, CreateTable, Finding, Migration, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def migration(version: str, up: str, down: str = "") -> Migration:
    text = (
        f"-- Migration: test\n-- Version: {version}\n-- === UP MIGRATION ===\n{up}\n-- === DOWN MIGRATION ===\n{down}\n"
    )
    return elf.read(f"migrations/{version}_test.sql", text.encode())


def rule(name: str, on: type, check: Any, **values: Any) -> Rule:
    return Rule(name, "test", Severity.ERROR, "s", "why", "instead", (on,), check, **values)


FIRST = migration("20250101_000000", "CREATE TABLE teams (id uuid PRIMARY KEY);", "DROP TABLE teams;")
SECOND = migration(
    "20250102_000000",
    "ALTER TABLE teams ADD COLUMN name text;\nALTER TABLE teams ADD COLUMN motto text;",
    "ALTER TABLE teams DROP COLUMN motto;\nALTER TABLE teams DROP COLUMN name;",
)


def test_a_rule_sees_before_now_and_after() -> None:
    seen: list[list[list[str]]] = []

    def check(context: Context[AddColumn]) -> Iterator[Finding]:
        tables = [view.table(context.change.table) for view in (context.before, context.now, context.after)]
        seen.append([list(table.columns) if table else [] for table in tables])
        yield context.finding(f"column {context.change.column.name}")

    result = lint([FIRST, SECOND], [rule("probe", AddColumn, check)])
    assert seen == [[["id"], ["id"], ["id", "name", "motto"]], [["id"], ["id", "name"], ["id", "name", "motto"]]]
    assert [finding.message for finding in result.findings] == ["column name", "column motto"]
    finding = result.findings[1]
    assert (finding.rule, finding.family, finding.why, finding.path) == ("probe", "test", "why", SECOND.path)
    assert finding.span is not None
    assert SECOND.position(finding.span.start) == (5, 30)


def test_earlier_migrations_are_folded_but_only_the_named_ones_are_judged() -> None:
    def check(context: Context[Migration]) -> Iterator[Finding]:
        yield context.finding("seen", whole_file=True)

    result = lint([FIRST, SECOND], [rule("probe", Migration, check)], judged={SECOND.path})
    assert [finding.path for finding in result.findings] == [SECOND.path]


def test_down_is_folded_for_the_rules_and_then_taken_back() -> None:
    absent: list[bool] = []

    def check(context: Context[Migration]) -> Iterator[Finding]:
        made = [change.name for change in context.changes if isinstance(change, CreateTable)]
        absent.extend(context.after.is_absent("relation", name) for name in made)
        if context.migration.path == SECOND.path:
            tables = [table.name.name for table in context.before.tables()]
            yield context.finding(f"before: {tables}", whole_file=True)

    result = lint([FIRST, SECOND], [rule("probe", Migration, check)])
    assert absent == [True]
    assert [finding.message for finding in result.findings] == ["before: ['teams']"]


def test_a_broken_rule_ends_the_run() -> None:
    def check(context: Context[CreateTable]) -> Iterator[Finding]:
        missing: dict[str, str] = {}
        yield context.finding(missing[context.change.name.name])

    with pytest.raises(RuleError, match=r"the rule probe broke on .*test\.sql:4: KeyError: 'teams'"):
        lint([FIRST], [rule("probe", CreateTable, check)])


def test_two_rules_of_one_name_end_the_run() -> None:
    one = rule("probe", CreateTable, lambda _: ())
    with pytest.raises(RuleError, match="two rules are called probe"):
        registry._unique([one, one])


def test_a_rules_folder_that_does_not_import_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(RuleError, match=r"mine\.py cannot be loaded: ModuleNotFoundError"):
        registry.load(str(tmp_path), plugins=False)


def test_a_rules_folder_adds_rules(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from elf_sqlcheck.rule import CreateTable, Rule, Severity\n"
        "def check(context):\n    yield context.finding('a table')\n"
        "RULES = (Rule('no-tables', 'mine', Severity.ERROR, 's', 'w', 'i', (CreateTable,), check),)\n"
    )
    rules = registry.select(registry.load(str(tmp_path), plugins=False), select=["no-tables"])
    assert [finding.message for finding in lint([FIRST], rules).findings] == ["a table"]


def test_selection_takes_rules_and_families_and_names_the_nearest_for_a_wrong_one() -> None:
    rules = (
        rule("one", CreateTable, lambda _: ()),
        rule("two", CreateTable, lambda _: ()).replace(family="other"),
        rule("rare", CreateTable, lambda _: ()).replace(severity=Severity.OFF),
        rule("theirs", CreateTable, lambda _: (), profile="supabase"),
    )

    def names(**arguments: Any) -> list[str]:
        return [chosen.name for chosen in registry.select(rules, **arguments)]

    assert names() == ["one", "two"]
    assert names(select=["other"]) == ["two"]
    assert names(extend=["rare"]) == ["one", "two", "rare"]
    assert names(ignore=["test"]) == ["two"]
    assert names(profile="supabase") == ["one", "two", "theirs"]
    assert names(severity={"one": "off"}) == ["two"]
    assert registry.select(rules, severity={"one": "note"})[0].severity is Severity.NOTE
    with pytest.raises(ConfigError, match=r"there is no rule or family called theirz\n  did you mean theirs\?"):
        names(select=["theirz"])


def test_every_family_module_is_listed_and_named_after_its_family() -> None:
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "rules")
    modules = {name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_")}
    assert modules == set(registry.MODULES)
    families = {item.family.replace("-", "_") for item in registry.builtin()}
    assert families <= modules
    assert all(any(module == family or module.startswith(f"{family}_") for family in families) for module in modules)


def test_rules_of_another_package_join_and_a_broken_one_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "their_rules-1.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text(
        "[console_scripts]\nx = y:z\n\n[elf_sqlcheck.rules]\ntheirs = their_rules\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "their_rules.py"
    module.write_text(
        "from elf_sqlcheck.rule import CreateTable, Rule, Severity\n"
        "RULES = (Rule('theirs', 'theirs', Severity.ERROR, 's', 'w', 'i', (CreateTable,), lambda context: ()),)\n"
    )
    monkeypatch.delitem(sys.modules, "their_rules", raising=False)
    assert "theirs" in {item.name for item in registry.load()}
    module.write_text("RULES = [1]\n")
    monkeypatch.delitem(sys.modules, "their_rules")
    importlib.invalidate_caches()
    with pytest.raises(RuleError, match=r"RULES of their_rules \(their_rules-1\) is not a tuple"):
        registry.load()


def test_what_comes_after_the_last_judged_file_is_not_folded_but_known() -> None:
    seen: list[tuple[int, list[str]]] = []

    def check(context: Context[Migration]) -> Iterator[Finding]:
        seen.append((len(context.siblings), [table.name.name for table in context.after.tables()]))
        yield context.finding("seen", whole_file=True)

    third = migration("20250103_000000", "CREATE TABLE late (id uuid PRIMARY KEY);")
    result = lint([FIRST, SECOND, third], [rule("probe", Migration, check)], judged={SECOND.path})
    assert seen == [(3, ["teams"])]
    assert [finding.path for finding in result.findings] == [SECOND.path]
    assert lint([FIRST], [rule("probe", Migration, check)], judged=set()).findings == ()
    # Nothing of it is decoded: reading the rest of a long history would cost what the change did not ask for.
    assert all(statement._node is None for statement in third.up.statements)


def test_a_rule_with_words_is_asked_only_about_files_that_hold_one() -> None:
    def check(context: Context[AddColumn]) -> Iterator[Finding]:
        yield context.finding(f"asked about {context.change.column.name}")

    asked = rule("asked", AddColumn, check, words=("money", "cash"))

    def messages(up: str) -> list[str]:
        return [finding.message for finding in lint([migration("20250101_000000", up)], (asked,)).findings]

    assert messages("ALTER TABLE t ADD COLUMN price int;") == []
    assert messages("ALTER TABLE t ADD COLUMN CASH_paid int;") == ["asked about cash_paid"]
    assert messages('ALTER TABLE t ADD COLUMN U&"\\006Doney" int;') == ["asked about money"]
