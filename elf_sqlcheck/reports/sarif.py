"""SARIF 2.1.0, the format of GitHub's code scanning and of many viewers.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and what GitHub makes of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning

What is suppressed or known to a baseline is left out: GitHub would show it as open, whatever `suppressions` says. So is
`primaryLocationLineHash`, which GitHub works out by itself.
"""

from __future__ import annotations

import gzip
import os
from functools import lru_cache
from importlib.metadata import version
from urllib.parse import quote

from elf_sqlcheck.reports import Places, counted
from elf_sqlcheck.reports.exchange import TOOL, Replacements, Root, document, fingerprints, paragraphs
from elf_sqlcheck.reports.explain import explain
from elf_sqlcheck.reports.markdown import prose
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Place, Report, Style
    from elf_sqlcheck.rule import Rule

#: What GitHub takes: that many results of a run, and that many bytes of a file, packed.
RESULTS = 25_000
PACKED = 10_000_000
#: Of our own, so that nobody takes it for something that GitHub makes.
FINGERPRINT = "elfSqlcheckFinding/v1"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Families that are about security, and how bad a finding of each severity is, from 0 to 10: from 9 on GitHub calls it
#: critical, from 7 high, from 4 medium.
_SECURITY = {
    "secrets": {"error": "9.5", "warning": "7.0", "note": "3.0"},
    "access": {"error": "8.0", "warning": "5.5", "note": "2.0"},
    "rls": {"error": "8.0", "warning": "5.5", "note": "2.0"},
}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """One run with the worst findings first, as many as GitHub takes; a notification says how many are missing.

    Files are named from the root of the repository. Positions are 1-based, in Unicode characters, ends exclusive.
    """
    places, fixes, root = Places(report.sources), Replacements(report.sources), Root.of_repository()
    found = sorted(
        zip(report.findings, fingerprints(report, root), strict=True), key=lambda pair: -pair[0].severity
    )[:RESULTS]  # fmt: skip
    results = [_result(finding, fingerprint, places, fixes, root) for finding, fingerprint in found]
    while True:
        whole = _log(report, [finding for finding, _ in found[: len(results)]], results)
        text = document(whole)
        packed = _packed(text)
        if packed <= PACKED or not results:
            return text
        del results[int(len(results) * 0.95 * PACKED / packed) :]


def _packed(text: str) -> int:
    """The bytes of a log once it is packed; no more than what it says where it is certainly not too long."""
    if len(text) <= PACKED:
        return 0
    data = text.encode()
    quickly = len(gzip.compress(data, 1))
    return quickly if quickly <= PACKED else len(gzip.compress(data))


def _log(report: Report, findings: list[Finding], results: list[dict[str, Any]]) -> dict[str, Any]:
    rules = {rule.name: rule for rule in report.rules}
    first = {finding.rule: finding for finding in reversed(findings)}
    names = sorted(first)
    numbers = {name: number for number, name in enumerate(names)}
    for result in results:
        result["ruleIndex"] = numbers[result["ruleId"]]
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if missing := len(report.findings) - len(findings):
        text = (
            f"{counted(missing, 'finding')} left out, the least severe: a file of more than {RESULTS:,} results or "
            f"{PACKED // 1_000_000} MB packed is refused by GitHub."
        )
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    driver = {
        "name": TOOL,
        "semanticVersion": version(TOOL),
        "rules": [_rule(first[name], rules.get(name)) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding, rule: Rule | None) -> dict[str, Any]:
    """What is known of the rule of a finding; without the rule itself, the finding tells what there is to know."""
    label = (rule or finding).severity.label
    if rule is not None:
        summary, help_ = rule.summary, {"text": explain(rule), "markdown": explain(rule, markdown=True)}
    else:
        summary = finding.rule
        said = [text for text in (finding.why, finding.instead) if text] or [finding.message]
        help_ = {"text": clean("\n\n".join(said), keep="\n\t"), "markdown": "\n\n".join(map(prose, said))}
    properties: dict[str, Any] = {"tags": [finding.family]}
    if security := _SECURITY.get(finding.family):
        properties = {"tags": ["security", finding.family], "security-severity": security[finding.severity.label]}
    return {
        "id": finding.rule,
        "shortDescription": {"text": clean(summary)},
        "fullDescription": {"text": clean(rule.why if rule else summary, keep="\n")},
        "help": help_,
        "defaultConfiguration": {"level": label} if label != "off" else {"enabled": False},
        "properties": properties,
    }


def _result(finding: Finding, fingerprint: str, places: Places, fixes: Replacements, root: Root) -> dict[str, Any]:
    physical = {"artifactLocation": _artifact(finding.path, root), "region": _region(places.of(finding))}
    made: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.severity.label,
        # A viewer would make a link of [text](target), and a migration is written by anybody.
        "message": {"text": paragraphs(finding).replace("](", "] (")},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    changes = [
        {
            "artifactLocation": _artifact(one.path, root),
            "replacements": [
                {
                    "deletedRegion": _region(places.between(one.path, one.span)),
                    "insertedContent": {"text": one.text},
                }
            ],
        }
        for one in fixes.of(finding)
    ]
    if finding.fix is not None and changes:
        made["fixes"] = [{"description": {"text": clean(finding.fix.title)}, "artifactChanges": changes}]
    return made


@lru_cache(maxsize=64)  # findings come file by file
def _artifact(path: str, root: Root) -> dict[str, str]:
    inside = root.relative(path)
    if os.path.isabs(inside) or inside.startswith(".."):
        return {"uri": "file://" + quote(os.fsencode(os.path.realpath(path)))}
    return {"uri": quote(os.fsencode(inside)), "uriBaseId": "%SRCROOT%"}


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
