"""Suppressions, whose findings are made by the engine: unknown, unused, without a reason, and each with its fix."""

from __future__ import annotations

import pytest

from elf_sqlcheck.fix import SAFE, UNSAFE, apply
from tests.judging import PATH, found, judge, whole

TABLE = "CREATE TABLE a (\n    id CHAR(3),\n    data JSON\n);"


@pytest.mark.parametrize(
    "text",
    [
        f"-- elf: allow char-type, json-type -- as agreed\n{TABLE}",
        f"-- elf: allow char-type -- codes\n-- elf: allow json-type -- signed\n{TABLE}",
        f"-- elf: allow-file char-type, json-type -- as agreed\nSELECT 1;\n{TABLE}",
        TABLE.replace("CHAR(3),", "CHAR(3), -- elf: allow char-type -- codes").replace(
            "JSON", "JSON -- elf: allow json-type -- signed"
        ),
        f"{TABLE} -- elf: allow char-type, json-type -- as agreed",
        f"/* elf: allow char-type, json-type -- as agreed */\n{TABLE}",
        TABLE.replace("    id", "    -- elf: allow char-type -- codes\n    id").replace(
            "    data", "    -- elf: allow json-type -- x\n    data"
        ),
    ],
)
def test_what_is_allowed_with_a_reason_passes(text: str) -> None:
    assert found(whole(text), "types", "suppressions") == []


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT 1; -- elf: allow char-type, json-type -- as agreed\n{TABLE}",
        f"SELECT '-- elf: allow char-type, json-type -- as agreed';\n{TABLE}",
        f"SELECT $$\n-- elf: allow-file char-type, json-type -- as agreed\n$$;\n{TABLE}",
    ],
)
def test_what_stands_elsewhere_or_in_a_string_allows_nothing(text: str) -> None:
    assert len(found(whole(text), "char-type", "json-type")) == 2


def test_each_fault_of_a_suppression_is_a_finding() -> None:
    text = whole(f"-- elf: allow chr-type -- codes\n-- elf: allow float-type -- no\n-- elf: allow json-type\n{TABLE}")
    findings, _ = judge({PATH: text}, "types", "suppressions")
    assert [finding.rule for finding in findings] == [
        "unknown-suppression",
        "unused-suppression",
        "suppression-without-reason",
        "char-type",
    ]


def test_an_unused_one_is_taken_away_and_a_misspelt_one_corrected() -> None:
    text = whole(f"-- elf: allow float-type -- no\n-- elf: allow chr-type, json-type -- as agreed\n{TABLE}")
    findings, migrations = judge({PATH: text}, "types", "suppressions")
    data = apply(migrations[PATH].data, [f for f in findings if f.family == "suppressions"], SAFE | UNSAFE).data
    assert data.decode() == whole(f"-- elf: allow char-type, json-type -- as agreed\n{TABLE}")
    assert found(data, "types", "suppressions") == []


def test_a_rule_that_is_not_selected_leaves_its_suppressions_alone() -> None:
    assert found(whole(f"-- elf: allow json-type -- signed\n{TABLE}"), "suppressions") == []


def test_what_only_a_server_can_show_is_never_called_unused() -> None:
    text = whole(f"-- elf: allow-file does-not-apply -- needs a licence\n-- elf: allow rollback-leaves-behind\n{TABLE}")
    findings, _ = judge({PATH: text})
    assert [f.rule for f in findings if f.family == "suppressions"] == ["suppression-without-reason"]


def test_another_tools_suppression_is_understood_and_never_judged() -> None:
    assert [m for _, m in found(whole(f"-- squawk-ignore ban-char-field\n{TABLE}"), "char-type", "suppressions")] == []
    assert found(whole("-- squawk-ignore no-such-thing\nSELECT 1;"), "suppressions") == []


def test_a_suppression_above_a_broken_statement_counts() -> None:
    assert found(whole("-- elf: allow syntax-error -- a test\nSELEKT 1;"), "syntax-error", "suppressions") == []
