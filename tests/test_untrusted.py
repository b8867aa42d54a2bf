"""What a stranger's pull request cannot decide: through the command, in a real repository with a real fork of it."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import trust
from elf_sqlcheck.cli import meaning
from tests.lint_project import Project

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "-- Migration: {0}\n-- Version: {1}\n-- Description: {0}\n\n-- ============= UP MIGRATION =============\n"
BAD = "CREATE TABLE IF NOT EXISTS {} (id SERIAL PRIMARY KEY, payload JSON, created_at TIMESTAMP DEFAULT NOW());\n"
FIRST, NEW = "migrations/20250101_000000_first.sql", "migrations/20250102_000000_second.sql"
#: Rules of the project: one that finds each table, and says where its code is from.
RULES = """
from elf_sqlcheck.rule import *


def table(context):
    yield context.finding("a table, as {} sees it")


RULES = (Rule("own-table", "own", Severity.ERROR, "s", "w", "i", (CreateTable,), table),)
"""
PWNED = "import pathlib; pathlib.Path({!r}).write_text('x')\n"


def migration(version: str, name: str, sql: str) -> str:
    return HEAD.format(name, version) + sql + f"-- ============= DOWN MIGRATION =============\nDROP TABLE {name};\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A main branch with a configuration, rules and a baseline, and the branch of a stranger that leaves it."""
    made = Project(tmp_path / "repository")
    made.put("elf-sqlcheck.toml", 'rules-dir = "own"\nselect = ["own", "types", "suppressions"]\n')
    made.put("own/tables.py", RULES.format("main"))
    made.put(FIRST, migration("20250101_000000", "first", "CREATE TABLE IF NOT EXISTS first (payload JSON);\n"))
    made.git("init", "-q", "-b", "main")
    made.lint_baseline()
    made.commit()
    made.git("checkout", "-q", "-b", "change")
    made.put(NEW, migration("20250102_000000", "second", BAD.format("second")))
    return made


def event(project: Project, head: str | None = "mallory/shop", **more: Any) -> dict[str, str]:
    """The variables of a job of GitHub for a pull request; the base is the main branch as it is."""
    sha = project.git("rev-parse", "main").strip()
    told = {
        "pull_request": {
            "head": {"repo": {"full_name": head} if head else None},
            "base": {"sha": sha, "ref": "main", "repo": {"full_name": "ada/shop"}},
        }
    }
    path = project.root.parent / "event.json"
    path.write_text(json.dumps({**told, **more}))
    return {"GITHUB_EVENT_PATH": str(path), "GITHUB_EVENT_NAME": "pull_request"}


def found(project: Project, *arguments: str, **variables: str) -> tuple[list[tuple[str, str, str]], str]:
    """The (path, rule, severity) of all findings, and what was said besides."""
    done = project.lint("--output-format", "json", *arguments, **variables)
    assert done.returncode in {0, 1}, done.stderr
    listed = json.loads(done.stdout)["findings"]
    return [(one["path"], one["rule"], one["severity"]) for one in listed], done.stderr


def rules_of(listed: list[tuple[str, str, str]]) -> set[str]:
    return {rule for _, rule, _ in listed}


def test_the_configuration_is_that_of_the_base(project: Project) -> None:
    before, _ = found(project, "--untrusted")
    assert {"own-table", "json-type"} <= rules_of(before)
    project.put("elf-sqlcheck.toml", 'select = ["naming"]\nexclude = ["migrations/**"]\nfail-on = "error"\n')
    project.put("pyproject.toml", '[tool.elf-sqlcheck]\nignore = ["types"]\n')
    project.put("migrations/elf-sqlcheck.toml", 'ignore = ["types"]\n')
    project.commit()
    assert found(project)[0] == []
    assert found(project, "--untrusted")[0] == before
    after, said = found(project, **event(project))
    assert after == before
    assert "the fork mallory/shop is not trusted" in said


