"""The labelled corpus: each case holds exactly the findings that are marked in it, and runs on a real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry
from elf_sqlcheck.model import Severity
from tests import labelled

if TYPE_CHECKING:
    from pathlib import Path

CASES = labelled.cases()
KNOWN = {rule.name: rule for rule in registry.builtin()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: labelled.Case, tmp_path: Path) -> None:
    unknown = sorted(case.rules - KNOWN.keys())
    assert not unknown, f"no rule is registered that is called {', '.join(unknown)}"
    found = labelled.findings(case, str(tmp_path))
    missed, unexpected = sorted(case.expected - found), sorted(found - case.expected)
    assert not missed, f"not found: {missed}; found instead: {unexpected}"
    assert not unexpected, f"found, and not marked: {unexpected}"


#: Rules that only a server, or nobody, can be asked about a text.
BEYOND = {rule.name for rule in KNOWN.values() if not rule.on}


def test_the_corpus_covers_every_rule() -> None:
    rules = {rule.name for rule in KNOWN.values() if rule.severity != Severity.NOTE} - BEYOND
    covered = frozenset[str]().union(*(case.rules for case in CASES))
    assert not rules - covered, f"no case shows {sorted(rules - covered)}"


def test_the_corpus_is_large_and_most_of_the_dangers_have_a_safe_counterpart() -> None:
    assert len(CASES) >= 150
    assert sum(case.is_safe for case in CASES) >= 60
    for family in ("locking", "data", "transactions", "rollback", "access", "rls", "secrets"):
        assert any(case.is_safe for case in CASES if case.family == family), family


@pytest.mark.parametrize("profile", labelled.BASES, ids=lambda profile: profile or "shop")
def test_what_is_deployed_already_is_read_whole(profile: str, tmp_path: Path) -> None:
    base = next(case.base for case in CASES if case.base and case.config.get("profile", "") == profile)
    case = labelled.Case("base/base", (base,), (), None, (), "", {"profile": profile, "lock-timeout": "5s"})
    assert not {rule for _, _, rule in labelled.findings(case, str(tmp_path)) if KNOWN[rule].severity == Severity.ERROR}


def test_every_token_is_used() -> None:
    texts = [file.text for case in CASES for file in case.files]
    assert all(any(token in text for text in texts) for token in labelled.TOKENS.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_says_what_it_shows_in_its_first_line(case: labelled.Case) -> None:
    for file in case.files:
        first = file.text.split("\n")[0]
        assert first.startswith("-- ") or "header-missing" in case.rules, file.path
        assert len(first) > len("-- Migration: ") + 10 or "header-missing" in case.rules, file.path
