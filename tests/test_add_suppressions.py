"""`lint --add-suppressions`: what is found is allowed by comments, nothing else changes, and lint is clean then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.suppress import Pieces
from tests.lint_project import FIRST, SECOND, Project
from tests.migrate_files import text

if TYPE_CHECKING:
    from pathlib import Path

REASON = "as agreed"
#: In pieces: those who scan repositories for secrets cannot know that it is made up.
SECRET = "sb_secret_" + "N7bqLr8sKd2mWxYz4TfGh1Jp"
ADD = ("--add-suppressions", "--reason", REASON)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.put("elf-sqlcheck.toml", 'select = ["types", "secrets", "suppressions", "portability"]\n')
    made.git("init", "-q", "-b", "main")
    return made


def added(project: Project, before: str, *arguments: str) -> str:
    """What becomes of a file; checks that it is clean then, and that a second run changes nothing."""
    path = project.put(FIRST, before)
    done = project.lint(*ADD, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    after = path.read_bytes().decode()
    assert project.found(*ADD) == set()
    assert path.read_bytes().decode() == after, "a second run adds nothing"
    old, new = (layouts.read(FIRST, content.encode()) for content in (before, after))
    assert [old.text(piece) for piece in Pieces(old).all] == [new.text(piece) for piece in Pieces(new).all]
    return after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "CREATE TABLE a (p money);\n",
            "-- elf: allow money-type -- as agreed\nCREATE TABLE a (p money);\n",
        ),
        (
            "SELECT 1;\n\n  CREATE TABLE a (\n    c CHAR(3),\n    p money\n  );\nSELECT 2;\n",
            (
                "SELECT 1;\n\n  -- elf: allow char-type, money-type -- as agreed\n"
                "  CREATE TABLE a (\n    c CHAR(3),\n    p money\n  );\nSELECT 2;\n"
            ),
        ),
        (
            "SELECT 1; CREATE TABLE a (p money); SELECT 2;",
            "SELECT 1; \n-- elf: allow money-type -- as agreed\nCREATE TABLE a (p money); SELECT 2;",
        ),
        (
            "/* two\n   lines */ CREATE TABLE a (p money);",
            "/* two\n   lines */ \n-- elf: allow money-type -- as agreed\nCREATE TABLE a (p money);",
        ),
        (
            "\ufeffCREATE TABLE a (p money);\r\nSELECT 1;\r\n",
            "\ufeff-- elf: allow money-type -- as agreed\r\nCREATE TABLE a (p money);\r\nSELECT 1;\r\n",
        ),
        (
            "-- Prices\n-- squawk-ignore prefer-text-field\nCREATE TABLE a (p money);",
            (
                "-- Prices\n-- elf: allow money-type -- as agreed\n-- squawk-ignore prefer-text-field\n"
                "CREATE TABLE a (p money);"
            ),
        ),
        (
            "CREATE TABLE a (ä text, p money);\n-- größe\nCREATE TABLE b (p money);",
            (
                "-- elf: allow money-type -- as agreed\nCREATE TABLE a (ä text, p money);\n-- größe\n"
                "-- elf: allow money-type -- as agreed\nCREATE TABLE b (p money);"
            ),
        ),
    ],
)
def test_a_comment_is_written_above_the_statement(project: Project, before: str, after: str) -> None:
    assert added(project, before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "-- elf: allow char-type -- as agreed\nCREATE TABLE a (c CHAR(3), p money);\n",
            "-- elf: allow char-type, money-type -- as agreed\nCREATE TABLE a (c CHAR(3), p money);\n",
        ),
        (
            "-- elf: allow char-type -- codes\n-- A table\nCREATE TABLE a (c CHAR(3), p money);\n",
            (
                "-- elf: allow char-type, money-type -- codes; as agreed\n"
                "-- A table\nCREATE TABLE a (c CHAR(3), p money);\n"
            ),
        ),
        (
            "/* elf: allow char-type -- codes */\nCREATE TABLE a (c CHAR(3), p money);\n",
            "/* elf: allow char-type, money-type -- codes; as agreed */\nCREATE TABLE a (c CHAR(3), p money);\n",
        ),
        (
            "CREATE TABLE a (\n    c CHAR(3), -- elf: allow char-type -- codes\n    p money\n);\n",
            (
                "-- elf: allow money-type -- as agreed\n"
                "CREATE TABLE a (\n    c CHAR(3), -- elf: allow char-type -- codes\n    p money\n);\n"
            ),
        ),
        (
            "SELECT 1::money; CREATE TABLE a (p money); -- elf: allow money-type -- x\nCREATE TABLE b (c CHAR(3));",
            (
                "SELECT 1::money; CREATE TABLE a (p money); -- elf: allow money-type -- x\n"
                "-- elf: allow char-type -- as agreed\nCREATE TABLE b (c CHAR(3));"
            ),
        ),
    ],
)
def test_a_comment_that_is_there_gets_the_rule_added(project: Project, before: str, after: str) -> None:
    assert added(project, before) == after


OWN = """
import re

from elf_sqlcheck.rule import *


def check(context):
    for match in re.finditer(b"money", context.migration.data):
        yield context.finding("money is spoken of", Span(match.start(), match.end()))