def test_rules_of_a_stranger_do_not_run(project: Project, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    project.put("own/tables.py", PWNED.format(str(trace)) + RULES.format("mallory"))
    project.put("own/more.py", PWNED.format(str(trace)) + "RULES = ()\n")
    project.commit()
    done = project.lint(**event(project))
    assert "as main sees it" in done.stdout
    assert "mallory sees it" not in done.stdout
    assert not trace.exists()
    project.lint()
    assert trace.exists()  # else this test would show nothing


def test_rules_that_the_base_lacks_are_missing(project: Project) -> None:
    project.git("stash", "-uq")
    project.git("checkout", "-q", "main")
    project.git("rm", "-rq", "own")  # what is compiled was committed, too
    project.git("commit", "-q", "-m", "Gone")
    project.git("checkout", "-q", "-b", "bringing")
    project.put("own/tables.py", RULES.format("mallory"))
    project.commit()
    assert "mallory sees it" not in project.lint("--untrusted").stdout
    done = project.lint("--untrusted")
    assert done.returncode == 2
    assert "does not exist" in done.stderr


def test_compiled_code_of_a_stranger_does_not_run(project: Project, tmp_path: Path) -> None:
    import importlib.util
    import py_compile

    trace, source = tmp_path / "ran", project.root / "own/tables.py"
    good = source.read_text()
    # Its header fits the file of main: to the second, and in its length.
    evil = PWNED.format(str(trace)) + "RULES = ()\n"
    assert len(evil) < len(good)
    source.write_text(evil.ljust(len(good), "\n"))
    os.utime(source, (1_700_000_000, 1_700_000_000))
    py_compile.compile(str(source), importlib.util.cache_from_source(str(source)))
    source.write_text(good)
    os.utime(source, (1_700_000_000, 1_700_000_000))
    project.git("add", "-Af")
    project.git("commit", "-q", "-m", "Compiled")
    assert "as main sees it" in project.lint("--untrusted").stdout
    assert not trace.exists()
    project.lint()
    assert trace.exists()


def test_the_baseline_is_that_of_the_base(project: Project) -> None:
    before, _ = found(project, "--untrusted")
    assert all(path == NEW for path, _, _ in before)  # those of main are known
    project.lint_baseline()
    project.commit()
    assert found(project)[0] == []
    assert found(project, "--untrusted")[0] == before
    project.put("other.json", (project.root / ".elf-sqlcheck-baseline.json").read_text())
    done = project.lint("--untrusted", "--baseline", "other.json")
    assert done.returncode == 2
    assert "there is no other.json in the main branch" in done.stderr


def test_what_a_stranger_allows_is_shown(project: Project) -> None:
    text = migration("20250102_000000", "second", "-- elf: allow-file own-table -- why not\n" + BAD.format("second"))
    project.put(NEW, text)
    project.commit()
    assert "own-table" not in rules_of(found(project)[0])
    shown, _ = found(project, **event(project))
    assert (NEW, "own-table", "note") in shown
    assert "allowed by a comment of a change that is not trusted" in project.lint("--untrusted").stdout
    judged, _ = found(project, "--no-suppressions")
    assert (NEW, "own-table", "error") in judged


def test_what_the_base_allows_is_not_told_again(project: Project) -> None:
    project.git("checkout", "-q", "main")
    (project.root / NEW).unlink()
    third = "migrations/20250103_000000_third.sql"
    project.put(
        third, migration("20250103_000000", "third", "-- elf: allow-file own-table -- agreed\n" + BAD.format("third"))
    )
    project.commit()
    project.git("checkout", "-q", "-b", "later")
    project.put("migrations/20250104_000000_d.sql", migration("20250104_000000", "d", BAD.format("d")))
    shown, _ = found(project, "--untrusted")
    assert (third, "own-table", "note") not in shown
    assert ("migrations/20250104_000000_d.sql", "own-table", "error") in shown


@pytest.mark.parametrize(
    ("target", "where"),
    [("{outside}/secret.sql", "a place outside of the repository"), ("../.git/config", "what Git keeps")],
)
def test_a_link_is_not_followed_out_of_the_repository(project: Project, target: str, where: str) -> None:
    outside = project.root.parent / "outside"
    outside.mkdir()
    (outside / "secret.sql").write_text("CREATE TABLE topsecret (payload JSON);\n")
    (project.root / NEW).unlink()
    (project.root / NEW).symlink_to(target.format(outside=outside))
    project.commit()
    for arguments in ((), (NEW,), ("--since", "main")):
        done = project.lint("--untrusted", *arguments)
        assert done.returncode == 2
        assert where in done.stderr
        assert "topsecret" not in done.stdout + done.stderr
        assert "repositoryformatversion" not in done.stdout + done.stderr


def test_a_link_within_the_repository_is_followed(project: Project) -> None:
    (project.root / NEW).rename(project.root / "second.sql")
    (project.root / NEW).symlink_to("../second.sql")
    project.commit()
    assert "own-table" in rules_of(found(project, "--untrusted")[0])


def test_a_folder_that_leads_outside_is_not_read(project: Project) -> None:
    outside = project.root.parent / "outside"
    outside.mkdir()
    (outside / "20250101_000000_first.sql").write_text("CREATE TABLE topsecret (payload JSON);\n")
    shutil.rmtree(project.root / "migrations")
    (project.root / "migrations").symlink_to(outside)
    project.commit()
    done = project.lint("--untrusted")
    assert done.returncode == 2
    assert "outside of the repository" in done.stderr
    assert "topsecret" not in done.stdout


def test_another_layout_hides_no_migration(project: Project) -> None:
    project.git("checkout", "-q", "main")
    (project.root / NEW).unlink()
    project.git("mv", FIRST, "migrations/20250101000000_first.sql")
    project.put("migrations/20250101000000_first.sql", "CREATE TABLE IF NOT EXISTS first (id int);\n")
    project.commit()
    project.git("checkout", "-q", "-b", "hiding")
    project.put("migrations/20250102000000_second.sql", BAD.format("second"))
    project.put("migrations/sqitch.plan", "%syntax-version=1.0.0\n%project=shop\n\n")
    project.commit()
    assert "20250102000000_second.sql" not in project.lint("--trusted").stdout
    done = project.lint("--untrusted")
    assert done.returncode == 2
    assert "migrations/20250102000000_second.sql is not read" in done.stderr
    assert "own-table" in rules_of(found(project, "--untrusted", "--layout", "supabase")[0])


def test_without_the_base_nothing_is_judged(project: Project) -> None:
    project.commit()
    gone = event(project)
    text = (project.root.parent / "event.json").read_text()
    (project.root.parent / "event.json").write_text(re.sub(r'"sha": "\w+"', f'"sha": "{"0" * 39}1"', text))
    done = project.lint(**gone)
    assert done.returncode == 2
    assert "is no commit that is here" in done.stderr
    assert "fetch-depth: 0" in done.stderr
    assert project.lint("--isolated", **gone).returncode == 1


def test_the_own_pull_request_is_trusted(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["naming"]\n')
    done = project.lint(**event(project, head="ada/shop"))
    assert done.returncode == 0
    assert "not trusted" not in done.stderr
    assert "not trusted" in project.lint(**event(project, head=None)).stderr
    assert "not trusted" not in project.lint("--trusted", **event(project)).stderr
    assert project.lint("--trusted", "--base", "main").returncode == 2


def test_style_loads_no_code_of_a_stranger(project: Project, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    project.put(".sqlfluff", "[sqlfluff]\ntemplater = jinja\n\n[sqlfluff:templater:jinja]\nlibrary_path = library\n")
    project.put("library/__init__.py", PWNED.format(str(trace)))
    project.commit()
    project.run("style", "--untrusted")
    assert not trace.exists()
    project.run("style")
    assert trace.exists()


CI = [
    ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1"}, "the fork 2"),
    ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "1"}, ""),
    ({"CIRCLE_PR_USERNAME": "mallory", "CIRCLE_PR_REPONAME": "shop"}, "the fork mallory/shop"),
    ({"SYSTEM_PULLREQUEST_ISFORK": "True"}, "a fork"),
    ({"SYSTEM_PULLREQUEST_ISFORK": "False"}, ""),
    (
        {"BUILDKITE_PULL_REQUEST_REPO": "git://example.org/m/shop.git", "BUILDKITE_REPO": "git@example.org:a/shop.git"},
        "the fork git://example.org/m/shop.git",
    ),
    (
        {"BUILDKITE_PULL_REQUEST_REPO": "git://example.org/a/shop.git", "BUILDKITE_REPO": "git@example.org:a/shop.git"},
        "",
    ),
    ({"TRAVIS_PULL_REQUEST_SLUG": "mallory/shop", "TRAVIS_REPO_SLUG": "ada/shop"}, "the fork mallory/shop"),
    ({"TRAVIS_PULL_REQUEST_SLUG": "ada/shop", "TRAVIS_REPO_SLUG": "ada/shop"}, ""),
    (
        {"GITHUB_EVENT_PATH": "/nowhere", "GITHUB_EVENT_NAME": "pull_request_target"},
        "a pull request that cannot be told",
    ),
    ({}, ""),
]


@pytest.mark.parametrize(("variables", "whose"), CI)
def test_whose_change_it_is(variables: dict[str, str], whose: str) -> None:
    assert trust.stranger(variables) == whose
    if whose:
        assert not meaning.SIGNS.isdisjoint(variables)


@pytest.mark.parametrize(
    ("told", "is_foreign"),
    [
        ({"issue": {"pull_request": {"url": "x"}}, "comment": {"body": "/verify"}}, True),
        ({"issue": {"number": 1}}, False),
        ({"workflow_run": {"head_repository": {"full_name": "m/shop"}}, "repository": {"full_name": "a/shop"}}, True),
        ({"workflow_run": {"head_repository": {"full_name": "a/shop"}}, "repository": {"full_name": "a/shop"}}, False),
        ({"ref": "refs/heads/main"}, False),
        ([], True),
        ({"pull_request": {"head": None, "base": 3}}, True),
    ],
)
def test_what_github_says_has_happened(told: object, is_foreign: bool, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(told))
    assert bool(trust.stranger({"GITHUB_EVENT_PATH": str(path)})) is is_foreign


def test_links_to_each_other_come_to_an_end(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.put("sql/V1__first.sql", "CREATE TABLE first (payload JSON);\n")
    project.put("sql/a/V2__second.sql", "CREATE TABLE second (payload JSON);\n")
    for number in range(8):
        (tmp_path / f"sql/a/up{number}").symlink_to("..")
        (tmp_path / f"sql/across{number}").symlink_to("a")
    shown, _ = found(project, "sql", "--select", "json-type", "--layout", "flyway")
    assert {path for path, _, _ in shown} >= {"sql/V1__first.sql", "sql/a/V2__second.sql"}
    assert len(shown) < 8


def test_verify_is_as_strict(project: Project) -> None:
    text = "-- elf: allow-file rollback-leaves-behind -- who cares\nCREATE TABLE IF NOT EXISTS second (id int);\n"
    project.put(NEW, HEAD.format("second", "20250102_000000") + text + "-- ==== DOWN MIGRATION ====\nSELECT 1;\n")
    project.put("elf-sqlcheck.toml", 'ignore = ["verify"]\n')
    project.commit()
    assert project.run("verify", "--isolated", NEW).returncode == 0
    done = project.run("verify", "--select=verify", "--untrusted", NEW)
    assert done.returncode == 0, done.stderr
    assert "allowed by a comment of a change that is not trusted" in done.stdout
    assert project.run("verify", "--select=verify", "--untrusted", "--no-suppressions", NEW).returncode == 1
