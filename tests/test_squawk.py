"""For those who come from squawk: its comments, its names, its configuration."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry
from elf_sqlcheck.reports.explain import page
from elf_sqlcheck.squawk import ALIASES, SQUAWK, convert, ours
from tests.judging import PATH, found, judge, whole
from tests.test_cli import call

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "CREATE TABLE a (\n    id CHAR(3),\n    c SERIAL\n);"


def imported(table: dict[str, object]) -> tuple[dict[str, object], str]:
    """The configuration made from squawk's, read again, and its text."""
    text = convert(table, registry.builtin(), ".squawk.toml")
    return tomllib.loads(text), text


#: What each of squawk's rules finds; as many of ours find it, too.
FOUND = {
    "adding-field-with-default": "ALTER TABLE a ADD COLUMN n uuid DEFAULT gen_random_uuid();",
    "adding-foreign-key-constraint": "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b_id) REFERENCES b (id);",
    "adding-not-nullable-field": "ALTER TABLE a ALTER COLUMN n SET NOT NULL;",
    "adding-required-field": "ALTER TABLE a ADD COLUMN n text NOT NULL;",
    "adding-serial-primary-key-field": "ALTER TABLE a ADD PRIMARY KEY (id);",
    "ban-char-field": "CREATE TABLE c (n CHAR(3));",
    "ban-concurrent-index-creation-in-transaction": "BEGIN; CREATE INDEX CONCURRENTLY idx_a_n ON a (n); COMMIT;",
    "ban-drop-column": "ALTER TABLE a DROP COLUMN n;",
    "ban-drop-database": "DROP DATABASE d;",
    "ban-drop-schema": "DROP SCHEMA s;",
    "ban-drop-table": "DROP TABLE a;",
    "ban-truncate-cascade": "TRUNCATE a CASCADE;",
    "ban-uncommitted-transaction": "BEGIN; SELECT 1;",
    "changing-column-type": "ALTER TABLE a ALTER COLUMN n TYPE bigint USING n::bigint;",
    "constraint-missing-not-valid": "ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0);"
    "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b_id) REFERENCES b (id);"
    "ALTER TABLE a ADD CONSTRAINT g CHECK (n > 1) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT g;",
    "disallowed-unique-constraint": "ALTER TABLE a ADD CONSTRAINT u UNIQUE (n);",
    "identifier-too-long": f"CREATE TABLE {'a' * 64} (n text);",
    "prefer-identity": "CREATE TABLE c (n serial);",
    "prefer-repack": "VACUUM FULL a;",
    "prefer-robust-stmts": "CREATE TABLE c (n text); DROP TABLE a;",
    "prefer-timestamp-tz": "CREATE TABLE c (n timestamp);",
    "renaming-column": "ALTER TABLE a RENAME COLUMN n TO m;",
    "renaming-table": "ALTER TABLE a RENAME TO c;",
    "require-concurrent-index-creation": "CREATE INDEX idx_a_n ON a (n);",
    "require-concurrent-index-deletion": "DROP INDEX idx_a_n;",
    "require-concurrent-partition-detach": "ALTER TABLE a DETACH PARTITION a_1;",
    "require-concurrent-reindex": "REINDEX TABLE a;",
    "require-lock-timeout": "ALTER TABLE a ADD COLUMN n text;",
    "transaction-nesting": "BEGIN; BEGIN; COMMIT;",
}


@pytest.mark.parametrize("name", sorted(name for name, rules in SQUAWK.items() if rules))
def test_what_squawk_finds_is_found_here_by_the_rules_of_the_table(name: str) -> None:
    findings, _ = judge({PATH: whole(FOUND[name])}, *ours(name))
    expected = {"nested-transaction"} if name == "transaction-nesting" else set(ours(name))
    assert {finding.rule for finding in findings} >= expected


def test_one_comment_of_squawk_may_mean_several_rules() -> None:
    sql = "-- squawk-ignore prefer-robust-stmts\nDROP TABLE b;\n-- squawk-ignore prefer-robust-stmts\n"
    rules = ("create-without-if-not-exists", "drop-without-if-exists")
    assert found(whole(f"{sql}{TABLE}"), *rules) == []
    assert len(found(whole(f"DROP TABLE b;\n{TABLE}"), *rules)) == 2


@pytest.mark.parametrize(
    "comment",
    [
        "squawk-ignore ban-char-field, prefer-identity -- codes",
        "squawk-ignore-file ban-char-field,prefer-identity",
    ],
)
def test_comments_of_squawk_are_understood(comment: str) -> None:
    assert found(whole(f"-- {comment}\n{TABLE}"), "char-type", "serial-type", "suppressions") == []


def test_aliases_mean_what_they_stand_for() -> None:
    assert ours("prefer-timestamptz") == ours("prefer-timestamp-tz") == ("prefer-timestamptz",)
    assert ours("require-timeout-settings") == ("missing-lock-timeout",)
    assert all(meant in SQUAWK for names in ALIASES.values() for meant in names)
    assert ours("no-such-rule") == ()


