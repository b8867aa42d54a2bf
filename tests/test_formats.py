"""The formats for other programs: each against a file that was looked at, and read back by somebody else's reader."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.dom import minidom

import jsonschema
import junitparser
import pytest
import sarif_kit.validate
from hypothesis import given, settings
from hypothesis import strategies as st

from elf_sqlcheck import fix, registry, reports
from elf_sqlcheck.model import Severity
from elf_sqlcheck.reports import Style, exchange, sarif
from tests import golden_report, verified
from tests.golden_report import DATA, FINE, PATH, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.reports import Report

PLAIN = Style()
SCHEMA = json.loads(files("elf_sqlcheck.reports").joinpath("report.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _at_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def rendered(name: str, report: Report | None = None) -> str:
    return reports.render(name, report or golden_report.report(), PLAIN)


@pytest.mark.parametrize("name", golden_report.FORMATS)
def test_each_format_is_as_it_was_when_somebody_looked_at_it(name: str) -> None:
    with open(os.path.join(golden_report.FOLDER, f"report.{name}"), encoding="utf-8", newline="") as file:
        assert golden_report.rendered(name) == file.read(), "python -m tests.golden_report writes it anew"


@pytest.mark.parametrize("name", reports.FORMATS)
def test_no_format_shows_a_credential(name: str) -> None:
    report = golden_report.report()
    findings = tuple(one.replace(why=f"{SECRET}!", instead=f"'{SECRET}'") for one in report.findings)
    shown = rendered(name, report.replace(findings=findings))
    assert "sb_secret" not in shown
    assert SECRET[12:] not in shown


def test_json_lines_are_findings_of_the_published_schema() -> None:
    definition = {**SCHEMA, "$ref": "#/$defs/finding", "required": [], "type": "object"}
    lines = rendered("jsonl").splitlines()
    for line in lines:
        jsonschema.Draft202012Validator(definition).validate(json.loads(line))
    assert [json.loads(line) for line in lines] == json.loads(rendered("json"))["findings"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(definition).validate({"path": "a.sql"})


def log(report: Report | None = None) -> Any:
    whole = json.loads(rendered("sarif", report))
    sarif_kit.validate.assert_valid(whole)
    return whole["runs"][0]


@pytest.mark.parametrize("report", [golden_report.report(), verified.report()], ids=["lint", "verify"])
def test_sarif_fits_its_schema_and_names_each_rule(report: Report) -> None:
    made = log(report)
    rules = made["tool"]["driver"]["rules"]
    assert made["columnKind"] == "unicodeCodePoints"
    assert len(made["results"]) == len(report.findings)
    assert [result["level"] for result in made["results"]] == sorted(
        (finding.severity.label for finding in report.findings), key=("error", "warning", "note").index
    )
    for result in made["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert "primaryLocationLineHash" not in result["partialFingerprints"]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert location["uriBaseId"] == "%SRCROOT%"
        assert unquote(location["uri"]) in report.sources
        assert " " not in location["uri"]
    assert all(rule["help"]["text"] and rule["help"]["markdown"] for rule in rules)
    assert not any("helpUri" in rule for rule in rules)


def test_sarif_tells_what_is_about_security_and_makes_no_link_of_what_a_migration_says() -> None:
    made = log()
    severities = {rule["id"]: rule["properties"].get("security-severity") for rule in made["tool"]["driver"]["rules"]}
    assert float(severities.pop("hardcoded-secret")) >= 9
    assert set(severities.values()) == {None}
    money = next(rule for rule in made["tool"]["driver"]["rules"] if rule["id"] == "money-type")
    assert "It has the currency of the server." in money["help"]["text"]
    assert "```sql\nCREATE TABLE t (price money); -- finding" in money["help"]["markdown"]
    nasty = next(result for result in made["results"] if result["ruleId"] == "odd-name")
    assert "[here] (https" in nasty["message"]["text"]


def test_what_every_rule_says_of_itself_fits() -> None:
    rules = registry.load()
    findings = tuple(rule.finding("odd", PATH, None, severity=Severity.NOTE) for rule in rules)
    described = log(golden_report.report().replace(findings=findings, rules=rules))["tool"]["driver"]["rules"]
    assert [one["id"] for one in described] == sorted(rule.name for rule in rules)
    for one in described:  # GitHub refuses more
        assert len(one["shortDescription"]["text"]) <= 1024, one["id"]
        assert len(one["fullDescription"]["text"]) <= 1024, one["id"]
    security = {one["properties"]["tags"][-1] for one in described if "security" in one["properties"]["tags"]}
    assert security == {"secrets", "access", "rls"}


def characters(region: dict[str, int]) -> tuple[int, int]:
    """The offsets of a SARIF region in the text of the report, counted the naive way."""
    lines = DATA.decode().split("\n")
    starts = [sum(len(line) + 1 for line in lines[: number - 1]) for number in range(1, len(lines) + 1)]
    start = starts[region["startLine"] - 1] + region["startColumn"] - 1
    return start, starts[region["endLine"] - 1] + region["endColumn"] - 1


def test_the_fixes_of_sarif_do_what_our_own_do() -> None:
    report, text = golden_report.report(), DATA.decode()
    clean = report.replace(sources={PATH: DATA.replace(SECRET.encode(), b"x" * len(SECRET))})
    fixed = {result["message"]["text"]: result for result in log(clean)["results"] if "fixes" in result}
    ours = [finding for finding in report.findings if finding.fix and finding.rule == "money-type"]
    assert len(fixed) == len(ours) == 2
    for finding in ours:
        result = fixed[exchange.paragraphs(finding)]
        start, end = characters(result["locations"][0]["physicalLocation"]["region"])
        assert text[start:end] == "money"
        [change] = result["fixes"][0]["artifactChanges"]
        [replacement] = change["replacements"]
        start, end = characters(replacement["deletedRegion"])
        after = text[:start] + replacement["insertedContent"]["text"] + text[end:]
        assert after.encode() == fix.apply(DATA, [finding], fix.UNSAFE).data


def test_sarif_keeps_what_github_takes_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 4)
    made = log()
    assert [result["level"] for result in made["results"]] == ["error"] * 3 + ["warning"]
    [notification] = made["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("1 finding left out, the least severe")
    monkeypatch.setattr(sarif, "PACKED", 1_500)
    made = log()
    assert 0 < len(made["results"]) < 4
    missing = 5 - len(made["results"])
    assert f"{missing} findings left out" in made["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    monkeypatch.setattr(sarif, "PACKED", 10)
    assert log()["results"] == []


def test_junit_has_a_case_for_each_file_and_a_failure_for_each_finding_that_fails() -> None:
    suites = junitparser.JUnitXml.fromstring(rendered("junit").encode())
    [suite] = suites
    assert (suites.tests, suites.failures) == (suite.tests, suite.failures) == (2, 3)
    fine, bad = suite
    assert (fine.name, fine.is_passed) == (FINE, True)
    assert bad._elem.get("file") == PATH
    assert [result.type for result in bad.result] == ["money-type", "money-type", "hardcoded-secret"]
    assert f'{PATH}:2: warning: it\'s "<b>&amp;" ]]> [here]' in bad.system_out
    report = golden_report.report().replace(fail_on=Severity.NOTE)
    assert junitparser.JUnitXml.fromstring(rendered("junit", report).encode()).failures == 5


def test_junit_has_the_time_of_each_migration_that_was_proven() -> None:
    report = verified.report()
    [suite] = junitparser.JUnitXml.fromstring(rendered("junit", report).encode())
    assert suite.name == "elf-sqlcheck verify"
    assert suite.time == pytest.approx(report.seconds)
    times = {step.migration.path: step.ms / 1000 for step in report.verification.steps}  # type: ignore[union-attr]
    assert {case.name: case.time for case in suite} == pytest.approx({verified.PATH: times[verified.PATH]}, abs=0.001)


def test_checkstyle_names_the_place_and_the_rule_of_each_finding() -> None:
    [file] = minidom.parseString(rendered("checkstyle").encode()).getElementsByTagName("file")
    assert file.getAttribute("name") == PATH
    errors = [dict(error.attributes.items()) for error in file.getElementsByTagName("error")]
    assert [(error["line"], error["column"], error["severity"]) for error in errors] == [
        ("1", "1", "info"), ("2", "14", "warning"), ("3", "22", "error"), ("3", "35", "error"), ("4", "22", "error")
    ]  # fmt: skip
    assert errors[2]["source"] == "elf-sqlcheck.money-type"
    assert errors[2]["message"] == "column price is money\nWhy: Because."


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_whatever_a_message_says_the_documents_can_be_read(message: str) -> None:
    report = golden_report.report()
    report = report.replace(findings=(report.findings[2].replace(message=message, why="", rule=f"r{message}"),))
    [[_, case]] = map(list, junitparser.JUnitXml.fromstring(rendered("junit", report).encode()))
    assert len(case.result) == 1
    minidom.parseString(rendered("checkstyle", report).encode())
    for name in ("sarif", "gitlab", "rdjson"):
        rendered(name, report).encode()
        json.loads(rendered(name, report))


def test_rdjson_counts_bytes_and_suggests_what_our_own_fixes_do() -> None:
    found = json.loads(rendered("rdjson"))
    assert found["source"] == {"name": "elf-sqlcheck"}
    assert {one["severity"] for one in found["diagnostics"]} == {"ERROR", "WARNING", "INFO"}
    lines = DATA.split(b"\n")

    def offset(position: dict[str, int]) -> int:
        return sum(len(line) + 1 for line in lines[: position["line"] - 1]) + position["column"] - 1

    suggested = [one for one in found["diagnostics"] if "suggestions" in one]
    ours = [finding for finding in golden_report.report().findings if finding.rule == "money-type"]
    for one, finding in zip(suggested, ours, strict=True):
        start, end = (offset(one["location"]["range"][name]) for name in ("start", "end"))
        assert DATA[start:end] == b"money"
        [suggestion] = one["suggestions"]
        start, end = (offset(suggestion["range"][name]) for name in ("start", "end"))
        after = DATA[:start] + suggestion["text"].encode() + DATA[end:]
        assert after == fix.apply(DATA, [finding], fix.UNSAFE).data
    whole = next(one for one in found["diagnostics"] if one["code"]["value"] == "header-missing")
    assert whole["location"] == {"path": PATH}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text('a%s"\\é\n')),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.text('ab%s"ü', max_size=3), inner)
    ),
)


@given(VALUES)
def test_json_is_laid_out_as_python_does_it(value: Any) -> None:
    assert exchange.laid_out(value) == json.dumps(value, indent=2)
