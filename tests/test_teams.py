"""A team's files stay in that team's schemas, as the configuration or the names of schemas and roles say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.config import load
from elf_sqlcheck.errors import ConfigError
from elf_sqlcheck.teams import Team, owner_of_role, schemas_of, team_slug
from tests.judging import PATH, found, judge, whole
from tests.lint_project import Project

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "migrations/20250101_000000_first.sql"
SECOND = "migrations/20250102_000000_second.sql"


def judged(up: str, **teams: Team) -> list[str]:
    files = {PATH: whole(up, more="-- Team: marketing\n")}
    findings, _ = judge(files, "outside-team-schema", settings={"teams": teams})
    return [finding.message for finding in findings]


def test_names_of_teams_become_names_of_schemas() -> None:
    assert team_slug("Customer-Success (EU)") == "customer_success_eu"
    assert schemas_of("Customer Success", {}) == ("customer_success",)
    assert schemas_of("Marketing", {"marketing": Team(("mkt", "ads"))}) == ("mkt", "ads")


@pytest.mark.parametrize(
    ("role", "owner"),
    [
        ("marketing", "marketing"),
        ("marketing_team_role", "marketing"),
        ("marketing_ops_reader", "marketing_ops"),
        ("marketingx", ""),
        ("crm", "sales"),
        ("authenticated", ""),
    ],
)
def test_roles_belong_to_the_team_they_are_named_after(role: str, owner: str) -> None:
    teams = {"sales": Team(("sales",), ("crm",))}
    assert owner_of_role(role, teams, ["Marketing", "Marketing Ops"]) == owner


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("TRUNCATE sales.orders;", "sales.orders in schema sales"),
        ("COMMENT ON TABLE public.users IS 'x';", "public.users in schema public"),
        ("ALTER SCHEMA marketing OWNER TO sales;", "role sales, of another team"),
        ("GRANT sales TO marketing_bot;", "who is a member of role sales"),
        ("CREATE PUBLICATION p FOR ALL TABLES;", ""),
        ("DROP ROLE sales_reader;", "belongs to the whole server"),
        ("ALTER SYSTEM SET work_mem = '1GB';", "ALTER SYSTEM acts on the whole server"),
        ("DROP SCHEMA sales CASCADE;", "touches schema sales"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO marketing_bot;", "touches schema public"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO marketing_bot;", "touches schema sales"),
        (
            "CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION marketing.f();",
            "users in schema public",
        ),
        ("DO $$ BEGIN UPDATE sales.orders SET id = 1; END $$;", "sales.orders in schema sales"),
    ],
)
def test_what_is_not_the_team_s_is_named(sql: str, told: str) -> None:
    messages = judged(sql, sales=Team(("sales",)))
    assert len(messages) == bool(told)
    assert told in "".join(messages)


def test_a_file_of_nobody_may_touch_everything() -> None:
    assert found(whole("DROP TABLE sales.orders;"), "outside-team-schema") == []


def test_the_configuration_says_which_schemas_are_whose(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.put(
        FIRST, whole("CREATE TABLE ads.a (id UUID);\nGRANT SELECT ON ads.a TO crm;", more="-- Team: Marketing\n")
    )
    config = project.put("elf-sqlcheck.toml", 'select = ["teams"]\n[teams]\nmarketing = ["ads"]\n')
    assert project.found() == set()
    config.write_text(
        'select = ["teams"]\n[teams]\nmarketing = ["ads"]\nsales = { schemas = ["sales"], roles = ["crm"] }\n'
    )
    assert project.found() == {(FIRST, "outside-team-schema")}


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('marketing = "marketing"', "teams.marketing is no list"),
        ("marketing = []", "teams.marketing names no schema"),
        ('marketing = ["a", ""]', "teams.marketing is no list"),
        ("marketing = { roles = ['a'] }", "names no schema"),
        ("marketing = { schema = ['a'] }", "there is no key 'schema'"),
        ('"!" = ["a"]', "is no name of a team"),
        ('"a b" = ["a"]\na_b = ["b"]', "is there twice"),
    ],
)
def test_a_mistake_in_the_configuration_is_an_error(tmp_path: Path, entry: str, complaint: str) -> None:
    path = tmp_path / "elf-sqlcheck.toml"
    path.write_text(f"[teams]\n{entry}\n")
    with pytest.raises(ConfigError, match=r"elf-sqlcheck\.toml: teams") as raised:
        load(str(tmp_path), str(path))
    assert complaint in str(raised.value)
    assert raised.value.remedy


def test_two_new_files_that_undo_each_other_are_told_by_git(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "-q", "-b", "main")
    project.put("elf-sqlcheck.toml", 'select = ["undone-in-same-change"]\n')
    project.commit()
    project.git("checkout", "-q", "-b", "feature")
    project.put(FIRST, whole("CREATE TABLE a (id UUID);\nCREATE INDEX idx_a_id ON a (id);"))
    project.put(SECOND, whole("DROP INDEX idx_a_id;"))
    project.commit()
    assert project.found() == {(SECOND, "undone-in-same-change")}
    project.git("checkout", "-q", "main")
    project.git("checkout", "-q", "feature", "--", FIRST)
    project.commit()
    project.git("checkout", "-q", "feature")
    project.git("merge", "-q", "main")
    assert project.found() == set()
