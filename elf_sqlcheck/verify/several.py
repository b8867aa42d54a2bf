"""One verification of several: the same migrations on servers of several majors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from elf_sqlcheck.verify.result import Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.finding import Finding

#: How long something took, which is never the same twice.
_TIME = re.compile(r"\d+(\.\d+)? m?s\b")


def combine(results: Sequence[tuple[int, Verification]]) -> Verification:
    """Return what the runs on Postgres `major` came to together; the steps are those of the last.

    A finding or a note of all of them is told once; one of some says on which.
    """
    findings: dict[tuple[object, ...], tuple[Finding, list[int]]] = {}
    notes: dict[str, list[int]] = {}
    for major, result in results:
        for finding in result.findings:
            same = (finding.rule, finding.path, finding.span, _TIME.sub("", finding.message))
            findings.setdefault(same, (finding, []))[1].append(major)
        for note in dict.fromkeys(result.notes):
            notes.setdefault(note, []).append(major)
    every = len(results)
    told = [
        finding
        if len(majors) == every
        else finding.replace(message=f"on Postgres {_listed(majors)}: {finding.message}")
        for finding, majors in findings.values()
    ]
    paths = [step.migration.path for step in results[-1][1].steps]
    told.sort(key=lambda finding: paths.index(finding.path) if finding.path in paths else len(paths))
    return replace(
        results[-1][1],
        findings=told,
        notes=[
            note if len(majors) == every else f"On Postgres {_listed(majors)}: {note}" for note, majors in notes.items()
        ],
        server=" and ".join(result.server for _, result in results),
    )


def _listed(majors: list[int]) -> str:
    return " and ".join(map(str, dict.fromkeys(majors)))
