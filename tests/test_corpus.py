"""The labelled corpus: each case holds exactly the findings that are marked in it, and runs on a real Postgres."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import config as configuration
from elf_sqlcheck import registry, run, sources
from elf_sqlcheck.model import Severity
from tests import labelled

if TYPE_CHECKING:
    from pathlib import Path

CASES = labelled.cases()
KNOWN = {rule.name: rule for rule in registry.builtin()}


def findings(case: labelled.Case, folder: str) -> set[tuple[str, int, str]]:
    """(path, line, rule) of all errors and warnings in a case; line 1 is that of the file as a whole."""
    paths = labelled.write(case, folder)
    before = os.getcwd()
    os.chdir(folder)
    try:
        settings = configuration.load()
        rules = run.ruleset(settings)
        if case.families:
            rules = rules.replace(rules=tuple(rule for rule in rules.rules if rule.family in case.families))
        checked = run.check(sources.from_disk(paths, settings), rules, settings)
    finally:
        os.chdir(before)
    return {
        (finding.path, _line(checked.sources[finding.path], finding.span.start if finding.span else 0), finding.rule)
        for finding in checked.findings
        if finding.severity >= Severity.WARNING
    }


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: labelled.Case, tmp_path: Path) -> None:
    unknown = sorted(case.rules - KNOWN.keys())
    assert not unknown, f"no rule is registered that is called {', '.join(unknown)}"
    found = findings(case, str(tmp_path))
    missed, unexpected = sorted(case.expected - found), sorted(found - case.expected)
    assert not missed, f"not found: {missed}; found instead: {unexpected}"
    assert not unexpected, f"found, and not marked: {unexpected}"
