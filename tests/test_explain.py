"""The pages that come from the rules: complete, up to date, and fit for a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from elf_sqlcheck import registry
from elf_sqlcheck.model import Severity
from elf_sqlcheck.reports.explain import explain, page
from elf_sqlcheck.rule import CreateTable, Example, Rule

PAGE = os.path.join(os.path.dirname(__file__), "..", "rules", "README.md")
RULES = registry.builtin()


def test_the_page_is_up_to_date() -> None:
    with open(PAGE, encoding="utf-8") as file:
        written = file.read()
    assert written == page(RULES), "run `python -m elf_sqlcheck.reports.explain > rules/README.md`"


def test_the_module_prints_the_page() -> None:
    command = [sys.executable, "-m", "elf_sqlcheck.reports.explain"]
    printed = subprocess.run(
        command, capture_output=True, check=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"}
    )
    assert printed.stdout == page(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_explained(rule: Rule) -> None:
    text = explain(rule)
    assert text.startswith(f"{rule.name}\n")
    assert rule.severity.label in text
    for words in (rule.why, rule.instead):
        assert " ".join(words.replace("`", "").split()) in " ".join(text.split())
    assert f"-- elf: allow {rule.name} -- " in text
    assert not [line for line in text.splitlines() if "`" in line and not line.startswith("    ")]
    assert "```sql" in explain(rule, markdown=True)


def rule(**values: object) -> Rule:
    example = Example("CREATE TABLE bad (); -- finding", before="SELECT 1;", fixed="CREATE TABLE good ();", unsafe=True)
    fields = {"name": "table-bad", "family": "own", "severity": Severity.WARNING, "summary": "a | b", "why": "why"}
    fields |= {"instead": "good", "on": (CreateTable,), "check": lambda _: (), "bad": (example,)}
    fields |= {"good": (Example("CREATE TABLE good ();"),)}
    return Rule(**{**fields, **values})  # type: ignore[arg-type]


def test_examples_are_shown_with_what_they_need() -> None:
    needy = Example("SELECT 2; -- finding", path="V1__x.sql", settings=(("postgres-version", 15),))
    text = explain(rule(bad=(*rule().bad, needy), profile="supabase", sections=("up", "down")))
    for words in (
        "only with the profile supabase",
        "judges UP and DOWN",
        "mended by --unsafe-fixes",
        "After an earlier migration with\n\n    SELECT 1;",
        "--unsafe-fixes makes of it\n\n    CREATE TABLE good ();",
        "With postgres-version = 15:",
        "In a file named V1__x.sql:",
    ):
        assert " ".join(words.split()) in " ".join(text.split())


def test_what_lint_never_finds_says_who_does() -> None:
    assert "(warning, family own, found by elf-sqlcheck verify, mended by" in " ".join(explain(rule(on=())).split())
    assert "elf-sqlcheck verify" not in explain(rule())


def test_the_table_stands_a_bar_in_a_cell() -> None:
    assert "| own | [table-bad](#table-bad) | warning | a \\| b | `--unsafe-fixes` |" in page([rule()])


def test_made_up_secrets_are_cut_short() -> None:
    secret = "sb_" + "secret_" + "N7UND0UgjKTVK" + "-Uodkm0Hg_xSvEMPvz"
    text = page([rule(family="secrets", bad=(Example(f"SELECT '{secret}'; -- finding"),))])
    assert secret not in text
    assert "sb_secret_" in text
    assert "-- finding" in text
