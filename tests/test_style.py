"""How migrations are written: `elf-sqlcheck style`, with the real sqlfluff."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.reports import FORMATS
from elf_sqlcheck.style.meaning import same_meaning
from tests.forks import Ended, Forks, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE = "migrations/20250101_000000_a.sql"
MARKERS = "-- ============= {} MIGRATION =============\n"
UGLY = """\
CREATE TABLE  a (
  id UUID PRIMARY KEY,
    straße TEXT not null
);
"""
NEAT = """\
CREATE TABLE a (
    id UUID PRIMARY KEY,
    straße TEXT NOT NULL
);
"""
#: Every place of UGLY where something is found.
PLACES = [(1, "layout.spacing"), (2, "layout.indent"), (3, "capitalisation.keywords"), (3, "capitalisation.keywords")]


class Project:
    """A folder with a migration, in which the command is run."""

    def __init__(self, root: Path, forks: Forks) -> None:
        self.root = root
        self.forks = forks

    def put(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def style(self, *arguments: str, stdin: str = "", command: str = "style") -> tuple[int, str, str]:
        """The exit code, what was printed, and what went to standard error."""
        started = self.forks.start(
            command, *arguments, folder=str(self.root), apart=True, program="elf-sqlcheck", stdin=stdin
        )
        ended: Ended = started.wait(60)
        return ended.code, ended.said, started.errors()

    def report(self, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
        code, said, errors = self.style("--output-format", "json", *arguments, stdin=stdin)
        assert code in {0, 1}, errors
        findings: list[dict[str, Any]] = json.loads(said)["findings"]
        return findings

    def found(self, *arguments: str, stdin: str = "") -> list[tuple[int, str]]:
        """The line and the rule of all findings."""
        return [(finding["line"], finding["rule"]) for finding in self.report(*arguments, stdin=stdin)]

    def text(self, path: str = FILE) -> bytes:
        return (self.root / path).read_bytes()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "FORCE", "NO_C"))}
    with Forks(str(tmp_path_factory.mktemp("style")), keep, ["tests.warm_sqlfluff"]) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, forks: Forks) -> Project:
    made = Project(tmp_path, forks)
    made.put("elf-sqlcheck.toml", "")
    made.put(FILE, UGLY)
    return made


def test_findings_are_told_like_those_of_lint(project: Project) -> None:
    first, *_ = findings = project.report()
    assert [(finding["line"], finding["rule"]) for finding in findings] == PLACES
    assert {(finding["family"], finding["severity"]) for finding in findings} == {("style", "warning")}
    assert first["message"] == "expected only single space before naked identifier. Found '  ' (LT01)"
    assert first["fix"]["applicability"] == "safe"
    assert project.style()[0] == 0
    assert project.style("--fail-on", "warning")[0] == 1


def test_every_format_can_tell_it(project: Project) -> None:
    outputs = [part for name in FORMATS for part in ("--output", f"{name}:report.{name}")]
    assert project.style(*outputs)[0] == 0
    for name in FORMATS:
        assert b"(LT01)" in project.text(f"report.{name}"), name


def test_fixes_write_the_file_as_it_should_be(project: Project) -> None:
    assert project.style("--fix")[:2] == (0, "4 findings fixed; 1 file checked, nothing found\n")
    assert project.text() == NEAT.encode()
    assert project.style("--diff")[:2] == (0, "")


def test_a_diff_changes_nothing(project: Project) -> None:
    code, said, errors = project.style("--diff")
    assert code == 1
    assert "-CREATE TABLE  a (\n" in said
    assert "+CREATE TABLE a (\n" in said
    assert "4 findings in 1 file would be fixed" in errors
    assert project.text() == UGLY.encode()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_places_are_those_of_the_file_with_its_own_line_ends(project: Project, bom: bytes) -> None:
    data = bom + UGLY.replace("\n", "\r\n").encode()
    project.put(FILE, data)
    findings = project.report()
    assert [(finding["line"], finding["rule"]) for finding in findings] == PLACES
    assert [(finding["column"], finding["end_column"]) for finding in findings[-2:]] == [(17, 20), (21, 25)]
    project.style("--fix")
    assert project.text() == bom + NEAT.replace("\n", "\r\n").encode()


def test_bytes_that_are_no_utf_8_stay(project: Project) -> None:
    project.put(FILE, UGLY.encode() + b"-- gr\xfc\xdfe\nselect  'gr\xfc\xdfe';\n")
    project.style("--fix")
    assert project.text() == NEAT.encode() + b"-- gr\xfc\xdfe\nSELECT 'gr\xfc\xdfe';\n"


def test_what_sqlfluff_cannot_read_is_said_and_the_rest_is_judged(project: Project) -> None:
    strange = "CREATE EVENT TRIGGER t ON ddl_command_end  execute FUNCTION f();\n"
    project.put(FILE, f"SAVEPOINT x;\n{UGLY}{strange}DROP TABLE  a;\n")
    noted = [(1, "style.unjudged"), *((line + 1, rule) for line, rule in PLACES), (6, "style.unjudged")]
    findings = project.report()
    assert [(finding["line"], finding["rule"]) for finding in findings] == [*noted, (7, "layout.spacing")]
    assert {f["severity"] for f in findings if f["rule"] == "style.unjudged"} == {"note"}
    assert findings[0]["message"] == "sqlfluff cannot read this statement; its style was not judged"
    project.style("--fix")
    assert project.text() == f"SAVEPOINT x;\n{NEAT}{strange}DROP TABLE a;\n".encode()


def test_what_is_no_sql_has_no_style(project: Project) -> None:
    rows = "copy a from stdin;\n1\t  select  \n\n\\.\n"
    project.put(FILE, f"\\set  x  1\n{UGLY}{rows}DROP TABLE  a;\n")
    project.style("--fix")
    assert (
        project.text()
        == f"\\set  x  1\n{NEAT}{rows.replace('copy a from stdin', 'COPY a FROM STDIN')}DROP TABLE a;\n".encode()
    )


def test_a_syntax_error_is_no_finding_of_style(project: Project) -> None:
    project.put(FILE, f"CREATE TABEL  b (id  INT);\n{UGLY}")
    assert project.found() == [(1, "style.unjudged"), *((line + 1, rule) for line, rule in PLACES)]


def test_both_sections_are_judged_and_markers_stay(project: Project) -> None:
    text = MARKERS.format("UP") + UGLY + MARKERS.format("DOWN") + "DROP TABLE  a;\n"
    project.put(FILE, text)
    assert (7, "layout.spacing") in project.found()
    project.style("--fix")
    assert project.text().decode() == MARKERS.format("UP") + NEAT + MARKERS.format("DOWN") + "DROP TABLE a;\n"


def test_fixes_that_change_what_is_said_are_not_taken(project: Project) -> None:
    project.put(".sqlfluff", "[sqlfluff]\nrules = structure.column_order, layout.spacing\n")
    view = "CREATE VIEW v AS SELECT\n    id + 1 AS total,\n    id\nFROM  a;\n"
    project.put(FILE, view)
    _, _, errors = project.style("--fix")
    assert f"{FILE} was left as it is" in errors
    assert project.text() == view.encode()


def test_comments_allow_with_a_reason(project: Project) -> None:
    project.put(FILE, UGLY.replace("a (", "a ( -- elf: allow layout.spacing -- lined up", 1))
    assert project.found() == PLACES[1:]
    project.put(FILE, "-- elf: allow layout.indent, layout.spacing -- as it came\n" + NEAT)
    unused = [(1, "unused-suppression"), (1, "unused-suppression")]
    assert project.found() == unused
    project.style("--fix")
    assert project.text() == NEAT.encode()
    project.put(FILE, "-- elf: allow layout.idnent -- as it came\n" + NEAT)
    assert project.found() == [(1, "unknown-suppression")]


def test_lint_leaves_what_is_for_style_to_style(project: Project) -> None:
    project.put(FILE, f"-- elf: allow layout.indent -- as it came\n{NEAT}")
    project.put(
        "elf-sqlcheck.toml",
        'select = ["style", "layout.indent"]\nignore = ["layout.spacing"]\n'
        '[severity]\n"layout.indent" = "error"\n[per-file-ignores]\n"*.sql" = ["layout.commas"]\n',
    )
    done = run("elf-sqlcheck", "lint", "--output-format", "json", folder=project.root)
    rules = {finding["rule"] for finding in json.loads(done.stdout)["findings"]}
    assert "created-at-missing" in rules or rules, "what lint always does, it does still"
    assert not rules & {"unknown-suppression", "unused-suppression"}
    wrong = run("elf-sqlcheck", "lint", "--select", "layout.indent", folder=project.root)
    assert wrong.returncode == 2
    assert "is found by `elf-sqlcheck style`, not by lint" in wrong.stderr


def test_noqa_counts(project: Project) -> None:
    project.put(FILE, UGLY.replace("a (", "a ( -- noqa: LT01", 1).replace("KEY,", "KEY, -- noqa"))
    assert project.found() == PLACES[2:]
    project.put(FILE, NEAT.replace("a (", "a ( -- noqa LT01", 1))
    assert project.found() == [(1, "style.noqa")]


def test_the_configuration_grades_and_switches_off(project: Project) -> None:
    project.put("elf-sqlcheck.toml", 'ignore = ["layout.indent"]\n[severity]\n"layout.spacing" = "error"\n')
    assert project.found() == [PLACES[0], *PLACES[2:]]
    assert project.style()[0] == 1
    project.put("elf-sqlcheck.toml", '[per-file-ignores]\n"migrations/*" = ["style"]\n')
    assert project.found() == []
    assert project.found("--isolated", "--select", "layout.indent") == [PLACES[1]]
    code, _, errors = project.style("--select", "layout.idnent")
    assert (code, "did you mean layout.indent?" in errors) == (2, True)


def test_the_nearest_file_of_sqlfluff_goes_before_ours(project: Project) -> None:
    lower = "[sqlfluff:rules:capitalisation.keywords]\ncapitalisation_policy = lower\n"
    project.put(".sqlfluff", f"[sqlfluff]\nrules = capitalisation.keywords\ndialect = mysql\n{lower}")
    assert {rule for _, rule in project.found()} == {"capitalisation.keywords"}
    project.style("--fix")
    assert b"create table  a (" in project.text()
    project.put("migrations/.sqlfluff", lower.replace("lower", "upper"))
    assert [line for line, _ in project.found()] == [1, 1, 2, 2, 3, 3]
    project.put(".sqlfluff", "[sqlfluff]\ntemplater = none_such\n")
    code, _, errors = project.style()
    assert code == 2
    assert "sqlfluff cannot work with its configuration" in errors
    assert project.style("--isolated")[0] == 0


def test_a_baseline_knows_style_and_lint_keeps_it(project: Project) -> None:
    project.style("--style", command="baseline")
    baseline = project.text(".elf-sqlcheck-baseline.json")
    assert b"layout.indent" in baseline
    code, said, errors = project.style("--fix")
    assert (code, said) == (0, "1 file checked, nothing found\n")
    assert "4 known findings" in errors
    assert project.text() == UGLY.encode()
    assert "no longer occur" not in project.style(command="lint")[2]
    project.style("--prune", command="baseline")
    assert project.text(".elf-sqlcheck-baseline.json") == baseline
    project.put(FILE, NEAT)
    assert "4 entries" not in project.style()[2]
    assert "no longer occur" in project.style()[2]


def test_large_files_are_not_passed_over_in_silence(project: Project) -> None:
    project.put(FILE, UGLY + "-- " + "x" * 100 + "\n" * 21_000)
    project.put(".sqlfluff", "[sqlfluff]\nlarge_file_skip_byte_limit = 21000\n")
    [finding] = project.report()
    assert finding["rule"] == "style.unjudged"
    assert "the limit is 21,000" in finding["message"]
    assert "large (21," in project.style()[2]


def test_several_files_are_judged_side_by_side(project: Project) -> None:
    for number in range(6):
        project.put(f"migrations/2025020{number + 1}_000000_b.sql", UGLY * 4)
    findings = project.report()
    assert len(findings) == len(PLACES) * (1 + 6 * 4)
    assert [finding["path"] for finding in findings] == sorted(finding["path"] for finding in findings)
    project.style("--fix")
    assert project.text("migrations/20250206_000000_b.sql") == (NEAT * 4).encode()


def test_what_is_staged_and_standard_input_are_judged(project: Project) -> None:
    assert project.found("-", "--stdin-filename", FILE, stdin=NEAT) == []
    assert project.found("-", stdin=UGLY) == PLACES
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=project.root, check=True)
    project.put(FILE, NEAT)
    assert project.found("--staged") == PLACES
    code, _, errors = project.style("--staged", "--fix")
    assert (code, "--fix cannot be used with --staged" in errors) == (2, True)


def test_without_sqlfluff_it_says_what_to_install(project: Project) -> None:
    project.put("elsewhere/sqlfluff.py", "raise ModuleNotFoundError(\"No module named 'sqlfluff'\", name='sqlfluff')\n")
    variables = {**os.environ, "PYTHONPATH": str(project.root / "elsewhere")}
    done = run("elf-sqlcheck", "style", folder=project.root, variables=variables)
    assert done.returncode == 2
    assert "pip install 'elf-sqlcheck[style]'" in done.stderr


def test_our_own_migrations_are_well_written(project: Project) -> None:
    code, said, _ = project.style("--isolated", os.path.join(ROOT, "migrations"))
    assert (code, said) == (0, "3 files checked, nothing found\n")


GUIDE = """\
CREATE TABLE IF NOT EXISTS marketing.campaign_metrics (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID REFERENCES teams(id),
    display_name VARCHAR(255) NOT NULL,
    cost_usd NUMERIC(10,2),
    preferences JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT NOW()
);

