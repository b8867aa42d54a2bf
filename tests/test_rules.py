"""Every rule's examples hold: marked lines are found, good ones pass, fixes do what they promise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, testing
from elf_sqlcheck.model import Applicability, Edit, Fix, Severity, Span
from elf_sqlcheck.rule import Context, CreateTable, Example, Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = registry.builtin()
BAD = [(rule, example) for rule in testing.linted(RULES) for example in rule.bad]
GOOD = [(rule, example) for rule in testing.linted(RULES) for example in rule.good]


def names(cases: list[tuple[Rule, Example]]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for rule, _ in cases:
        seen[rule.name] = seen.get(rule.name, 0) + 1
        result.append(f"{rule.name}-{seen[rule.name]}")
    return result


@pytest.mark.parametrize(("rule", "example"), BAD, ids=names(BAD))
def test_bad_example(rule: Rule, example: Example) -> None:
    testing.assert_bad(rule, example)


@pytest.mark.parametrize(("rule", "example"), GOOD, ids=names(GOOD))
def test_good_example(rule: Rule, example: Example) -> None:
    testing.assert_good(rule, example)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.summary
    assert rule.why
    assert rule.instead
    assert not rule.summary.endswith(".")
    assert rule.bad
    assert rule.good


# What follows tests the tests: a harness that passes everything proves nothing.


def check(context: Context[CreateTable]) -> Iterator[Finding]:
    if context.change.name.name == "bad":
        fix = Fix("rename it", (Edit(context.change.span, "good"),), Applicability.UNSAFE)
        yield context.finding("table bad", fix=fix)


def rule(bad: Example, good: Example | None = None) -> Rule:
    good = good or Example("CREATE TABLE good (id uuid);")
    return Rule(
        "table-bad", "own", Severity.ERROR, "a bad table", "why", "instead", (CreateTable,), check, (bad,), (good,)
    )


def test_the_harness_accepts_what_holds() -> None:
    testing.assert_rule(
        rule(
            Example(
                "CREATE TABLE\n    bad (id uuid); -- finding", fixed="CREATE TABLE\n    good (id uuid);", unsafe=True
            )
        )
    )


@pytest.mark.parametrize(
    ("bad", "good", "complaint"),
    [
        (Example("CREATE TABLE bad (id uuid);"), None, "no line is marked"),
        (Example("CREATE TABLE good (id uuid); -- finding"), None, "found lines"),
        (Example("CREATE TABLE bad (id uuid);\nCREATE TABLE good (id uuid); -- finding"), None, "found lines"),
        (Example("CREATE TABLE bad (); -- finding", fixed="CREATE TABLE worse ();", unsafe=True), None, "is fixed to"),
        (Example("CREATE TABLE bad (id uuid); -- finding", fixed="CREATE TABLE good (id uuid);"), None, "is fixed to"),
        (Example("CREATE TABLE bad (id uuid); -- finding"), Example("CREATE TABLE bad (id uuid);"), "is not silent"),
    ],
)  # fmt: skip
def test_the_harness_rejects_what_does_not_hold(bad: Example, good: Example | None, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        testing.assert_rule(rule(bad, good))


def test_a_fix_that_does_not_parse_is_rejected() -> None:
    def breaking(context: Context[CreateTable]) -> Iterator[Finding]:
        span = context.change.span
        yield context.finding("table", fix=Fix("break it", (Edit(Span(span.start, span.end), "("),)))

    broken = rule(Example("CREATE TABLE bad (id uuid); -- finding")).replace(check=breaking)
    with pytest.raises(AssertionError, match="does not parse"):
        testing.assert_rule(broken)


def test_a_mark_of_its_own_stands_for_the_file() -> None:
    this = testing.case(Example("-- finding\nSELECT 1; -- finding\nSELECT 2;"))
    assert this.expected == (0, 1)
    assert this.text == "SELECT 1;\nSELECT 2;"