RULES = (Rule("says-money", "own", Severity.ERROR, "s", "w", "i", (Migration,), check),)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$\nBEGIN\n    CREATE TABLE a (p money);\nEND\n$$;\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $b$\n-- elf: allow says-money -- x\nSELECT 1::money\n$b$;\n",
        "COMMENT ON TABLE a IS 'all\nof the money';\n",
        "INSERT INTO a VALUES\n(1, 'x'\n'money'),\n(2, 'y');\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC\nSELECT 1;\nSELECT length('money');\nEND;\n",
    ],
)
def test_no_comment_gets_into_a_body_or_a_string(project: Project, statement: str) -> None:
    project.put("own/own.py", OWN)
    project.put("elf-sqlcheck.toml", 'rules-dir = "own"\nselect = ["own", "suppressions"]\n')
    after = added(project, f"SELECT 1;\n{statement}SELECT 2;\n")
    assert after == f"SELECT 1;\n-- elf: allow says-money -- as agreed\n{statement}SELECT 2;\n"


def test_each_section_gets_its_own(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["drop-without-if-exists", "suppressions"]\n')
    before = text("20250101_000000_first", "DROP TABLE a;", "DROP TABLE b;")
    after = added(project, before)
    assert after == before.replace("DROP", "-- elf: allow drop-without-if-exists -- as agreed\nDROP")


def test_a_finding_about_the_file_is_allowed_below_the_headers(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'select = ["missing-down", "header-mismatch", "suppressions"]\n')
    before = text("20250101_000000_first", "CREATE TABLE a (id INT);", None).replace("Version: 2025", "Version: 2024")
    after = added(project, before)
    line = "-- elf: allow-file header-mismatch, missing-down -- as agreed\n"
    assert after == before.replace("-- Dependencies: []\n", f"-- Dependencies: []\n{line}")
    merged = before.replace("-- Dependencies: []\n", "-- Dependencies: []\n-- elf: allow-file missing-down -- kept\n")
    assert "-- elf: allow-file missing-down, header-mismatch -- kept; as agreed\n" in added(project, merged)


def test_rows_for_copy_stay_rows(project: Project) -> None:
    before = "CREATE TABLE a (p money);\nCOPY a (p) FROM stdin;\n1\tx;\n\\N\n\\.\nCREATE TABLE b (p money);\n"
    line = "-- elf: allow money-type -- as agreed\n"
    assert added(project, before, "--select", "types") == before.replace("CREATE", f"{line}CREATE")
    endless = "COPY a (p) FROM stdin;\nSELEKT;\nmore;\n"
    after = added(project, endless)
    assert after.endswith(endless), "what follows a COPY may be its rows"
    assert after.startswith("-- elf: allow-file ")


def test_what_does_not_parse_is_allowed_too(project: Project) -> None:
    after = added(project, "SELECT 1;\nSELEKT 1;\nSELECT 2;\n")
    assert after == "SELECT 1;\n-- elf: allow syntax-error -- as agreed\nSELEKT 1;\nSELECT 2;\n"


def test_a_credential_is_allowed_only_by_name(project: Project) -> None:
    before = f"SELECT '{SECRET}', 1::money;\n"
    path = project.put(FIRST, before)
    done = project.lint(*ADD)
    assert done.returncode == 1
    assert project.found() == {(FIRST, "hardcoded-secret")}
    project.put(FIRST, before)
    assert project.lint(*ADD, "--select", "secrets").returncode == 1
    assert path.read_text() == before, "a family is no name"
    assert project.lint(*ADD, "--select", "hardcoded-secret").returncode == 0
    assert path.read_text() == f"-- elf: allow hardcoded-secret -- as agreed\n{before}"


def test_only_what_is_selected_and_asked_for_is_allowed(project: Project) -> None:
    table = "CREATE TABLE a (c CHAR(3), p money);\n"
    path, other = project.put(FIRST, table), project.put(SECOND, table)
    assert project.lint(*ADD, "--select", "char-type", FIRST).returncode == 0
    assert path.read_text() == f"-- elf: allow char-type -- as agreed\n{table}"
    assert other.read_text() == table


def test_what_the_baseline_knows_needs_no_comment(project: Project) -> None:
    import subprocess

    from tests.lint_project import COMMAND

    path = project.put(FIRST, "CREATE TABLE a (p money);\n")
    subprocess.run([COMMAND, "baseline"], cwd=project.root, check=True, capture_output=True)
    assert project.lint(*ADD).returncode == 0
    assert path.read_text() == "CREATE TABLE a (p money);\n"


def test_the_change_can_be_shown_first(project: Project) -> None:
    path = project.put(FIRST, "CREATE TABLE a (p money);\n")
    done = project.lint(*ADD, "--diff")
    assert done.returncode == 1
    assert "+-- elf: allow money-type -- as agreed\n" in done.stdout
    assert "1 finding in 1 file would be allowed" in done.stderr
    assert path.read_text() == "CREATE TABLE a (p money);\n"
    done = project.lint(*ADD, "--diff", "-", text="CREATE TABLE a (p money);\n")
    assert "+-- elf: allow money-type -- as agreed\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--add-suppressions",), "needs a reason"),
        (("--add-suppressions", "--reason", "  "), "needs a reason"),
        (("--add-suppressions", "--reason", "a */ b"), "cannot stand in a comment"),
        (("--add-suppressions", "--reason", "a\x1bb"), "cannot stand in a comment"),
        (("--reason", "x"), "--reason is for --add-suppressions"),
        ((*ADD, "--fix"), "exclude each other"),
        ((*ADD, "--staged"), "not into what is staged"),
        ((*ADD, "-"), "not into standard input"),
    ],
)
def test_contradictions_are_refused(project: Project, arguments: tuple[str, ...], said: str) -> None:
    project.put(FIRST, "CREATE TABLE a (p money);\n")
    done = project.lint(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert (project.root / FIRST).read_text() == "CREATE TABLE a (p money);\n"