CREATE INDEX idx_user_profiles_user_id ON user_profiles(user_id);
GRANT ALL ON ALL TABLES IN SCHEMA marketing TO marketing_team_role;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_name = 'users' AND column_name = 'preferences'
    ) THEN
        ALTER TABLE users ADD COLUMN preferences JSONB DEFAULT '{}';
    END IF;
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_status ON users(status);

-- Add constraint without locking
ALTER TABLE users ADD CONSTRAINT check_status_valid
CHECK (status IN ('active', 'inactive', 'suspended')) NOT VALID;

SELECT * FROM schema_migrations ORDER BY version DESC;
UPDATE schema_migrations SET status = 'pending' WHERE version = 'xxx';
"""


def test_the_examples_of_the_guide_are_left_alone(project: Project) -> None:
    assert [rule for _, rule in project.found("-", "--isolated", stdin=GUIDE)] == ["capitalisation.functions"]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("select 1;", "SELECT  1;\n", True),
        ("SELECT 1;", "SELECT 2;", False),
        ("SELECT 'a';", "SELECT 'A';", False),
        ('SELECT "a";', "SELECT a;", True),
        ('SELECT "A";', "SELECT A;", False),
        ("SELECT 1; -- why", "-- why\nSELECT 1;", True),
        ("SELECT 1; -- why", "SELECT 1;", False),
        ("SELECT 1; SELECT 2;", "SELECT 2; SELECT 1;", False),
        ("SELEC  1;", "SELEC 1;", False),
        (MARKERS.format("UP") + "SELECT 1;", MARKERS.format("UP").lower() + "SELECT 1;", False),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$select 1$$;",
         "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$;", False),
    ],
)  # fmt: skip
def test_what_two_texts_say_is_compared(before: str, after: str, *, same: bool) -> None:
    assert same_meaning(FILE, before.encode(), after.encode()) is same


def test_fixing_what_may_be_deployed_is_noted(project: Project) -> None:
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *command], cwd=project.root, check=True
        )
    project.put("migrations/20250102_000000_b.sql", UGLY)
    assert f"1 of the fixed files is on the main branch ({FILE})" in project.style("--diff")[2]


def test_files_that_their_tool_holds_a_hash_of_are_not_fixed(project: Project) -> None:
    project.put("db/committed/000001-a.sql", f"--! Previous: -\n--! Hash: sha1:aa\n\n{UGLY}")
    project.put("db/current.sql", UGLY)
    fixable = [(finding["path"], finding["fix"] is not None) for finding in project.report("db")]
    assert fixable == [("db/committed/000001-a.sql", False)] * 4 + [("db/current.sql", True)] * 4
