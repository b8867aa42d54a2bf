"""The formats for other programs: each against a file that was looked at, and read back by somebody else's reader."""

from __future__ import annotations

import json
import os
import re
import subprocess
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
from tests.forks import run
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


# On a real repository


MIGRATION = """\
-- Migration: Orders
-- Version: 20250102_000000
-- Description: Orders and what they cost

-- ============= UP MIGRATION =============

CREATE TABLE orders (id uuid PRIMARY KEY, created_at timestamptz DEFAULT now(), price money, total money);
ALTER TABLE orders ADD COLUMN tax money;

-- ============= DOWN MIGRATION ============

DROP TABLE orders;
"""
NAME = "migrations/20250102_000000_orders.sql"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder `shop` of a repository, with one migration."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    folder = tmp_path / "shop"
    (folder / "migrations").mkdir(parents=True)
    (folder / NAME).write_text(MIGRATION, "utf-8")
    return folder


def lint(folder: Path, name: str, *arguments: str, code: int = 1) -> str:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "FORCE", "CLI"))}
    done = run("elf-sqlcheck", "lint", "--select", "money-type", "--output-format", name, *arguments, folder=folder,
               variables=variables)  # fmt: skip
    assert done.returncode == code, done.stderr
    assert not done.stderr
    return done.stdout


def test_fingerprints_are_unique_and_stay_when_lines_move(project: Path) -> None:
    before = json.loads(lint(project, "gitlab"))
    prints = [entry["fingerprint"] for entry in before]
    assert len(set(prints)) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in prints)
    results = json.loads(lint(project, "sarif"))["runs"][0]["results"]
    assert [result["partialFingerprints"] for result in results] == [{sarif.FINGERPRINT: one} for one in prints]
    moved = MIGRATION.replace("CREATE TABLE", "-- a comment\n\nCREATE TABLE carts (id int);\nCREATE TABLE")
    (project / NAME).write_text(moved.replace("ALTER TABLE orders", "alter  table\n  orders"), "utf-8")
    after = json.loads(lint(project, "gitlab"))
    assert [entry["fingerprint"] for entry in after] == prints
    assert [entry["location"]["lines"]["begin"] for entry in after] != [
        entry["location"]["lines"]["begin"] for entry in before
    ]
    (project / NAME).write_text(MIGRATION.replace("tax money", "tax money DEFAULT 0"), "utf-8")
    assert [entry["fingerprint"] in prints for entry in json.loads(lint(project, "gitlab"))] == [True, True, False]


def test_gitlab_is_told_what_it_asks_for(project: Path) -> None:
    entry = json.loads(lint(project, "gitlab"))[0]
    assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert (entry["check_name"], entry["severity"]) == ("money-type", "major")
    assert entry["location"] == {"path": f"shop/{NAME}", "lines": {"begin": 7, "end": 7}}
    assert json.loads(lint(project, "gitlab", "--ignore", "types", "--select", "char-type", code=0)) == []


def paths(name: str, shown: str) -> set[str]:
    """The files that a report names."""
    if name == "sarif":
        results = json.loads(shown)["runs"][0]["results"]
        return {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results}
    if name == "gitlab":
        return {entry["location"]["path"] for entry in json.loads(shown)}
    if name == "rdjson":
        return {entry["location"]["path"] for entry in json.loads(shown)["diagnostics"]}
    if name == "junit":
        return {case._elem.get("file") for suite in junitparser.JUnitXml.fromstring(shown.encode()) for case in suite}
    return {file.getAttribute("name") for file in minidom.parseString(shown.encode()).getElementsByTagName("file")}


@pytest.mark.parametrize("name", ["sarif", "gitlab", "junit", "checkstyle"])
def test_paths_count_from_the_root_of_the_repository_wherever_the_command_runs(project: Path, name: str) -> None:
    assert paths(name, lint(project, name)) == {f"shop/{NAME}"}
    assert paths(name, lint(project.parent, name, f"shop/{NAME}")) == {f"shop/{NAME}"}
    assert paths(name, lint(project, name, str(project / NAME))) == {f"shop/{NAME}"}
    assert paths(name, lint(project / "migrations", name, ".")) == {f"shop/{NAME}"}


def test_junit_counts_the_files_that_were_judged_and_no_others(project: Path) -> None:
    (project / "migrations" / "20250101_000000_first.sql").write_text(MIGRATION.replace("money", "text"), "utf-8")
    first, second = junitparser.JUnitXml.fromstring(lint(project, "junit").encode()), lint(project, "junit", NAME)
    assert (first.tests, first.failures) == (2, 3)
    assert paths("junit", second) == {f"shop/{NAME}"}
    passing = lint(project, "junit", "--ignore", "types", "--select", "char-type", code=0)
    assert junitparser.JUnitXml.fromstring(passing.encode()).failures == 0


def test_reviewdog_gets_paths_as_seen_from_where_it_runs(project: Path) -> None:
    assert paths("rdjson", lint(project, "rdjson")) == {NAME}


def test_a_file_outside_of_the_repository_has_a_uri_of_its_own(project: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    (tmp_path / "else where").mkdir()
    other = tmp_path / "else where" / os.path.basename(NAME)
    other.write_text(MIGRATION, "utf-8")
    [uri] = paths("sarif", lint(project, "sarif", f"../else where/{other.name}"))
    assert uri == f"file://{os.path.realpath(other)}".replace(" ", "%20")
    [path] = paths("gitlab", lint(project, "gitlab", str(other)))
    assert path == str(other)


def test_all_formats_at_once(project: Path) -> None:
    (project / NAME).write_text(MIGRATION.replace("tax money", f"tax money, ADD k text DEFAULT '{SECRET}'"), "utf-8")
    outputs = [argument for name in reports.FORMATS for argument in ("--output", f"{name}:report.{name}")]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT")}
    done = run("elf-sqlcheck", "lint", *outputs[2:], "--output", "text:-", folder=project, variables=variables)
    assert done.returncode == 1
    assert "money-type" in done.stdout
    for name in reports.FORMATS[1:]:
        shown = (project / f"report.{name}").read_text("utf-8")
        assert "money-type" in shown, name
        assert SECRET not in shown, name
    sarif_kit.validate.assert_valid(json.loads((project / "report.sarif").read_text("utf-8")))
    assert SECRET not in done.stdout


@pytest.mark.parametrize(("given_name", "meant"), [("jsn", "json"), ("sariff", "sarif"), ("checkstile", "checkstyle")])
def test_an_unknown_format_names_the_nearest(project: Path, given_name: str, meant: str) -> None:
    done = run("elf-sqlcheck", "lint", "--output-format", given_name, folder=project, variables=dict(os.environ))
    assert done.returncode == 2
    assert f"Did you mean '{meant}'?" in done.stderr
    done = run("elf-sqlcheck", "lint", "--output", f"{given_name}:x", folder=project, variables=dict(os.environ))
    assert done.returncode == 2
    assert f"such as `--output {meant}:x`" in done.stderr
