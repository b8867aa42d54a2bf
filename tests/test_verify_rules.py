"""The examples of what only a server can find: `verify` finds the marked lines, and nothing in the good ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, testing
from elf_sqlcheck.verify import Options, verify
from tests.judging import skip_newer

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.server import Server
    from elf_sqlcheck.rule import Example, Rule

ALL = registry.builtin()
RULES = [rule for rule in ALL if rule not in testing.linted(ALL)]
BAD = [pytest.param(rule, one, id=f"{rule.name}-{n}") for rule in RULES for n, one in enumerate(rule.bad, 1)]
GOOD = [pytest.param(rule, one, id=f"{rule.name}-{n}") for rule in RULES for n, one in enumerate(rule.good, 1)]
#: What the rules that are not always asked need, by their names.
_QUERIES = Options(queries=(os.path.join(os.path.dirname(__file__), "queries", "teams.sql"),))
OPTIONS: dict[str, Options] = {
    "blocks-traffic": Options(traffic=True),
    "breaks-queries": _QUERIES,
    "changes-query-results": _QUERIES,
    "second-run-changes-schema": Options(twice=True),
    **dict.fromkeys(
        ["chain-does-not-roll-back", "chain-does-not-reapply", "rollback-needs-neighbour"], Options(chain=True)
    ),
}


def test_these_are_the_rules_of_the_family_verify() -> None:
    assert [rule.name for rule in RULES] == [rule.name for rule in ALL if rule.family == "verify"]
    assert {rule.name for rule in RULES} == {
        "does-not-apply",
        "does-not-roll-back",
        "rollback-leaves-behind",
        "rollback-does-not-restore",
        "does-not-apply-again",
        "prediction-differs",
        "rollback-differs-harmlessly",
        "rollback-needs-neighbour",
        "partial-failure-leaves-changes",
        "does-not-resume",
        "second-run-changes-schema",
        "chain-does-not-roll-back",
        "chain-does-not-reapply",
        "breaks-queries",
        "changes-query-results",
        "anon-can-write",
        "anon-can-read",
        "writes-rows-of-others",
        "sees-rows-of-others",
        "leaks-session-state",
        "blocks-traffic",
        "fails-on-rows",
        "fails-on-edge-rows",
        "round-trip-loses-data",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "example"), BAD)
def test_marked_lines_are_found(request: pytest.FixtureRequest, rule: Rule, example: Example) -> None:
    case = testing.case(example)
    server = _server(request, rule)
    found = verify(case.migrations(), server, rules=[rule], only={case.path}, options=_options(rule)).findings
    assert {(finding.rule, finding.family, finding.path) for finding in found} == {(rule.name, "verify", case.path)}
    assert sorted(set(testing.lines(example, found))) == sorted(case.expected)
    assert all(finding.message and finding.why and finding.instead for finding in found)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "example"), GOOD)
def test_nothing_is_found_in_good_ones(request: pytest.FixtureRequest, rule: Rule, example: Example) -> None:
    case = testing.case(example)
    server = _server(request, rule)
    skip_newer(example.sql, server.provider.major)
    assert verify(case.migrations(), server, only={case.path}, options=_options(rule)).findings == []


def _options(rule: Rule) -> Options:
    return OPTIONS.get(rule.name, Options(profile=rule.profile))


def _server(request: pytest.FixtureRequest, rule: Rule) -> Server:
    """The server for the profile of a rule."""
    running: Server = request.getfixturevalue("supabase_server" if rule.profile else "server")
    return running
