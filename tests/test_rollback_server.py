"""What the rules say about rollbacks is what a server shows: wrong ones go wrong there, right ones hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, testing
from elf_sqlcheck.model import Severity
from elf_sqlcheck.postgres.server import Server, throwaway
from elf_sqlcheck.verify import Options, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Example, Rule

ROLLBACK = {"does-not-roll-back", "rollback-leaves-behind", "rollback-does-not-restore", "does-not-apply-again"}
PROVEN = [rule for rule in registry.builtin() if rule.name in ROLLBACK]
#: What a rollback does to rows is another matter.
SCHEMA = Options(rows=0, cuts=0, observe=False)
RULES = [
    rule
    for rule in registry.builtin()
    if rule.family == "rollback" and rule.name not in {"missing-down", "irreversible-step"}
]


@pytest.fixture(scope="module")
def postgres(pg_bin: str) -> Iterator[Server]:
    with throwaway(pg_bin) as running:
        yield running


def shown(server: Server, example: Example) -> list[str]:
    """What the server shows against the rollback of an example."""
    case = testing.case(example)
    result = verify(case.migrations(), server, only={case.path}, rules=PROVEN, options=SCHEMA)
    return [f"{finding.rule}: {finding.message}" for finding in result.findings]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_server_agrees(postgres: Server, rule: Rule) -> None:
    for example in rule.bad:
        if any(finding.severity is Severity.ERROR for finding in testing.findings(rule, example)):
            assert shown(postgres, example), f"this was to go wrong:\n{example.sql}"
    for example in rule.good:
        if not example.runs:
            assert shown(postgres, example) == [], example.sql


@pytest.mark.slow
def test_what_cannot_run_fails(postgres: Server) -> None:
    [rule] = [rule for rule in RULES if rule.name == "down-cannot-run"]
    for example in rule.bad:
        said = shown(postgres, example)
        assert said, example.sql
        assert said[0].startswith("does-not-roll-back"), (said, example.sql)