def test_what_squawk_leaves_out_is_ignored_here() -> None:
    settings, text = imported(
        {
            "pg_version": "15.2",
            "excluded_paths": ["migrations/2023*", "seed.sql"],
            "excluded_rules": ["ban-char-field", "prefer-identity", "prefer-timestamptz", "prefer-text-field"],
            "assume_in_transaction": True,
            "upload_to_github": {"fail_on_violations": True},
        }
    )
    assert settings == {
        "ignore": ["char-type", "serial-type", "prefer-timestamptz"],
        "exclude": ["migrations/2023*", "seed.sql"],
        "postgres-version": 15,
    }
    for said in ("prefer-text-field: nothing", "assume_in_transaction: ", "upload_to_github: "):
        assert f"# {'excluded rule ' if said[0] == 'p' else ''}{said}" in text


def test_what_another_rule_of_squawk_still_finds_stays_on() -> None:
    settings, text = imported({"excluded_rules": ["prefer-robust-stmts"]})
    assert settings["ignore"] == ["create-without-if-not-exists", "drop-without-if-exists"]
    settings, text = imported({"excluded_rules": ["ban-uncommitted-transaction"]})
    assert "ignore" not in settings
    assert "# excluded rule ban-uncommitted-transaction: unclosed-transaction stays on" in text
    settings, _ = imported({"excluded_rules": ["ban-uncommitted-transaction", "transaction-nesting"]})
    assert settings["ignore"] == ["unclosed-transaction", "nested-transaction"]


def test_what_squawk_finds_and_we_do_not_unless_asked_is_selected() -> None:
    assert imported({})[0] == {"extend-select": ["prefer-timestamptz"]}
    assert "extend-select" not in imported({"excluded_rules": ["prefer-timestamp-tz"]})[0]


def test_what_is_not_known_is_said() -> None:
    table = {"excluded_rules": ["no-such"], "included_rules": ["require-table-schema"], "pg_version": "9.6", "x": 1}
    settings, text = imported(table)
    assert settings == {"extend-select": ["prefer-timestamptz"]}
    for said in (
        "rule no-such: no rule",
        "rule require-table-schema: nothing",
        'pg_version = "9.6"',
        "# x: no setting",
    ):
        assert said in text


def test_the_command_shows_or_writes_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-char-field"]\npg_version = "16"\n')
    (tmp_path / "db" / "migrations").mkdir(parents=True)
    (tmp_path / "db" / "migrations" / "20250101_000000_a.sql").write_text("CREATE TABLE a (id CHAR(3));")
    done = call("config", "import", "squawk", cwd=tmp_path / "db")
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["ignore"] == ["char-type"]
    assert "../.squawk.toml" in done.stdout
    assert not (tmp_path / "elf-sqlcheck.toml").exists()
    done = call("config", "import", "squawk", "--write", cwd=tmp_path / "db")
    assert done.returncode == 0
    shown = json.loads(call("config", "--output-format", "json", cwd=tmp_path).stdout)
    assert (shown["ignore"], shown["postgres-version"]) == (["char-type"], 16)
    assert "char-type" not in call("lint", "--select", "types", cwd=tmp_path / "db").stdout
    before = (tmp_path / "elf-sqlcheck.toml").read_text()
    done = call("config", "import", "squawk", "--write", cwd=tmp_path)
    assert done.returncode == 2
    assert "elf-sqlcheck.toml configures elf-sqlcheck already" in done.stderr
    assert (tmp_path / "elf-sqlcheck.toml").read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read x.toml"),
        ("a = ", "no valid TOML"),
        ("pg_version = 16", "pg_version is no text"),
        ("excluded_rules = 'x'", "excluded_rules is no list"),
    ],
)
def test_a_file_that_is_not_squawks_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "x.toml").write_text(text)
    done = call("config", "import", "squawk", "x.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_of_rules_holds_the_table() -> None:
    text = page(registry.builtin())
    assert "| ban-char-field | [char-type](#char-type) |" in text
    listed = text.partition("## Names of squawk's rules")[2]
    for name in SQUAWK:
        assert (f"\n| {name} | [" in listed) is bool(ours(name))
        assert (f" {name}," in listed or f" {name}." in listed) is not bool(ours(name))


def test_the_table_is_listed(tmp_path: Path) -> None:
    done = call("rules", "--squawk", cwd=tmp_path)
    assert done.returncode == 0
    for name in (*SQUAWK, *ALIASES):
        assert re.search(rf"(?m)^{name} +{', '.join(ours(name)) or re.escape('(nothing)')}$", done.stdout), name
    table = json.loads(call("rules", "--squawk", "--output-format", "json", cwd=tmp_path).stdout)["squawk"]
    assert table["ban-char-field"] == ["char-type"]


@pytest.mark.parametrize(
    "table",
    [
        {"excluded_rules": ["x\nrules-dir = 'theirs'"]},
        {"included_rules": ["x\rb"]},
        {"x\nrules-dir = 'theirs'\n#": 1},
        {"pg_version": "9" * 5000},
        {"pg_version": "\x7f"},
        {"excluded_paths": ["a\x7f\n"]},
    ],
)
def test_no_setting_of_squawk_writes_one_of_ours(table: dict[str, object]) -> None:
    made = tomllib.loads(convert(table, registry.builtin(), "squawk\nx = 1.toml"))
    assert made.keys() <= {"ignore", "extend-select", "exclude"}
